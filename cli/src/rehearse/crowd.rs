//! The crowd: who comes, what each sets out to do, and what became of it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use doorbuster_domain::id::ShopperId;
use indicatif::ProgressBar;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Options;
use super::client::{Call, Client};
use super::merchant::{OPENS_AFTER, SaleSetup};
use super::shopper::{Outcome, Pays, Plan, Seen, Shopper, Stage};

/// Connections that are opened at the same moment, so as not to overflow the listener's backlog.
/// Once open, all are used at once.
const CONNECTING_MAX: usize = 256;

/// Everybody comes within this time, two thirds of them before the sale opens.
const ARRIVE_WITHIN: Duration = OPENS_AFTER.saturating_add(Duration::from_secs(2));

/// The people and their plans.
pub(super) struct Crowd {
    url: String,
    plans: Vec<Plan>,
}

/// What became of everybody.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Orders that were acknowledged to a shopper.
    pub(super) acknowledged: Vec<String>,
    pub(super) sold_out: u64,
    pub(super) walked_away: u64,
    /// Shoppers whose money came after the units had gone, and went back.
    pub(super) money_back: u64,
    /// What should not have happened, in words.
    pub(super) failures: Vec<String>,
    pub(super) latencies_ms: Vec<f64>,
    /// What everybody got in the line.
    pub(super) seen: Vec<Seen>,
    /// Attempts that got no answer, or "not available", and were made again.
    pub(super) repeats: u64,
}

impl Crowd {
    pub(super) fn new(options: &Options, setup: &SaleSetup) -> Self {
        let mut random = Random(options.seed);
        let skus: Vec<&String> = setup.stock.keys().collect();
        let plan = |number: u32| {
            // All want something, in an order of their own; a third want nothing else.
            let first = random.below(skus.len() as u64);
            let all = skus.iter().cycle().skip(first).map(|sku| (*sku).clone());
            let wants = if random.below(3) == 0 { 1 } else { skus.len() };
            // A fifth walk away, at one of three places; a tenth do everything twice.
            let walks_away = match random.below(15) {
                0 => Some(Stage::Line),
                1 => Some(Stage::Reservation),
                2 => Some(Stage::Payment),
                _ => None,
            };
            // A fifth of the payments do not go as they should.
            let pays = match random.below(15) {
                0 => Pays::DeclinedFirst,
                1 => Pays::ReportLost,
                2 => Pays::AfterTheEnd,
                _ => Pays::AtOnce,
            };
            Plan {
                sale: setup.sale.clone(),
                wants: all.take(wants).collect(),
                secret: format!("rehearsed-shopper-{}-{number:08}", options.seed),
                walks_away,
                pays,
                repeats: random.below(10) == 0,
            }
        };
        Self { url: options.url.clone(), plans: (0..options.shoppers).map(plan).collect() }
    }

    /// What one of them sees at an address.
    pub(super) async fn look<T: DeserializeOwned>(&self, shopper: &str, path: &str) -> Result<T> {
        let is = |plan: &&Plan| ShopperId::of_secret(plan.secret.as_bytes()).to_string() == shopper;
        let plan = self.plans.iter().find(is).context("an order of nobody who came")?;
        let headers = [("doorbuster-shopper", plan.secret.as_str())];
        let call = Call { method: "GET", path, headers: &headers, body: b"" };
        Client::new(&self.url, None)?.send(call).await?.json()
    }

    /// Sends everybody off and waits until the last has left.
    pub(super) async fn run(&self, bar: &ProgressBar) -> History {
        let gate = Arc::new(Semaphore::new(CONNECTING_MAX));
        let mut tasks = JoinSet::new();
        let len = u32::try_from(self.plans.len()).unwrap_or(u32::MAX).max(1);
        for (number, plan) in (0_u32..).zip(self.plans.iter().cloned()) {
            let (url, gate) = (self.url.clone(), Arc::clone(&gate));
            let arrive = ARRIVE_WITHIN.saturating_mul(number).checked_div(len).unwrap_or_default();
            tasks.spawn(async move {
                sleep(arrive).await;
                let mut client = {
                    let _permit = gate.acquire().await;
                    Client::new(&url, Some(address_of(number)))
                };
                let outcome = match &mut client {
                    Ok(client) => Shopper::new(&plan, client).go().await,
                    Err(error) => (Err(anyhow::anyhow!("{error:#}")), Seen::default()),
                };
                (outcome, client.ok())
            });
        }
        let mut history = History::default();
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok(((outcome, seen), client)) => {
                    history.seen.push(seen);
                    history.enter(outcome, client);
                }
                Err(error) => history.failures.push(error.to_string()),
            }
            bar.inc(1);
            bar.set_message(history.line());
        }
        history
    }
}

impl History {
    fn enter(&mut self, outcome: Result<Outcome>, client: Option<Client>) {
        if let Some(client) = client {
            self.latencies_ms.extend(client.latencies_ms);
            self.repeats = self.repeats.saturating_add(client.repeats);
        }
        match outcome {
            Ok(Outcome::Bought { order }) => self.acknowledged.push(order),
            Ok(Outcome::SoldOut) => self.sold_out = self.sold_out.saturating_add(1),
            Ok(Outcome::WalkedAway) => self.walked_away = self.walked_away.saturating_add(1),
            Ok(Outcome::MoneyBack) => self.money_back = self.money_back.saturating_add(1),
            Err(error) => self.failures.push(format!("{error:#}")),
        }
    }

    fn line(&self) -> String {
        format!(
            "{} bought, {} told sold out, {} walked away, {} failed",
            self.acknowledged.len(),
            self.sold_out,
            self.walked_away,
            self.failures.len()
        )
    }
}

/// Everybody has a loopback address of their own, as shoppers have: 127.1.0.1, 127.1.0.2, ...
fn address_of(number: u32) -> IpAddr {
    let [_, b, c, d] = number.saturating_add(0x0001_0001).to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(127, b, c, d))
}

/// `SplitMix64`: small, seedable, and good enough to draw plans from.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, as an index.
    fn below(&mut self, bound: u64) -> usize {
        let wide = u128::from(self.next()).wrapping_mul(u128::from(bound)) >> 64;
        usize::try_from(wide).unwrap_or_default()
    }
}
