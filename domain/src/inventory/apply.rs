//! What an event does to the state. The only place that changes it. It refuses, event by event,
//! what no decision could have led to, so that an audit can replay a journal. What it cannot see is
//! an event that is missing.

use super::decide::is_worth_it;
use super::{
    Adjustment, AdjustmentReason, Ending, Event, Inventory, RefundState, Reservation, Selling,
    State,
};
use crate::cart::CartMark;
use crate::id::{IdempotencyKey, PaymentId, ReservationId, ShopperId};
use crate::machine::Corrupt;
use crate::time::Timestamp;

pub(super) type Fits = Result<(), &'static str>;

impl Event {
    /// The event's name, as the journal spells it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Restocked { .. } => "restocked",
            Self::Withdrawn { .. } => "withdrawn",
            Self::SellingSet { .. } => "selling_set",
            Self::Reserved { .. } => "reserved",
            Self::ReservedInCart { .. } => "reserved_in_cart",
            Self::Waitlisted { .. } => "waitlisted",
            Self::Called { .. } => "called",
            Self::Extended { .. } => "extended",
            Self::PaymentBegun { .. } => "payment_begun",
            Self::PaymentOverdue { .. } => "payment_overdue",
            Self::PaymentGivenUp { .. } => "payment_given_up",
            Self::PaymentDeclined { .. } => "payment_declined",
            Self::PaymentVoided { .. } => "payment_voided",
            Self::Allocated { .. } => "allocated",
            Self::RefundDue { .. } => "refund_due",
            Self::Refunded { .. } => "refunded",
            Self::Released { .. } => "released",
            Self::Expired { .. } => "expired",
            Self::Settled { .. } => "settled",
            Self::OrderCancelled { .. } => "order_cancelled",
        }
    }
}

fn require(holds: bool, otherwise: &'static str) -> Fits {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// Whether its shopper may still do something about it.
fn is_held_at(reservation: &Reservation, at: Timestamp) -> bool {
    matches!(reservation.state, State::Held { expires_at } if expires_at > at)
}

impl Inventory {
    /// `Machine::apply`, in the module that does nothing else.
    pub(super) fn apply_event(&mut self, event: &Event, at: Timestamp) -> Result<(), Corrupt> {
        if at < self.last_at {
            return Err(Corrupt {
                event: event.name(),
                reason: "it is older than what it follows",
            });
        }
        self.last_at = at;
        self.change(event, at).map_err(|reason| Corrupt { event: event.name(), reason })
    }

    fn change(&mut self, event: &Event, at: Timestamp) -> Fits {
        let opening = matches!(event, Event::Opened { .. });
        require(opening != self.terms.is_some(), "opening comes first, and once")?;
        match event {
            Event::Opened { terms, on_hand } => {
                terms.check()?;
                self.terms = Some(terms.clone());
                self.counts.on_hand = *on_hand;
                self.opened_with = *on_hand;
                Ok(())
            }
            Event::Restocked { key, units, reason } => {
                require(*units > 0, "no units are added")?;
                let sum = self.counts.on_hand.checked_add(*units);
                self.counts.on_hand = sum.ok_or("on_hand overflows")?;
                self.adjusted(key, (true, *units, reason))
            }
            Event::Withdrawn { key, units, reason } => {
                require(*units > 0, "no units are taken")?;
                require(*units <= self.counts.available(), "more is withdrawn than available")?;
                self.counts.on_hand = self.counts.on_hand.saturating_sub(*units);
                self.adjusted(key, (false, *units, reason))
            }
            Event::SellingSet { selling, phase_number } => {
                let closed = self.selling == Selling::Closed && *selling != Selling::Closed;
                require(!closed, "a closed sale stays closed")?;
                let unopened = *selling == Selling::NotOpen && self.selling != Selling::NotOpen;
                require(!unopened, "what has opened was not open before")?;
                require(*phase_number > self.phase_number, "a later order came before")?;
                (self.selling, self.phase_number) = (*selling, *phase_number);
                self.end_waitlist_if_closed();
                Ok(())
            }
            Event::RefundDue { payment, amount_minor } => {
                let found = self.begun(*payment)?;
                let bought = found.paid_with(payment.reservation()) == Some(*payment);
                let fits = !bought || self.goes_back(&found, *amount_minor);
                require(fits, "the payment bought the units")?;
                require(!self.buys(&found, *payment, *amount_minor), "the payment buys the units")?;
                require(
                    self.refunds.insert(*payment, RefundState::Due).is_none(),
                    "the refund was due before",
                )
            }
            Event::Refunded { payment } => require(
                self.refunds.insert(*payment, RefundState::Done) == Some(RefundState::Due),
                "no refund was due",
            ),
            Event::OrderCancelled(cancel) => self.apply_cancellation(cancel, at),
            Event::Reserved { reservation, shopper, quantity, expires_at } => {
                let wanted = (*quantity, CartMark::NONE);
                self.reserve_units(*reservation, *shopper, wanted, (at, *expires_at))
            }
            Event::ReservedInCart { reservation, shopper, quantity, expires_at, cart } => {
                require(!cart.is_none(), "it names no cart")?;
                self.reserve_units(*reservation, *shopper, (*quantity, *cart), (at, *expires_at))
            }
            Event::Waitlisted { reservation, shopper, quantity } => {
                self.waitlisted = self.waitlisted.saturating_add(1);
                let entry = Reservation::waiting(*shopper, *quantity, at, self.waitlisted);
                self.add(*reservation, *shopper, entry)?;
                require(self.counts.available() == 0, "nobody waits for what is there")?;
                require(self.counts.reserved > 0, "nobody waits for what is gone")
            }
            Event::Called { reservation, expires_at } => {
                require(self.next_called() == Some(*reservation), "another comes first")?;
                self.call(*reservation, at, *expires_at)
            }
            _ => self.change_reservation(event, at),
        }
    }

    fn reserve_units(
        &mut self,
        id: ReservationId,
        shopper: ShopperId,
        (quantity, cart): (u32, CartMark),
        (at, expires_at): (Timestamp, Timestamp),
    ) -> Fits {
        let held = Reservation::held(shopper, quantity, at, expires_at);
        self.add(id, shopper, Reservation { cart, ..held })?;
        require(quantity <= self.counts.available(), "more is reserved than available")?;
        require(self.next_called().is_none(), "somebody waits for the units")?;
        require(expires_at == self.deadline_of_new(at), "the deadline is another")?;
        self.counts.reserved = self.counts.reserved.saturating_add(quantity);
        Ok(())
    }

    fn adjusted(
        &mut self,
        key: &IdempotencyKey,
        (restock, units, reason): (bool, u32, &AdjustmentReason),
    ) -> Fits {
        let answer = self.figures();
        let adjustment = Adjustment { restock, units, reason: reason.clone(), answer };
        let known = self.adjustments.insert(key.clone(), adjustment);
        require(known.is_none(), "the act happened before")
    }

    fn add(&mut self, id: ReservationId, shopper: ShopperId, entry: Reservation) -> Fits {
        require(self.selling == Selling::Open, "the sale is not open")?;
        require(entry.quantity > 0, "nothing is reserved")?;
        let terms = self.terms.as_ref().ok_or("opening comes first, and once")?;
        let had = self.had_by(shopper);
        require(had.may_have(entry.quantity, terms), "the shopper's limit is passed")?;
        require(had.may_reserve(terms), "the shopper reserved too often")?;
        let is_of_shopper = ReservationId::range_of(shopper).contains(&id);
        require(is_of_shopper, "the reservation cannot be the shopper's")?;
        self.index.add(id, &entry);
        require(self.reservations.insert(id, entry).is_none(), "the reservation exists")
    }

    fn change_reservation(&mut self, event: &Event, at: Timestamp) -> Fits {
        let terms = self.terms.as_ref().ok_or("opening comes first, and once")?;
        let (ttl, max) = (terms.reservation_ttl_ms, terms.reservation_max_ms);
        let window = terms.payment_window_ms;
        let deadline_now = |r: &Reservation| at.plus(ttl).min(r.reserved_at.plus(max));
        match event {
            Event::Extended { reservation, expires_at } => self.alter(*reservation, |r| {
                let cap = r.reserved_at.plus(max);
                let fits = matches!(r.state, State::Held { expires_at: old } if old > at
                    && is_worth_it((old, *expires_at), ttl, cap))
                    && *expires_at == deadline_now(r);
                r.state = State::Held { expires_at: *expires_at };
                fits
            }),
            Event::PaymentBegun { payment, deadline } => self.alter(payment.reservation(), |r| {
                let held = is_held_at(r, at);
                r.attempts = r.attempts.saturating_add(1);
                r.state = State::Paying { deadline: *deadline, ending: Ending::No };
                held && u32::from(r.attempts) == payment.attempt() && *deadline == at.plus(window)
            }),
            Event::PaymentOverdue { reservation } => {
                self.alter(*reservation, |r| match &mut r.state {
                    State::Paying { ending, deadline } => {
                        let before = std::mem::replace(ending, Ending::Overdue);
                        *deadline <= at && before == Ending::No
                    }
                    _ => false,
                })
            }
            Event::PaymentGivenUp { reservation } => {
                self.alter(*reservation, |r| match &mut r.state {
                    State::Paying { ending, .. } => {
                        std::mem::replace(ending, Ending::GivenUp) != Ending::GivenUp
                    }
                    _ => false,
                })
            }
            Event::PaymentDeclined { reservation, expires_at } => self.alter(*reservation, |r| {
                let held = State::Held { expires_at: *expires_at };
                let before = std::mem::replace(&mut r.state, held);
                *expires_at == deadline_now(r)
                    && matches!(before, State::Paying { ending, .. } if ending != Ending::GivenUp)
            }),
            Event::PaymentVoided { reservation } => {
                let found = self.reservations.get(reservation);
                let given_up = found.is_some_and(Reservation::is_given_up);
                let end = if given_up { State::Released } else { State::Expired };
                self.give_back(*reservation, end, |r| matches!(r.state, State::Paying { .. }))
            }
            Event::Released { reservation } => self.give_back(*reservation, State::Released, |r| {
                is_held_at(r, at) || matches!(r.state, State::Waiting { .. })
            }),
            Event::Expired { reservation } => self.give_back(
                *reservation,
                State::Expired,
                |r| matches!(r.state, State::Held { expires_at } if expires_at <= at),
            ),
            Event::Allocated { payment } => self.allocate(*payment, at),
            Event::Settled { order } => self.alter(order.reservation(), |r| match &mut r.state {
                State::Allocated { settled, .. } | State::Cancelled { settled, .. } => {
                    !std::mem::replace(settled, true)
                }
                _ => false,
            }),
            _ => Err("it is not about a reservation"),
        }
    }

    /// When a reservation that begins now ends.
    pub(super) fn deadline_of_new(&self, at: Timestamp) -> Timestamp {
        self.terms.as_ref().map_or(at, |terms| at.plus(terms.reservation_ttl_ms))
    }

    /// Changes one reservation and keeps the index true. `change` says whether it fitted the state.
    pub(super) fn alter(
        &mut self,
        id: ReservationId,
        change: impl FnOnce(&mut Reservation) -> bool,
    ) -> Fits {
        let reservation = self.reservations.get_mut(&id).ok_or("there is no such reservation")?;
        self.index.remove(id, reservation);
        let fits = change(reservation);
        self.index.add(id, reservation);
        require(fits, "the reservation is in another state")
    }

    fn allocate(&mut self, payment: PaymentId, at: Timestamp) -> Fits {
        let id = payment.reservation();
        let found = self.begun(payment)?;
        require(!self.refunds.contains_key(&payment), "the money went back")?;
        let quantity = found.quantity;
        match found.state {
            State::Held { .. } => {}
            State::Paying { .. } => {
                require(found.payment(id) == Some(payment), "another payment is under way")?;
            }
            State::Released | State::Expired => {
                require(quantity <= self.counts.available(), "the units are gone")?;
                let terms = self.terms.as_ref().ok_or("opening comes first, and once")?;
                let had = self.had_by(id.shopper(found.shopper_second_half));
                require(had.may_have(quantity, terms), "the limit is passed")?;
            }
            State::Waiting { .. } => return Err("it waits for units"),
            State::Allocated { .. } => return Err("it is allocated already"),
            State::Cancelled { .. } => return Err("its order was cancelled"),
        }
        if found.is_reserved() {
            self.counts.reserved = self.counts.reserved.saturating_sub(quantity);
        }
        self.counts.allocated = self.counts.allocated.saturating_add(quantity);
        self.alter(id, |r| {
            let attempt = payment.attempt();
            r.state = State::Allocated { attempt, allocated_at: at, settled: false };
            true
        })
    }

    fn give_back(
        &mut self,
        id: ReservationId,
        end: State,
        fits: impl FnOnce(&Reservation) -> bool,
    ) -> Fits {
        let mut returned = 0;
        self.alter(id, |r| {
            returned = if r.is_reserved() { r.quantity } else { 0 };
            let fits = fits(r);
            r.state = end;
            fits
        })?;
        self.counts.reserved = self.counts.reserved.saturating_sub(returned);
        if end == State::Expired {
            self.expired = self.expired.saturating_add(1);
        }
        Ok(())
    }

    /// What a payment is for, if it was ever begun.
    fn begun(&self, payment: PaymentId) -> Result<Reservation, &'static str> {
        let found = self.reservations.get(&payment.reservation());
        let found = *found.ok_or("there is no such reservation")?;
        let begun = (1..=found.attempts.into()).contains(&payment.attempt());
        require(begun, "the payment was never begun").map(|()| found)
    }
}
