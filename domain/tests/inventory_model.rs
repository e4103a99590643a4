//! The inventory against a naive one: many thousand steps by chance, the same answers at each.
//!
//! `DOORBUSTER_SEED=n` starts at another seed; a failure prints the seed of its case.

#[cfg(test)]
#[path = "inventory_model/driver.rs"]
mod driver;
#[cfg(test)]
#[path = "inventory_model/generator.rs"]
mod generator;
#[cfg(test)]
#[path = "inventory_model/naive.rs"]
mod naive;
#[cfg(test)]
#[path = "inventory_model/naive_answers.rs"]
mod naive_answers;
#[cfg(test)]
#[path = "inventory_model/naive_money.rs"]
mod naive_money;
#[cfg(test)]
#[path = "inventory_model/naive_reserving.rs"]
mod naive_reserving;
#[cfg(test)]
#[path = "support/rejections.rs"]
mod rejections;
#[cfg(test)]
mod support;

use driver::{Case, Seen};
use rejections::{every_rejection, rejection_name};

const SEED: u64 = 1;
const CASES: u64 = 400;
const STEPS_PER_CASE: u64 = 300;
const EVENTS: [&str; 21] = [
    "opened",
    "restocked",
    "withdrawn",
    "selling_set",
    "reserved",
    "reserved_in_cart",
    "waitlisted",
    "called",
    "extended",
    "payment_begun",
    "payment_overdue",
    "payment_given_up",
    "payment_declined",
    "payment_voided",
    "allocated",
    "refund_due",
    "refunded",
    "released",
    "expired",
    "settled",
    "order_cancelled",
];

#[test]
fn the_inventory_answers_as_a_naive_one_whatever_is_asked_and_whenever() {
    let first = std::env::var("DOORBUSTER_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let mut seen = Seen::default();
    for seed in (0..CASES).map(|case| first.wrapping_add(case)) {
        Case::new(seed).run(STEPS_PER_CASE, &mut seen);
    }
    assert!(seen.steps >= 100_000, "only {} steps", seen.steps);
    for name in every_rejection().iter().map(rejection_name) {
        // Twenty declined payments in one reservation's time are no matter of chance.
        let is_told = seen.rejections.contains_key(name) || name == "payments_max_reached";
        assert!(is_told, "never refused with {name}");
    }
    for name in EVENTS {
        assert!(seen.events.contains_key(name), "never happened: {name}");
    }
    assert!(seen.repeats > 1_000, "only {} repeats of a first answer", seen.repeats);
    assert!(seen.offered_again > 1_000, "only {} units came back", seen.offered_again);
    assert!(seen.called > 200, "only {} units went to who waited", seen.called);
    assert!(seen.backwards > 100, "the clock went back only {} times", seen.backwards);
}
