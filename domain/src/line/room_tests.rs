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
    assert_eq!(status.frontier.value, 30);
}

#[test]
fn a_quiet_hour_is_not_saved_up_for_a_rush() {
    let mut room = open_room(60);
    let rush = T0.plus(Millis::from_secs(3600));
    let status = room.status(stock(StockBand::InStock), rush).unwrap();
    assert_eq!(status.frontier.value, 1, "one second's worth");
    for _ in 0..100 {
        join_at(&mut room, rush);
    }
    let admitted = |room: &WaitingRoom, secs| {
        let now = rush.plus(Millis::from_secs(secs));
        room.status(stock(StockBand::InStock), now).unwrap().frontier.value
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
    assert_eq!(status.turn(11, at(60)), Turn::Paused { ahead: 0 });
    let resumed = room.set_phase(Phase::Open, at(60)).unwrap();
    happen(&mut room, resumed);
    let status = room.status(stock(StockBand::InStock), at(61)).unwrap();
    assert_eq!(status.turn(11, at(61)), Turn::Admitted);
    assert!(matches!(status.turn(12, at(61)), Turn::Waiting { ahead: 0, .. }));
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
    assert_eq!(status.turn(50, at(30)), Turn::AllReserved { ahead: 39 });
    let status = room.status(stock(StockBand::SoldOut), at(30)).unwrap();
    assert_eq!(status.turn(50, at(30)), Turn::SoldOut);
    assert_eq!(status.check_joining(), Err(RoomRejection::SoldOut));
    let again = room.handle_stock(&stock(StockBand::FewLeft), at(40));
    happen(&mut room, again.into_iter().collect());
    let status = room.status(stock(StockBand::FewLeft), at(41)).unwrap();
    assert_eq!(status.turn(11, at(41)), Turn::Admitted);
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
