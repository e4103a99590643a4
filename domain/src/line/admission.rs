//! How fast people are let in, and why not faster.
//!
//! The least of four rules decides: what the merchant allows each minute, how many may be about to
//! buy at the same time, what the stock still gives for those who were let in already, and what the
//! slowest part of the service is coping with. All of it is memory: after a crash the estimates
//! begin anew, on the cautious side: everybody who was admitted has come, and buys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::arithmetic::{real, whole};
use super::conversion::Conversion;
use super::frontier::Frontier;
use super::joined::Joined;
use super::passage::Passage;
pub use super::rate::{Limits, Rate, RateReason, Units};
use super::report::Report;
use super::sale::SaleRules;
use super::service::{Health, Service};
use super::shown::Shown;
use crate::time::{Millis, Timestamp};

/// What a decision has to last for: as long as a published frontier speaks.
const HORIZON: Millis = Millis::from_secs(2);

/// With it, and with what was promised before for as long, a minute.
const REST_OF_MINUTE: Millis = Millis::from_secs(56);

/// What is left of a limit is used up over so many horizons, so that the line slows down before it
/// has to stop: people can be told how long it takes.
const SLOWING: f64 = 5.0;

/// The same for what is left of the stock: units that nobody may have yet are the worse thing.
const STOCK_SLOWING: f64 = 3.0;

/// Of those who do not come, so many may come all at once before it is noticed.
const CHANGING: f64 = 0.15;

/// Units that are expected to be wanted, as a share of those available: never more than all.
pub const STOCK_SAFETY: f64 = 1.0;

/// Once it is nearly sure that nobody who was let in buys the last units, one more is let in.
const LAST_UNITS: f64 = 0.5;

/// Stock that cannot be reached is called so only beyond so many times what is expected.
const REACH_SAFETY: f64 = 1.25;

/// Where the line stands when a rate is decided.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The moment.
    pub now: Timestamp,
    /// Since when the sale is open, or open again.
    pub since: Timestamp,
    /// Positions up to this one are admitted.
    pub frontier: u64,
    /// Positions up to this one will be, whatever is decided: it was published.
    pub promised: u64,
    /// The line that leads there.
    pub line: &'a Frontier,
    /// How it came there.
    pub passage: &'a Passage,
    /// How many positions were drawn.
    pub entries: u64,
    /// What the merchant allows.
    pub limits: Limits,
    /// Units of one SKU that one shopper may have.
    pub per_shopper_max: u32,
}

/// People who were admitted in the same second and came.
#[derive(Debug, Clone, Copy, Default)]
struct Cohort {
    /// How many came for their pass.
    came: u64,
    /// How many of them may yet reserve.
    open: u64,
    /// How old their passes are, in the steps of `Conversion`.
    age: usize,
}

/// What is known of those who were let in.
#[derive(Debug)]
pub struct Admission {
    pass_ttl: Millis,
    /// By the second of their admission.
    cohorts: BTreeMap<u64, Cohort>,
    conversion: Conversion,
    shown: Shown,
    service: Service,
    joined: Joined,
    /// Whether those who were admitted before all of this was in memory are accounted for.
    began: bool,
    /// Up to when passes were taken to have lived.
    lived_up_to: Timestamp,
}

/// Of a longer time without a look nothing is learnt: who knows what happened in it.
const LIVED_MAX: Millis = Millis::from_secs(10);

impl Admission {
    /// So long the moments of admission are needed, however short passes are good.
    pub(super) const WINDOW: Millis = Shown::WINDOW;

    /// Nothing is known yet of a sale under these rules.
    pub fn new(rules: &SaleRules) -> Self {
        Self {
            pass_ttl: rules.pass_ttl_ms,
            cohorts: BTreeMap::new(),
            conversion: Conversion::default(),
            shown: Shown::default(),
            service: Service::default(),
            joined: Joined::new(rules.places_per_client),
            began: false,
            lived_up_to: Timestamp::default(),
        }
    }

    /// Takes note of what an edge has seen.
    pub fn note(&mut self, report: &Report, now: Timestamp) {
        for (second, people) in &report.arrived {
            let age = self.age(*second, now);
            self.shown.arrived(now.as_secs().saturating_sub(*second), *people);
            let cohort = self.cohorts.entry(*second).or_insert(Cohort { age, ..Cohort::default() });
            cohort.came = cohort.came.saturating_add(*people);
            cohort.open = cohort.open.saturating_add(*people);
            self.conversion.came(*people);
        }
        let mut units = report.units;
        for (second, people) in &report.reserved {
            let age = self.age(*second, now);
            self.conversion.reserved(age, *people, std::mem::take(&mut units));
            self.close(*second, *people);
        }
        for (second, people) in &report.left {
            self.conversion.gave_back(*people);
            self.close(*second, *people);
        }
        self.service.note_payments(report.payments);
        self.joined.note(report, now);
    }

    /// The address ranges that have as many places as may be.
    pub(super) fn full_clients(&self) -> &[u64] {
        self.joined.full_clients()
    }

    fn close(&mut self, second: u64, people: u64) {
        if let Some(cohort) = self.cohorts.get_mut(&second) {
            cohort.open = cohort.open.saturating_sub(people);
        }
    }

    fn age(&self, second: u64, now: Timestamp) -> usize {
        let since = Timestamp::default().plus(Millis::from_secs(second));
        Conversion::age(now.since(since), self.pass_ttl)
    }

    /// Decides how fast the line goes on.
    pub fn decide(&mut self, standing: &Standing<'_>, units: Units, health: Health) -> Rate {
        if !self.began && !units.unknown {
            self.begin(standing, units);
        }
        self.grow_old(standing.now);
        let cohorts = &self.cohorts;
        self.shown.learn(standing, |second| cohorts.get(&second).map_or(0, |cohort| cohort.came));
        self.service.judge(health, standing.now);
        let share = self.share(standing);
        if units.unknown && units.available == 0 {
            return Rate { per_minute: 0, reason: RateReason::StockUnknown };
        }
        let allowed = [
            (self.by_minute(standing), RateReason::AdmitsPerMinute),
            (self.by_active_users(standing, units), RateReason::ActiveUsers),
            (self.by_stock(standing, units), stock_reason(units)),
            (self.by_service(standing), self.service.reason()),
        ];
        let least = allowed.into_iter().reduce(|a, b| if b.0 < a.0 { b } else { a });
        let (people, reason) = least.unwrap_or((0.0, RateReason::StockUnknown));
        let minute = real(60_000) / real(HORIZON.get());
        Rate { per_minute: whole(people.max(0.0) * minute / share + 1e-6), reason }
    }

    /// Takes everybody whose position was admitted while passes are good to have come, and the
    /// units that are taken to be theirs who came first.
    fn begin(&mut self, standing: &Standing<'_>, units: Units) {
        self.began = true;
        let taken = real(units.on_hand.saturating_sub(units.available));
        let mut buyers = whole(taken / self.conversion.units(standing.per_shopper_max));
        for (second, (from, to)) in Shown::recent(standing, self.pass_ttl) {
            let (came, age) = (to.saturating_sub(from), self.age(second, standing.now));
            let open = came.saturating_sub(buyers);
            buyers = buyers.saturating_sub(came);
            if came > 0 {
                self.cohorts.entry(second).or_insert(Cohort { came, open, age });
            }
        }
    }

    /// Lets passes grow old, and forgets those that have expired.
    fn grow_old(&mut self, now: Timestamp) {
        let ttl = self.pass_ttl;
        let time = now.since(self.lived_up_to).min(LIVED_MAX);
        self.lived_up_to = now;
        let half = Millis::new(time.get() / 2);
        let conversion = &mut self.conversion;
        self.cohorts.retain(|second, cohort| {
            let since = Timestamp::default().plus(Millis::from_secs(*second));
            let middle = Conversion::age(now.since(since.plus(half)), ttl);
            conversion.lived(middle, cohort.open, time, ttl);
            let age = Conversion::age(now.since(since), ttl);
            if cohort.age < Conversion::AGES && age >= Conversion::AGES {
                conversion.ended(cohort.open);
            }
            cohort.age = age;
            now.since(since) < ttl.max(Shown::WINDOW)
        });
    }

    fn came_in(&self, second: u64) -> u64 {
        self.cohorts.get(&second).map_or(0, |cohort| cohort.came)
    }

    /// The share of positions behind which somebody comes, of those next in line.
    fn share(&self, standing: &Standing<'_>) -> f64 {
        self.shown.share(standing.frontier >= standing.entries)
    }

    /// People who were admitted in the last seconds, or will be by what was published, and may yet
    /// come.
    fn still_coming(&self, standing: &Standing<'_>) -> f64 {
        let coming = Shown::recent(standing, Shown::WITHIN).map(|(second, span)| {
            let passed = standing.now.as_secs().saturating_sub(second);
            self.shown.still_coming(standing, span, self.came_in(second), passed)
        });
        coming.sum::<f64>() + self.promised(standing)
    }

    fn promised(&self, standing: &Standing<'_>) -> f64 {
        self.shown.people(standing, (standing.frontier, standing.promised))
    }

    fn by_minute(&self, standing: &Standing<'_>) -> f64 {
        let most = f64::from(standing.limits.admits_per_minute_max);
        let share = self.share(standing);
        // What is estimated has an error, and may be changing; the rule is to hold all the same.
        let gone = (1.0 - share).max(0.0);
        let error = 3.0 * (gone / most).sqrt() + CHANGING * gone;
        let most = most / (1.0 + error.max(0.0));
        let admitted = Shown::recent(standing, REST_OF_MINUTE).map(|(second, span)| {
            let came = real(self.came_in(second));
            let old = standing.now.as_secs().saturating_sub(second);
            let all_came = Millis::from_secs(old) > Shown::WITHIN;
            if all_came { came } else { came.max(self.shown.people(standing, span)) }
        });
        let left = most - admitted.sum::<f64>() - self.promised(standing);
        left.min(most * real(HORIZON.get()) / 60_000.0)
    }

    fn by_active_users(&self, standing: &Standing<'_>, units: Units) -> f64 {
        let open: u64 = self.live().map(|cohort| cohort.open).sum();
        let in_checkout = real(units.reserved) / self.conversion.units(standing.per_shopper_max);
        let most = f64::from(standing.limits.active_users_max);
        (most - real(open) - in_checkout - self.still_coming(standing)) / SLOWING
    }

    /// Those whose passes are still good.
    fn live(&self) -> impl Iterator<Item = &Cohort> {
        self.cohorts.values().filter(|cohort| cohort.age < Conversion::AGES)
    }

    /// Units that those who were let in are expected to reserve yet.
    fn expected(&self, standing: &Standing<'_>) -> f64 {
        let people: f64 = self
            .live()
            .map(|cohort| real(cohort.open) * self.conversion.expected(cohort.age))
            .sum();
        let coming = self.still_coming(standing) * self.conversion.expected_of_new();
        (people + coming) * self.conversion.units(standing.per_shopper_max)
    }

    fn by_stock(&self, standing: &Standing<'_>, units: Units) -> f64 {
        let (available, expected) = (real(units.available), self.expected(standing));
        let each =
            self.conversion.expected_of_new() * self.conversion.units(standing.per_shopper_max);
        let people = (available * STOCK_SAFETY - expected) / each;
        if people < SLOWING && units.available > 0 && expected < available * LAST_UNITS {
            // A few units are not to wait for each other.
            return people.max(1.0);
        }
        people / STOCK_SLOWING
    }

    fn by_service(&self, standing: &Standing<'_>) -> f64 {
        let most = f64::from(standing.limits.admits_per_minute_max);
        most * self.service.share() * real(HORIZON.get()) / 60_000.0
    }

    /// The last position that the stock is likely to reach; nothing as long as too little has been
    /// seen to say so.
    pub fn reach(&self, standing: &Standing<'_>, units: Units, allocated: u64) -> Option<u64> {
        if units.unknown {
            return None;
        }
        let left = real(units.on_hand.saturating_sub(allocated));
        let each = self.conversion.at_least()? * self.conversion.units(standing.per_shopper_max);
        let positions = REACH_SAFETY * left / (each * self.share(standing));
        Some(standing.frontier.saturating_add(whole(positions)))
    }

    /// What the merchant is told of those who were let in.
    pub fn view(&self, standing: &Standing<'_>) -> AdmissionView {
        let hundredths = |share: f64| u32::try_from(whole(share * 100.0 + 0.5)).unwrap_or(100);
        AdmissionView {
            with_pass: self.live().map(|cohort| cohort.open).sum(),
            show_up_percent: hundredths(self.share(standing)),
            conversion_percent: hundredths(self.conversion.expected_of_new()),
            came_last_minute: Shown::recent(standing, Millis::from_secs(60))
                .map(|(second, _)| self.came_in(second))
                .sum(),
            joined_last_minute: self.joined.last_minute(),
        }
    }
}

/// What is known of those who were let in, in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AdmissionView {
    /// People with a pass who have not reserved yet.
    pub with_pass: u64,
    /// Of a hundred positions that are admitted, behind how many somebody comes.
    pub show_up_percent: u32,
    /// Of a hundred people who come, how many are expected to reserve.
    pub conversion_percent: u32,
    /// People admitted in the last minute who came.
    pub came_last_minute: u64,
    /// People who took a place in the last minute.
    pub joined_last_minute: u64,
}

const fn stock_reason(units: Units) -> RateReason {
    if units.available > 0 {
        RateReason::Stock
    } else if units.reserved > 0 || units.unknown {
        RateReason::AllReserved
    } else {
        RateReason::SoldOut
    }
}
