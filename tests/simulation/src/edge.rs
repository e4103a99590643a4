//! An isolate at the edge: what it knows of the sale, and what it has seen since it asked last.

use std::collections::HashMap;
use std::rc::Rc;

use doorbuster_domain::line::{Drawn, Lane, Report, Seed, Status};
use doorbuster_domain::time::{Millis, Timestamp};

use crate::calendar::Ms;
use crate::random::Random;
use crate::room::moment;

/// How old a status may be before the edge asks for a new one.
const FRESH_FOR: Ms = 1_000;
/// How wrong clocks are, either way.
const SKEW: Ms = 2_000;

/// What looking at the status comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// It is good.
    Known,
    /// It is not, and the room is to be asked.
    Ask,
    /// It is not, and the room has been asked.
    Wait,
}

/// An isolate.
#[derive(Debug)]
pub struct Edge {
    /// How far its clock goes before the slowest one.
    skew: Ms,
    known: Option<Known>,
    /// When the room was asked, if the answer has not come.
    asked_at: Option<Ms>,
    /// The answer on its way.
    pub on_its_way: Option<Rc<Status>>,
    /// Who waits for it.
    pub waiting: Vec<u32>,
    /// What was seen since the room was asked, and what travels to it.
    pub report: Report,
    pub reported: Report,
    pub lane: Lane,
    /// Places taken here, by address range.
    places: HashMap<u32, u32>,
    /// When this edge heard that everything is sold, and until when it could have said otherwise.
    pub learnt: Option<Ms>,
    pub wrong_until: Ms,
}

#[derive(Debug)]
struct Known {
    status: Rc<Status>,
    /// The same with nobody in the draw: what it tells a number is told to the position of it.
    /// Positions never change, so they need not be drawn anew at every poll.
    undrawn: Option<Rc<Status>>,
    received_at: Timestamp,
    asked_at: Ms,
    until: Ms,
}

impl Edge {
    pub fn new(random: &mut Random) -> Self {
        Self {
            skew: random.between(0, 2 * SKEW),
            known: None,
            asked_at: None,
            on_its_way: None,
            waiting: Vec::new(),
            report: Report::default(),
            reported: Report::default(),
            lane: Lane::default(),
            places: HashMap::new(),
            learnt: None,
            wrong_until: 0,
        }
    }

    /// What this edge takes for the time.
    pub const fn clock(&self, now: Ms) -> Timestamp {
        moment(now).plus(Millis::new(self.skew as u64))
    }

    /// The room's time, by this edge's own clock: what the status said, and what passed since.
    pub fn room_clock(&self, now: Ms) -> Timestamp {
        self.known.as_ref().map_or(Timestamp::default(), |known| {
            known.status.at.plus(self.clock(now).since(known.received_at))
        })
    }

    /// Looks whether there is a status to answer from. Who comes while somebody asks is answered
    /// from the old one as long as it speaks.
    pub fn look(&mut self, now: Ms) -> Looked {
        match (&self.known, self.asked_at) {
            (Some(known), _) if now < known.asked_at + FRESH_FOR => Looked::Known,
            (Some(known), Some(_)) if now <= known.until => Looked::Known,
            (_, Some(_)) => Looked::Wait,
            (_, None) => {
                self.asked_at = Some(now);
                self.reported = std::mem::take(&mut self.report);
                Looked::Ask
            }
        }
    }

    pub fn status(&self) -> Option<&Rc<Status>> {
        self.known.as_ref().map(|known| &known.status)
    }

    /// The status by which a position is told its turn as a number is.
    pub fn undrawn(&self) -> Option<&Rc<Status>> {
        self.known.as_ref().and_then(|known| known.undrawn.as_ref())
    }

    /// Takes in the answer, and says who waits for it.
    pub fn receive(&mut self, now: Ms) -> Vec<u32> {
        let Some(status) = self.on_its_way.take() else { return Vec::new() };
        if status.is_sold_out() {
            if self.learnt.is_none() {
                let spoke_until = self.known.as_ref().map_or(0, |known| known.until);
                self.wrong_until = now.min(spoke_until);
                self.learnt = Some(now);
            }
        } else {
            self.learnt = None;
        }
        let undrawn = status.draw.drawn.is_some().then(|| {
            let mut undrawn = Status::clone(&status);
            undrawn.draw.entries = Some(0);
            undrawn.draw.drawn =
                undrawn.draw.drawn.map(|drawn| Drawn { seed: Seed::from_bytes([0; 32]), ..drawn });
            Rc::new(undrawn)
        });
        let speaks_for = status.frontier.until.since(status.at).get() as Ms;
        self.known = Some(Known {
            received_at: self.clock(now),
            asked_at: self.asked_at.take().unwrap_or(now),
            until: now + speaks_for,
            status,
            undrawn,
        });
        std::mem::take(&mut self.waiting)
    }

    /// Until when it would have gone on to say what it knows, if nobody made it ask.
    pub fn fresh_until(&self) -> Ms {
        self.known.as_ref().map_or(0, |known| known.asked_at + FRESH_FOR)
    }

    /// Places that were taken here from this address range.
    pub fn places(&self, client: u32) -> u32 {
        self.places.get(&client).copied().unwrap_or_default()
    }

    /// One more.
    pub fn take_place(&mut self, client: u32) {
        *self.places.entry(client).or_default() += 1;
    }

    /// Takes note of somebody who has got a place.
    pub fn joined(&mut self, client: u32) {
        self.report.joined += 1;
        *self.report.places.entry(u64::from(client)).or_default() += 1;
    }
}
