//! The generator: requests by a schedule, latencies from the moment they were due.
//!
//! One thread, one epoll, keep-alive connections with one request at a time on each. With
//! [`Pace::PerSecond`] the model is open: every operation has a moment at which it is due, whatever
//! the system does meanwhile. If all connections are busy it waits, and its wait counts. A system
//! that stalls is thus seen by everybody who would have come in the meantime (Gil Tene calls the
//! opposite "coordinated omission").
//!
//! ```no_run
//! use doorbuster_bench::load::{Arrivals, Load, Pace, Repeat, Stop, render, run};
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut hello = Repeat(render("GET", "/", &[], b""));
//! let mut load = Load {
//!     pace: Pace::PerSecond(5_000.0, Arrivals::Poisson(7)),
//!     stop: Stop::After(std::time::Duration::from_secs(10)),
//!     warmup: 5_000,
//!     ..Load::new("127.0.0.1:8787".parse()?, &mut hello)
//! };
//! let ran = run(&mut load)?;
//! println!("{:.0}/s, p99 {} us", ran.per_second(), ran.latency.value_at_quantile(0.99));
//! # Ok(())
//! # }
//! ```

mod answer;
mod connection;
mod driver;
mod history;
pub mod oha;
mod ran;
mod request;
mod schedule;
pub mod sink;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use mio::{Events, Poll};

pub use self::answer::Reply;
use self::driver::{Clock, Driver};
pub use self::history::{History, Op};
pub use self::ran::{Ran, Summary};
pub use self::request::{render, render_into};
pub(crate) use self::schedule::{Schedule, SplitMix64};
pub use self::sink::headroom;

/// The longest sleep between two looks at timeouts.
const SWEEP_EVERY: Duration = Duration::from_millis(50);
/// Answers taken from one look at epoll.
const EVENTS_MAX: usize = 1024;

/// What to send where, how fast, and until when.
pub struct Load<'w> {
    pub target: SocketAddr,
    /// As many operations can be under way at once.
    pub connections: usize,
    pub pace: Pace,
    pub stop: Stop,
    /// So many operations come first and are not counted. They are in the history.
    pub warmup: u64,
    /// An operation that has no answer after this time has failed.
    pub patience: Duration,
    /// Whether to keep every operation in [`Ran::history`].
    pub history: bool,
    pub workload: &'w mut dyn Workload,
}

impl<'w> Load<'w> {
    /// 64 connections, as fast as they go, for ten seconds, without warm-up or history.
    pub fn new(target: SocketAddr, workload: &'w mut dyn Workload) -> Self {
        Self {
            target,
            connections: 64,
            pace: Pace::Saturate,
            stop: Stop::After(Duration::from_secs(10)),
            warmup: 0,
            patience: Duration::from_secs(10),
            history: false,
            workload,
        }
    }
}

/// When operations are due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// The next one when a connection is free: a closed model, which finds the capacity.
    Saturate,
    /// By the clock, so many in a second: an open model, which finds the latency.
    PerSecond(f64, Arrivals),
    /// The workload says when, by [`Workload::due`]: an open model in which answers have
    /// consequences. It ends when nothing is due and nothing is under way.
    Scripted,
}

/// How operations are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// At equal distances.
    Constant,
    /// As independent people come, from this seed.
    Poisson(u64),
}

/// When to send no more. What is under way is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// So long after the first counted operation was due.
    After(Duration),
    /// After exactly so many counted operations.
    Count(u64),
}

/// What is asked, and which answers are right.
///
/// A closure `FnMut(u64, &mut Vec<u8>) -> u8` is a workload too; it expects successes.
pub trait Workload {
    /// Appends request `number` (from 0, warm-up included) to `out`; [`render_into`] helps. Returns
    /// a tag of its choice, which the reply and the history carry.
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8;

    /// With [`Pace::Scripted`]: when the next operation is due, in nanoseconds since the start of
    /// the run; `None` if nothing is, unless an answer makes it so.
    fn due(&self) -> Option<u64> {
        None
    }

    /// Looks at an answer. Returns its class, which is counted and kept in the history, or a
    /// sentence that says what is wrong with it.
    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        reply.success()
    }
}

impl<F: FnMut(u64, &mut Vec<u8>) -> u8> Workload for F {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        self(number, out)
    }
}

/// The same request every time; a success is right.
#[derive(Debug, Clone)]
pub struct Repeat(pub Vec<u8>);

impl Workload for Repeat {
    fn write(&mut self, _number: u64, out: &mut Vec<u8>) -> u8 {
        out.extend_from_slice(&self.0);
        0
    }
}

/// Runs one load on this thread. Fails if the target cannot be reached at the start; what goes
/// wrong later is counted.
pub fn run(load: &mut Load<'_>) -> Result<Ran> {
    let mut all = run_together(std::slice::from_mut(load))?;
    all.pop().context("a load gives one result")
}

/// Runs several loads in one loop on this thread, each with its own target, pace and end. Two
/// threads on one core would take turns of milliseconds, and that would show in the latencies.
pub fn run_together(loads: &mut [Load<'_>]) -> Result<Vec<Ran>> {
    let mut poll = Poll::new().context("making an epoll")?;
    let mut drivers = Vec::with_capacity(loads.len());
    for (number, load) in loads.iter_mut().enumerate() {
        drivers.push(Driver::connect(number, load, poll.registry())?);
    }
    let mut events = Events::with_capacity(EVENTS_MAX);
    let clock = Clock::start();
    let mut next_sweep = 0;
    while !drivers.iter().all(Driver::is_finished) {
        let now = clock.ns();
        if now >= next_sweep {
            for driver in &mut drivers {
                driver.sweep(now);
            }
            next_sweep = now.saturating_add(driver::ns(SWEEP_EVERY));
        }
        for driver in &mut drivers {
            driver.send_due(clock, poll.registry());
        }
        let now = clock.ns();
        let rest = drivers.iter().map(|driver| driver.rest(now)).min().unwrap_or(SWEEP_EVERY);
        match poll.poll(&mut events, Some(rest)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                return Err(error).context("waiting for answers");
            }
            _ => {}
        }
        for event in &events {
            let (number, connection) = driver::place_of(event.token());
            if let Some(driver) = drivers.get_mut(number) {
                driver.on_event(connection, event, clock, poll.registry());
            }
        }
    }
    Ok(drivers.into_iter().map(Driver::into_ran).collect())
}

#[cfg(test)]
mod tests;
