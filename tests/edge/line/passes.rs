//! How long a pass is good for, and what becomes of one that is not used.

use doorbuster_tests::{Sale, Shopper, eventually, fifo, now};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{TicketReply, TurnReply};

use crate::shop;

/// A pass that lapses while a test waits.
fn short_lived() -> doorbuster_wire::merchant::SaleRequest {
    doorbuster_wire::merchant::SaleRequest { pass_ttl_ms: 1_500, ..fifo() }
}

#[test]
fn a_pass_that_nobody_used_lapses_and_only_joining_again_leads_to_another() {
    let sale = Sale::open(shop(), 9, &short_lived());
    let mut ann = Shopper::new(&sale);
    let first = ann.take_place().number;
    ann.wait_for_turn();
    let lapsed = ann.wait_until("lapsed");
    assert_eq!((lapsed.pass, lapsed.next_poll_ms), (None, None));
    assert_eq!(ann.reserve("k", 1).problem(), ProblemKind::PassExpired);
    let again = ann.poll();
    assert_eq!((&*again.state, again.pass), ("lapsed", None), "asking renews nothing");

    let joined: TicketReply = ann.join().ok();
    assert!(joined.number > first, "{} after {first}", joined.number);
    ann.ticket = Some(joined.ticket);
    ann.pass = None;
    ann.wait_for_turn();
    ann.hold("k", 1);
}

#[test]
fn an_app_without_its_lapsed_ticket_gets_a_new_number_too() {
    let sale = Sale::open(shop(), 9, &short_lived());
    let mut ann = Shopper::new(&sale);
    let first = ann.take_place().number;
    ann.wait_for_turn();
    ann.wait_until("lapsed");
    ann.ticket = None;
    assert!(ann.take_place().number > first);
}

#[test]
fn a_pass_that_has_lapsed_stays_so_whoever_else_joins() {
    let sale = Sale::open(shop(), 9, &short_lived());
    let ann = Shopper::admitted(&sale);
    ann.wait_until("lapsed");
    // With them the line goes on, from wherever it stood.
    Shopper::admitted(&sale);
    for _ in 0..20 {
        Shopper::joined(&sale).poll();
        assert_eq!(ann.poll().state, "lapsed");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn asking_again_makes_no_pass_good_for_longer() {
    let mut steady = fifo();
    steady.admits_per_minute_max = 100;
    let sale = Sale::open(shop(), 100, &steady);
    let mut people: Vec<_> = (0..4).map(|_| Shopper::joined(&sale)).collect();
    people.iter_mut().for_each(Shopper::wait_for_turn);
    let expires = |shopper: &Shopper<'_>| -> (u64, TurnReply) {
        let turn = shopper.poll();
        (turn.pass_expires_at_ms.expect("a pass"), turn)
    };
    let first: Vec<u64> = people.iter().map(|one| expires(one).0).collect();
    let began = now();
    // Long enough for several statuses; others join meanwhile, and the line goes on.
    while now().since(began).get() < 3_500 {
        people.iter().zip(&first).for_each(|(one, first)| {
            let (again, turn) = expires(one);
            assert!(again <= *first + ROUNDING_MS, "{again}, first {first}: {turn:?}");
            assert_eq!(turn.state, "admitted");
        });
        Shopper::joined(&sale);
        std::thread::sleep(std::time::Duration::from_millis(150));
    }
    let again: TicketReply = people[0].join().ok();
    assert!(again.turn.pass_expires_at_ms.unwrap() <= first[0] + ROUNDING_MS);
}

/// Moments are whole milliseconds.
const ROUNDING_MS: u64 = 2;

#[test]
fn who_comes_long_after_the_turn_finds_less_time_left() {
    let mut sale_rules = fifo();
    sale_rules.pass_ttl_ms = 60_000;
    let sale = Sale::open(shop(), 9, &sale_rules);
    let (ann, bob) = (Shopper::joined(&sale), Shopper::joined(&sale));
    ann.wait_until("admitted");
    let bobs_turn = now();
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    let late = bob.wait_until("admitted").pass_expires_at_ms.unwrap();
    let told_at = now().as_millis();
    assert!(late < told_at + 60_000 - 1_000, "{late}, and it was Bob's turn at {bobs_turn:?}");
}

#[test]
fn places_are_admitted_in_turn_at_the_rate_of_the_sale() {
    let mut slow = fifo();
    slow.admits_per_minute_max = 60;
    let sale = Sale::open(shop(), 10, &slow);
    let shoppers: Vec<_> = (0..4).map(|_| Shopper::joined(&sale)).collect();
    let [.., next_to_last, last] = shoppers.as_slice() else { panic!("there are four") };
    let waiting = last.poll();
    assert_eq!((&*waiting.state, waiting.pass), ("waiting", None));
    assert!(waiting.ahead > 0 && waiting.next_poll_ms.is_some());
    let in_time = eventually("the last one is admitted", || {
        // Asked in this order: the later place must never be let in before the earlier one.
        let (later, earlier) = (last.poll(), next_to_last.poll());
        assert!(later.pass.is_none() || earlier.pass.is_some());
        later.pass.map(|_| later.state)
    });
    assert_eq!(in_time, "admitted");
}
