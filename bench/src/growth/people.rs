//! Polls of people in a short and in a long line.

use std::path::Path;

use anyhow::{Result, ensure};
use doorbuster_domain::sealed::Keyring;

use super::Growth;
use super::cost::{self, Spent};
use super::door::Door;
use crate::rounds::{Plan, fresh};

/// What people do.
pub(super) const ACT: &str = "poll";
/// What its CPU may grow by.
const AT_MOST: f64 = 1.1;
/// People let in a minute: so few that whoever polls waits to the end.
const ADMITS_PER_MINUTE: u32 = 1;
/// More than are let in while a run lasts stand before those who poll.
const IN_FRONT: u64 = 200;
/// People who join in one call.
const TOGETHER: u64 = 100_000;

/// Measures the CPU of polls in both lines, in turn.
pub(super) fn measure(
    plan: &Plan,
    dir: &Path,
    keyring: &Keyring,
    growth: &mut Growth,
) -> Result<()> {
    let (few, many) = plan.growth.people;
    // The long line first: a room that nobody asks for ten seconds is put to sleep.
    let long = Line::of(many, &dir.join("long"), keyring)?;
    let short = Line::of(few, &dir.join("short"), keyring)?;
    for line in [&short, &long] {
        line.poll(keyring, plan.warm_up)?;
    }
    let slices = plan.growth.slices;
    let time = plan.time.checked_div(slices).unwrap_or(plan.time);
    let (mut of_short, mut of_long) = (Vec::new(), Vec::new());
    for round in 1..=plan.rounds {
        let (mut short_spent, mut long_spent) = (Spent::default(), Spent::default());
        for _ in 0..slices {
            short_spent.add(short.poll(keyring, time)?);
            long_spent.add(long.poll(keyring, time)?);
        }
        let (one, other) = (short_spent.us(), long_spent.us());
        eprintln!(
            "round {round}  {:32} {one:>9.1} us {other:>9.1} us",
            "poll, short and long line"
        );
        of_short.push(one);
        of_long.push(other);
    }
    growth.note(ACT, Some(AT_MOST), (few, many), (of_short, of_long));
    Ok(())
}

struct Line {
    door: Door,
    /// The number of who came last.
    last: u64,
}

impl Line {
    fn of(people: u64, dir: &Path, keyring: &Keyring) -> Result<Self> {
        let door = Door::start(&fresh(dir)?, keyring, 1, ADMITS_PER_MINUTE)?;
        let wanted = people.saturating_add(IN_FRONT);
        let mut last = 0;
        while last < wanted {
            last = door.join(wanted.saturating_sub(last).min(TOGETHER))?;
        }
        ensure!(last == wanted, "{last} is the last number of {wanted}");
        Ok(Self { door, last })
    }

    fn poll(&self, keyring: &Keyring, time: std::time::Duration) -> Result<Spent> {
        cost::poll(&self.door, keyring, self.last, time)
    }
}
