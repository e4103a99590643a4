//! W1: everybody wants one of few units at the same moment.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use doorbuster_domain::id::{SaleId, Sku};
use doorbuster_domain::time::{Millis, Timestamp};
use serde::Serialize;
use xtask::clock;

use super::shapes::{CONNECTIONS, Place};
use super::shop;
use super::shoppers::{Shoppers, is_problem, text_of};
use super::summing::{
    Meter, clean, first_due, float, last_done, latencies, ms_between, operations, per_second,
};
use crate::figures::Figure;
use crate::load::{self, Arrivals, Load, Op, Pace, Reply, Stop, Workload};
use crate::merchant::Merchant;
use crate::redis::Aof;
use crate::rounds::fresh;
use crate::subjects::{self, Act, Ready, Subject};
use crate::systems::{System, contract};

/// No reservation of a burst expires in it.
const TTL: Millis = Millis::from_secs(3_600);
const SALE: &str = "w1";
/// Shares of the capacity at which a fixed rate is held.
const SHARES: [f64; 3] = [0.25, 0.5, 0.75];
/// And the share at which the whole crowd comes: more than can be answered as it comes.
const BEYOND: f64 = 1.5;
const PATIENCE: Duration = Duration::from_secs(30);

/// What a request came to.
const WON: u8 = 1;
const REFUSED: u8 = 2;

/// How large a run is.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub repetitions: u32,
    /// Who comes in the bursts.
    pub shoppers: u64,
    /// What they come for: few units, and more.
    pub units: [u32; 2],
    /// How long a fixed rate is held, how long the capacity is looked for, and how long the system
    /// runs before that.
    pub step: Duration,
    pub capacity: Duration,
    pub warm_up: Duration,
}

/// What the repetitions gave, by subject.
#[derive(Debug, Default, Serialize)]
pub struct Bursts {
    /// Reservations a second, all connections busy.
    pub capacity_per_second: BTreeMap<String, Figure>,
    pub runs: BTreeMap<String, Vec<Run>>,
}

/// A crowd, in all repetitions.
#[derive(Debug, Serialize)]
pub struct Run {
    pub units: u32,
    /// The rate they came at, as a share of the capacity found just before.
    pub offered_of_capacity: f64,
    pub figures: BTreeMap<&'static str, Figure>,
}

/// Values of one repetition.
struct One {
    units: u32,
    share: f64,
    values: BTreeMap<&'static str, f64>,
}

/// Runs the bursts: the product at every rate and with both stocks, the peers in the first burst.
pub fn run(sizes: &Sizes, place: &Place<'_>) -> Result<Bursts> {
    let subjects = [
        Subject::Product(Act::Reserve),
        Subject::Peer(System::JsTuned),
        Subject::Redis(Aof::Always),
    ];
    let (mut capacities, mut all) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..sizes.repetitions {
        for subject in subjects {
            let name = match subject {
                Subject::Product(_) => "product".to_owned(),
                other => other.name(),
            };
            let (capacity, ones) =
                once(subject, sizes, place).with_context(|| format!("w1_burst, {name}"))?;
            capacities.entry(name.clone()).or_insert_with(Vec::new).push(capacity);
            all.entry(name).or_insert_with(Vec::new).push(ones);
        }
    }
    let capacities = capacities.into_iter().map(|(name, rounds)| (name, Figure::of(rounds)));
    let runs = all.into_iter().map(|(name, repetitions)| (name, runs_of(repetitions)));
    Ok(Bursts { capacity_per_second: capacities.collect(), runs: runs.collect() })
}

impl Bursts {
    /// What was decided in a second of the first burst, by subject.
    pub fn decided(&self) -> impl Iterator<Item = (&str, &Figure)> {
        self.runs.iter().filter_map(|(name, runs)| {
            let burst = runs.iter().find(|run| run.offered_of_capacity > 1.0)?;
            Some((name.as_str(), burst.figures.get("decided_per_second")?))
        })
    }
}

/// All crowds of a subject that starts with nothing, and the capacity that was found before.
fn once(subject: Subject, sizes: &Sizes, place: &Place<'_>) -> Result<(f64, Vec<One>)> {
    let dir = fresh(&place.dir.join("w1_burst"))?;
    let ready = subjects::start(subject, &dir, place.keyring, place.peer)?;
    let capacity = capacity(&ready, sizes, place)?;
    let waves = waves(subject, sizes, capacity);
    let stall = Stall::open(subject, &ready, &waves)?;
    let mut ones = Vec::new();
    for (number, wave) in waves.into_iter().enumerate() {
        let Wave { units, share, shoppers } = wave;
        let sku = shop::sku(number);
        let now = Timestamp::from_millis(clock::now_ms());
        let shoppers_of = Shoppers::new(place.keyring, SALE.parse()?, &sku, now);
        let mut crowd = Crowd { shoppers: shoppers_of, won: HashSet::new() };
        let seed = u64::try_from(number)?.saturating_add(1);
        let meter = Meter::start(ready.pids())?;
        let ran = load::run(&mut Load {
            connections: CONNECTIONS,
            pace: Pace::PerSecond(capacity * share, Arrivals::Poisson(seed)),
            stop: Stop::Count(shoppers),
            patience: PATIENCE,
            history: true,
            ..Load::new(ready.addr(), &mut crowd)
        })?;
        let cpu_us = meter.us_per(ran.done)?;
        let ops = clean(ran)?.history.ops;
        check(&ops, units, shoppers)?;
        let wins = shoppers.min(units.into());
        stall.check(&sku, units, wins).with_context(|| format!("the stock of {sku}"))?;
        let mut values = values_of(&ops, units.into())?;
        values.insert("cpu_us", cpu_us);
        let decided = values.get("decided_per_second").copied().unwrap_or_default();
        eprintln!(
            "w1_burst       {:28} {units:>6} units {decided:>9.0}/s {cpu_us:>7.1} us",
            subject.name()
        );
        ones.push(One { units, share, values });
    }
    Ok((capacity, ones))
}

/// Reservations a second while there are units for all.
fn capacity(ready: &Ready, sizes: &Sizes, place: &Place<'_>) -> Result<f64> {
    let go = |time: Duration, first: u64| {
        let mut workload = ready.workload(place.keyring, first, false)?;
        clean(load::run(&mut Load {
            connections: CONNECTIONS,
            stop: Stop::After(time),
            ..Load::new(ready.addr(), &mut *workload)
        })?)
    };
    let warm = go(sizes.warm_up, 0)?;
    Ok(go(sizes.capacity, warm.sent)?.per_second())
}

/// Who comes how fast, and for how many units of a SKU of their own.
#[derive(Debug, Clone, Copy)]
struct Wave {
    units: u32,
    share: f64,
    shoppers: u64,
}

fn waves(subject: Subject, sizes: &Sizes, capacity: f64) -> Vec<Wave> {
    let [few, more] = sizes.units;
    let burst = |units| Wave { units, share: BEYOND, shoppers: sizes.shoppers };
    if !matches!(subject, Subject::Product(_)) {
        return vec![burst(few)];
    }
    let step = |share: f64| {
        let shoppers = operations(capacity * share, sizes.step.as_secs_f64());
        Wave { units: few, share, shoppers }
    };
    SHARES.into_iter().map(step).chain([burst(few), burst(more)]).collect()
}

/// That nobody was told anything that cannot be. As no unit comes back, whoever asks after somebody
/// was told "all reserved" cannot win.
fn check(ops: &[Op], units: u32, shoppers: u64) -> Result<()> {
    ensure!(u64::try_from(ops.len())? == shoppers, "{} of {shoppers} were answered", ops.len());
    let won = |op: &&Op| op.class == WON;
    let wins = u64::try_from(ops.iter().filter(won).count())?;
    let wanted = shoppers.min(units.into());
    ensure!(wins == wanted, "{wins} got a unit, but there were {units} for {shoppers} people");
    let first_no = ops.iter().filter(|op| op.class == REFUSED).map(|op| op.done_ns).min();
    let last_yes = ops.iter().filter(won).map(|op| op.sent_ns).max();
    if let (Some(no), Some(yes)) = (first_no, last_yes) {
        ensure!(yes <= no, "somebody asked after a refusal was known, and still got a unit");
    }
    Ok(())
}

fn values_of(ops: &[Op], units: u64) -> Result<BTreeMap<&'static str, f64>> {
    let of = |class: u8| ops.iter().filter(move |op| op.class == class);
    let (start, end) = (first_due(ops), last_done(ops));
    let (wins, refusals) = (of(WON).count() as u64, of(REFUSED).count() as u64);
    let sold_out = last_done(of(WON));
    let whole = ms_between(start, end);
    let mut values = BTreeMap::from([
        ("shoppers", float(ops.len() as u64)),
        ("wins", float(wins)),
        ("refusals", float(refusals)),
        ("decided_per_second", per_second(ops.len() as u64, whole)),
        ("wins_per_second", per_second(wins, ms_between(start, sold_out))),
    ]);
    if wins == units {
        values.insert("sold_out_ms", ms_between(start, sold_out));
        values.insert("last_told_after_sold_out_ms", ms_between(sold_out, end));
        let rest = ms_between(sold_out, end);
        values.insert(
            "refusals_per_second_after_that",
            per_second(of(REFUSED).filter(|op| op.done_ns > sold_out).count() as u64, rest),
        );
    }
    let all = latencies(ops)?;
    values.extend([("p50_us", float(all.p50_us)), ("p99_us", float(all.p99_us))]);
    values.insert("p999_us", float(all.p999_us));
    let (won, refused) = (latencies(of(WON))?, latencies(of(REFUSED))?);
    values.extend([("won_p50_us", float(won.p50_us)), ("won_p99_us", float(won.p99_us))]);
    values.insert("won_p999_us", float(won.p999_us));
    values.insert("refused_p50_us", float(refused.p50_us));
    values.insert("refused_p99_us", float(refused.p99_us));
    values.insert("refused_p999_us", float(refused.p999_us));
    Ok(values)
}

/// The same crowds of several repetitions, as figures.
fn runs_of(repetitions: Vec<Vec<One>>) -> Vec<Run> {
    let mut by_wave: BTreeMap<usize, Vec<One>> = BTreeMap::new();
    for ones in repetitions {
        for (wave, one) in ones.into_iter().enumerate() {
            by_wave.entry(wave).or_default().push(one);
        }
    }
    by_wave.into_values().filter_map(run_of).collect()
}

fn run_of(repetitions: Vec<One>) -> Option<Run> {
    let One { units, share, .. } = *repetitions.first()?;
    let mut all: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for (name, value) in repetitions.into_iter().flat_map(|one| one.values) {
        all.entry(name).or_default().push(value);
    }
    let figures = all.into_iter().map(|(name, values)| (name, Figure::of(values)));
    Some(Run { units, offered_of_capacity: share, figures: figures.collect() })
}

/// Where the units are counted.
enum Stall {
    Product(Merchant),
    Peer(SocketAddr),
}

impl Stall {
    /// A SKU for each crowd.
    fn open(subject: Subject, ready: &Ready, waves: &[Wave]) -> Result<Self> {
        let stock = waves.iter().enumerate();
        if matches!(subject, Subject::Product(_)) {
            let shop = Merchant::new(ready.addr(), ready.admin_token());
            shop::publish(&shop, waves.len())?;
            let units: Vec<_> = stock.map(|(n, wave)| (shop::sku(n), wave.units)).collect();
            shop::open(&shop, SALE, &units, TTL)?;
            return Ok(Self::Product(shop));
        }
        for (number, wave) in stock {
            let (sale, sku): (SaleId, Sku) = (SALE.parse()?, shop::sku(number).parse()?);
            contract::set_stock(ready.addr(), &sale, &sku, wave.units.into(), TTL)?;
        }
        Ok(Self::Peer(ready.addr()))
    }

    /// That the system's own figures are those of the history.
    fn check(&self, sku: &str, units: u32, wins: u64) -> Result<()> {
        match self {
            Self::Product(shop) => {
                let stock = shop.journal(SALE, sku)?.replay.state().stock().context("no stock")?;
                let found = (stock.on_hand, u64::from(stock.reserved), stock.reservations);
                ensure!(found == (units, wins, wins), "it is {stock:?} after {wins} wins");
                let shown = shop.stock(SALE, sku)?;
                let shown = (shown.on_hand, u64::from(shown.reserved), shown.reservations);
                ensure!(shown == found, "the journal says {found:?}, the product {shown:?}");
            }
            Self::Peer(addr) => {
                let stock = contract::stock(*addr, &SALE.parse()?, &sku.parse()?)?;
                let found = (stock.on_hand, stock.reserved, stock.allocated);
                ensure!(found == (units.into(), wins, 0), "it is {stock:?} after {wins} wins");
            }
        }
        Ok(())
    }
}

/// Everybody asks once, for one unit.
struct Crowd<'k> {
    shoppers: Shoppers<'k>,
    /// The reservations that were made, none of them twice.
    won: HashSet<String>,
}

impl Workload for Crowd<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        self.shoppers.reserve(out, number, "k", 1);
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        if reply.status == 409 && is_problem(reply.body, "all-reserved") {
            return Ok(REFUSED);
        }
        let id = text_of(reply.body, "reservation").filter(|_| reply.status == 201);
        match id {
            Some(id) if self.won.insert(id.to_owned()) => Ok(WON),
            Some(id) => Err(format!("{id} was given to two shoppers")),
            None => Err(reply.unexpected()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(sent_ns: u64, done_ns: u64, class: u8) -> Op {
        Op { number: 0, intended_ns: sent_ns, sent_ns, done_ns, status: 0, tag: 0, class }
    }

    #[test]
    fn a_unit_too_many_or_too_few_is_seen() {
        let two = [op(0, 9, WON), op(1, 9, WON)];
        check(&two, 2, 2).unwrap();
        assert!(check(&two, 1, 2).is_err());
        assert!(check(&two, 2, 3).is_err());
        assert!(check(&[op(0, 9, WON), op(1, 9, REFUSED)], 2, 2).is_err());
    }

    #[test]
    fn a_unit_after_a_refusal_is_seen() {
        check(&[op(0, 5, REFUSED), op(4, 9, WON)], 1, 2).unwrap();
        assert!(check(&[op(0, 5, REFUSED), op(6, 9, WON)], 1, 2).is_err());
    }

    #[test]
    fn a_run_is_told_by_when_it_was_sold_out_and_when_the_last_one_knew() {
        let ms = |at: u64| at * 1_000_000;
        let ops = [op(0, ms(2), WON), op(0, ms(4), REFUSED), op(0, ms(3), WON)];
        let values = values_of(&ops, 2).unwrap();
        let shown = |name| format!("{:.1}", values[name]);
        assert_eq!(shown("sold_out_ms"), "3.0");
        assert_eq!(shown("last_told_after_sold_out_ms"), "1.0");
        assert_eq!(shown("decided_per_second"), "750.0");
        assert_eq!((shown("wins"), shown("refusals")), ("2.0".to_owned(), "1.0".to_owned()));
        assert!(!values_of(&ops, 3).unwrap().contains_key("sold_out_ms"));
    }
}
