//! The stock of one SKU in one sale, as a state machine.
//!
//! `reserved + allocated <= on_hand` holds after every event. The machine never waits and never
//! looks at a clock: a command and `now` go in, events and a reply come out, and the events alone
//! carry the state. Replaying them gives the identical state.

mod apply;
mod batch;
mod cancel;
mod command;
mod counts;
mod decide;
mod event;
mod index;
mod invariant;
mod payment;
mod rejection;
mod reservation;
mod snapshot;
mod terms;
mod waitlist;

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

pub use self::batch::Batch;
pub use self::cancel::{Cancel, Cancelled};
pub use self::command::{Answer, Command, Reply};
pub use self::event::{AdjustmentReason, Event};
pub use self::payment::PAYMENTS_MAX;
pub use self::rejection::Rejection;
pub use self::reservation::{
    OrderView, RefundState, ReservationState, ReservationView, WaitlistView,
};
pub use self::terms::{Selling, StockBand, StockView, Terms};

use self::cancel::Cancellation;
use self::counts::{Counts, Figures};
use self::index::Index;
use self::reservation::{Ending, Reservation, State};
use crate::cart::CartMark;
use crate::charges::Bill;
use crate::id::{IdempotencyKey, OrderId, PaymentId, ReservationId, ShopperId};
use crate::machine::{Corrupt, Machine};
use crate::money::Money;
use crate::sorted::SortedMap;
use crate::time::Timestamp;

/// Timeouts in one batch. An event of one is below 100 bytes and a batch is one row of the journal,
/// so they stay below 500 KB, far from the 2 MB that a row can have.
const TIMEOUTS_MAX: usize = 4_096;

/// Everything known about one SKU in one sale.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    terms: Option<Terms>,
    selling: Selling,
    /// The number of the newest order to sell or not to.
    phase_number: u64,
    counts: Counts,
    expired: u64,
    /// How many were ever put on the waitlist: the number of the newest.
    waitlisted: u32,
    reservations: SortedMap<ReservationId, Reservation>,
    adjustments: BTreeMap<IdempotencyKey, Adjustment>,
    refunds: BTreeMap<PaymentId, RefundState>,
    cancellations: BTreeMap<OrderId, Cancellation>,
    /// What opening gave, so that a repeat with another number is known as one.
    opened_with: u32,
    /// The moment of the newest event: time does not run backwards here.
    last_at: Timestamp,
    index: Index,
}

/// A change of stock by the merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Adjustment {
    restock: bool,
    units: u32,
    reason: AdjustmentReason,
    /// What was answered, for a repeat.
    answer: Figures,
}

/// What one shopper has had of a SKU.
#[derive(Debug, Clone, Copy, Default)]
struct Had {
    /// Units reserved and allocated.
    units: u32,
    /// Reservations ever made, whatever became of them.
    reservations: u32,
}

impl Had {
    /// Whether the shopper may have so many units more.
    fn may_have(self, more: u32, terms: &Terms) -> bool {
        self.units.checked_add(more).is_some_and(|units| units <= terms.per_shopper_max)
    }

    /// Whether the shopper may make one reservation more.
    const fn may_reserve(self, terms: &Terms) -> bool {
        self.reservations < terms.reservations_max()
    }
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
    /// The cart that it was a line of, if it was.
    #[serde(default, skip_serializing_if = "CartMark::is_none")]
    pub cart: CartMark,
    /// What was paid.
    pub amount: Money,
    /// With which payment.
    pub payment: PaymentId,
    /// When.
    pub allocated_at: Timestamp,
    /// The terms it was bought under.
    pub terms: Terms,
}

impl PlacedOrder {
    /// What was paid for; `None` if an amount cannot hold it, which its terms rule out.
    pub fn bill(&self) -> Option<Bill> {
        self.terms.bill(self.quantity, self.cart)
    }
}

impl Inventory {
    /// The terms, once the SKU was opened.
    pub const fn terms(&self) -> Option<&Terms> {
        self.terms.as_ref()
    }

    /// When `handle_timeout` has something to do.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.index.next_timeout()
    }

    /// What time alone brings about: held reservations expire, overdue payments are called in. At
    /// most `TIMEOUTS_MAX` of them at once; the others are due still.
    pub fn handle_timeout(&self, now: Timestamp) -> Vec<Event> {
        let expired = self.index.late_held(now).map(|reservation| Event::Expired { reservation });
        let overdue =
            self.index.late_paying(now).map(|reservation| Event::PaymentOverdue { reservation });
        expired.chain(overdue).take(TIMEOUTS_MAX).collect()
    }

    /// Orders whose settlement has not been reported back.
    pub fn unsettled(&self) -> impl Iterator<Item = OrderId> + '_ {
        self.index.unsettled()
    }

    /// Payments that the provider is being asked to end: overdue or given up.
    pub fn ending_payments(&self) -> impl Iterator<Item = PaymentId> + '_ {
        self.index.ending().filter_map(|id| self.payment_under_way(id))
    }

    /// Payments that have to be given back and are not yet.
    pub fn refunds_due(&self) -> impl Iterator<Item = PaymentId> + '_ {
        let due = self.refunds.iter().filter(|(_, state)| **state == RefundState::Due);
        due.map(|(payment, _)| *payment)
    }

    /// The payment that is under way for a reservation.
    pub fn payment_under_way(&self, reservation: ReservationId) -> Option<PaymentId> {
        self.reservations.get(&reservation)?.payment(reservation)
    }

    /// The order with this id, as it leaves for the queue.
    pub fn placed_order(&self, order: OrderId) -> Option<PlacedOrder> {
        let reservation = self.reservations.get(&order.reservation())?;
        let terms = self.terms.clone()?;
        let (State::Allocated { allocated_at, .. } | State::Cancelled { allocated_at, .. }) =
            reservation.state
        else {
            return None;
        };
        Some(PlacedOrder {
            order,
            shopper: order.reservation().shopper(reservation.shopper_second_half),
            quantity: reservation.quantity,
            cart: reservation.cart,
            amount: terms.price_of(reservation.quantity, reservation.cart)?,
            payment: reservation.paid_with(order.reservation())?,
            allocated_at,
            terms,
        })
    }

    /// Every order ever placed, also one that was cancelled since, in the order of their ids.
    pub fn orders(&self) -> impl Iterator<Item = OrderId> + '_ {
        let paid = self.reservations.iter().filter(|(id, r)| r.paid_with(**id).is_some());
        paid.map(|(id, _)| id.order())
    }

    /// Reservations ever made.
    pub fn reservations_len(&self) -> usize {
        self.reservations.len()
    }

    /// Units given to the sale.
    pub const fn on_hand(&self) -> u32 {
        self.counts.on_hand
    }

    /// Whether everything is promised to orders.
    pub const fn is_sold_out(&self) -> bool {
        self.terms.is_some() && matches!(self.counts.band(), StockBand::SoldOut)
    }

    /// For whom a reservation was made, and how many units; nothing if they were given back.
    pub fn ran_out_for(&self, reservation: ReservationId) -> Option<(ShopperId, u32)> {
        let made = self.reservations.get(&reservation)?;
        if made.state == State::Released {
            return None;
        }
        Some((reservation.shopper(made.shopper_second_half), made.quantity))
    }

    /// The stock as the merchant sees it; `None` before it was opened.
    pub fn stock(&self) -> Option<StockView> {
        self.terms.as_ref().map(|terms| *self.figures().view(terms))
    }

    /// The stock in figures.
    fn figures(&self) -> Figures {
        Figures {
            selling: self.selling,
            counts: self.counts,
            orders_unsettled: self.index.unsettled_len() as u64,
            reservations: self.reservations.len() as u64,
            expired: self.expired,
            refunds_due: self.refunds_due().count() as u64,
            waiting: self.index.waiting_len() as u64,
            withdrawn_with_orders: self
                .cancellations
                .values()
                .map(|c| u64::from(c.withdrawn))
                .sum(),
        }
    }

    /// What a shopper has had of this SKU, counted from the reservations themselves.
    fn had_by(&self, shopper: ShopperId) -> Had {
        let mut had = Had::default();
        for (_, made) in self.reservations.range(ReservationId::range_of(shopper)) {
            if made.shopper_second_half == shopper.second_half() {
                had.reservations = had.reservations.saturating_add(1);
                let counted = if made.counts() { made.quantity } else { 0 };
                had.units = had.units.saturating_add(counted);
            }
        }
        had
    }
}

impl Machine for Inventory {
    type Event = Event;

    fn apply(&mut self, event: &Event, at: Timestamp) -> Result<(), Corrupt> {
        self.apply_event(event, at)
    }

    fn write_snapshot(&self, to: &mut dyn io::Write) -> io::Result<()> {
        self.write(to)
    }

    fn read_snapshot(from: &mut dyn io::Read) -> io::Result<Self> {
        Self::read(from)
    }

    fn check_invariants(&self) -> Result<(), &'static str> {
        self.first_broken_invariant().map_or(Ok(()), Err)
    }
}
