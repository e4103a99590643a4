//! What is told of a run: a table to read, and a line to go by.

use std::fmt::Write as _;

use serde::Serialize;

use crate::outcome::Outcome;

/// The last line, as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub shapes: usize,
    pub people: u64,
    pub overshoot_max: f64,
    pub unsold: u64,
    pub seconds_until_all_know: f64,
    pub inversions: u64,
    pub inversion_bound: u32,
    pub draw_p_value: f64,
    pub wait_coverage_min: f64,
    pub storage_writes_per_second: f64,
    pub seconds: f64,
}

fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

impl Summary {
    /// The worst of all shapes.
    pub fn of(outcomes: &[Outcome], draw_p_value: f64, seconds: f64) -> Self {
        let worst = |of: fn(&Outcome) -> f64| rounded(outcomes.iter().map(of).fold(0.0, f64::max));
        let coverage = outcomes.iter().map(|outcome| outcome.coverage).fold(1.0, f64::min);
        Self {
            shapes: outcomes.len(),
            people: outcomes.iter().map(|outcome| u64::from(outcome.people)).sum(),
            overshoot_max: worst(|outcome| outcome.minute_overshoot.max(outcome.active_overshoot)),
            unsold: outcomes.iter().map(|outcome| u64::from(outcome.unsold)).sum(),
            seconds_until_all_know: worst(|outcome| {
                outcome.edges_know_secs.max(outcome.hoping_know_secs)
            }),
            inversions: outcomes.iter().map(|outcome| outcome.inversions).sum(),
            inversion_bound: outcomes.iter().map(|o| o.inversion_bound).max().unwrap_or_default(),
            draw_p_value: rounded(draw_p_value),
            wait_coverage_min: rounded(coverage),
            storage_writes_per_second: worst(|outcome| outcome.writes_per_second),
            seconds: (seconds * 10.0).round() / 10.0,
        }
    }
}

/// The promises that were broken, in words.
pub fn broken(outcomes: &[Outcome], draw_p_value: f64) -> Vec<String> {
    let mut broken = Vec::new();
    for outcome in outcomes {
        let mut promise = |holds: bool, what: String| {
            if !holds {
                broken.push(format!("{}: {what}", outcome.name));
            }
        };
        let Outcome { minute_overshoot: minute, active_overshoot: active, .. } = *outcome;
        promise(minute <= 0.02, format!("{:.1} % too many in a minute", minute * 100.0));
        promise(active <= 0.02, format!("{:.1} % too many active", active * 100.0));
        promise(outcome.unsold == 0, format!("{} units left", outcome.unsold));
        let know = outcome.edges_know_secs.max(outcome.hoping_know_secs);
        promise(know <= 3.0, format!("an edge knew {know:.1} s late"));
        promise(outcome.inversions == 0, format!("{} inversions", outcome.inversions));
        let (bound, leased) = (outcome.inversion_bound, outcome.leased_max);
        promise(bound <= leased, format!("overtaken by {bound}, though {leased} were leased"));
        let coverage = outcome.coverage;
        promise(coverage >= 0.75, format!("{:.1} % of ranges held", coverage * 100.0));
        let writes = outcome.writes_per_second;
        promise(writes <= 2.0, format!("{writes:.2} writes a second"));
    }
    if draw_p_value <= 0.001 {
        broken.push(format!("draws: p is {draw_p_value}"));
    }
    broken
}

const HEAD: &str = "\
shape             people    joined  refused     came   away lapsed  sale s | minute%  active% \
unsold  edges s hoping s people s | invers.  overt. leased | ranges  held% short%  long% | \
wr/s leases/s  pressure  Mpolls";

/// A row for each shape.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut text = format!("{HEAD}\n");
    for o in outcomes {
        let _written = writeln!(
            text,
            "{:<14} {:>9} {:>9} {:>8} {:>8} {:>6} {:>6} {:>7.0} | {:>7.2} {:>8.2} {:>6} {:>8.2} \
             {:>8.2} {:>8.2} | {:>7} {:>7} {:>6} | {:>6} {:>6.1} {:>6.1} {:>6.1} | {:>4.2} {:>8.2} \
             {:>9.2} {:>7.1}",
            o.name,
            o.people,
            o.joined,
            o.refused,
            o.came,
            o.turned_away,
            o.lapsed,
            o.sale_secs,
            o.minute_overshoot * 100.0,
            o.active_overshoot * 100.0,
            o.unsold,
            o.edges_know_secs,
            o.hoping_know_secs,
            o.people_know_secs,
            o.inversions,
            o.inversion_bound,
            o.leased_max,
            o.ranges,
            o.coverage * 100.0,
            o.shorter * 100.0,
            o.longer * 100.0,
            o.writes_per_second,
            o.leases_per_second,
            o.pressure_max,
            o.polls as f64 / 1e6,
        );
    }
    text
}
