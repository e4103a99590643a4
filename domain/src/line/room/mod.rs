//! The waiting room of one sale, as a state machine.
//!
//! A number is handed out once and only grows; the frontier never falls. So nobody who came
//! later under the same rule is admitted while an earlier one waits.

mod control;
mod event;
mod published;
mod rejection;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::admission::{Admission, AdmissionView, Limits, Rate, RateReason, Standing, Units};
use super::draw::DrawSecret;
use super::frontier::Frontier;
use super::passage::Passage;
use super::sale::{LineOrder, Phase, SaleRules};
use super::service::Health;
use super::status::SkuStatus;
use crate::id::{BypassName, ShopperId};
use crate::time::{Millis, Timestamp};

pub use control::{DRAW_AFTER, MESSAGE_LEN_MAX};
pub use event::RoomEvent;
pub use rejection::RoomRejection;

/// The fewest and the most positions that are leased with one write.
///
/// A block is to last about a second: then the line costs about a write a second, and a crash
/// leaves about a second's worth of empty places, however many people come. So a block that was
/// used up within a second is followed by one twice as long, any other by one half as long.
pub const BLOCK_LEN_MIN: u64 = 8;
/// The most: at 8,000 joins a second a block of them lasts a second.
pub const BLOCK_LEN_MAX: u64 = 8_192;
/// How long a block should last.
const BLOCK_LASTS: Millis = Millis::from_secs(1);

/// How far ahead a published frontier speaks: long enough to bridge a refresh, which comes every
/// second, and short, because a line that stops goes on so long where nobody has heard of it.
const PUBLISHED_FOR: Millis = Millis::from_secs(2);

/// So many changes of the rate are kept for the merchant to read.
const CHANGES_MAX: usize = 32;

/// The waiting room of one sale.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRoom {
    rules: Option<SaleRules>,
    phase: Phase,
    /// How often the phase was set: of two orders to an Inventory the one with the higher number
    /// is the later one.
    phase_number: u64,
    phase_set_at: Timestamp,
    /// What people are told about the phase.
    why: Option<String>,
    schedule: Option<Schedule>,
    limits: Option<Limits>,
    message: String,
    /// Positions up to this one may have been handed out.
    leased: u64,
    draw: DrawState,
    frontier: Frontier,
    reason: RateReason,
    passage: Passage,
    changes: Vec<RateChange>,
    bypasses: BTreeMap<BypassName, Bypass>,
    /// The last position handed out. Not an event: joining costs no write.
    #[serde(skip)]
    handed_out: u64,
    /// The last lease: when it began and how long it is. Kept in memory only.
    #[serde(skip)]
    block: (Timestamp, u64),
}

/// When the line opens, and when the sale does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// From then on people can take a place.
    pub prequeue_at: Timestamp,
    /// From then on people are admitted.
    pub opens_at: Timestamp,
}

/// How far the draw has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct DrawState {
    secret: Option<DrawSecret>,
    entries: Option<u64>,
    closed_at: Timestamp,
    beacon_signature: Option<String>,
    drawn_at: Option<Timestamp>,
}

impl DrawState {
    /// Whether there are entries whose order is not known.
    const fn is_pending(&self) -> bool {
        self.entries.is_some() && self.drawn_at.is_none()
    }
}

/// A change of the rate at which people are admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateChange {
    /// When.
    pub at: Timestamp,
    /// To how many positions a minute.
    pub per_minute: u64,
    /// Why not more.
    pub reason: RateReason,
}

/// A way past the line, for staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypass {
    /// How many people may use it.
    pub uses_max: u32,
    /// Until when.
    pub expires_at: Timestamp,
    /// Who has used it.
    pub used: Vec<ShopperId>,
}

/// What a look at the stock came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// What is left of each SKU that is known.
    pub bands: Vec<SkuStatus>,
    /// The same together, in units.
    pub units: Units,
    /// How the Inventories are doing.
    pub health: Health,
}

impl Look {
    /// How long it is good for: a second, and half of that while all is reserved, when people wait
    /// for the end.
    pub const fn fresh_for(&self) -> Millis {
        let Units { available, reserved, unknown, .. } = self.units;
        Millis::new(if available == 0 && reserved > 0 && !unknown { 500 } else { 1_000 })
    }
}

impl WaitingRoom {
    /// The rules, once the sale was created.
    pub const fn rules(&self) -> Option<&SaleRules> {
        self.rules.as_ref()
    }

    /// The phase.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// How often the phase was set.
    pub const fn phase_number(&self) -> u64 {
        self.phase_number
    }

    /// The last position handed out.
    pub const fn handed_out(&self) -> u64 {
        self.handed_out
    }

    /// When the line and the sale open, if that was said.
    pub const fn schedule(&self) -> Option<Schedule> {
        self.schedule
    }

    /// The ways past the line.
    pub const fn bypasses(&self) -> &BTreeMap<BypassName, Bypass> {
        &self.bypasses
    }

    /// What the merchant allows now.
    pub fn limits(&self) -> Limits {
        let by_rules = |rules: &SaleRules| Limits {
            admits_per_minute_max: rules.admits_per_minute_max,
            active_users_max: rules.active_users_max,
        };
        self.limits.or_else(|| self.rules.as_ref().map(by_rules)).unwrap_or_default()
    }

    fn order(&self) -> LineOrder {
        self.rules.as_ref().map_or(LineOrder::Fifo, |rules| rules.order)
    }

    fn passes_through(&self) -> bool {
        self.order() == LineOrder::Passthrough
    }

    /// Hands out the next `wanted` numbers at `now`, the first and the last of them, and the events
    /// that have to be durable before any may be told.
    ///
    /// # Errors
    ///
    /// `NoSuchSale`, `NotOpen`, `Closed` or `LineRejects`.
    pub fn lease(
        &mut self,
        wanted: u64,
        now: Timestamp,
    ) -> Result<((u64, u64), Vec<RoomEvent>), RoomRejection> {
        let rules = self.rules.as_ref().ok_or(RoomRejection::NoSuchSale)?;
        match self.phase {
            Phase::Draft | Phase::Scheduled => return Err(RoomRejection::NotOpen),
            Phase::Closed => return Err(RoomRejection::Closed),
            Phase::Prequeue | Phase::Open | Phase::Paused => {}
        }
        if rules.order == LineOrder::Reject {
            return Err(RoomRejection::LineRejects);
        }
        let mut events = Vec::new();
        events.extend(self.catch_up(now));
        let first = self.handed_out.saturating_add(1);
        self.handed_out = self.handed_out.saturating_add(wanted.max(1));
        if self.handed_out > self.leased {
            self.block = (now, self.next_block_len(now));
            let up_to = self.leased.saturating_add(self.block.1).max(self.handed_out);
            events.push(RoomEvent::PositionsLeased { up_to });
        }
        Ok(((first, self.handed_out), events))
    }

    fn next_block_len(&self, now: Timestamp) -> u64 {
        let (began, len) = self.block;
        let next = if now.since(began) < BLOCK_LASTS { len.saturating_mul(2) } else { len / 2 };
        next.clamp(BLOCK_LEN_MIN, BLOCK_LEN_MAX)
    }

    /// Calls the line back to the people when it ran two seconds ahead of them while few came.
    ///
    /// Otherwise a rush would find that a quiet hour had been saved up for it. Two seconds and not
    /// one, so that a steady trickle costs a write a second at most.
    fn catch_up(&self, now: Timestamp) -> Option<RoomEvent> {
        if self.frontier.per_minute == 0 {
            return None;
        }
        let slack = self.second().saturating_mul(2);
        let ran_ahead = self.frontier.at(now) > self.handed_out.saturating_add(slack);
        let reason = self.reason;
        ran_ahead.then(|| RoomEvent::FrontierSet { frontier: self.line(now), reason })
    }

    /// How many people are admitted in a second at the present rate, at least one if any.
    const fn second(&self) -> u64 {
        self.frontier.per_minute.div_ceil(60)
    }

    /// The line as it goes on from `now`, at the present rate.
    ///
    /// It is never more than a second's worth ahead of the people: enough that nobody who comes
    /// into an empty line waits for a refresh, and no more.
    fn line(&self, now: Timestamp) -> Frontier {
        let Frontier { value, at, per_minute } = self.frontier;
        let max = self.handed_out.saturating_add(self.second()).max(value);
        if self.frontier.at(now) <= max {
            return self.frontier;
        }
        Frontier { value: max, at: now.max(at), per_minute }
    }

    /// Where that line is at `now`.
    fn reached(&self, now: Timestamp) -> u64 {
        self.line(now).at(now)
    }

    fn note_passage(&mut self, value: u64, at: Timestamp) {
        let keep_for = self.rules.as_ref().map_or(Millis::new(0), |rules| rules.pass_ttl_ms);
        let line = self.frontier;
        self.passage.note(value, at, &line, keep_for.max(Admission::WINDOW));
    }

    /// What follows from the stock at `now`, and from what became of those who were let in.
    pub fn look(
        &self,
        admission: &mut Admission,
        look: &Look,
        now: Timestamp,
    ) -> Option<RoomEvent> {
        if self.phase != Phase::Open || self.passes_through() {
            return None;
        }
        let drawing = self.draw.entries.is_none() || self.draw.is_pending();
        let rate = if drawing {
            Rate { per_minute: 0, reason: RateReason::Drawing }
        } else {
            self.with_standing(now, |standing| admission.decide(standing, look.units, look.health))
        };
        let (known, next) = (self.frontier.per_minute, rate.per_minute);
        // What differs by less than a fiftieth is not worth a write.
        let about_the_same = known.abs_diff(next) <= known / 50 && (known == 0) == (next == 0);
        if about_the_same && rate.reason == self.reason {
            return None;
        }
        let frontier = self.turned(rate.per_minute, now);
        Some(RoomEvent::FrontierSet { frontier, reason: rate.reason })
    }

    fn with_standing<T>(&self, now: Timestamp, act: impl FnOnce(&Standing<'_>) -> T) -> T {
        let line = self.line(now);
        let mut passage = self.passage.clone();
        let frontier = line.at(now);
        passage.note(frontier, now, &self.frontier, Millis::new(u64::MAX));
        act(&Standing {
            now,
            since: self.phase_set_at,
            frontier,
            promised: self.promised(&line, now),
            line: &line,
            passage: &passage,
            entries: self.draw.entries.unwrap_or_default(),
            limits: self.limits(),
            per_shopper_max: self.rules.as_ref().map_or(1, |rules| rules.per_shopper_max),
        })
    }

    /// Up to where the line is published: if it is slowed down now, it goes on so far.
    fn promised(&self, line: &Frontier, now: Timestamp) -> u64 {
        let most = self.handed_out.saturating_add(self.second()).max(line.at(now));
        line.at(now.plus(PUBLISHED_FOR)).min(most)
    }

    /// What the merchant is told of those who were let in.
    pub fn admission_view(&self, admission: &Admission, now: Timestamp) -> AdmissionView {
        self.with_standing(now, |standing| admission.view(standing))
    }

    /// How fast the line goes, why not faster, and how that changed lately, the newest last.
    pub fn rate(&self) -> (Rate, &[RateChange]) {
        let rate = Rate { per_minute: self.frontier.per_minute, reason: self.reason };
        (rate, &self.changes)
    }

    fn note_change(&mut self, frontier: &Frontier, reason: RateReason, at: Timestamp) {
        if self.changes.len() >= CHANGES_MAX {
            self.changes.remove(0);
        }
        self.changes.push(RateChange { at, per_minute: frontier.per_minute, reason });
    }
}

#[cfg(test)]
mod draw_tests;
#[cfg(test)]
mod tests;
