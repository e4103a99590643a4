//! A sale that opens by itself, and the draw of those who came before.

use std::collections::BTreeSet;

use doorbuster_cli::verify::draw::{Witness, verify};
use doorbuster_domain::line::BeaconRound;
use doorbuster_domain::time::Millis;
use doorbuster_tests::{Sale, Shopper, eventually, fifo, now};
use doorbuster_wire::merchant::SaleState;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{Beacon, Draw, TicketReply, TurnReply};
use serde_json::json;

use crate::shop;

#[test]
fn who_came_before_is_drawn_at_the_announced_second_and_who_comes_after_stands_behind() {
    let opens_at = now().plus(Millis::from_secs(3));
    let sale = Sale::opening_at(shop(), 100, &fifo(), opens_at);
    let committed = sale.shown().draw_commitment.expect("published before the first ticket");
    assert_eq!(sale.shown().opens_at_ms, Some(opens_at.as_millis()));
    let mut crowd: Vec<_> = (0..20).map(|_| Shopper::new(&sale)).collect();
    for shopper in &mut crowd {
        let TicketReply { turn, .. } = shopper.take_place();
        assert_eq!((&*turn.state, turn.position), ("not_open", None));
        assert_eq!(turn.opens_at_ms, Some(opens_at.as_millis()));
        assert!(turn.now_ms < opens_at.as_millis(), "it is not {} yet", turn.now_ms);
    }
    assert!(now() < opens_at, "everybody came in time");
    follow_the_opening(&crowd[0], opens_at.as_millis());

    let draw = sale.drawn();
    assert!(draw.drawn_at_ms.unwrap() > opens_at.as_millis());
    assert_eq!(draw.commitment, committed);
    assert_eq!(sale.shown().draw_commitment, Some(committed));
    let entries = draw.entries.unwrap();
    let turns: Vec<TurnReply> = crowd.iter().map(Shopper::poll).collect();
    let positions: BTreeSet<u64> = turns.iter().map(|turn| turn.position.unwrap()).collect();
    assert_eq!(positions.len(), crowd.len(), "somebody shares a place: {turns:#?}");
    assert!(positions.iter().all(|position| (1..=entries).contains(position)), "{positions:?}");

    let mut late: Vec<_> = (0..3).map(|_| Shopper::new(&sale)).collect();
    let late_places: Vec<u64> = late
        .iter_mut()
        .map(|shopper| {
            let TicketReply { number, turn, .. } = shopper.take_place();
            assert_eq!(turn.position, Some(number), "who comes after is not drawn");
            number
        })
        .collect();
    assert!(late_places[0] > entries, "{late_places:?} and {entries} entries");
    assert!(late_places.is_sorted_by(|a, b| a < b), "{late_places:?}");
    verify_with_everything(&sale, crowd.into_iter().chain(late).collect());
}

/// Polls through the opening: nothing comes before its time, and all of it in order.
fn follow_the_opening(shopper: &Shopper<'_>, opens_at_ms: u64) {
    let mut states: Vec<std::borrow::Cow<'_, str>> = Vec::new();
    let last = eventually("somebody gets a place", || {
        let turn = shopper.poll();
        if turn.state != "not_open" {
            assert!(now().as_millis() >= opens_at_ms, "{} comes too early", turn.state);
            assert_eq!(turn.opens_at_ms, None, "it has opened");
        }
        if states.last() != Some(&turn.state) {
            states.push(turn.state.clone());
        }
        turn.position.map(|_| turn)
    });
    let order = ["not_open", "drawing", "waiting", "admitted"];
    let places: Vec<_> = states.iter().map(|s| order.iter().position(|o| o == s)).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{states:?}");
    assert!(states.contains(&"drawing".into()), "{states:?}");
    assert!(last.now_ms >= opens_at_ms);
}

/// Everybody shows the ticket and the pass that they got to whoever checks the draw.
fn verify_with_everything(sale: &Sale<'_>, mut people: Vec<Shopper<'_>>) {
    people.iter_mut().for_each(Shopper::wait_for_turn);
    let sealed = people.iter().flat_map(|one| [one.ticket.clone(), one.pass.clone()]);
    let tickets: Vec<String> = sealed.map(Option::unwrap).collect();
    let witness = Witness { tickets, position: None };
    let text = sale.draw().text().to_owned();
    let verdict = verify(&text, &witness);
    assert_eq!((verdict.verified, verdict.problem), (true, None));
    for person in &people {
        let tickets = person.ticket.iter().cloned().collect();
        let alone = verify(&text, &Witness { tickets, position: person.poll().position });
        assert_eq!(alone.problem, None);
    }
    let mut changed: Draw = serde_json::from_str(&text).unwrap();
    changed.entries = changed.entries.map(|entries| entries + 1);
    let changed = serde_json::to_string(&changed).unwrap();
    assert!(!verify(&changed, &witness).verified, "the check has to be able to fail");
}

#[test]
fn who_opens_a_line_nobody_is_in_draws_nothing_and_keeps_the_order_of_joining() {
    let sale = Sale::open(shop(), 100, &fifo());
    let mut numbers = Vec::new();
    for _ in 0..5 {
        let TicketReply { number, turn, .. } = Shopper::new(&sale).take_place();
        assert_eq!(turn.position, Some(number));
        numbers.push(number);
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    assert_eq!(sale.drawn().entries, Some(0));
}

#[test]
fn a_line_opens_before_the_sale_when_it_was_said_to() {
    let (prequeue_at, opens_at) =
        (now().plus(Millis::from_secs(2)), now().plus(Millis::from_secs(600)));
    let sale = Sale::draft(shop(), 9, &fifo());
    let schedule = json!({
        "prequeue_at_ms": prequeue_at.as_millis(), "opens_at_ms": opens_at.as_millis(),
    });
    let state: SaleState = sale.put("/schedule", &schedule).ok();
    assert_eq!(state.phase, "scheduled");
    assert_eq!(state.line.prequeue_at_ms, Some(prequeue_at.as_millis()));
    assert_eq!(state.line.opens_at_ms, Some(opens_at.as_millis()));
    let ann = Shopper::new(&sale);
    eventually("the edge knows the sale", || {
        let joined = ann.join();
        (joined.status != 404).then(|| assert_eq!(joined.problem(), ProblemKind::SaleNotOpen))
    });
    let joined: TicketReply = eventually("the line opens", || {
        let joined = ann.join();
        (joined.status == 201).then(|| joined.ok())
    });
    assert!(now() >= prequeue_at);
    assert_eq!(joined.turn.state, "not_open");
    assert_eq!(sale.state().phase, "prequeue");
}

#[test]
fn who_gathered_keeps_the_place_when_the_opening_is_put_off_or_brought_forward() {
    let later = now().plus(Millis::from_secs(600));
    let sale = Sale::opening_at(shop(), 9, &fifo(), later);
    let mut ann = Shopper::new(&sale);
    let number = ann.take_place().number;
    let sooner = now().plus(Millis::from_secs(1));
    sale.put("/schedule", &json!({ "opens_at_ms": sooner.as_millis() })).ok::<SaleState>();
    let again: TicketReply = ann.join().ok();
    assert_eq!((again.number, again.turn.opens_at_ms), (number, Some(sooner.as_millis())));
    ann.wait_for_turn();
    assert!(now() >= sooner);
    assert_eq!(ann.take_place().number, number);
}

#[test]
fn a_merchant_who_opens_by_hand_draws_those_who_gathered() {
    let sale = Sale::draft(shop(), 9, &fifo());
    sale.set_phase("prequeue").ok::<SaleState>();
    let ann = Shopper::joined(&sale);
    assert_eq!(ann.poll().state, "not_open");
    sale.set_phase("open").ok::<SaleState>();
    assert!(sale.drawn().entries.unwrap() >= 1);
    ann.wait_until("admitted");
}

#[test]
fn a_draw_with_a_beacon_lets_nobody_in_until_the_round_is_told() {
    let opens_at = now().plus(Millis::from_secs(1));
    // The first round that comes out after the opening, and some more.
    let periods = opens_at.since(BeaconRound::GENESIS).get() / BeaconRound::PERIOD.get();
    let beacon = Beacon { chain: BeaconRound::CHAIN.to_owned(), round: periods + 10 };
    let mut with_beacon = fifo();
    with_beacon.beacon = Some(beacon.clone());
    let sale = Sale::opening_at(shop(), 9, &with_beacon, opens_at);
    let ann = Shopper::joined(&sale);
    ann.wait_until("drawing");
    let draw: Draw = sale.draw().ok();
    assert_eq!((draw.beacon, draw.secret, draw.seed), (Some(beacon), None, None));
    let waits = eventually("the line waits for the beacon", || {
        assert_eq!(ann.poll().state, "drawing");
        let line = sale.state().line;
        (line.reason == "drawing").then_some(line)
    });
    assert_eq!(waits.frontier, 0);

    let signature = "ab".repeat(48);
    let told = json!({ "signature": signature });
    sale.put("/beacon", &told).ok::<SaleState>();
    sale.put("/beacon", &told).ok::<SaleState>();
    let other = sale.put("/beacon", &json!({ "signature": "cd".repeat(48) }));
    assert_eq!(other.problem(), ProblemKind::BeaconToldBefore);
    assert_eq!(sale.drawn().beacon_signature, Some(signature));
    ann.wait_until("admitted");
    // What the merchant said was no signature of this round, and whoever checks sees it.
    let verdict = verify(sale.draw().text(), &Witness::default());
    assert!(!verdict.verified, "{verdict:?}");
}

#[test]
fn in_a_random_line_also_those_are_drawn_who_come_within_the_window() {
    let mut random = fifo();
    random.order = "random".to_owned();
    random.draw_window_ms = Some(1_500);
    let sale = Sale::open(shop(), 100, &random);
    let mut crowd: Vec<_> = (0..5).map(|_| Shopper::new(&sale)).collect();
    let numbers: Vec<u64> = crowd.iter_mut().map(|one| one.take_place().number).collect();
    assert_eq!(crowd[0].poll().state, "drawing");
    let entries = sale.drawn().entries.unwrap();
    assert!(numbers.iter().all(|number| *number <= entries), "{numbers:?} of {entries}");
    let late = Shopper::new(&sale).take_place();
    assert!(late.number > entries);
    verify_with_everything(&sale, crowd);
}
