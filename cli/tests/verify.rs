//! `doorbuster verify` as a command: what it prints, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use doorbuster_domain::line::{ALGORITHM, DrawSecret};
use doorbuster_wire::shopper::Draw;

/// Runs the command; its exit code and what it printed.
fn doorbuster(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_doorbuster")).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn write(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn draw(entries: u64) -> Draw {
    let secret = DrawSecret::from_bytes([7; 32]);
    Draw {
        sale: "drop".to_owned(),
        algorithm: ALGORITHM.to_owned(),
        commitment: secret.commitment(&"drop".parse().unwrap(), None).to_string(),
        beacon: None,
        entries: Some(entries),
        secret: Some("07".repeat(32)),
        beacon_signature: None,
        seed: Some(secret.seed(1_000, None).to_string()),
        drawn_at_ms: None,
    }
}

fn write_draw(name: &str, draw: &Draw) -> String {
    write(name, &serde_json::to_string(draw).unwrap())
}

#[test]
fn a_draw_is_verified_or_broken() {
    let good = write_draw("draw-good.json", &draw(1_000));
    let bad = write_draw("draw-bad.json", &draw(999));
    let (code, printed) = doorbuster(&["verify", "draw", &good]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.starts_with("verified: the draw of sale drop, 1000 entries, seed "));
    let (code, printed) = doorbuster(&["verify", "draw", &bad]);
    assert_eq!(code, Some(1));
    assert!(printed.starts_with("broken: the seed is not that of this secret"), "{printed}");
    let (code, printed) = doorbuster(&["verify", "draw", &bad, "--json"]);
    assert_eq!(code, Some(1));
    let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["verified"], false);
}

#[test]
fn a_draw_that_is_still_to_come_is_no_failure() {
    let undrawn = Draw { entries: None, secret: None, seed: None, ..draw(1_000) };
    let undrawn = write_draw("draw-undrawn.json", &undrawn);
    let (code, printed) = doorbuster(&["verify", "draw", &undrawn]);
    assert_eq!(code, Some(0));
    assert_eq!(printed, "not drawn yet: sale drop has published its commitment\n");
}

#[test]
fn a_position_belongs_to_one_ticket() {
    let good = write_draw("draw-position.json", &draw(1_000));
    let (code, _) = doorbuster(&["verify", "draw", &good, "--position", "1"]);
    assert_eq!(code, Some(2), "it is a mistake in how the command was called");
    let two = ["verify", "draw", &good, "--ticket", "a", "--ticket", "b", "--position", "1"];
    assert_eq!(doorbuster(&two), (Some(1), String::new()));
}

#[test]
fn a_journal_is_verified_as_ever() {
    let journal = write("journal-empty.ndjson", "");
    let (code, printed) = doorbuster(&["verify", &journal]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.starts_with("verified: 0 entries, chain ends with "), "{printed}");
    let (code, printed) = doorbuster(&["verify", &journal, "--head", "another"]);
    assert_eq!(code, Some(1));
    assert!(printed.starts_with("broken: the chain ends with "), "{printed}");
    assert_eq!(doorbuster(&["verify"]).0, Some(2), "there is no file");
    let both = doorbuster(&["verify", "--head", "x", "draw", &journal]);
    assert_eq!(both.0, Some(2), "a draw has no head");
}
