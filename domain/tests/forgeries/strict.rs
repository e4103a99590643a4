//! What replay has to refuse, besides what could follow in another order: moments, sums and numbers
//! that no decision gives.

use doorbuster_domain::cart::CartMark;
use doorbuster_domain::charges::ChargeRules;
use doorbuster_domain::id::{PaymentId, ReservationId};
use doorbuster_domain::inventory::{AdjustmentReason, Command, Event, Inventory, Selling, Terms};
use doorbuster_domain::journal::verify;
use doorbuster_domain::time::Timestamp;

use crate::support::{name, shopper, terms};
use crate::written::Written;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn anns() -> ReservationId {
    ReservationId::derive(&name("drop"), &name("shirt"), shopper("ann"), &name("k"))
}

fn eves() -> ReservationId {
    ReservationId::derive(&name("drop"), &name("shirt"), shopper("eve"), &name("k"))
}

fn payment(attempt: u32) -> PaymentId {
    PaymentId::of(anns(), attempt)
}

fn begin() -> Command {
    Command::BeginPayment { shopper: shopper("ann"), reservation: anns() }
}

fn allocate(amount_minor: u64) -> Command {
    Command::Allocate { payment: payment(1), amount_minor }
}

/// Ann holds one unit of five from 1000 to 1100; then these, at 1001.
fn after(commands: &[Command]) -> Written {
    let mut written = Written::default();
    let selling = Command::SetSelling { selling: Selling::Open, phase_number: 1 };
    let reserve = Command::Reserve { shopper: shopper("ann"), key: name("k"), quantity: 1 };
    written.write(1_000, &[Command::Open { terms: terms(), on_hand: 5 }, selling, reserve]);
    if !commands.is_empty() {
        written.write(1_001, commands);
    }
    written
}

fn refused(mut written: Written, ms: u64, event: &Event) {
    written.append(at(ms), &serde_json::to_string(&[event]).unwrap());
    let found = verify::<Inventory>(&written.entries).map(|_| ());
    assert!(found.is_err(), "at {ms} it may have happened: {event:?}");
}

#[test]
fn units_are_allocated_only_by_a_payment_that_was_begun_and_whose_money_is_kept() {
    refused(after(&[]), 1_002, &Event::Allocated { payment: payment(0) });
    let wrong_sum = [begin(), allocate(5)];
    refused(after(&wrong_sum), 1_002, &Event::Allocated { payment: payment(1) });
    let given_back = [begin(), allocate(5), Command::ConfirmRefund { payment: payment(1) }];
    refused(after(&given_back), 1_002, &Event::Allocated { payment: payment(1) });
}

#[test]
fn money_goes_back_only_if_it_came_by_a_payment_that_was_begun_and_bought_nothing() {
    let due = |attempt, amount_minor| Event::RefundDue { payment: payment(attempt), amount_minor };
    for attempt in [0, 2, 7] {
        refused(after(&[begin()]), 1_002, &due(attempt, 1));
    }
    refused(after(&[begin(), allocate(1999)]), 1_002, &due(1, 1999));
    refused(after(&[begin()]), 1_002, &due(1, 1999));
}

#[test]
fn nothing_happens_before_its_time_or_after_it() {
    let reservation = anns();
    refused(after(&[]), 1_099, &Event::Expired { reservation });
    refused(after(&[begin()]), 1_060, &Event::PaymentOverdue { reservation });
    refused(after(&[]), 1_100, &Event::Released { reservation });
    refused(after(&[]), 1_100, &Event::Extended { reservation, expires_at: at(1_200) });
    let begun = Event::PaymentBegun { payment: payment(1), deadline: at(1_160) };
    refused(after(&[]), 1_100, &begun);
    refused(after(&[]), 999, &Event::SellingSet { selling: Selling::Paused, phase_number: 2 });
}

#[test]
fn every_deadline_is_the_one_that_the_terms_give() {
    let reservation = anns();
    for expires_at in [0, 1_101, 1_103, u64::MAX].map(at) {
        let (reservation_of_eve, shopper) = (eves(), shopper("eve"));
        let reserved =
            Event::Reserved { reservation: reservation_of_eve, shopper, quantity: 1, expires_at };
        refused(after(&[]), 1_002, &reserved);
        refused(after(&[]), 1_002, &Event::Extended { reservation, expires_at });
        refused(after(&[begin()]), 1_002, &Event::PaymentDeclined { reservation, expires_at });
        let begun = Event::PaymentBegun { payment: payment(1), deadline: expires_at };
        refused(after(&[]), 1_002, &begun);
    }
    refused(after(&[]), 1_090, &Event::Extended { reservation, expires_at: at(1_251) });
    // Nor is next to nothing gained: nobody would have written that down.
    refused(after(&[]), 1_002, &Event::Extended { reservation, expires_at: at(1_102) });
}

#[test]
fn a_line_of_a_cart_is_of_a_cart_and_as_strict_as_any_reservation() {
    let reserved = |number, quantity, expires_at| Event::ReservedInCart {
        reservation: eves(),
        shopper: shopper("eve"),
        quantity,
        expires_at: at(expires_at),
        cart: CartMark::of_number(number),
    };
    let mut good = after(&[]);
    good.append(at(1_002), &serde_json::to_string(&[reserved(2, 1, 1_102)]).unwrap());
    assert!(verify::<Inventory>(&good.entries).is_ok());
    for event in [reserved(0, 1, 1_102), reserved(2, 0, 1_102), reserved(2, 1, 1_103)] {
        refused(after(&[]), 1_002, &event);
    }
}

#[test]
fn a_reservation_is_its_shoppers_by_its_id() {
    let reserved = |called: &str| Event::Reserved {
        reservation: eves(),
        shopper: shopper(called),
        quantity: 1,
        expires_at: at(1_102),
    };
    let mut good = after(&[]);
    good.append(at(1_002), &serde_json::to_string(&[reserved("eve")]).unwrap());
    assert!(verify::<Inventory>(&good.entries).is_ok());
    refused(after(&[]), 1_002, &reserved("mallory"));
}

#[test]
fn what_changes_nothing_did_not_happen() {
    let reason = || AdjustmentReason::try_from("found a box".to_owned()).unwrap();
    let restocked = Event::Restocked { key: name("act"), units: 0, reason: reason() };
    let withdrawn = Event::Withdrawn { key: name("act"), units: 0, reason: reason() };
    let again = Event::SellingSet { selling: Selling::Open, phase_number: 1 };
    for event in [restocked, withdrawn, again] {
        refused(after(&[]), 1_002, &event);
    }
}

#[test]
fn a_sku_was_not_opened_under_terms_that_are_refused() {
    let untaxed = ChargeRules { tax_included: true, ..ChargeRules::default() };
    let impossible =
        [Terms { per_shopper_max: 0, ..terms() }, Terms { charges: Box::new(untaxed), ..terms() }];
    for terms in impossible {
        refused(Written::default(), 1_000, &Event::Opened { terms, on_hand: 1 });
    }
}

#[test]
fn nobody_waits_or_is_called_out_of_turn_and_nobody_comes_between() {
    let reserve =
        |who: &str, quantity| Command::Reserve { shopper: shopper(who), key: name("k"), quantity };
    let place =
        |who: &str| ReservationId::derive(&name("drop"), &name("shirt"), shopper(who), &name("k"));
    let waitlisted = |who: &str| Event::Waitlisted {
        reservation: place(who),
        shopper: shopper(who),
        quantity: 1,
    };
    let wait =
        |who: &str| Command::ReserveOrWait { shopper: shopper(who), key: name("k"), quantity: 1 };
    let called = |who: &str, ms| Event::Called { reservation: place(who), expires_at: at(ms) };
    refused(after(&[]), 1_002, &waitlisted("eve"));
    let full = || after(&[reserve("bob", 2), reserve("cem", 2), wait("dia"), wait("eve")]);
    refused(full(), 1_002, &waitlisted("eve"));
    refused(full(), 1_002, &called("dia", 1_102));
    let released = Event::Released { reservation: anns() };
    let tell = |events: &[&Event]| {
        let mut written = full();
        written.append(at(1_002), &serde_json::to_string(events).unwrap());
        verify::<Inventory>(&written.entries).map(|_| ())
    };
    assert_eq!(tell(&[&released, &called("dia", 1_102)]), Ok(()));
    assert!(tell(&[&released]).is_err(), "a unit lies idle while somebody waits");
    assert!(tell(&[&released, &called("eve", 1_102)]).is_err(), "dia is first");
    assert!(tell(&[&released, &called("dia", 1_103)]).is_err(), "another deadline");
    let between = Event::Reserved {
        reservation: place("fay"),
        shopper: shopper("fay"),
        quantity: 1,
        expires_at: at(1_102),
    };
    assert!(tell(&[&released, &between]).is_err(), "somebody came between");
}
