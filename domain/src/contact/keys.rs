//! The keys that contacts are sealed with at rest, by AES-256-GCM (NIST SP 800-38D).

use std::fmt;

/// Characters that a key's id may have.
const ID_LEN_MAX: usize = 16;
/// Digits of 32 bytes in base64 (RFC 4648, section 4), after which a `=` fills up.
const KEY_DIGITS: usize = 43;

/// Why a text holds no keys. It never says what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContactKeysError {
    /// An id that is none, or no colon.
    #[error("each key is 1 to 16 letters, digits, '-' or '_', a colon, and the key")]
    Id,
    /// A key of another length, or none.
    #[error("each key has to be 32 bytes in base64")]
    Key,
    /// Which of the two has sealed something could not be known.
    #[error("two keys have the same id")]
    SameId,
}

/// The keys in use: the first one seals, all of them open.
///
/// To rotate, put the new key in front. What the old ones have sealed is sealed anew with it, bit
/// by bit; when nothing is left of an old key, it can go. Every isolate must know a key before one
/// seals with it, so a deployment that takes time first adds the new one at the end.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactKeys {
    text: String,
    ids: String,
}

impl ContactKeys {
    /// Reads `id:base64` of each, with commas between.
    #[inline]
    pub fn parse(text: &str) -> Result<Self, ContactKeysError> {
        let of_id = |b: &u8| b.is_ascii_alphanumeric() || b"-_".contains(b);
        let of_key = |b: &u8| b.is_ascii_alphanumeric() || b"+/".contains(b);
        let mut ids = vec![b','];
        for key in text.as_bytes().split(|b| *b == b',') {
            let mut halves = key.splitn(2, |b| *b == b':');
            let id = halves.next().unwrap_or_default();
            let secret = halves.next().ok_or(ContactKeysError::Id)?;
            if !(1..=ID_LEN_MAX).contains(&id.len()) || !id.iter().all(of_id) {
                return Err(ContactKeysError::Id);
            }
            let (end, digits) = secret.split_last().ok_or(ContactKeysError::Key)?;
            if *end != b'=' || digits.len() != KEY_DIGITS || !digits.iter().all(of_key) {
                return Err(ContactKeysError::Key);
            }
            if ids.split(|b| *b == b',').any(|known| known == id) {
                return Err(ContactKeysError::SameId);
            }
            ids.extend(id);
            ids.push(b',');
        }
        Ok(Self { text: text.to_owned(), ids: String::from_utf8(ids).unwrap_or_default() })
    }

    /// All of them, as they were read.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The ids, the one that seals first, with a comma before and after each.
    pub fn ids(&self) -> &str {
        &self.ids
    }

    /// The id of the one that seals.
    pub fn current(&self) -> &str {
        self.text.split(':').next().unwrap_or_default()
    }
}

impl fmt::Debug for ContactKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactKeys").field("ids", &self.ids).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    #[test]
    fn the_first_key_seals_and_all_are_known() {
        let text = format!("k_2-b:{:/<43}=,2025:{KEY}", "+a9Z");
        let keys = ContactKeys::parse(&text).unwrap();
        assert_eq!((keys.current(), keys.ids(), keys.as_str()), ("k_2-b", ",k_2-b,2025,", &*text));
        // An id that is a part of another one is another one.
        assert!(ContactKeys::parse(&format!("ab:{KEY},a:{KEY},b:{KEY}")).is_ok());
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        use ContactKeysError::{Id, Key, SameId};
        let cases = [
            (String::new(), Id),
            (KEY.to_owned(), Id),
            (format!("k:{KEY},"), Id),
            (format!("k:{KEY}, l:{KEY}"), Id),
            (format!(":{KEY}"), Id),
            (format!("a b:{KEY}"), Id),
            (format!("\u{fc}:{KEY}"), Id),
            (format!("{}:{KEY}", "k".repeat(17)), Id),
            ("k:".to_owned(), Key),
            ("k:AAAA".to_owned(), Key),
            (format!("k:A{KEY}"), Key),
            (format!("k:{}", &KEY[..43]), Key),
            (format!("k:{}==", &KEY[..42]), Key),
            (format!("k:-{}", &KEY[1..]), Key),
            (format!("k:{KEY}\n"), Key),
            (format!("k:{KEY},l:{KEY},k:{KEY}"), SameId),
        ];
        for (text, error) in cases {
            assert_eq!(ContactKeys::parse(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_key_does_not_come_into_a_log_by_itself() {
        let said = format!("{:?}", ContactKeys::parse(&format!("2025:{KEY}")).unwrap());
        assert!(said.contains("2025") && !said.contains("AAAA"), "{said}");
    }
}
