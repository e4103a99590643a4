//! What merchants send and get.

use serde::{Deserialize, Serialize};

pub use crate::orders::{CancelRequest, OrderPage, SettledOrder};
use crate::shopper::{Beacon, Money};

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
    /// People who may be about to buy at the same time, at most; 1 to 10,000,000.
    #[serde(default = "defaults::people_max")]
    pub active_users_max: u32,
    /// Who is admitted next: `fifo` (those who come before the opening in drawn order, then first
    /// come, first served), `random` (the draw takes in also who comes within `draw_window_ms`),
    /// `passthrough` (everybody at once) or `reject` (nobody).
    #[serde(default = "defaults::order")]
    pub order: String,
    /// How long after the opening the draw takes people in, if the order is `random`; from a second
    /// to an hour.
    #[serde(default)]
    pub draw_window_ms: Option<u64>,
    /// A round of a drand beacon that goes into the draw. It has to come out after the opening.
    #[serde(default)]
    pub beacon: Option<Beacon>,
    /// Places in the line that one client's address range (an IPv4 address, an IPv6 /64) may have;
    /// 1 to 10,000,000.
    #[serde(default = "defaults::places_per_client")]
    pub places_per_client: u32,
    /// Whether who joins has to have met a challenge; see `POST .../challenges`.
    #[serde(default)]
    pub challenge: bool,
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
    /// What sending an order costs, whatever is in it, in minor units of the currency of the
    /// prices; nothing is charged if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_minor: Option<u64>,
    /// Goods that cost so much are sent for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_free_from_minor: Option<u64>,
    /// What the tax is called, such as `VAT`, in 1 to 40 characters. It is on goods and shipping
    /// alike, and rounded once, for the whole order, to the nearest minor unit, halves up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_title: Option<String>,
    /// The rate of the tax in millionths, from 1 to 1,000,000: 190,000 is 19 %. There is no tax if
    /// it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_ppm: Option<u64>,
    /// Whether prices and shipping include the tax; else it is added to them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tax_included: bool,
}

/// What holds when a merchant does not say.
mod defaults {
    const MINUTE_MS: u64 = 60_000;

    pub(super) const fn admits_per_minute_max() -> u32 {
        6_000
    }
    pub(super) const fn people_max() -> u32 {
        10_000_000
    }
    pub(super) fn order() -> String {
        "fifo".to_owned()
    }
    pub(super) const fn places_per_client() -> u32 {
        100
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
    /// `prequeue`, `open`, `paused` or `closed`.
    pub phase: String,
    /// What people are told about it, at most 500 characters.
    #[serde(default)]
    pub why: Option<String>,
}

/// When a sale opens. Both moments in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScheduleRequest {
    /// From then on people can take a place; at once if it is not said.
    #[serde(default)]
    pub prequeue_at_ms: Option<u64>,
    /// From then on people are admitted. It has to be in the future, and within a year.
    pub opens_at_ms: u64,
}

/// What a merchant allows while the sale runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LimitsRequest {
    /// People admitted each minute, at most; what it is if it is not said.
    #[serde(default)]
    pub admits_per_minute_max: Option<u32>,
    /// People who may be about to buy at the same time, at most; what it is if it is not said.
    #[serde(default)]
    pub active_users_max: Option<u32>,
}

/// What everybody who waits is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MessageRequest {
    /// At most 500 characters; nothing more is told if it is empty.
    pub message: String,
}

/// What the beacon came to in the round that was named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BeaconRequest {
    /// The signature of the round, as hex digits.
    pub signature: String,
}

/// A way past the line, for staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BypassRequest {
    /// How many people may use it; 1 to 1,000.
    pub uses_max: u32,
    /// Until when, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// A way past the line that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BypassReply {
    /// What it is called.
    pub name: String,
    /// What whoever may use it sends as `Doorbuster-Bypass`.
    pub bypass: String,
    /// How many people may use it.
    pub uses_max: u32,
    /// How many have.
    pub uses: u32,
    /// Until when, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// Somebody who met the challenge before a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChallengeRequest {
    /// The shopper's secret: what a browser has in its cookie, or an app sends as
    /// `Doorbuster-Shopper`.
    pub secret: String,
}

/// What lets somebody join who met the challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ChallengeReply {
    /// The shopper sends it as `Doorbuster-Challenge` when joining.
    pub challenge: String,
    /// Until when it is good, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// Whether a sale is ready to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Readiness {
    /// Whether all of it is.
    pub ready: bool,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// One thing that has to be ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it is.
    pub ready: bool,
    /// How it stands, and what to do if it is not.
    pub detail: String,
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
    /// Shoppers on the waitlist.
    pub waiting: u64,
    /// Units that left the sale with orders that were cancelled; `on_hand` is without these.
    pub withdrawn_with_orders: u64,
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
    /// Its line.
    pub line: LineState,
    /// Its SKUs; one whose stock was not set yet is absent.
    pub skus: Vec<Stock>,
}

/// How the line of a sale stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LineState {
    /// The last number handed out.
    pub handed_out: u64,
    /// Positions up to this one are admitted.
    pub frontier: u64,
    /// Numbers handed out behind it.
    pub waiting: u64,
    /// How many numbers are in the draw; `null` until the line has opened.
    pub entries: Option<u64>,
    /// Positions admitted each minute.
    pub positions_per_minute: u64,
    /// Why not more: the rule that decides, such as `admits_per_minute` or `stock`.
    pub reason: String,
    /// How that changed lately, the newest last.
    pub changes: Vec<RateChange>,
    /// What the merchant allows.
    pub admits_per_minute_max: u32,
    /// What the merchant allows.
    pub active_users_max: u32,
    /// People who took a place in the last minute.
    pub joined_last_minute: u64,
    /// People admitted in the last minute who came.
    pub came_last_minute: u64,
    /// People with a pass who have not reserved yet.
    pub with_pass: u64,
    /// Of a hundred positions that are admitted, behind how many somebody comes.
    pub show_up_percent: u32,
    /// Of a hundred people who come, how many are expected to reserve.
    pub conversion_percent: u32,
    /// The last position that the stock is likely to reach.
    pub reach: Option<u64>,
    /// What everybody who waits is told.
    pub message: String,
    /// When people can take a place, in milliseconds since 1970.
    pub prequeue_at_ms: Option<u64>,
    /// When people are admitted, in milliseconds since 1970.
    pub opens_at_ms: Option<u64>,
    /// The ways past it.
    pub bypasses: Vec<BypassState>,
}

/// A change of the rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RateChange {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// To how many positions a minute.
    pub positions_per_minute: u64,
    /// The rule that decided.
    pub reason: String,
}

/// How often a way past the line was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BypassState {
    /// What it is called.
    pub name: String,
    /// How many people may use it.
    pub uses_max: u32,
    /// How many have.
    pub uses: u32,
    /// Until when, in milliseconds since 1970.
    pub expires_at_ms: u64,
}
