//! What shoppers carry for us: texts that only we can make and that everybody may hold.
//!
//! All of them are compact JWS (RFC 7515, section 7.1), so any JWT library reads them. A [`Ticket`]
//! and a [`Pass`] are verified on every poll and every reserve, so they are HS256 with everything
//! that does not change computed beforehand; a [`Pass`] can be had as `EdDSA` (RFC 8037) for a
//! merchant's own backend, see [`SigningKey`].
//!
//! Three things keep one kind from being taken for another: each purpose has a key of its own,
//! derived from the secret; a `kid` of its own; and a `typ` of its own (RFC 8725, section 3.11).

mod claims;
mod eddsa;
mod endpoint;
mod jws;
mod keyring;
mod pass_key;
mod webhook;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use claims::{Bypass, ChallengeMet, Claims, ForeignError, Pass, PaymentLink, Purpose, Ticket};
pub use eddsa::{Jwk, SigningKey, VerifyingKey};
pub(crate) use jws::keyed;
pub use keyring::Keyring;
pub use pass_key::PassKey;
pub use webhook::{HEADER_LEN_MAX, WebhookError, WebhookKey, verify_webhook};

use crate::time::Timestamp;

/// The fewest bytes a secret may have: as many as the output of the hash it keys (RFC 7518,
/// section 3.2).
pub const SECRET_LEN_MIN: usize = 32;

/// The longest sealed text that is looked at, in bytes.
///
/// The longest that is made is a [`PaymentLink`]: a header of 52 bytes becomes 70 characters,
/// claims of 351 bytes (names of 64, 64 and 96 characters, an id of 26, an amount of 20 digits, a
/// moment of 17, and 64 of JSON and currency) become 468, the signature is 43: with two dots 583.
/// An `EdDSA` Pass is 112 + 247 + 86 + 2 = 447. The rest is room for claims to come, and a text
/// this long still fits a cookie.
pub const TEXT_LEN_MAX: usize = 1024;

/// Why a sealed text is not accepted, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Longer than [`TEXT_LEN_MAX`]; nothing of it was read.
    #[error("is longer than a sealed text can be")]
    TooLong,
    /// Not three parts. Also what we did seal, but with claims of another shape: another version of
    /// this code did.
    #[error("is not a sealed text")]
    Malformed,
    /// Its header is of none of our keys for this purpose.
    #[error("is not sealed for this purpose with a key in use")]
    ForeignKey,
    /// Its signature does not fit its content, or is not the one spelling of a signature.
    #[error("was not sealed here or was changed since")]
    Forged,
    /// It was good until `at`.
    #[error("has expired")]
    Expired {
        /// The first moment at which it was no longer good.
        at: Timestamp,
    },
}

/// Why a key cannot be made of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It could be guessed.
    #[error("the secret is shorter than {SECRET_LEN_MIN} bytes")]
    TooShort,
}

/// Whether a presented secret, such as the one after `Authorization: Bearer`, is the expected one.
///
/// The time it takes does not tell where they differ: only digests are compared. An empty
/// `expected` matches nothing, so a secret that was never configured does not open the door to a
/// request that presents none.
pub fn bearer_matches(presented: &[u8], expected: &[u8]) -> bool {
    let same = Sha256::digest(presented).ct_eq(&Sha256::digest(expected));
    bool::from(same) && !expected.is_empty()
}

/// Refuses a secret that is too short to key anything.
const fn check_secret(secret: &[u8]) -> Result<(), KeyError> {
    if secret.len() < SECRET_LEN_MIN {
        return Err(KeyError::TooShort);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_matches_itself_and_nothing_else() {
        assert!(bearer_matches(b"open sesame", b"open sesame"));
        assert!(!bearer_matches(b"open sesam", b"open sesame"));
        assert!(!bearer_matches(b"open sesame ", b"open sesame"));
        assert!(!bearer_matches(b"", b"open sesame"));
    }

    #[test]
    fn a_bearer_that_was_never_configured_matches_nothing() {
        assert!(!bearer_matches(b"", b""));
        assert!(!bearer_matches(b"x", b""));
    }

    #[test]
    fn no_error_text_tells_more_than_its_kind() {
        let at = Timestamp::from_millis(1_234_567);
        assert_eq!(SealError::Expired { at }.to_string(), "has expired");
        assert_eq!(KeyError::TooShort.to_string(), "the secret is shorter than 32 bytes");
    }
}
