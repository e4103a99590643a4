//! The checkout, checked exhaustively: every order in which things can happen, within bounds.
//!
//! The Inventory, its batches, its journal and its outbox are the product's. Around them is what is
//! not ours, as freely as it may behave: shoppers, a payment provider, queues that deliver at least
//! once and in any order, books, a clock, and crashes. A state is everything there is at one
//! moment; two that behave alike from then on are one.

pub mod bounds;
pub mod cancel;
pub mod form;
pub mod model;
pub mod object;
pub mod outside;
pub mod properties;
pub mod report;
pub mod steps;

use std::fmt::Write as _;

use stateright::{Checker as _, Expectation, HasDiscoveries, Model as _, Path};
use xtask::clock::Stopwatch;

pub use bounds::{Bounds, CASES, Flaw};
pub use model::Checkout;
pub use report::{Case, Found, Summary, table};

use model::{Action, State};

/// A search goes on beside itself.
const THREADS: usize = 2;

/// Searches everything that is reachable.
pub fn check(model: &Checkout) -> Case {
    let watch = Stopwatch::start();
    let checker = model.clone().checker().threads(THREADS).spawn_bfs().join();
    let discoveries = checker.discoveries();
    let found = model.properties().into_iter().map(|property| {
        let name = property.name;
        let must_hold = property.expectation == Expectation::Always;
        let path = discoveries.get(name).filter(|_| must_hold);
        let path = path.map(|path| in_words(model, &shortest(model, name, path)));
        Found { name, must_hold, seen: discoveries.contains_key(name), path }
    });
    Case {
        name: model.bounds.name,
        states: checker.state_count(),
        unique: checker.unique_state_count(),
        depth: checker.max_depth(),
        found: found.collect(),
        seconds: watch.elapsed().as_secs_f64(),
    }
}

/// Searches until this property is found broken; the shortest way there.
pub fn break_property(model: &Checkout, name: &'static str) -> Option<String> {
    let first = find(model, name, None)?;
    Some(in_words(model, &shortest(model, name, &first)))
}

type Way = Path<State, Action>;

/// The shortest way to a state of which another way is known. What a search found last need not be
/// it, so the search is repeated, each time for a shorter one.
fn shortest(model: &Checkout, name: &'static str, known: &Way) -> Way {
    let mut best = known.clone();
    while let Some(shorter) = find(model, name, Some(states_of(&best) - 1)) {
        best = shorter;
    }
    best
}

/// How many states a way has, the first included.
fn states_of(way: &Way) -> usize {
    way.clone().into_states().len()
}

/// Some way to a discovery, of at most so many states.
fn find(model: &Checkout, name: &'static str, states_max: Option<usize>) -> Option<Way> {
    let wanted = HasDiscoveries::AllOf([name].into());
    let mut builder = model.clone().checker().threads(THREADS).finish_when(wanted);
    if let Some(max) = states_max {
        // The checker looks at states below this depth.
        builder = builder.target_max_depth(max + 1);
    }
    builder.spawn_bfs().join().discovery(name)
}

fn in_words(model: &Checkout, way: &Way) -> String {
    let mut text = String::new();
    for (n, action) in way.clone().into_actions().iter().enumerate() {
        let _ = writeln!(text, "{:>4}. {}", n + 1, model.format_action(action));
    }
    text
}
