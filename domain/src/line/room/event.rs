//! What happens to a waiting room, and what that does to it.

use std::io;

use serde::{Deserialize, Serialize};

use super::super::admission::{Limits, RateReason};
use super::super::draw::DrawSecret;
use super::super::frontier::Frontier;
use super::super::sale::{Phase, SaleRules};
use super::{Bypass, Schedule, WaitingRoom};
use crate::id::{BypassName, ShopperId};
use crate::machine::{Corrupt, Machine};
use crate::time::Timestamp;

/// What happened to a waiting room. Stored in its journal: names and shapes are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomEvent {
    /// The sale was created.
    Created {
        /// Its rules.
        rules: SaleRules,
    },
    /// The secret of the draw was made. Only its commitment is told before the draw.
    DrawPrepared {
        /// The secret.
        secret: DrawSecret,
    },
    /// The merchant said when the sale opens.
    Scheduled {
        /// When.
        schedule: Schedule,
    },
    /// The sale went on to another phase.
    PhaseSet {
        /// The phase.
        phase: Phase,
        /// What people are told about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Positions up to this one may be handed out from memory.
    PositionsLeased {
        /// The last one.
        up_to: u64,
    },
    /// Numbers up to this one are in the draw, and no others.
    EntriesClosed {
        /// The last one.
        entries: u64,
    },
    /// The beacon's round came out.
    BeaconTold {
        /// Its signature, as hex digits.
        signature: String,
    },
    /// The secret was published: the order is drawn.
    Drawn {},
    /// The frontier goes on from here at this rate.
    FrontierSet {
        /// The line.
        frontier: Frontier,
        /// Why it is not faster.
        #[serde(default)]
        reason: RateReason,
    },
    /// The merchant set other limits.
    LimitsSet {
        /// The limits.
        limits: Limits,
    },
    /// The merchant has something to say to everybody who waits; nothing any more if it is empty.
    MessageSet {
        /// The message.
        message: String,
    },
    /// The merchant made a way past the line.
    BypassMade {
        /// What it is called.
        name: BypassName,
        /// How many people may use it.
        uses_max: u32,
        /// Until when.
        expires_at: Timestamp,
    },
    /// Somebody took it.
    BypassUsed {
        /// Which one.
        name: BypassName,
        /// Who.
        shopper: ShopperId,
    },
}

const fn corrupt<T>(event: &'static str, reason: &'static str) -> Result<T, Corrupt> {
    Err(Corrupt { event, reason })
}

impl Machine for WaitingRoom {
    type Event = RoomEvent;

    fn apply(&mut self, event: &RoomEvent, at: Timestamp) -> Result<(), Corrupt> {
        match event {
            RoomEvent::Created { rules } => self.apply_created(rules)?,
            RoomEvent::PhaseSet { phase, why } => self.apply_phase(*phase, why.clone(), at)?,
            RoomEvent::Scheduled { schedule } => self.schedule = Some(*schedule),
            RoomEvent::PositionsLeased { up_to } => {
                if *up_to < self.leased {
                    return corrupt("positions_leased", "it goes back");
                }
                self.leased = *up_to;
            }
            RoomEvent::FrontierSet { frontier, reason } => {
                if frontier.value < self.frontier.value {
                    return corrupt("frontier_set", "it falls");
                }
                self.note_passage(frontier.value, at);
                self.note_change(frontier, *reason, at);
                (self.frontier, self.reason) = (*frontier, *reason);
            }
            RoomEvent::LimitsSet { limits } => self.limits = Some(*limits),
            RoomEvent::MessageSet { message } => self.message.clone_from(message),
            RoomEvent::DrawPrepared { .. }
            | RoomEvent::EntriesClosed { .. }
            | RoomEvent::BeaconTold { .. }
            | RoomEvent::Drawn {} => self.apply_draw(event, at)?,
            RoomEvent::BypassMade { .. } | RoomEvent::BypassUsed { .. } => {
                self.apply_bypass(event)?;
            }
        }
        Ok(())
    }

    fn write_snapshot(&self, to: &mut dyn io::Write) -> io::Result<()> {
        to.write_all(&serde_json::to_vec(self)?)
    }

    fn read_snapshot(from: &mut dyn io::Read) -> io::Result<Self> {
        // As a text, like all else: reading from anything else would be code of its own.
        let mut text = String::new();
        from.read_to_string(&mut text)?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Nobody knows how much of the last block was handed out: the rest becomes empty places.
    fn wake(&mut self) {
        self.handed_out = self.leased;
    }

    fn check_invariants(&self) -> Result<(), &'static str> {
        if self.handed_out > self.leased {
            return Err("a position was handed out that was not leased");
        }
        if self.draw.entries.is_some_and(|entries| entries > self.leased) {
            return Err("a number is in the draw that was not leased");
        }
        if self.draw.is_pending() && self.frontier.value > 0 {
            return Err("somebody was admitted before the draw");
        }
        Ok(())
    }
}

impl WaitingRoom {
    fn apply_created(&mut self, rules: &SaleRules) -> Result<(), Corrupt> {
        if self.rules.is_some() {
            return corrupt("created", "it was created before");
        }
        self.rules = Some(rules.clone());
        Ok(())
    }

    fn apply_phase(
        &mut self,
        phase: Phase,
        why: Option<String>,
        at: Timestamp,
    ) -> Result<(), Corrupt> {
        if !self.phase.may_become(phase) {
            return corrupt("phase_set", "the phase cannot follow");
        }
        if self.phase == Phase::Paused {
            self.passage.shift(at.since(self.phase_set_at));
        }
        (self.phase, self.phase_set_at, self.why) = (phase, at, why);
        self.phase_number = self.phase_number.saturating_add(1);
        Ok(())
    }

    fn apply_draw(&mut self, event: &RoomEvent, at: Timestamp) -> Result<(), Corrupt> {
        let draw = &mut self.draw;
        match event {
            RoomEvent::DrawPrepared { secret } => {
                if draw.secret.is_some() {
                    return corrupt("draw_prepared", "there is a secret already");
                }
                draw.secret = Some(*secret);
            }
            RoomEvent::EntriesClosed { entries } => {
                if draw.entries.is_some() {
                    return corrupt("entries_closed", "they were closed before");
                }
                (draw.entries, draw.closed_at) = (Some(*entries), at);
            }
            RoomEvent::BeaconTold { signature } => {
                if draw.beacon_signature.is_some() {
                    return corrupt("beacon_told", "it was told before");
                }
                draw.beacon_signature = Some(signature.clone());
            }
            _ => {
                if draw.entries.is_none() || draw.drawn_at.is_some() {
                    return corrupt("drawn", "it cannot be drawn now");
                }
                draw.drawn_at = Some(at);
            }
        }
        Ok(())
    }

    fn apply_bypass(&mut self, event: &RoomEvent) -> Result<(), Corrupt> {
        match event {
            RoomEvent::BypassMade { name, uses_max, expires_at } => {
                let bypass = self.bypasses.entry(name.clone()).or_insert_with(|| Bypass {
                    uses_max: 0,
                    expires_at: Timestamp::default(),
                    used: Vec::new(),
                });
                (bypass.uses_max, bypass.expires_at) = (*uses_max, *expires_at);
            }
            RoomEvent::BypassUsed { name, shopper } => match self.bypasses.get_mut(name) {
                Some(bypass) => bypass.used.push(*shopper),
                None => return corrupt("bypass_used", "there is none of this name"),
            },
            _ => {}
        }
        Ok(())
    }
}
