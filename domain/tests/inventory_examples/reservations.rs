//! The life of a reservation that nobody pays.

use doorbuster_domain::inventory::{Command, Event, Rejection, Reply, ReservationState, Selling};
use doorbuster_domain::time::Timestamp;

use crate::shop::{START, Shop, begin, extend, not_theirs, release, reserve};
use crate::support::{name, shopper};

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(START.checked_add(ms).unwrap())
}

#[test]
fn a_repeated_reserve_gets_its_first_answer_whatever_became_of_it() {
    let mut shop = Shop::selling(2);
    let Reply::Reservation { view: first, exists: false } = shop.accepted(&reserve("ann", "k", 1))
    else {
        panic!("the first is no repeat");
    };
    let again = Reply::Reservation { view: first.clone(), exists: true };
    shop.view(&extend("ann", first.reservation));
    assert_eq!(shop.accepted(&reserve("ann", "k", 1)), again);
    shop.view(&begin("ann", first.reservation));
    assert_eq!(shop.accepted(&reserve("ann", "k", 1)), again);
    shop.set_selling(Selling::Closed);
    shop.wait(1_000_000);
    assert_eq!(shop.accepted(&reserve("ann", "k", 1)), again);
    assert_eq!(shop.look().reservations, 1);
}

#[test]
fn who_may_not_reserve_any_more_can_still_ask_again_for_an_answer() {
    let mut shop = Shop::selling(2);
    let first = shop.view(&reserve("ann", "k", 1));
    let repeat = |who, key: &str, quantity| Command::RepeatReserve {
        shopper: shopper(who),
        key: name(key),
        quantity,
    };
    let again = Reply::Reservation { view: first, exists: true };
    assert_eq!(shop.accepted(&repeat("ann", "k", 1)), again);
    for (who, key) in [("ann", "other"), ("bob", "k")] {
        assert_eq!(shop.refused(&repeat(who, key, 1)), Rejection::ReservationNotFound);
    }
    let different = Rejection::ExistsWithDifferentQuantity { quantity: 1 };
    assert_eq!(shop.refused(&repeat("ann", "k", 2)), different);
    assert_eq!(shop.look().reserved, 1);
}

#[test]
fn a_repeated_reserve_with_another_quantity_is_refused() {
    let mut shop = Shop::selling(2);
    shop.reserve("ann", "k", 1);
    let different = Rejection::ExistsWithDifferentQuantity { quantity: 1 };
    assert_eq!(shop.refused(&reserve("ann", "k", 2)), different);
    assert_eq!(shop.look().reserved, 1);
}

#[test]
fn the_same_key_of_another_shopper_is_another_act() {
    let mut shop = Shop::selling(2);
    let anns = shop.reserve("ann", "k", 1);
    assert_ne!(shop.reserve("bob", "k", 1), anns);
    assert_eq!(shop.look().reserved, 2);
}

#[test]
fn a_reservation_that_ran_out_is_offered_again_at_its_deadline_without_an_alarm() {
    let mut shop = Shop::selling(1);
    let id = shop.reserve("ann", "k", 1);
    shop.wait(99);
    assert_eq!(shop.refused(&reserve("bob", "k", 1)), Rejection::AllReserved);
    shop.wait(1);
    shop.reserve("bob", "k", 1);
    assert_eq!(shop.events[0], Event::Expired { reservation: id });
    assert_eq!(shop.look().expired, 1);
}

#[test]
fn expiry_is_seen_by_who_looks_without_an_alarm() {
    let mut shop = Shop::selling(1);
    let id = shop.reserve("ann", "k", 1);
    assert_eq!(shop.inventory.next_timeout(), Some(at(100)));
    shop.wait(100);
    assert_eq!(shop.state("ann", id), ReservationState::Expired);
    assert_eq!(shop.look().available, 1);
    assert_eq!(shop.inventory.next_timeout(), None);
}

#[test]
fn what_ran_out_cannot_be_extended_or_paid() {
    let mut shop = Shop::selling(1);
    let id = shop.reserve("ann", "k", 1);
    shop.wait(100);
    assert_eq!(shop.refused(&extend("ann", id)), Rejection::ReservationExpired);
    assert_eq!(shop.refused(&begin("ann", id)), Rejection::ReservationExpired);
}

#[test]
fn an_extension_moves_the_deadline_until_the_cap_and_no_further() {
    let mut shop = Shop::selling(1);
    let id = shop.reserve("ann", "k", 1);
    for (waited, until) in [(90, 190), (90, 250)] {
        shop.wait(waited);
        assert_eq!(shop.view(&extend("ann", id)).expires_at, Some(at(until)));
    }
    let cap = Rejection::ExtensionCapReached { expires_at: at(250) };
    assert_eq!(shop.refused(&extend("ann", id)), cap);
    shop.wait(70);
    assert_eq!(shop.state("ann", id), ReservationState::Expired);
}

#[test]
fn an_extension_that_moves_nothing_is_no_event() {
    let mut shop = Shop::selling(1);
    let id = shop.reserve("ann", "k", 1);
    assert_eq!(shop.view(&extend("ann", id)).expires_at, Some(at(100)));
    assert_eq!(shop.events, []);
}

#[test]
fn what_is_released_is_offered_again_at_once() {
    let mut shop = Shop::selling(2);
    let id = shop.reserve("ann", "k", 2);
    assert_eq!(shop.refused(&reserve("bob", "k", 2)), Rejection::AllReserved);
    assert_eq!(shop.view(&release("ann", id)).state, ReservationState::Released);
    shop.reserve("bob", "k", 2);
}

#[test]
fn releasing_twice_or_after_the_deadline_is_no_event() {
    let mut shop = Shop::selling(2);
    let released = shop.reserve("ann", "k", 1);
    let expired = shop.reserve("bob", "k", 1);
    shop.view(&release("ann", released));
    assert_eq!(shop.view(&release("ann", released)).state, ReservationState::Released);
    assert_eq!(shop.events, []);
    shop.wait(100);
    shop.look();
    assert_eq!(shop.view(&release("bob", expired)).state, ReservationState::Expired);
    assert_eq!(shop.events, []);
}

#[test]
fn what_was_released_cannot_be_extended_or_paid() {
    let mut shop = Shop::selling(1);
    let id = shop.reserve("ann", "k", 1);
    shop.view(&release("ann", id));
    assert_eq!(shop.refused(&extend("ann", id)), Rejection::ReservationReleased);
    assert_eq!(shop.refused(&begin("ann", id)), Rejection::ReservationReleased);
}

#[test]
fn an_order_cannot_be_released_or_extended_or_paid_again() {
    let mut shop = Shop::selling(1);
    let id = shop.bought("ann").order.reservation();
    for command in [release("ann", id), extend("ann", id), begin("ann", id)] {
        assert_eq!(shop.refused(&command), Rejection::ReservationAllocated);
    }
}

#[test]
fn the_reservation_of_another_shopper_does_not_exist() {
    let mut shop = Shop::selling(1);
    let reservation = shop.reserve("ann", "k", 1);
    let shopper = not_theirs();
    for command in [
        release("mallory", reservation),
        extend("mallory", reservation),
        begin("mallory", reservation),
        Command::ShowReservation { shopper, reservation },
    ] {
        assert_eq!(shop.refused(&command), Rejection::ReservationNotFound);
    }
}

#[test]
fn an_extension_that_gains_next_to_nothing_is_no_event() {
    let mut shop = Shop::selling(1);
    let id = shop.reserve("ann", "k", 1);
    shop.wait(9);
    assert_eq!(shop.view(&extend("ann", id)).expires_at, Some(at(100)));
    assert_eq!(shop.events, []);
    shop.wait(1);
    assert_eq!(shop.view(&extend("ann", id)).expires_at, Some(at(110)));
}

#[test]
fn an_extension_may_gain_next_to_nothing_if_with_it_the_cap_is_reached() {
    let mut shop = Shop::selling(1);
    let id = shop.reserve("ann", "k", 1);
    for (waited, until) in [(90, 190), (55, 245), (5, 250)] {
        shop.wait(waited);
        assert_eq!(shop.view(&extend("ann", id)).expires_at, Some(at(until)));
        assert_eq!(shop.events, [Event::Extended { reservation: id, expires_at: at(until) }]);
    }
}
