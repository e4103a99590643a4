//! The ways to cheat with a draw, each with what finds it.

use super::*;

const NOT_COMMITTED: &str = "the commitment is not that of this sale, this beacon and this secret";

#[test]
fn a_commitment_is_compared_with_the_ticket_before_the_draw() {
    let other = drawn([8; 32], ENTRIES, Some(ROUND)).commitment;
    let problem = problem(&Draw { commitment: other, ..undrawn() }, &[ticket(7)], None);
    assert_eq!(problem, "the ticket with number 7 was made under another commitment");
}

#[test]
fn a_secret_that_was_rolled_again_breaks_the_commitment() {
    let commitment = honest().commitment;
    let rolled = Draw { commitment, ..drawn([8; 32], ENTRIES, Some(ROUND)) };
    assert_eq!(problem(&rolled, &[], None), NOT_COMMITTED);
}

#[test]
fn a_secret_and_a_commitment_that_were_rolled_again_are_not_those_of_the_ticket() {
    let rolled = drawn([8; 32], ENTRIES, Some(ROUND));
    assert!(check(&rolled, &[], None).verified, "the file alone cannot show it");
    assert_eq!(
        problem(&rolled, &[ticket(7)], None),
        "the ticket with number 7 was made under another commitment"
    );
}

#[test]
fn changed_entries_break_the_seed() {
    let changed = Draw { entries: Some(ENTRIES - 1), ..honest() };
    assert!(problem(&changed, &[], None).starts_with(NOT_THE_SEED));
}

#[test]
fn changed_entries_and_a_changed_seed_move_the_shoppers() {
    let changed = drawn(SECRET, ENTRIES + 1, Some(ROUND));
    assert!(check(&changed, &[ticket(7)], None).verified, "the ticket alone cannot show it");
    let told = position(7);
    assert!(problem(&changed, &[ticket(7)], Some(told)).ends_with("as was told"));
    let pass = keyring().seal(&pass(7, told));
    assert!(problem(&changed, &[pass], None).ends_with(&format!("but its pass says {told}")));
}

#[test]
fn a_moved_entrant_is_found_by_pass_and_by_what_was_told() {
    let (true_one, moved) = (position(7), position(7) + 1);
    assert_eq!(
        problem(&honest(), &[keyring().seal(&pass(7, moved))], None),
        format!("the position of number 7 is {true_one}, but its pass says {moved}")
    );
    assert_eq!(
        problem(&honest(), &[ticket(7)], Some(moved)),
        format!("the position of number 7 is {true_one}, not {moved} as was told")
    );
}

#[test]
fn another_round_of_the_beacon_breaks_the_commitment() {
    let honest = honest();
    let other = Draw { commitment: honest.commitment, ..drawn(SECRET, ENTRIES, Some(OTHER_ROUND)) };
    assert_eq!(problem(&other, &[], None), NOT_COMMITTED);
}

#[test]
fn a_beacon_that_was_dropped_or_added_breaks_the_commitment() {
    let (with, without) = (honest(), drawn(SECRET, ENTRIES, None));
    let dropped = Draw { commitment: with.commitment.clone(), ..without.clone() };
    let added = Draw { commitment: without.commitment, ..with };
    assert_eq!(problem(&dropped, &[], None), NOT_COMMITTED);
    assert_eq!(problem(&added, &[], None), NOT_COMMITTED);
}

/// With a seed that fits the signature, as a cheat would publish it.
fn signed(signature: &str) -> Draw {
    let beacon_signature = Some(signature.to_owned());
    let seed = drawn(SECRET, ENTRIES, Some((ROUND.0, signature))).seed;
    Draw { beacon_signature, seed, ..honest() }
}

#[test]
fn a_forged_signature_is_refused() {
    let forged = ROUND.1.replace("673c", "673d");
    assert!(problem(&signed(&forged), &[], None).starts_with("the beacon's signature is not "));
    let problem = problem(&signed(&"00".repeat(48)), &[], None);
    assert_eq!(problem, "the beacon's signature is not 48 bytes that encode a point of BLS12-381");
}

#[test]
fn the_signature_of_another_round_is_refused() {
    assert_eq!(
        problem(&signed(OTHER_ROUND.1), &[], None),
        "the beacon's signature is not that of round 1012 of quicknet"
    );
}

#[test]
fn a_signature_that_is_missing_or_too_many_is_said_so() {
    let missing = Draw { beacon_signature: None, ..honest() };
    let expected = "a beacon was named, but its signature is missing";
    assert_eq!(problem(&missing, &[], None), expected);
    let beacon_signature = honest().beacon_signature;
    let many = Draw { beacon_signature, ..drawn(SECRET, ENTRIES, None) };
    let expected = "there is a beacon's signature, but no beacon was named";
    assert_eq!(problem(&many, &[], None), expected);
}

#[test]
fn a_chain_that_nobody_knows_is_refused_before_and_after_the_draw() {
    for draw in [undrawn(), honest()] {
        let beacon = Some(Beacon { chain: "52".repeat(32), round: ROUND.0 });
        let problem = problem(&Draw { beacon, ..draw }, &[], None);
        assert!(problem.starts_with("no beacon is known whose chain has the hash"), "{problem}");
    }
}

#[test]
fn a_ticket_that_was_made_when_the_round_was_out_is_pointed_out() {
    let out = Timestamp::from_millis(1_692_803_367_000 + 1011 * 3_000);
    let made =
        |at, number| keyring().seal(&Ticket { issued_at: at, ..ticket_of(&honest(), number) });
    let before = Timestamp::from_millis(out.as_millis() - 1);
    let tickets = [made(before, 7), made(out, 7), made(out, ENTRIES + 1)];
    let verdict = check(&honest(), &tickets, None);
    let notes = verdict.tickets.iter().map(|place| place.note.is_some());
    assert_eq!(notes.collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(
        verdict.lines()[2],
        "note: round 1012 of quicknet was out before the ticket with number 7 was made"
    );
}

#[test]
fn an_unknown_algorithm_is_refused() {
    let other = Draw { algorithm: "doorbuster-draw-2".to_owned(), ..honest() };
    assert_eq!(
        problem(&other, &[], None),
        "the algorithm is \"doorbuster-draw-2\", and only doorbuster-draw-1 is known"
    );
}

#[test]
fn a_draw_of_another_sale_breaks_the_commitment_and_the_ticket() {
    let other = Draw { sale: "other".to_owned(), ..honest() };
    assert_eq!(problem(&other, &[], None), NOT_COMMITTED);
    let foreign = Ticket { sale: "other".parse().unwrap(), ..ticket_of(&honest(), 7) };
    assert_eq!(
        problem(&honest(), &[keyring().seal(&foreign)], None),
        "the ticket with number 7 is for sale other, not for drop"
    );
}
