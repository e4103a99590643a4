//! Signatures of webhooks, in the form `t=<seconds>,v1=<hex>`.
//!
//! The MAC is HMAC-SHA256 over `<seconds>.<body>`, as Stripe documents for its own
//! (<https://docs.stripe.com/webhooks/signature>): the sandbox signs with a key of our keyring, and
//! what Stripe sends is checked by the same code with a [`WebhookKey`] made of its endpoint secret.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{KeyError, check_secret, jws};
use crate::time::{Millis, Timestamp};

/// The longest signature header that is looked at, in bytes.
///
/// `t=` and 20 digits, then six times `,v1=` and 64 hex digits: 22 + 6 * 68 = 430. A sender puts
/// two while it rotates its secret.
pub const HEADER_LEN_MAX: usize = 512;

/// Why a webhook is not accepted, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The header has not one moment and at least one `v1`, or is too long.
    #[error("the signature header is malformed")]
    Malformed,
    /// No signature fits the body.
    #[error("the body was not signed with a key in use")]
    Forged,
    /// It was signed longer ago, or further in the future, than is tolerated: perhaps a replay.
    #[error("was not signed recently")]
    OutsideTolerance {
        /// When it says it was signed.
        signed_at: Timestamp,
    },
}

/// A key for webhooks.
pub struct WebhookKey(Hmac<Sha256>);

impl WebhookKey {
    /// The key made of a secret that both sides hold, at least [`super::SECRET_LEN_MIN`] bytes.
    pub fn new(secret: &[u8]) -> Result<Self, KeyError> {
        check_secret(secret)?;
        Ok(Self(jws::keyed(secret)))
    }

    /// The header for a body that is sent at `at`.
    pub fn sign(&self, at: Timestamp, body: &[u8]) -> String {
        let secs = at.as_secs().to_string();
        let mac = self.mac(&secs, body);
        format!("t={secs},v1={mac}")
    }

    fn mac(&self, secs: &str, body: &[u8]) -> String {
        let mac = self.0.clone().chain_update(secs).chain_update(".").chain_update(body);
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16);
        let bytes = mac.finalize().into_bytes();
        bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(digit).collect()
    }
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookKey").finish_non_exhaustive()
    }
}

/// Checks the signature header of a webhook against every key that may have signed it.
///
/// The tolerance holds in both directions, so a sender whose clock is ahead is not turned away. It
/// is checked last: only one who holds the key is told that the moment is at fault.
pub fn verify_webhook<'k>(
    keys: impl IntoIterator<Item = &'k WebhookKey>,
    header: &str,
    body: &[u8],
    now: Timestamp,
    tolerance: Millis,
) -> Result<(), WebhookError> {
    let (secs, signed_at) = signing_moment(header)?;
    let signed = keys.into_iter().any(|key| {
        let expected = key.mac(secs, body);
        signatures(header).any(|v1| bool::from(v1.as_bytes().ct_eq(expected.as_bytes())))
    });
    if !signed {
        return Err(WebhookError::Forged);
    }
    if now.since(signed_at).max(signed_at.since(now)) > tolerance {
        return Err(WebhookError::OutsideTolerance { signed_at });
    }
    Ok(())
}

/// The one moment in a header that also has a signature: as it stands, and as it reads.
fn signing_moment(header: &str) -> Result<(&str, Timestamp), WebhookError> {
    if header.len() > HEADER_LEN_MAX || signatures(header).next().is_none() {
        return Err(WebhookError::Malformed);
    }
    let mut moments = header.split(',').filter_map(|part| part.strip_prefix("t="));
    let (Some(secs), None) = (moments.next(), moments.next()) else {
        return Err(WebhookError::Malformed);
    };
    // Only digits: `parse` would take a sign too.
    if !secs.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(WebhookError::Malformed);
    }
    let number: u64 = secs.parse().map_err(|_| WebhookError::Malformed)?;
    Ok((secs, Timestamp::default().plus(Millis::from_secs(number))))
}

/// The signatures of the one scheme we know; a sender may add others.
fn signatures(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').filter_map(|part| part.strip_prefix("v1="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const TOLERANCE: Millis = Millis::from_secs(300);
    const BODY: &[u8] = br#"{"type":"payment.captured"}"#;

    fn key() -> WebhookKey {
        WebhookKey::new(b"whsec_0123456789abcdef0123456789").unwrap()
    }

    fn verify(header: &str, now: Timestamp) -> Result<(), WebhookError> {
        verify_webhook([&key()], header, BODY, now, TOLERANCE)
    }

    #[test]
    fn a_header_is_unchanged() {
        // printf '1700000000.{"type":"payment.captured"}' |
        //   openssl dgst -sha256 -hmac whsec_0123456789abcdef0123456789
        let expected =
            "t=1700000000,v1=1c82927c5fb413dcd27db0a5afc4fb69dce4290f5d316fc8f7e8ef474be02409";
        assert_eq!(key().sign(NOW, BODY), expected);
    }

    #[test]
    fn a_signed_body_is_accepted_and_another_is_not() {
        let header = key().sign(NOW, BODY);
        assert_eq!(verify(&header, NOW), Ok(()));
        let other = verify_webhook([&key()], &header, b"{}", NOW, TOLERANCE);
        assert_eq!(other, Err(WebhookError::Forged));
        assert_eq!(verify_webhook([], &header, BODY, NOW, TOLERANCE), Err(WebhookError::Forged));
    }

    #[test]
    fn the_tolerance_holds_in_both_directions_to_the_millisecond() {
        let header = key().sign(NOW, BODY);
        let late = Err(WebhookError::OutsideTolerance { signed_at: NOW });
        let around = |ms: i64| Timestamp::from_millis(NOW.as_millis().saturating_add_signed(ms));
        assert_eq!(verify(&header, around(300_000)), Ok(()));
        assert_eq!(verify(&header, around(300_001)), late);
        assert_eq!(verify(&header, around(-300_000)), Ok(()));
        assert_eq!(verify(&header, around(-300_001)), late);
    }

    #[test]
    fn an_unsigned_moment_is_forged_before_it_is_late() {
        let header = key().sign(NOW, BODY).replace("t=1700000000", "t=1600000000");
        assert_eq!(verify(&header, NOW), Err(WebhookError::Forged));
    }

    #[test]
    fn one_good_signature_among_several_is_enough() {
        let good = key().sign(NOW, BODY);
        let other = WebhookKey::new(&[1; 32]).unwrap().sign(NOW, BODY);
        let other = other.split(',').nth(1).unwrap();
        assert_eq!(verify(&format!("{good},{other}"), NOW), Ok(()));
        let (moment, v1) = good.split_once(',').unwrap();
        assert_eq!(verify(&format!("{moment},{other},v0=00,{v1}"), NOW), Ok(()));
        assert_eq!(verify(&format!("{moment},{other}"), NOW), Err(WebhookError::Forged));
    }

    #[test]
    fn a_header_without_one_moment_and_a_signature_is_malformed() {
        let v1 = "0".repeat(64);
        let long = format!("t=1,v1={v1}{}", ",v0=".repeat(200));
        for header in [
            "",
            "t=1",
            &format!("v1={v1}"),
            &format!("t=,v1={v1}"),
            &format!("t=+1,v1={v1}"),
            &format!("t=1,t=1,v1={v1}"),
            &format!("t=99999999999999999999999,v1={v1}"),
            &format!("t=1, v1={v1}"),
            &long,
        ] {
            assert_eq!(verify(header, NOW), Err(WebhookError::Malformed), "{header}");
        }
    }

    #[test]
    fn no_changed_character_is_accepted() {
        let header = key().sign(NOW, BODY);
        for at in 0..header.len() {
            for other in ["0", "f", "F", ",", "="] {
                if header[at..=at] != *other {
                    let changed = format!("{}{other}{}", &header[..at], &header[at + 1..]);
                    assert!(verify(&changed, NOW).is_err(), "{changed}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_random_header_is_accepted(header in "(t=[0-9]{0,22})?(,v1=[0-9a-f]{0,64}){0,9}|.*") {
            prop_assert!(verify(&header, NOW).is_err());
        }
    }
}
