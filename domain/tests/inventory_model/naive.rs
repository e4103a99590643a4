//! The inventory once more, as plainly as it can be said: lists, searched from the front, and no
//! number kept that can be counted. Slow, and easy to see to be right.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use doorbuster_domain::cart::CartMark;
use doorbuster_domain::id::{IdempotencyKey, OrderId, PaymentId, ReservationId, ShopperId};
use doorbuster_domain::inventory::{
    AdjustmentReason, Answer, Cancel, OrderView, RefundState, Rejection, Reply, ReservationState,
    ReservationView, Selling, StockBand, StockView, Terms,
};
use doorbuster_domain::money::Money;
use doorbuster_domain::time::Timestamp;

use crate::naive_money::{owed, ships};

/// Everything that was ever said about one SKU.
#[derive(Default)]
pub(crate) struct Naive {
    pub(crate) terms: Option<Terms>,
    pub(crate) opened_with: u32,
    pub(crate) selling: Selling,
    pub(crate) newest_order: u64,
    pub(crate) adjustments: Vec<Change>,
    pub(crate) rows: Vec<Row>,
    pub(crate) owed: Vec<Owed>,
    /// When something last changed, in milliseconds.
    pub(crate) newest: u64,
}

/// Units that came or went.
pub(crate) struct Change {
    pub(crate) key: IdempotencyKey,
    pub(crate) units: i64,
    pub(crate) reason: AdjustmentReason,
    /// What was shown then.
    pub(crate) shown: Option<StockView>,
}

/// A reservation; times in milliseconds.
pub(crate) struct Row {
    pub(crate) id: ReservationId,
    pub(crate) shopper: ShopperId,
    pub(crate) quantity: u32,
    pub(crate) begun: u64,
    pub(crate) until: u64,
    pub(crate) times_expired: u64,
    pub(crate) payments_begun: u32,
    pub(crate) waited: bool,
    pub(crate) cart: CartMark,
    pub(crate) stage: Stage,
}

/// Where a reservation stands.
#[derive(Clone, PartialEq)]
pub(crate) enum Stage {
    Waiting,
    Held,
    Paying { until: u64, called_in: bool, given_up: bool },
    Bought { payment: PaymentId, at: u64, settled: bool },
    Cancelled { payment: PaymentId, at: u64, settled: bool, said: Cancel, when: u64 },
    GivenBack,
    RanOut,
}

/// Money to give back.
pub(crate) struct Owed {
    pub(crate) payment: PaymentId,
    pub(crate) done: bool,
}

impl Row {
    /// The payment that was begun last.
    pub(crate) fn newest_payment(&self) -> PaymentId {
        PaymentId::of(self.id, self.payments_begun)
    }
}

impl Naive {
    /// What time alone brings about; the moment that counts.
    pub(crate) fn pass_time(&mut self, now: u64) -> u64 {
        let now = now.max(self.newest);
        let mut changed = false;
        for row in &mut self.rows {
            match &mut row.stage {
                Stage::Held if row.until <= now => {
                    row.stage = Stage::RanOut;
                    row.times_expired += 1;
                    changed = true;
                }
                Stage::Paying { until, called_in, .. } if *until <= now && !*called_in => {
                    *called_in = true;
                    changed = true;
                }
                _ => {}
            }
        }
        if changed {
            self.newest = now;
        }
        self.call_waiting(now);
        now
    }

    /// Who has waited longest, among those for whom there is enough, gets it.
    pub(crate) fn call_waiting(&mut self, now: u64) {
        while self.selling == Selling::Open
            && let Some(at) = self
                .rows
                .iter()
                .position(|row| row.stage == Stage::Waiting && row.quantity <= self.available())
        {
            let ttl = self.terms.as_ref().unwrap().reservation_ttl_ms.get();
            let row = &mut self.rows[at];
            (row.stage, row.begun, row.until) = (Stage::Held, now, now + ttl);
            self.newest = now;
        }
    }

    pub(crate) fn on_hand(&self) -> u32 {
        let changes: i64 = self.adjustments.iter().map(|change| change.units).sum();
        let given = i64::from(self.opened_with) + changes;
        u32::try_from(given - i64::from(self.left())).unwrap()
    }

    /// Units that left with orders that were cancelled.
    fn left(&self) -> u32 {
        self.sum(|row| matches!(&row.stage, Stage::Cancelled { said, .. } if !said.restock))
    }

    pub(crate) fn reserved(&self) -> u32 {
        self.sum(|row| matches!(row.stage, Stage::Held | Stage::Paying { .. }))
    }

    pub(crate) fn allocated(&self) -> u32 {
        self.sum(|row| matches!(row.stage, Stage::Bought { .. }))
    }

    pub(crate) fn available(&self) -> u32 {
        self.on_hand() - self.reserved() - self.allocated()
    }

    /// Units the shopper has reserved or bought.
    pub(crate) fn units_of(&self, shopper: ShopperId) -> u32 {
        self.sum(|row| {
            let over =
                matches!(row.stage, Stage::Cancelled { .. } | Stage::GivenBack | Stage::RanOut);
            row.shopper == shopper && !over
        })
    }

    fn sum(&self, wanted: impl Fn(&Row) -> bool) -> u32 {
        self.rows.iter().filter(|row| wanted(row)).map(|row| row.quantity).sum()
    }

    pub(crate) fn stock(&self) -> Option<StockView> {
        let (on_hand, available) = (self.on_hand(), self.available());
        let band = if self.allocated() == on_hand {
            StockBand::SoldOut
        } else if available == 0 {
            StockBand::AllReserved
        } else if u64::from(available) * 10 < u64::from(on_hand) + 10 {
            StockBand::FewLeft
        } else {
            StockBand::InStock
        };
        Some(StockView {
            terms: self.terms.clone()?,
            selling: self.selling,
            on_hand,
            reserved: self.reserved(),
            allocated: self.allocated(),
            available,
            band,
            orders_unsettled: self.orders(|settled| !settled).len() as u64,
            reservations: self.rows.len() as u64,
            expired: self.rows.iter().map(|row| row.times_expired).sum(),
            refunds_due: self.refunds_due().len() as u64,
            waiting: self.waiting().count() as u64,
            withdrawn_with_orders: self.left().into(),
        })
    }

    fn waiting(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.stage == Stage::Waiting)
    }

    /// Orders whose being settled is as wanted, by id.
    pub(crate) fn orders(&self, wanted: impl Fn(bool) -> bool) -> Vec<OrderId> {
        let mut orders: Vec<_> = self
            .rows
            .iter()
            .filter(|row| {
                matches!(row.stage, Stage::Bought { settled, .. } | Stage::Cancelled { settled, .. }
                    if wanted(settled))
            })
            .map(|row| row.id.order())
            .collect();
        orders.sort();
        orders
    }

    pub(crate) fn refunds_due(&self) -> Vec<PaymentId> {
        let mut due: Vec<_> =
            self.owed.iter().filter(|owed| !owed.done).map(|owed| owed.payment).collect();
        due.sort();
        due
    }

    pub(crate) fn overdue(&self) -> Vec<PaymentId> {
        let mut overdue: Vec<_> = self
            .rows
            .iter()
            .filter(|row| matches!(row.stage, Stage::Paying { called_in: true, .. }))
            .map(Row::newest_payment)
            .collect();
        overdue.sort();
        overdue
    }

    /// The earliest deadline that time has something to do with.
    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        let deadlines = self.rows.iter().filter_map(|row| match row.stage {
            Stage::Held => Some(row.until),
            Stage::Paying { until, called_in: false, .. } => Some(until),
            _ => None,
        });
        deadlines.min().map(Timestamp::from_millis)
    }

    pub(crate) fn at(&self, id: ReservationId) -> Option<usize> {
        self.rows.iter().position(|row| row.id == id)
    }

    /// What the shopper is shown of the row.
    pub(crate) fn show(&self, at: usize) -> Reply {
        let row = &self.rows[at];
        let (state, until, payment, order) = match row.stage.clone() {
            Stage::Waiting => (ReservationState::Waiting, None, None, None),
            Stage::Held => (ReservationState::Held, Some(row.until), None, None),
            Stage::Paying { until, .. } => {
                (ReservationState::Paying, Some(until), Some(row.newest_payment()), None)
            }
            Stage::Bought { payment, at, settled } => {
                let allocated_at = Timestamp::from_millis(at);
                let order = row.id.order();
                let order = OrderView { order, allocated_at, settled, cancelled_at: None };
                (ReservationState::Allocated, None, Some(payment), Some(order))
            }
            Stage::Cancelled { payment, at, settled, when, .. } => {
                let allocated_at = Timestamp::from_millis(at);
                let cancelled_at = Some(Timestamp::from_millis(when));
                let order =
                    OrderView { order: row.id.order(), allocated_at, settled, cancelled_at };
                (ReservationState::Cancelled, None, Some(payment), Some(order))
            }
            Stage::GivenBack => (ReservationState::Released, None, None, None),
            Stage::RanOut => (ReservationState::Expired, None, None, None),
        };
        let view = ReservationView {
            reservation: row.id,
            state,
            quantity: row.quantity,
            amount: self.price(row.quantity, row.cart),
            shipping_minor: self.beside(row.quantity, row.cart).0,
            tax_minor: self.beside(row.quantity, row.cart).1,
            expires_at: until.map(Timestamp::from_millis),
            payment,
            order,
            waitlist: None,
            refund: self.refund_for(row.id),
        };
        Reply::Reservation { view, exists: false }
    }

    /// How far the money is that goes back for a reservation; the slowest of it counts.
    fn refund_for(&self, id: ReservationId) -> Option<RefundState> {
        let mine: Vec<_> =
            self.owed.iter().filter(|owed| owed.payment.reservation() == id).collect();
        if mine.is_empty() {
            None
        } else if mine.iter().all(|owed| owed.done) {
            Some(RefundState::Done)
        } else {
            Some(RefundState::Due)
        }
    }

    pub(crate) fn price(&self, quantity: u32, cart: CartMark) -> Money {
        owed(self.terms.as_ref().unwrap(), quantity, ships(cart)).0
    }

    /// Of that, shipping and tax.
    pub(crate) fn beside(&self, quantity: u32, cart: CartMark) -> (Option<u64>, Option<u64>) {
        let (_, shipping, tax) = owed(self.terms.as_ref().unwrap(), quantity, ships(cart));
        (shipping, tax)
    }

    pub(crate) fn show_stock(&self, exists: bool) -> Result<Reply, Rejection> {
        Ok(Reply::Stock { view: Box::new(self.stock().ok_or(Rejection::NotOpened)?), exists })
    }
}

/// An answer from a result.
pub(crate) fn answer(result: Result<Reply, Rejection>) -> Answer {
    match result {
        Ok(reply) => Answer::Accepted(reply),
        Err(rejection) => Answer::Rejected(rejection),
    }
}
