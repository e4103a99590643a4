//! What a run has shown.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::history::{History, Op};

/// Latencies above ten minutes count as ten minutes.
const LATENCY_MAX_US: u64 = 600_000_000;
/// Three significant digits.
const DIGITS: u8 = 3;
/// What went wrong is told so many times; the numbers say how often it did.
const COMPLAINTS_MAX: usize = 8;
const NS_PER_US: u64 = 1_000;

/// The counted part of a run, and its whole history if that was wanted.
#[derive(Debug, Clone)]
pub struct Ran {
    pub sent: u64,
    /// Complete answers that came in time, right or wrong.
    pub done: u64,
    /// Operations without such an answer: no connection, an end too early, nonsense, or silence.
    /// They are in no histogram, so a run with errors says nothing about latency.
    pub errors: u64,
    /// Answers that the workload called wrong.
    pub wrong: u64,
    /// Operations that were due before the end, but found no free connection until then. They are
    /// in no histogram either: the system could not keep the pace.
    pub unsent: u64,
    /// From the first counted send to the last counted answer.
    pub seconds: f64,
    pub statuses: BTreeMap<u16, u64>,
    /// How often the workload gave which class.
    pub classes: BTreeMap<u8, u64>,
    /// Microseconds from the moment an operation was due.
    pub latency: Histogram<u64>,
    /// Microseconds from the moment it was sent. The difference is the wait for a connection.
    pub service: Histogram<u64>,
    /// Microseconds for which operations were due and a connection was free, and still they were
    /// not sent: the generator's own fault. Where this is not far below the latencies, somebody
    /// else was on its core, and the run says little.
    pub own_delay: Histogram<u64>,
    /// The first few things that went wrong, as sentences.
    pub complaints: Vec<String>,
    /// Empty unless it was asked for.
    pub history: History,
    first_sent_ns: Option<u64>,
    last_done_ns: u64,
}

impl Ran {
    pub(super) fn new() -> Result<Self> {
        let histogram =
            || Histogram::new_with_bounds(1, LATENCY_MAX_US, DIGITS).context("making a histogram");
        Ok(Self {
            sent: 0,
            done: 0,
            errors: 0,
            wrong: 0,
            unsent: 0,
            seconds: 0.0,
            statuses: BTreeMap::new(),
            classes: BTreeMap::new(),
            latency: histogram()?,
            service: histogram()?,
            own_delay: histogram()?,
            complaints: Vec::new(),
            history: History::default(),
            first_sent_ns: None,
            last_done_ns: 0,
        })
    }

    /// Right answers per second.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts 2^53 answers")]
    pub fn per_second(&self) -> f64 {
        let right = self.done.saturating_sub(self.wrong) as f64;
        if self.seconds > 0.0 { right / self.seconds } else { 0.0 }
    }

    /// Whether everything that was due was sent and rightly answered.
    pub fn is_clean(&self) -> bool {
        self.errors == 0 && self.wrong == 0 && self.unsent == 0
    }

    /// The latencies in short.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.latency)
    }

    /// A counted operation was sent. It could have been since `possible`.
    pub(super) fn sent(&mut self, now: u64, possible: u64) {
        add_one(&mut self.sent);
        self.own_delay.saturating_record(now.saturating_sub(possible) / NS_PER_US);
        self.first_sent_ns.get_or_insert(now);
    }

    /// A counted operation was answered.
    pub(super) fn answered(&mut self, op: &Op, verdict: &Result<u8, String>) {
        add_one(&mut self.done);
        add_one(self.statuses.entry(op.status).or_default());
        match verdict {
            Ok(class) => add_one(self.classes.entry(*class).or_default()),
            Err(_) => add_one(&mut self.wrong),
        }
        let since = |start: u64| op.done_ns.saturating_sub(start) / NS_PER_US;
        self.latency.saturating_record(since(op.intended_ns));
        self.service.saturating_record(since(op.sent_ns));
        self.last_done_ns = self.last_done_ns.max(op.done_ns);
    }

    pub(super) fn complain(&mut self, op: &Op, sentence: &str) {
        if self.complaints.len() < COMPLAINTS_MAX {
            self.complaints.push(format!("operation {}: {sentence}", op.number));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are three months")]
    pub(super) fn finish(&mut self) {
        let first = self.first_sent_ns.unwrap_or(self.last_done_ns);
        self.seconds = self.last_done_ns.saturating_sub(first) as f64 / 1e9;
    }
}

fn add_one(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// A histogram in short; microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub count: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
}

impl Summary {
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            count: histogram.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max(),
        }
    }
}
