//! A shape, running: people, edges, the room and the stock, and what goes between them.

use doorbuster_domain::line::{Phase, Wanted};

use crate::calendar::{Calendar, Ms};
use crate::crowd::{Person, crowd};
use crate::edge::Edge;
use crate::measures::Measures;
use crate::random::Random;
use crate::room::{Room, rules};
use crate::shape::Shape;
use crate::stock::Stock;
use crate::trace::Trace;

/// What can happen. The number is that of a person, an edge or a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// Somebody asks an edge for what they are about.
    Visit(u32),
    /// What an edge asks has come to the room.
    Asked(u32),
    /// The room has looked at the stock, because of this edge.
    Looked(u32),
    /// The room's answer has come to the edge.
    Answered(u32),
    /// An edge's wish for numbers has come to the room.
    Leasing(u32),
    /// The numbers have come to the edge.
    Leased(u32),
    /// The room's alarm goes off.
    Alarm,
    /// Somebody's wish for a unit has come to the stock.
    Reserve(u32),
    /// Somebody goes to the payment provider.
    BeginPayment(u32),
    /// Somebody has paid.
    Pay(u32),
    /// Somebody gives a unit back.
    Release(u32),
    /// Somebody's reservation has run out.
    Expire(u32),
    /// Somebody gives a pass back.
    GiveBack(u32),
    /// Somebody's pass has run out.
    PassEnds(u32),
    /// The merchant opens the sale, or opens it again.
    Open,
    /// The merchant pauses it.
    Pause,
    /// What goes on is to be written down.
    Trace,
}

/// Numbers on their way to an edge.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub person: u32,
    pub wanted: Wanted,
    pub block: Option<(u64, u64)>,
}

/// How long a message is on its way between an edge and an object.
const LATENCY: (u32, u32) = (5, 80);
/// The same between the room and the stock, there and back.
const LOOK: (u32, u32) = (4, 40);
/// The same between people and an edge.
const NETWORK: (u32, u32) = (20, 300);
/// Whatever happens, it ends at this time.
const END: Ms = 4 * 3_600_000;
/// When everything is sold it goes on for so long.
const AFTER_END: Ms = 60_000;

/// A running shape.
#[derive(Debug)]
pub struct World {
    pub shape: Shape,
    pub random: Random,
    pub now: Ms,
    pub calendar: Calendar<Event>,
    pub people: Vec<Person>,
    pub edges: Vec<Edge>,
    pub room: Room,
    pub stock: Stock,
    pub measures: Measures,
    pub opens_at: Ms,
    pub trace: Option<Trace>,
    pub calls: Vec<Call>,
    alarm: Option<Ms>,
    look_done_at: Ms,
    look_took: Ms,
    restocked: bool,
    pub writes_at_opening: (u32, u32),
}

impl World {
    /// Everybody at home, and the sale announced.
    pub fn new(shape: Shape, seed: u64, trace_secs: Option<u32>) -> Self {
        let mut random = Random::new(seed, shape.name);
        let opens_at = 5_000 + shape.prequeue_secs * 1_000;
        let rules = rules(&shape);
        let edges = (0..shape.edges).map(|_| Edge::new(&mut random)).collect();
        let room = Room::new(&rules, random.bytes());
        let mut world = Self {
            calendar: Calendar::default(),
            people: Vec::new(),
            edges,
            room,
            stock: Stock::new(&rules, shape.units),
            measures: Measures::default(),
            opens_at,
            trace: trace_secs.map(Trace::new),
            calls: Vec::new(),
            alarm: None,
            look_done_at: 0,
            look_took: 0,
            restocked: shape.restock.is_none(),
            writes_at_opening: (0, 0),
            now: 0,
            random,
            shape,
        };
        world.announce();
        world
    }

    fn announce(&mut self) {
        for (at, person) in crowd(&self.shape, self.opens_at, &mut self.random) {
            self.calendar.push(at, Event::Visit(self.people.len() as u32));
            self.people.push(person);
        }
        if self.shape.prequeue_secs > 0 {
            self.room.schedule(5_000, self.opens_at);
        } else {
            self.calendar.push(self.opens_at, Event::Open);
        }
        if let Some((after, secs)) = self.shape.pause_secs {
            let at = self.opens_at + after * 1_000;
            self.calendar.push(at, Event::Pause);
            self.calendar.push(at + secs * 1_000, Event::Open);
        }
        self.calendar.push(0, Event::Trace);
        self.set_alarm();
    }

    /// Runs until everything is sold and everybody knows, or nobody is left.
    pub fn run(&mut self) {
        while let Some((at, event)) = self.calendar.pop() {
            self.now = at;
            if at > END || self.is_over() {
                return;
            }
            self.happen(event);
        }
    }

    fn is_over(&self) -> bool {
        let sold_out_at = self.stock.sold_out_at.filter(|_| self.restocked);
        sold_out_at.is_some_and(|sold_out_at| sold_out_at + AFTER_END < self.now)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Visit(person) => self.visit(person),
            Event::Asked(edge) => self.asked(edge),
            Event::Looked(edge) => self.looked(edge),
            Event::Answered(edge) => self.answered(edge),
            Event::Leasing(call) => self.leasing(call),
            Event::Leased(call) => self.leased(call),
            Event::Alarm => {
                self.alarm = None;
                self.room.timeout(self.now);
                self.after_room();
            }
            Event::Open => self.set_phase(Phase::Open),
            Event::Pause => self.set_phase(Phase::Paused),
            Event::Trace => self.trace(),
            _ => self.shop(event),
        }
    }

    pub fn latency(&mut self) -> Ms {
        self.random.between(LATENCY.0, LATENCY.1)
    }

    pub fn network(&mut self) -> Ms {
        self.random.between(NETWORK.0, NETWORK.1)
    }

    pub fn after(&mut self, delay: Ms, event: Event) {
        self.calendar.push(self.now + delay, event);
    }

    pub fn person(&mut self, person: u32) -> &mut Person {
        &mut self.people[person as usize]
    }

    pub fn edge_of(&mut self, person: u32) -> &mut Edge {
        &mut self.edges[self.people[person as usize].edge as usize]
    }

    fn set_phase(&mut self, phase: Phase) {
        self.room.set_phase(phase, self.now);
        self.stock.look(self.room.phase(), self.now);
        self.after_room();
    }

    fn after_room(&mut self) {
        if self.now < self.opens_at {
            self.writes_at_opening = (self.room.writes, self.room.lease_writes);
        }
        self.set_alarm();
    }

    fn set_alarm(&mut self) {
        let Some(due) = self.room.next_timeout() else { return };
        if self.alarm.is_none_or(|armed| due < armed) {
            self.alarm = Some(due);
            self.calendar.push(due.max(self.now), Event::Alarm);
        }
    }

    fn trace(&mut self) {
        let Some(mut trace) = self.trace.take() else { return };
        trace.line(self.now, &self.room, &self.stock, &self.measures);
        if !self.calendar.is_empty() {
            self.after(trace.every, Event::Trace);
        }
        self.trace = Some(trace);
    }

    fn asked(&mut self, edge: u32) {
        let report = std::mem::take(&mut self.edges[edge as usize].reported);
        let is_stale = self.room.note(&report, self.now);
        if is_stale {
            let took = self.random.between(LOOK.0, LOOK.1);
            (self.look_took, self.look_done_at) = (took, self.now + took);
            self.after(took, Event::Looked(edge));
        } else if self.room.knows_stock() {
            self.answer(edge);
        } else {
            let until = self.look_done_at.saturating_sub(self.now) + 1;
            self.after(until, Event::Asked(edge));
        }
        self.after_room();
    }

    fn looked(&mut self, edge: u32) {
        self.restock_if_due();
        let view = self.stock.look(self.room.phase(), self.now);
        self.measures.decided(view.available);
        self.room.seen(&view, self.look_took, self.now);
        self.answer(edge);
        self.after_room();
    }

    fn restock_if_due(&mut self) {
        let (view, now) = (self.stock.view(), self.now);
        let Some((share, units)) = self.shape.restock.filter(|_| !self.restocked) else { return };
        if f64::from(view.allocated) >= share * f64::from(view.on_hand) {
            self.restocked = true;
            self.stock.restock(units, now);
        }
    }

    fn answer(&mut self, edge: u32) {
        let status = self.room.status(self.now);
        self.edges[edge as usize].on_its_way = Some(status.into());
        let latency = self.latency();
        self.after(latency, Event::Answered(edge));
    }

    fn answered(&mut self, edge: u32) {
        for person in self.edges[edge as usize].receive(self.now) {
            self.serve(person);
        }
    }

    fn leasing(&mut self, call: u32) {
        let wanted = self.calls[call as usize].wanted.numbers;
        let block = self.room.lease(wanted, self.now);
        self.calls[call as usize].block = block;
        if block.is_some() {
            self.measures.leases.push((self.now, wanted as u32));
        }
        let latency = self.latency();
        self.after(latency, Event::Leased(call));
        self.after_room();
    }
}
