//! W2: some of many SKUs are wanted much more than the others.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use doorbuster_domain::line::SaleRules;
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::{Millis, Timestamp};
use serde::Serialize;
use xtask::clock;

use super::shapes::CONNECTIONS;
use super::shop;
use super::shoppers::Shoppers;
use super::summing::{Meter, clean, float};
use crate::load::{self, Load, Reply, SplitMix64, Stop, Summary, Workload};
use crate::merchant::Merchant;

const TTL: Millis = Millis::from_secs(3_600);
/// More than anybody can ask for in a run.
const UNITS: u32 = 4_000_000;
/// The k-th SKU is wanted 1/k^s times as much as the first.
const S: f64 = 1.0;
const SEED: u64 = 2;

/// How large a run is.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// So many SKUs, one run each.
    pub skus: &'static [usize],
    pub warm_up: Duration,
    pub time: Duration,
}

/// One number of SKUs.
#[derive(Debug, Clone, Serialize)]
pub struct Spread {
    pub skus: usize,
    /// A sale has at most 100 SKUs, so more of them are in several sales.
    pub sales: usize,
    pub per_second: f64,
    pub cpu_us: f64,
    pub latency: Summary,
    /// The part of all reserves that wanted the first SKU.
    pub share_of_the_first: f64,
}

/// Reserves for one unit each, all connections busy, one number of SKUs after the other.
pub fn run(sizes: &Sizes, dir: &Path, keyring: &Keyring) -> Result<Vec<Spread>> {
    let most = sizes.skus.iter().copied().max().unwrap_or(1);
    let (running, shop) = shop::start(dir, keyring, most)?;
    let mut spreads = Vec::new();
    for skus in sizes.skus.iter().copied() {
        let stalls = open(&shop, skus)?;
        let mut crowd = Crowd::new(keyring, &stalls)?;
        let mut go = |time: Duration| {
            crowd.first = crowd.next;
            clean(load::run(&mut Load {
                connections: CONNECTIONS,
                stop: Stop::After(time),
                history: true,
                ..Load::new(running.addr(), &mut crowd)
            })?)
        };
        go(sizes.warm_up)?;
        let meter = Meter::start(running.pid().into_iter().collect())?;
        let ran = go(sizes.time)?;
        let cpu_us = meter.us_per(ran.done)?;
        ensure!(ran.history.ops.iter().all(|op| op.status == 201), "not everybody got a unit");
        crowd.check(&shop, &stalls)?;
        let all: u64 = crowd.reserved.iter().sum();
        let first = crowd.reserved.first().copied().unwrap_or(0);
        let per_second = ran.per_second();
        eprintln!("w2_zipf   {skus:>5} SKUs {per_second:>9.0}/s {cpu_us:>7.1} us");
        spreads.push(Spread {
            skus,
            sales: stalls.last().map_or(0, |(sale, _)| sale.number.saturating_add(1)),
            per_second,
            cpu_us,
            latency: ran.summary(),
            share_of_the_first: float(first) / float(all.max(1)),
        });
    }
    Ok(spreads)
}

/// One of the sales of a run.
#[derive(Debug, Clone)]
struct SaleOf {
    skus: usize,
    number: usize,
}

impl SaleOf {
    fn name(&self) -> String {
        format!("w2-{}-{}", self.skus, self.number)
    }
}

/// Opens sales of so many SKUs in all: each SKU with its sale, the most wanted first.
fn open(shop: &Merchant, skus: usize) -> Result<Vec<(SaleOf, String)>> {
    let names: Vec<String> = (0..skus).map(shop::sku).collect();
    let mut stalls = Vec::new();
    for (number, part) in names.chunks(SaleRules::SKUS_MAX).enumerate() {
        let sale = SaleOf { skus, number };
        let units: Vec<_> = part.iter().map(|sku| (sku.clone(), UNITS)).collect();
        shop::open(shop, &sale.name(), &units, TTL).context("opening a sale")?;
        stalls.extend(part.iter().map(|sku| (sale.clone(), sku.clone())));
    }
    Ok(stalls)
}

/// Everybody asks for one unit of one SKU.
struct Crowd<'k> {
    by_rank: Vec<Shoppers<'k>>,
    /// The probability of this rank or a better one.
    cumulative: Vec<f64>,
    /// The number of the first shopper of this run, and the next one over all runs.
    first: u64,
    next: u64,
    /// Units that were said to be reserved, by rank.
    reserved: Vec<u64>,
}

impl<'k> Crowd<'k> {
    fn new(keyring: &'k Keyring, stalls: &[(SaleOf, String)]) -> Result<Self> {
        let now = Timestamp::from_millis(clock::now_ms());
        let mut by_rank = Vec::new();
        for (sale, sku) in stalls {
            by_rank.push(Shoppers::new(keyring, sale.name().parse()?, sku, now));
        }
        let cumulative = cumulative(stalls.len());
        let reserved = vec![0; stalls.len()];
        Ok(Self { by_rank, cumulative, first: 0, next: 0, reserved })
    }

    /// What a shopper wants: drawn from the number alone, so that a reply needs no memory.
    fn rank_of(&self, shopper: u64) -> usize {
        let drawn = SplitMix64(SEED.wrapping_add(shopper.wrapping_mul(0x9e37_79b9))).uniform();
        self.cumulative.partition_point(|up_to| *up_to <= drawn)
    }

    /// That every SKU has as many reservations as were acknowledged.
    fn check(&self, shop: &Merchant, stalls: &[(SaleOf, String)]) -> Result<()> {
        let mut stocks = Vec::new();
        for part in stalls.chunks(SaleRules::SKUS_MAX) {
            let Some((sale, _)) = part.first() else { continue };
            stocks.extend(shop.stocks(&sale.name())?);
        }
        ensure!(stocks.len() == stalls.len(), "{} SKUs have stock", stocks.len());
        for ((stock, (_, sku)), acknowledged) in stocks.iter().zip(stalls).zip(&self.reserved) {
            let found = (&stock.sku, u64::from(stock.reserved), stock.reservations);
            let wanted = (sku, *acknowledged, *acknowledged);
            ensure!(found == wanted, "{acknowledged} were told they have {sku}, but {stock:?}");
        }
        Ok(())
    }
}

fn cumulative(ranks: usize) -> Vec<f64> {
    let weights = (1_u32..).take(ranks).map(|rank| f64::from(rank).powf(-S));
    let sum: f64 = weights.clone().sum();
    let mut up_to = 0.0;
    let mut all: Vec<f64> = weights
        .map(|weight| {
            up_to += weight / sum;
            up_to
        })
        .collect();
    // Rounding must not leave a gap at the end.
    all.pop();
    all.push(1.0);
    all
}

impl Workload for Crowd<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        let shopper = self.first.saturating_add(number);
        self.next = shopper.saturating_add(1);
        if let Some(shoppers) = self.by_rank.get(self.rank_of(shopper)) {
            shoppers.reserve(out, shopper, "k", 1);
        }
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        let rank = self.rank_of(self.first.saturating_add(reply.number));
        if let (201, Some(reserved)) = (reply.status, self.reserved.get_mut(rank)) {
            *reserved = reserved.saturating_add(1);
            return Ok(0);
        }
        Err(reply.unexpected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_wanted_as_zipf_says() {
        let all = cumulative(10);
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        // The harmonic number of 10 is 2.928968...
        assert!((all[0] - 1.0 / 2.928_968).abs() < 1e-6, "{}", all[0]);
        assert!(((all[9] - all[8]) - all[0] / 10.0).abs() < 1e-6);
        assert_eq!(cumulative(1), [1.0]);
    }
}
