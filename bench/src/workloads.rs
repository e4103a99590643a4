//! What shoppers send, as the generator wants it, and the shapes that a sale's load can have.

mod agenda;
pub mod burst;
pub mod drain;
pub mod duplicates;
pub mod expiry;
pub mod second_opinion;
pub mod shapes;
mod shop;
pub(crate) mod shoppers;
pub mod sold_out;
mod summing;
pub mod zipf;

use std::io::Write as _;

use doorbuster_domain::id::{SaleId, ShopperId};
use doorbuster_domain::sealed::{Keyring, Ticket};
use doorbuster_domain::time::{Millis, Timestamp};

use self::shoppers::{Shoppers, secret_of};
use crate::load::{Reply, Workload, render_into};

/// The sale and the SKU of every run.
pub const SALE: &str = "bench";
/// A SKU of the sample catalog.
pub const SKU: &str = "MUG-SEA";
/// What Cloudflare, or a proxy of one's own, tells of whoever asks; see `CLIENT_ADDRESS_HEADER`.
pub const CLIENT: (&str, &str) = ("cf-connecting-ip", "192.0.2.7");
/// Longer than any run.
const VALID_FOR: Millis = Millis::from_secs(4 * 3600);
/// So far back in the line that nobody is let in during a run.
const FAR_BACK: u64 = 10_000_000_000;

/// Reserving one unit: each request is another shopper's, with a pass of their own.
pub struct Reserve<'k> {
    shoppers: Shoppers<'k>,
    next: u64,
    expected: u16,
}

impl<'k> Reserve<'k> {
    /// Shoppers who are all to be answered with this status, counted on from `first`.
    pub fn new(keyring: &'k Keyring, sale: SaleId, now: Timestamp, first: u64) -> Self {
        Self { shoppers: Shoppers::new(keyring, sale, SKU, now), next: first, expected: 201 }
    }

    /// The same, in front of this SKU.
    #[must_use]
    pub fn of(self, sku: &str) -> Self {
        Self { shoppers: self.shoppers.of(sku), ..self }
    }

    /// The same, of whom all are to be refused.
    #[must_use]
    pub fn refused(self) -> Self {
        Self { expected: 409, ..self }
    }
}

impl Workload for Reserve<'_> {
    fn write(&mut self, _number: u64, out: &mut Vec<u8>) -> u8 {
        self.shoppers.reserve(out, self.next, "k", 1);
        self.next = self.next.saturating_add(1);
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        if reply.status == self.expected { Ok(0) } else { Err(reply.unexpected()) }
    }
}

/// Asking whether it is one's turn, by people who have to wait.
pub struct Poll {
    requests: Vec<Vec<u8>>,
}

/// So many people poll in turn.
pub const WAITING: u64 = 1_000;

impl Poll {
    /// People so far back in the line of a sale that they wait in any case.
    pub fn new(keyring: &Keyring, sale: &SaleId, now: Timestamp) -> Self {
        Self::from_number(keyring, sale, now, FAR_BACK)
    }

    /// The [`WAITING`] people in the line from number `first` on.
    pub fn from_number(keyring: &Keyring, sale: &SaleId, now: Timestamp, first: u64) -> Self {
        let request = |number: u64| {
            let secret = secret_of(number);
            let ticket = keyring.seal(&Ticket {
                sale: sale.clone(),
                shopper: ShopperId::of_secret(secret.as_bytes()),
                number: first.saturating_add(number),
                commitment: [0; 16],
                issued_at: now,
                expires_at: now.plus(VALID_FOR),
            });
            let headers = [("doorbuster-ticket", &*ticket), CLIENT];
            let mut out = Vec::new();
            render_into(&mut out, "GET", &format!("/v1/sales/{SALE}/turn"), &headers, b"");
            out
        };
        Self { requests: (0..WAITING).map(request).collect() }
    }
}

impl Workload for Poll {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        let place = usize::try_from(number.checked_rem(WAITING).unwrap_or(0)).unwrap_or(0);
        // Writing into memory does not fail.
        let _ = self.requests.get(place).map(|request| out.write_all(request));
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        let waits = reply.body.windows(9).any(|part| part == b"\"waiting\"");
        if reply.status == 200 && waits { Ok(0) } else { Err(reply.unexpected()) }
    }
}
