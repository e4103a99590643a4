//! What merchants send and get.

use serde::{Deserialize, Serialize};

use crate::shopper::{Money, OrderLine};

/// What an import published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ImportReply {
    /// The version that is served from now on.
    pub version: u64,
    /// Products in it.
    pub products: u64,
    /// Variants in it.
    pub variants: u64,
}

/// A sale to be. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SaleRequest {
    /// Its name for people, 1 to 200 characters.
    pub title: String,
    /// What is sold, 1 to 100 SKUs of the published catalog, which fixes their names and prices.
    pub skus: Vec<String>,
    /// People admitted each minute, at most; 1 to 10,000,000.
    #[serde(default = "defaults::admits_per_minute_max")]
    pub admits_per_minute_max: u32,
    /// Units of one SKU that one shopper may have; 1 to 1,000.
    #[serde(default = "defaults::per_shopper_max")]
    pub per_shopper_max: u32,
    /// How long a pass is good for.
    #[serde(default = "defaults::pass_ttl_ms")]
    pub pass_ttl_ms: u64,
    /// How long a reservation is held.
    #[serde(default = "defaults::reservation_ttl_ms")]
    pub reservation_ttl_ms: u64,
    /// How long it can be held in all, however often it is extended.
    #[serde(default = "defaults::reservation_max_ms")]
    pub reservation_max_ms: u64,
    /// How long a payment may take before the provider is asked to end it.
    #[serde(default = "defaults::payment_window_ms")]
    pub payment_window_ms: u64,
}

/// What holds when a merchant does not say.
mod defaults {
    const MINUTE_MS: u64 = 60_000;

    pub(super) const fn admits_per_minute_max() -> u32 {
        6_000
    }
    pub(super) const fn per_shopper_max() -> u32 {
        1
    }
    pub(super) const fn pass_ttl_ms() -> u64 {
        10 * MINUTE_MS
    }
    pub(super) const fn reservation_ttl_ms() -> u64 {
        5 * MINUTE_MS
    }
    pub(super) const fn reservation_max_ms() -> u64 {
        20 * MINUTE_MS
    }
    pub(super) const fn payment_window_ms() -> u64 {
        10 * MINUTE_MS
    }
}

/// Another phase for a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PhaseRequest {
    /// `open`, `paused` or `closed`.
    pub phase: String,
}

/// Units for a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockRequest {
    /// Units given to the sale.
    pub on_hand: u32,
}

/// A change of stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AdjustRequest {
    /// Units to add, or, below zero, to take back.
    pub units: i64,
    /// Why, 1 to 200 characters.
    pub reason: String,
}

/// The exact stock of a SKU in a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Stock {
    /// The SKU.
    pub sku: String,
    /// Its name for people.
    pub title: String,
    /// What one unit costs.
    pub unit_price: Money,
    /// `not_open`, `open`, `paused` or `closed`.
    pub selling: String,
    /// Units given to the sale.
    pub on_hand: u32,
    /// Units set aside for shoppers in checkout.
    pub reserved: u32,
    /// Units promised to orders.
    pub allocated: u32,
    /// `on_hand - reserved - allocated`.
    pub available: u32,
    /// What shoppers are told of it.
    pub stock: String,
    /// Orders that are not yet in the books.
    pub orders_unsettled: u64,
    /// Reservations ever made.
    pub reservations: u64,
    /// Reservations whose time ran out.
    pub expired: u64,
    /// Payments that have to be given back.
    pub refunds_due: u64,
}

/// A sale's live state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SaleState {
    /// Its id.
    pub sale: String,
    /// Its name for people.
    pub title: String,
    /// Its phase.
    pub phase: String,
    /// The last position handed out in the line.
    pub handed_out: u64,
    /// Its SKUs; one whose stock was not set yet is absent.
    pub skus: Vec<Stock>,
}

/// A page of settled orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OrderPage {
    /// The orders, in the order in which they were settled.
    pub orders: Vec<SettledOrder>,
    /// Send it as `after` to get the next page; `null` on the last one.
    pub next: Option<String>,
}

/// An order in the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SettledOrder {
    /// Its id.
    pub order: String,
    /// The sale.
    pub sale: String,
    /// Who bought.
    pub shopper: String,
    /// The payment.
    pub payment: String,
    /// What was paid.
    pub amount: Money,
    /// The lines.
    pub lines: Vec<OrderLine>,
    /// When it was placed, in milliseconds since 1970.
    pub placed_at_ms: u64,
    /// When it was settled, in milliseconds since 1970.
    pub settled_at_ms: u64,
}
