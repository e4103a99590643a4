//! The shapes of load give right answers, in their smallest form. How fast is not for a test to
//! say. `cargo xtask test` builds the Worker first.

#![cfg(test)]

use std::path::PathBuf;

use doorbuster_bench::subjects::SECRET;
use doorbuster_bench::workloads::{duplicates, expiry};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::Millis;
use xtask::paths;

/// An empty folder of its own for each test.
fn folder(name: &str) -> PathBuf {
    let folder = paths::target_dir().join("bench-shapes").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    folder
}

fn keyring() -> Keyring {
    Keyring::new(SECRET.as_bytes(), None).unwrap()
}

#[test]
fn repeats_get_the_first_answer_and_contradictions_are_refused() {
    let sizes = duplicates::Sizes { thousands: 1, per_second: 1_000.0, warm_up_thousands: 0 };
    let came_to = duplicates::run(&sizes, &folder("duplicates"), &keyring()).unwrap();
    assert_eq!((came_to.shoppers, came_to.requests), (1_000, 1_111));
    assert_eq!((came_to.repeated_later, came_to.repeated_at_once), (100, 10));
    assert_eq!(came_to.refused, 1);
}

#[test]
fn units_that_nobody_pays_for_come_back_until_all_are_sold() {
    let (units, reservation_ttl) = (50, Millis::from_secs(1));
    let sizes = expiry::Sizes { units, per_second: 200.0, reservation_ttl };
    let came_to = expiry::run(&sizes, &folder("expiry"), &keyring()).unwrap();
    assert_eq!((came_to.units, came_to.people), (50, 100));
    // The run itself has compared the orders with the journal and the books.
    assert_eq!(came_to.reserved - came_to.expired, 50);
    assert!(came_to.expired >= 10, "{came_to:?}");
}
