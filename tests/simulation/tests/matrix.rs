//! However a payment ends and whenever, units and money are consistent and people told the truth.

use doorbuster_domain::sandbox::Outcome;
use doorbuster_simulation::matrix::{self, Ended};

#[test]
#[expect(clippy::print_stdout, reason = "the table is what one looks at when it fails")]
fn every_outcome_at_every_moment_ends_well() {
    let all = matrix::run();
    println!("{}", matrix::table(&all));
    let broken: Vec<&Ended> = all.iter().filter(|ended| !ended.broken.is_empty()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    // What the table is for: money that came after the end, with and without a unit left.
    let ends = |outcome: Outcome, end: &str| {
        all.iter().any(|ended| ended.cell.outcome == outcome && ended.end == end)
    };
    assert!(ends(Outcome::SuccessAfterExpiry, "order"));
    assert!(ends(Outcome::SuccessAfterExpiry, "money back"));
    assert!(ends(Outcome::SlowAuthentication, "nothing paid"));
    assert!(ends(Outcome::Decline, "order (again)"));
}
