//! What the black-box tests share: an HTTP client, a shop on real workerd, and its people.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking, and so does what helps it"
)]

pub mod cart;
mod client;
mod link;
mod receiver;
mod sale;
mod shop;
mod shopper;
pub mod stripe;

use std::thread::sleep;
use std::time::Duration;

use doorbuster_domain::time::Timestamp;
use xtask::clock::Stopwatch;

pub use client::{Answer, Request};
pub use link::Link;
pub use receiver::{Received, Receiver};
pub use sale::{SKU, Sale, charged, fifo, rules, window};
pub use shop::{SAMPLE_CATALOG, Shop, start_server};
pub use shopper::Shopper;

const PAUSE_MIN: Duration = Duration::from_millis(10);
/// One address may ask ten times a second for as long as it likes.
const PAUSE_MAX: Duration = Duration::from_millis(110);

/// Looks until there is something to see; fails when there is nothing within 20 seconds.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let (watch, mut pause) = (Stopwatch::start(), PAUSE_MIN);
    while watch.elapsed() < Duration::from_secs(20) {
        if let Some(seen) = look() {
            return seen;
        }
        sleep(pause);
        pause = pause.saturating_mul(2).min(PAUSE_MAX);
    }
    panic!("within 20 s it did not happen that {what}");
}

/// The moment by this machine's clock, which workerd goes by too.
pub fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_millis(u64::try_from(since_1970.as_millis()).unwrap())
}
