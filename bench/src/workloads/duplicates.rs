//! W4: some of what is sent is sent again, later or at the same moment.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::{Millis, Timestamp};
use serde::Serialize;
use xtask::clock;

use super::agenda::{Agenda, Next};
use super::shapes::CONNECTIONS;
use super::shop;
use super::shoppers::{Shoppers, is_problem};
use super::summing::{Meter, clean, float};
use crate::load::{self, Arrivals, Load, Op, Pace, Reply, SplitMix64, Stop, Summary, Workload};
use crate::merchant::Merchant;
use crate::systems::Running;

const TTL: Millis = Millis::from_secs(3_600);
const SALE: &str = "w4";
const UNITS: u32 = 4_000_000;
const NS_PER_MS: u64 = 1_000_000;
/// A repeat comes from 1 to so many milliseconds later.
const LATER_MS_MAX: u64 = 500;
/// Of a thousand shoppers: whose key comes again with another quantity, who sends on two
/// connections at once, and who sends again later.
const OTHER_QUANTITY: u64 = 1;
const AT_ONCE: u64 = 10;
const LATER: u64 = 100;
const OF: u64 = 1_000;
/// Requests of a thousand shoppers, their first ones included.
const REQUESTS: u64 = OF + OTHER_QUANTITY + AT_ONCE + LATER;

/// What an answer was.
const FIRST: u8 = 1;
const REPLAYED: u8 = 2;
const REFUSED: u8 = 3;

/// How large a run is.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Thousands of shoppers.
    pub thousands: u64,
    /// Requests a second, repeats included.
    pub per_second: f64,
    /// Thousands of shoppers who come before that, at the same rate.
    pub warm_up_thousands: u64,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Duplicates {
    pub shoppers: u64,
    pub requests: u64,
    /// Repeats later, and repeats at once; all of them got the very bytes of the first answer.
    pub repeated_later: u64,
    pub repeated_at_once: u64,
    /// Of those at once: how often the two were under way at the same time.
    pub really_at_once: u64,
    /// The same key with another quantity; all of them were refused.
    pub refused: u64,
    /// CPU per request, with duplicates and without, at the same rate.
    pub cpu_us: f64,
    pub cpu_us_without: f64,
    pub cost: f64,
    pub latency: Summary,
    pub latency_without: Summary,
}

/// The same number of requests at the same rate, without duplicates and with them.
pub fn run(sizes: &Sizes, dir: &Path, keyring: &Keyring) -> Result<Duplicates> {
    let (running, shop) = shop::start(dir, keyring, 3)?;
    let stall = |number: usize| (shop::sku(number), UNITS);
    shop::open(&shop, SALE, &[0, 1, 2].map(stall), TTL)?;
    let run = Run { sizes, running: &running, shop: &shop, keyring };
    run.go(0, sizes.warm_up_thousands.saturating_mul(OF), false).context("warming up")?;
    let people = sizes.thousands.saturating_mul(OF);
    let requests = sizes.thousands.saturating_mul(REQUESTS);
    let without = run.go(1, requests, false).context("without duplicates")?;
    let with = run.go(2, people, true).context("with duplicates")?;
    let count = |tag: Kind| with.ops.iter().filter(move |op| op.tag == tag as u8).count() as u64;
    let duplicates = Duplicates {
        shoppers: people,
        requests: with.ops.len() as u64,
        repeated_later: count(Kind::Later),
        repeated_at_once: count(Kind::AtOnce),
        really_at_once: with.really_at_once,
        refused: count(Kind::OtherQuantity),
        cpu_us: with.cpu_us,
        cpu_us_without: without.cpu_us,
        cost: with.cpu_us / without.cpu_us,
        latency: with.latency,
        latency_without: without.latency,
    };
    let Duplicates { cpu_us, cpu_us_without, .. } = duplicates;
    eprintln!("w4_duplicates  {cpu_us:>7.1} us with, {cpu_us_without:>7.1} us without");
    Ok(duplicates)
}

struct Run<'r> {
    sizes: &'r Sizes,
    running: &'r Running,
    shop: &'r Merchant,
    keyring: &'r Keyring,
}

/// What a crowd came to.
struct Went {
    ops: Vec<Op>,
    really_at_once: u64,
    cpu_us: f64,
    latency: Summary,
}

impl Run<'_> {
    /// Lets so many people come to a SKU, and checks what they were told.
    fn go(&self, sku: usize, people: u64, repeats: bool) -> Result<Went> {
        let sku = shop::sku(sku);
        let now = Timestamp::from_millis(clock::now_ms());
        // The rate is that of all requests, so with repeats the people come more slowly.
        let share = if repeats { float(OF) / float(REQUESTS) } else { 1.0 };
        let pace = Pace::PerSecond(self.sizes.per_second * share, Arrivals::Poisson(4));
        let mut crowd = Crowd {
            shoppers: Shoppers::new(self.keyring, SALE.parse()?, &sku, now),
            agenda: Agenda::new(pace, people)?,
            random: SplitMix64(4),
            repeats,
            came: 0,
            sent: Vec::new(),
            told: BTreeMap::new(),
        };
        let meter = Meter::start(self.running.pid().into_iter().collect())?;
        let ran = clean(load::run(&mut Load {
            connections: CONNECTIONS,
            pace: Pace::Scripted,
            stop: Stop::After(Duration::from_mins(2)),
            history: true,
            ..Load::new(self.running.addr(), &mut crowd)
        })?)?;
        let cpu_us = meter.us_per(ran.done)?;
        crowd.check(people, &ran.history.ops)?;
        let stock = self.shop.journal(SALE, &sku)?.replay.state().stock().context("no stock")?;
        let found = (u64::from(stock.reserved), stock.reservations);
        ensure!(found == (people, people), "{people} people, each with one key, but {stock:?}");
        let (latency, ops) = (ran.summary(), ran.history.ops);
        Ok(Went { really_at_once: crowd.really_at_once(&ops), ops, cpu_us, latency })
    }
}

/// Why something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    First,
    Later,
    AtOnce,
    OtherQuantity,
}

/// What a shopper was told.
#[derive(Default)]
struct Told {
    /// The first answer that came.
    body: Vec<u8>,
    /// Answers that were not marked as repeats.
    unmarked: u64,
    answers: u64,
}

/// Everybody asks for one unit, and some of them more than once.
struct Crowd<'k> {
    shoppers: Shoppers<'k>,
    agenda: Agenda<(u64, Kind)>,
    random: SplitMix64,
    repeats: bool,
    came: u64,
    /// By the number of the operation: who sent it, and why.
    sent: Vec<(u64, Kind)>,
    told: BTreeMap<u64, Told>,
}

/// What a shopper does beside asking once. The place in a thousand is mixed, so that those of one
/// kind do not stand together.
fn habit_of(shopper: u64) -> Kind {
    let place = shopper.wrapping_mul(617).wrapping_add(shopper / OF).checked_rem(OF).unwrap_or(0);
    match place {
        0..OTHER_QUANTITY => Kind::OtherQuantity,
        1..=AT_ONCE => Kind::AtOnce,
        11..=110 => Kind::Later,
        _ => Kind::First,
    }
}

impl Crowd<'_> {
    fn later(&mut self) -> u64 {
        let ms = self.random.next().checked_rem(LATER_MS_MAX).unwrap_or(0).saturating_add(1);
        ms.saturating_mul(NS_PER_MS)
    }

    /// That everybody has one answer, and it was the first one once.
    fn check(&self, people: u64, ops: &[Op]) -> Result<()> {
        ensure!(self.told.len() as u64 == people, "{} people were answered", self.told.len());
        for (shopper, Told { unmarked, answers, .. }) in &self.told {
            let wanted = match habit_of(*shopper) {
                Kind::Later | Kind::AtOnce if self.repeats => 2,
                _ => 1,
            };
            ensure!(
                (*unmarked, *answers) == (1, wanted),
                "shopper {shopper} got {answers} answers, {unmarked} of them as the first"
            );
        }
        let firsts = ops.iter().filter(|op| op.class == FIRST).count() as u64;
        ensure!(firsts == people, "{firsts} first answers for {people} people");
        let of = |kind: Kind| ops.iter().filter(|op| op.tag == kind as u8).count() as u64;
        let repeats = of(Kind::Later).saturating_add(of(Kind::AtOnce));
        let replayed = ops.iter().filter(|op| op.class == REPLAYED).count() as u64;
        let refused = ops.iter().filter(|op| op.class == REFUSED).count() as u64;
        ensure!(replayed == repeats, "{replayed} answers for {repeats} repeats");
        ensure!(refused == of(Kind::OtherQuantity), "{refused} were refused");
        Ok(())
    }

    /// How many of those who sent on two connections had both under way at the same time.
    fn really_at_once(&self, ops: &[Op]) -> u64 {
        let mut spans: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
        for op in ops {
            let place = usize::try_from(op.number).unwrap_or(usize::MAX);
            let Some((shopper, _)) = self.sent.get(place) else { continue };
            if self.repeats && habit_of(*shopper) == Kind::AtOnce {
                spans.entry(*shopper).or_default().push((op.sent_ns, op.done_ns));
            }
        }
        let overlap = |spans: &&Vec<(u64, u64)>| match spans.as_slice() {
            [(sent, done), (other_sent, other_done)] => sent < other_done && other_sent < done,
            _ => false,
        };
        spans.values().filter(overlap).count() as u64
    }
}

impl Workload for Crowd<'_> {
    fn write(&mut self, _number: u64, out: &mut Vec<u8>) -> u8 {
        let (shopper, kind) = match self.agenda.take() {
            Some(Next::FollowUp(what)) => what,
            Some(Next::Arrival(at)) => {
                let shopper = self.came;
                self.came = shopper.saturating_add(1);
                match habit_of(shopper) {
                    Kind::AtOnce if self.repeats => self.agenda.add(at, (shopper, Kind::AtOnce)),
                    Kind::Later if self.repeats => {
                        let at = at.saturating_add(self.later());
                        self.agenda.add(at, (shopper, Kind::Later));
                    }
                    _ => {}
                }
                (shopper, Kind::First)
            }
            // Not reached: only what is due is asked for.
            None => (self.came, Kind::First),
        };
        self.sent.push((shopper, kind));
        let quantity = if kind == Kind::OtherQuantity { 2 } else { 1 };
        self.shoppers.reserve(out, shopper, "k", quantity);
        kind as u8
    }

    fn due(&self) -> Option<u64> {
        self.agenda.due()
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        let place = usize::try_from(reply.number).unwrap_or(usize::MAX);
        let (shopper, kind) = *self.sent.get(place).ok_or("nobody sent that")?;
        if kind == Kind::OtherQuantity {
            let refused = reply.status == 422 && is_problem(reply.body, "idempotency-key-reused");
            return if refused { Ok(REFUSED) } else { Err(reply.unexpected()) };
        }
        if reply.status != 201 {
            return Err(reply.unexpected());
        }
        let told = self.told.entry(shopper).or_default();
        if told.answers == 0 {
            told.body.extend_from_slice(reply.body);
        } else if told.body != reply.body {
            return Err(format!("shopper {shopper} was told something else the second time"));
        }
        told.answers = told.answers.saturating_add(1);
        if reply.header("idempotent-replayed") == Some("true") {
            return Ok(REPLAYED);
        }
        told.unmarked = told.unmarked.saturating_add(1);
        if self.repeats && kind == Kind::First && habit_of(shopper) == Kind::OtherQuantity {
            // Only who has an answer can contradict it.
            let at = reply.done_ns.saturating_add(self.later());
            self.agenda.add(at, (shopper, Kind::OtherQuantity));
        }
        Ok(FIRST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_shoppers_have_the_habits_that_are_told() {
        for thousand in [0, 7] {
            let of = |kind| {
                let people = (0..OF).map(|place| habit_of(thousand * OF + place));
                people.filter(|habit| *habit == kind).count() as u64
            };
            let counts = [Kind::OtherQuantity, Kind::AtOnce, Kind::Later].map(of);
            assert_eq!(counts, [OTHER_QUANTITY, AT_ONCE, LATER]);
        }
    }
}
