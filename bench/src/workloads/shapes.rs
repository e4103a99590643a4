//! All shapes of load, one after the other, each against a system that starts with nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::Millis;
use serde::Serialize;
use xtask::clock::Stopwatch;

use super::burst::{self, Bursts};
use super::drain::{self, Drain};
use super::duplicates::{self, Duplicates};
use super::expiry::{self, Churn};
use super::second_opinion;
use super::sold_out::{self, Flood};
use super::zipf::{self, Spread};
use crate::figures::Figure;
use crate::load::oha::CrossCheck;
use crate::rounds::{Plan, fresh};

/// A crowd does not come over few connections.
pub(super) const CONNECTIONS: usize = 256;

/// Where things lie.
pub struct Place<'p> {
    pub dir: &'p Path,
    pub keyring: &'p Keyring,
    /// The native peer server.
    pub peer: &'p Path,
}

/// How large all of it is.
#[derive(Debug, Clone)]
struct Sizes {
    burst: burst::Sizes,
    zipf: zipf::Sizes,
    duplicates: duplicates::Sizes,
    expiry: expiry::Sizes,
    sold_out: sold_out::Sizes,
    orders: u32,
    /// For how long each generator asks; `None` where oha is not to be built.
    second_opinion: Option<Duration>,
}

impl Sizes {
    const fn full() -> Self {
        Self {
            burst: burst::Sizes {
                repetitions: 3,
                shoppers: 100_000,
                units: [1_000, 10_000],
                step: Duration::from_millis(1_500),
                capacity: Duration::from_secs(1),
                warm_up: Duration::from_secs(1),
            },
            zipf: zipf::Sizes {
                skus: &[1, 10, 100, 1_000],
                warm_up: Duration::from_secs(2),
                time: Duration::from_secs(3),
            },
            duplicates: duplicates::Sizes {
                thousands: 15,
                per_second: 3_000.0,
                warm_up_thousands: 8,
            },
            expiry: expiry::Sizes {
                units: 1_000,
                per_second: 250.0,
                reservation_ttl: Millis::from_secs(2),
            },
            sold_out: sold_out::Sizes {
                warm_up: Duration::from_secs(2),
                capacity: Duration::from_secs(2),
                flood: Duration::from_secs(4),
            },
            orders: 10_000,
            // What holds the machine up for a moment has to meet both, one after the other.
            second_opinion: Some(Duration::from_secs(30)),
        }
    }

    /// Whether it runs, and whether the answers are right.
    const fn quick() -> Self {
        let moment = Duration::from_millis(300);
        Self {
            burst: burst::Sizes {
                repetitions: 1,
                shoppers: 2_000,
                units: [20, 200],
                step: moment,
                capacity: moment,
                warm_up: moment,
            },
            zipf: zipf::Sizes { skus: &[1, 10, 100], warm_up: moment, time: moment },
            duplicates: duplicates::Sizes {
                thousands: 1,
                per_second: 1_500.0,
                warm_up_thousands: 1,
            },
            expiry: expiry::Sizes {
                units: 100,
                per_second: 500.0,
                reservation_ttl: Millis::new(500),
            },
            sold_out: sold_out::Sizes { warm_up: moment, capacity: moment, flood: moment },
            orders: 200,
            second_opinion: None,
        }
    }
}

/// What the shapes gave; a shape that was not wanted is absent.
#[derive(Debug, Default, Serialize)]
pub struct Shapes {
    pub w1_burst: Option<Bursts>,
    pub w2_zipf: Option<Vec<Spread>>,
    pub w4_duplicates: Option<Duplicates>,
    pub w5_expiry: Option<Churn>,
    pub w6_sold_out: Option<Flood>,
    pub w8_drain: Option<Drain>,
    pub second_opinion: Option<CrossCheck>,
    /// Of each of them, but 1,024 for `w6_sold_out` and 64 for the second opinion.
    pub connections: usize,
    /// What all of it took.
    pub seconds: f64,
}

impl Shapes {
    /// Rates that ratios are made of, by name.
    pub fn rates(&self) -> impl Iterator<Item = (String, Figure)> {
        let bursts = self.w1_burst.iter().flat_map(Bursts::decided);
        bursts.map(|(subject, decided)| (format!("w1_burst_{subject}"), decided.clone()))
    }
}

/// Runs every shape that the plan wants; `None` if it wants none.
pub fn run(plan: &Plan, place: &Place<'_>) -> Result<Option<Shapes>> {
    let sizes = if plan.is_full() { Sizes::full() } else { Sizes::quick() };
    let watch = Stopwatch::start();
    let mut ran = false;
    let mut of = |name: &str| -> Result<Option<PathBuf>> {
        let wanted = plan.wants(name);
        ran |= wanted;
        wanted.then(|| fresh(&place.dir.join(name))).transpose()
    };
    let keyring = place.keyring;
    let mut shapes = Shapes { connections: CONNECTIONS, ..Shapes::default() };
    if of("w1_burst")?.is_some() {
        shapes.w1_burst = Some(burst::run(&sizes.burst, place).context("w1_burst")?);
    }
    if let Some(dir) = of("w2_zipf")? {
        shapes.w2_zipf = Some(zipf::run(&sizes.zipf, &dir, keyring).context("w2_zipf")?);
    }
    if let Some(dir) = of("w4_duplicates")? {
        let done = duplicates::run(&sizes.duplicates, &dir, keyring);
        shapes.w4_duplicates = Some(done.context("w4_duplicates")?);
    }
    if let Some(dir) = of("w5_expiry")? {
        shapes.w5_expiry = Some(expiry::run(&sizes.expiry, &dir, keyring).context("w5_expiry")?);
    }
    if let Some(dir) = of("w6_sold_out")? {
        let done = sold_out::run(&sizes.sold_out, &dir, keyring);
        shapes.w6_sold_out = Some(done.context("w6_sold_out")?);
    }
    if let Some(dir) = of("w8_drain")? {
        shapes.w8_drain = Some(drain::run(sizes.orders, &dir, keyring).context("w8_drain")?);
    }
    if let (Some(time), Some(dir)) = (sizes.second_opinion, of("oha")?) {
        shapes.second_opinion = Some(second_opinion::run(time, &dir, keyring).context("oha")?);
    }
    shapes.seconds = watch.elapsed().as_secs_f64();
    Ok(ran.then_some(shapes))
}
