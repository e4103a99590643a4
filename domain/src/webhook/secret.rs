//! Signatures of webhooks that leave.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;

use crate::sealed::keyed;
use crate::time::Timestamp;

/// What the text form of a secret starts with.
const PREFIX: &str = "whsec_";
/// Bytes that a secret may have, by the specification: 192 to 512 bits.
const LEN_MIN: usize = 24;
const LEN_MAX: usize = 64;

/// Why a text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not start with `whsec_`.
    #[error("does not start with `whsec_`")]
    Prefix,
    /// What follows is not base64 with its padding.
    #[error("is not base64 after `whsec_`")]
    NotBase64,
    /// It has fewer or more bytes than a secret may have.
    #[error("does not have 24 to 64 bytes")]
    Length,
}

/// How webhooks to an endpoint are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// By Standard Webhooks.
    #[default]
    Standard,
    /// Also as Shopify does, for a shop that has code for that. There is one signature, by the
    /// present secret, and nothing in it keeps a webhook from being replayed.
    Shopify,
}

impl Scheme {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Shopify => "shopify",
        }
    }

    /// The scheme of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Standard, Self::Shopify].into_iter().find(|scheme| scheme.as_str() == name)
    }
}

/// What a shop and we hold both, and nobody else. Its text is `whsec_` and base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The secret of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes.to_vec())
    }

    /// The signature as Shopify makes it: base64 of HMAC-SHA256 over the body alone. The key is the
    /// secret's text, which is what a shop has in its settings.
    pub fn sign_for_shopify(&self, body: &str) -> String {
        let mac = keyed(self.to_string().as_bytes()).chain_update(body);
        STANDARD.encode(mac.finalize().into_bytes())
    }

    /// The signature of a webhook: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
    pub fn sign(&self, id: &str, at: Timestamp, body: &str) -> String {
        let secs = at.as_secs().to_string();
        let mac = keyed(&self.0).chain_update(id).chain_update(".").chain_update(secs);
        let mac = mac.chain_update(".").chain_update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

impl FromStr for Secret {
    type Err = SecretError;
    fn from_str(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError::NotBase64)?;
        if !(LEN_MIN..=LEN_MAX).contains(&bytes.len()) {
            return Err(SecretError::Length);
        }
        Ok(Self(bytes))
    }
}

/// The value of `webhook-signature`: a signature for each secret in use, with spaces between.
pub fn signatures(secrets: &[Secret], id: &str, at: Timestamp, body: &str) -> String {
    let mut value = String::new();
    for secret in secrets {
        if !value.is_empty() {
            value.push(' ');
        }
        value.push_str(&secret.sign(id, at, body));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example that the specification's own libraries test with.
    const TEXT: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: Timestamp = Timestamp::from_millis(1_614_265_330_000);
    const BODY: &str = r#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn published() -> Secret {
        TEXT.parse().unwrap()
    }

    #[test]
    fn the_published_example_is_signed_as_published() {
        assert_eq!(published().sign(ID, AT, BODY), SIGNATURE);
    }

    #[test]
    fn id_moment_and_body_are_all_signed() {
        let later = Timestamp::from_millis(1_614_265_331_000);
        assert_ne!(published().sign(ID, later, BODY), SIGNATURE);
        assert_ne!(published().sign("msg_other", AT, BODY), SIGNATURE);
        assert_ne!(published().sign(ID, AT, "{}"), SIGNATURE);
    }

    #[test]
    fn for_shopify_the_body_alone_is_signed_with_the_text_of_the_secret() {
        assert_eq!(
            published().sign_for_shopify(BODY),
            "gOyKic480iEzoQZsrstNBP6nRnZXyFFNcX7ELDilyUw="
        );
        assert_ne!(published().sign_for_shopify("{}"), published().sign_for_shopify(BODY));
    }

    #[test]
    fn while_secrets_rotate_there_is_a_signature_of_each() {
        let other = Secret::from_bytes([7; 32]);
        let both = signatures(&[other.clone(), published()], ID, AT, BODY);
        assert_eq!(both, format!("{} {SIGNATURE}", other.sign(ID, AT, BODY)));
        assert_eq!(signatures(&[published()], ID, AT, BODY), SIGNATURE);
    }

    #[test]
    fn a_secret_reads_as_it_is_written() {
        let secret = Secret::from_bytes([7; 32]);
        let text = secret.to_string();
        assert_eq!(text, "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
        assert_eq!(text.parse(), Ok(secret));
        assert_eq!(published().to_string(), TEXT);
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let wrong = |text: &str| text.parse::<Secret>().unwrap_err();
        assert_eq!(wrong("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), SecretError::Prefix);
        assert_eq!(wrong("whsec_-_"), SecretError::NotBase64);
        assert_eq!(wrong("whsec_AAAA"), SecretError::Length);
        let long = format!("{PREFIX}{}", STANDARD.encode([0; 65]));
        assert_eq!(wrong(&long), SecretError::Length);
    }

    #[test]
    fn no_debug_text_shows_the_secret() {
        assert_eq!(format!("{:?}", published()), "Secret { .. }");
    }
}
