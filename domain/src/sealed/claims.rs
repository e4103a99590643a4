//! What is said under seal.
//!
//! Names are the registered ones of RFC 7519, section 4.1, where one exists: `sub`, `iat`, `exp`,
//! `jti`. The others are `sale`, `num` (the number that was handed out), `pos` (position in the
//! line), `drw` (the first 128 bits of the commitment to the draw), `sku`, `pay` (payment, which
//! names the reservation), `amt` (amount in minor units) and `cur` (currency). Moments are whole
//! seconds and are rounded down when sealed, so nothing is good for longer than its maker said.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::id::{BypassName, PaymentId, SaleId, ShopperId, Sku};
use crate::time::Timestamp;

/// What a sealed text is for. Each purpose has a key, a `kid` and a `typ` of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A place in the line.
    Ticket,
    /// The right to reserve.
    Pass,
    /// The way to the sandbox's payment page.
    Payment,
    /// The way past the line.
    Bypass,
    /// That a challenge was met.
    Challenge,
}

impl Purpose {
    /// The name from which the key is derived.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Pass => "pass",
            Self::Payment => "payment",
            Self::Bypass => "bypass",
            Self::Challenge => "challenge",
        }
    }

    /// The `typ` header: a media type without its `application/` (RFC 7515, section 4.1.9).
    pub(super) const fn typ(self) -> &'static str {
        match self {
            Self::Ticket => "ticket+jwt",
            Self::Pass => "pass+jwt",
            Self::Payment => "payment+jwt",
            Self::Bypass => "bypass+jwt",
            Self::Challenge => "challenge+jwt",
        }
    }
}

/// What can be sealed: the kinds of this module and no others.
pub trait Claims: Serialize + DeserializeOwned + closed::Closed {
    /// What it is for.
    const PURPOSE: Purpose;

    /// The first moment at which it is no longer good.
    fn expires_at(&self) -> Timestamp;
}

/// Proof of a place in the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The sale whose line it is.
    pub sale: SaleId,
    /// Whose place it is.
    #[serde(rename = "sub")]
    pub shopper: ShopperId,
    /// The number that was handed out. Who came before the draw has the position that it gives.
    #[serde(rename = "num")]
    pub number: u64,
    /// The first half of the commitment to the draw, as it was when the ticket was made: the
    /// shopper's proof that it was not changed afterwards.
    #[serde(rename = "drw", with = "half")]
    pub commitment: [u8; 16],
    /// When it was sealed.
    #[serde(rename = "iat", with = "secs")]
    pub issued_at: Timestamp,
    /// The first moment at which it is no longer good.
    #[serde(rename = "exp", with = "secs")]
    pub expires_at: Timestamp,
}

/// The right to reserve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// The sale in which it lets reserve.
    pub sale: SaleId,
    /// Whom it lets reserve.
    #[serde(rename = "sub")]
    pub shopper: ShopperId,
    /// The number of the ticket that it came from.
    #[serde(rename = "num")]
    pub number: u64,
    /// The place in the line that the number had.
    #[serde(rename = "pos")]
    pub position: u64,
    /// When its owner was admitted.
    #[serde(rename = "iat", with = "secs")]
    pub issued_at: Timestamp,
    /// The first moment at which it is no longer good.
    #[serde(rename = "exp", with = "secs")]
    pub expires_at: Timestamp,
}

/// What the sandbox's payment page is about; its address carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentLink {
    /// The sale of the reservation.
    pub sale: SaleId,
    /// The stock keeping unit of the reservation.
    pub sku: Sku,
    /// The payment at its provider.
    #[serde(rename = "pay")]
    pub payment: PaymentId,
    /// What is asked, in minor units of the currency.
    #[serde(rename = "amt")]
    pub amount_minor: u64,
    /// The currency, three letters of ISO 4217.
    #[serde(rename = "cur")]
    pub currency: String,
    /// The first moment at which it is no longer good.
    #[serde(rename = "exp", with = "secs")]
    pub expires_at: Timestamp,
}

/// A way past the line. Who has it is counted by the sale's waiting room, and bound there to the
/// shopper who uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypass {
    /// The sale whose line it goes past.
    pub sale: SaleId,
    /// What the merchant called it.
    #[serde(rename = "jti")]
    pub name: BypassName,
    /// The first moment at which it is no longer good.
    #[serde(rename = "exp", with = "secs")]
    pub expires_at: Timestamp,
}

/// Proof that a shopper met the challenge that stands before joining, whatever it was: a puzzle, a
/// captcha, a member's number. Who sets it has this sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeMet {
    /// The sale whose line may be joined.
    pub sale: SaleId,
    /// Who met it.
    #[serde(rename = "sub")]
    pub shopper: ShopperId,
    /// The first moment at which it is no longer good.
    #[serde(rename = "exp", with = "secs")]
    pub expires_at: Timestamp,
}

impl ChallengeMet {
    /// Whether it is for this sale and this shopper.
    pub fn belongs_to(&self, sale: &SaleId, shopper: ShopperId) -> Result<(), ForeignError> {
        belongs((&self.sale, self.shopper), (sale, shopper))
    }
}

impl Claims for ChallengeMet {
    const PURPOSE: Purpose = Purpose::Challenge;

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// Why a good Ticket or Pass is of no use here, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// It is for another sale.
    #[error("is for another sale")]
    OtherSale,
    /// It is another shopper's: a copied link.
    #[error("belongs to another shopper")]
    OtherShopper,
}

impl Ticket {
    /// Whether it is for this sale and this shopper.
    pub fn belongs_to(&self, sale: &SaleId, shopper: ShopperId) -> Result<(), ForeignError> {
        belongs((&self.sale, self.shopper), (sale, shopper))
    }
}

impl Pass {
    /// Whether it is for this sale and this shopper.
    pub fn belongs_to(&self, sale: &SaleId, shopper: ShopperId) -> Result<(), ForeignError> {
        belongs((&self.sale, self.shopper), (sale, shopper))
    }
}

impl Claims for Ticket {
    const PURPOSE: Purpose = Purpose::Ticket;

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl Claims for Pass {
    const PURPOSE: Purpose = Purpose::Pass;

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl Claims for Bypass {
    const PURPOSE: Purpose = Purpose::Bypass;

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl Claims for PaymentLink {
    const PURPOSE: Purpose = Purpose::Payment;

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// Compares whose it is with who asks.
fn belongs(
    (sale, shopper): (&SaleId, ShopperId),
    (asked_sale, asking_shopper): (&SaleId, ShopperId),
) -> Result<(), ForeignError> {
    if sale != asked_sale {
        return Err(ForeignError::OtherSale);
    }
    // A shopper's id is the digest of a secret and stands in clear in the claims: no secret here.
    if shopper != asking_shopper {
        return Err(ForeignError::OtherShopper);
    }
    Ok(())
}

/// Keeps [`Claims`] to this module: a kind from elsewhere could share a purpose.
mod closed {
    pub trait Closed {}
    impl Closed for super::Ticket {}
    impl Closed for super::Pass {}
    impl Closed for super::PaymentLink {}
    impl Closed for super::Bypass {}
    impl Closed for super::ChallengeMet {}
}

/// A moment as the `NumericDate` of RFC 7519, section 2, without the fraction it may have.
mod secs {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::time::{Millis, Timestamp};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(at.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let secs = u64::deserialize(from)?;
        Ok(Timestamp::default().plus(Millis::from_secs(secs)))
    }
}

/// Sixteen bytes as 22 characters of base64url.
mod half {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::spelling::Spelled;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 16], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(Spelled::of(bytes).as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 16], D::Error> {
        let text = <&str>::deserialize(from)?;
        let mut bytes = [0; 18];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(16) => Ok(bytes.first_chunk().copied().unwrap_or_default()),
            _ => Err(D::Error::custom("not 128 bits of base64url")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass() -> Pass {
        Pass {
            sale: "drop".parse().unwrap(),
            shopper: ShopperId::from_bytes([7; 16]),
            number: 7,
            position: 42,
            issued_at: Timestamp::from_millis(1_700_000_000_999),
            expires_at: Timestamp::from_millis(1_700_000_600_999),
        }
    }

    #[test]
    fn the_json_of_a_pass_is_unchanged() {
        let json = serde_json::to_string(&pass()).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"sale":"drop","sub":"shp_BwcHBwcHBwcHBwcHBwcHBw","#,
                r#""num":7,"pos":42,"iat":1700000000,"exp":1700000600}"#
            )
        );
    }

    #[test]
    fn the_json_of_a_payment_link_is_unchanged() {
        let link = PaymentLink {
            sale: "drop".parse().unwrap(),
            sku: "shirt-m".parse().unwrap(),
            payment: "pay_CQkJCQkJCQkJCQkJCQkJCQ.1".parse().unwrap(),
            amount_minor: 4900,
            currency: "EUR".to_owned(),
            expires_at: Timestamp::from_millis(1_700_000_600_000),
        };
        let json = serde_json::to_string(&link).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"sale":"drop","sku":"shirt-m","pay":"pay_CQkJCQkJCQkJCQkJCQkJCQ.1","#,
                r#""amt":4900,"cur":"EUR","exp":1700000600}"#
            )
        );
        assert_eq!(serde_json::from_str::<PaymentLink>(&json).unwrap(), link);
    }

    #[test]
    fn a_pass_belongs_to_one_sale_and_one_shopper() {
        let pass = pass();
        let other_sale: SaleId = "other".parse().unwrap();
        let other_shopper = ShopperId::from_bytes([8; 16]);
        assert_eq!(pass.belongs_to(&pass.sale, pass.shopper), Ok(()));
        assert_eq!(pass.belongs_to(&pass.sale, other_shopper), Err(ForeignError::OtherShopper));
        assert_eq!(pass.belongs_to(&other_sale, pass.shopper), Err(ForeignError::OtherSale));
        assert_eq!(pass.belongs_to(&other_sale, other_shopper), Err(ForeignError::OtherSale));
    }

    #[test]
    fn a_ticket_belongs_to_one_sale_and_one_shopper() {
        let Pass { sale, shopper, number, issued_at, expires_at, .. } = pass();
        let commitment = [5; 16];
        let ticket = Ticket { sale, shopper, number, commitment, issued_at, expires_at };
        assert_eq!(
            serde_json::to_string(&ticket).unwrap(),
            concat!(
                r#"{"sale":"drop","sub":"shp_BwcHBwcHBwcHBwcHBwcHBw","num":7,"#,
                r#""drw":"BQUFBQUFBQUFBQUFBQUFBQ","iat":1700000000,"exp":1700000600}"#
            )
        );
        let other_shopper = ShopperId::from_bytes([8; 16]);
        assert_eq!(ticket.belongs_to(&ticket.sale, shopper), Ok(()));
        assert_eq!(ticket.belongs_to(&ticket.sale, other_shopper), Err(ForeignError::OtherShopper));
        assert_eq!(ticket.belongs_to(&"x".parse().unwrap(), shopper), Err(ForeignError::OtherSale));
    }
}
