//! The merchant cancels an order: the money goes back, and the units come back to the sale or leave
//! it.
//!
//! Without a restock `on_hand` falls with `allocated`, so `reserved + allocated <= on_hand` stays
//! as far from being broken as it was. The money goes back by `refund_due`, as money does that
//! bought nothing.

use serde::{Deserialize, Serialize};

use super::decide::Verdict;
use super::{
    AdjustmentReason, Decision, Event, Inventory, Rejection, Reply, Reservation, State, Terms,
};
use crate::id::{IdempotencyKey, OrderId, PaymentId};
use crate::time::Timestamp;

/// What the merchant says when cancelling an order: of the command and of the event, so that both
/// are read by the same code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Which order.
    pub order: OrderId,
    /// Whether the units come back to the sale; else they leave it.
    pub restock: bool,
    /// Marks this act on the order, so that a repeat is known as such.
    pub key: IdempotencyKey,
    /// Why.
    pub reason: AdjustmentReason,
}

/// What is kept of a cancellation, beside the reservation that was the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub(super) struct Cancellation {
    key: IdempotencyKey,
    reason: AdjustmentReason,
    at: Timestamp,
    /// Units that left the sale with it; none if they came back to it.
    pub(super) withdrawn: u32,
}

/// The same in a snapshot: a list needs less code to be read than a map with names.
type Kept = (IdempotencyKey, AdjustmentReason, Timestamp, u32);

impl From<Kept> for Cancellation {
    fn from((key, reason, at, withdrawn): Kept) -> Self {
        Self { key, reason, at, withdrawn }
    }
}

impl From<Cancellation> for Kept {
    fn from(cancellation: Cancellation) -> Self {
        let Cancellation { key, reason, at, withdrawn } = cancellation;
        (key, reason, at, withdrawn)
    }
}

/// A cancellation as the books are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Told", into = "Told")]
pub struct Cancelled {
    /// When.
    pub at: Timestamp,
    /// Whether the units came back to the sale.
    pub restock: bool,
    /// Why.
    pub reason: AdjustmentReason,
}

/// The same in a message: when, whether the units came back, why.
type Told = (Timestamp, bool, AdjustmentReason);

impl From<Told> for Cancelled {
    fn from((at, restock, reason): Told) -> Self {
        Self { at, restock, reason }
    }
}

impl From<Cancelled> for Told {
    fn from(Cancelled { at, restock, reason }: Cancelled) -> Self {
        (at, restock, reason)
    }
}

impl Inventory {
    /// Cancels an order, once. A repeat with the same key gets the order as it is now.
    pub(super) fn cancel_order(&self, terms: &Terms, cancel: &Cancel, now: Timestamp) -> Verdict {
        let id = cancel.order.reservation();
        let found = self.reservations.get(&id).ok_or(Rejection::ReservationNotFound)?;
        if let Some(known) = self.cancellations.get(&cancel.order) {
            if known.key != cancel.key {
                return Err(Rejection::OrderCancelled);
            }
            if (known.withdrawn == 0, &known.reason) != (cancel.restock, &cancel.reason) {
                return Err(Rejection::ExistsWithDifferentAdjustment);
            }
            let view = self.view(terms, id, found);
            let reply = Reply::Reservation { view, exists: true };
            return Ok(Decision { events: Vec::new(), reply });
        }
        let (Some(after), Some(payment)) = (cancelled(found), found.paid_with(id)) else {
            return Err(Rejection::ReservationNotFound);
        };
        let mut view = self.view(terms, id, &after);
        view.order = view.order.map(|order| order.cancelled(now));
        view.refund = Some(super::RefundState::Due);
        let events = vec![
            Event::OrderCancelled(cancel.clone()),
            Event::RefundDue { payment, amount_minor: view.amount.minor },
        ];
        Ok(Decision { events, reply: Reply::Reservation { view, exists: false } })
    }

    /// What `order_cancelled` does.
    pub(super) fn apply_cancellation(
        &mut self,
        cancel: &Cancel,
        at: Timestamp,
    ) -> Result<(), &'static str> {
        let Cancel { order, restock, key, reason } = cancel.clone();
        let found = self.reservations.get(&order.reservation());
        let found = *found.ok_or("there is no such reservation")?;
        let after = cancelled(&found).ok_or("the reservation is in another state")?;
        let withdrawn = if restock { 0 } else { found.quantity };
        self.counts.allocated = self.counts.allocated.saturating_sub(found.quantity);
        self.counts.on_hand = self.counts.on_hand.saturating_sub(withdrawn);
        self.cancellations.insert(order, Cancellation { key, reason, at, withdrawn });
        self.alter(order.reservation(), |r| {
            r.state = after.state;
            true
        })
    }

    /// Whether so much money goes back because of a cancellation. One rule for every replay.
    pub(super) fn goes_back(&self, found: &Reservation, amount_minor: u64) -> bool {
        matches!(found.state, State::Cancelled { .. }) && self.is_owed(found, amount_minor)
    }

    /// The cancellation because of which a payment goes back, if that is why.
    pub fn cancelled_with(&self, payment: PaymentId) -> Option<Cancelled> {
        let id = payment.reservation();
        let bought = self.reservations.get(&id)?.paid_with(id) == Some(payment);
        let known = self.cancellations.get(&id.order()).filter(|_| bought)?;
        let (at, restock) = (known.at, known.withdrawn == 0);
        Some(Cancelled { at, restock, reason: known.reason.clone() })
    }

    /// Every order that was cancelled, in the order of their ids.
    pub fn cancelled_orders(&self) -> impl Iterator<Item = OrderId> + '_ {
        self.cancellations.keys().copied()
    }

    /// When an order was cancelled, if it was.
    pub(super) fn cancelled_at(&self, order: OrderId) -> Option<Timestamp> {
        self.cancellations.get(&order).map(|known| known.at)
    }

    /// Every cancelled reservation has its cancellation, and there are no others.
    pub(super) fn invariant_cancellations(&self) -> bool {
        let is_cancelled = |r: &Reservation| matches!(r.state, State::Cancelled { .. });
        let states = self.reservations.iter().filter(|(_, r)| is_cancelled(r));
        states.map(|(id, _)| id.order()).eq(self.cancellations.keys().copied())
    }
}

/// A reservation that is an order, with that order cancelled; `None` if it is no order.
const fn cancelled(found: &Reservation) -> Option<Reservation> {
    let State::Allocated { attempt, allocated_at, settled } = found.state else { return None };
    Some(Reservation { state: State::Cancelled { attempt, allocated_at, settled }, ..*found })
}
