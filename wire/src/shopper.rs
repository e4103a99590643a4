//! What shoppers send and get.

use std::borrow::Cow;

use doorbuster_domain as domain;
use serde::{Deserialize, Serialize};

use crate::json::{ToJson, write_object};
pub use crate::reservation::{Reservation, Waitlist};

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Money {
    /// The amount in minor units of the currency: cents for EUR, yen for JPY.
    pub minor: u64,
    /// ISO 4217.
    pub currency: String,
}

impl From<domain::money::Money> for Money {
    fn from(money: domain::money::Money) -> Self {
        Self { minor: money.minor, currency: money.currency.as_str().to_owned() }
    }
}

impl ToJson for Money {
    fn write_json(&self, to: &mut String) {
        write_object!(self, to, { minor, currency });
    }
}

/// The catalog, without descriptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProductList {
    /// The published version; a product of another version may differ.
    pub version: u64,
    /// The products.
    pub products: Vec<ProductSummary>,
}

/// A product in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProductSummary {
    /// Its name in addresses.
    pub handle: String,
    /// Its name for people.
    pub title: String,
    /// The lowest price of its variants.
    pub price_from: Money,
    /// Its first picture, if it has one.
    pub image: Option<Image>,
    /// The SKUs of its variants.
    pub skus: Vec<String>,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Image {
    /// Its address.
    pub src: String,
    /// What it shows; may be empty.
    pub alt: String,
}

/// One product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Product {
    /// Its name in addresses.
    pub handle: String,
    /// Its name for people.
    pub title: String,
    /// What it is, as plain text.
    pub description: String,
    /// Who makes or sells it; may be empty.
    pub vendor: String,
    /// The names of what a shopper chooses, such as `Size`.
    pub options: Vec<String>,
    /// Pictures, the first one first.
    pub images: Vec<Image>,
    /// The forms it is sold in.
    pub variants: Vec<Variant>,
}

/// One form of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Variant {
    /// The stock keeping unit.
    pub sku: String,
    /// Its choices joined, such as `Small / Blue`; empty if there is only one form.
    pub title: String,
    /// What one unit costs.
    pub price: Money,
    /// The price it is compared with.
    pub compare_at: Option<Money>,
}

/// The sales there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SaleList {
    /// Newest first.
    pub sales: Vec<SaleSummary>,
}

/// A sale in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SaleSummary {
    /// Its id.
    pub sale: String,
    /// Its name for people.
    pub title: String,
}

/// A sale as everybody may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Sale {
    /// Its id.
    pub sale: String,
    /// Its name for people.
    pub title: String,
    /// `draft`, `scheduled`, `prequeue`, `open`, `paused` or `closed`.
    pub phase: String,
    /// Who is admitted next: `fifo`, `random`, `passthrough` or `reject`.
    pub order: String,
    /// When people can take a place, in milliseconds since 1970, if that was said.
    pub prequeue_at_ms: Option<u64>,
    /// When people are admitted, in milliseconds since 1970, if that was said.
    pub opens_at_ms: Option<u64>,
    /// What the merchant says to everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why the sale is paused, or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether who takes a place now will most likely find the stock gone.
    pub beyond_stock: bool,
    /// What the draw is committed to; the rest stands at `/v1/sales/{sale}/draw`.
    pub draw_commitment: Option<String>,
    /// Units of one SKU that one shopper may have.
    pub per_shopper_max: u32,
    /// What is sold.
    pub skus: Vec<SaleSku>,
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
    /// The rate of the tax in millionths: 190,000 is 19 %. There is no tax if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_ppm: Option<u64>,
    /// Whether prices and shipping include the tax; else it is added to them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tax_included: bool,
}

/// One SKU of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SaleSku {
    /// The SKU.
    pub sku: String,
    /// Its name for people.
    pub title: String,
    /// What one unit costs.
    pub unit_price: Money,
    /// `in_stock`, `few_left`, `all_reserved` or `sold_out`; `null` while it is not known.
    pub stock: Option<String>,
}

/// The draw of a sale, and all that is needed to compute it again: `doorbuster verify draw` does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Draw {
    /// The sale.
    pub sale: String,
    /// How it is computed: `doorbuster-draw-1`.
    pub algorithm: String,
    /// The SHA-256 of sale, beacon and secret, published before the first ticket. Hex digits.
    pub commitment: String,
    /// The public randomness that goes into it, if the merchant named some beforehand.
    pub beacon: Option<Beacon>,
    /// How many numbers are in it; `null` until the line has opened.
    pub entries: Option<u64>,
    /// The secret; `null` until it is drawn. Hex digits.
    pub secret: Option<String>,
    /// The beacon's signature of the round; `null` until it is drawn, or if there is no beacon. Hex
    /// digits.
    pub beacon_signature: Option<String>,
    /// What the order follows from; `null` until it is drawn. Hex digits.
    pub seed: Option<String>,
    /// When it was drawn, in milliseconds since 1970.
    pub drawn_at_ms: Option<u64>,
}

/// A round of a drand beacon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Beacon {
    /// The hash of the chain: 64 hex digits.
    pub chain: String,
    /// The round, from 1.
    pub round: u64,
}

/// A place in the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TicketReply {
    /// The proof of it. Send it back as `Doorbuster-Ticket`; browsers have it as a cookie, too.
    pub ticket: String,
    /// The number that was handed out, from 1. Who came before the draw has the position that the
    /// draw gives, everybody else that of the number.
    pub number: u64,
    /// Whether it is one's turn.
    pub turn: TurnReply,
}

impl ToJson for TicketReply {
    fn write_json(&self, to: &mut String) {
        write_object!(self, to, { ticket, number, turn });
    }
}

/// Whether it is one's turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TurnReply {
    /// `not_open`, `drawing`, `waiting`, `admitted`, `lapsed` (one was admitted and did not come in
    /// time), `paused`, `all_reserved`, `sold_out`, `closed`, or `left` (one gave the place back).
    pub state: Cow<'static, str>,
    /// The place, counted from the front; `null` before the draw. It never grows.
    pub position: Option<u64>,
    /// People ahead.
    pub ahead: u64,
    /// How long it will take at the present pace, in milliseconds; `null` while unknown.
    pub wait_ms: Option<u64>,
    /// Of ten people who are told the like, one waits less than this, in milliseconds.
    pub wait_low_ms: Option<u64>,
    /// And one longer than this.
    pub wait_high_ms: Option<u64>,
    /// Whether the stock will most likely be gone before.
    pub beyond_stock: bool,
    /// How much is left of what is left most: `in_stock`, `few_left`, `all_reserved` or `sold_out`;
    /// `null` while it is not known.
    pub stock: Option<Cow<'static, str>>,
    /// SKUs that are sold out while others are not: who wants one of these need not wait.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// What the merchant says to everybody who waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why the sale is paused, or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When the sale opens, in milliseconds since 1970, as long as it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at_ms: Option<u64>,
    /// What time it is here, in milliseconds since 1970: a countdown goes by this clock.
    pub now_ms: u64,
    /// When to ask again, in milliseconds; `null` when there is nothing to wait for.
    pub next_poll_ms: Option<u64>,
    /// The right to reserve, when `admitted`. Send it as `Doorbuster-Pass`.
    pub pass: Option<String>,
    /// When the pass expires, in milliseconds since 1970. Asking again does not make it later.
    pub pass_expires_at_ms: Option<u64>,
}

impl ToJson for TurnReply {
    fn write_json(&self, to: &mut String) {
        write_object!(self, to, {
            state,
            position,
            ahead,
            wait_ms,
            wait_low_ms,
            wait_high_ms,
            beyond_stock,
            stock,
            gone if given,
            message if given,
            why if given,
            opens_at_ms if given,
            now_ms,
            next_poll_ms,
            pass,
            pass_expires_at_ms,
        });
    }
}

/// What a shopper asks for. Prices are ours: a body that names one is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReserveRequest {
    /// Units, at least 1.
    pub quantity: u32,
    /// Whether to be put on the waitlist while all units are reserved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wait: bool,
}

/// Where to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PaymentReply {
    /// The provider's page to go to.
    pub redirect_to: String,
    /// The reservation, now `paying`.
    pub reservation: Reservation,
}

impl ToJson for PaymentReply {
    fn write_json(&self, to: &mut String) {
        write_object!(self, to, { redirect_to, reservation });
    }
}

/// An order and its receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Order {
    /// Its id.
    pub order: String,
    /// Its number for people, such as `55MP-JTB9-D5E`.
    pub number: String,
    /// `placed`, or `settled` once it is in the merchant's books; `cancelled` if the merchant
    /// cancelled it, and `refunded` once its money has gone back.
    pub status: String,
    /// The sale.
    pub sale: String,
    /// The lines.
    pub lines: Vec<OrderLine>,
    /// What was paid.
    pub amount: Money,
    /// Of that, what sending costs, if it is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
    /// Of that, the tax, if there is one; its name and rate stand in the sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// When it was placed, in milliseconds since 1970.
    pub placed_at_ms: u64,
    /// When the merchant cancelled it, in milliseconds since 1970; `null` if that did not happen.
    pub cancelled_at_ms: Option<u64>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OrderLine {
    /// The SKU.
    pub sku: String,
    /// Its name as it was when it was bought.
    pub title: String,
    /// Units.
    pub quantity: u32,
    /// What one unit cost.
    pub unit_price: Money,
}
