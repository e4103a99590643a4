//! The stock of one SKU in one sale, as a state machine.
//!
//! `reserved + allocated <= on_hand` holds after every event. The machine never waits and never
//! looks at a clock: a command and `now` go in, events and a reply come out, and the events alone
//! carry the state. Replaying them gives the identical state.

mod apply;
mod batch;
mod command;
mod decide;
mod event;
mod invariant;
mod payment;
mod rejection;
mod reservation;
mod terms;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::batch::Batch;
pub use self::command::{Answer, Command, Reply};
pub use self::event::{AdjustmentReason, Event};
pub use self::rejection::Rejection;
pub use self::reservation::{OrderView, ReservationState, ReservationView};
pub use self::terms::{Selling, StockBand, StockView, Terms};

use self::reservation::{Reservation, State};
use crate::id::{IdempotencyKey, OrderId, PaymentId, ReservationId, ShopperId};
use crate::machine::{Corrupt, Machine};
use crate::money::Money;
use crate::time::Timestamp;

/// Everything known about one SKU in one sale.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    terms: Option<Terms>,
    selling: Selling,
    on_hand: u32,
    reserved: u32,
    allocated: u32,
    expired: u64,
    reservations: BTreeMap<ReservationId, Reservation>,
    adjustments: BTreeMap<IdempotencyKey, Adjustment>,
    refunds: BTreeMap<PaymentId, Refund>,
    /// What opening gave, so that a repeat with another number is known as one.
    opened_with: u32,
    /// The moment of the newest event: time does not run backwards here.
    last_at: Timestamp,
    /// What follows from the above and is kept only to be found fast.
    #[serde(skip)]
    index: Index,
}

/// Views of the reservations, rebuilt after a snapshot is loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Index {
    /// Units reserved and allocated per shopper.
    units: BTreeMap<ShopperId, u32>,
    /// Held reservations by deadline.
    held: BTreeSet<(Timestamp, ReservationId)>,
    /// Reservations with a payment under way, by deadline.
    paying: BTreeSet<(Timestamp, ReservationId)>,
    /// Reservations whose payment the provider is being asked to end.
    overdue: BTreeSet<ReservationId>,
    /// Orders whose settlement has not been reported back.
    unsettled: BTreeSet<OrderId>,
}

/// A change of stock by the merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Adjustment {
    restock: bool,
    units: u32,
}

/// Money that has to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Refund {
    reservation: ReservationId,
    amount_minor: u64,
    done: bool,
}

/// What a command leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What happened; not yet applied.
    pub events: Vec<Event>,
    /// What to answer once the events are durable.
    pub reply: Reply,
}

/// An order as it leaves for the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedOrder {
    /// The order.
    pub order: OrderId,
    /// Who bought.
    pub shopper: ShopperId,
    /// Units.
    pub quantity: u32,
    /// What was paid.
    pub amount: Money,
    /// With which payment.
    pub payment: PaymentId,
    /// When.
    pub allocated_at: Timestamp,
    /// The terms it was bought under.
    pub terms: Terms,
}

impl Inventory {
    /// `on_hand - reserved - allocated`.
    pub const fn available(&self) -> u32 {
        self.on_hand.saturating_sub(self.reserved).saturating_sub(self.allocated)
    }

    /// How much is left, as coarsely as shoppers are told.
    pub const fn band(&self) -> StockBand {
        let available = self.available();
        if self.on_hand <= self.allocated {
            StockBand::SoldOut
        } else if available == 0 {
            StockBand::AllReserved
        } else if available <= self.on_hand.div_ceil(10) {
            StockBand::FewLeft
        } else {
            StockBand::InStock
        }
    }

    /// When `handle_timeout` has something to do.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let held = self.index.held.first().map(|(at, _)| *at);
        let paying = self.index.paying.first().map(|(at, _)| *at);
        [held, paying].into_iter().flatten().min()
    }

    /// What time alone brings about: held reservations expire, overdue payments are called in.
    pub fn handle_timeout(&self, now: Timestamp) -> Vec<Event> {
        let due = |set: &BTreeSet<(Timestamp, ReservationId)>| -> Vec<ReservationId> {
            set.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect()
        };
        let expired =
            due(&self.index.held).into_iter().map(|reservation| Event::Expired { reservation });
        let overdue = due(&self.index.paying)
            .into_iter()
            .map(|reservation| Event::PaymentOverdue { reservation });
        expired.chain(overdue).collect()
    }

    /// Orders whose settlement has not been reported back, oldest id first.
    pub fn unsettled(&self) -> impl Iterator<Item = OrderId> + '_ {
        self.index.unsettled.iter().copied()
    }

    /// Payments that the provider is being asked to end.
    pub fn overdue_payments(&self) -> impl Iterator<Item = (ReservationId, PaymentId)> + '_ {
        self.index.overdue.iter().filter_map(|id| Some((*id, self.payment_under_way(*id)?)))
    }

    /// Payments that have to be given back and are not yet.
    pub fn refunds_due(&self) -> impl Iterator<Item = (&PaymentId, u64)> + '_ {
        self.refunds.iter().filter(|(_, r)| !r.done).map(|(payment, r)| (payment, r.amount_minor))
    }

    /// The terms, once the SKU was opened.
    pub const fn terms(&self) -> Option<&Terms> {
        self.terms.as_ref()
    }

    /// The payment that is under way for a reservation.
    pub fn payment_under_way(&self, reservation: ReservationId) -> Option<PaymentId> {
        match &self.reservations.get(&reservation)?.state {
            State::Paying { payment, .. } => Some(payment.clone()),
            _ => None,
        }
    }

    /// The reservation for which money came that has to be given back.
    pub fn refund_reservation(&self, payment: &PaymentId) -> Option<ReservationId> {
        self.refunds.get(payment).map(|refund| refund.reservation)
    }

    /// The order with this id, as it leaves for the queue.
    pub fn placed_order(&self, order: OrderId) -> Option<PlacedOrder> {
        let reservation = self.reservations.get(&order.reservation())?;
        let terms = self.terms.clone()?;
        let State::Allocated { payment, allocated_at, .. } = &reservation.state else {
            return None;
        };
        Some(PlacedOrder {
            order,
            shopper: reservation.shopper,
            quantity: reservation.quantity,
            amount: terms.unit_price.times(reservation.quantity)?,
            payment: payment.clone(),
            allocated_at: *allocated_at,
            terms,
        })
    }

    /// Every order ever placed, in the order of their ids.
    pub fn orders(&self) -> impl Iterator<Item = OrderId> + '_ {
        self.reservations
            .iter()
            .filter(|(_, r)| matches!(r.state, State::Allocated { .. }))
            .map(|(id, _)| id.order())
    }

    /// Reservations ever made.
    pub fn reservations_len(&self) -> usize {
        self.reservations.len()
    }

    /// The stock as the merchant sees it; `None` before it was opened.
    pub fn stock(&self) -> Option<StockView> {
        Some(StockView {
            terms: self.terms.clone()?,
            selling: self.selling,
            on_hand: self.on_hand,
            reserved: self.reserved,
            allocated: self.allocated,
            available: self.available(),
            band: self.band(),
            orders_unsettled: self.index.unsettled.len() as u64,
            reservations: self.reservations.len() as u64,
            expired: self.expired,
            refunds_due: self.refunds_due().count() as u64,
        })
    }
}

impl Machine for Inventory {
    type Event = Event;

    fn apply(&mut self, event: &Event, at: Timestamp) -> Result<(), Corrupt> {
        self.apply_event(event, at)
    }

    fn wake(&mut self) {
        self.index = Index::of(&self.reservations);
    }

    fn check_invariants(&self) -> Result<(), &'static str> {
        self.first_broken_invariant().map_or(Ok(()), Err)
    }
}

impl Index {
    /// The index of these reservations.
    fn of(reservations: &BTreeMap<ReservationId, Reservation>) -> Self {
        let mut index = Self::default();
        for (&id, reservation) in reservations {
            index.add(id, reservation);
        }
        index
    }

    /// Enters a reservation as it is.
    fn add(&mut self, id: ReservationId, reservation: &Reservation) {
        match &reservation.state {
            State::Held => {
                self.held.insert((reservation.expires_at, id));
            }
            State::Paying { overdue: true, .. } => {
                self.overdue.insert(id);
            }
            State::Paying { deadline, .. } => {
                self.paying.insert((*deadline, id));
            }
            State::Allocated { settled: false, .. } => {
                self.unsettled.insert(id.order());
            }
            State::Allocated { .. } | State::Released | State::Expired => {}
        }
        if !matches!(reservation.state, State::Released | State::Expired) {
            let units = self.units.entry(reservation.shopper).or_default();
            *units = units.saturating_add(reservation.quantity);
        }
    }

    /// Takes a reservation out, given as it was entered.
    fn remove(&mut self, id: ReservationId, reservation: &Reservation) {
        match &reservation.state {
            State::Held => {
                self.held.remove(&(reservation.expires_at, id));
            }
            State::Paying { overdue: true, .. } => {
                self.overdue.remove(&id);
            }
            State::Paying { deadline, .. } => {
                self.paying.remove(&(*deadline, id));
            }
            State::Allocated { settled: false, .. } => {
                self.unsettled.remove(&id.order());
            }
            State::Allocated { .. } | State::Released | State::Expired => {}
        }
        if !matches!(reservation.state, State::Released | State::Expired)
            && let Some(units) = self.units.get_mut(&reservation.shopper)
        {
            *units = units.saturating_sub(reservation.quantity);
            if *units == 0 {
                self.units.remove(&reservation.shopper);
            }
        }
    }
}
