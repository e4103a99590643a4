//! The key of passes, for a server of somebody else that has to verify them.

use std::fmt;

/// What it takes to verify a [`Pass`](super::Pass) without this crate. Whoever has it can also make
/// passes, so it is for servers alone; for others there is [`SigningKey`](super::SigningKey).
///
/// A pass is good if it is `header.payload.signature`, with this very header; if the signature is
/// the base64url, without padding, of HMAC-SHA256 over `header.payload` with this key; and if the
/// claims in the payload say so (RFC 7515, section 5.2).
pub struct PassKey {
    pub(super) header: String,
    pub(super) key: [u8; 32],
}

impl PassKey {
    /// The protected header that every pass begins with, in base64url. It is compared as text and
    /// not parsed, so that nothing in it can ask for another algorithm.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// The key of HMAC-SHA256.
    pub const fn hmac_sha256(&self) -> &[u8; 32] {
        &self.key
    }
}

impl fmt::Debug for PassKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassKey").field("header", &self.header).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::super::{Keyring, Pass};
    use crate::id::ShopperId;
    use crate::time::Timestamp;

    fn sealed(keyring: &Keyring) -> String {
        keyring.seal(&Pass {
            sale: "drop".parse().unwrap(),
            shopper: ShopperId::from_bytes([7; 16]),
            number: 7,
            position: 42,
            issued_at: Timestamp::from_millis(1_700_000_000_000),
            expires_at: Timestamp::from_millis(1_700_000_600_000),
        })
    }

    /// As a server without this crate does it.
    fn verified_by_hand(header: &str, key: &[u8], pass: &str) -> bool {
        let (signed, signature) = pass.rsplit_once('.').unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        signed.split('.').next() == Some(header) && mac.verify_slice(&signature).is_ok()
    }

    #[test]
    fn somebody_elses_server_can_verify_a_pass_by_hand() {
        let keyring = Keyring::new(&[1; 32], None).unwrap();
        let other = Keyring::new(&[2; 32], None).unwrap();
        let (mine, key) = (keyring.pass_key().header(), keyring.pass_key().hmac_sha256());
        assert!(verified_by_hand(mine, key, &sealed(&keyring)));
        assert!(!verified_by_hand(mine, key, &sealed(&other)));
        let foreign = other.pass_key().header();
        assert!(!verified_by_hand(foreign, key, &sealed(&other)));
    }

    #[test]
    fn while_secrets_rotate_the_key_is_of_the_one_that_seals() {
        let rotating = Keyring::new(&[2; 32], Some(&[1; 32])).unwrap();
        let key = rotating.pass_key();
        assert!(verified_by_hand(key.header(), key.hmac_sha256(), &sealed(&rotating)));
    }

    #[test]
    fn no_debug_text_shows_the_key() {
        let keyring = Keyring::new(&[1; 32], None).unwrap();
        let text = format!("{:?}", keyring.pass_key());
        let header = keyring.pass_key().header();
        assert_eq!(text, format!("PassKey {{ header: {header:?}, .. }}"));
    }
}
