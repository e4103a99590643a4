//! What is told of a check: a table to read, and a line to go by.

use crate::matrix::Ended;
use std::fmt::Write as _;

use serde::Serialize;

/// What came of one case.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    /// States that were reached, as often as they were.
    pub states: usize,
    /// Different ones.
    pub unique: usize,
    /// States on the longest way.
    pub depth: usize,
    pub found: Vec<Found>,
    pub seconds: f64,
}

/// What came of one property in one case.
#[derive(Debug, Clone)]
pub struct Found {
    pub name: &'static str,
    /// Whether it must hold in every state; otherwise it has to be seen once.
    pub must_hold: bool,
    /// Whether a state was found: that breaks it, or that has it.
    pub seen: bool,
    /// The shortest way to a state that breaks it.
    pub path: Option<String>,
}

/// The last line, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Different states, of all cases together.
    pub states: usize,
    pub properties: usize,
    /// Properties that do not hold, and those that were never seen.
    pub violations: usize,
    /// Combinations of the matrix, and those that did not end well.
    pub cells: usize,
    pub cells_failed: usize,
    pub seconds: f64,
}

impl Summary {
    pub fn of(cases: &[Case], cells: &[Ended]) -> Self {
        let verdicts = verdicts(cases);
        let seconds: f64 = cases.iter().map(|case| case.seconds).sum();
        Self {
            states: cases.iter().map(|case| case.unique).sum(),
            properties: verdicts.len(),
            violations: verdicts.iter().filter(|verdict| !verdict.good).count(),
            cells: cells.len(),
            cells_failed: cells.iter().filter(|cell| !cell.broken.is_empty()).count(),
            seconds: (seconds * 10.0).round() / 10.0,
        }
    }
}

/// What came of a property in all cases.
struct Verdict {
    name: &'static str,
    words: &'static str,
    good: bool,
}

/// What must hold has to in every case; what has to be seen, in one of them.
fn verdicts(cases: &[Case]) -> Vec<Verdict> {
    let Some(first) = cases.first() else { return Vec::new() };
    let judge = |Found { name, must_hold, .. }: &Found| {
        let mut of_all = cases.iter().flat_map(|case| &case.found).filter(|f| f.name == *name);
        let seen = of_all.any(|found| found.seen);
        let words = match (must_hold, seen) {
            (true, true) => "BROKEN",
            (true, false) => "holds",
            (false, true) => "seen",
            (false, false) => "NEVER SEEN",
        };
        Verdict { name, words, good: *must_hold != seen }
    };
    first.found.iter().map(judge).collect()
}

/// A row for each case, a line for each property, and the way to each that is broken.
pub fn table(cases: &[Case]) -> String {
    let mut text = String::new();
    let head = ("case", "states", "unique", "depth", "seconds");
    let (name, states, unique, depth, seconds) = head;
    let _ = writeln!(text, "{name:<40} {states:>10} {unique:>10} {depth:>6} {seconds:>8}");
    for Case { name, states, unique, depth, seconds, .. } in cases {
        let _ = writeln!(text, "{name:<40} {states:>10} {unique:>10} {depth:>6} {seconds:>8.1}");
    }
    text.push('\n');
    for Verdict { name, words, .. } in verdicts(cases) {
        let _ = writeln!(text, "{name:<58} {words}");
    }
    for case in cases {
        for Found { name, path, .. } in &case.found {
            if let Some(path) = path {
                let _ = write!(text, "\n{}: `{name}` is broken by\n{path}", case.name);
            }
        }
    }
    text
}
