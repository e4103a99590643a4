//! Every rule of a Doorbuster sale, and nothing else.
//!
//! This crate has no clock, no randomness and no IO: `now` and random bytes are arguments. It does
//! not know Workers, HTTP or JavaScript, so everything in it runs natively in milliseconds and
//! replays to the same state everywhere.
//!
//! The promises it keeps, stated once:
//!
//! 1. No oversell: `reserved + allocated <= on_hand` after every event, for every SKU.
//! 2. One answer per act: the same idempotency key gets the same answer; with other content it is
//!    refused and nothing changes.
//! 3. No undersell: what is released or expires is offered again.
//! 4. A shopper who is paying is never robbed: a reservation in `paying` ends only by the
//!    provider's word.
//! 5. A place in the line only improves.

pub mod breaker;
pub mod cart;
pub mod catalog;
pub mod charges;
pub mod contact;
pub mod hex;
pub mod id;
pub mod inventory;
pub mod journal;
pub mod line;
pub mod machine;
pub mod money;
pub mod order_number;
pub mod outbox;
pub mod rate_limit;
pub mod sandbox;
pub mod sealed;
mod sorted;
mod spelling;
pub mod stripe;
pub mod time;
pub mod webhook;
