//! The part of a reservation's life in which only the payment provider's word counts.

use super::decide::{held, shown};
use super::{Decision, Event, Inventory, Rejection, Reply, Reservation, State, Terms};
use crate::id::{PaymentId, ReservationId, ShopperId};
use crate::time::Timestamp;

type Verdict = Result<Decision, Rejection>;

impl Inventory {
    pub(super) fn begin_payment(
        &self,
        terms: &Terms,
        shopper: ShopperId,
        id: ReservationId,
        payment: &PaymentId,
        now: Timestamp,
    ) -> Verdict {
        let found = self.own(shopper, id)?;
        if matches!(found.state, State::Paying { overdue: false, .. }) {
            // Coming back leads to the payment that is under way, never to a second one.
            return Ok(shown(terms, id, found, Vec::new()));
        }
        held(found)?;
        let deadline = now.plus(terms.payment_window_ms);
        let state = State::Paying { payment: payment.clone(), deadline, overdue: false };
        let event = Event::PaymentBegun { reservation: id, payment: payment.clone(), deadline };
        Ok(shown(terms, id, &Reservation { state, ..found.clone() }, vec![event]))
    }

    pub(super) fn decline_payment(
        &self,
        terms: &Terms,
        id: ReservationId,
        payment: &PaymentId,
        now: Timestamp,
    ) -> Verdict {
        let found = self.reservations.get(&id).ok_or(Rejection::ReservationNotFound)?;
        if !is_paying(found, payment) {
            return Ok(shown(terms, id, found, Vec::new()));
        }
        // Who was declined gets the time of a fresh reservation to try another card, but never
        // beyond what one reservation may last in all.
        let cap = found.reserved_at.plus(terms.reservation_max_ms);
        let expires_at = now.plus(terms.reservation_ttl_ms).min(cap).max(found.expires_at);
        if expires_at <= now {
            let expired = Reservation { state: State::Expired, ..found.clone() };
            return Ok(shown(terms, id, &expired, vec![Event::Expired { reservation: id }]));
        }
        let again = Reservation { state: State::Held, expires_at, ..found.clone() };
        let event = Event::PaymentDeclined { reservation: id, expires_at };
        Ok(shown(terms, id, &again, vec![event]))
    }

    pub(super) fn void_payment(&self, id: ReservationId, payment: &PaymentId) -> Verdict {
        let found = self.reservations.get(&id).ok_or(Rejection::ReservationNotFound)?;
        let events = if is_paying(found, payment) {
            vec![Event::Expired { reservation: id }]
        } else {
            Vec::new()
        };
        Ok(Decision { events, reply: Reply::Noted })
    }

    /// Money never comes in vain: it buys the units, or it goes back.
    pub(super) fn decide_allocation(
        &self,
        terms: &Terms,
        id: ReservationId,
        payment: &PaymentId,
        amount_minor: u64,
        now: Timestamp,
    ) -> Verdict {
        let found = self.reservations.get(&id).ok_or(Rejection::ReservationNotFound)?;
        if self.refunds.contains_key(payment) {
            let reply = Reply::RefundDue { payment: payment.clone() };
            return Ok(Decision { events: Vec::new(), reply });
        }
        let owed = terms.unit_price.times(found.quantity).map(|owed| owed.minor);
        if owed != Some(amount_minor) {
            return Err(Rejection::AmountMismatch);
        }
        let accept = match &found.state {
            State::Allocated { payment: known, .. } if known == payment => {
                return Ok(shown(terms, id, found, Vec::new()));
            }
            State::Held => true,
            State::Paying { payment: known, .. } => known == payment,
            State::Released | State::Expired => self.has_room_again(terms, found),
            State::Allocated { .. } => false,
        };
        if !accept {
            let event =
                Event::RefundDue { reservation: id, payment: payment.clone(), amount_minor };
            let reply = Reply::RefundDue { payment: payment.clone() };
            return Ok(Decision { events: vec![event], reply });
        }
        let state =
            State::Allocated { payment: payment.clone(), allocated_at: now, settled: false };
        let event = Event::Allocated { reservation: id, payment: payment.clone() };
        Ok(shown(terms, id, &Reservation { state, ..found.clone() }, vec![event]))
    }

    /// Whether what was given back can be had again by a payment that came late.
    fn has_room_again(&self, terms: &Terms, found: &Reservation) -> bool {
        let units = self.index.units.get(&found.shopper).copied().unwrap_or_default();
        found.quantity <= self.available()
            && units.saturating_add(found.quantity) <= terms.per_shopper_max
    }

    pub(super) fn confirm_refund(&self, payment: &PaymentId) -> Decision {
        let due = self.refunds.get(payment).is_some_and(|refund| !refund.done);
        let events =
            if due { vec![Event::Refunded { payment: payment.clone() }] } else { Vec::new() };
        Decision { events, reply: Reply::Noted }
    }
}

fn is_paying(found: &Reservation, payment: &PaymentId) -> bool {
    matches!(&found.state, State::Paying { payment: known, .. } if known == payment)
}
