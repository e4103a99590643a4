//! What shoppers send and get about carts: several SKUs, reserved all or none, and paid at once.

use serde::{Deserialize, Serialize};

use crate::json::{ToJson, write_object};
use crate::shopper::{Money, Reservation};

/// What a shopper wants together. Prices are ours: a body that names one is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CartRequest {
    /// From 1 to 20 lines. Those of the same SKU are taken together.
    pub lines: Vec<CartRequestLine>,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CartRequestLine {
    /// The SKU.
    pub sku: String,
    /// Units, at least 1.
    pub quantity: u32,
}

/// A cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Cart {
    /// A reservation for each SKU, in the order of the SKUs.
    pub lines: Vec<Reservation>,
    /// What they cost together.
    pub amount: Money,
}

impl ToJson for Cart {
    fn write_json(&self, to: &mut String) {
        write_object!(self, to, { lines, amount });
    }
}

/// What is to be paid at once: from 1 to 20 of one's reservations in this sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CartPaymentRequest {
    /// One of each SKU.
    pub lines: Vec<CartPaymentLine>,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CartPaymentLine {
    /// The SKU.
    pub sku: String,
    /// The reservation of it.
    pub reservation: String,
}

/// Where to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CartPaymentReply {
    /// The provider's page to go to.
    pub redirect_to: String,
    /// The cart, all of it now `paying`.
    pub cart: Cart,
}

impl ToJson for CartPaymentReply {
    fn write_json(&self, to: &mut String) {
        write_object!(self, to, { redirect_to, cart });
    }
}
