//! What merchants send and get about webhooks to their shop.

use serde::{Deserialize, Serialize};

/// Where the merchant's shop is told what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WebhookRequest {
    /// An `https` address of at most 2,048 characters, whose host is public.
    pub address: String,
    /// What it is told of: `order.created`, `order.paid`, `order.cancelled`, `order.refunded`,
    /// `reservation.expired`, `sku.sold_out`, `sale.opened`, `sale.closed`; all there is if it is
    /// not said.
    #[serde(default)]
    pub events: Option<Vec<String>>,
    /// `standard`, as Standard Webhooks 1.0.0 says; or `shopify`: beside that, as Shopify does, in
    /// `X-Shopify-Hmac-Sha256` with base64 of HMAC-SHA256 over the body, keyed with the secret as a
    /// text. `standard` if it is not said.
    #[serde(default)]
    pub signature: Option<String>,
}

/// An endpoint, and how it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Webhook {
    /// Its name.
    pub endpoint: String,
    /// Where it is.
    pub address: String,
    /// What it is told of.
    pub events: Vec<String>,
    /// How that is signed: `standard`, or `shopify` as well.
    pub signature: String,
    /// `active`, `resting` (it did not answer, and is tried again from time to time) or `disabled`
    /// (it answered 410, and is told nothing until it is put again).
    pub state: String,
    /// Until when it rests, in milliseconds since 1970.
    pub resting_until_ms: Option<u64>,
    /// Deliveries on their way to it.
    pub pending: u64,
    /// The secret that is signed with. It is told once: when it was made.
    pub secret: Option<String>,
    /// Until when the secret before it signs as well, in milliseconds since 1970.
    pub previous_secret_until_ms: Option<u64>,
}

/// The endpoints there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct WebhookList {
    /// In the order of their names.
    pub webhooks: Vec<Webhook>,
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Delivery {
    /// Its number.
    pub delivery: String,
    /// The event's id, which the shop gets as `webhook-id`.
    pub event: String,
    /// What happened, such as `order.paid`.
    #[serde(rename = "type")]
    pub kind: String,
    /// To what it happened: an order, a reservation, a SKU or a sale.
    pub subject: String,
    /// `pending`, `delivered` or `failed` (it is not tried again by itself).
    pub state: String,
    /// How often it was sent since it became pending.
    pub attempts: u32,
    /// The status that the shop answered with last; `null` if there was no answer.
    pub last_status: Option<u16>,
    /// What became of the last attempt, in words.
    pub last_outcome: Option<String>,
    /// When it is sent next at the earliest, in milliseconds since 1970.
    pub next_attempt_at_ms: Option<u64>,
    /// When the event was written, in milliseconds since 1970.
    pub created_at_ms: u64,
}

/// A page of deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DeliveryPage {
    /// The newest first.
    pub deliveries: Vec<Delivery>,
    /// Send it as `before` to get the next page; `null` on the last one.
    pub next: Option<String>,
}
