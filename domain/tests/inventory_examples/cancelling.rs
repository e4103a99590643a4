//! The merchant cancels an order: the money goes back, the units come back or leave.

use doorbuster_domain::id::{OrderId, PaymentId};
use doorbuster_domain::inventory::{
    AdjustmentReason, Answer, Cancel, Cancelled, Command, Event, RefundState, Rejection, Reply,
    ReservationState, Selling, StockBand,
};
use doorbuster_domain::time::Timestamp;

use crate::shop::{START, Shop, allocate, begin, decline, extend, refund_due, release, reserve};
use crate::support::{name, shopper};

fn cancel(order: OrderId, key: &str, restock: bool) -> Command {
    let reason = AdjustmentReason::try_from("torn".to_owned()).unwrap();
    Command::CancelOrder(Cancel { order, key: name(key), restock, reason })
}

#[test]
fn the_money_of_a_cancelled_order_goes_back_once() {
    let mut shop = Shop::selling(1);
    let order = shop.bought("ann").order;
    let payment = PaymentId::of(order.reservation(), 1);
    shop.wait(9);
    let view = shop.view(&cancel(order, "c", true));
    let at = Timestamp::from_millis(START + 9);
    assert_eq!((view.state, view.refund), (ReservationState::Cancelled, Some(RefundState::Due)));
    assert_eq!(view.order.unwrap().cancelled_at, Some(at));
    assert_eq!(shop.events[1..], [Event::RefundDue { payment, amount_minor: 1999 }]);
    assert_eq!(shop.inventory.refunds_due().collect::<Vec<_>>(), [payment]);
    let reason = AdjustmentReason::try_from("torn".to_owned()).unwrap();
    let told = Some(Cancelled { at, restock: true, reason });
    assert_eq!(shop.inventory.cancelled_with(payment), told);
    // The webhook of its payment comes again, before the money went back and after.
    shop.view(&allocate(order.reservation(), 1, 1999));
    assert_eq!(shop.events, []);
    shop.accepted(&Command::ConfirmRefund { payment });
    let view = shop.view(&allocate(order.reservation(), 1, 1999));
    assert_eq!((view.state, view.refund), (ReservationState::Cancelled, Some(RefundState::Done)));
    assert_eq!(shop.events, []);
    assert_eq!(shop.look().refunds_due, 0);
}

#[test]
fn what_comes_back_with_a_cancelled_order_is_sold_again_though_it_was_sold_out() {
    let mut shop = Shop::selling(1);
    let order = shop.bought("ann").order;
    assert_eq!(shop.refused(&reserve("bob", "k", 1)), Rejection::SoldOut);
    shop.view(&cancel(order, "c", true));
    let stock = shop.look();
    assert_eq!((stock.on_hand, stock.allocated, stock.available), (1, 0, 1));
    assert_eq!((stock.withdrawn_with_orders, shop.inventory.cancelled_orders().count()), (0, 1));
    shop.bought("bob");
}

#[test]
fn what_leaves_with_a_cancelled_order_is_not_offered_and_can_be_seen_to_have_left() {
    let mut shop = Shop::selling(2);
    let order = shop.bought("ann").order;
    shop.reserve("bob", "k", 1);
    shop.view(&cancel(order, "c", false));
    let stock = shop.look();
    assert_eq!((stock.on_hand, stock.reserved, stock.allocated), (1, 1, 0));
    assert_eq!((stock.available, stock.band), (0, StockBand::AllReserved));
    assert_eq!(stock.withdrawn_with_orders, 1);
    assert_eq!(shop.refused(&reserve("cem", "k", 1)), Rejection::AllReserved);
}

#[test]
fn a_cancelled_order_no_longer_counts_for_its_shoppers_limit() {
    let mut shop = Shop::selling(9);
    let order = shop.bought("ann").order;
    let max = Rejection::PerShopperMaxReached { per_shopper_max: 2, units: 1 };
    assert_eq!(shop.refused(&reserve("ann", "k", 2)), max);
    shop.view(&cancel(order, "c", true));
    shop.reserve("ann", "k", 2);
}

#[test]
fn an_order_is_cancelled_once_and_a_repeat_is_known_by_its_key() {
    let mut shop = Shop::selling(1);
    let order = shop.bought("ann").order;
    let first = shop.view(&cancel(order, "c", true));
    shop.wait(1_000);
    match shop.ask(&cancel(order, "c", true)) {
        Answer::Accepted(Reply::Reservation { view, exists: true }) => assert_eq!(view, first),
        other => panic!("{other:?}"),
    }
    assert_eq!(shop.events, []);
    let other = Rejection::ExistsWithDifferentAdjustment;
    assert_eq!(shop.refused(&cancel(order, "c", false)), other);
    assert_eq!(shop.refused(&cancel(order, "d", true)), Rejection::OrderCancelled);
}

#[test]
fn only_an_order_is_cancelled() {
    let mut shop = Shop::selling(2);
    let held = shop.reserve("ann", "k", 1);
    let paying = shop.paying("bob");
    for id in [held, paying, shopper_without_any()] {
        let refused = shop.refused(&cancel(id.order(), "c", true));
        assert_eq!(refused, Rejection::ReservationNotFound);
    }
}

fn shopper_without_any() -> doorbuster_domain::id::ReservationId {
    doorbuster_domain::id::ReservationId::from_bytes([3; 16])
}

#[test]
fn of_a_cancelled_order_nothing_more_can_come_but_money_that_goes_back() {
    let mut shop = Shop::selling(1);
    let id = shop.paid_twice("ann");
    shop.view(&cancel(id.order(), "c", true));
    for command in [begin("ann", id), extend("ann", id), release("ann", id)] {
        assert_eq!(shop.refused(&command), Rejection::OrderCancelled);
    }
    shop.view(&decline(id, 1));
    assert_eq!(shop.events, []);
    assert_eq!(shop.accepted(&allocate(id, 2, 1999)), refund_due(id, 2));
    assert_eq!(shop.inventory.refunds_due().count(), 2);
    assert_eq!(shop.inventory.cancelled_with(PaymentId::of(id, 2)), None);
}

#[test]
fn an_order_that_was_cancelled_before_it_was_settled_is_settled_all_the_same() {
    let mut shop = Shop::selling(1);
    let order = shop.bought("ann").order;
    shop.view(&cancel(order, "c", false));
    assert_eq!(shop.inventory.unsettled().collect::<Vec<_>>(), [order]);
    assert_eq!(shop.inventory.placed_order(order).unwrap().shopper, shopper("ann"));
    shop.accepted(&Command::Settle { orders: vec![order] });
    assert_eq!(shop.events, [Event::Settled { order }]);
    assert_eq!(shop.inventory.unsettled().count(), 0);
    assert_eq!(shop.inventory.orders().collect::<Vec<_>>(), [order]);
}

#[test]
fn an_order_can_be_cancelled_when_the_sale_is_over() {
    let mut shop = Shop::selling(1);
    let order = shop.bought("ann").order;
    shop.set_selling(Selling::Closed);
    assert_eq!(shop.view(&cancel(order, "c", true)).state, ReservationState::Cancelled);
    assert_eq!(shop.look().available, 1);
}
