//! An honest draw and what is said of it; how to cheat with one, and what is no draw at all, are
//! apart.

mod cheats;
mod malformed;

use doorbuster_domain::id::ShopperId;
use doorbuster_domain::line::Seed;
use doorbuster_domain::sealed::{Keyring, Pass, SigningKey, Ticket};
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::shopper::Beacon;

use super::*;

const SECRET: [u8; 32] = [7; 32];
const ENTRIES: u64 = 1_000;
const QUICKNET: &str = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";

/// Rounds of quicknet as drand published them.
const ROUND: (u64, &str) = (
    1012,
    "af176bfcdd76db41f832282db70e135dcb94deb21c29103ea10a0145cb271eb1\
     57ae4bdb33be0ea593e3ed0fb164673c",
);
const OTHER_ROUND: (u64, &str) = (
    123,
    "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482\
     e26cd02df835d3546d23c4b13e0dfc92",
);

/// Before that round came out.
const JOINED: Timestamp = Timestamp::from_millis(1_692_800_000_000);

/// A draw as an honest service publishes it.
fn drawn(secret: [u8; 32], entries: u64, beacon: Option<(u64, &str)>) -> Draw {
    let secret_hex = hex::encode(&secret);
    let secret = DrawSecret::from_bytes(secret);
    let round = beacon.map(|(round, _)| BeaconRound { chain: QUICKNET.to_owned(), round });
    let signature = beacon.map(|(_, signature)| signature.to_owned());
    let randomness = signature
        .as_ref()
        .map(|signature| BeaconRound::randomness(&hex::decode(signature).unwrap()));
    Draw {
        sale: "drop".to_owned(),
        algorithm: ALGORITHM.to_owned(),
        commitment: secret.commitment(&sale(), round.as_ref()).to_string(),
        beacon: round.map(|BeaconRound { chain, round }| Beacon { chain, round }),
        entries: Some(entries),
        secret: Some(secret_hex),
        beacon_signature: signature,
        seed: Some(secret.seed(entries, randomness.as_ref()).to_string()),
        drawn_at_ms: Some(1_692_900_000_000),
    }
}

fn honest() -> Draw {
    drawn(SECRET, ENTRIES, Some(ROUND))
}

/// The same before it is drawn.
fn undrawn() -> Draw {
    Draw {
        entries: None,
        secret: None,
        beacon_signature: None,
        seed: None,
        drawn_at_ms: None,
        ..honest()
    }
}

fn sale() -> SaleId {
    "drop".parse().unwrap()
}

fn keyring() -> Keyring {
    Keyring::new(&[9; 32], None).unwrap()
}

/// A ticket that was made when this draw's commitment was published.
fn ticket_of(draw: &Draw, number: u64) -> Ticket {
    Ticket {
        sale: sale(),
        shopper: ShopperId::from_bytes([1; 16]),
        number,
        commitment: *hex::decode_32(&draw.commitment).unwrap().first_chunk().unwrap(),
        issued_at: JOINED,
        expires_at: JOINED,
    }
}

fn ticket(number: u64) -> String {
    keyring().seal(&ticket_of(&honest(), number))
}

fn pass(number: u64, position: u64) -> Pass {
    let Ticket { sale, shopper, issued_at, expires_at, .. } = ticket_of(&honest(), number);
    Pass { sale, shopper, number, position, issued_at, expires_at }
}

/// The position in the honest draw.
fn position(number: u64) -> u64 {
    let seed: [u8; 32] = hex::decode_32(&honest().seed.unwrap()).unwrap();
    Permutation::new(Seed::from_bytes(seed), ENTRIES).position(number)
}

fn check(draw: &Draw, tickets: &[String], position: Option<u64>) -> Verdict {
    let witness = Witness { tickets: tickets.to_vec(), position };
    verify(&serde_json::to_string(draw).unwrap(), &witness)
}

/// What is wrong with a draw.
fn problem(draw: &Draw, tickets: &[String], position: Option<u64>) -> String {
    let verdict = check(draw, tickets, position);
    assert!(!verdict.verified);
    assert_eq!(verdict.lines().len(), 1, "{:?}", verdict.lines());
    verdict.problem.unwrap()
}

const NOT_THE_SEED: &str = "the seed is not that of this secret,";

#[test]
fn an_honest_draw_is_verified() {
    for draw in [honest(), drawn(SECRET, ENTRIES, None), drawn(SECRET, 0, None)] {
        let verdict = check(&draw, &[], None);
        assert_eq!(verdict.problem, None);
        assert!(verdict.verified);
        assert_eq!((verdict.entries, &verdict.seed), (draw.entries, &draw.seed));
    }
}

#[test]
fn an_honest_ticket_and_its_pass_have_the_same_place() {
    let pass = pass(7, position(7));
    let tickets =
        [ticket(7), keyring().seal(&pass), SigningKey::from_seed(&[3; 32]).seal_eddsa(&pass)];
    for ticket in tickets {
        let verdict = check(&honest(), &[ticket], Some(position(7)));
        let place =
            Place { number: 7, position: Some(position(7)), in_draw: Some(true), note: None };
        assert_eq!((verdict.problem, verdict.tickets), (None, vec![place]));
    }
}

#[test]
fn who_came_after_the_draw_stands_behind_it() {
    let after = ENTRIES + 1;
    let verdict = check(&honest(), &[ticket(ENTRIES), ticket(after)], None);
    let places = verdict.tickets.iter().map(|place| (place.position, place.in_draw));
    let expected = [(Some(position(ENTRIES)), Some(true)), (Some(after), Some(false))];
    assert_eq!(places.collect::<Vec<_>>(), expected);
}

#[test]
fn the_output_is_a_line_for_each_ticket_and_one_for_the_draw() {
    let lines = check(&honest(), &[ticket(7), ticket(2_000)], None).lines();
    assert_eq!(
        lines,
        [
            format!("number 7: in the draw, position {}", position(7)),
            "number 2000: came after the draw, position 2000".to_owned(),
            format!(
                "verified: the draw of sale drop, 1000 entries, seed {}",
                honest().seed.unwrap()
            ),
        ]
    );
}

#[test]
fn the_json_has_what_a_script_needs() {
    let json = serde_json::to_value(check(&honest(), &[ticket(7)], None)).unwrap();
    let expected = serde_json::json!({
        "verified": true, "sale": "drop", "entries": ENTRIES, "seed": honest().seed,
        "tickets": [{ "number": 7, "position": position(7), "in_draw": true }],
    });
    assert_eq!(json, expected);
    let json = serde_json::to_value(verify("{", &Witness::default())).unwrap();
    assert_eq!(json["verified"], false);
    assert!(json["problem"].as_str().unwrap().starts_with("the file is not a draw as JSON: "));
}

#[test]
fn a_draw_that_is_still_to_come_is_not_broken() {
    let tickets = [ticket(7), keyring().seal(&pass(7, 1))];
    let verdict = check(&undrawn(), &tickets, Some(7));
    assert_eq!((verdict.verified, &verdict.seed), (true, &None));
    assert_eq!(
        verdict.lines()[1..],
        [
            "number 7: the line has not opened, no position yet",
            "not drawn yet: sale drop has published its commitment",
        ]
    );
}

#[test]
fn who_came_after_the_opening_has_a_position_before_the_draw() {
    let opened = Draw { entries: Some(ENTRIES), ..undrawn() };
    let places = check(&opened, &[ticket(7), ticket(2_000)], None).tickets;
    let places = places.iter().map(|place| (place.position, place.in_draw));
    let expected = [(None, Some(true)), (Some(2_000), Some(false))];
    assert_eq!(places.collect::<Vec<_>>(), expected);
    let problem = problem(&opened, &[ticket(2_000)], Some(1_999));
    assert_eq!(problem, "the position of number 2000 is 2000, not 1999 as was told");
}
