//! What an isolate keeps of the lines that people join through it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use doorbuster_domain::id::{SaleId, ShopperId};
use doorbuster_domain::line::{Lane, Place, Report, Wanted};
use doorbuster_domain::time::Timestamp;

/// Lines kept in memory: as many as sales whose status is.
const LINES_MAX: usize = 500;
/// People of one line who are remembered, of each kind. Who is forgotten is counted again.
const PEOPLE_MAX: usize = 10_000;

/// The lines, by sale. All of it can be lost: numbers that were leased become empty places, and the
/// room estimates by what it hears from others.
#[derive(Default)]
pub(crate) struct Lines(RefCell<BTreeMap<SaleId, Line>>);

#[derive(Default)]
struct Line {
    lane: Lane,
    report: Report,
    /// Places taken here, by the digest of the client's address range.
    places: BTreeMap<u64, u32>,
    /// The numbers of those who joined, for who asks again without the ticket: another tab, or an
    /// app whose answer got lost.
    joined: BTreeMap<ShopperId, (u64, Timestamp)>,
    /// The numbers of those who came for their pass, and of those who gave it back.
    came: BTreeSet<u64>,
    left: BTreeSet<u64>,
}

impl Lines {
    fn with<T>(&self, sale: &SaleId, act: impl FnOnce(&mut Line) -> T) -> T {
        let mut all = self.0.borrow_mut();
        if all.len() >= LINES_MAX && !all.contains_key(sale) {
            all.pop_first();
        }
        act(all.entry(sale.clone()).or_default())
    }

    /// The number that a shopper got here, and when.
    pub(crate) fn joined(&self, sale: &SaleId, shopper: ShopperId) -> Option<(u64, Timestamp)> {
        self.with(sale, |line| line.joined.get(&shopper).copied())
    }

    /// Who gave the place up gets another one by joining again.
    pub(crate) fn forget(&self, sale: &SaleId, shopper: ShopperId) {
        self.with(sale, |line| line.joined.remove(&shopper));
    }

    /// Places that were taken from a client's addresses through here.
    pub(crate) fn places(&self, sale: &SaleId, client: u64) -> u32 {
        self.with(sale, |line| line.places.get(&client).copied().unwrap_or_default())
    }

    /// The next number, if one is leased.
    pub(crate) fn take(&self, sale: &SaleId, now: Timestamp) -> Place {
        self.with(sale, |line| line.lane.take(now))
    }

    /// Takes in what a lease that was asked for came to, and the first number of it.
    pub(crate) fn leased(
        &self,
        sale: &SaleId,
        wanted: Wanted,
        block: Option<(u64, u64)>,
    ) -> Option<u64> {
        self.with(sale, |line| line.lane.leased(wanted, block))
    }

    /// Somebody joined.
    pub(crate) fn count_joined(
        &self,
        sale: &SaleId,
        client: u64,
        shopper: ShopperId,
        number: u64,
        at: Timestamp,
    ) {
        self.with(sale, |line| {
            line.report.joined = line.report.joined.saturating_add(1);
            bound(&mut line.joined);
            line.joined.insert(shopper, (number, at));
            bound(&mut line.places);
            for places in [&mut line.places, &mut line.report.places] {
                let taken = places.entry(client).or_default();
                *taken = taken.saturating_add(1);
            }
        });
    }

    /// Somebody who was admitted at `since` came for the pass.
    pub(crate) fn count_arrived(&self, sale: &SaleId, number: u64, since: Timestamp) {
        self.with(sale, |line| {
            if is_new(&mut line.came, number) {
                line.report.count_arrived(since);
            }
        });
    }

    /// Somebody who was admitted at `since` reserved so many units.
    pub(crate) fn count_reserved(&self, sale: &SaleId, since: Timestamp, units: u32) {
        self.with(sale, |line| line.report.count_reserved(since, units.into()));
    }

    /// Somebody who was admitted at `since` gave the pass back.
    pub(crate) fn count_left(&self, sale: &SaleId, number: u64, since: Timestamp) {
        self.with(sale, |line| {
            if is_new(&mut line.left, number) {
                line.report.count_left(since);
            }
        });
    }

    /// A payment began, or the provider did not let it.
    pub(crate) fn count_payment(&self, sale: &SaleId, begun: bool) {
        self.with(sale, |line| {
            let (good, bad) = &mut line.report.payments;
            let count = if begun { good } else { bad };
            *count = count.saturating_add(1);
        });
    }

    /// What the room has not heard yet.
    pub(crate) fn take_report(&self, sale: &SaleId) -> Report {
        self.with(sale, |line| std::mem::take(&mut line.report))
    }

    /// The room did not get a report.
    pub(crate) fn put_back(&self, sale: &SaleId, report: Report) {
        self.with(sale, |line| line.report.add(report));
    }
}

/// Makes room for one more.
fn bound<K: Ord, V>(known: &mut BTreeMap<K, V>) {
    if known.len() >= PEOPLE_MAX {
        known.clear();
    }
}

fn is_new(known: &mut BTreeSet<u64>, number: u64) -> bool {
    if known.len() >= PEOPLE_MAX {
        known.clear();
    }
    known.insert(number)
}
