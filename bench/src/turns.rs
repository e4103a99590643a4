//! Subjects that take turns: a slice of a second each, there and back again, so that a slow moment
//! of the machine meets all that are compared.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use doorbuster_domain::sealed::Keyring;
use hdrhistogram::Histogram;

use crate::load::{self, Load, Ran, Stop, Workload};
use crate::process;
use crate::rounds::{Plan, fresh};
use crate::subjects::{self, Ready, Subject};

/// Long enough for thousands of answers, short enough for what disturbs a machine for a second to
/// meet several.
const SLICE: Duration = Duration::from_millis(500);
/// What a subject has still to do after its answers is its own: no other's turn begins before it is
/// quiet, or two seconds have passed.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS_MAX: u32 = 100;
/// A process that uses less than this between two looks is quiet.
const QUIET_NS: u64 = 1_000_000;

/// Of one subject in one round.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) name: String,
    /// Right answers a second.
    pub(crate) per_second: f64,
    /// CPU per answer, in microseconds, with what there was to do after it.
    pub(crate) cpu_us: f64,
    pub(crate) p99_us: f64,
}

/// Measures a group: all of it runs, warmed up, and each has its turns.
pub(crate) fn measure(
    group: &[Subject],
    plan: &Plan,
    dir: &Path,
    keyring: &Keyring,
    peer: &Path,
) -> Result<Vec<Sample>> {
    let start = |subject: &Subject| -> Result<Running<'_>> {
        let name = subject.name();
        let ready = subjects::start(*subject, &fresh(&dir.join(&name))?, keyring, peer)
            .with_context(|| name.clone())?;
        let is_floor = matches!(subject, Subject::Floor(_) | Subject::FloorAsked(..));
        let workload = ready.workload(keyring, 0, is_floor)?;
        let mut running = Running { name, ready, workload, turns: Vec::new() };
        running.go(plan.warm_up)?;
        Ok(running)
    };
    let wanted = group.iter().filter(|subject| plan.wants(&subject.name()));
    let mut all: Vec<_> = wanted.map(start).collect::<Result<_>>()?;
    let slice = SLICE.min(plan.time);
    let turns = plan.time.as_millis().checked_div(slice.as_millis()).unwrap_or(1);
    for _ in 0..turns {
        for running in &mut all {
            let turn = running.turn(slice)?;
            running.turns.push(turn);
        }
        all.reverse();
    }
    all.sort_by_key(|running| group.iter().position(|subject| subject.name() == running.name));
    all.iter().map(Running::sample).collect()
}

/// A subject that runs, and what its turns gave.
struct Running<'k> {
    name: String,
    ready: Ready,
    workload: Box<dyn Workload + 'k>,
    turns: Vec<Turn>,
}

struct Turn {
    ran: Ran,
    cpu_ns: u64,
}

impl Running<'_> {
    fn go(&mut self, time: Duration) -> Result<Ran> {
        let load = Load::new(self.ready.addr(), &mut *self.workload);
        let ran = load::run(&mut Load { stop: Stop::After(time), ..load })
            .with_context(|| self.name.clone())?;
        if !ran.is_clean() {
            let Ran { errors, wrong, complaints, .. } = &ran;
            bail!("{}: {errors} errors, {wrong} wrong answers: {complaints:?}", self.name);
        }
        Ok(ran)
    }

    fn turn(&mut self, time: Duration) -> Result<Turn> {
        let before = self.cpu_ns()?;
        let ran = self.go(time)?;
        self.until_quiet()?;
        Ok(Turn { ran, cpu_ns: self.cpu_ns()?.saturating_sub(before) })
    }

    fn cpu_ns(&self) -> Result<u64> {
        self.ready.pids().into_iter().map(process::cpu_ns).sum()
    }

    fn until_quiet(&self) -> Result<()> {
        let mut used = self.cpu_ns()?;
        for _ in 0..LOOKS_MAX {
            std::thread::sleep(LOOK_EVERY);
            let now = self.cpu_ns()?;
            if now.saturating_sub(used) < QUIET_NS {
                break;
            }
            used = now;
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and microseconds are far below 2^53")]
    fn sample(&self) -> Result<Sample> {
        let done: u64 = self.turns.iter().map(|turn| turn.ran.done).sum();
        let seconds: f64 = self.turns.iter().map(|turn| turn.ran.seconds).sum();
        let cpu_ns: u64 = self.turns.iter().map(|turn| turn.cpu_ns).sum();
        let mut latency = Histogram::new_from(&self.turns.first().context("a turn")?.ran.latency);
        for turn in &self.turns {
            latency.add(&turn.ran.latency).context("adding latencies up")?;
        }
        Ok(Sample {
            name: self.name.clone(),
            per_second: done as f64 / seconds.max(f64::MIN_POSITIVE),
            cpu_us: cpu_ns as f64 / 1_000.0 / done.max(1) as f64,
            p99_us: latency.value_at_quantile(0.99) as f64,
        })
    }
}
