//! Names of things, parsed once and valid ever after.

use std::borrow::Borrow;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::spelling::{self, Spelled};

/// Why a text is not the name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text has no characters.
    #[error("is empty")]
    Empty,
    /// The text is longer than the name may be.
    #[error("is longer than {max} characters")]
    TooLong {
        /// The longest such name.
        max: usize,
    },
    /// A character stands in it that such a name cannot have.
    #[error("has a character that is not allowed: {0:?}")]
    Character(char),
    /// After the prefix it is not what such an id is written as.
    #[error("is not an id of ours")]
    NotSealedBytes,
    /// The prefix that tells the kind of id is missing.
    #[error("does not start with {prefix:?}")]
    Prefix {
        /// What it should start with.
        prefix: &'static str,
    },
}

/// A name that a merchant chooses and that stands in addresses: ASCII letters, digits, `-`, `_`
/// and `.`.
fn parse_slug(text: &str, max: usize) -> Result<String, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > max {
        return Err(IdError::TooLong { max });
    }
    match text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')) {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(text.to_owned()),
    }
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The longest such name, in characters.
            pub const LEN_MAX: usize = $max;

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        // It compares as its text does.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_slug(text, $max).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                spelling::deserialize(deserializer)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug! {
    /// A stock keeping unit: one variant of one product.
    Sku, 64
}
slug! {
    /// One sale event.
    SaleId, 64
}
slug! {
    /// The part of a product's address that names it (Shopify's "handle").
    Handle, 128
}
slug! {
    /// The key with which a client marks one act, so that a repeat is known as such.
    IdempotencyKey, 64
}
slug! {
    /// A way past the line that the merchant made for staff.
    BypassName, 64
}
slug! {
    /// Where the merchant's shop is told what happened, by the name the merchant gave it.
    EndpointName, 64
}

/// Sixteen bytes that stand for something whose text is longer or secret. Written as 22 characters
/// of base64url without padding.
macro_rules! digest_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// What the text form starts with.
            pub const PREFIX: &'static str = $prefix;

            /// The id made of these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let encoded =
                    text.strip_prefix($prefix).ok_or(IdError::Prefix { prefix: $prefix })?;
                let mut bytes = [0; 16];
                match URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes) {
                    Ok(16) => Ok(Self(bytes)),
                    _ => Err(IdError::NotSealedBytes),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                spelling::serialize_id($prefix, &self.0, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                spelling::deserialize(deserializer)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                f.write_str(Spelled::of(&self.0).as_str())
            }
        }
    };
}

digest_id! {
    /// A shopper: the digest of the secret that only the shopper holds.
    ShopperId, "shp_"
}
digest_id! {
    /// A reservation. Derived from who asked and with which key, so asking twice names one thing.
    ReservationId, "rsv_"
}
digest_id! {
    /// A placed order: the reservation it came from, under the name it has from then on.
    OrderId, "ord_"
}

impl ShopperId {
    /// The shopper who holds `secret`.
    pub fn of_secret(secret: &[u8]) -> Self {
        Self(digest(&[b"shopper", secret]))
    }

    /// The half of the id that [`ReservationId::derive`] does not take over.
    pub(crate) fn second_half(self) -> [u8; HALF] {
        self.0.last_chunk().copied().unwrap_or_default()
    }
}

/// Half of an id, in bytes.
pub(crate) const HALF: usize = 8;

impl ReservationId {
    /// The reservation that `shopper` asks for with `key`, for one SKU of one sale.
    ///
    /// The shopper is part of it, so nobody can take or guess another's id by choosing a key. The
    /// first half is the first half of the shopper's id, so in order of ids a shopper's
    /// reservations stand together.
    pub fn derive(sale: &SaleId, sku: &Sku, shopper: ShopperId, key: &IdempotencyKey) -> Self {
        let parts = [
            b"reservation".as_slice(),
            sale.as_str().as_bytes(),
            sku.as_str().as_bytes(),
            shopper.as_bytes(),
            key.as_str().as_bytes(),
        ];
        let mut bytes = digest(&parts);
        bytes[..HALF].copy_from_slice(&shopper.0[..HALF]);
        Self(bytes)
    }

    /// The ids between which all reservations of a shopper stand, and seldom another's.
    pub fn range_of(shopper: ShopperId) -> RangeInclusive<Self> {
        let (mut first, mut last) = ([0; 16], [u8::MAX; 16]);
        first[..HALF].copy_from_slice(&shopper.0[..HALF]);
        last[..HALF].copy_from_slice(&shopper.0[..HALF]);
        Self(first)..=Self(last)
    }

    /// The shopper of this reservation, of whose id it has the first half itself.
    pub(crate) fn shopper(self, second_half: [u8; HALF]) -> ShopperId {
        let mut bytes = self.0;
        bytes[HALF..].copy_from_slice(&second_half);
        ShopperId(bytes)
    }

    /// The order that this reservation becomes when it is paid.
    pub const fn order(self) -> OrderId {
        OrderId(self.0)
    }
}

impl OrderId {
    /// The reservation that this order came from.
    pub const fn reservation(self) -> ReservationId {
        ReservationId(self.0)
    }
}

/// The first 16 bytes of SHA-256 over the parts, each followed by its length so that no two lists
/// of parts read the same.
fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update((part.len() as u64).to_be_bytes());
    }
    let full: [u8; 32] = hash.finalize().into();
    let mut first = [0; 16];
    first.copy_from_slice(full.split_at(16).0);
    first
}

/// 22 characters that stand for the parts, for a name that is made of nothing shorter.
pub(crate) fn digest_text(parts: &[&[u8]]) -> String {
    Spelled::of(&digest(parts)).as_str().to_owned()
}

/// A payment for a reservation: which attempt it is, counted from 1.
///
/// Made of the reservation and not of chance, so that a payment can never be for two of them, and
/// whoever has its name knows where it belongs. Written as `pay_`, the reservation's 22
/// characters, a point and the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PaymentId {
    reservation: ReservationId,
    attempt: u32,
}

impl PaymentId {
    const PREFIX: &'static str = "pay_";

    /// The payment of this attempt.
    pub const fn of(reservation: ReservationId, attempt: u32) -> Self {
        Self { reservation, attempt }
    }

    /// What it is for.
    pub const fn reservation(self) -> ReservationId {
        self.reservation
    }

    /// Which attempt it is.
    pub const fn attempt(self) -> u32 {
        self.attempt
    }
}

impl FromStr for PaymentId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let rest =
            text.strip_prefix(Self::PREFIX).ok_or(IdError::Prefix { prefix: Self::PREFIX })?;
        let (encoded, attempt) = rest.split_once('.').ok_or(IdError::NotSealedBytes)?;
        let reservation = format!("{}{encoded}", ReservationId::PREFIX).parse()?;
        match attempt.parse() {
            // A number has one spelling, or one payment would have several names.
            Ok(number) if format!("{number}") == attempt => {
                Ok(Self { reservation, attempt: number })
            }
            _ => Err(IdError::NotSealedBytes),
        }
    }
}

impl TryFrom<String> for PaymentId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<PaymentId> for String {
    fn from(id: PaymentId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = URL_SAFE_NO_PAD.encode(self.reservation.as_bytes());
        write!(f, "{}{encoded}.{}", Self::PREFIX, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_takes_what_stands_in_an_address_and_nothing_else() {
        assert_eq!("a-B_9.x".parse::<Sku>().unwrap().as_str(), "a-B_9.x");
        assert_eq!("".parse::<Sku>(), Err(IdError::Empty));
        assert_eq!("a b".parse::<Sku>(), Err(IdError::Character(' ')));
        assert_eq!("a/b".parse::<Sku>(), Err(IdError::Character('/')));
        assert_eq!("x".repeat(65).parse::<Sku>(), Err(IdError::TooLong { max: 64 }));
    }

    #[test]
    fn a_reservation_id_is_one_per_shopper_and_key() {
        let sale: SaleId = "drop".parse().unwrap();
        let sku: Sku = "shirt".parse().unwrap();
        let key: IdempotencyKey = "k1".parse().unwrap();
        let ann = ShopperId::of_secret(b"ann");
        let id = ReservationId::derive(&sale, &sku, ann, &key);
        assert_eq!(id, ReservationId::derive(&sale, &sku, ann, &key));
        assert_ne!(id, ReservationId::derive(&sale, &sku, ShopperId::of_secret(b"bob"), &key));
        assert_eq!(id.to_string().parse::<ReservationId>().unwrap(), id);
        assert_eq!(id.order().reservation(), id);
    }

    #[test]
    fn a_payment_knows_its_reservation_and_has_one_spelling() {
        let reservation = ReservationId::from_bytes([7; 16]);
        let payment = PaymentId::of(reservation, 12);
        let text = payment.to_string();
        assert_eq!(text.parse::<PaymentId>().unwrap(), payment);
        assert_eq!(payment.reservation(), reservation);
        for wrong in
            [text.replace(".12", ".012"), text.replace(".12", ".+12"), text.replace('.', "")]
        {
            assert_eq!(wrong.parse::<PaymentId>(), Err(IdError::NotSealedBytes), "{wrong}");
        }
    }

    #[test]
    fn ids_of_one_kind_are_not_read_as_another() {
        let order = ShopperId::of_secret(b"x").to_string().replace("shp_", "ord_");
        assert!(order.parse::<OrderId>().is_ok());
        assert_eq!(order.parse::<ReservationId>(), Err(IdError::Prefix { prefix: "rsv_" }));
    }
}
