//! How long an Inventory takes to wake, and how much memory it has then.

use anyhow::{Context, Result, ensure};
use xtask::clock::Stopwatch;

use super::door::Door;
use super::stock;

/// So often an object that has nothing is asked first: the isolate and the way to it are warm then.
const WARM_UP: u32 = 20;
/// Reservations that a fresh process takes before its memory is looked at: of so many batches ...
const BATCHES: u64 = 20;
/// ... of so many.
const BATCH: u64 = 256;

/// Milliseconds of the first request to an object of which a fresh process has nothing in memory,
/// and of one to an object that has nothing stored either.
pub(super) fn wake(door: &mut Door, object: &str, orders: u64) -> Result<(f64, f64)> {
    door.restart()?;
    for number in 0..WARM_UP {
        door.show(&format!("nothing-{number}"))?;
    }
    let ask = |object: &str| -> Result<_> {
        let watch = Stopwatch::start();
        let view = door.show(object)?;
        Ok((watch.elapsed().as_secs_f64() * 1_000.0, view))
    };
    let (of_nothing, _) = ask("nothing")?;
    let (ms, view) = ask(object)?;
    let allocated = view.context("the object forgot everything")?.allocated;
    ensure!(u64::from(allocated) == orders, "the object woke with {allocated} orders");
    Ok((ms, of_nothing))
}

/// Bytes of a fresh process in which an object woke and took reservations, and the most it had. The
/// shoppers are others every `time`.
pub(super) fn memory(door: &mut Door, object: &str, orders: u64, time: u64) -> Result<(u64, u64)> {
    wake(door, object, orders)?;
    let first = time.saturating_mul(BATCHES).saturating_mul(BATCH);
    let reservations = stock::reservations("after-waking", first, BATCHES, BATCH)?;
    door.feed_text(object, &reservations)?;
    door.resident_bytes()
}
