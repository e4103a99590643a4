//! How long an Inventory takes to wake, and how much memory it has then.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use xtask::clock::Stopwatch;

use super::door::Door;
use super::stock;

/// So often an object that has nothing is asked first: the isolate and the way to it are warm then.
const WARM_UP: u32 = 20;
/// So often a process is started in which nothing else comes to life.
const RESTARTS_MAX: u32 = 3;
/// workerd puts an object to sleep that nobody asks for ten seconds.
const NAP: Duration = Duration::from_secs(12);
/// It may look a little later.
const NAPS_MAX: u32 = 3;
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
    /// The same request to an object that has nothing stored.
    pub(super) ms_of_nothing: f64,
}

/// Wakes an object of which a fresh process has nothing in memory.
pub(super) fn wake(door: &mut Door, object: &str, orders: u64) -> Result<Woken> {
    for _ in 0..RESTARTS_MAX {
        door.restart()?;
        for number in 0..WARM_UP {
            door.show(&format!("nothing-{number}"))?;
        }
        // What its alarm has woken meanwhile is awake already.
        if door.awoken()? == u64::from(WARM_UP) {
            return first_request(door, object, orders);
        }
    }
    bail!("{object} is woken by its alarm each time")
}

/// Lets the platform put an object to sleep that is awake, and wakes it in the same process: what
/// reads a state has been compiled there. Also the bytes that the process has more then.
pub(super) fn wake_again(door: &Door, object: &str, orders: u64) -> Result<(Woken, u64)> {
    door.show(object)?;
    let (before, _) = door.resident_bytes()?;
    for _ in 0..NAPS_MAX {
        std::thread::sleep(NAP);
        let awoken = door.awoken()?;
        let woken = first_request(door, object, orders)?;
        // Beside it, the object that has nothing comes to life.
        if door.awoken()?.saturating_sub(awoken) > 1 {
            let (after, _) = door.resident_bytes()?;
            return Ok((woken, after.saturating_sub(before)));
        }
    }
    bail!("the platform does not put {object} to sleep")
}

fn first_request(door: &Door, object: &str, orders: u64) -> Result<Woken> {
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
    wake(door, object, orders)?;
    let first = time.saturating_mul(BATCHES).saturating_mul(BATCH);
    let reservations = stock::reservations("after-waking", first, BATCHES, BATCH)?;
    door.feed_text(object, &reservations)?;
    door.resident_bytes()
}
