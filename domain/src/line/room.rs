//! The waiting room of one sale, as a state machine.
//!
//! A position is handed out once and only grows; the frontier never falls. So nobody who came
//! later is admitted while an earlier one waits.

use std::io;

use serde::{Deserialize, Serialize};

use super::frontier::{Frontier, PublishedFrontier};
use super::sale::{Phase, RulesInvalid, SaleRules};
use super::status::{SkuStatus, Status};
use crate::inventory::StockBand;
use crate::machine::{Corrupt, Machine};
use crate::time::{Millis, Timestamp};

/// The fewest and the most positions that are leased with one write.
///
/// A block is to last about a second: then the line costs about a write a second, and a crash
/// leaves about a second's worth of empty places, however many people come. So a block that was
/// used up within a second is followed by one twice as long, any other by one half as long.
pub const BLOCK_LEN_MIN: u64 = 8;
/// The most: at 1,000 joins a second a block of them lasts a second.
pub const BLOCK_LEN_MAX: u64 = 1_024;
/// How long a block should last.
const BLOCK_LASTS: Millis = Millis::from_secs(1);

/// How far ahead a published frontier speaks: long enough to bridge a refresh, which comes every
/// second, and short, because a line that stops goes on so long where nobody has heard of it.
const PUBLISHED_FOR: Millis = Millis::from_secs(2);

/// The waiting room of one sale.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRoom {
    rules: Option<SaleRules>,
    phase: Phase,
    /// How often the phase was set: of two orders to an Inventory the one with the higher number
    /// is the later one.
    phase_number: u64,
    /// Positions up to this one may have been handed out.
    leased: u64,
    frontier: Frontier,
    /// The last position handed out. Not an event: joining costs no write.
    #[serde(skip)]
    handed_out: u64,
    /// The last lease: when it began and how long it is. Kept in memory only.
    #[serde(skip)]
    block: (Timestamp, u64),
}

/// What happened to a waiting room. Stored in its journal: names and shapes are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomEvent {
    /// The sale was created.
    Created {
        /// Its rules.
        rules: SaleRules,
    },
    /// The sale went on to another phase.
    PhaseSet {
        /// The phase.
        phase: Phase,
    },
    /// Positions up to this one may be handed out from memory.
    PositionsLeased {
        /// The last one.
        up_to: u64,
    },
    /// The frontier goes on from here at this rate.
    FrontierSet {
        /// The line.
        frontier: Frontier,
    },
}

/// A "no" of the waiting room, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum RoomRejection {
    /// There is no such sale.
    #[error("there is no such sale")]
    NoSuchSale,
    /// Under these rules nothing could be sold.
    #[error("{0}")]
    RulesInvalid(RulesInvalid),
    /// The sale was created before, with other rules.
    #[error("this sale was already created with other rules")]
    ExistsWithDifferentRules,
    /// The sale cannot go from its phase to the other.
    #[error("a sale that is {from} cannot become {to}")]
    PhaseOrder {
        /// Where it is.
        from: Phase,
        /// Where it should go.
        to: Phase,
    },
    /// Nobody can join before the sale is announced.
    #[error("the sale is not open yet")]
    NotOpen,
    /// The sale is over.
    #[error("the sale is closed")]
    Closed,
    /// Everything is sold; nobody is made to wait for what is gone.
    #[error("everything is sold out")]
    SoldOut,
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

    /// Creates the sale. Creating it again with the same rules is no event.
    ///
    /// # Errors
    ///
    /// `RulesInvalid` or `ExistsWithDifferentRules`.
    pub fn create(&self, rules: &SaleRules) -> Result<Vec<RoomEvent>, RoomRejection> {
        rules.check().map_err(RoomRejection::RulesInvalid)?;
        match &self.rules {
            None => Ok(vec![RoomEvent::Created { rules: rules.clone() }]),
            Some(known) if known == rules => Ok(Vec::new()),
            Some(_) => Err(RoomRejection::ExistsWithDifferentRules),
        }
    }

    /// Takes the sale to another phase at `now`; the frontier stands still unless it is open.
    ///
    /// # Errors
    ///
    /// `NoSuchSale` or `PhaseOrder`.
    pub fn set_phase(&self, to: Phase, now: Timestamp) -> Result<Vec<RoomEvent>, RoomRejection> {
        let rules = self.rules.as_ref().ok_or(RoomRejection::NoSuchSale)?;
        if self.phase == to {
            return Ok(Vec::new());
        }
        if !self.phase.may_become(to) {
            return Err(RoomRejection::PhaseOrder { from: self.phase, to });
        }
        let per_minute = if to == Phase::Open { u64::from(rules.admits_per_minute_max) } else { 0 };
        let frontier = self.turned(per_minute, now);
        Ok(vec![RoomEvent::PhaseSet { phase: to }, RoomEvent::FrontierSet { frontier }])
    }

    /// Hands out the next position at `now`, and the events that have to be durable before it may
    /// be told.
    ///
    /// # Errors
    ///
    /// `NoSuchSale`, `NotOpen` or `Closed`.
    pub fn join(&mut self, now: Timestamp) -> Result<(u64, Vec<RoomEvent>), RoomRejection> {
        if self.rules.is_none() {
            return Err(RoomRejection::NoSuchSale);
        }
        match self.phase {
            Phase::Draft => return Err(RoomRejection::NotOpen),
            Phase::Closed => return Err(RoomRejection::Closed),
            Phase::Scheduled | Phase::Prequeue | Phase::Open | Phase::Paused => {}
        }
        let mut events = Vec::new();
        events.extend(self.catch_up(now));
        let position = self.handed_out.saturating_add(1);
        self.handed_out = position;
        if position > self.leased {
            self.block = (now, self.next_block_len(now));
            let up_to = self.leased.saturating_add(self.block.1);
            events.push(RoomEvent::PositionsLeased { up_to });
        }
        Ok((position, events))
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
        ran_ahead.then(|| RoomEvent::FrontierSet { frontier: self.line(now) })
    }

    /// How many people are admitted in a second at the present rate, at least one if any.
    const fn second(&self) -> u64 {
        self.frontier.per_minute.div_ceil(60)
    }

    /// What follows from the stock at `now`: nobody is admitted while there is nothing to have.
    pub fn handle_stock(&self, bands: &[SkuStatus], now: Timestamp) -> Option<RoomEvent> {
        let rules = self.rules.as_ref()?;
        if self.phase != Phase::Open {
            return None;
        }
        // What is not known yet may be there.
        let anything = bands.len() < rules.skus.len()
            || bands.iter().any(|sku| sku.band < StockBand::AllReserved);
        let per_minute = if anything { u64::from(rules.admits_per_minute_max) } else { 0 };
        (per_minute != self.frontier.per_minute)
            .then(|| RoomEvent::FrontierSet { frontier: self.turned(per_minute, now) })
    }

    /// The status that edges answer polls from.
    pub fn status(&self, stock: Vec<SkuStatus>, now: Timestamp) -> Option<Status> {
        let (rules, line) = (self.rules.as_ref()?, self.line(now));
        Some(Status {
            sale: rules.sale.clone(),
            title: rules.title.clone(),
            phase: self.phase,
            frontier: PublishedFrontier {
                line,
                until: now.plus(PUBLISHED_FOR),
                max: self.handed_out.saturating_add(self.second()).max(line.value),
            },
            handed_out: self.handed_out,
            pass_ttl_ms: rules.pass_ttl_ms,
            per_shopper_max: rules.per_shopper_max,
            offers: rules.skus.clone(),
            stock,
        })
    }

    /// The line as it goes on from `now`, at the present rate.
    ///
    /// It is never more than a second's worth ahead of the people: enough that nobody who comes
    /// into an empty line waits for a refresh, and no more.
    fn line(&self, now: Timestamp) -> Frontier {
        let Frontier { value, at, per_minute } = self.frontier;
        let max = self.handed_out.saturating_add(self.second()).max(value);
        Frontier { value: self.frontier.at(now).min(max), at: now.max(at), per_minute }
    }

    /// The line going on at another rate.
    ///
    /// What was published before may be believed for a while yet. If the line is to rise more
    /// slowly, it therefore stands where the old one will have led by then: otherwise an edge that
    /// has not heard of it would let people in, past others who wait at one that has.
    fn turned(&self, per_minute: u64, now: Timestamp) -> Frontier {
        let slower = per_minute < self.frontier.per_minute;
        let line = self.line(if slower { now.plus(PUBLISHED_FOR) } else { now });
        Frontier { per_minute, ..line }
    }
}

impl Machine for WaitingRoom {
    type Event = RoomEvent;

    fn apply(&mut self, event: &RoomEvent, _at: Timestamp) -> Result<(), Corrupt> {
        match event {
            RoomEvent::Created { rules } => {
                if self.rules.is_some() {
                    return Err(Corrupt { event: "created", reason: "it was created before" });
                }
                self.rules = Some(rules.clone());
            }
            RoomEvent::PhaseSet { phase } => {
                if !self.phase.may_become(*phase) {
                    return Err(Corrupt { event: "phase_set", reason: "the phase cannot follow" });
                }
                self.phase = *phase;
                self.phase_number = self.phase_number.saturating_add(1);
            }
            RoomEvent::PositionsLeased { up_to } => {
                if *up_to < self.leased {
                    return Err(Corrupt { event: "positions_leased", reason: "it goes back" });
                }
                self.leased = *up_to;
            }
            RoomEvent::FrontierSet { frontier } => {
                if frontier.value < self.frontier.value {
                    return Err(Corrupt { event: "frontier_set", reason: "it falls" });
                }
                self.frontier = *frontier;
            }
        }
        Ok(())
    }

    fn write_snapshot(&self, to: &mut dyn io::Write) -> io::Result<()> {
        Ok(serde_json::to_writer(to, self)?)
    }

    fn read_snapshot(from: &mut dyn io::Read) -> io::Result<Self> {
        Ok(serde_json::from_reader(from)?)
    }

    /// Nobody knows how much of the last block was handed out: the rest becomes empty places.
    fn wake(&mut self) {
        self.handed_out = self.leased;
    }

    fn check_invariants(&self) -> Result<(), &'static str> {
        if self.handed_out > self.leased {
            return Err("a position was handed out that was not leased");
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
