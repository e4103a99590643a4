//! The bench runs, and what it counts are right answers. How fast is not for a test to say.
//! `cargo xtask test` builds the Worker first.

#![cfg(test)]

use std::path::Path;

use doorbuster_bench::load::{self, Load, Stop};
use doorbuster_bench::subjects::{self, Act, SECRET, Subject};
use doorbuster_bench::systems::System;
use doorbuster_domain::sealed::Keyring;
use xtask::paths;

#[test]
fn what_is_measured_of_the_product_are_right_answers() {
    let keyring = Keyring::new(SECRET.as_bytes(), None).unwrap();
    let acts = [Act::Reserve, Act::SoldOut, Act::Poll, Act::Catalog].map(Subject::Product);
    let floors = [Subject::Floor(System::HelloJs), Subject::Floor(System::NoopObject)];
    for subject in acts.into_iter().chain(floors) {
        let dir = paths::target_dir().join("bench-smoke").join(subject.name());
        if dir.exists() {
            std::fs::remove_dir_all(&dir).unwrap();
        }
        let ready = subjects::start(subject, &dir, &keyring, Path::new("no peer")).unwrap();
        let is_floor = matches!(subject, Subject::Floor(_));
        // Not all at once: what shoppers do together in one lane has to be right as well.
        for first in [0, 1_000] {
            let mut workload = ready.workload(&keyring, first, is_floor).unwrap();
            let stop = Stop::Count(500);
            let ran = load::run(&mut Load { stop, ..Load::new(ready.addr(), &mut *workload) });
            let ran = ran.unwrap();
            assert!(ran.is_clean(), "{}: {:?}", subject.name(), ran.complaints);
            assert_eq!(ran.done, 500, "{}", subject.name());
        }
    }
}
