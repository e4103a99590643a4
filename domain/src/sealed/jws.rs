//! The compact serialization of RFC 7515: `base64url(header).base64url(payload).base64url(mac)`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{SealError, TEXT_LEN_MAX};

/// The block of SHA-256 in bytes, which is what HMAC pads its key to (RFC 2104, section 2).
const BLOCK_LEN: usize = 64;

/// A sealed text in its parts; nothing of it is decoded or believed yet.
pub(super) struct Compact<'t> {
    /// The header and the payload with the dot between them: what the signature is over.
    pub(super) signed: &'t str,
    /// The header, still encoded.
    pub(super) header: &'t str,
    /// The payload, still encoded.
    pub(super) payload: &'t str,
    /// The signature, still encoded.
    signature: &'t str,
}

impl<'t> Compact<'t> {
    /// Cuts a text at its two dots.
    pub(super) fn split(text: &'t str) -> Result<Self, SealError> {
        if text.len() > TEXT_LEN_MAX {
            return Err(SealError::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(SealError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(SealError::Malformed)?;
        if payload.contains('.') {
            return Err(SealError::Malformed);
        }
        Ok(Self { signed, header, payload, signature })
    }

    /// The signature, if it is the one spelling of exactly `LEN` bytes.
    ///
    /// The decoder refuses padding and trailing bits, so no second text passes for the same seal.
    pub(super) fn signature<const LEN: usize>(&self) -> Result<[u8; LEN], SealError> {
        let mut bytes = [0; LEN];
        match URL_SAFE_NO_PAD.decode_slice(self.signature, &mut bytes) {
            Ok(len) if len == LEN => Ok(bytes),
            _ => Err(SealError::Forged),
        }
    }

    /// The claims. To be called only once the signature is known to be good.
    pub(super) fn claims<C: DeserializeOwned>(&self) -> Result<C, SealError> {
        let mut buffer = [0; TEXT_LEN_MAX];
        let len = URL_SAFE_NO_PAD
            .decode_slice(self.payload, &mut buffer)
            .map_err(|_| SealError::Malformed)?;
        let json = buffer.get(..len).ok_or(SealError::Malformed)?;
        serde_json::from_slice(json).map_err(|_| SealError::Malformed)
    }
}

/// The beginning of a text: its header and payload with the dot between them.
pub(super) fn signing_input(header: &str, payload: &[u8]) -> String {
    let mut text = String::with_capacity(TEXT_LEN_MAX / 2);
    text.push_str(header);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut text);
    text
}

/// Completes a text with its signature.
pub(super) fn push_signature(text: &mut String, signature: &[u8]) {
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, text);
}

/// The JSON of claims.
///
/// Claims are structs of names and numbers, which `serde_json` has no reason to refuse. If it ever
/// did, the empty payload would make a text that opens as nothing.
pub(super) fn payload<C: Serialize>(claims: &C) -> Vec<u8> {
    serde_json::to_vec(claims).unwrap_or_default()
}

/// A protected header, encoded.
pub(super) fn header(alg: &str, kid: &str, typ: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"{typ}"}}"#))
}

/// HMAC-SHA256 with its key taken in and nothing else (RFC 2104, section 4, "precomputed").
pub(crate) fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = [0; BLOCK_LEN];
    let hashed = (key.len() > BLOCK_LEN).then(|| Sha256::digest(key));
    let key = hashed.as_deref().unwrap_or(key);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    Hmac::new(&block.into())
}

/// What is known of an HS256 key for one purpose before any text comes.
pub(super) struct MacKey {
    header: String,
    /// Keyed, and fed with the header, with which every text of this key begins.
    begun: Hmac<Sha256>,
}

impl MacKey {
    /// The key that seals under this (encoded) header.
    pub(super) fn new(key: &[u8], header: String) -> Self {
        let begun = keyed(key).chain_update(&header);
        Self { header, begun }
    }

    /// The sealed text of a payload.
    pub(super) fn seal(&self, payload: &[u8]) -> String {
        let mut text = signing_input(&self.header, payload);
        let rest = text.strip_prefix(self.header.as_str()).unwrap_or_default();
        let mac = self.begun.clone().chain_update(rest).finalize().into_bytes();
        push_signature(&mut text, &mac);
        text
    }

    /// Whether a text claims to be sealed with this key.
    ///
    /// Headers are compared as they stand and never parsed. What we did not write we do not accept:
    /// no other `alg` (so neither `none` nor a public key used as a secret, RFC 8725, section 2.1),
    /// no `crit`, `jwk`, `jku` or `x5c`, and no second spelling of our own header.
    pub(super) fn sealed(&self, text: &Compact<'_>) -> bool {
        self.header == text.header
    }

    /// Whether the seal of a text with this key's header is good; in constant time.
    pub(super) fn verify(&self, text: &Compact<'_>) -> Result<(), SealError> {
        let mac: [u8; 32] = text.signature()?;
        let expected = self.begun.clone().chain_update(".").chain_update(text.payload);
        expected.verify(&mac.into()).map_err(|_| SealError::Forged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A1_HEADER: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    const A1_PAYLOAD: &str = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \
                              \"http://example.com/is_root\":true}";
    const A1_KEY: &str =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    const A1_TEXT: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                           eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                           cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                           dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn a1() -> MacKey {
        MacKey::new(&URL_SAFE_NO_PAD.decode(A1_KEY).unwrap(), A1_HEADER.to_owned())
    }

    #[test]
    fn sealing_gives_the_text_of_rfc_7515_appendix_a_1() {
        assert_eq!(a1().seal(A1_PAYLOAD.as_bytes()), A1_TEXT);
    }

    #[test]
    fn verifying_accepts_the_text_of_rfc_7515_appendix_a_1() {
        let text = Compact::split(A1_TEXT).unwrap();
        assert!(a1().sealed(&text));
        assert_eq!(a1().verify(&text), Ok(()));
        let changed = A1_TEXT.replace("dBjf", "dBjg");
        assert_eq!(a1().verify(&Compact::split(&changed).unwrap()), Err(SealError::Forged));
    }

    #[test]
    fn a_key_longer_than_a_block_is_hashed_as_in_rfc_4231_test_case_6() {
        let text = "Test Using Larger Than Block-Size Key - Hash Key First";
        let mac = keyed(&[0xaa; 131]).chain_update(text).finalize().into_bytes();
        assert_eq!(mac.first_chunk(), Some(&[0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f]));
        assert_eq!(mac.last_chunk(), Some(&[0x46, 0x04, 0x0f, 0x0e, 0xe3, 0x7f, 0x54]));
    }

    #[test]
    fn a_text_has_three_parts_and_a_limit() {
        for text in ["", ".", "a", "a.b", "a.b.c.d", "a.b.c.d.e"] {
            assert_eq!(Compact::split(text).err(), Some(SealError::Malformed), "{text}");
        }
        let longest = format!("a.{}.c", "b".repeat(TEXT_LEN_MAX - 4));
        assert!(Compact::split(&longest).is_ok());
        assert_eq!(Compact::split(&format!("{longest}c")).err(), Some(SealError::TooLong));
    }
}
