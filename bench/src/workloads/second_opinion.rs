//! Our generator and oha ask the product the same, at the same rate.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use doorbuster_domain::sealed::Keyring;

use super::shop;
use super::summing::clean;
use crate::load::oha::{self, CrossCheck, Question};
use crate::load::{self, Load, Repeat, Stop, render};

/// The core of the generator.
const CORE_OF_GENERATOR: usize = 1;
/// At half of what can be answered, latencies are the system's own.
const SHARE: f64 = 0.5;

/// Asks for a product, over and over. That oha cannot be had is said, and is a result.
pub fn run(time: Duration, dir: &Path, keyring: &Keyring) -> Result<CrossCheck> {
    let (running, _shop) = shop::start(dir, keyring, 1)?;
    let path = format!("/v1/catalog/products/{}", shop::sku(0));
    let question = Question { method: "GET", path: &path, headers: &[], body: "" };
    let mut requests = Repeat(render("GET", &path, &[], b""));
    let mut capacity = || {
        let stop = Stop::After(time);
        clean(load::run(&mut Load { stop, ..Load::new(running.addr(), &mut requests) })?)
    };
    capacity().context("warming up")?;
    let rate = (capacity()?.per_second() * SHARE).round();
    let checked = oha::cross_check(running.addr(), question, rate, time, CORE_OF_GENERATOR);
    match &checked {
        CrossCheck::Checked { ours, oha, .. } => eprintln!(
            "oha            at {rate:.0}/s: p50 {} us, ours {}; p99 {} us, ours {}",
            oha.p50_us, ours.p50_us, oha.p99_us, ours.p99_us
        ),
        CrossCheck::NotChecked { why } => {
            eprintln!("\nNOT CHECKED BY OHA, so our latencies have no second opinion: {why}\n");
        }
    }
    Ok(checked)
}
