//! Bytes as hex digits, in small letters: the one spelling of hashes, secrets and seeds.

use std::fmt::Write as _;

use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

/// Two digits a byte.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing into a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes that a text spells; `None` if it is not two small hex digits a byte.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !text.len().is_multiple_of(2) || !text.bytes().all(is_digit) {
        return None;
    }
    let byte = |pair| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok());
    text.as_bytes().chunks(2).map(byte).collect()
}

/// Thirty-two bytes that a text spells.
pub fn decode_32(text: &str) -> Option<[u8; 32]> {
    decode(text)?.try_into().ok()
}

pub(crate) fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&encode(bytes))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(from)?;
    decode_32(&text).ok_or_else(|| D::Error::custom("not 64 hex digits, in small letters"))
}
