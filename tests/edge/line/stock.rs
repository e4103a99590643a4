//! Who is admitted follows from what is left.

use std::thread::sleep;
use std::time::Duration;

use doorbuster_domain::time::Timestamp;
use doorbuster_tests::{SKU, Sale, Shopper, eventually, fifo, now};
use doorbuster_wire::merchant::{SaleRequest, SaleState, Stock, StockRequest};
use doorbuster_wire::problem::ProblemKind;

use crate::shop;

/// Longer than any cache of the edge or of the room keeps what it knows.
const SETTLES: Duration = Duration::from_millis(3_500);

/// Two people in front of one unit: the first is admitted, the second waits.
fn two_in_front_of_one<'s>(sale: &'s Sale<'s>) -> (Shopper<'s>, Shopper<'s>) {
    let mut ann = Shopper::joined(sale);
    let bob = Shopper::joined(sale);
    ann.wait_for_turn();
    stays(&bob, "waiting");
    (ann, bob)
}

/// For as long as anything could still be on its way, somebody is told the same.
fn stays(shopper: &Shopper<'_>, state: &str) {
    let began = now();
    while Duration::from_millis(now().since(began).get()) < SETTLES {
        let turn = shopper.poll();
        assert_eq!((&*turn.state, turn.pass), (state, None));
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn who_leaves_makes_room_for_the_next_in_line() {
    let sale = Sale::open(shop(), 1, &fifo());
    let (ann, mut bob) = two_in_front_of_one(&sale);
    assert_eq!(ann.leave().state, "left");
    bob.wait_for_turn();
    bob.hold("k", 1);
    assert_eq!(sale.counts(), (1, 1, 0));
}

#[test]
fn who_releases_a_reservation_makes_room_for_the_next_in_line() {
    let sale = Sale::open(shop(), 1, &fifo());
    let (ann, mut bob) = two_in_front_of_one(&sale);
    let held = ann.hold("k", 1);
    let told = bob.wait_until("all_reserved");
    assert_eq!((told.pass, told.stock.as_deref()), (None, Some("all_reserved")));
    assert!(told.next_poll_ms.is_some(), "something may come back");
    ann.act("DELETE", &held.reservation, "").ok::<doorbuster_wire::shopper::Reservation>();
    bob.wait_for_turn();
    bob.buy("k", 1);
    assert_eq!(sale.counts(), (1, 0, 1));
}

#[test]
fn a_sell_out_is_told_to_everybody_who_waits_and_a_restock_lets_the_next_ones_in() {
    let sale = Sale::open(shop(), 1, &fifo());
    let mut ann = Shopper::joined(&sale);
    let waiting: Vec<_> = (0..6).map(|_| Shopper::joined(&sale)).collect();
    ann.wait_for_turn();
    ann.buy("k", 1);
    let sold_at = now();
    let told: Vec<Timestamp> = std::thread::scope(|scope| {
        let told = waiting.iter().map(|one| scope.spawn(|| (one.wait_until("sold_out"), now())));
        let told: Vec<_> = told.collect();
        told.into_iter()
            .map(|told| told.join().unwrap())
            .map(|(turn, at)| {
                assert_eq!((turn.pass, turn.next_poll_ms), (None, None), "nothing to wait for");
                at
            })
            .collect()
    });
    // Everybody hears of it within what a status and a look at the stock may be old; the time it
    // takes to buy or to ask is this machine's.
    let last = told.iter().max().unwrap().since(sold_at).get();
    assert!(last < 6_000, "the last one heard of it after {last} ms");
    assert_eq!(Shopper::new(&sale).join().problem(), ProblemKind::SoldOut);

    sale.adjust("found-one", 1).ok::<Stock>();
    let mut first = waiting[0].clone();
    first.wait_for_turn();
    first.buy("k", 1);
    assert_eq!(sale.counts(), (2, 0, 2));
    waiting[5].wait_until("sold_out");
    sale.verify();
}

#[test]
fn who_waits_is_told_what_is_gone_while_other_things_are_not() {
    let mut two = fifo();
    two.skus.push("MUG-SAND".to_owned());
    two.admits_per_minute_max = 6;
    let sale = Sale::draft(shop(), 1, &two);
    let other = sale.admin_path("/skus/MUG-SAND/stock");
    sale.shop.admin("PUT", &other).json(&StockRequest { on_hand: 5 }).send().ok::<Stock>();
    sale.set_phase("open").ok::<SaleState>();
    let mut buyer = Shopper::joined(&sale);
    Shopper::joined(&sale);
    let waiting = Shopper::joined(&sale);
    buyer.wait_for_turn();
    assert_eq!(waiting.poll().gone, Vec::<String>::new());
    buyer.buy("k", 1);
    let told = eventually("one of two is gone", || {
        let turn = waiting.poll();
        (!turn.gone.is_empty()).then_some(turn)
    });
    assert_eq!((&*told.state, told.gone), ("waiting", vec![SKU.to_owned()]));
    assert_eq!(told.stock.as_deref(), Some("in_stock"));
}

#[test]
fn hardly_more_people_are_admitted_than_there_is_stock_for() {
    const UNITS: u32 = 20;
    /// The last units may be offered to one more, when it seems that they are left.
    const MORE: usize = 2;
    let sale = Sale::open(shop(), UNITS, &fifo());
    let crowd: Vec<_> = (0..2 * UNITS).map(|_| Shopper::joined(&sale)).collect();
    let most = usize::try_from(UNITS).unwrap() + MORE;
    let began = now();
    let mut admitted = 0;
    while Duration::from_millis(now().since(began).get()) < SETTLES {
        admitted = crowd.iter().filter(|one| one.poll().pass.is_some()).count();
        assert!(admitted <= most, "{admitted} people for {UNITS} units");
        sleep(Duration::from_millis(300));
    }
    assert!(admitted > 0, "{:?}", sale.state().line);
}

#[test]
fn sales_at_the_same_time_do_not_disturb_each_other() {
    let mut slow = fifo();
    slow.admits_per_minute_max = 1;
    let (gone, held, quick) = (
        Sale::open(shop(), 1, &fifo()),
        Sale::open(shop(), 9, &slow),
        Sale::open(shop(), 9, &fifo()),
    );
    let buyer = Shopper::admitted(&gone);
    let late = Shopper::joined(&gone);
    buyer.buy("k", 1);
    let people: Vec<_> = (0..3).map(|_| Shopper::joined(&held)).collect();
    let mut other = buyer.also_in(&quick);
    other.wait_for_turn();
    other.hold("k", 1);
    late.wait_until("sold_out");
    assert_eq!(people[2].poll().state, "waiting");
    held.set_phase("paused").ok::<SaleState>();
    people[2].wait_until("paused");
    Shopper::admitted(&quick).hold("k", 1);
    assert_eq!((gone.counts(), held.counts(), quick.counts()), ((1, 0, 1), (9, 0, 0), (9, 2, 0)));
    let mut elsewhere = other.also_in(&held);
    elsewhere.ticket.clone_from(&other.ticket);
    let foreign = elsewhere.request("GET", &held.path("/turn")).send();
    assert_eq!(foreign.problem(), ProblemKind::TicketInvalid);
}

#[test]
fn one_address_gets_no_more_places_than_the_rules_allow() {
    let three = SaleRequest { places_per_client: 3, ..fifo() };
    let sale = Sale::open(shop(), 9, &three);
    let mut family: Vec<_> = (0..4).map(|_| Shopper::new(&sale)).collect();
    let home = family[0].source;
    for one in &mut family {
        one.source = home;
    }
    for one in &mut family[..3] {
        one.take_place();
    }
    assert_eq!(family[3].join().problem(), ProblemKind::PlacesPerClient);
    // Who has a place keeps it, and no further place counts.
    family[0].take_place();
    family[0].ticket = None;
    family[0].take_place();
    assert_eq!(family[3].join().problem(), ProblemKind::PlacesPerClient);
    Shopper::joined(&sale);
    let other = Sale::open(shop(), 9, &three);
    let mut same_home = family[3].also_in(&other);
    same_home.take_place();
    eventually("the first three are let in", || {
        family[..3].iter().all(|one| one.poll().pass.is_some()).then_some(())
    });
    assert_eq!(other.stock().sku, SKU);
}
