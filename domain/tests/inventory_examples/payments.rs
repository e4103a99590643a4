//! The part of a reservation's life in which only the provider's word counts.

use doorbuster_domain::charges::ChargeRules;
use doorbuster_domain::id::PaymentId;
use doorbuster_domain::inventory::{
    Command, Event, RefundState, Rejection, Reply, ReservationState, Terms,
};
use doorbuster_domain::time::Timestamp;

use crate::shop::{
    START, Shop, allocate, begin, decline, extend, refund_due, release, reserve, void, withdraw,
};
use crate::support::{shopper, terms};

#[test]
fn a_paid_reservation_is_an_order_until_it_is_settled() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.wait(7);
    let view = shop.view(&allocate(id, 1, 1999));
    let order = view.order.unwrap();
    assert_eq!((view.state, view.expires_at), (ReservationState::Allocated, None));
    assert_eq!(shop.inventory.unsettled().collect::<Vec<_>>(), [order.order]);
    let placed = shop.inventory.placed_order(order.order).unwrap();
    assert_eq!((placed.shopper, placed.quantity), (shopper("ann"), 1));
    assert_eq!((placed.amount, placed.payment), (terms().unit_price, PaymentId::of(id, 1)));
    assert_eq!(placed.allocated_at, Timestamp::from_millis(START + 7));
    let settle = Command::Settle { orders: vec![order.order, order.order] };
    assert_eq!(shop.accepted(&settle), Reply::Noted);
    assert_eq!(shop.events, [Event::Settled { order: order.order }]);
    assert_eq!(shop.inventory.unsettled().count(), 0);
    assert_eq!(shop.accepted(&settle), Reply::Noted);
    assert_eq!(shop.events, []);
    assert_eq!(shop.inventory.orders().collect::<Vec<_>>(), [order.order]);
}

#[test]
fn all_that_is_owed_buys_the_units_and_the_price_of_the_goods_alone_does_not() {
    let charges = ChargeRules {
        shipping_minor: Some(490),
        tax_title: Some("VAT".to_owned()),
        tax_ppm: Some(72_500),
        ..ChargeRules::default()
    };
    let terms = Terms { charges: Box::new(charges), ..terms() };
    let mut shop = Shop::selling_under(&terms, 2);
    let id = shop.paying("ann");
    let view = shop.view(&Command::ShowReservation { shopper: shopper("ann"), reservation: id });
    // 19.99 and 4.90, and 7.25 % of both: 1.80(4...).
    assert_eq!(view.amount.to_string(), "26.69 EUR");
    assert_eq!((view.shipping_minor, view.tax_minor), (Some(490), Some(180)));
    let other = shop.paying("bob");
    let too_little = shop.accepted(&allocate(other, 1, 1_999));
    assert!(matches!(too_little, Reply::RefundDue { .. }));
    let order = shop.view(&allocate(id, 1, 2_669)).order.unwrap().order;
    let placed = shop.inventory.placed_order(order).unwrap();
    assert_eq!((placed.amount, placed.bill().unwrap().lines), (view.amount, view.lines()));
}

#[test]
fn settling_what_is_no_order_changes_nothing() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.accepted(&Command::Settle { orders: vec![id.order()] });
    assert_eq!(shop.events, []);
    assert_eq!(shop.inventory.placed_order(id.order()), None);
}

#[test]
fn coming_back_to_pay_leads_to_the_payment_under_way_and_never_to_a_second() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.wait(10);
    let view = shop.view(&begin("ann", id));
    assert_eq!(view.payment, Some(PaymentId::of(id, 1)));
    assert_eq!(view.expires_at, Some(Timestamp::from_millis(START + 60)));
    assert_eq!(shop.events, []);
}

#[test]
fn a_shopper_who_is_paying_is_not_robbed_by_time() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.wait(60);
    assert_eq!(shop.refused(&reserve("bob", "k", 1)), Rejection::AllReserved);
    assert_eq!(shop.events, [Event::PaymentOverdue { reservation: id }]);
    assert_eq!(shop.inventory.ending_payments().collect::<Vec<_>>(), [PaymentId::of(id, 1)]);
    shop.wait(1_000_000);
    assert_eq!(shop.refused(&reserve("bob", "k", 1)), Rejection::AllReserved);
    assert_eq!(shop.events, []);
    assert_eq!(shop.view(&allocate(id, 1, 1999)).state, ReservationState::Allocated);
    assert_eq!(shop.inventory.ending_payments().count(), 0);
}

#[test]
fn while_a_payment_is_under_way_it_cannot_be_extended() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    assert_eq!(shop.refused(&extend("ann", id)), Rejection::PaymentInProgress);
}

#[test]
fn who_gives_back_while_paying_has_the_payment_ended_first() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    assert_eq!(shop.view(&release("ann", id)).state, ReservationState::Paying);
    assert_eq!(shop.events, [Event::PaymentGivenUp { reservation: id }]);
    assert_eq!(shop.inventory.ending_payments().collect::<Vec<_>>(), [PaymentId::of(id, 1)]);
    shop.view(&release("ann", id));
    assert_eq!(shop.events, []);
    assert_eq!(shop.refused(&begin("ann", id)), Rejection::PaymentInProgress);
    assert_eq!(shop.refused(&reserve("bob", "k", 1)), Rejection::AllReserved);
    // A card that was declined is not the end: on the provider's page another may be tried.
    assert_eq!(shop.view(&decline(id, 1)).state, ReservationState::Paying);
    shop.accepted(&void(id, 1));
    assert_eq!(shop.state("ann", id), ReservationState::Released);
    shop.reserve("bob", "k", 1);
}

#[test]
fn who_gave_back_and_had_paid_already_has_bought() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.view(&release("ann", id));
    assert_eq!(shop.view(&allocate(id, 1, 1999)).state, ReservationState::Allocated);
    assert_eq!(shop.inventory.ending_payments().count(), 0);
}

#[test]
fn a_payment_that_is_being_ended_is_not_begun_again() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.wait(60);
    assert_eq!(shop.refused(&begin("ann", id)), Rejection::PaymentInProgress);
}

#[test]
fn who_was_declined_may_try_again_with_a_fresh_deadline() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.wait(50);
    let view = shop.view(&decline(id, 1));
    assert_eq!(view.state, ReservationState::Held);
    assert_eq!(view.expires_at, Some(Timestamp::from_millis(START + 150)));
    shop.view(&begin("ann", id));
    assert_eq!(shop.view(&allocate(id, 2, 1999)).state, ReservationState::Allocated);
}

#[test]
fn being_declined_again_and_again_ends_at_the_cap_of_the_reservation() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.wait(200);
    assert_eq!(shop.view(&decline(id, 1)).expires_at, Some(Timestamp::from_millis(START + 250)));
    shop.view(&begin("ann", id));
    shop.wait(50);
    assert_eq!(shop.view(&decline(id, 2)).state, ReservationState::Expired);
    shop.reserve("bob", "k", 1);
}

#[test]
fn what_is_said_of_an_earlier_payment_changes_nothing() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.view(&decline(id, 1));
    shop.view(&begin("ann", id));
    assert_eq!(shop.view(&decline(id, 1)).state, ReservationState::Paying);
    assert_eq!(shop.accepted(&void(id, 1)), Reply::Noted);
    assert_eq!(shop.state("ann", id), ReservationState::Paying);
}

#[test]
fn a_payment_that_was_never_begun_does_not_exist() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    for attempt in [0, 2, u32::MAX] {
        for command in [decline(id, attempt), void(id, attempt), allocate(id, attempt, 1999)] {
            assert_eq!(shop.refused(&command), Rejection::ReservationNotFound);
        }
    }
    assert_eq!(shop.state("ann", id), ReservationState::Paying);
}

#[test]
fn two_reservations_never_share_a_payment() {
    let mut shop = Shop::selling(2);
    let (ann, bob) = (shop.paying("ann"), shop.paying("bob"));
    shop.view(&allocate(ann, 1, 1999));
    assert_eq!(shop.state("bob", bob), ReservationState::Paying);
    assert_ne!(PaymentId::of(ann, 1), PaymentId::of(bob, 1));
}

#[test]
fn a_void_payment_gives_its_units_back() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    assert_eq!(shop.accepted(&void(id, 1)), Reply::Noted);
    assert_eq!(shop.events, [Event::PaymentVoided { reservation: id }]);
    shop.reserve("bob", "k", 1);
    assert_eq!(shop.accepted(&void(id, 1)), Reply::Noted);
    assert_eq!(shop.events, []);
}

#[test]
fn a_payment_that_comes_late_is_reserved_again_if_units_are_left() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.accepted(&void(id, 1));
    assert_eq!(shop.view(&allocate(id, 1, 1999)).state, ReservationState::Allocated);
    assert_eq!(shop.look().allocated, 1);
}

#[test]
fn a_payment_that_comes_late_is_refunded_if_its_units_are_gone() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.accepted(&void(id, 1));
    let next = shop.reserve("bob", "k", 1);
    assert_eq!(shop.accepted(&allocate(id, 1, 1999)), refund_due(id, 1));
    assert_eq!(shop.inventory.refunds_due().collect::<Vec<_>>(), [PaymentId::of(id, 1)]);
    // Once it was promised back it stays so, even if units come back meanwhile.
    shop.view(&release("bob", next));
    assert_eq!(shop.accepted(&allocate(id, 1, 1999)), refund_due(id, 1));
    assert_eq!(shop.events, []);
}

#[test]
fn a_payment_that_comes_late_does_not_get_a_shopper_over_the_limit() {
    let mut shop = Shop::selling(9);
    let id = shop.paying("ann");
    shop.accepted(&void(id, 1));
    shop.reserve("ann", "other", 2);
    assert_eq!(shop.accepted(&allocate(id, 1, 1999)), refund_due(id, 1));
}

#[test]
fn a_refund_is_confirmed_once_and_not_due_any_more() {
    let mut shop = Shop::selling(1);
    let id = shop.paid_twice("ann");
    shop.accepted(&allocate(id, 2, 1999));
    assert_eq!(shop.look().refunds_due, 1);
    let confirm = Command::ConfirmRefund { payment: PaymentId::of(id, 2) };
    assert_eq!(shop.accepted(&confirm), Reply::Noted);
    assert_eq!(shop.events, [Event::Refunded { payment: PaymentId::of(id, 2) }]);
    assert_eq!(shop.look().refunds_due, 0);
    assert_eq!(shop.accepted(&confirm), Reply::Noted);
    assert_eq!(shop.events, []);
}

#[test]
fn a_webhook_that_comes_twice_is_one_payment() {
    let mut shop = Shop::selling(1);
    let id = shop.bought("ann").order.reservation();
    assert_eq!(shop.view(&allocate(id, 1, 1999)).state, ReservationState::Allocated);
    assert_eq!(shop.events, []);
}

#[test]
fn an_order_that_is_paid_twice_is_refunded_once() {
    let mut shop = Shop::selling(1);
    let id = shop.paid_twice("ann");
    assert_eq!(shop.accepted(&allocate(id, 2, 1999)), refund_due(id, 2));
    assert_eq!(shop.accepted(&allocate(id, 2, 1999)), refund_due(id, 2));
    assert_eq!(shop.events, []);
    assert_eq!(shop.look().allocated, 1);
}

#[test]
fn the_shopper_sees_that_money_goes_back_and_that_it_went() {
    let mut shop = Shop::selling(1);
    let id = shop.paid_twice("ann");
    let look = Command::ShowReservation { shopper: shopper("ann"), reservation: id };
    assert_eq!(shop.view(&look).refund, None);
    shop.accepted(&allocate(id, 2, 1999));
    assert_eq!(shop.view(&look).refund, Some(RefundState::Due));
    shop.accepted(&Command::ConfirmRefund { payment: PaymentId::of(id, 2) });
    assert_eq!(shop.view(&look).refund, Some(RefundState::Done));
}

#[test]
fn the_first_payment_goes_back_if_it_comes_while_a_second_is_under_way() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.view(&decline(id, 1));
    shop.view(&begin("ann", id));
    assert_eq!(shop.accepted(&allocate(id, 1, 1999)), refund_due(id, 1));
    assert_eq!(shop.view(&allocate(id, 2, 1999)).state, ReservationState::Allocated);
}

#[test]
fn a_wrong_amount_buys_nothing_and_goes_back() {
    for amount_minor in [0, 1999, 3997, 3999, u64::MAX] {
        let mut shop = Shop::selling(2);
        let id = shop.reserve("ann", "k", 2);
        shop.view(&begin("ann", id));
        assert_eq!(shop.accepted(&allocate(id, 1, amount_minor)), refund_due(id, 1));
        let payment = PaymentId::of(id, 1);
        let over = Event::PaymentVoided { reservation: id };
        assert_eq!(shop.events, [Event::RefundDue { payment, amount_minor }, over]);
        assert_eq!((shop.look().available, shop.look().refunds_due), (2, 1));
        assert_eq!(shop.accepted(&allocate(id, 1, 3998)), refund_due(id, 1));
        assert_eq!(shop.accepted(&void(id, 1)), Reply::Noted);
        assert_eq!(shop.events, []);
    }
}

#[test]
fn a_wrong_amount_of_a_payment_that_is_not_under_way_goes_back_and_ends_nothing() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    shop.view(&decline(id, 1));
    shop.view(&begin("ann", id));
    assert_eq!(shop.accepted(&allocate(id, 1, 5)), refund_due(id, 1));
    let payment = PaymentId::of(id, 1);
    assert_eq!(shop.events, [Event::RefundDue { payment, amount_minor: 5 }]);
    assert_eq!(shop.state("ann", id), ReservationState::Paying);
    assert_eq!(shop.view(&allocate(id, 2, 1999)).state, ReservationState::Allocated);
}

#[test]
fn payments_for_what_was_never_reserved_are_refused() {
    let mut shop = Shop::selling(1);
    let id = shop.reserve("ann", "k", 1);
    let mut other = Shop::selling(1);
    for command in [allocate(id, 1, 1999), decline(id, 1), void(id, 1)] {
        assert_eq!(other.refused(&command), Rejection::ReservationNotFound);
    }
}

#[test]
fn units_that_are_being_paid_cannot_be_withdrawn() {
    let mut shop = Shop::selling(1);
    shop.paying("ann");
    shop.wait(1_000);
    assert_eq!(
        shop.refused(&withdraw("w", 1)),
        Rejection::WithdrawExceedsAvailable { available: 0 }
    );
}

#[test]
fn the_terms_a_unit_was_bought_under_leave_with_the_order() {
    let mut shop = Shop::selling(1);
    let order = shop.bought("ann").order;
    let Terms { title, .. } = shop.inventory.placed_order(order).unwrap().terms;
    assert_eq!(title, "Shirt");
}
