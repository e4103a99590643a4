//! The check of the checkout, within bounds that are gone through in seconds; and that it finds
//! what is wrong. All of it is for `cargo xtask simulate checkout`.

use std::collections::{BTreeSet, HashMap, VecDeque};

use doorbuster_simulation::checkout::bounds::{NO_FAULTS, TWO_SHOPPERS, WAITLIST};
use doorbuster_simulation::checkout::model::State;
use doorbuster_simulation::checkout::properties::{
    CANCELLED, FITS, MONEY, NO_OVERSELL, NO_UNDERSELL, NOT_ROBBED, NOTHING_LOST, ONE_ANSWER,
    SETTLED_ONCE,
};
use doorbuster_simulation::checkout::{
    Bounds, Case, Checkout, Flaw, Summary, break_property, check, table,
};
use stateright::Model as _;

/// One shopper with everything that may go wrong.
const ALONE: Bounds = Bounds { visits: &["ann"], ..TWO_SHOPPERS };
/// Two shoppers who want the same unit, and wait for it.
const WAITERS: Bounds = Bounds { crashes: 0, duplicates: 0, lates: 0, ..WAITLIST };
/// Two shoppers who want the same two units.
const RIVALS: Bounds = Bounds { attempts: 1, quantities: &[2], ..NO_FAULTS };

/// One shopper, whose order is cancelled.
const REGRETTED: Bounds = Bounds {
    quantities: &[1],
    cancels: &[true, false],
    crashes: 0,
    duplicates: 0,
    lates: 0,
    ..ALONE
};

fn broken(case: &Case) -> Vec<&'static str> {
    case.found.iter().filter(|f| f.must_hold && f.seen).map(|f| f.name).collect()
}

#[test]
fn the_invariants_hold_for_one_shopper_whatever_goes_wrong() {
    let case = check(&Checkout::new(ALONE));
    assert_eq!(broken(&case), [""; 0]);
    let is_seen = |name| case.found.iter().any(|found| found.name == name && found.seen);
    assert!(is_seen("a late payment is reserved again"), "{case:?}");
    assert!(is_seen("a lost webhook is found out by the void"), "{case:?}");
    assert!(is_seen("a crash while an order is in no queue"), "{case:?}");
    assert!(case.unique > 1_000 && case.depth > 10, "{case:?}");
}

#[test]
fn the_invariants_hold_for_two_shoppers_who_want_the_same() {
    let case = check(&Checkout::new(Bounds { lates: 1, ..RIVALS }));
    assert_eq!(broken(&case), [""; 0]);
    let seen = |name| case.found.iter().any(|found| found.name == name && found.seen);
    assert!(seen("a late payment finds nothing and goes back"), "{case:?}");
}

#[test]
fn the_invariants_hold_for_two_shoppers_who_wait_for_the_same() {
    let case = check(&Checkout::new(WAITERS));
    assert_eq!(broken(&case), [""; 0]);
    let seen = |name| case.found.iter().any(|found| found.name == name && found.seen);
    assert!(seen("who waited is called, and buys"), "{case:?}");
    assert!(seen("who waited is called, and lets it go"), "{case:?}");
}

#[test]
fn the_invariants_hold_where_an_order_is_cancelled() {
    let case = check(&Checkout::new(REGRETTED));
    assert_eq!(broken(&case), [""; 0]);
    let seen = |name| case.found.iter().any(|found| found.name == name && found.seen);
    assert!(seen("an order is cancelled before it is settled"), "{case:?}");
}

/// Each property is broken by something, and the check finds it.
#[test]
fn what_is_broken_is_found_by_the_property_that_it_breaks() {
    let crashing = Bounds { crashes: 1, ..RIVALS };
    let late = Bounds { lates: 1, ..RIVALS };
    let cases = [
        (Flaw::VoidsUnasked, NOT_ROBBED, RIVALS),
        (Flaw::RefundsUnasked, MONEY, late),
        (Flaw::BooksKeepRepeats, SETTLED_ONCE, RIVALS),
        (Flaw::OutboxNotRebuilt, SETTLED_ONCE, ALONE),
        (Flaw::AlarmNotSet, NO_UNDERSELL, RIVALS),
        (Flaw::AnswersBeforeCommit, NOTHING_LOST, ALONE),
        (Flaw::AnswersBeforeCommit, ONE_ANSWER, ALONE),
        (Flaw::AnswersBeforeCommit, NO_OVERSELL, crashing),
        (Flaw::RowMissing, FITS, ALONE),
        (Flaw::RestocksUnasked, CANCELLED, REGRETTED),
        (Flaw::RefundsUnasked, CANCELLED, REGRETTED),
        (Flaw::CancelNotWritten, CANCELLED, REGRETTED),
        (Flaw::RefundsRepeat, MONEY, REGRETTED),
    ];
    for (flaw, property, bounds) in cases {
        let way = break_property(&Checkout::new(bounds).with(flaw), property);
        assert!(way.is_some(), "{flaw:?} does not break `{property}`");
    }
}

#[test]
fn the_way_to_what_is_broken_is_the_shortest_and_can_be_read() {
    let way = break_property(&Checkout::new(ALONE).with(Flaw::AnswersBeforeCommit), NOTHING_LOST);
    let way: Vec<String> = way.unwrap().lines().map(str::to_owned).collect();
    // Something is acknowledged, and a crash comes: in fewer steps nothing can get lost.
    assert_eq!(way.len(), 2, "{way:?}");
    assert_eq!(way[0], "   1. ann (visit-0) asks for 1", "{way:?}");
    let how = way[1].as_str();
    assert!(how.starts_with("   2. "), "{way:?}");
    assert!(how.contains("crash") || how.contains("memory"), "{way:?}");
}

#[test]
fn a_broken_property_and_one_that_was_never_seen_are_violations() {
    let case = check(&Checkout::new(RIVALS).with(Flaw::AlarmNotSet));
    assert!(broken(&case).contains(&NO_UNDERSELL), "{case:?}");
    let unseen = case.found.iter().filter(|found| !found.must_hold && !found.seen).count();
    assert!(unseen > 0, "nothing crashes here");
    let summary = Summary::of(std::slice::from_ref(&case), &[]);
    assert_eq!(summary.violations, broken(&case).len() + unseen);
    let text = table(&[case]);
    assert!(text.contains("`no undersell` is broken by\n   1. "), "{text}");
}

#[test]
fn the_summary_has_the_keys_that_are_promised() {
    let summary = serde_json::to_value(Summary::of(&[], &[])).unwrap();
    let keys: Vec<&String> = summary.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["cells", "cells_failed", "properties", "seconds", "states", "violations"]);
}

/// Which properties hold in a state, and what follows it, but for what changes nothing.
fn way_on(model: &Checkout, state: &State) -> (Vec<bool>, BTreeSet<u64>) {
    let holds = model.properties().into_iter().map(|property| (property.condition)(model, state));
    let next = model.next_states(state).into_iter().map(|next| next.form);
    (holds.collect(), next.filter(|form| *form != state.form).collect())
}

/// The check looks at one state of each form. So whatever is true of it, and can follow it, has to
/// be true of the others, and to follow them.
#[test]
fn states_of_one_form_go_on_alike() {
    for bounds in
        [Bounds { duplicates: 0, ..ALONE }, RIVALS, WAITERS, Bounds { crashes: 1, ..REGRETTED }]
    {
        let model = Checkout::new(bounds);
        let mut known = HashMap::new();
        let mut waiting = VecDeque::from(model.init_states());
        let mut compared = 0_u32;
        while let Some(state) = waiting.pop_front() {
            let way_on = way_on(&model, &state);
            if let Some(first) = known.get(&state.form) {
                assert_eq!(*first, way_on, "{state:#?}");
                compared = compared.checked_add(1).unwrap();
                continue;
            }
            waiting.extend(model.next_states(&state));
            known.insert(state.form, way_on);
        }
        assert!(compared > 1_000, "only {compared} had the form of another");
    }
}
