//! What the waiting room promises, as examples.

use super::super::Turn;
use super::*;
use crate::money::{Currency, Money};

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn rules(admits_per_minute_max: u32) -> SaleRules {
    let currency: Currency = "EUR".parse().unwrap();
    SaleRules {
        sale: "drop".parse().unwrap(),
        title: "Drop".to_owned(),
        admits_per_minute_max,
        per_shopper_max: 1,
        pass_ttl_ms: Millis::from_secs(300),
        reservation_ttl_ms: Millis::from_secs(60),
        reservation_max_ms: Millis::from_secs(300),
        payment_window_ms: Millis::from_secs(60),
        skus: vec![super::super::SkuOffer {
            sku: "shirt".parse().unwrap(),
            title: "Shirt".to_owned(),
            unit_price: Money { minor: 1999, currency },
        }],
    }
}

fn stock(band: StockBand) -> Vec<SkuStatus> {
    vec![SkuStatus { sku: "shirt".parse().unwrap(), band }]
}

fn happen(room: &mut WaitingRoom, events: Vec<RoomEvent>) {
    for event in events {
        room.apply(&event, T0).unwrap();
    }
}

fn open_room(admits_per_minute_max: u32) -> WaitingRoom {
    let mut room = WaitingRoom::default();
    let created = room.create(&rules(admits_per_minute_max)).unwrap();
    happen(&mut room, created);
    let opened = room.set_phase(Phase::Open, T0).unwrap();
    happen(&mut room, opened);
    room
}

fn join_at(room: &mut WaitingRoom, now: Timestamp) -> u64 {
    let (position, events) = room.join(now).unwrap();
    happen(room, events);
    position
}

fn join(room: &mut WaitingRoom) -> u64 {
    join_at(room, T0)
}

#[test]
fn positions_are_handed_out_one_by_one_with_one_write_per_block() {
    let mut room = open_room(60);
    let mut writes = 0;
    for expected in 1..=2_500 {
        let (position, events) = room.join(T0).unwrap();
        assert_eq!(position, expected);
        writes += events.len();
        happen(&mut room, events);
        room.check_invariants().unwrap();
    }
    // 8, 16, ... 1,024 positions: nine blocks, and no more for a rush of any length than one per
    // 1,024 people.
    assert_eq!(writes, 9);
}

#[test]
fn a_block_lasts_about_a_second_however_many_people_come() {
    for per_second in [1, 10, 100, 1_000] {
        let mut room = open_room(600_000);
        let mut leases = 0_u64;
        for number in 0..30 * per_second {
            let now = T0.plus(Millis::new(number * 1_000 / per_second));
            let (_, events) = room.join(now).unwrap();
            let lease = |event: &&RoomEvent| matches!(event, RoomEvent::PositionsLeased { .. });
            leases += events.iter().filter(lease).count() as u64;
            happen(&mut room, events);
        }
        assert!(leases <= 45, "{leases} leases in 30 s at {per_second} a second");
        let unused = room.leased - room.handed_out;
        assert!(unused <= (2 * per_second).max(BLOCK_LEN_MIN), "{unused} at {per_second}");
    }
}

#[test]
fn after_a_crash_no_position_is_handed_out_twice() {
    let mut room = open_room(60);
    let before: Vec<u64> = (0..10).map(|_| join(&mut room)).collect();
    let mut again: WaitingRoom =
        serde_json::from_str(&serde_json::to_string(&room).unwrap()).unwrap();
    again.wake();
    let after = join(&mut again);
    assert!(before.iter().all(|position| *position < after));
    assert_eq!(after, BLOCK_LEN_MIN + 2 * BLOCK_LEN_MIN + 1);
}

#[test]
fn a_line_of_people_is_admitted_at_the_rate() {
    let mut room = open_room(60);
    for _ in 0..100 {
        join(&mut room);
    }
    let status = room.status(stock(StockBand::InStock), T0.plus(Millis::from_secs(30))).unwrap();
    assert_eq!(status.frontier.line.value, 30);
}

#[test]
fn a_quiet_hour_is_not_saved_up_for_a_rush() {
    let mut room = open_room(60);
    let rush = T0.plus(Millis::from_secs(3600));
    let status = room.status(stock(StockBand::InStock), rush).unwrap();
    assert_eq!(status.frontier.line.value, 1, "one second's worth");
    for _ in 0..100 {
        join_at(&mut room, rush);
    }
    let admitted = |room: &WaitingRoom, secs| {
        let now = rush.plus(Millis::from_secs(secs));
        room.status(stock(StockBand::InStock), now).unwrap().frontier.line.value
    };
    assert_eq!(admitted(&room, 0), 1);
    assert_eq!(admitted(&room, 30), 31);
    let mut again: WaitingRoom =
        serde_json::from_str(&serde_json::to_string(&room).unwrap()).unwrap();
    again.wake();
    assert_eq!(admitted(&again, 30), 31, "nor does a crash let the rush in");
}

#[test]
fn a_steady_trickle_costs_two_writes_a_second_at_most() {
    let mut room = open_room(6_000);
    let mut writes = 0;
    for number in 0..500 {
        let now = T0.plus(Millis::new(number * 200));
        let (_, events) = room.join(now).unwrap();
        writes += events.len();
        happen(&mut room, events);
    }
    assert!(writes <= 200, "{writes} writes in 100 s");
}

#[test]
fn a_sku_that_nobody_could_ask_after_is_not_called_sold_out() {
    let mut two = rules(60);
    two.skus.push(super::super::SkuOffer { sku: "cap".parse().unwrap(), ..two.skus[0].clone() });
    let mut room = WaitingRoom::default();
    let created = room.create(&two).unwrap();
    happen(&mut room, created);
    let opened = room.set_phase(Phase::Open, T0).unwrap();
    happen(&mut room, opened);
    assert_eq!(room.handle_stock(&stock(StockBand::SoldOut), T0), None);
    assert!(!room.status(stock(StockBand::SoldOut), T0).unwrap().is_sold_out());
}

#[test]
fn pausing_keeps_every_place_and_resuming_goes_on_from_there() {
    let mut room = open_room(60);
    for _ in 0..100 {
        join(&mut room);
    }
    let at = |secs| T0.plus(Millis::from_secs(secs));
    let paused = room.set_phase(Phase::Paused, at(10)).unwrap();
    happen(&mut room, paused);
    let status = room.status(stock(StockBand::InStock), at(60)).unwrap();
    // Two seconds are published ahead, so the line stands where it will have led by then.
    assert_eq!(status.turn(13, at(60)), Turn::Paused { ahead: 0 });
    let resumed = room.set_phase(Phase::Open, at(60)).unwrap();
    happen(&mut room, resumed);
    let status = room.status(stock(StockBand::InStock), at(61)).unwrap();
    assert_eq!(status.turn(13, at(61)), Turn::Admitted);
    assert!(matches!(status.turn(14, at(61)), Turn::Waiting { ahead: 0, .. }));
}

#[test]
fn nobody_is_admitted_while_everything_is_reserved_and_all_are_told_when_it_is_sold() {
    let mut room = open_room(60);
    for _ in 0..100 {
        join(&mut room);
    }
    let at = |secs| T0.plus(Millis::from_secs(secs));
    let held = room.handle_stock(&stock(StockBand::AllReserved), at(10));
    happen(&mut room, held.into_iter().collect());
    assert_eq!(room.handle_stock(&stock(StockBand::AllReserved), at(11)), None);
    let status = room.status(stock(StockBand::AllReserved), at(30)).unwrap();
    assert_eq!(status.turn(50, at(30)), Turn::AllReserved { ahead: 37 });
    let status = room.status(stock(StockBand::SoldOut), at(30)).unwrap();
    assert_eq!(status.turn(50, at(30)), Turn::SoldOut);
    assert_eq!(status.check_joining(), Err(RoomRejection::SoldOut));
    let again = room.handle_stock(&stock(StockBand::FewLeft), at(40));
    happen(&mut room, again.into_iter().collect());
    let status = room.status(stock(StockBand::FewLeft), at(41)).unwrap();
    assert_eq!(status.turn(13, at(41)), Turn::Admitted);
    assert!(matches!(status.turn(14, at(41)), Turn::Waiting { ahead: 0, .. }));
}

#[test]
fn a_closed_sale_stays_closed() {
    let mut room = open_room(60);
    let closed = room.set_phase(Phase::Closed, T0).unwrap();
    happen(&mut room, closed);
    assert_eq!(room.join(T0), Err(RoomRejection::Closed));
    assert_eq!(
        room.set_phase(Phase::Open, T0),
        Err(RoomRejection::PhaseOrder { from: Phase::Closed, to: Phase::Open })
    );
}

#[test]
fn polls_are_spread_and_no_sooner_than_a_second_unless_the_turn_is() {
    let room = open_room(60);
    let status = room.status(stock(StockBand::InStock), T0).unwrap();
    let polls: Vec<u64> = (3..200).map(|p| status.next_poll(p, T0).get()).collect();
    assert!(polls.iter().all(|ms| (1_000..=25_000).contains(ms)));
    let soon = T0.plus(Millis::new(900));
    assert!((100..=125).contains(&status.next_poll(1, soon).get()));
    assert!(polls.windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn nobody_is_let_in_by_an_old_status_past_somebody_who_asks_an_edge_with_a_new_one() {
    let full = || stock(StockBand::InStock);
    let taken = || stock(StockBand::AllReserved);
    for (people, change_at) in [(0, 10_000), (5, 10_000), (100, 10_000), (100, 10_500)] {
        let mut room = open_room(600);
        for _ in 0..people {
            join(&mut room);
        }
        let at = |ms| T0.plus(Millis::new(ms));
        let old = room.status(full(), at(change_at - 900)).unwrap();
        for _ in 0..50 {
            join_at(&mut room, at(change_at - 100));
        }
        let held = room.handle_stock(&taken(), at(change_at));
        happen(&mut room, held.into_iter().collect());
        for ms in (change_at..change_at + 5_000).step_by(50) {
            let new = room.status(taken(), at(ms)).unwrap();
            let (old_line, new_line) = (old.frontier.at(at(ms)), new.frontier.at(at(ms)));
            assert!(old_line <= new_line, "{people}: {old_line} > {new_line} after {ms} ms");
        }
    }
}

#[test]
fn who_joins_a_line_that_stands_costs_no_write_beside_the_lease() {
    let mut room = open_room(10_000);
    join(&mut room);
    let paused = room.set_phase(Phase::Paused, T0.plus(Millis::from_secs(60))).unwrap();
    happen(&mut room, paused);
    for _ in 0..200 {
        let (_, events) = room.join(T0.plus(Millis::from_secs(61))).unwrap();
        assert!(events.iter().all(|event| matches!(event, RoomEvent::PositionsLeased { .. })));
        happen(&mut room, events);
    }
}

#[test]
fn a_line_that_stops_and_goes_on_again_and_again_admits_no_more_than_its_rate() {
    let mut room = open_room(600);
    for _ in 0..1_000 {
        join(&mut room);
    }
    for secs in 1..=30 {
        let now = T0.plus(Millis::from_secs(secs));
        let band = if secs % 2 == 0 { StockBand::InStock } else { StockBand::AllReserved };
        let turned = room.handle_stock(&stock(band), now);
        happen(&mut room, turned.into_iter().collect());
        let admitted = room.status(stock(band), now).unwrap().frontier.at(now);
        // What it promised for two seconds ahead, it may have kept.
        assert!(admitted <= 10 * (secs + 2), "{admitted} after {secs} s");
    }
}

#[test]
fn the_phases_are_numbered_so_that_of_two_orders_the_later_is_known() {
    let mut room = open_room(60);
    assert_eq!(room.phase_number(), 1);
    let paused = room.set_phase(Phase::Paused, T0).unwrap();
    happen(&mut room, paused);
    assert_eq!(room.phase_number(), 2);
    assert_eq!(room.set_phase(Phase::Paused, T0), Ok(Vec::new()), "a repeat is no new order");
}

#[test]
fn rules_under_which_nothing_could_be_sold_are_refused_by_name() {
    let offer = rules(60).skus[0].clone();
    let dear = Money { minor: crate::money::MINOR_MAX, ..offer.unit_price };
    let wrong = [
        ("title", None, SaleRules { title: "  ".to_owned(), ..rules(60) }),
        ("skus", None, SaleRules { skus: Vec::new(), ..rules(60) }),
        ("skus", Some(1), SaleRules { skus: vec![offer.clone(), offer.clone()], ..rules(60) }),
        ("admits_per_minute_max", None, rules(0)),
        ("per_shopper_max", None, SaleRules { per_shopper_max: 1_001, ..rules(60) }),
        ("pass_ttl_ms", None, SaleRules { pass_ttl_ms: Millis::new(0), ..rules(60) }),
        (
            "reservation_ttl_ms",
            None,
            SaleRules { reservation_ttl_ms: Millis::from_secs(301), ..rules(60) },
        ),
        (
            "skus",
            Some(0),
            SaleRules {
                per_shopper_max: 2,
                skus: vec![super::super::SkuOffer { unit_price: dear, ..offer }],
                ..rules(60)
            },
        ),
    ];
    for (rule, place, rules) in wrong {
        let refused = WaitingRoom::default().create(&rules);
        let Err(RoomRejection::RulesInvalid(invalid)) = refused else {
            panic!("{rule}: {refused:?}")
        };
        assert_eq!((invalid.rule.as_str(), invalid.place), (rule, place));
    }
}
