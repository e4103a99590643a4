//! Who waits while everything is reserved, and who is called.

use doorbuster_domain::id::ReservationId;
use doorbuster_domain::inventory::{
    Command, Event, Rejection, ReservationState, Selling, StockBand, WaitlistView,
};
use doorbuster_domain::time::Timestamp;

use crate::shop::{
    START, Shop, allocate, begin, decline, extend, release, reserve, restock, void, withdraw,
};
use crate::support::{name, shopper};

fn wait(who: &str, quantity: u32) -> Command {
    Command::ReserveOrWait { shopper: shopper(who), key: name("first"), quantity }
}

/// Waits; the place on the waitlist.
fn waiting(shop: &mut Shop, who: &str, quantity: u32) -> ReservationId {
    let view = shop.view(&wait(who, quantity));
    assert_eq!((view.state, view.expires_at), (ReservationState::Waiting, None));
    view.reservation
}

#[test]
fn what_is_released_goes_to_the_first_who_waits_in_the_same_decision() {
    let mut shop = Shop::selling(1);
    let anns = shop.reserve("ann", "first", 1);
    let bobs = waiting(&mut shop, "bob", 1);
    let cems = waiting(&mut shop, "cem", 1);
    shop.wait(10);
    shop.view(&release("ann", anns));
    let expires_at = Timestamp::from_millis(START + 110);
    let called = Event::Called { reservation: bobs, expires_at };
    assert_eq!(shop.events, [Event::Released { reservation: anns }, called]);
    assert_eq!(shop.refused(&reserve("dia", "first", 1)), Rejection::AllReserved);
    assert_eq!(shop.state("bob", bobs), ReservationState::Held);
    assert_eq!(shop.state("cem", cems), ReservationState::Waiting);
}

#[test]
fn who_is_called_and_does_not_come_loses_it_to_the_next() {
    let mut shop = Shop::selling(1);
    shop.reserve("ann", "first", 1);
    let bobs = waiting(&mut shop, "bob", 1);
    let cems = waiting(&mut shop, "cem", 1);
    shop.wait(100);
    assert_eq!(shop.state("bob", bobs), ReservationState::Held);
    shop.wait(100);
    assert_eq!(shop.state("bob", bobs), ReservationState::Expired);
    assert_eq!(shop.state("cem", cems), ReservationState::Held);
    shop.view(&begin("cem", cems));
    assert!(shop.view(&allocate(cems, 1, 1999)).order.is_some());
}

#[test]
fn units_of_a_voided_payment_a_restock_and_a_second_opening_are_called_too() {
    let mut shop = Shop::selling(1);
    let anns = shop.paying("ann");
    let places = ["bob", "cem", "dia"].map(|who| (who, waiting(&mut shop, who, 1)));
    shop.accepted(&void(anns, 1));
    assert_eq!(shop.state("bob", places[0].1), ReservationState::Held);
    shop.stock(&restock("more", 1));
    assert_eq!(shop.state("cem", places[1].1), ReservationState::Held);
    shop.set_selling(Selling::Paused);
    shop.stock(&restock("yet-more", 1));
    assert_eq!(shop.state("dia", places[2].1), ReservationState::Waiting);
    shop.set_selling(Selling::Open);
    assert_eq!(shop.state("dia", places[2].1), ReservationState::Held);
    assert_eq!(shop.look().waiting, 0);
}

#[test]
fn who_wants_more_than_came_back_is_passed_by_and_keeps_the_place() {
    let mut shop = Shop::selling(2);
    let [anns, evas] = ["ann", "eva"].map(|who| shop.reserve(who, "first", 1));
    let bobs = waiting(&mut shop, "bob", 2);
    let cems = waiting(&mut shop, "cem", 1);
    shop.view(&release("ann", anns));
    assert_eq!(shop.state("bob", bobs), ReservationState::Waiting);
    assert_eq!(shop.state("cem", cems), ReservationState::Held);
    shop.view(&release("cem", cems));
    // One is there, and nobody waits for one: whoever comes may have it.
    let dias = shop.reserve("dia", "first", 1);
    shop.view(&release("dia", dias));
    shop.view(&release("eva", evas));
    assert_eq!(shop.state("bob", bobs), ReservationState::Held);
}

#[test]
fn nobody_waits_for_what_is_there_or_gone_or_not_sold() {
    let mut shop = Shop::selling(2);
    assert_eq!(shop.view(&wait("ann", 1)).state, ReservationState::Held);
    assert_eq!(shop.refused(&wait("bob", 2)), Rejection::ExceedsAvailable { available: 1 });
    shop.bought("cem");
    shop.set_selling(Selling::Paused);
    assert_eq!(shop.refused(&wait("bob", 1)), Rejection::SalePaused);
    shop.set_selling(Selling::Open);
    let places = waiting(&mut shop, "bob", 1);
    let again = Command::ReserveOrWait { shopper: shopper("bob"), key: name("more"), quantity: 2 };
    let reached = Rejection::PerShopperMaxReached { per_shopper_max: 2, units: 1 };
    assert_eq!(shop.refused(&again), reached);
    shop.set_selling(Selling::Closed);
    assert_eq!(shop.state("bob", places), ReservationState::Expired);
    let mut sold_out = Shop::selling(1);
    sold_out.bought("ann");
    assert_eq!(sold_out.refused(&wait("bob", 1)), Rejection::SoldOut);
}

#[test]
fn a_place_on_the_waitlist_can_be_given_back_and_nothing_else() {
    let mut shop = Shop::selling(1);
    let anns = shop.reserve("ann", "first", 1);
    let bobs = waiting(&mut shop, "bob", 1);
    for command in [extend("bob", bobs), begin("bob", bobs)] {
        assert_eq!(shop.refused(&command), Rejection::ReservationWaiting);
    }
    assert_eq!(shop.view(&release("bob", bobs)).state, ReservationState::Released);
    shop.view(&release("ann", anns));
    assert_eq!(shop.look().available, 1);
    assert_eq!(shop.stock(&withdraw("back", 1)).on_hand, 0);
}

#[test]
fn a_repeat_gets_the_first_answer_and_who_looks_is_told_how_many_are_before() {
    let mut shop = Shop::selling(1);
    let anns = shop.reserve("ann", "first", 1);
    let first = shop.view(&wait("bob", 1));
    let cems = waiting(&mut shop, "cem", 1);
    let look = Command::ShowReservation { shopper: shopper("cem"), reservation: cems };
    let waitlist = |ahead, band| Some(WaitlistView { ahead, band });
    assert_eq!(shop.view(&look).waitlist, waitlist(1, StockBand::AllReserved));
    shop.view(&release("ann", anns));
    assert_eq!(shop.view(&wait("bob", 1)), first);
    assert_eq!(shop.view(&look).waitlist, waitlist(0, StockBand::AllReserved));
    let bobs = first.reservation;
    shop.view(&begin("bob", bobs));
    shop.view(&allocate(bobs, 1, 1999));
    assert_eq!(shop.view(&look).waitlist, waitlist(0, StockBand::SoldOut));
}

#[test]
fn a_reservation_is_paid_for_so_often_and_no_more() {
    let mut shop = Shop::selling(1);
    let id = shop.reserve("ann", "first", 1);
    for attempt in 1..=20 {
        shop.view(&begin("ann", id));
        shop.view(&decline(id, attempt));
    }
    let reached = Rejection::PaymentsMaxReached { payments_max: 20 };
    assert_eq!(shop.refused(&begin("ann", id)), reached);
    // The money of any of them is still good.
    assert!(shop.view(&allocate(id, 7, 1999)).order.is_some());
}
