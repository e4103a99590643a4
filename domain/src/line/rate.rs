//! How fast the line goes, by whose word, and what that is decided from.

use serde::{Deserialize, Serialize};

/// What the merchant allows; it may change while the sale runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// People admitted each minute.
    pub admits_per_minute_max: u32,
    /// People who may be about to buy at the same time.
    pub active_users_max: u32,
}

/// Why the line goes as fast as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateReason {
    /// Nobody is admitted in this phase.
    #[default]
    NotOpen,
    /// The order is being drawn.
    Drawing,
    /// The stock has not been looked at.
    StockUnknown,
    /// `admits_per_minute_max`.
    AdmitsPerMinute,
    /// `active_users_max`.
    ActiveUsers,
    /// Those who were let in may want all that is available.
    Stock,
    /// Nothing is available at the moment.
    AllReserved,
    /// Everything is sold.
    SoldOut,
    /// An Inventory did not answer.
    InventoryFailing,
    /// Inventories answer slowly.
    InventorySlow,
    /// Too many orders wait to be settled.
    OrdersBehind,
    /// Payments fail at the provider.
    PaymentsFailing,
}

/// How fast, and why not faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Positions each minute.
    pub per_minute: u64,
    /// The rule that says so.
    pub reason: RateReason,
}

/// What is left of everything that a sale sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// Units given to the sale.
    pub on_hand: u64,
    /// Units that can be reserved now.
    pub available: u64,
    /// Units set aside for shoppers in checkout.
    pub reserved: u64,
    /// Whether nothing is known of some SKU.
    pub unknown: bool,
}
