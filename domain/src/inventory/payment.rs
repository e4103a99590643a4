//! The part of a reservation's life in which only the payment provider's word counts.

use super::decide::{Verdict, held};
use super::{
    Decision, Ending, Event, Inventory, RefundState, Rejection, Reply, Reservation, State, Terms,
};
use crate::id::{PaymentId, ReservationId, ShopperId};
use crate::time::Timestamp;

/// Payments that may be begun for one reservation. Who has several cards does not get near it; who
/// tries out stolen ones comes to an end.
pub const PAYMENTS_MAX: u8 = 20;

impl Inventory {
    pub(super) fn begin_payment(
        &self,
        terms: &Terms,
        shopper: ShopperId,
        id: ReservationId,
        now: Timestamp,
    ) -> Verdict {
        let found = self.own(shopper, id)?;
        if matches!(found.state, State::Paying { ending: Ending::No, .. }) {
            // Coming back leads to the payment that is under way, never to a second one.
            return Ok(self.shown(terms, id, found, Vec::new()));
        }
        held(found)?;
        if found.attempts >= PAYMENTS_MAX {
            return Err(Rejection::PaymentsMaxReached { payments_max: PAYMENTS_MAX.into() });
        }
        let deadline = now.plus(terms.payment_window_ms);
        let attempts = found.attempts.saturating_add(1);
        let state = State::Paying { deadline, ending: Ending::No };
        let event = Event::PaymentBegun { payment: PaymentId::of(id, attempts.into()), deadline };
        Ok(self.shown(terms, id, &Reservation { attempts, state, ..*found }, vec![event]))
    }

    pub(super) fn decline_payment(
        &self,
        terms: &Terms,
        payment: PaymentId,
        now: Timestamp,
    ) -> Verdict {
        let (id, found) = self.paid_for(payment)?;
        if found.payment(id) != Some(payment) || found.is_given_up() {
            // At the provider's page another card may be tried, until the payment has ended.
            return Ok(self.shown(terms, id, found, Vec::new()));
        }
        // Who was declined gets the time of a fresh reservation to try another card, but never
        // beyond what one reservation may last in all.
        let cap = found.reserved_at.plus(terms.reservation_max_ms);
        let expires_at = now.plus(terms.reservation_ttl_ms).min(cap);
        let mut events = vec![Event::PaymentDeclined { reservation: id, expires_at }];
        let mut state = State::Held { expires_at };
        if expires_at <= now {
            events.push(Event::Expired { reservation: id });
            state = State::Expired;
        }
        Ok(self.shown(terms, id, &Reservation { state, ..*found }, events))
    }

    /// The shopper wants to give units back whose payment is under way: it is ended first.
    pub(super) fn give_up_payment(
        &self,
        terms: &Terms,
        reservation: ReservationId,
        found: &Reservation,
    ) -> Decision {
        let mut events = Vec::new();
        if !found.is_given_up() {
            events.push(Event::PaymentGivenUp { reservation });
        }
        self.shown(terms, reservation, found, events)
    }

    pub(super) fn void_payment(&self, payment: PaymentId) -> Verdict {
        let (reservation, found) = self.paid_for(payment)?;
        let under_way = found.payment(reservation) == Some(payment);
        let events =
            if under_way { vec![Event::PaymentVoided { reservation }] } else { Vec::new() };
        Ok(Decision { events, reply: Reply::Noted })
    }

    /// Money never comes in vain: it buys the units, or it goes back.
    pub(super) fn decide_allocation(
        &self,
        terms: &Terms,
        payment: PaymentId,
        amount_minor: u64,
        now: Timestamp,
    ) -> Verdict {
        let (id, found) = self.paid_for(payment)?;
        if found.paid_with(id) == Some(payment) {
            return Ok(self.shown(terms, id, found, Vec::new()));
        }
        if self.refunds.contains_key(&payment) {
            return Ok(Decision { events: Vec::new(), reply: Reply::RefundDue { payment } });
        }
        if self.buys(found, payment, amount_minor) {
            let attempt = payment.attempt();
            let state = State::Allocated { attempt, allocated_at: now, settled: false };
            let event = Event::Allocated { payment };
            return Ok(self.shown(terms, id, &Reservation { state, ..*found }, vec![event]));
        }
        let mut events = vec![Event::RefundDue { payment, amount_minor }];
        if found.payment(id) == Some(payment) {
            // It is over, with the wrong sum: nothing more can come of it.
            events.push(Event::PaymentVoided { reservation: id });
        }
        Ok(Decision { events, reply: Reply::RefundDue { payment } })
    }

    /// Whether so much money gets the units. One rule for the decision and for the replay.
    pub(super) fn buys(&self, found: &Reservation, payment: PaymentId, amount_minor: u64) -> bool {
        self.is_owed(found, amount_minor)
            && match found.state {
                State::Held { .. } => true,
                State::Paying { .. } => found.payment(payment.reservation()) == Some(payment),
                State::Released | State::Expired => {
                    let id = payment.reservation();
                    let had = self.had_by(id.shopper(found.shopper_second_half));
                    let may = |terms| had.may_have(found.quantity, terms);
                    found.quantity <= self.counts.available()
                        && self.terms.as_ref().is_some_and(may)
                }
                State::Waiting { .. } | State::Allocated { .. } | State::Cancelled { .. } => false,
            }
    }

    /// Whether so much money is what a reservation costs.
    pub(super) fn is_owed(&self, found: &Reservation, amount_minor: u64) -> bool {
        let owed = self.terms.as_ref().and_then(|terms| terms.price_of(found.quantity, found.cart));
        owed.is_some_and(|owed| owed.minor == amount_minor)
    }

    pub(super) fn confirm_refund(&self, payment: PaymentId) -> Decision {
        let due = self.refunds.get(&payment) == Some(&RefundState::Due);
        let events = if due { vec![Event::Refunded { payment }] } else { Vec::new() };
        Decision { events, reply: Reply::Noted }
    }

    /// What a payment is for, if it was ever begun.
    fn paid_for(&self, payment: PaymentId) -> Result<(ReservationId, &Reservation), Rejection> {
        let id = payment.reservation();
        self.reservations
            .get(&id)
            .filter(|found| (1..=found.attempts.into()).contains(&payment.attempt()))
            .map(|found| (id, found))
            .ok_or(Rejection::ReservationNotFound)
    }
}
