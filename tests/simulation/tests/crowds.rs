//! Small crowds, so that the simulation itself is known to work. What the product promises to large
//! ones is for `cargo xtask simulate room`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use doorbuster_simulation::{Options, Run, run};

fn small(shapes: &[&str], seed: u64) -> Run {
    let shapes = shapes.iter().map(|name| (*name).to_owned()).collect();
    run(&Options { seed, shapes, people_scale: 0.01, ..Options::default() })
}

/// The last line, but for how long the run took.
fn told(run: &Run) -> serde_json::Value {
    let mut told = serde_json::to_value(&run.summary).unwrap();
    told.as_object_mut().unwrap().remove("seconds");
    told
}

#[test]
fn a_run_follows_from_its_seed_and_another_seed_is_another_run() {
    let shapes = ["burst", "paused"];
    let (first, second, other) = (small(&shapes, 3), small(&shapes, 3), small(&shapes, 4));
    assert_eq!(told(&first), told(&second));
    assert_ne!(told(&first), told(&other));
}

#[test]
fn everything_is_sold_nobody_is_overtaken_and_every_edge_knows() {
    let run = small(&["headline", "restock"], 1);
    assert_eq!(run.outcomes.len(), 2);
    for outcome in &run.outcomes {
        assert_eq!(outcome.unsold, 0, "{}", outcome.name);
        assert_eq!(outcome.inversions, 0, "{}", outcome.name);
        assert!(outcome.inversion_bound <= outcome.leased_max, "{}", outcome.name);
        assert!(outcome.edges_know_secs <= 3.0, "{}", outcome.name);
        assert!(outcome.writes_per_second <= 2.0, "{}", outcome.name);
        assert!(outcome.came > 0 && outcome.polls > 0 && outcome.ranges > 0, "{}", outcome.name);
    }
}

#[test]
fn the_summary_has_the_keys_that_are_promised() {
    let keys: Vec<String> =
        told(&small(&["small"], 1)).as_object().unwrap().keys().cloned().collect();
    let mut promised = [
        "shapes",
        "people",
        "overshoot_max",
        "unsold",
        "seconds_until_all_know",
        "inversions",
        "inversion_bound",
        "draw_p_value",
        "wait_coverage_min",
        "storage_writes_per_second",
    ];
    promised.sort_unstable();
    assert_eq!(keys, promised);
}
