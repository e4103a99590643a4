//! What an event does to the state. The only place that changes it.

use super::{Adjustment, Event, Inventory, Refund, Reservation, State};
use crate::id::{PaymentId, ReservationId};
use crate::machine::Corrupt;
use crate::time::Timestamp;

impl Event {
    /// The event's name, as the journal spells it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Restocked { .. } => "restocked",
            Self::Withdrawn { .. } => "withdrawn",
            Self::SellingSet { .. } => "selling_set",
            Self::Reserved { .. } => "reserved",
            Self::Extended { .. } => "extended",
            Self::PaymentBegun { .. } => "payment_begun",
            Self::PaymentOverdue { .. } => "payment_overdue",
            Self::PaymentDeclined { .. } => "payment_declined",
            Self::Allocated { .. } => "allocated",
            Self::RefundDue { .. } => "refund_due",
            Self::Refunded { .. } => "refunded",
            Self::Released { .. } => "released",
            Self::Expired { .. } => "expired",
            Self::Settled { .. } => "settled",
        }
    }
}

impl Inventory {
    /// `Machine::apply`, in the module that does nothing else.
    pub(super) fn apply_event(&mut self, event: &Event, at: Timestamp) -> Result<(), Corrupt> {
        self.last_at = self.last_at.max(at);
        self.change(event, at).map_err(|reason| Corrupt { event: event.name(), reason })
    }

    fn change(&mut self, event: &Event, at: Timestamp) -> Result<(), &'static str> {
        match event {
            Event::Opened { terms, on_hand } => {
                if self.terms.is_some() {
                    return Err("it was opened before");
                }
                self.terms = Some(terms.clone());
                self.on_hand = *on_hand;
                self.opened_with = *on_hand;
                Ok(())
            }
            Event::Restocked { key, units, .. } => {
                self.on_hand = self.on_hand.checked_add(*units).ok_or("on_hand overflows")?;
                self.adjustments.insert(key.clone(), Adjustment { restock: true, units: *units });
                Ok(())
            }
            Event::Withdrawn { key, units, .. } => {
                if *units > self.available() {
                    return Err("more is withdrawn than available");
                }
                self.on_hand = self.on_hand.saturating_sub(*units);
                self.adjustments.insert(key.clone(), Adjustment { restock: false, units: *units });
                Ok(())
            }
            Event::SellingSet { selling } => {
                self.selling = *selling;
                Ok(())
            }
            Event::RefundDue { reservation, payment, amount_minor } => {
                let refund =
                    Refund { reservation: *reservation, amount_minor: *amount_minor, done: false };
                self.refunds.insert(payment.clone(), refund);
                Ok(())
            }
            Event::Refunded { payment } => {
                self.refunds.get_mut(payment).ok_or("no refund was due")?.done = true;
                Ok(())
            }
            _ => self.change_reservation(event, at),
        }
    }

    fn change_reservation(&mut self, event: &Event, at: Timestamp) -> Result<(), &'static str> {
        match event {
            Event::Reserved { reservation, shopper, quantity, expires_at } => {
                if *quantity > self.available() {
                    return Err("more is reserved than available");
                }
                let entry = Reservation {
                    shopper: *shopper,
                    quantity: *quantity,
                    reserved_at: at,
                    expires_at: *expires_at,
                    state: State::Held,
                };
                self.index.add(*reservation, &entry);
                self.reserved = self.reserved.saturating_add(*quantity);
                match self.reservations.insert(*reservation, entry) {
                    None => Ok(()),
                    Some(_) => Err("the reservation exists"),
                }
            }
            Event::Extended { reservation, expires_at } => self.alter(*reservation, |r| {
                r.expires_at = *expires_at;
                matches!(r.state, State::Held)
            }),
            Event::PaymentBegun { reservation, payment, deadline } => {
                self.alter(*reservation, |r| {
                    let held = matches!(r.state, State::Held);
                    r.state = State::Paying {
                        payment: payment.clone(),
                        deadline: *deadline,
                        overdue: false,
                    };
                    held
                })
            }
            Event::PaymentOverdue { reservation } => {
                self.alter(*reservation, |r| match &mut r.state {
                    State::Paying { overdue, .. } => {
                        *overdue = true;
                        true
                    }
                    _ => false,
                })
            }
            Event::PaymentDeclined { reservation, expires_at } => self.alter(*reservation, |r| {
                let paying = matches!(r.state, State::Paying { .. });
                r.state = State::Held;
                r.expires_at = *expires_at;
                paying
            }),
            Event::Allocated { reservation, payment } => self.allocate(*reservation, payment, at),
            Event::Released { reservation } => self.give_back(*reservation, State::Released),
            Event::Expired { reservation } => {
                self.expired = self.expired.saturating_add(1);
                self.give_back(*reservation, State::Expired)
            }
            Event::Settled { order } => self.alter(order.reservation(), |r| match &mut r.state {
                State::Allocated { settled, .. } => {
                    *settled = true;
                    true
                }
                _ => false,
            }),
            _ => Err("it is not about a reservation"),
        }
    }

    /// Changes one reservation and keeps the index true. `change` says whether it fitted the state.
    fn alter(
        &mut self,
        id: ReservationId,
        change: impl FnOnce(&mut Reservation) -> bool,
    ) -> Result<(), &'static str> {
        let reservation = self.reservations.get_mut(&id).ok_or("there is no such reservation")?;
        self.index.remove(id, reservation);
        let fits = change(reservation);
        self.index.add(id, reservation);
        if fits { Ok(()) } else { Err("the reservation is in another state") }
    }

    fn allocate(
        &mut self,
        id: ReservationId,
        payment: &PaymentId,
        at: Timestamp,
    ) -> Result<(), &'static str> {
        let (reserved, available) = (self.reserved, self.available());
        let mut taken = (0, 0);
        self.alter(id, |r| {
            let was_reserved = r.is_reserved();
            let fits = if was_reserved { r.quantity <= reserved } else { r.quantity <= available };
            let open = !matches!(r.state, State::Allocated { .. });
            taken = (if was_reserved { r.quantity } else { 0 }, r.quantity);
            r.state =
                State::Allocated { payment: payment.clone(), allocated_at: at, settled: false };
            fits && open
        })?;
        self.reserved = self.reserved.saturating_sub(taken.0);
        self.allocated = self.allocated.saturating_add(taken.1);
        Ok(())
    }

    fn give_back(&mut self, id: ReservationId, end: State) -> Result<(), &'static str> {
        let mut returned = 0;
        self.alter(id, |r| {
            let reserved = r.is_reserved();
            returned = r.quantity;
            r.state = end;
            reserved
        })?;
        self.reserved = self.reserved.saturating_sub(returned);
        Ok(())
    }
}
