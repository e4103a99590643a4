//! Dead letters: queue messages that could not be handled after all their attempts.

use serde::{Deserialize, Serialize};

/// A page of dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DeadLetterPage {
    /// How many there are in all that something can still be done about: they are kept, can be
    /// read, and their order has not come into the books since.
    pub open: u64,
    /// The dead letters, by their numbers.
    pub letters: Vec<DeadLetter>,
    /// Send it as `after` to get the next page; `null` on the last one.
    pub next: Option<String>,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DeadLetter {
    /// Its number.
    pub number: u64,
    /// Where it lies: the name of a queue that ends in `-dead`.
    pub queue: String,
    /// When it first died, in milliseconds since 1970.
    pub received_at_ms: u64,
    /// What it asks for: `settle`, `void` or `refund`, or something of the `sandbox`; `null` if it
    /// cannot be read.
    pub task: Option<String>,
    /// The sale.
    pub sale: Option<String>,
    /// The SKU.
    pub sku: Option<String>,
    /// The order that is to be settled.
    pub order: Option<String>,
    /// The payment.
    pub payment: Option<String>,
    /// The kind of problem it met last, such as `unavailable`; `unreadable` if it cannot be read,
    /// and `unknown` if nothing could be noted.
    pub kind: String,
    /// Why it could not be handled, for people.
    pub reason: String,
    /// When it was last tried, in milliseconds since 1970.
    pub failed_at_ms: Option<u64>,
    /// `kept`; or `replayed`, until it dies again.
    pub state: String,
    /// When it was put back onto its queue, in milliseconds since 1970.
    pub replayed_at_ms: Option<u64>,
    /// Whether its order is in the books by now.
    pub in_books: bool,
    /// How its text begins, if it cannot be read; at most 200 characters.
    pub excerpt: Option<String>,
}
