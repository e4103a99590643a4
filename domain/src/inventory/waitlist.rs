//! The waitlist: who asks while all units are reserved, and is called when some come back.
//!
//! A place on it is a reservation that has no units yet. What is released, expires or is restocked
//! goes to the first who waits for no more than that, in the decision that brings it back
//! (`decide_batch`). So there is no moment in which somebody else gets it. Who wants more than
//! there is keeps the place and is passed by: else one unit would lie idle while people wait for
//! one.

use super::apply::Fits;
use super::decide::Verdict;
use super::{Event, Inventory, Rejection, Reservation, Selling, State, Terms, WaitlistView};
use crate::cart::CartMark;
use crate::id::{IdempotencyKey, ReservationId, ShopperId};
use crate::time::Timestamp;

impl Inventory {
    /// A reservation now, or else a place on the waitlist.
    pub(super) fn reserve_or_wait(
        &self,
        terms: &Terms,
        shopper: ShopperId,
        key: &IdempotencyKey,
        quantity: u32,
        now: Timestamp,
    ) -> Verdict {
        let verdict = self.reserve(terms, (shopper, key), (quantity, CartMark::NONE), now);
        if verdict != Err(Rejection::AllReserved) {
            return verdict;
        }
        let reservation = ReservationId::derive(&terms.sale, &terms.sku, shopper, key);
        let waiting = Reservation::waiting(shopper, quantity, now, 0);
        let event = Event::Waitlisted { reservation, shopper, quantity };
        Ok(self.shown(terms, reservation, &waiting, vec![event]))
    }

    /// Who is to be called now.
    pub(super) fn next_called(&self) -> Option<ReservationId> {
        let (available, open) = (self.counts.available(), self.selling == Selling::Open);
        let next = if open { self.index.first_waiting(available) } else { None };
        next.map(|(_, id)| id)
    }

    /// How the waitlist stands before a reservation that waits. Those who left count, until all
    /// before them are gone: counting one by one would take as long as the waitlist is.
    pub(super) fn waitlist_before(&self, found: &Reservation) -> Option<WaitlistView> {
        let State::Waiting { number } = found.state else { return None };
        let (first, _) = self.index.first_waiting(u32::MAX)?;
        let (ahead, band) = (number.saturating_sub(first).into(), self.counts.band());
        Some(WaitlistView { ahead, band })
    }

    /// Sets units aside for who waited. From here on it is a reservation like any other.
    pub(super) fn call(&mut self, id: ReservationId, at: Timestamp, expires_at: Timestamp) -> Fits {
        if expires_at != self.deadline_of_new(at) {
            return Err("the deadline is another");
        }
        let mut quantity = 0;
        self.alter(id, |r| {
            quantity = r.quantity;
            (r.reserved_at, r.state) = (at, State::Held { expires_at });
            true
        })?;
        self.counts.reserved = self.counts.reserved.saturating_add(quantity);
        Ok(())
    }

    /// Once nothing is sold any more, nobody waits.
    pub(super) fn end_waitlist_if_closed(&mut self) {
        if self.selling != Selling::Closed {
            return;
        }
        for id in self.index.take_waiting() {
            if let Some(reservation) = self.reservations.get_mut(&id) {
                reservation.state = State::Expired;
            }
        }
    }
}
