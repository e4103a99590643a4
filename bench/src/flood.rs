//! Paying through one edge while another edge of the same sale is flooded.
//!
//! The objects have a process of their own, and so has each of the two edges. The flooded edge has
//! one core for itself; the objects, the edge through which people pay and the generator share the
//! other. So what the flood takes from those who pay, it takes through the objects.
//!
//! There are two floods. Of a SKU that is sold out the edge itself refuses, and may ask objects for
//! nothing but a fresh status. Of a SKU whose last units are all with people who are paying, units
//! may come back at any moment, so the object refuses, in batches: the very object that those who
//! pay need. Only the first is promised anything of.

mod place;
mod requests;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::Timestamp;
use serde::Serialize;
use xtask::clock;

use self::place::{Calls, Place};
use self::requests::{Holder, Late, Paying, Reserving};
use crate::figures::Figure;
use crate::load::{self, Arrivals, Load, Pace, Ran, Stop};
use crate::rounds::{Plan, fresh};
use crate::workloads::SALE;
use crate::workloads::shoppers::Shoppers;

/// What people hold and pay.
const HELD: &str = "RUN1-42";
/// What is sold out.
const GONE: &str = "MUG-SEA";
/// So many holders begin to pay in a second, a small part of what can: it is not their own number
/// that makes them wait.
const PAYING_PER_SECOND: f64 = 200.0;
/// The flood comes with this many times what its edge can refuse.
const TIMES_CAPACITY: f64 = 2.0;
/// Holders who pay before anything is counted, so that V8 has optimised what it will.
const WARM_UP: u64 = 300;
/// Holders who pay in a phase before it counts, while the flood begins.
const LEAD_IN: u64 = 50;
/// A flood has come for so long before those who pay. Then somebody looks at the sale's page, as
/// people do, so that its edge knows the status again.
const ONSET: Duration = Duration::from_millis(300);
/// A flood outlasts those who pay, whose arrivals are by chance.
const OUTLASTS: Duration = Duration::from_secs(1);

/// Both floods.
#[derive(Debug, Serialize)]
pub struct Flood {
    /// Of a SKU that is sold out, while people pay for another SKU of the sale.
    pub sold_out: Case,
    /// Of the SKU that people pay for, whose units are all reserved.
    pub all_reserved: Case,
}

/// What one flood did. A value per round.
#[derive(Debug, Serialize)]
pub struct Case {
    /// Refusals a second of the flooded edge, all connections busy and nobody paying.
    pub capacity_per_second: Figure,
    /// Requests a second that the flood came with.
    pub offered_per_second: Figure,
    /// Right refusals a second of the flooded edge in the flood.
    pub goodput_per_second: Figure,
    pub paying_per_second: f64,
    /// Counted payments of a phase.
    pub payments: u64,
    pub paying_alone_p50_us: Figure,
    pub paying_alone_p99_us: Figure,
    pub paying_flooded_p50_us: Figure,
    pub paying_flooded_p99_us: Figure,
    /// The second p99 divided by the first, in each round.
    pub paying_p99_ratio: Figure,
    /// The 99th percentile of what the generator itself was late in the flood.
    pub generator_late_p99_us: Figure,
    pub flood_seconds: Figure,
    pub flood_refusals: Figure,
    /// Calls of objects by the flooded edge in that time: all of them, and of them those that only
    /// refresh its status. Of what is sold out there should be no others.
    pub flood_object_requests: Figure,
    pub flood_status_requests: Figure,
    pub flood_object_requests_per_second: Figure,
    /// Its calls in the 0.3 s before that, when it had been quiet so long that what it knew was of
    /// no use. Whoever comes asks then, until the first is answered; and if the room has slept as
    /// well, what it answers may not tell the stock, and then the object refuses.
    pub onset_object_requests: Figure,
}

/// One flood in one round.
struct Round {
    capacity: f64,
    alone: Ran,
    flooded: Ran,
    flood: Ran,
    calls: Calls,
    onset: Calls,
}

/// What came of those who paid in a flood, and of the flood.
struct Flooded {
    paying: Ran,
    flood: Ran,
    calls: Calls,
    onset: Calls,
}

/// A flood, and what refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    SoldOut,
    AllReserved,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::SoldOut => "paying_under_flood_sold_out",
            Self::AllReserved => "paying_under_flood_all_reserved",
        }
    }

    /// What is asked for, and what that leads to.
    const fn asked(self) -> (&'static str, &'static str) {
        match self {
            Self::SoldOut => (GONE, "#sold-out"),
            Self::AllReserved => (HELD, "#all-reserved"),
        }
    }
}

/// How long it is measured.
struct Times {
    payments: u64,
    capacity: Duration,
}

/// Measures both floods, if the plan wants them.
pub fn run(plan: &Plan, dir: &Path, keyring: &Keyring) -> Result<Option<Flood>> {
    if !plan.wants("paying_p99_under_flood") {
        return Ok(None);
    }
    let times = if plan.is_full() {
        Times { payments: 1_000, capacity: Duration::from_secs(3) }
    } else {
        Times { payments: 200, capacity: Duration::from_millis(800) }
    };
    let case = |kind: Kind| -> Result<Case> {
        let mut rounds = Vec::new();
        for number in 1..=plan.rounds {
            let place = Place::start(&fresh(&dir.join(kind.name()))?, keyring)?;
            let round = round(kind, &place, keyring, &times, number)?;
            let (alone, flooded) = (round.alone.summary().p99_us, round.flooded.summary().p99_us);
            eprintln!("round {number}  {:32} p99 {alone} us alone, {flooded} us", kind.name());
            rounds.push(round);
        }
        Ok(Case::of(&rounds, times.payments))
    };
    Ok(Some(Flood { sold_out: case(Kind::SoldOut)?, all_reserved: case(Kind::AllReserved)? }))
}

fn round(
    kind: Kind,
    place: &Place,
    keyring: &Keyring,
    times: &Times,
    number: u32,
) -> Result<Round> {
    let now = Timestamp::from_millis(clock::now_ms());
    let shoppers = Shoppers::new(keyring, SALE.parse()?, HELD, now);
    let phase = LEAD_IN.saturating_add(times.payments);
    let holders = WARM_UP.saturating_add(phase.saturating_mul(2));
    place.open(&[(HELD, u32::try_from(holders)?), (GONE, 0)])?;
    let mut reserving = Reserving { shoppers: &shoppers, holders: Vec::new() };
    clean(Load { stop: Stop::Count(holders), ..Load::new(place.paying(), &mut reserving) })?;
    let holders = reserving.holders;
    place.wait_until_told(HELD, "all_reserved")?;
    place.wait_until_told(GONE, "sold_out")?;
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let (warm, rest) = holders.split_at_checked(count(WARM_UP)).unwrap_or_default();
    let (first, second) = rest.split_at_checked(count(phase)).unwrap_or_default();
    pay_alone(place, &shoppers, warm, number)?;

    place.look(GONE, "sold_out")?;
    let (sku, refusal) = kind.asked();
    let mut late = Late::new(&shoppers.clone().of(sku), refusal);
    let capacity = capacity(place, &mut late, times.capacity)?;
    // Whoever is second finds everything a little warmer, so they take turns.
    let (alone, flooded) = if number.is_multiple_of(2) {
        let flooded = pay_under_flood(place, &shoppers, first, &mut late, capacity, number)?;
        (pay_alone(place, &shoppers, second, number)?, flooded)
    } else {
        let alone = pay_alone(place, &shoppers, first, number)?;
        (alone, pay_under_flood(place, &shoppers, second, &mut late, capacity, number)?)
    };
    let Flooded { paying, flood, calls, onset } = flooded;
    Ok(Round { capacity, alone, flooded: paying, flood, calls, onset })
}

/// Refusals a second with all connections busy, after as long a time that does not count.
fn capacity(place: &Place, late: &mut Late, time: Duration) -> Result<f64> {
    let mut run = || {
        let stop = Stop::After(time);
        clean(Load { stop, ..Load::new(place.flooded(), &mut *late) })
    };
    run()?;
    Ok(run()?.per_second())
}

/// The load of those who pay.
fn paying<'w>(place: &Place, payments: &'w mut Paying<'_, '_>, round: u32) -> Load<'w> {
    let count = u64::try_from(payments.holders.len()).unwrap_or(u64::MAX);
    Load {
        pace: Pace::PerSecond(PAYING_PER_SECOND, Arrivals::Poisson(round.into())),
        stop: Stop::Count(count.saturating_sub(LEAD_IN)),
        warmup: LEAD_IN,
        ..Load::new(place.paying(), payments)
    }
}

fn pay_alone(
    place: &Place,
    shoppers: &Shoppers<'_>,
    holders: &[Holder],
    number: u32,
) -> Result<Ran> {
    let mut payments = Paying { shoppers, holders: holders.iter() };
    clean(paying(place, &mut payments, number))
}

/// Those who pay, the flood meanwhile, and what the flood asked of objects.
fn pay_under_flood(
    place: &Place,
    shoppers: &Shoppers<'_>,
    holders: &[Holder],
    late: &mut Late,
    capacity: f64,
    number: u32,
) -> Result<Flooded> {
    let quiet = place.calls()?;
    clean(Load { stop: Stop::After(ONSET), ..Load::new(place.flooded(), &mut *late) })?;
    let onset = place.calls()?.since(quiet);
    place.look(GONE, "sold_out")?;
    let mut payments = Paying { shoppers, holders: holders.iter() };
    let count = u64::try_from(holders.len()).unwrap_or(u64::MAX);
    let seconds = count_f64(count) / PAYING_PER_SECOND;
    let flood = Load {
        pace: Pace::PerSecond(capacity * TIMES_CAPACITY, Arrivals::Poisson(number.into())),
        stop: Stop::After(Duration::from_secs_f64(seconds).saturating_add(OUTLASTS)),
        ..Load::new(place.flooded(), &mut *late)
    };
    let before = place.calls()?;
    let mut both = [paying(place, &mut payments, number), flood];
    let mut ran = load::run_together(&mut both)?.into_iter();
    let calls = place.calls()?.since(before);
    let (Some(paying), Some(flood)) = (ran.next(), ran.next()) else {
        anyhow::bail!("two loads give two results");
    };
    ensure!(paying.is_clean(), "paying under the flood: {:?}", paying.complaints);
    // It comes with more than can be answered, so much of it is never sent.
    ensure!(flood.errors == 0 && flood.wrong == 0, "the flood: {:?}", flood.complaints);
    Ok(Flooded { paying, flood, calls, onset })
}

/// Runs a load all of which has to be rightly answered.
fn clean(mut load: Load<'_>) -> Result<Ran> {
    let ran = load::run(&mut load)?;
    ensure!(ran.is_clean(), "{} errors, {} wrong: {:?}", ran.errors, ran.wrong, ran.complaints);
    Ok(ran)
}

impl Case {
    fn of(rounds: &[Round], payments: u64) -> Self {
        let figure = |of: &dyn Fn(&Round) -> f64| Figure::of(rounds.iter().map(of).collect());
        let alone_p99 = figure(&|round| count_f64(round.alone.summary().p99_us));
        let flooded_p99 = figure(&|round| count_f64(round.flooded.summary().p99_us));
        let all = |calls: Calls| count_f64(calls.execute.saturating_add(calls.status));
        Self {
            capacity_per_second: figure(&|round| round.capacity),
            offered_per_second: figure(&|round| round.capacity * TIMES_CAPACITY),
            goodput_per_second: figure(&|round| round.flood.per_second()),
            paying_per_second: PAYING_PER_SECOND,
            payments,
            paying_alone_p50_us: figure(&|round| count_f64(round.alone.summary().p50_us)),
            paying_flooded_p50_us: figure(&|round| count_f64(round.flooded.summary().p50_us)),
            paying_p99_ratio: flooded_p99.over(&alone_p99),
            paying_alone_p99_us: alone_p99,
            paying_flooded_p99_us: flooded_p99,
            generator_late_p99_us: figure(&|round| {
                count_f64(round.flooded.own_delay.value_at_quantile(0.99))
            }),
            flood_seconds: figure(&|round| round.flood.seconds),
            flood_refusals: figure(&|round| count_f64(round.flood.done)),
            flood_object_requests: figure(&|round| all(round.calls)),
            flood_status_requests: figure(&|round| count_f64(round.calls.status)),
            flood_object_requests_per_second: figure(&|round| {
                all(round.calls) / round.flood.seconds.max(1.0)
            }),
            onset_object_requests: figure(&|round| all(round.onset)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
fn count_f64(count: u64) -> f64 {
    count as f64
}
