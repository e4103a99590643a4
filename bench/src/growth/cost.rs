//! CPU per answer of a process whose objects have grown, beside one whose have not.

use std::time::Duration;

use anyhow::{Result, bail};
use doorbuster_domain::id::SaleId;
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::Timestamp;
use xtask::clock;

use super::door::Door;
use super::stock;
use crate::load::{self, Load, Stop, Workload};
use crate::workloads::{Poll, Reserve, SALE, WAITING};

/// CPU, and what was done with it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    cpu_ns: u64,
    answers: u64,
}

impl Spent {
    /// This and more.
    pub(super) fn add(&mut self, more: Self) {
        self.cpu_ns = self.cpu_ns.saturating_add(more.cpu_ns);
        self.answers = self.answers.saturating_add(more.answers);
    }

    /// Whether nothing was done at all.
    pub(super) const fn is_nothing(self) -> bool {
        self.answers == 0
    }

    /// Microseconds per answer.
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of minutes are below 2^53")]
    pub(super) fn us(self) -> f64 {
        self.cpu_ns as f64 / 1_000.0 / self.answers.max(1) as f64
    }
}

/// The shoppers of a run, of whom none comes twice.
pub(super) struct Shoppers<'k> {
    keyring: &'k Keyring,
    next: u64,
}

impl<'k> Shoppers<'k> {
    pub(super) const fn new(keyring: &'k Keyring) -> Self {
        Self { keyring, next: 0 }
    }

    /// They reserve through the edge, all connections busy, until it is enough.
    pub(super) fn reserve(&mut self, door: &Door, sku: &str, stop: Stop) -> Result<Spent> {
        let now = Timestamp::from_millis(clock::now_ms());
        let mut reserve = Reserve::new(self.keyring, SALE.parse()?, now, self.next).of(sku);
        let spent = under_load(door, &mut reserve, stop)?;
        self.next = self.next.saturating_add(spent.answers);
        Ok(spent)
    }

    /// They reserve in batches that go to the object at once.
    pub(super) fn reserve_in_batches(
        &mut self,
        door: &Door,
        object: &str,
        (batches, length): (u64, u64),
    ) -> Result<Spent> {
        let reservations = stock::reservations("in-batches", self.next, batches, length)?;
        let answers = batches.saturating_mul(length);
        self.next = self.next.saturating_add(answers);
        let before = door.cpu_ns()?;
        door.feed_text(object, &reservations)?;
        Ok(Spent { cpu_ns: door.cpu_ns()?.saturating_sub(before), answers })
    }
}

/// The last people in a line poll for so long, all connections busy.
pub(super) fn poll(door: &Door, keyring: &Keyring, last: u64, time: Duration) -> Result<Spent> {
    let now = Timestamp::from_millis(clock::now_ms());
    let first = last.saturating_sub(WAITING).saturating_add(1);
    let mut poll = Poll::from_number(keyring, &SALE.parse::<SaleId>()?, now, first);
    under_load(door, &mut poll, Stop::After(time))
}

fn under_load(door: &Door, workload: &mut dyn Workload, stop: Stop) -> Result<Spent> {
    let before = door.cpu_ns()?;
    let ran = load::run(&mut Load { stop, ..Load::new(door.addr(), workload) })?;
    if !ran.is_clean() {
        bail!("{} errors, {} wrong answers: {:?}", ran.errors, ran.wrong, ran.complaints);
    }
    Ok(Spent { cpu_ns: door.cpu_ns()?.saturating_sub(before), answers: ran.done })
}
