//! Setting units aside.

use doorbuster_tests::{SKU, Sale, Shopper, eventually, now, rules};
use doorbuster_wire::merchant::SaleState;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{Reservation, Sale as PublicSale};

use crate::shop;

#[test]
fn a_reservation_is_held_extended_and_given_back() {
    let sale = Sale::open(shop(), 3, &rules());
    let ann = Shopper::admitted(&sale);
    let answer = ann.reserve("k", 2);
    assert_eq!(answer.status, 201);
    let held: Reservation = answer.ok();
    let own = sale.sku_path(&format!("/reservations/{}", held.reservation));
    assert_eq!(answer.header("location"), own);
    assert_eq!((&*held.state, held.quantity), ("held", 2));
    assert_eq!((held.sale.as_str(), held.sku.as_str()), (sale.id.as_str(), SKU));
    assert_eq!((held.amount.minor, held.amount.currency.as_str()), (3200, "EUR"));
    assert!(held.expires_at_ms.unwrap() > now().as_millis());
    assert_eq!(sale.counts(), (3, 2, 0));

    let extended: Reservation = ann.act("POST", &held.reservation, "/extend").ok();
    assert!(extended.expires_at_ms >= held.expires_at_ms);
    assert_eq!(ann.show(&held.reservation), extended);

    let released: Reservation = ann.act("DELETE", &held.reservation, "").ok();
    assert_eq!((&*released.state, released.expires_at_ms), ("released", None));
    assert_eq!(sale.counts(), (3, 0, 0));
    let again = ann.act("POST", &held.reservation, "/extend");
    assert_eq!(again.problem(), ProblemKind::ReservationReleased);
    sale.verify();
}

#[test]
fn who_says_nothing_more_gets_one_unit() {
    let sale = Sale::open(shop(), 3, &rules());
    let ann = Shopper::admitted(&sale);
    let held: Reservation = ann.reserve_request("k").send().ok();
    assert_eq!((held.quantity, sale.counts()), (1, (3, 1, 0)));
    assert_eq!(ann.reserve("k", 1).ok::<Reservation>(), held, "the same act, said otherwise");
}

#[test]
fn an_extension_moves_the_deadline_up_to_the_cap_and_no_further() {
    let mut short = rules();
    (short.reservation_ttl_ms, short.reservation_max_ms) = (2_000, 2_400);
    let sale = Sale::open(shop(), 1, &short);
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("k", 1);
    let cap = held.expires_at_ms.unwrap() + 400;
    let extend = || ann.act("POST", &held.reservation, "/extend");
    eventually("the cap is reached", || {
        let extended: Reservation = extend().ok();
        assert!(extended.expires_at_ms.unwrap() <= cap);
        (extended.expires_at_ms == Some(cap)).then_some(())
    });
    assert_eq!(extend().problem(), ProblemKind::ExtensionCap);
}

#[test]
fn a_repeated_key_gets_the_same_answer_byte_for_byte() {
    let sale = Sale::open(shop(), 3, &rules());
    let ann = Shopper::admitted(&sale);
    let first = ann.reserve("k", 1);
    let again = ann.reserve("k", 1);
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!(
        (first.header("idempotent-replayed"), again.header("idempotent-replayed")),
        ("", "true")
    );
    // The first answer stays the answer, whatever became of the reservation.
    let reservation = first.ok::<Reservation>().reservation;
    ann.act("DELETE", &reservation, "").ok::<Reservation>();
    assert_eq!(ann.reserve("k", 1).body, first.body);
    assert_eq!(sale.counts(), (3, 0, 0));
}

#[test]
fn who_lost_the_answer_gets_it_again_also_when_the_pass_has_expired_or_the_sale_is_over() {
    let mut short = rules();
    short.pass_ttl_ms = 3_000;
    let sale = Sale::open(shop(), 3, &short);
    let ann = Shopper::admitted(&sale);
    let first = ann.reserve("k", 1);
    assert_eq!(first.status, 201, "{}", first.text());
    sale.set_phase("closed").ok::<SaleState>();
    eventually("the pass expires", || {
        let other = ann.reserve("other", 1).problem();
        (other == ProblemKind::PassExpired).then_some(())
    });
    assert_eq!(ann.reserve("k", 1).body, first.body);
    assert_eq!(ann.reserve("k", 2).problem(), ProblemKind::IdempotencyKeyReused);
    assert_eq!(sale.counts(), (3, 1, 0));
}

#[test]
fn what_stands_between_requests_that_are_taken_up_together_does_not_come_in_with_one() {
    let sale = Sale::open(shop(), 3, &rules());
    let ann = Shopper::admitted(&sale);
    for body in ["\u{1e}", "{\"quantity\":1}\u{1e}", "\u{1e}{\"quantity\":1}"] {
        let answer = ann.reserve_request("k").body("application/json", body).send();
        assert_eq!(answer.problem(), ProblemKind::BodyMalformed);
    }
    assert_eq!(sale.counts(), (3, 0, 0));
    assert_eq!(ann.hold("k", 2).quantity, 2);
}

#[test]
fn a_key_used_for_another_quantity_is_refused_and_nothing_changes() {
    let sale = Sale::open(shop(), 3, &rules());
    let ann = Shopper::admitted(&sale);
    ann.hold("k", 1);
    let before = sale.journal();
    assert_eq!(ann.reserve("k", 2).problem(), ProblemKind::IdempotencyKeyReused);
    assert_eq!(sale.journal(), before);
    assert_eq!(sale.counts(), (3, 1, 0));
}

#[test]
fn nobody_gets_more_than_the_limit_per_shopper() {
    let sale = Sale::open(shop(), 9, &rules());
    let ann = Shopper::admitted(&sale);
    assert_eq!(ann.reserve("much", 3).problem(), ProblemKind::PerShopperMax);
    ann.buy("first", 1);
    ann.hold("second", 1);
    assert_eq!(ann.reserve("third", 1).problem(), ProblemKind::PerShopperMax);
    assert_eq!(sale.counts(), (9, 1, 1));
    Shopper::admitted(&sale).hold("first", 2);
}

#[test]
fn all_reserved_and_sold_out_are_told_apart() {
    let sale = Sale::open(shop(), 2, &rules());
    let [ann, bob, cem] = [(); 3].map(|()| Shopper::admitted(&sale));
    let held = ann.hold("k", 1);
    assert_eq!(bob.reserve("two", 2).problem(), ProblemKind::ExceedsAvailable);
    let bobs = bob.hold("one", 1);
    assert_eq!(cem.reserve("k", 1).problem(), ProblemKind::AllReserved);
    ann.pay(&held.reservation);
    assert_eq!(cem.reserve("k", 1).problem(), ProblemKind::AllReserved);
    bob.pay(&bobs.reservation);
    assert_eq!(cem.reserve("k", 1).problem(), ProblemKind::SoldOut);
    let stock = sale.stock();
    assert_eq!((stock.available, stock.stock.as_str()), (0, "sold_out"));
    eventually("shoppers see that it is sold out", || {
        let seen: PublicSale = shop().request("GET", &sale.path("")).send().ok();
        (seen.skus[0].stock.as_deref() == Some("sold_out")).then_some(())
    });
    assert_eq!(Shopper::new(&sale).join().problem(), ProblemKind::SoldOut);
}

#[test]
fn what_is_not_paid_in_time_is_offered_again() {
    let mut short = rules();
    short.reservation_ttl_ms = 300;
    let sale = Sale::open(shop(), 1, &short);
    let (ann, bob) = (Shopper::admitted(&sale), Shopper::admitted(&sale));
    let held = ann.hold("k", 1);
    assert_eq!(bob.reserve("k", 1).problem(), ProblemKind::AllReserved);
    eventually("the reservation expires", || {
        (now().as_millis() > held.expires_at_ms.unwrap()).then_some(())
    });
    // No alarm is waited for: who asks finds the units free the moment they are.
    bob.hold("k", 1);
    assert_eq!(ann.show(&held.reservation).state, "expired");
    let late = ann.act("POST", &held.reservation, "/payment");
    assert_eq!(late.problem(), ProblemKind::ReservationExpired);
    assert_eq!(sale.stock().expired, 1);
    sale.verify();
}

#[test]
fn what_ran_out_expires_by_alarm_when_nobody_asks() {
    let mut short = rules();
    short.reservation_ttl_ms = 300;
    let sale = Sale::open(shop(), 1, &short);
    Shopper::admitted(&sale).hold("k", 1);
    // The journal is only read, not decided on: what is in it, the alarm has put there.
    eventually("the alarm goes off", || {
        sale.journal().iter().any(|entry| entry.events.contains("expired")).then_some(())
    });
    assert_eq!(sale.counts(), (1, 0, 0));
}

#[test]
fn others_reservations_do_not_exist_for_a_shopper() {
    let sale = Sale::open(shop(), 2, &rules());
    let (ann, bob) = (Shopper::admitted(&sale), Shopper::admitted(&sale));
    let held = ann.hold("k", 1);
    for (method, rest) in [("GET", ""), ("DELETE", ""), ("POST", "/extend"), ("POST", "/payment")] {
        let answer = bob.act(method, &held.reservation, rest);
        assert_eq!(answer.problem(), ProblemKind::ReservationNotFound, "{method} {rest}");
    }
    assert_eq!(ann.show(&held.reservation), held);
    // The same key is another act when another shopper says it.
    assert_ne!(bob.hold("k", 1).reservation, held.reservation);
}
