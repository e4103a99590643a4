//! The waiting room, driven as the object in `durable/` drives it, but for the storage.

use doorbuster_domain::id::{SaleId, Sku};
use doorbuster_domain::inventory::StockView;
use doorbuster_domain::line::{
    Admission, AdmissionView, DrawSecret, Forecast, Health, LineOrder, Look, Phase, Rate, Report,
    RoomEvent, SaleRules, Schedule, SkuOffer, SkuStatus, Status, Units, WaitingRoom,
};
use doorbuster_domain::machine::Machine as _;
use doorbuster_domain::money::Money;
use doorbuster_domain::time::{Millis, Timestamp};

use crate::calendar::Ms;
use crate::shape::Shape;

/// Places that one address range may have.
const PLACES_PER_CLIENT: u32 = 4;

/// When the run began, by the room's clock.
const BEGAN: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A moment by the room's clock.
pub const fn moment(at: Ms) -> Timestamp {
    BEGAN.plus(Millis::new(at as u64))
}

/// The same as virtual time.
pub fn ms(at: Timestamp) -> Ms {
    at.since(BEGAN).get() as Ms
}

fn named<T: std::str::FromStr>(name: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    name.parse().unwrap()
}

/// The rules under which a shape's sale goes.
pub fn rules(shape: &Shape) -> SaleRules {
    let secs = |secs: u32| Millis::from_secs(u64::from(secs));
    SaleRules {
        sale: named::<SaleId>("drop"),
        title: "Drop".to_owned(),
        admits_per_minute_max: shape.admits_per_minute_max,
        active_users_max: shape.active_users_max.unwrap_or(SaleRules::PEOPLE_MAX),
        order: LineOrder::Fifo,
        draw_window_ms: Millis::new(0),
        beacon: None,
        places_per_client: PLACES_PER_CLIENT,
        challenge: false,
        per_shopper_max: 1,
        pass_ttl_ms: secs(shape.pass_ttl_secs),
        reservation_ttl_ms: secs(shape.reservation_ttl_secs),
        reservation_max_ms: secs(shape.reservation_ttl_secs),
        payment_window_ms: secs(600),
        skus: vec![SkuOffer {
            sku: named::<Sku>("shirt"),
            title: "Shirt".to_owned(),
            unit_price: Money { minor: 1_999, currency: named("EUR") },
        }],
        charges: Box::default(),
    }
}

/// The room.
#[derive(Debug)]
pub struct Room {
    machine: WaitingRoom,
    admission: Admission,
    forecast: Forecast,
    look: Look,
    stock_seen_at: Timestamp,
    knows_stock: bool,
    /// Entries of the journal, and those of them that lease positions.
    pub writes: u32,
    pub lease_writes: u32,
}

impl Room {
    /// The room of a sale that was just created.
    pub fn new(rules: &SaleRules, secret: [u8; 32]) -> Self {
        let mut room = Self {
            machine: WaitingRoom::default(),
            admission: Admission::new(rules),
            forecast: Forecast::default(),
            look: Look::default(),
            stock_seen_at: Timestamp::default(),
            knows_stock: false,
            writes: 0,
            lease_writes: 0,
        };
        room.look.units.unknown = true;
        let created =
            room.machine.create(rules, DrawSecret::from_bytes(secret), moment(0)).unwrap();
        room.append(created, moment(0));
        room
    }

    fn append(&mut self, events: Vec<RoomEvent>, at: Timestamp) {
        if events.is_empty() {
            return;
        }
        self.writes += 1;
        let leases = |event: &RoomEvent| matches!(event, RoomEvent::PositionsLeased { .. });
        self.lease_writes += u32::from(events.iter().any(leases));
        for event in events {
            self.machine.apply(&event, at).unwrap();
        }
    }

    /// Does what time has brought about.
    fn catch_up(&mut self, now: Timestamp) {
        loop {
            let due = self.machine.handle_timeout(now);
            if due.is_empty() {
                return;
            }
            self.append(due, now);
        }
    }

    /// When the alarm is to go off.
    pub fn next_timeout(&self) -> Option<Ms> {
        self.machine.next_timeout().map(ms)
    }

    /// The alarm goes off.
    pub fn timeout(&mut self, now: Ms) {
        self.catch_up(moment(now));
    }

    /// Says when the line and the sale open.
    pub fn schedule(&mut self, prequeue_at: Ms, opens_at: Ms) {
        let schedule = Schedule { prequeue_at: moment(prequeue_at), opens_at: moment(opens_at) };
        let events = self.machine.set_schedule(schedule, moment(0)).unwrap();
        self.append(events, moment(0));
    }

    /// The merchant takes the sale to another phase.
    pub fn set_phase(&mut self, phase: Phase, now: Ms) {
        self.catch_up(moment(now));
        let events = self.machine.set_phase(phase, None, moment(now)).unwrap();
        self.append(events, moment(now));
    }

    /// Takes note of an edge's report. Whether the stock is to be looked at.
    pub fn note(&mut self, report: &Report, now: Ms) -> bool {
        let now = moment(now);
        self.catch_up(now);
        self.admission.note(report, now);
        let wanted = now.since(self.stock_seen_at) >= self.look.fresh_for();
        if wanted {
            self.stock_seen_at = now;
        }
        wanted
    }

    pub const fn knows_stock(&self) -> bool {
        self.knows_stock
    }

    /// Takes note of the stock. Whether it led to another rate.
    pub fn seen(&mut self, view: &StockView, took: Ms, now: Ms) {
        let now = moment(now);
        self.catch_up(now);
        self.knows_stock = true;
        self.look = Look {
            bands: vec![SkuStatus { sku: view.terms.sku.clone(), band: view.band }],
            units: Units {
                on_hand: view.on_hand.into(),
                available: view.available.into(),
                reserved: view.reserved.into(),
                unknown: false,
            },
            health: Health {
                look: Millis::new(took.into()),
                unanswered: 0,
                orders_unsettled: view.orders_unsettled,
            },
        };
        let event = self.machine.look(&mut self.admission, &self.look, now);
        self.append(event.into_iter().collect(), now);
        self.machine.follow_forecast(&mut self.forecast, now);
    }

    /// What an edge is answered.
    pub fn status(&mut self, now: Ms) -> Status {
        self.catch_up(moment(now));
        self.status_at(now)
    }

    /// The same without anything happening.
    pub fn status_at(&self, now: Ms) -> Status {
        self.machine.status(&self.look, &self.admission, &self.forecast, moment(now)).unwrap()
    }

    /// Hands numbers out; none if nobody can join.
    pub fn lease(&mut self, wanted: u64, now: Ms) -> Option<(u64, u64)> {
        let now = moment(now);
        self.catch_up(now);
        let (block, events) = self.machine.lease(wanted, now).ok()?;
        self.append(events, now);
        Some(block)
    }

    pub const fn phase(&self) -> (Phase, u64) {
        (self.machine.phase(), self.machine.phase_number())
    }

    /// What the merchant is told of the line.
    pub fn view(&self, now: Ms) -> (Rate, AdmissionView) {
        (self.machine.rate().0, self.machine.admission_view(&self.admission, moment(now)))
    }

    pub const fn handed_out(&self) -> u64 {
        self.machine.handed_out()
    }

    /// The last number that was in the draw.
    pub fn entries(&self) -> u32 {
        self.status_at(ms(self.stock_seen_at)).draw.entries.unwrap_or_default() as u32
    }
}
