//! What a history comes to.

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;

use crate::load::{Op, Ran, Summary};
use crate::process;

/// Latencies above ten minutes count as ten minutes.
const LATENCY_MAX_US: u64 = 600_000_000;
const DIGITS: u8 = 3;
const NS_PER_US: u64 = 1_000;

/// The latencies of operations, from the moment each was due.
pub(super) fn latencies<'o>(ops: impl IntoIterator<Item = &'o Op>) -> Result<Summary> {
    let mut all = Histogram::<u64>::new_with_bounds(1, LATENCY_MAX_US, DIGITS)
        .context("making a histogram")?;
    for op in ops {
        all.saturating_record(op.done_ns.saturating_sub(op.intended_ns) / NS_PER_US);
    }
    Ok(Summary::of(&all))
}

/// Milliseconds between two moments of a history.
pub(super) fn ms_between(from_ns: u64, to_ns: u64) -> f64 {
    float(to_ns.saturating_sub(from_ns)) / 1e6
}

/// So many in so many milliseconds, as a rate per second.
pub(super) fn per_second(count: u64, ms: f64) -> f64 {
    if ms > 0.0 { float(count) * 1_000.0 / ms } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "counts and moments of a run are far below 2^53")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

/// So many operations of a rate as fit into so many seconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates, and no rate is below zero"
)]
pub(super) fn operations(rate: f64, seconds: f64) -> u64 {
    (rate * seconds) as u64
}

/// When the first operation was due; 0 for an empty history.
pub(super) fn first_due(ops: &[Op]) -> u64 {
    ops.iter().map(|op| op.intended_ns).min().unwrap_or(0)
}

/// When the last of these operations was answered; 0 if there is none.
pub(super) fn last_done<'o>(ops: impl IntoIterator<Item = &'o Op>) -> u64 {
    ops.into_iter().map(|op| op.done_ns).max().unwrap_or(0)
}

/// Fails unless everything was sent, and answered as it should be.
pub(super) fn clean(ran: Ran) -> Result<Ran> {
    let Ran { errors, wrong, unsent, complaints, .. } = &ran;
    ensure!(
        ran.is_clean(),
        "{errors} errors, {wrong} wrong answers, {unsent} not sent: {complaints:?}"
    );
    Ok(ran)
}

/// CPU that some processes use from a moment on.
pub(super) struct Meter {
    pids: Vec<u32>,
    before: u64,
}

impl Meter {
    pub(super) fn start(pids: Vec<u32>) -> Result<Self> {
        let before = used(&pids)?;
        Ok(Self { pids, before })
    }

    /// Microseconds for each of so many operations.
    pub(super) fn us_per(&self, operations: u64) -> Result<f64> {
        let ns = used(&self.pids)?.saturating_sub(self.before);
        Ok(float(ns) / 1_000.0 / float(operations.max(1)))
    }
}

fn used(pids: &[u32]) -> Result<u64> {
    pids.iter().copied().map(process::cpu_ns).sum()
}
