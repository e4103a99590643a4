//! What people do who were let in.

use doorbuster_domain::inventory::{Answer, Rejection};

use crate::calendar::Ms;
use crate::crowd::Stage;
use crate::room::{moment, ms};
use crate::world::{Event, World};

/// The share of people with a pass who want to reserve.
const WANT: f64 = 0.55;
/// The same of bots.
const BOTS_WANT: f64 = 0.9;
/// The share of bots that reserve and let it expire.
const HOARDERS: f64 = 0.5;
/// The share of those who only look and give the pass back.
const GIVE_BACK: f64 = 0.3;
/// How long people think, in milliseconds: half of them no longer than so.
const THINK: f64 = 20_000.0;
/// Whoever finds everything reserved tries again so often.
const TRIES: u8 = 12;

impl World {
    /// Somebody comes for the pass.
    pub fn admitted(&mut self, person: u32, since: Ms) {
        let told = self.person(person).told;
        self.measures.arrived(since, told);
        let at = moment(since);
        self.edge_of(person).report.count_arrived(at);
        let ends_at = since + self.shape.pass_ttl_secs * 1_000;
        self.calendar.push(ends_at.max(self.now), Event::PassEnds(person));
        let (is_bot, closes) = (self.person(person).is_bot, self.person(person).polls_left == 1);
        self.person(person).since = since;
        let wants = self.random.chance(if is_bot { BOTS_WANT } else { WANT }) && !closes;
        let think = if is_bot {
            self.random.between(1_000, 4_000)
        } else {
            self.random.lognormal(THINK, 0.9).clamp(3_000.0, 600_000.0) as Ms
        };
        if wants {
            self.person(person).stage = Stage::Shopping;
            self.measures.wanting += 1;
            self.after(think, Event::Visit(person));
            return;
        }
        self.person(person).stage = Stage::Looking;
        if self.random.chance(GIVE_BACK) && !closes {
            self.after(think, Event::GiveBack(person));
        }
    }

    pub fn shop(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Reserve(person) => self.reserve(person),
            Event::BeginPayment(person) => {
                self.stock.begin_payment(person, now);
                self.edge_of(person).report.payments.0 += 1;
            }
            Event::Pay(person) => {
                self.stock.pay(person, now);
                self.leave(person);
            }
            Event::Release(person) => {
                self.stock.release(person, now);
                self.leave(person);
            }
            Event::Expire(person) => self.leave(person),
            Event::GiveBack(person) if self.person(person).stage == Stage::Looking => {
                let since = moment(self.person(person).since);
                self.edge_of(person).report.count_left(since);
                self.leave(person);
            }
            Event::PassEnds(person) => match self.person(person).stage {
                Stage::Looking => self.leave(person),
                Stage::Shopping => self.turn_away(person),
                _ => {}
            },
            _ => {}
        }
    }

    fn leave(&mut self, person: u32) {
        self.measures.active -= 1;
        self.person(person).stage = Stage::Gone;
    }

    fn turn_away(&mut self, person: u32) {
        self.measures.wanting -= 1;
        self.measures.turned_away += 1;
        self.leave(person);
    }

    fn pass_is_good(&mut self, person: u32) -> bool {
        let ttl = self.shape.pass_ttl_secs * 1_000;
        let now = self.now;
        let by_the_room = ms(self.edge_of(person).room_clock(now));
        by_the_room < self.person(person).since + ttl
    }

    /// Somebody asks an edge for a unit.
    pub fn ask_for_a_unit(&mut self, person: u32) {
        if !self.pass_is_good(person) {
            return self.turn_away(person);
        }
        let is_sold_out = self.edge_of(person).status().is_some_and(|status| status.is_sold_out());
        if is_sold_out {
            self.measures.last_told = self.now;
            return self.turn_away(person);
        }
        self.person(person).stage = Stage::Reserving;
        let latency = self.latency();
        self.after(latency, Event::Reserve(person));
    }

    fn reserve(&mut self, person: u32) {
        match self.stock.reserve(person, self.now) {
            Answer::Accepted(_) => self.reserved(person),
            Answer::Rejected(Rejection::SoldOut) => self.turn_away(person),
            Answer::Rejected(_) => {
                let person_ = self.person(person);
                person_.tries += 1;
                person_.stage = Stage::Shopping;
                if person_.tries >= TRIES || !self.pass_is_good(person) {
                    return self.turn_away(person);
                }
                let delay = self.random.between(4_000, 12_000);
                self.after(delay, Event::Visit(person));
            }
        }
    }

    fn reserved(&mut self, person: u32) {
        self.measures.wanting -= 1;
        self.measures.reserved += 1;
        let since = moment(self.person(person).since);
        self.edge_of(person).report.count_reserved(since, 1);
        self.person(person).stage = Stage::Checkout;
        let ttl = self.shape.reservation_ttl_secs * 1_000;
        let (pays, gives_back) = self.shape.pays;
        let is_hoarder = self.person(person).is_bot && self.random.chance(HOARDERS);
        let lot = if is_hoarder { 1.0 } else { self.random.share() };
        if lot < pays {
            let to_provider = self.random.between(10_000, 50_000);
            let paid = self.random.between(60_000, 240_000);
            self.after(to_provider, Event::BeginPayment(person));
            self.after(paid, Event::Pay(person));
        } else if lot < pays + gives_back {
            let delay = self.random.between(10_000, ttl - 1_000);
            self.after(delay, Event::Release(person));
        } else {
            self.after(ttl, Event::Expire(person));
        }
    }
}
