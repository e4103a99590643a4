//! What the merchant's shop is told: webhooks by Standard Webhooks 1.0.0
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! Here is every rule of them: where they may go ([`Address`]), what they say ([`Event`],
//! [`of_stock`], [`of_sale`]), how they
//! are signed ([`Secret`]), when they are tried again ([`Schedule`]), and when an endpoint that
//! does not answer is left alone ([`Breaker`]). Sending and storing is done elsewhere.

use crate::time::Millis;

mod address;
mod breaker;
mod event;
mod happened;
mod outcome;
mod schedule;
mod secret;
mod telling;

pub use address::{ADDRESS_LEN_MAX, Address, AddressError, Reach};
pub use breaker::{Breaker, FAILURES_MAX, IN_FLIGHT_MAX};
pub use event::{Data, Event, EventKind};
pub use happened::{of_sale, of_stock};
pub use outcome::{Next, Verdict};
pub use schedule::Schedule;
pub use secret::{Scheme, Secret, SecretError, signatures};
pub use telling::Telling;

/// So many endpoints a shop can have: each costs every order a row for every event.
pub const ENDPOINTS_MAX: u64 = 16;
/// How long the secret before the present one signs, too.
pub const PREVIOUS_SIGNS: Millis = Millis::from_secs(24 * 3600);
