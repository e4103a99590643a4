//! What has to be told to the outside until the outside has confirmed it.
//!
//! The journal is the true outbox: an `allocated` event without its `settled` is an order that has
//! to leave. This is only the schedule of the attempts, kept in memory and rebuilt on waking, so a
//! crash costs nothing but an early repeat. Receivers deduplicate.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{OrderId, PaymentId, ReservationId};
use crate::inventory::{Event, Inventory};
use crate::time::{Millis, Timestamp};

/// One thing to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// An order, until it is settled.
    Order(OrderId),
    /// A payment that the provider is to end, until it has.
    Void(ReservationId),
    /// Money that the provider is to give back, until it has.
    Refund(PaymentId),
}

/// The first repeat comes after this; each further one takes twice as long.
const REPEAT_AFTER: Millis = Millis::from_secs(10);
/// Doublings of it: 10 s, 20 s, ... up to 640 s.
const DOUBLINGS_MAX: u32 = 6;

/// The schedule of everything that is still to be confirmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outbox {
    attempts: BTreeMap<Item, Attempt>,
    due: BTreeSet<(Timestamp, Item)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attempt {
    next_at: Timestamp,
    made: u32,
}

impl Outbox {
    /// The schedule on waking: everything unconfirmed is due at once.
    pub fn rebuild(inventory: &Inventory, now: Timestamp) -> Self {
        let mut outbox = Self::default();
        let orders = inventory.unsettled().map(Item::Order);
        let voids = inventory.ending_payments().map(|payment| Item::Void(payment.reservation()));
        let refunds = inventory.refunds_due().map(Item::Refund);
        for item in orders.chain(voids).chain(refunds) {
            outbox.schedule(item, Attempt { next_at: now, made: 0 });
        }
        outbox
    }

    /// Takes note of what happened at `at`.
    pub fn observe(&mut self, event: &Event, at: Timestamp) {
        let now_due = Attempt { next_at: at, made: 0 };
        match event {
            Event::Allocated { payment } => {
                let reservation = payment.reservation();
                self.confirm(&Item::Void(reservation));
                self.schedule(Item::Order(reservation.order()), now_due);
            }
            Event::PaymentOverdue { reservation } | Event::PaymentGivenUp { reservation } => {
                self.schedule(Item::Void(*reservation), now_due);
            }
            Event::PaymentDeclined { reservation, .. } | Event::PaymentVoided { reservation } => {
                self.confirm(&Item::Void(*reservation));
            }
            Event::RefundDue { payment, .. } => {
                self.schedule(Item::Refund(*payment), now_due);
            }
            Event::Settled { order } => self.confirm(&Item::Order(*order)),
            Event::Refunded { payment } => self.confirm(&Item::Refund(*payment)),
            Event::Opened { .. }
            | Event::Restocked { .. }
            | Event::Withdrawn { .. }
            | Event::SellingSet { .. }
            | Event::Reserved { .. }
            | Event::ReservedInCart { .. }
            | Event::Extended { .. }
            | Event::PaymentBegun { .. }
            | Event::Released { .. }
            | Event::Expired { .. }
            | Event::Waitlisted { .. }
            | Event::Called { .. }
            | Event::OrderCancelled { .. } => {}
        }
    }

    /// Takes up to `max` of what is due at `now`, and schedules their repeats.
    pub fn take_due(&mut self, now: Timestamp, max: usize) -> Vec<Item> {
        let items: Vec<Item> = self
            .due
            .iter()
            .take_while(|(at, _)| *at <= now)
            .take(max)
            .map(|(_, item)| *item)
            .collect();
        for item in &items {
            let made = self.attempts.get(item).map_or(0, |attempt| attempt.made);
            let wait = REPEAT_AFTER.get().saturating_mul(1 << made.min(DOUBLINGS_MAX));
            let next_at = now.plus(Millis::new(wait));
            self.schedule(*item, Attempt { next_at, made: made.saturating_add(1) });
        }
        items
    }

    /// When something is due; `None` if everything is confirmed.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// How much is unconfirmed.
    pub fn len(&self) -> usize {
        self.attempts.len()
    }

    /// Whether everything is confirmed.
    pub fn is_empty(&self) -> bool {
        self.attempts.is_empty()
    }

    fn schedule(&mut self, item: Item, attempt: Attempt) {
        self.confirm(&item);
        self.due.insert((attempt.next_at, item));
        self.attempts.insert(item, attempt);
    }

    fn confirm(&mut self, item: &Item) {
        if let Some(attempt) = self.attempts.remove(item) {
            self.due.remove(&(attempt.next_at, *item));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_millis(1_000_000);

    fn reservation(n: u8) -> ReservationId {
        ReservationId::from_bytes([n; 16])
    }

    fn allocated(n: u8) -> Event {
        Event::Allocated { payment: PaymentId::of(reservation(n), 1) }
    }

    #[test]
    fn an_order_is_sent_at_once_and_again_until_it_is_settled() {
        let mut outbox = Outbox::default();
        outbox.observe(&allocated(1), T0);
        assert_eq!(outbox.next_timeout(), Some(T0));
        let order = reservation(1).order();
        assert_eq!(outbox.take_due(T0, 10), [Item::Order(order)]);
        assert_eq!(outbox.take_due(T0, 10), []);
        let mut at = T0;
        for seconds in [10, 20, 40, 80, 160, 320, 640, 640, 640] {
            at = at.plus(Millis::from_secs(seconds));
            assert_eq!(outbox.next_timeout(), Some(at));
            assert_eq!(outbox.take_due(at, 10).len(), 1);
        }
        outbox.observe(&Event::Settled { order }, at);
        assert!(outbox.is_empty());
        assert_eq!(outbox.next_timeout(), None);
    }

    #[test]
    fn a_void_ends_whichever_way_the_provider_answers() {
        let ends = [
            Event::PaymentVoided { reservation: reservation(1) },
            Event::PaymentDeclined { reservation: reservation(1), expires_at: T0 },
            allocated(1),
        ];
        for end in ends {
            let mut outbox = Outbox::default();
            outbox.observe(&Event::PaymentOverdue { reservation: reservation(1) }, T0);
            assert_eq!(outbox.take_due(T0, 10), [Item::Void(reservation(1))]);
            outbox.observe(&end, T0);
            assert!(!outbox.attempts.contains_key(&Item::Void(reservation(1))));
        }
    }

    #[test]
    fn a_batch_takes_the_oldest_and_no_more_than_asked() {
        let mut outbox = Outbox::default();
        for n in 0..5 {
            outbox.observe(&allocated(n), T0.plus(Millis::new(u64::from(9 - n))));
        }
        let late = T0.plus(Millis::from_secs(1));
        let first = outbox.take_due(late, 2);
        assert_eq!(first, [4, 3].map(|n| Item::Order(reservation(n).order())));
        assert_eq!(outbox.take_due(late, 10).len(), 3);
        assert_eq!(outbox.len(), 5);
    }
}
