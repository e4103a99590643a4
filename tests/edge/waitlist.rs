//! Waiting while all units are reserved, and being called.

use doorbuster_tests::{Sale, Shopper, eventually, rules};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{Reservation, Waitlist};
use serde_json::json;

use crate::shop;

/// Asks for a unit, or for a place on the waitlist.
fn wait(shopper: &Shopper<'_>, key: &str) -> Reservation {
    shopper.reserve_request(key).json(&json!({ "quantity": 1, "wait": true })).send().ok()
}

fn standing(ahead: u64, stock: &str) -> Waitlist {
    Waitlist { ahead, stock: stock.to_owned().into() }
}

#[test]
fn what_is_given_back_is_the_first_one_s_who_waits_and_nobody_else_gets_it() {
    let sale = Sale::open(shop(), 1, &rules());
    let [ann, bob, cem, dia] = [(); 4].map(|()| Shopper::admitted(&sale));
    let anns = ann.hold("k", 1);
    let bobs = wait(&bob, "k");
    assert_eq!((&*bobs.state, bobs.expires_at_ms), ("waiting", None));
    let cems = wait(&cem, "k");
    assert_eq!(cem.show(&cems.reservation).waitlist, Some(standing(1, "all_reserved")));
    assert_eq!(sale.stock().waiting, 2);

    ann.act("DELETE", &anns.reservation, "").ok::<Reservation>();
    assert_eq!(dia.reserve("k", 1).problem(), ProblemKind::AllReserved);
    let called = bob.show(&bobs.reservation);
    assert_eq!(called.state, "held");
    assert!(called.expires_at_ms.is_some());
    assert_eq!(wait(&bob, "k"), bobs, "a repeat gets the first answer");
    assert!(bob.pay(&bobs.reservation).starts_with("ord_"));
    assert_eq!(cem.show(&cems.reservation).waitlist, Some(standing(0, "sold_out")));
    assert_eq!(dia.reserve("k", 1).problem(), ProblemKind::SoldOut);
    sale.verify();
}

#[test]
fn who_does_not_come_when_called_is_followed_by_the_next() {
    let mut short = rules();
    (short.reservation_ttl_ms, short.reservation_max_ms) = (1_000, 1_000);
    let sale = Sale::open(shop(), 1, &short);
    let [ann, bob, cem] = [(); 3].map(|()| Shopper::admitted(&sale));
    ann.hold("k", 1);
    let bobs = wait(&bob, "k").reservation;
    let cems = wait(&cem, "k").reservation;
    for act in ["/extend", "/payment"] {
        assert_eq!(bob.act("POST", &bobs, act).problem(), ProblemKind::ReservationWaiting);
    }
    eventually("cem is called", || (cem.show(&cems).state == "held").then_some(()));
    assert_eq!(bob.show(&bobs).state, "expired");
    sale.verify();
}

#[test]
fn a_place_on_the_waitlist_is_given_back_like_units_are() {
    let sale = Sale::open(shop(), 1, &rules());
    let [ann, bob, cem] = [(); 3].map(|()| Shopper::admitted(&sale));
    let anns = ann.hold("k", 1);
    let bobs = wait(&bob, "k").reservation;
    let left: Reservation = bob.act("DELETE", &bobs, "").ok();
    assert_eq!((&*left.state, left.waitlist), ("released", None));
    ann.act("DELETE", &anns.reservation, "").ok::<Reservation>();
    assert_eq!(cem.hold("k", 1).state, "held");
    sale.verify();
}
