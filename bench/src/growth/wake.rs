//! How long an Inventory takes to wake, and how much memory it has then.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xtask::clock::Stopwatch;

use super::door::Door;
use super::stock;

/// So often an object that has nothing is asked first: the isolate and the way to it are warm then.
const WARM_UP: u32 = 20;
/// Reservations that a fresh process takes before its memory is looked at: of so many batches ...
const BATCHES: u64 = 8;
/// ... of so many.
const BATCH: u64 = 256;

/// How long the first request to an object took, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Woken {
    pub(super) ms: f64,
    /// CPU of it.
    pub(super) cpu_ms: f64,
    /// The same request to an object that has nothing stored either.
    pub(super) ms_of_nothing: f64,
}

/// Wakes an object of which a fresh process has nothing in memory. If another one woke there
/// before, then what reads a state has been compiled, as it has in a process that lives for long.
pub(super) fn wake(
    door: &mut Door,
    object: &str,
    orders: u64,
    another: Option<&str>,
) -> Result<Woken> {
    door.restart()?;
    for number in 0..WARM_UP {
        door.show(&format!("nothing-{number}"))?;
    }
    if let Some(another) = another {
        door.show(another)?.context("the other object has nothing")?;
    }
    let ask = |object: &str| -> Result<_> {
        let watch = Stopwatch::start();
        let view = door.show(object)?;
        Ok((watch.elapsed().as_secs_f64() * 1_000.0, view))
    };
    let (ms_of_nothing, _) = ask("nothing")?;
    let before = door.cpu_ns()?;
    let (ms, view) = ask(object)?;
    let spent = Duration::from_nanos(door.cpu_ns()?.saturating_sub(before));
    let allocated = view.context("the object forgot everything")?.allocated;
    ensure!(u64::from(allocated) == orders, "the object woke with {allocated} orders");
    Ok(Woken { ms, cpu_ms: spent.as_secs_f64() * 1_000.0, ms_of_nothing })
}

/// Bytes of a fresh process in which an object woke and took reservations, and the most it had. The
/// shoppers are others every `time`.
pub(super) fn memory(door: &mut Door, object: &str, orders: u64, time: u64) -> Result<(u64, u64)> {
    wake(door, object, orders, None)?;
    let first = time.saturating_mul(BATCHES).saturating_mul(BATCH);
    let reservations = stock::reservations("after-waking", first, BATCHES, BATCH)?;
    door.feed_text(object, &reservations)?;
    door.resident_bytes()
}
