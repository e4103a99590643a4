//! What the merchant, and time, do to a waiting room.

use super::super::admission::{Limits, RateReason};
use super::super::draw::DrawSecret;
use super::super::frontier::Frontier;
use super::super::lane::LEASE_FOR;
use super::super::sale::{LineOrder, Phase, SaleRules};
use super::{Bypass, RoomEvent, RoomRejection, Schedule, WaitingRoom};
use crate::hex;
use crate::id::{BypassName, ShopperId};
use crate::time::{Millis, Timestamp};

/// From the closing of the entries to the draw: by then whoever was given a number that is in it
/// has been given it, see [`LEASE_FOR`].
pub const DRAW_AFTER: Millis = LEASE_FOR.twice();

/// The longest message, in characters.
pub const MESSAGE_LEN_MAX: usize = 500;

type Events = Result<Vec<RoomEvent>, RoomRejection>;

impl WaitingRoom {
    /// Creates the sale, with a secret for its draw. Creating it again with the same rules is no
    /// event.
    ///
    /// # Errors
    ///
    /// `RulesInvalid`, `BeaconOut` or `ExistsWithDifferentRules`.
    pub fn create(&self, rules: &SaleRules, secret: DrawSecret, now: Timestamp) -> Events {
        rules.check().map_err(RoomRejection::RulesInvalid)?;
        let is_out = rules.beacon.as_ref().is_some_and(|beacon| beacon.out_at() <= now);
        match &self.rules {
            None if is_out => Err(RoomRejection::BeaconOut),
            None => Ok(vec![
                RoomEvent::Created { rules: rules.clone() },
                RoomEvent::DrawPrepared { secret },
            ]),
            Some(known) if known == rules => Ok(Vec::new()),
            Some(_) => Err(RoomRejection::ExistsWithDifferentRules),
        }
    }

    fn created(&self) -> Result<&SaleRules, RoomRejection> {
        self.rules.as_ref().ok_or(RoomRejection::NoSuchSale)
    }

    /// Says when the line and the sale open; what was said before holds no longer.
    ///
    /// # Errors
    ///
    /// `NoSuchSale`, `CannotSchedule` once it has opened, or `BeaconOut` if it would be before.
    pub fn set_schedule(&self, schedule: Schedule, now: Timestamp) -> Events {
        let rules = self.created()?;
        let phase = self.phase;
        if !matches!(phase, Phase::Draft | Phase::Scheduled | Phase::Prequeue) {
            return Err(RoomRejection::CannotSchedule { phase });
        }
        if rules.beacon.as_ref().is_some_and(|beacon| beacon.out_at() < schedule.opens_at) {
            return Err(RoomRejection::BeaconOut);
        }
        if self.schedule == Some(schedule) {
            return Ok(Vec::new());
        }
        let mut events = vec![RoomEvent::Scheduled { schedule }];
        if phase == Phase::Draft {
            events.push(RoomEvent::PhaseSet { phase: Phase::Scheduled, why: None });
        }
        // Nobody who has a place loses it because the line opens later.
        if phase != Phase::Prequeue && schedule.prequeue_at <= now {
            events.push(RoomEvent::PhaseSet { phase: Phase::Prequeue, why: None });
        }
        Ok(events)
    }

    /// Takes the sale to another phase at `now`, and says why to those who wait. Who opens the line
    /// lets nobody in yet: that follows with the first look at the stock.
    ///
    /// # Errors
    ///
    /// `NoSuchSale` or `PhaseOrder`.
    pub fn set_phase(&self, to: Phase, why: Option<String>, now: Timestamp) -> Events {
        self.created()?;
        if self.phase == to && (why.is_none() || why == self.why) {
            return Ok(Vec::new());
        }
        if self.phase != to && !self.phase.may_become(to) {
            return Err(RoomRejection::PhaseOrder { from: self.phase, to });
        }
        let mut events = vec![RoomEvent::PhaseSet { phase: to, why }];
        if to == Phase::Open && self.order() == LineOrder::Fifo && self.draw.entries.is_none() {
            events.push(RoomEvent::EntriesClosed { entries: self.handed_out });
            if self.handed_out == 0 {
                // Nobody came before: there is nothing to draw.
                events.push(RoomEvent::Drawn {});
            }
        }
        let reason = if to == Phase::Open { RateReason::StockUnknown } else { RateReason::NotOpen };
        events.push(RoomEvent::FrontierSet { frontier: self.turned(0, now), reason });
        Ok(events)
    }

    /// When time alone will do something next.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Scheduled => self.schedule.map(|schedule| schedule.prequeue_at),
            Phase::Prequeue => self.schedule.map(|schedule| schedule.opens_at),
            Phase::Open | Phase::Paused => self.draw_timeout(),
            Phase::Draft | Phase::Closed => None,
        }
    }

    fn draw_timeout(&self) -> Option<Timestamp> {
        if self.draw.drawn_at.is_some() || self.passes_through() {
            return None;
        }
        if self.draw.entries.is_none() {
            return self.rules.as_ref().map(|rules| self.draw_closes_at(rules));
        }
        let waits_for_beacon = self.waits_for_beacon();
        (!waits_for_beacon).then(|| self.draw.closed_at.plus(DRAW_AFTER))
    }

    /// When the draw takes nobody in any more, if the order is random.
    fn draw_closes_at(&self, rules: &SaleRules) -> Timestamp {
        self.opened_at().plus(rules.draw_window_ms)
    }

    fn opened_at(&self) -> Timestamp {
        self.schedule.map_or(self.phase_set_at, |s| s.opens_at.min(self.phase_set_at))
    }

    fn waits_for_beacon(&self) -> bool {
        let named = self.rules.as_ref().is_some_and(|rules| rules.beacon.is_some());
        named && self.draw.beacon_signature.is_none()
    }

    /// What time has brought about by `now`: one step; there may be another.
    pub fn handle_timeout(&self, now: Timestamp) -> Vec<RoomEvent> {
        if self.next_timeout().is_none_or(|at| at > now) {
            return Vec::new();
        }
        match self.phase {
            Phase::Scheduled => vec![RoomEvent::PhaseSet { phase: Phase::Prequeue, why: None }],
            Phase::Prequeue => self.set_phase(Phase::Open, None, now).unwrap_or_default(),
            _ if self.draw.entries.is_none() => {
                vec![RoomEvent::EntriesClosed { entries: self.handed_out }]
            }
            _ => vec![RoomEvent::Drawn {}],
        }
    }

    /// Takes in the signature of the beacon's round that was named.
    ///
    /// # Errors
    ///
    /// `NoSuchSale`, `NoBeacon`, `BeaconMalformed`, or `BeaconToldBefore` if it was another.
    pub fn tell_beacon(&self, signature: &str) -> Events {
        if self.created()?.beacon.is_none() {
            return Err(RoomRejection::NoBeacon);
        }
        if hex::decode(signature).is_none_or(|bytes| bytes.len() != 48) {
            return Err(RoomRejection::BeaconMalformed);
        }
        match &self.draw.beacon_signature {
            None => Ok(vec![RoomEvent::BeaconTold { signature: signature.to_owned() }]),
            Some(known) if known == signature => Ok(Vec::new()),
            Some(_) => Err(RoomRejection::BeaconToldBefore),
        }
    }

    /// Sets what the merchant allows from now on.
    ///
    /// # Errors
    ///
    /// `NoSuchSale`, or `RulesInvalid`.
    pub fn set_limits(&self, limits: Limits) -> Events {
        let mut rules = self.created()?.clone();
        rules.admits_per_minute_max = limits.admits_per_minute_max;
        rules.active_users_max = limits.active_users_max;
        rules.check().map_err(RoomRejection::RulesInvalid)?;
        Ok(if self.limits() == limits { Vec::new() } else { vec![RoomEvent::LimitsSet { limits }] })
    }

    /// Sets what everybody who waits is told; nothing any more if it is empty.
    ///
    /// # Errors
    ///
    /// `NoSuchSale`.
    pub fn set_message(&self, message: &str) -> Events {
        self.created()?;
        let same = self.message == message;
        Ok(if same {
            Vec::new()
        } else {
            vec![RoomEvent::MessageSet { message: message.to_owned() }]
        })
    }

    /// Makes a way past the line, or changes how often and how long it may be used.
    ///
    /// # Errors
    ///
    /// `NoSuchSale`.
    pub fn make_bypass(&self, name: &BypassName, uses_max: u32, expires_at: Timestamp) -> Events {
        self.created()?;
        let same = |known: &Bypass| (known.uses_max, known.expires_at) == (uses_max, expires_at);
        if self.bypasses.get(name).is_some_and(same) {
            return Ok(Vec::new());
        }
        Ok(vec![RoomEvent::BypassMade { name: name.clone(), uses_max, expires_at }])
    }

    /// Lets somebody past the line. Who was let past before is let past again.
    ///
    /// # Errors
    ///
    /// `NoSuchSale` or `BypassSpent`.
    pub fn use_bypass(&self, name: &BypassName, shopper: ShopperId, now: Timestamp) -> Events {
        self.created()?;
        let spent = RoomRejection::BypassSpent;
        let bypass = self.bypasses.get(name).filter(|b| now < b.expires_at).ok_or(spent.clone())?;
        if bypass.used.contains(&shopper) {
            return Ok(Vec::new());
        }
        if bypass.used.len() >= usize::try_from(bypass.uses_max).unwrap_or(usize::MAX) {
            return Err(spent);
        }
        Ok(vec![RoomEvent::BypassUsed { name: name.clone(), shopper }])
    }

    /// The line going on at another rate.
    ///
    /// What was published before may be believed for a while yet. If the line is to rise more
    /// slowly, it therefore stands where the old one will have led by then: otherwise an edge that
    /// has not heard of it would let people in, past others who wait at one that has.
    pub(super) fn turned(&self, per_minute: u64, now: Timestamp) -> Frontier {
        let slower = per_minute < self.frontier.per_minute;
        let from = if slower { now.plus(super::PUBLISHED_FOR) } else { now };
        self.line(from).turned(per_minute, from)
    }
}
