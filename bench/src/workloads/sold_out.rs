//! W6: everything is sold, and twice as many ask as can be answered.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::{Millis, Timestamp};
use serde::Serialize;
use xtask::clock;

use super::shop;
use super::shoppers::{Shoppers, is_problem};
use super::summing::{Meter, clean};
use crate::load::{self, Arrivals, Load, Pace, Reply, Stop, Summary, Workload};

const SALE: &str = "w6";
/// How much more is asked than can be answered.
const TIMES: f64 = 2.0;
/// So many connections that the system's queues are in the system, and not with us.
const CONNECTIONS: usize = 1_024;
const PATIENCE: Duration = Duration::from_secs(30);
const TTL: Millis = Millis::from_secs(3_600);

/// How large a run is.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub warm_up: Duration,
    pub capacity: Duration,
    pub flood: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Flood {
    /// Right refusals a second, as many asking as can be answered at once.
    pub capacity_per_second: f64,
    pub offered_per_second: f64,
    /// Right refusals a second while twice as many ask.
    pub goodput_per_second: f64,
    /// The one divided by the other.
    pub kept: f64,
    /// CPU of each refusal in the flood.
    pub cpu_us: f64,
    /// Those who still had no connection when the flood was over.
    pub unsent: u64,
    /// From the moment a request was due. It grows as long as the flood lasts, as it has to.
    pub latency: Summary,
}

/// Finds out how many can be refused in a second, and then lets twice as many come.
pub fn run(sizes: &Sizes, dir: &Path, keyring: &Keyring) -> Result<Flood> {
    let (running, shop) = shop::start(dir, keyring, 1)?;
    let sku = shop::sku(0);
    shop::open(&shop, SALE, &[(sku.clone(), 0)], TTL)?;
    let now = Timestamp::from_millis(clock::now_ms());
    let mut crowd = Crowd { shoppers: Shoppers::new(keyring, SALE.parse()?, &sku, now), first: 0 };
    let mut go = |pace: Pace, time: Duration| {
        crowd.first = crowd.first.saturating_add(100_000_000);
        load::run(&mut Load {
            connections: CONNECTIONS,
            pace,
            stop: Stop::After(time),
            patience: PATIENCE,
            ..Load::new(running.addr(), &mut crowd)
        })
    };
    clean(go(Pace::Saturate, sizes.warm_up)?)?;
    let capacity = clean(go(Pace::Saturate, sizes.capacity)?)?.per_second();
    let offered = capacity * TIMES;
    let meter = Meter::start(running.pid().into_iter().collect())?;
    let flood = go(Pace::PerSecond(offered, Arrivals::Poisson(6)), sizes.flood)?;
    let cpu_us = meter.us_per(flood.done)?;
    ensure!(flood.errors == 0 && flood.wrong == 0, "not refused: {:?}", flood.complaints);
    let stock = shop.journal(SALE, &sku)?.replay.state().stock().context("no stock")?;
    ensure!((stock.reserved, stock.reservations) == (0, 0), "refused, but {stock:?}");
    let goodput = flood.per_second();
    eprintln!(
        "w6_sold_out    {goodput:>9.0}/s of {offered:.0}/s, alone {capacity:.0}/s, {cpu_us:.1} us"
    );
    Ok(Flood {
        capacity_per_second: capacity,
        offered_per_second: offered,
        goodput_per_second: goodput,
        kept: goodput / capacity,
        cpu_us,
        unsent: flood.unsent,
        latency: flood.summary(),
    })
}

/// Everybody asks once, and is told that there is nothing any more.
struct Crowd<'k> {
    shoppers: Shoppers<'k>,
    first: u64,
}

impl Workload for Crowd<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        self.shoppers.reserve(out, self.first.saturating_add(number), "k", 1);
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        let refused = reply.status == 409 && is_problem(reply.body, "sold-out");
        if refused { Ok(0) } else { Err(reply.unexpected()) }
    }
}
