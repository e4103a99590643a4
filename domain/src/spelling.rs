//! How names and ids are spelled in JSON, without a text on the heap for each.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserializer, Error, Visitor};

/// Sixteen bytes as 22 characters of base64url without padding.
pub(crate) struct Spelled([u8; 22]);

impl Spelled {
    pub(crate) fn of(bytes: &[u8; 16]) -> Self {
        let mut text = [b'A'; 22];
        // So many bytes are always so many characters.
        let _ = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// An id in JSON: its prefix of four characters and its bytes.
pub(crate) fn serialize_id<S: serde::Serializer>(
    prefix: &str,
    bytes: &[u8; 16],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut text = [0; 26];
    let (head, tail) = text.split_at_mut(4);
    head.iter_mut().zip(prefix.bytes()).for_each(|(to, from)| *to = from);
    tail.copy_from_slice(&Spelled::of(bytes).0);
    serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
}

/// Whatever can be read from a text, from JSON.
pub(crate) fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    deserializer.deserialize_str(FromText(PhantomData))
}

struct FromText<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}
