//! What merchants send and get about orders.

use serde::{Deserialize, Serialize};

use crate::shopper::{Money, OrderLine};

/// A page of settled orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OrderPage {
    /// The orders, in the order in which they were settled.
    pub orders: Vec<SettledOrder>,
    /// Send it as `after` to get the next page; `null` on the last one.
    pub next: Option<String>,
}

/// Cancels an order. Needs an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// Why, in at most 200 characters.
    pub reason: String,
    /// Whether the units come back to the sale, and are offered again. Else they leave it.
    pub restock: bool,
}

/// An order in the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SettledOrder {
    /// Its number for people, such as `55MP-JTB9-D5E`.
    pub number: String,
    /// Its id.
    pub order: String,
    /// The sale.
    pub sale: String,
    /// Who bought.
    pub shopper: String,
    /// The payment.
    pub payment: String,
    /// `settled`, `cancelled` (the money is going back), or `refunded`.
    pub status: String,
    /// What was paid.
    pub amount: Money,
    /// Of that, what sending costs, if it is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
    /// Of that, the tax, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<TaxLine>,
    /// The lines.
    pub lines: Vec<OrderLine>,
    /// When it was placed, in milliseconds since 1970.
    pub placed_at_ms: u64,
    /// When it was settled, in milliseconds since 1970.
    pub settled_at_ms: u64,
    /// When it was cancelled, in milliseconds since 1970; `null` if it was not.
    pub cancelled_at_ms: Option<u64>,
    /// Why.
    pub cancel_reason: Option<String>,
    /// When its money had gone back, in milliseconds since 1970.
    pub refunded_at_ms: Option<u64>,
}

/// A tax on an order, and what it comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TaxLine {
    /// What it is called.
    pub title: String,
    /// The rate in millionths: 190,000 is 19 %.
    pub rate_ppm: u64,
    /// Whether it is a part of prices and shipping; else it was added to them.
    pub included: bool,
    /// How much it is.
    pub amount: Money,
}
