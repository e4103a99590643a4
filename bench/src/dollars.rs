//! What a million shoppers cost, by what the platform bills, over what their requests alone would.
//!
//! A sale is run in small and everything counted (`bench/metered.mjs`); the counts are scaled to a
//! million shoppers and ten thousand units. What is per shopper or per unit scales with them, as
//! the small sale has as many units for each shopper. What is per second does not, so it is taken
//! for a sale of ten minutes on a hundred isolates instead, see `bill.rs`. What is written once a
//! second (the positions that the room leases) is scaled all the same, which is too much.
//!
//! How many calls, turns and rows are shared depends on how many ask the same isolate, or the same
//! object, at the same moment. So the sale is run twice. Alone, one shopper asks after the other
//! and nothing is shared: that is the most that calls and rows can cost, and what is held to the
//! promise. It is also what to expect of calls: a hundred isolates see few who join in the same
//! millisecond. Together, 64 connections are always busy on one isolate: that is near the least.

mod bill;
mod meter;
mod sale;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use doorbuster_domain::sealed::Keyring;
use serde::Serialize;

pub use self::bill::Bill;
pub use self::meter::Counts;
use self::meter::Metered;
use self::sale::{Crowd, Stage};
use crate::rounds::{Plan, fresh};

/// Units that a million shoppers come for: a unit for one in a hundred.
const SHOPPERS_PER_UNIT: u64 = 100;
/// The winners pay for a tenth of the sale's time, so a tenth of all comes and asks the object.
const SHOPPERS_PER_EARLY: u64 = 10;

/// What a million shoppers cost.
#[derive(Debug, Serialize)]
pub struct Dollars {
    /// Nothing is shared: the most, on so many isolates.
    pub alone: Picture,
    /// As much as can be is shared: near the least.
    pub together: Picture,
}

/// One sale, its bill, and what it was scaled from.
#[derive(Debug, Serialize)]
pub struct Picture {
    pub shoppers: u64,
    pub units: u64,
    pub connections: usize,
    /// For a million shoppers.
    pub bill: Bill,
    /// What setting up the sale cost, once and for whatever number of shoppers, in dollars.
    pub fixed_dollars: f64,
    /// What was counted in each stage of the small sale.
    pub counted: BTreeMap<String, Counts>,
}

/// Runs both sales, if the plan wants them.
pub fn run(plan: &Plan, dir: &Path, keyring: &Keyring) -> Result<Option<Dollars>> {
    if !plan.wants("dollars_vs_floor") {
        return Ok(None);
    }
    let (alone, together) = if plan.is_full() { (5_000, 100_000) } else { (1_000, 10_000) };
    let picture = |name: &str, shoppers: u64, connections: usize| -> Result<Picture> {
        let crowd = Crowd {
            shoppers,
            units: shoppers / SHOPPERS_PER_UNIT,
            early: shoppers / SHOPPERS_PER_EARLY,
            connections,
        };
        let metered = Metered::start(&fresh(&dir.join(name))?, keyring)?;
        let picture = Picture::of(crowd, &sale::run(&metered, keyring, crowd)?);
        let Bill { dollars, over_floor, .. } = &picture.bill;
        eprintln!("{name:20} {dollars:.3} $ per million shoppers, {over_floor:.3} of the floor");
        Ok(picture)
    };
    Ok(Some(Dollars {
        alone: picture("dollars_alone", alone, 1)?,
        together: picture("dollars_together", together, 64)?,
    }))
}

impl Picture {
    fn of(crowd: Crowd, stages: &[Stage]) -> Self {
        let sum = |is_setup: bool| {
            let wanted = stages.iter().filter(|stage| (stage.name == SETUP) == is_setup);
            wanted.fold(Counts::default(), |sum, stage| sum.plus(&stage.counts))
        };
        let Crowd { shoppers, units, connections, .. } = crowd;
        Self {
            shoppers,
            units,
            connections,
            bill: Bill::of_a_million(&sum(false), shoppers),
            fixed_dollars: bill::fixed(&sum(true)),
            counted: stages
                .iter()
                .map(|stage| (stage.name.to_owned(), stage.counts.clone()))
                .collect(),
        }
    }
}

/// The stage that comes before all shoppers.
const SETUP: &str = "setup";
