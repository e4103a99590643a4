//! The stock, and who may have of it.

use std::collections::BTreeSet;

use doorbuster_domain::charges::ChargeRules;
use doorbuster_domain::inventory::{
    AdjustmentReason, Command, Event, Rejection, ReservationState, Selling, StockBand, Terms,
};
use doorbuster_domain::machine::Machine as _;
use doorbuster_domain::money::{MINOR_MAX, Money};
use doorbuster_domain::time::{Millis, Timestamp};
use serde_json::Value;

use crate::rejections::{every_rejection, rejection_name};
use crate::shop::{START, Shop, allocate, begin, extend, release, reserve, restock, withdraw};
use crate::support::{name, terms};

#[test]
fn nothing_is_answered_before_the_sku_was_opened() {
    let mut shop = Shop::unopened();
    assert_eq!(shop.refused(&reserve("ann", "k", 1)), Rejection::NotOpened);
    assert_eq!(shop.refused(&Command::ShowStock), Rejection::NotOpened);
    assert_eq!(shop.refused(&Command::Settle { orders: Vec::new() }), Rejection::NotOpened);
    assert_eq!(shop.inventory.stock(), None);
}

#[test]
fn opening_twice_is_the_same_act_only_with_the_same_terms_and_units() {
    let mut shop = Shop::selling(3);
    shop.stock(&restock("k", 1));
    assert_eq!(shop.stock(&Command::Open { terms: terms(), on_hand: 3 }).on_hand, 4);
    assert_eq!(shop.events, []);
    let other_units = Command::Open { terms: terms(), on_hand: 4 };
    assert_eq!(shop.refused(&other_units), Rejection::ExistsWithDifferentTerms);
    let other = Terms { per_shopper_max: 9, ..terms() };
    let other_terms = Command::Open { terms: other, on_hand: 3 };
    assert_eq!(shop.refused(&other_terms), Rejection::ExistsWithDifferentTerms);
}

#[test]
fn all_reserved_means_some_may_come_back_and_sold_out_means_none_will() {
    let mut shop = Shop::selling(1);
    let id = shop.paying("ann");
    assert_eq!(shop.refused(&reserve("bob", "k", 1)), Rejection::AllReserved);
    assert_eq!(shop.look().band, StockBand::AllReserved);
    shop.view(&allocate(id, 1, 1999));
    assert_eq!(shop.refused(&reserve("bob", "k", 1)), Rejection::SoldOut);
    assert_eq!(shop.look().band, StockBand::SoldOut);
}

#[test]
fn who_wants_more_than_is_left_is_told_how_much_is_left() {
    let mut shop = Shop::selling(3);
    shop.reserve("ann", "k", 2);
    assert_eq!(shop.refused(&reserve("bob", "k", 2)), Rejection::ExceedsAvailable { available: 1 });
    shop.reserve("bob", "k", 1);
}

#[test]
fn the_limit_per_shopper_counts_what_is_reserved_and_what_is_allocated() {
    let mut shop = Shop::selling(9);
    shop.bought("ann");
    let second = shop.reserve("ann", "second", 1);
    let full = Rejection::PerShopperMaxReached { per_shopper_max: 2, units: 2 };
    assert_eq!(shop.refused(&reserve("ann", "third", 1)), full);
    shop.reserve("bob", "third", 2);
    shop.view(&release("ann", second));
    shop.reserve("ann", "third", 1);
    assert_eq!(shop.refused(&reserve("ann", "fourth", u32::MAX)), full);
}

#[test]
fn a_refusal_is_not_remembered_so_the_same_key_is_judged_anew() {
    let mut shop = Shop::selling(1);
    let first = shop.reserve("ann", "k", 1);
    assert_eq!(shop.refused(&reserve("bob", "k", 1)), Rejection::AllReserved);
    shop.view(&release("ann", first));
    shop.reserve("bob", "k", 1);
}

#[test]
fn of_two_reasons_to_refuse_the_earlier_in_precedence_is_given() {
    let mut shop = Shop::selling(1);
    shop.reserve("ann", "k", 1);
    let other_quantity = Rejection::ExistsWithDifferentQuantity { quantity: 1 };
    let limit = Rejection::PerShopperMaxReached { per_shopper_max: 2, units: 1 };
    // The limit before the stock: more stock would not help this shopper.
    assert_eq!(shop.refused(&reserve("ann", "other", 2)), limit);
    // The sale before the limit, a wrong number before the sale, the key before everything.
    shop.set_selling(Selling::Paused);
    assert_eq!(shop.refused(&reserve("ann", "other", 2)), Rejection::SalePaused);
    assert_eq!(shop.refused(&reserve("ann", "other", 0)), Rejection::QuantityZero);
    assert_eq!(shop.refused(&reserve("ann", "k", 0)), other_quantity);
    // A payment under way before the cap of an extension.
    let id = shop.view(&reserve("ann", "k", 1)).reservation;
    shop.view(&begin("ann", id));
    assert_eq!(shop.refused(&extend("ann", id)), Rejection::PaymentInProgress);
}

#[test]
fn a_sale_that_is_not_open_or_paused_or_closed_reserves_nothing() {
    let mut shop = Shop::unopened();
    shop.stock(&Command::Open { terms: terms(), on_hand: 1 });
    assert_eq!(shop.refused(&reserve("ann", "k", 1)), Rejection::SaleNotOpen);
    for (selling, rejection) in
        [(Selling::Paused, Rejection::SalePaused), (Selling::Closed, Rejection::SaleClosed)]
    {
        shop.set_selling(selling);
        assert_eq!(shop.refused(&reserve("ann", "k", 1)), rejection);
    }
}

#[test]
fn a_closed_sale_stays_closed_but_what_is_reserved_can_still_be_paid() {
    let mut shop = Shop::selling(1);
    let id = shop.reserve("ann", "k", 1);
    shop.set_selling(Selling::Closed);
    let reopen = Command::SetSelling { selling: Selling::Open, phase_number: 9 };
    assert_eq!(shop.refused(&reopen), Rejection::SaleClosed);
    shop.view(&begin("ann", id));
    assert_eq!(shop.view(&allocate(id, 1, 1999)).state, ReservationState::Allocated);
}

#[test]
fn stock_is_never_withdrawn_below_what_is_reserved_and_allocated() {
    let mut shop = Shop::selling(4);
    shop.bought("ann");
    shop.reserve("bob", "k", 1);
    assert_eq!(
        shop.refused(&withdraw("w1", 3)),
        Rejection::WithdrawExceedsAvailable { available: 2 }
    );
    assert_eq!(shop.stock(&withdraw("w1", 2)).on_hand, 2);
    assert_eq!(
        shop.refused(&withdraw("w2", 1)),
        Rejection::WithdrawExceedsAvailable { available: 0 }
    );
}

#[test]
fn a_change_of_stock_is_made_once_per_key() {
    let mut shop = Shop::selling(4);
    assert_eq!(shop.stock(&restock("k", 2)).on_hand, 6);
    assert_eq!(shop.stock(&restock("k", 2)).on_hand, 6);
    let different = Rejection::ExistsWithDifferentAdjustment;
    assert_eq!(shop.refused(&restock("k", 3)), different);
    assert_eq!(shop.refused(&withdraw("k", 2)), different);
}

#[test]
fn a_change_of_stock_is_at_least_one_unit_and_fits() {
    let mut shop = Shop::selling(4);
    assert_eq!(shop.refused(&restock("k", 0)), Rejection::QuantityZero);
    assert_eq!(shop.refused(&withdraw("k", 0)), Rejection::QuantityZero);
    assert_eq!(shop.refused(&restock("k", u32::MAX - 3)), Rejection::QuantityTooLarge);
    assert_eq!(shop.stock(&restock("k", u32::MAX - 4)).on_hand, u32::MAX);
}

#[test]
fn restocking_ends_a_sold_out_sale_being_sold_out() {
    let mut shop = Shop::selling(1);
    shop.bought("ann");
    assert_eq!(shop.refused(&reserve("bob", "k", 1)), Rejection::SoldOut);
    shop.stock(&restock("r", 1));
    shop.reserve("bob", "k", 1);
}

#[test]
fn few_are_left_from_a_tenth_on() {
    let mut shop = Shop::selling(20);
    let mut bands = Vec::new();
    for n in 0..20 {
        bands.push(shop.look().band);
        shop.reserve(&format!("shopper-{n}"), "k", 1);
    }
    let few = [StockBand::FewLeft; 2].to_vec();
    assert_eq!(bands, [[StockBand::InStock; 18].to_vec(), few].concat());
    assert_eq!(shop.look().band, StockBand::AllReserved);
}

#[test]
fn every_rejection_is_listed_once_and_named_as_on_the_wire() {
    let names: BTreeSet<_> = every_rejection().iter().map(rejection_name).collect();
    assert_eq!(names.len(), every_rejection().len());
    for rejection in every_rejection() {
        let json = serde_json::to_value(&rejection).unwrap();
        let spelled = match &json {
            Value::String(name) => name,
            Value::Object(fields) => fields.keys().next().unwrap(),
            other => panic!("a rejection is a name, or a name and its fields: {other}"),
        };
        assert_eq!(spelled, rejection_name(&rejection));
        assert_eq!(serde_json::from_value::<Rejection>(json).unwrap(), rejection);
    }
}

#[test]
fn only_what_time_or_others_may_make_a_yes_of_is_worth_sending_again() {
    let transient: Vec<_> = every_rejection().into_iter().filter(Rejection::is_transient).collect();
    assert_eq!(
        transient,
        [
            Rejection::WithdrawExceedsAvailable { available: 1 },
            Rejection::ReservationWaiting,
            Rejection::PaymentInProgress,
            Rejection::SaleNotOpen,
            Rejection::SalePaused,
            Rejection::AllReserved,
            Rejection::ExceedsAvailable { available: 1 },
        ]
    );
}

#[test]
fn time_does_not_run_backwards_when_the_clock_does() {
    let mut shop = Shop::selling(1);
    let first = shop.view(&reserve("ann", "k", 1));
    shop.now = 0;
    shop.view(&release("ann", first.reservation));
    let second = shop.view(&reserve("bob", "k", 1));
    assert_eq!(second.expires_at, first.expires_at);
    let batch = shop.inventory.decide_batch([], Timestamp::from_millis(0)).unwrap();
    assert_eq!(batch.at, Timestamp::from_millis(START));
}

#[test]
fn an_event_that_is_dated_before_the_newest_is_refused() {
    let mut shop = Shop::selling(1);
    let paused = Event::SellingSet { selling: Selling::Paused, phase_number: 2 };
    let earlier = Timestamp::from_millis(START.checked_sub(1).unwrap());
    let refused = shop.inventory.apply(&paused, earlier).unwrap_err();
    assert_eq!(refused.reason, "it is older than what it follows");
}

#[test]
fn terms_under_which_nothing_could_be_sold_are_refused() {
    let zero = Millis::new(0);
    let dear = Money { minor: MINOR_MAX, ..terms().unit_price };
    let shipped = |flat| ChargeRules { shipping_minor: Some(flat), ..ChargeRules::default() };
    let impossible = [
        Terms { per_shopper_max: 0, ..terms() },
        Terms { unit_price: dear, ..terms() },
        Terms { reservation_ttl_ms: zero, ..terms() },
        Terms { payment_window_ms: zero, ..terms() },
        Terms { reservation_max_ms: Millis::new(99), ..terms() },
        Terms { charges: Box::new(shipped(MINOR_MAX - 3_997)), ..terms() },
        Terms { charges: Box::new(shipped(MINOR_MAX + 1)), ..terms() },
    ];
    for terms in impossible {
        let mut shop = Shop::unopened();
        let open = Command::Open { terms, on_hand: 1 };
        assert!(matches!(shop.refused(&open), Rejection::TermsInvalid { .. }), "{open:?}");
    }
    let dear = Terms { unit_price: dear, per_shopper_max: 1, ..terms() };
    let mut shop = Shop::unopened();
    shop.stock(&Command::Open { terms: dear, on_hand: 1 });
    let dear = Terms { charges: Box::new(shipped(MINOR_MAX - 3_998)), ..terms() };
    let mut shop = Shop::unopened();
    shop.stock(&Command::Open { terms: dear, on_hand: 1 });
}

#[test]
fn what_was_opened_is_never_not_open_again() {
    let mut shop = Shop::selling(1);
    let late = Command::SetSelling { selling: Selling::NotOpen, phase_number: 0 };
    assert_eq!(shop.stock(&late).selling, Selling::Open);
    assert_eq!(shop.events, []);
}

#[test]
fn of_two_orders_the_later_one_counts_whichever_comes_first() {
    let mut shop = Shop::selling(1);
    let order = |selling, phase_number| Command::SetSelling { selling, phase_number };
    assert_eq!(shop.stock(&order(Selling::Open, 4)).selling, Selling::Open);
    assert_eq!(shop.stock(&order(Selling::Paused, 3)).selling, Selling::Open, "it was overtaken");
    assert_eq!(shop.events, []);
    assert_eq!(shop.stock(&order(Selling::Paused, 5)).selling, Selling::Paused);
    assert_eq!(shop.stock(&order(Selling::Open, 4)).selling, Selling::Paused);
}

#[test]
fn who_reserves_and_gives_back_in_a_loop_comes_to_an_end() {
    let mut shop = Shop::selling(9);
    for number in 0..22 {
        let id = shop.reserve("ann", &format!("key-{number}"), 1);
        shop.view(&release("ann", id));
    }
    let enough = Rejection::ReservationsMaxReached { reservations_max: 22 };
    assert_eq!(shop.refused(&reserve("ann", "one-more", 1)), enough);
    shop.accepted(&reserve("ann", "key-7", 1));
    shop.reserve("bob", "first", 1);
}

#[test]
fn a_repeated_change_of_stock_gets_its_first_answer_whatever_was_sold_since() {
    let mut shop = Shop::selling(3);
    let first = shop.stock(&restock("k", 2));
    let taken = shop.stock(&withdraw("l", 1));
    shop.bought("ann");
    shop.reserve("bob", "k", 1);
    assert_eq!(shop.stock(&restock("k", 2)), first);
    assert_eq!(shop.stock(&withdraw("l", 1)), taken);
    assert_eq!(shop.look().on_hand, 4);
}

#[test]
fn a_mass_expiry_is_taken_in_parts_and_loses_nothing() {
    let mut shop = Shop::unopened();
    shop.stock(&Command::Open { terms: terms(), on_hand: 5_000 });
    shop.set_selling(Selling::Open);
    let crowd: Vec<Command> =
        (0..5_000).map(|n| reserve(&format!("shopper {n}"), "k", 1)).collect();
    let now = Timestamp::from_millis(START);
    shop.inventory.decide_batch(&crowd, now).unwrap();
    let late = Timestamp::from_millis(START + 100);
    let first = shop.inventory.decide_batch([], late).unwrap();
    assert_eq!(first.events.len(), 4_096);
    assert!(shop.inventory.next_timeout() <= Some(late), "the rest is due still");
    assert_eq!(shop.inventory.decide_batch([], late).unwrap().events.len(), 904);
    assert_eq!(shop.inventory.stock().unwrap().available, 5_000);
}

#[test]
fn the_same_key_for_another_reason_is_another_act() {
    let mut shop = Shop::selling(1);
    shop.stock(&restock("k", 1));
    let reason = AdjustmentReason::try_from("found a box".to_owned()).unwrap();
    let other = Command::Restock { key: name("k"), units: 1, reason: reason.clone() };
    assert_eq!(shop.refused(&other), Rejection::ExistsWithDifferentAdjustment);
    shop.stock(&withdraw("w", 1));
    let other = Command::Withdraw { key: name("w"), units: 1, reason };
    assert_eq!(shop.refused(&other), Rejection::ExistsWithDifferentAdjustment);
}
