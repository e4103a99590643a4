//! Everything unpleasant that a payment provider does, and how it ends.

use std::thread::sleep;
use std::time::Duration;

use doorbuster_tests::{Sale, Shop, Shopper, eventually, rules, window};
use doorbuster_wire::problem::ProblemKind;
use xtask::bundle::Build;
use xtask::secrets::PAYMENTS;

use crate::shop;

/// Longer than a second report takes.
const REPORTED: Duration = Duration::from_millis(4_500);

fn is_ordered(ann: &Shopper<'_>, held: &str) {
    eventually("the order is placed", || (ann.show(held).state == "allocated").then_some(()));
}

fn allocations(sale: &Sale<'_>) -> usize {
    let events: Vec<_> = sale.journal().into_iter().map(|entry| entry.events).collect();
    events.concat().matches("\"allocated\"").count()
}

#[test]
fn a_payment_whose_report_is_lost_is_found_when_it_is_to_be_ended() {
    let sale = Sale::open(shop(), 1, &window(1_500));
    let (ann, held, page) = Shopper::at_the_provider(&sale);
    assert_eq!(ann.decide(&page, "webhook_lost").status, 303);
    assert_eq!(ann.show(&held).state, "paying", "nobody has said anything yet");
    is_ordered(&ann, &held);
    assert_eq!((sale.counts(), ann.show(&held).refund), ((1, 0, 1), None));
    sale.verify();
}

#[test]
fn reports_that_come_twice_or_the_wrong_way_round_are_one_order() {
    let sale = Sale::open(shop(), 2, &rules());
    for outcome in ["webhook_doubled", "webhooks_swapped"] {
        let (ann, held, page) = Shopper::at_the_provider(&sale);
        assert_eq!(ann.decide(&page, outcome).status, 303);
        assert_eq!(ann.show(&held).state, "allocated", "{outcome}");
    }
    sleep(REPORTED);
    assert_eq!((sale.counts(), allocations(&sale)), ((2, 0, 2), 2));
    assert_eq!(sale.stock().refunds_due, 0);
    sale.verify();
}

#[test]
fn a_report_or_a_code_that_takes_a_while_is_waited_for() {
    let sale = Sale::open(shop(), 2, &rules());
    for outcome in ["webhook_late&after_s=1", "slow_authentication&after_s=1"] {
        let (ann, held, page) = Shopper::at_the_provider(&sale);
        assert_eq!(ann.decide(&page, outcome).status, 303);
        assert_eq!(ann.show(&held).state, "paying", "{outcome}");
        is_ordered(&ann, &held);
    }
    assert_eq!(sale.counts(), (2, 0, 2));
    sale.verify();
}

#[test]
fn a_code_that_is_typed_after_the_payment_was_ended_pays_nothing() {
    let sale = Sale::open(shop(), 1, &window(500));
    let (ann, held, page) = Shopper::at_the_provider(&sale);
    assert_eq!(ann.decide(&page, "slow_authentication&after_s=4").status, 303);
    eventually("it is ended", || (ann.show(&held).state == "expired").then_some(()));
    sleep(REPORTED);
    let after = ann.show(&held);
    assert_eq!((&*after.state, after.order, after.refund), ("expired", None, None));
    assert!(ann.request("GET", &page).send().text().contains("voided"));
    assert_eq!(sale.counts(), (1, 0, 0));
    sale.verify();
}

#[test]
fn who_pays_after_the_end_gets_units_that_are_left() {
    let sale = Sale::open(shop(), 1, &window(500));
    let (ann, held, page) = Shopper::at_the_provider(&sale);
    assert_eq!(ann.decide(&page, "success_after_expiry").status, 303);
    is_ordered(&ann, &held);
    let events: Vec<_> = sale.journal().into_iter().map(|entry| entry.events).collect();
    assert!(events.concat().contains("payment_voided"), "it had been ended: {events:?}");
    assert_eq!((sale.counts(), ann.show(&held).refund), ((1, 0, 1), None));
    sale.verify();
}

#[test]
fn who_pays_after_the_end_gets_the_money_back_when_nothing_is_left() {
    let sale = Sale::open(shop(), 1, &window(500));
    let (ann, held, page) = Shopper::at_the_provider(&sale);
    let bob = Shopper::admitted(&sale);
    assert_eq!(ann.decide(&page, "success_after_expiry").status, 303);
    eventually("Bob gets the unit", || (bob.reserve("k", 1).status == 201).then_some(()));
    eventually("the money went back", || {
        (ann.show(&held).refund.as_deref() == Some("done")).then_some(())
    });
    assert!(ann.request("GET", &page).send().text().contains("refunded"));
    assert_eq!((sale.counts(), sale.stock().refunds_due), ((1, 1, 0), 0));
    sale.verify();
}

#[test]
fn what_the_provider_does_not_know_is_refused_and_changes_nothing() {
    let sale = Sale::open(shop(), 1, &rules());
    let (ann, held, page) = Shopper::at_the_provider(&sale);
    for (outcome, at) in [
        ("paid", "/outcome"),
        ("", "/outcome"),
        ("success&after_s=-1", "/after_s"),
        ("webhook_late&after_s=3601", "/after_s"),
        ("webhook_late&after_s=1e3", "/after_s"),
    ] {
        let refused = ann.decide(&page, outcome);
        assert!(refused.text().contains(at), "{outcome}: {}", refused.text());
        assert_eq!(refused.problem(), ProblemKind::BodyInvalid);
    }
    assert_eq!(ann.show(&held).state, "paying");
    assert_eq!(ann.decide(&page, "success").status, 303);
    assert_eq!(ann.show(&held).state, "allocated");
}

#[test]
fn who_cannot_pay_is_told_at_once_keeps_what_they_hold_and_pays_later() {
    let mut shop = Shop::start("provider-down", Build::Release);
    let (id, people) = {
        let sale = Sale::open(&shop, 6, &rules());
        let hold = |_| {
            let shopper = Shopper::admitted(&sale);
            let held = shopper.hold("k", 1).reservation;
            (shopper.secret, held)
        };
        let people: Vec<(String, String)> = (0..6).map(hold).collect();
        (sale.id, people)
    };
    shop.redeploy(PAYMENTS, "sandbox-slow");
    let begin = |shop: &Shop, (secret, held): &(String, String)| {
        let sale = Sale { shop, id: id.clone() };
        let mut shopper = Shopper::new(&sale);
        shopper.secret.clone_from(secret);
        shopper.act("POST", held, "/payment")
    };
    assert_eq!(begin(&shop, &people[0]).problem(), ProblemKind::Unavailable);
    shop.redeploy(PAYMENTS, "sandbox-down");
    for person in &people[..5] {
        assert_eq!(begin(&shop, person).problem(), ProblemKind::Unavailable);
    }
    let refused = begin(&shop, &people[5]);
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(refused.problem(), ProblemKind::PaymentProviderDown);
    shop.redeploy(PAYMENTS, "sandbox");
    let sale = Sale { shop: &shop, id };
    for (number, (secret, held)) in people.iter().enumerate() {
        let mut shopper = Shopper::new(&sale);
        shopper.secret.clone_from(secret);
        let state = if number == 5 { "held" } else { "paying" };
        assert_eq!(shopper.show(held).state, state, "nothing was begun for who was refused");
        shopper.pay(held);
    }
    assert_eq!((sale.counts(), sale.stock().refunds_due), ((6, 0, 6), 0));
    sale.verify();
}
