//! `bench`: how many reservations one Inventory object decides and makes durable in a second, on
//! plain workerd, on disk. Figures are printed, not judged: they belong to a machine.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::bundle::{self, Build};
use crate::process::step;
use crate::workerd::{Server, StartOptions};
use crate::{paths, setup};

/// Reservations in a batch, and batches in a round.
const SHAPES: [(u32, u32); 3] = [(1, 2_000), (64, 400), (256, 400)];
/// Rounds are interleaved over the shapes, so that a slow moment meets all of them.
const ROUNDS: u32 = 5;
/// One round takes seconds; a stuck one is not waited for.
const ROUND_MAX: Duration = Duration::from_mins(2);

/// Runs the rounds and prints a line per shape.
pub fn bench() -> Result<()> {
    setup::setup()?;
    step("building the Worker for the bench", || bundle::bundle(Build::Bench))?;
    let state_dir = paths::target_dir().join("bench-state");
    if state_dir.exists() {
        std::fs::remove_dir_all(&state_dir)?;
    }
    let options = StartOptions { build: Build::Bench, ..StartOptions::new(&state_dir) };
    let server = step("starting workerd", || Server::start(options))?;
    let mut per_second = SHAPES.map(|_| Vec::new());
    for round in 0..ROUNDS {
        for ((batch, batches), figures) in SHAPES.iter().zip(&mut per_second) {
            figures.push(measure(&server, *batch, *batches, round)?);
        }
    }
    println!("reservations per second of one Inventory object, {ROUNDS} rounds");
    for ((batch, _), figures) in SHAPES.iter().zip(&mut per_second) {
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or_default();
        let (min, median) = (at(0), at(figures.len() / 2));
        let max = at(figures.len().saturating_sub(1));
        println!("  batches of {batch:>3}: median {median:>9.0}   min {min:>9.0}   max {max:>9.0}");
    }
    Ok(())
}

/// One round: so many batches against a fresh object; reservations accepted per second.
fn measure(server: &Server, batch: u32, batches: u32, round: u32) -> Result<f64> {
    let path = format!("/v1/bench?batch={batch}&batches={batches}&run={batch}-{round}");
    let (status, body) = server.get(&path, ROUND_MAX)?;
    if status != 200 {
        bail!("the bench answered {status}: {body}");
    }
    let reply: Value = serde_json::from_str(&body)
        .with_context(|| format!("the bench answered no JSON: {body}"))?;
    let number = |name: &str| reply.get(name).and_then(Value::as_f64).unwrap_or_default();
    let (accepted, ms) = (number("accepted"), number("ms"));
    if accepted < f64::from(batch) * f64::from(batches) {
        bail!("only {accepted} of {batches} batches of {batch} were accepted");
    }
    Ok(accepted * 1000.0 / ms.max(1.0))
}
