//! What the waiting room promises, as examples.

use super::super::{Forecast, SkuOffer, Status, Turn};
use super::*;
use crate::inventory::StockBand;
use crate::machine::Machine as _;
use crate::money::{Currency, Money};

pub(super) const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(super) fn rules(admits_per_minute_max: u32) -> SaleRules {
    let currency: Currency = "EUR".parse().unwrap();
    SaleRules {
        sale: "drop".parse().unwrap(),
        title: "Drop".to_owned(),
        admits_per_minute_max,
        active_users_max: SaleRules::PEOPLE_MAX,
        order: LineOrder::Fifo,
        draw_window_ms: Millis::new(0),
        beacon: None,
        places_per_client: 10,
        challenge: false,
        per_shopper_max: 1,
        pass_ttl_ms: Millis::from_secs(300),
        reservation_ttl_ms: Millis::from_secs(60),
        reservation_max_ms: Millis::from_secs(300),
        payment_window_ms: Millis::from_secs(60),
        skus: vec![SkuOffer {
            sku: "shirt".parse().unwrap(),
            title: "Shirt".to_owned(),
            unit_price: Money { minor: 1999, currency },
        }],
        charges: Box::default(),
    }
}

pub(super) const SECRET: DrawSecret = DrawSecret::from_bytes([7; 32]);

/// A room, and what is known of its people and its stock.
pub(super) struct Scene {
    pub(super) room: WaitingRoom,
    pub(super) admission: Admission,
    pub(super) forecast: Forecast,
    pub(super) look: Look,
}

pub(super) fn at(secs: u64) -> Timestamp {
    T0.plus(Millis::from_secs(secs))
}

pub(super) fn at_ms(ms: u64) -> Timestamp {
    T0.plus(Millis::new(ms))
}

/// So many units left, of as many again as are sold or reserved.
pub(super) fn stock(available: u64, reserved: u64) -> Look {
    let band = match (available, reserved) {
        (0, 0) => StockBand::SoldOut,
        (0, _) => StockBand::AllReserved,
        _ => StockBand::InStock,
    };
    Look {
        bands: vec![SkuStatus { sku: "shirt".parse().unwrap(), band }],
        units: Units { on_hand: 1_000_000, available, reserved, unknown: false },
        ..Look::default()
    }
}

pub(super) fn plenty() -> Look {
    stock(1_000_000, 0)
}

impl Scene {
    pub(super) fn new(rules: &SaleRules) -> Self {
        let mut scene = Self {
            room: WaitingRoom::default(),
            admission: Admission::new(rules),
            forecast: Forecast::default(),
            look: plenty(),
        };
        let created = scene.room.create(rules, SECRET, T0).unwrap();
        scene.happen(created, T0);
        scene
    }

    /// Open, with plenty of stock.
    pub(super) fn open(admits_per_minute_max: u32) -> Self {
        let mut scene = Self::new(&rules(admits_per_minute_max));
        scene.set_phase(Phase::Open, T0);
        scene.look(plenty(), T0);
        scene
    }

    pub(super) fn happen(&mut self, events: Vec<RoomEvent>, now: Timestamp) {
        for event in events {
            self.room.apply(&event, now).unwrap();
        }
        self.room.check_invariants().unwrap();
    }

    pub(super) fn set_phase(&mut self, phase: Phase, now: Timestamp) {
        let events = self.room.set_phase(phase, None, now).unwrap();
        self.happen(events, now);
    }

    /// Lets time do what it does up to `now`.
    pub(super) fn wait_until(&mut self, now: Timestamp) {
        while let Some(due) = self.room.next_timeout().filter(|due| *due <= now) {
            let events = self.room.handle_timeout(due);
            self.happen(events, due);
        }
    }

    /// Looks at the stock; whether it led to a write.
    pub(super) fn look(&mut self, look: Look, now: Timestamp) -> bool {
        self.look = look;
        let event = self.room.look(&mut self.admission, &self.look, now);
        let wrote = event.is_some();
        self.happen(event.into_iter().collect(), now);
        wrote
    }

    pub(super) fn status(&self, now: Timestamp) -> Status {
        self.room.status(&self.look, &self.admission, &self.forecast, now).unwrap()
    }

    pub(super) fn join_at(&mut self, now: Timestamp) -> u64 {
        let ((first, last), events) = self.room.lease(1, now).unwrap();
        assert_eq!(first, last);
        self.happen(events, now);
        first
    }

    pub(super) fn join_many(&mut self, people: u64, now: Timestamp) {
        for _ in 0..people {
            self.join_at(now);
        }
    }

    pub(super) fn turn(&self, number: u64, now: Timestamp) -> Turn {
        self.status(now).turn(number, T0, now)
    }

    pub(super) fn line(&self, now: Timestamp) -> u64 {
        self.status(now).frontier.at(now)
    }

    /// The same room, read again after a crash.
    pub(super) fn crashed(self) -> Self {
        let mut room: WaitingRoom =
            serde_json::from_str(&serde_json::to_string(&self.room).unwrap()).unwrap();
        room.wake();
        Self { room, ..self }
    }
}

#[test]
fn numbers_are_handed_out_one_by_one_with_one_write_per_block() {
    let mut scene = Scene::open(60);
    let mut writes = 0;
    for expected in 1..=2_500 {
        let ((first, last), events) = scene.room.lease(1, T0).unwrap();
        assert_eq!((first, last), (expected, expected));
        writes += events.len();
        scene.happen(events, T0);
    }
    // 8, 16, ... 2,048 positions.
    assert_eq!(writes, 9);
}

#[test]
fn an_edge_gets_as_many_as_it_wants_and_nobody_else_gets_them() {
    let mut scene = Scene::open(60);
    let mut next = 1;
    for wanted in [1, 256, 3, 100] {
        let ((first, last), events) = scene.room.lease(wanted, T0).unwrap();
        assert_eq!((first, last), (next, next + wanted - 1));
        next = last + 1;
        scene.happen(events, T0);
    }
}

#[test]
fn a_block_lasts_about_a_second_however_many_people_come() {
    for per_second in [1, 10, 100, 1_000] {
        let mut scene = Scene::open(600_000);
        let mut leases = 0_u64;
        for number in 0..30 * per_second {
            let now = at_ms(number * 1_000 / per_second);
            let (_, events) = scene.room.lease(1, now).unwrap();
            let lease = |event: &&RoomEvent| matches!(event, RoomEvent::PositionsLeased { .. });
            leases += events.iter().filter(lease).count() as u64;
            scene.happen(events, now);
        }
        assert!(leases <= 45, "{leases} leases in 30 s at {per_second} a second");
        let unused = scene.room.leased - scene.room.handed_out;
        assert!(unused <= (2 * per_second).max(BLOCK_LEN_MIN), "{unused} at {per_second}");
    }
}

#[test]
fn after_a_crash_no_number_is_handed_out_twice() {
    let mut scene = Scene::open(60);
    let before: Vec<u64> = (0..10).map(|_| scene.join_at(T0)).collect();
    let after = scene.crashed().join_at(T0);
    assert!(before.iter().all(|number| *number < after));
    assert_eq!(after, BLOCK_LEN_MIN + 2 * BLOCK_LEN_MIN + 1);
}

#[test]
fn nobody_is_let_in_before_the_stock_was_looked_at() {
    let mut scene = Scene::new(&rules(60));
    scene.set_phase(Phase::Open, T0);
    scene.join_many(10, T0);
    assert_eq!(scene.line(at(30)), 0);
    assert_eq!(scene.status(at(30)).reason, RateReason::StockUnknown);
    assert!(scene.look(plenty(), at(30)));
    assert_eq!(scene.line(at(35)), 5);
}

#[test]
fn a_line_of_people_is_admitted_at_the_rate() {
    let mut scene = Scene::open(60);
    scene.join_many(100, T0);
    assert_eq!(scene.line(at(30)), 30);
}

#[test]
fn a_quiet_hour_is_not_saved_up_for_a_rush() {
    let mut scene = Scene::open(60);
    let rush = at(3600);
    assert_eq!(scene.line(rush), 1, "one second's worth");
    scene.join_many(100, rush);
    assert_eq!(scene.line(rush), 1);
    assert_eq!(scene.line(rush.plus(Millis::from_secs(30))), 31);
    let again = scene.crashed();
    let line = again.line(rush.plus(Millis::from_secs(30)));
    assert_eq!(line, 31, "nor does a crash let the rush in");
}

#[test]
fn a_steady_trickle_costs_two_writes_a_second_at_most() {
    let mut scene = Scene::open(6_000);
    let mut writes = 0;
    for number in 0..500 {
        let now = at_ms(number * 200);
        let (_, events) = scene.room.lease(1, now).unwrap();
        writes += events.len();
        scene.happen(events, now);
    }
    assert!(writes <= 200, "{writes} writes in 100 s");
}

#[test]
fn a_sku_that_nobody_could_ask_after_is_not_called_sold_out() {
    let mut two = rules(60);
    two.skus.push(SkuOffer { sku: "cap".parse().unwrap(), ..two.skus[0].clone() });
    let mut scene = Scene::new(&two);
    scene.set_phase(Phase::Open, T0);
    let unknown = Units { unknown: true, ..stock(0, 0).units };
    scene.look(Look { units: unknown, ..stock(0, 0) }, T0);
    assert!(!scene.status(T0).is_sold_out());
    assert_eq!(scene.status(T0).reason, RateReason::StockUnknown);
}

#[test]
fn pausing_keeps_every_place_says_why_and_resuming_goes_on_from_there() {
    let mut scene = Scene::open(60);
    scene.join_many(100, T0);
    let paused = scene.room.set_phase(Phase::Paused, Some("A short break".to_owned()), at(10));
    scene.happen(paused.unwrap(), at(10));
    assert_eq!(scene.status(at(60)).why.as_deref(), Some("A short break"));
    // Two seconds are published ahead, so the line stands where it will have led by then.
    assert_eq!(scene.turn(13, at(60)), Turn::Paused { position: 13, ahead: 0 });
    scene.set_phase(Phase::Open, at(60));
    scene.look(plenty(), at(60));
    assert_eq!(scene.status(at(61)).why, None);
    assert!(matches!(scene.turn(13, at(61)), Turn::Admitted { .. }));
    assert!(matches!(scene.turn(14, at(61)), Turn::Waiting { ahead: 0, .. }));
}

#[test]
fn nobody_is_admitted_while_everything_is_reserved_and_all_are_told_when_it_is_sold() {
    let mut scene = Scene::open(60);
    scene.join_many(100, T0);
    assert!(scene.look(stock(0, 50), at(10)));
    assert!(!scene.look(stock(0, 50), at(11)), "it is known");
    assert_eq!(scene.status(at(11)).reason, RateReason::AllReserved);
    assert_eq!(
        scene.turn(50, at(30)),
        Turn::AllReserved { position: 50, ahead: 37, beyond_stock: false }
    );
    let before = scene.look.clone();
    scene.look = stock(0, 0);
    assert_eq!(scene.turn(50, at(30)), Turn::SoldOut);
    assert_eq!(scene.status(at(30)).check_joining(Some(1), 0), Err(RoomRejection::SoldOut));
    scene.look = before;
    assert!(scene.look(stock(500, 10), at(40)), "some came back");
    assert!(matches!(scene.turn(13, at(41)), Turn::Admitted { .. }));
    assert!(matches!(scene.turn(20, at(41)), Turn::Waiting { .. }));
}

#[test]
fn a_closed_sale_stays_closed() {
    let mut scene = Scene::open(60);
    scene.set_phase(Phase::Closed, T0);
    assert_eq!(scene.room.lease(1, T0), Err(RoomRejection::Closed));
    assert_eq!(
        scene.room.set_phase(Phase::Open, None, T0),
        Err(RoomRejection::PhaseOrder { from: Phase::Closed, to: Phase::Open })
    );
}

#[test]
fn polls_are_spread_and_no_sooner_than_a_second_unless_the_turn_is() {
    let mut scene = Scene::open(60);
    scene.join_many(300, T0);
    let poll = |number, now| {
        let status = scene.status(now);
        status.next_poll(number, &status.turn(number, T0, now), now).get()
    };
    let polls: Vec<u64> = (3..200).map(|number| poll(number, T0)).collect();
    assert!(polls.iter().all(|ms| (1_000..=25_000).contains(ms)));
    assert!((100..=125).contains(&poll(1, at_ms(900))));
    assert!(polls.windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn nobody_is_let_in_by_an_old_status_past_somebody_who_asks_an_edge_with_a_new_one() {
    for (people, change_at) in [(0, 10_000), (5, 10_000), (100, 10_000), (100, 10_500)] {
        let mut scene = Scene::open(600);
        scene.join_many(people, T0);
        let old = scene.status(at_ms(change_at - 900));
        scene.join_many(50, at_ms(change_at - 100));
        scene.look(stock(0, 50), at_ms(change_at));
        for ms in (change_at..change_at + 5_000).step_by(50) {
            let new = scene.status(at_ms(ms));
            let (old_line, new_line) = (old.frontier.at(at_ms(ms)), new.frontier.at(at_ms(ms)));
            assert!(old_line <= new_line, "{people}: {old_line} > {new_line} after {ms} ms");
        }
    }
}

#[test]
fn who_joins_a_line_that_stands_costs_no_write_beside_the_lease() {
    let mut scene = Scene::open(10_000);
    scene.join_at(T0);
    scene.set_phase(Phase::Paused, at(60));
    for _ in 0..200 {
        let (_, events) = scene.room.lease(1, at(61)).unwrap();
        assert!(events.iter().all(|event| matches!(event, RoomEvent::PositionsLeased { .. })));
        scene.happen(events, at(61));
    }
}

#[test]
fn a_line_that_stops_and_goes_on_again_and_again_admits_no_more_than_its_rate() {
    let mut scene = Scene::open(600);
    scene.join_many(1_000, T0);
    for secs in 1..=9 {
        let look = if secs % 2 == 0 { plenty() } else { stock(0, 50) };
        scene.look(look, at(secs));
        let admitted = scene.status(at(secs)).frontier.at(at(secs));
        // What it promised for two seconds ahead, it may have kept.
        assert!(admitted <= 10 * (secs + 2), "{admitted} after {secs} s");
    }
}

#[test]
fn the_phases_are_numbered_so_that_of_two_orders_the_later_is_known() {
    let mut scene = Scene::open(60);
    assert_eq!(scene.room.phase_number(), 1);
    scene.set_phase(Phase::Paused, T0);
    assert_eq!(scene.room.phase_number(), 2);
    let again = scene.room.set_phase(Phase::Paused, None, T0);
    assert_eq!(again, Ok(Vec::new()), "a repeat is no new order");
}
