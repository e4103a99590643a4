//! Reserving while the endpoint of webhooks is down, over reserving while it answers.
//!
//! In each round there is a product without an endpoint, one with an endpoint that answers, and one
//! with an endpoint that takes connections and never answers, which is the worst kind of being
//! down. At each, people reserve by the clock while orders are being paid, so that there is always
//! something to be told.

mod shop;

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Result, ensure};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::Timestamp;
use serde::Serialize;
use xtask::clock;
use xtask::workerd::{Server, StartOptions};

use crate::figures::Figure;
use crate::load::{self, Arrivals, Load, Pace, Ran, Stop};
use crate::merchant::{ADMITS_PER_MINUTE, Merchant};
use crate::rounds::{Plan, fresh};
use crate::subjects::{CORE, TTL, vars};
use crate::workloads::SALE;
use crate::workloads::drain::{Buyers, Step};
use crate::workloads::shoppers::Shoppers;

const NAME: &str = "reserve_p99_endpoint_down";
const SKU: &str = "RUN1-42";
/// What comes in a second, a small part of what can: it is not their own number that makes people
/// wait.
const RESERVING_PER_SECOND: f64 = 200.0;
const PAID_PER_SECOND: f64 = 50.0;
/// Reservations that come first and do not count, so that V8 has optimised what it will.
const WARM_UP: u32 = 300;
/// Those who reserve are counted on from here, so that none of them is a buyer.
const RESERVING_FROM: u64 = 1_000_000;

/// What came of it. A value per round.
#[derive(Debug, Serialize)]
pub struct Webhooks {
    pub reserving_per_second: f64,
    pub paid_per_second: f64,
    /// Counted reservations of a round, at each of the three.
    pub reservations: u32,
    pub without_p50_us: Figure,
    pub without_p99_us: Figure,
    pub up_p50_us: Figure,
    pub up_p99_us: Figure,
    pub down_p50_us: Figure,
    pub down_p99_us: Figure,
    /// The p99 while it is down divided by that while it answers, in each round.
    pub reserve_p99_ratio: Figure,
    /// The same, divided by that without an endpoint.
    pub reserve_p99_over_without: Figure,
}

/// Measures it, if the plan wants it.
pub fn run(plan: &Plan, dir: &Path, keyring: &Keyring) -> Result<Option<Webhooks>> {
    if !plan.wants(NAME) {
        return Ok(None);
    }
    let reservations = if plan.is_full() { 2_000 } else { 600 };
    let (mut without, mut up, mut down) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=plan.rounds {
        let dir = fresh(&dir.join(NAME))?;
        // The kernel takes connections for it, and nobody ever reads them.
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let down_at = format!("http://{}/", silent.local_addr()?);
        let up_at = format!("http://{}/", shop::that_answers()?);
        let mut phases = [
            ("without", None, &mut without),
            ("up", Some(up_at), &mut up),
            ("down", Some(down_at), &mut down),
        ];
        // Whoever is later finds the machine a little warmer, so they take turns.
        phases.rotate_left(usize::try_from(number)?.checked_rem(3).unwrap_or_default());
        for (name, address, ran) in phases {
            let one = phase(&dir.join(name), keyring, address.as_deref(), reservations, number)?;
            eprintln!("round {number}  {NAME} {name:8} p99 {} us", one.summary().p99_us);
            ran.push(one);
        }
    }
    Ok(Some(Webhooks::of([&without, &up, &down], reservations)))
}

/// Those who reserve while others' payments come in, at a product of its own.
fn phase(
    dir: &Path,
    keyring: &Keyring,
    endpoint: Option<&str>,
    reservations: u32,
    round: u32,
) -> Result<Ran> {
    let mut vars = vars(keyring);
    vars.insert("WEBHOOK_REACH".to_owned(), "anywhere".to_owned());
    let (core, calls_inside) = (Some(CORE), true);
    let server =
        Server::start(StartOptions { vars, core, calls_inside, ..StartOptions::new(dir) })?;
    let merchant = Merchant::new(server.addr(), server.admin_token());
    if let Some(address) = endpoint {
        merchant.put_webhook("shop", address)?;
    }
    let count = WARM_UP.saturating_add(reservations);
    let seconds = f64::from(count) / RESERVING_PER_SECOND;
    let paid = rounded(seconds * PAID_PER_SECOND);
    merchant.publish_sample()?;
    merchant.announce(SALE, &[SKU], TTL, "fifo", ADMITS_PER_MINUTE)?;
    merchant.give(SALE, SKU, count.saturating_add(paid))?;
    merchant.open(SALE)?;
    let now = Timestamp::from_millis(clock::now_ms());
    let shoppers = Shoppers::new(keyring, SALE.parse()?, SKU, now);
    let mut buyers = Buyers::new(shoppers.clone(), keyring);
    buyers.go(Step::Reserve, paid, server.addr())?;
    buyers.go(Step::Begin, paid, server.addr())?;
    buyers.step = Step::Report;
    let mut reserving = |number: u64, out: &mut Vec<u8>| {
        shoppers.reserve(out, RESERVING_FROM.saturating_add(number), "k", 1);
        0
    };
    let seed = Arrivals::Poisson(round.into());
    let mut both = [
        Load {
            pace: Pace::PerSecond(RESERVING_PER_SECOND, seed),
            stop: Stop::Count(reservations.into()),
            warmup: WARM_UP.into(),
            ..Load::new(server.addr(), &mut reserving)
        },
        Load {
            pace: Pace::PerSecond(PAID_PER_SECOND, seed),
            stop: Stop::Count(paid.into()),
            ..Load::new(server.addr(), &mut buyers)
        },
    ];
    let mut ran = load::run_together(&mut both)?.into_iter();
    let (Some(reserved), Some(reported)) = (ran.next(), ran.next()) else {
        anyhow::bail!("two loads give two results");
    };
    for one in [&reserved, &reported] {
        ensure!(one.is_clean(), "{} errors, {} wrong: {:?}", one.errors, one.wrong, one.complaints);
    }
    // Whatever becomes of webhooks, every order is in the books.
    let stock = merchant.settled(SALE, SKU)?;
    ensure!(stock.allocated == paid, "{} of {paid} orders were settled", stock.allocated);
    Ok(reserved)
}

impl Webhooks {
    fn of([without, up, down]: [&[Ran]; 3], reservations: u32) -> Self {
        let p50 = |ran: &Ran| micros(ran.summary().p50_us);
        let p99 = |ran: &Ran| micros(ran.summary().p99_us);
        let figure = |ran: &[Ran], of: fn(&Ran) -> f64| Figure::of(ran.iter().map(of).collect());
        let [without_p99, up_p99, down_p99] = [without, up, down].map(|ran| figure(ran, p99));
        Self {
            reserving_per_second: RESERVING_PER_SECOND,
            paid_per_second: PAID_PER_SECOND,
            reservations,
            without_p50_us: figure(without, p50),
            up_p50_us: figure(up, p50),
            down_p50_us: figure(down, p50),
            reserve_p99_ratio: down_p99.over(&up_p99),
            reserve_p99_over_without: down_p99.over(&without_p99),
            without_p99_us: without_p99,
            up_p99_us: up_p99,
            down_p99_us: down_p99,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a run are far below 2^53")]
fn micros(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a round lasts some seconds"
)]
fn rounded(count: f64) -> u32 {
    count.round() as u32
}
