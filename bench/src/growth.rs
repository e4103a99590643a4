//! What becomes of the product as it grows: orders in an Inventory, people in a line.

mod cost;
mod door;
mod orders;
mod people;
mod stock;
mod wake;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use doorbuster_domain::sealed::Keyring;
use serde::Serialize;

use crate::figures::Figure;
use crate::ratios::Ratio;
use crate::rounds::Plan;

/// How far it grows.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Orders in the small and in the large Inventory.
    pub orders: (u64, u64),
    /// Orders in one between them, of which only the waking is measured.
    pub orders_between: Option<u64>,
    /// People in the short and in the long line.
    pub people: (u64, u64),
    /// Times that an Inventory is woken.
    pub wakes: u32,
    /// Times in a round that each process is asked, in turn with the other.
    pub slices: u32,
    /// Reservations through the edge in one of them.
    pub reserves: u64,
}

impl Scale {
    /// What is promised for.
    pub const fn full() -> Self {
        Self {
            orders: (1_000, 1_000_000),
            orders_between: Some(100_000),
            people: (1_000, 10_000_000),
            wakes: 5,
            slices: 4,
            reserves: 2_500,
        }
    }

    /// As far as seconds go.
    pub const fn quick() -> Self {
        Self {
            orders: (1_000, 10_000),
            orders_between: None,
            people: (1_000, 10_000),
            wakes: 3,
            slices: 1,
            reserves: 500,
        }
    }
}

/// What growing has shown.
#[derive(Debug, Default, Serialize)]
pub struct Growth {
    /// CPU per answer in microseconds, by what is done and how much there is.
    pub cpu_us: BTreeMap<String, Figure>,
    #[serde(skip)]
    pub ratios: BTreeMap<String, Ratio>,
    #[serde(skip)]
    pub sizes: BTreeMap<String, Size>,
}

/// A size, in the unit that its name ends with, and what it may be.
#[derive(Debug, Clone, Serialize)]
pub struct Size {
    #[serde(flatten)]
    pub figure: Figure,
    /// What it is of.
    pub of: String,
    /// What was promised; nothing for one that is only told.
    pub at_most: Option<f64>,
    /// Whether the median holds it.
    pub holds: Option<bool>,
    /// What else is to be known of it.
    pub details: BTreeMap<String, f64>,
}

impl Growth {
    /// Notes CPU per answer, small and grown, of every round, and what it grows by.
    fn note(
        &mut self,
        act: &str,
        at_most: Option<f64>,
        sizes: (u64, u64),
        rounds: (Vec<f64>, Vec<f64>),
    ) {
        let (small, grown) = (Figure::of(rounds.0), Figure::of(rounds.1));
        let names = (in_short(sizes.0), in_short(sizes.1));
        let figure = grown.over(&small);
        let of = format!("CPU per answer, {act} with {} / with {}", names.1, names.0);
        let holds = at_most.map(|most| figure.median <= most);
        let ratio = Ratio { figure, of, at_least: None, at_most, holds };
        self.ratios.insert(ratio_name(act), ratio);
        self.cpu_us.insert(format!("{act}_{}", names.0), small);
        self.cpu_us.insert(format!("{act}_{}", names.1), grown);
    }
}

impl Size {
    fn new(rounds: Vec<f64>, of: &str, at_most: Option<f64>, details: &[(&str, f64)]) -> Self {
        let figure = Figure::of(rounds);
        let holds = at_most.map(|most| figure.median <= most);
        let details = details.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Self { figure, of: of.to_owned(), at_most, holds, details }
    }
}

/// Measures what the plan wants of it: all of it as `growth`, or one figure by its whole name. A
/// part of a name is not enough: who wants `reserve` does not want to wait for a million orders.
pub fn run(plan: &Plan, dir: &Path, keyring: &Keyring) -> Result<Option<Growth>> {
    let wants = |name: &str| {
        let is_named = |only: &String| only.split(',').any(|part| part == "growth" || part == name);
        plan.only.as_ref().is_none_or(is_named)
    };
    let mut growth = Growth::default();
    if orders::names(&plan.growth).iter().any(|name| wants(name)) {
        orders::measure(plan, &dir.join("growth-orders"), keyring, &wants, &mut growth)?;
    }
    if wants(&ratio_name(people::ACT)) {
        people::measure(plan, &dir.join("growth-people"), keyring, &mut growth)?;
    }
    let nothing = growth.ratios.is_empty() && growth.sizes.is_empty();
    Ok((!nothing).then_some(growth))
}

/// The name of what an act's CPU grows by.
fn ratio_name(act: &str) -> String {
    match act.strip_suffix(IN_BATCHES) {
        Some(act) => format!("{act}_growth{IN_BATCHES}"),
        None => format!("{act}_growth"),
    }
}

const IN_BATCHES: &str = "_in_batches";

/// A power of ten as it stands in names, `1e6`; another number as it is.
fn in_short(number: u64) -> String {
    let exponent = number.checked_ilog10().unwrap_or_default();
    if 10_u64.checked_pow(exponent) == Some(number) {
        format!("1e{exponent}")
    } else {
        number.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_power_of_ten() {
        assert_eq!(in_short(1_000_000), "1e6");
        assert_eq!(in_short(1), "1e0");
        assert_eq!(in_short(1_500), "1500");
    }

    #[test]
    fn what_grows_too_much_does_not_hold() {
        let mut growth = Growth::default();
        growth.note("poll", Some(1.1), (1_000, 10_000), (vec![10.0; 3], vec![12.0; 3]));
        let ratio = &growth.ratios["poll_growth"];
        assert_eq!((ratio.figure.median, ratio.holds), (1.2, Some(false)));
        assert_eq!(growth.cpu_us["poll_1e4"].rounds, [12.0; 3]);
        growth.note("reserve_in_batches", None, (1, 10), (vec![10.0], vec![12.0]));
        assert_eq!(growth.ratios["reserve_growth_in_batches"].holds, None);
    }
}
