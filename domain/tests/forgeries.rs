//! Entries that are well chained, and tell of what nobody could have decided.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[cfg(test)]
#[path = "forgeries/strict.rs"]
mod strict;
#[cfg(test)]
mod support;
#[cfg(test)]
#[path = "forgeries/transitions.rs"]
mod transitions;
#[cfg(test)]
#[path = "support/written.rs"]
mod written;

use doorbuster_domain::id::{PaymentId, ReservationId};
use doorbuster_domain::inventory::{AdjustmentReason, Cancel, Command, Event, Inventory, Selling};
use doorbuster_domain::journal::verify;
use doorbuster_domain::time::Timestamp;

use support::{name, shopper, terms};
use written::{Written, broken, written};

fn reason() -> AdjustmentReason {
    AdjustmentReason::try_from("found a box".to_owned()).unwrap()
}

/// What nobody could have decided after `written()`.
fn forgeries() -> Vec<(Event, &'static str)> {
    let eves = ReservationId::derive(&name("drop"), &name("shirt"), shopper("eve"), &name("k"));
    let reserved = |quantity| Event::Reserved {
        reservation: eves,
        shopper: shopper("eve"),
        quantity,
        expires_at: Timestamp::from_millis(9_000),
    };
    let written = written();
    let order = written.inventory.orders().next().unwrap();
    let paid = PaymentId::of(order.reservation(), 1);
    let unknown = PaymentId::of(ReservationId::from_bytes([9; 16]), 1);
    let bob = ReservationId::derive(&name("drop"), &name("shirt"), shopper("bob"), &name("k2"));
    vec![
        (Event::Opened { terms: terms(), on_hand: 9 }, "opening comes first, and once"),
        (
            Event::Restocked { key: name("act"), units: u32::MAX, reason: reason() },
            "on_hand overflows",
        ),
        (
            Event::Withdrawn { key: name("act"), units: 1, reason: reason() },
            "more is withdrawn than available",
        ),
        (reserved(0), "nothing is reserved"),
        (reserved(1), "more is reserved than available"),
        (
            Event::Expired { reservation: order.reservation() },
            "the reservation is in another state",
        ),
        (Event::PaymentVoided { reservation: bob }, "the reservation is in another state"),
        (Event::Allocated { payment: paid }, "it is allocated already"),
        (Event::Allocated { payment: PaymentId::of(bob, 1) }, "the payment was never begun"),
        (Event::Refunded { payment: paid }, "no refund was due"),
        (Event::RefundDue { payment: paid, amount_minor: 1_999 }, "the payment bought the units"),
        (Event::RefundDue { payment: unknown, amount_minor: 1 }, "there is no such reservation"),
        (
            Event::Extended { reservation: bob, expires_at: Timestamp::from_millis(1_103) },
            "the reservation is in another state",
        ),
        (
            Event::PaymentBegun {
                payment: PaymentId::of(bob, 2),
                deadline: Timestamp::from_millis(9_000),
            },
            "the reservation is in another state",
        ),
    ]
}

#[test]
fn a_well_chained_event_that_nobody_could_have_decided_is_refused() {
    for (event, reason) in forgeries() {
        let mut written = written();
        written.append(Timestamp::from_millis(1_102), &serde_json::to_string(&[&event]).unwrap());
        let found = broken(&written.entries);
        let reason = format!("event {} cannot follow: {reason}", event.name());
        assert_eq!((found.seq, found.reason), (6, reason));
    }
}

#[test]
fn a_paying_shopper_is_not_robbed_by_a_forged_expiry() {
    let mut written = Written::default();
    let selling = Command::SetSelling { selling: Selling::Open, phase_number: 1 };
    written.write(1_000, &[Command::Open { terms: terms(), on_hand: 2 }, selling]);
    let reserve = Command::Reserve { shopper: shopper("ann"), key: name("k"), quantity: 1 };
    written.write(1_001, &[reserve]);
    let reservation =
        ReservationId::derive(&name("drop"), &name("shirt"), shopper("ann"), &name("k"));
    written.write(1_002, &[Command::BeginPayment { shopper: shopper("ann"), reservation }]);
    let events = serde_json::to_string(&[Event::Expired { reservation }]).unwrap();
    written.append(Timestamp::from_millis(9_999), &events);
    assert_eq!(broken(&written.entries).seq, 4);
}

#[test]
fn what_happens_twice_is_refused_the_second_time() {
    let restocked = || Event::Restocked { key: name("act"), units: 1, reason: reason() };
    let order = written().inventory.orders().next().unwrap();
    let reservation =
        ReservationId::derive(&name("drop"), &name("shirt"), shopper("bob"), &name("k2"));
    let payment = PaymentId::of(reservation, 1);
    // A wrong sum: the one way in which money that goes back is no matter of chance.
    let due = Event::RefundDue { payment, amount_minor: 1 };
    let voided = Event::PaymentVoided { reservation };
    let refunded = Event::Refunded { payment };
    let cancelled = || {
        let key = name("c");
        Event::OrderCancelled(Cancel { order, restock: true, key, reason: reason() })
    };
    let paid = PaymentId::of(order.reservation(), 1);
    let goes_back = |amount_minor| Event::RefundDue { payment: paid, amount_minor };
    let twice = [
        vec![restocked(), restocked()],
        vec![due.clone(), voided.clone(), voided.clone()],
        vec![due.clone(), voided.clone(), due.clone()],
        vec![due, voided, refunded.clone(), refunded],
        vec![cancelled(), goes_back(1_999), goes_back(1_999)],
        vec![cancelled(), goes_back(1_998)],
        vec![cancelled(), goes_back(1_999), cancelled()],
        vec![cancelled(), Event::Allocated { payment: paid }],
        vec![Event::Settled { order }, Event::Settled { order }],
        vec![
            Event::SellingSet { selling: Selling::Closed, phase_number: 2 },
            Event::SellingSet { selling: Selling::Open, phase_number: 3 },
        ],
    ];
    for events in twice {
        let paying = || {
            let mut written = written();
            let shopper = shopper("bob");
            written.write(1_102, &[Command::BeginPayment { shopper, reservation }]);
            written
        };
        let mut good = paying();
        let all_but_last = &events[..events.len() - 1];
        good.append(Timestamp::from_millis(1_103), &serde_json::to_string(all_but_last).unwrap());
        verify::<Inventory>(&good.entries).unwrap();
        let mut bad = paying();
        bad.append(Timestamp::from_millis(1_103), &serde_json::to_string(&events).unwrap());
        assert_eq!(broken(&bad.entries).seq, 7, "{events:?}");
    }
}

#[test]
fn nothing_happens_before_the_sku_was_opened_or_sold_before_the_sale_is() {
    let mut unopened = Written::default();
    let paused = Event::SellingSet { selling: Selling::Open, phase_number: 3 };
    unopened.append(Timestamp::from_millis(1), &serde_json::to_string(&[paused]).unwrap());
    assert_eq!(broken(&unopened.entries).seq, 1);
    let mut early = Written::default();
    early.write(1_000, &[Command::Open { terms: terms(), on_hand: 9 }]);
    let reserved = Event::Reserved {
        reservation: ReservationId::from_bytes([7; 16]),
        shopper: shopper("eve"),
        quantity: 1,
        expires_at: Timestamp::from_millis(3_000),
    };
    early.append(Timestamp::from_millis(1_001), &serde_json::to_string(&[reserved]).unwrap());
    let reason = "event reserved cannot follow: the sale is not open";
    assert_eq!(broken(&early.entries).reason, reason);
}
