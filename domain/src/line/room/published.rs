//! What a waiting room publishes.

use super::super::admission::Admission;
use super::super::draw::BeaconRound;
use super::super::forecast::Forecast;
use super::super::frontier::PublishedFrontier;
use super::super::sale::{Phase, SaleRules};
use super::super::status::{DrawStatus, Drawn, Pace, Status};
use super::{Look, PUBLISHED_FOR, WaitingRoom};
use crate::hex;
use crate::time::{Millis, Timestamp};

/// The pace that people are told is that of the last half minute.
const PACE_OVER: Millis = Millis::from_secs(30);

impl WaitingRoom {
    /// How fast the line went lately; as fast as it goes, if it has only begun.
    fn pace(&self, now: Timestamp) -> u64 {
        let then = Timestamp::from_millis(now.as_millis().saturating_sub(PACE_OVER.get()));
        if self.phase_set_at > then || self.draw.drawn_at.is_some_and(|at| at > then) {
            return self.frontier.per_minute;
        }
        let before = self.passage.position_at(then, &self.frontier);
        let per_minute = self.reached(now).saturating_sub(before).saturating_mul(60_000);
        per_minute.checked_div(PACE_OVER.get()).unwrap_or_default()
    }

    /// Follows what people are told of their wait.
    pub fn follow_forecast(&self, forecast: &mut Forecast, now: Timestamp) {
        if self.phase == Phase::Open {
            forecast.note(self.reached(now), self.pace(now), now);
        }
    }

    /// The status that edges answer polls from.
    pub fn status(
        &self,
        look: &Look,
        admission: &Admission,
        forecast: &Forecast,
        now: Timestamp,
    ) -> Option<Status> {
        let (rules, line) = (self.rules.as_ref()?, self.line(now));
        let mut passage = self.passage.clone();
        let reached = line.at(now);
        passage.note(reached, now, &self.frontier, rules.pass_ttl_ms);
        let allocated = look
            .units
            .on_hand
            .saturating_sub(look.units.available)
            .saturating_sub(look.units.reserved);
        let reach =
            self.with_standing(now, |standing| admission.reach(standing, look.units, allocated));
        Some(Status {
            sale: rules.sale.clone(),
            title: rules.title.clone(),
            at: now,
            phase: self.phase,
            why: self.why.clone(),
            order: rules.order,
            schedule: self.schedule,
            draw: self.draw_status(rules),
            frontier: PublishedFrontier {
                line,
                until: now.plus(PUBLISHED_FOR),
                max: self.handed_out.saturating_add(self.second()).max(reached),
            },
            passage,
            pace: Pace { per_minute: self.pace(now), spreads: forecast.spreads(now) },
            reason: self.reason,
            reach,
            handed_out: self.handed_out,
            pass_ttl_ms: rules.pass_ttl_ms,
            per_shopper_max: rules.per_shopper_max,
            challenge: rules.challenge,
            places_per_client: rules.places_per_client,
            full_clients: admission.full_clients().to_vec(),
            message: self.message.clone(),
            offers: rules.skus.clone(),
            charges: rules.charges.clone(),
            stock: look.bands.clone(),
        })
    }

    fn draw_status(&self, rules: &SaleRules) -> DrawStatus {
        let beacon = rules.beacon.clone();
        let secret = self.draw.secret;
        DrawStatus {
            commitment: secret.map(|secret| secret.commitment(&rules.sale, beacon.as_ref())),
            beacon,
            entries: self.draw.entries,
            drawn: self.drawn(),
        }
    }

    fn drawn(&self) -> Option<Drawn> {
        let (at, secret, entries) = (self.draw.drawn_at?, self.draw.secret?, self.draw.entries?);
        let signature = self.draw.beacon_signature.clone();
        let bytes = signature.as_deref().and_then(hex::decode);
        let randomness = bytes.map(|bytes| BeaconRound::randomness(&bytes));
        let seed = secret.seed(entries, randomness.as_ref());
        Some(Drawn { at, secret, beacon_signature: signature, seed })
    }
}
