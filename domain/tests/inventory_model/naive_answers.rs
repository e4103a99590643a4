//! What the naive inventory answers, and how it changes by it.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use doorbuster_domain::id::{IdempotencyKey, PaymentId, ReservationId, ShopperId};
use doorbuster_domain::inventory::{
    AdjustmentReason, Answer, Command, Rejection, Reply, Selling, Terms, WaitlistView,
};
use doorbuster_domain::time::Timestamp;

use crate::naive::{Change, Naive, Stage, answer};
use crate::naive_money::impossible;

pub(crate) type Verdict = Result<Reply, Rejection>;

impl Naive {
    /// Answers at `now`, which is what [`Naive::pass_time`] gave.
    pub(crate) fn answer(&mut self, command: &Command, now: u64) -> Answer {
        let verdict = self.judge(command, now);
        if verdict.is_ok() {
            self.call_waiting(now);
        }
        answer(verdict)
    }

    fn judge(&mut self, command: &Command, now: u64) -> Verdict {
        if let Command::Open { terms, on_hand } = command {
            return self.open(terms, *on_hand, now);
        }
        let terms = self.terms.clone().ok_or(Rejection::NotOpened)?;
        match command {
            Command::Open { .. } => Err(Rejection::ExistsWithDifferentTerms),
            Command::Restock { key, units, reason } => {
                self.adjust(key, i64::from(*units), reason, now)
            }
            Command::Withdraw { key, units, reason } => {
                self.adjust(key, -i64::from(*units), reason, now)
            }
            Command::SetSelling { selling, phase_number } => {
                self.set_selling(*selling, *phase_number, now)
            }
            Command::Reserve { .. }
            | Command::ReserveOrWait { .. }
            | Command::RepeatReserve { .. }
            | Command::ReserveInCart { .. }
            | Command::RepeatInCart { .. } => self.judge_reserve(&terms, command, now),
            Command::Extend { shopper, reservation } => {
                let at = self.own(*shopper, *reservation)?;
                self.extend(&terms, at, now)
            }
            Command::BeginPayment { shopper, reservation } => {
                let at = self.own(*shopper, *reservation)?;
                self.begin(&terms, at, now)
            }
            Command::DeclinePayment { payment } => {
                Ok(self.decline(&terms, self.begun(*payment)?, *payment, now))
            }
            Command::VoidPayment { payment } => Ok(self.void(self.begun(*payment)?, *payment, now)),
            Command::Allocate { payment, amount_minor } => {
                self.allocate(&terms, self.begun(*payment)?, *payment, *amount_minor, now)
            }
            Command::ConfirmRefund { payment } => {
                if let Some(owed) =
                    self.owed.iter_mut().find(|owed| owed.payment == *payment && !owed.done)
                {
                    owed.done = true;
                    self.newest = now;
                }
                Ok(Reply::Noted)
            }
            Command::CancelOrder(cancel) => {
                self.cancel(self.any(cancel.order.reservation())?, cancel, now)
            }
            Command::Release { shopper, reservation } => {
                let at = self.own(*shopper, *reservation)?;
                self.release(at, now)
            }
            Command::Settle { orders } => {
                for order in orders {
                    self.settle(order.reservation(), now);
                }
                Ok(Reply::Noted)
            }
            Command::ShowReservation { shopper, reservation } => {
                self.own(*shopper, *reservation).map(|at| self.show_with_place(at))
            }
            Command::ShowStock => self.show_stock(false),
        }
    }

    fn open(&mut self, terms: &Terms, on_hand: u32, now: u64) -> Verdict {
        if let Some(known) = &self.terms {
            return if known == terms && self.opened_with == on_hand {
                self.show_stock(true)
            } else {
                Err(Rejection::ExistsWithDifferentTerms)
            };
        }
        if let Some(reason) = impossible(terms) {
            return Err(Rejection::TermsInvalid { reason: reason.to_owned() });
        }
        self.terms = Some(terms.clone());
        self.opened_with = on_hand;
        self.newest = now;
        self.show_stock(false)
    }

    fn adjust(
        &mut self,
        key: &IdempotencyKey,
        units: i64,
        reason: &AdjustmentReason,
        now: u64,
    ) -> Verdict {
        // A zero never gets into the list, so its sign is never missed.
        if let Some(known) = self.adjustments.iter().find(|change| change.key == *key) {
            return if known.units == units && known.reason == *reason {
                let view = known.shown.clone().ok_or(Rejection::NotOpened)?;
                Ok(Reply::Stock { view: Box::new(view), exists: true })
            } else {
                Err(Rejection::ExistsWithDifferentAdjustment)
            };
        }
        if units == 0 {
            return Err(Rejection::QuantityZero);
        }
        if i64::from(self.on_hand()) + units > i64::from(u32::MAX) {
            return Err(Rejection::QuantityTooLarge);
        }
        if i64::from(self.available()) + units < 0 {
            return Err(Rejection::WithdrawExceedsAvailable { available: self.available() });
        }
        let (key, reason) = (key.clone(), reason.clone());
        self.adjustments.push(Change { key, units, reason, shown: None });
        let shown = self.stock();
        self.adjustments.last_mut().unwrap().shown = shown;
        self.newest = now;
        self.show_stock(false)
    }

    fn set_selling(&mut self, selling: Selling, order: u64, now: u64) -> Verdict {
        let back = selling == Selling::NotOpen && self.selling != Selling::NotOpen;
        if order <= self.newest_order || back {
            return self.show_stock(true);
        }
        if self.selling == Selling::Closed && selling != Selling::Closed {
            return Err(Rejection::SaleClosed);
        }
        self.selling = selling;
        if selling == Selling::Closed {
            for row in self.rows.iter_mut().filter(|row| row.stage == Stage::Waiting) {
                row.stage = Stage::RanOut;
            }
        }
        self.newest_order = order;
        self.newest = now;
        self.show_stock(false)
    }

    /// What the shopper is shown who looks: while waiting, also how many numbers are before.
    fn show_with_place(&self, at: usize) -> Reply {
        let reply = self.show(at);
        let Reply::Reservation { mut view, exists } = reply else { return reply };
        if self.rows[at].stage == Stage::Waiting {
            let first = self.rows.iter().position(|row| row.stage == Stage::Waiting).unwrap();
            let numbers = self.rows[first..at].iter().filter(|row| row.waited);
            let (ahead, band) = (numbers.count() as u64, self.stock().unwrap().band);
            view.waitlist = Some(WaitlistView { ahead, band });
        }
        Reply::Reservation { view, exists }
    }

    fn release(&mut self, at: usize, now: u64) -> Verdict {
        match self.rows[at].stage {
            Stage::Paying { until, given_up, .. } => {
                if !given_up {
                    self.put(at, Stage::Paying { until, called_in: true, given_up: true }, now);
                }
            }
            Stage::Bought { .. } => return Err(Rejection::ReservationAllocated),
            Stage::Cancelled { .. } => return Err(Rejection::OrderCancelled),
            Stage::Held | Stage::Waiting => self.put(at, Stage::GivenBack, now),
            Stage::GivenBack | Stage::RanOut => {}
        }
        Ok(self.show(at))
    }

    fn extend(&mut self, terms: &Terms, at: usize, now: u64) -> Verdict {
        self.refuse_unless_held(at)?;
        let last = self.rows[at].begun + terms.reservation_max_ms.get();
        let wanted = (now + terms.reservation_ttl_ms.get()).min(last);
        let gain = wanted.saturating_sub(self.rows[at].until);
        if gain > 0 && (wanted == last || gain * 10 >= terms.reservation_ttl_ms.get()) {
            self.rows[at].until = wanted;
            self.newest = now;
        } else if self.rows[at].until >= last {
            let expires_at = Timestamp::from_millis(self.rows[at].until);
            return Err(Rejection::ExtensionCapReached { expires_at });
        }
        Ok(self.show(at))
    }

    fn begin(&mut self, terms: &Terms, at: usize, now: u64) -> Verdict {
        if !matches!(self.rows[at].stage, Stage::Paying { called_in: false, .. }) {
            self.refuse_unless_held(at)?;
            if self.rows[at].payments_begun == 20 {
                return Err(Rejection::PaymentsMaxReached { payments_max: 20 });
            }
            let until = now + terms.payment_window_ms.get();
            self.rows[at].payments_begun += 1;
            self.put(at, Stage::Paying { until, called_in: false, given_up: false }, now);
        }
        Ok(self.show(at))
    }

    fn decline(&mut self, terms: &Terms, at: usize, payment: PaymentId, now: u64) -> Reply {
        let given_up = matches!(self.rows[at].stage, Stage::Paying { given_up: true, .. });
        if self.pays_with(at, payment) && !given_up {
            let last = self.rows[at].begun + terms.reservation_max_ms.get();
            let until = (now + terms.reservation_ttl_ms.get()).min(last);
            self.rows[at].until = until;
            if until > now {
                self.put(at, Stage::Held, now);
            } else {
                self.rows[at].times_expired += 1;
                self.put(at, Stage::RanOut, now);
            }
        }
        self.show(at)
    }

    pub(crate) fn put(&mut self, at: usize, stage: Stage, now: u64) {
        self.rows[at].stage = stage;
        self.newest = now;
    }

    pub(crate) fn pays_with(&self, at: usize, payment: PaymentId) -> bool {
        let row = &self.rows[at];
        matches!(row.stage, Stage::Paying { .. }) && row.newest_payment() == payment
    }

    /// What a payment is for, if it was ever begun.
    fn begun(&self, payment: PaymentId) -> Result<usize, Rejection> {
        let at = self.any(payment.reservation())?;
        let begun = 1..=self.rows[at].payments_begun;
        if begun.contains(&payment.attempt()) {
            Ok(at)
        } else {
            Err(Rejection::ReservationNotFound)
        }
    }

    fn any(&self, id: ReservationId) -> Result<usize, Rejection> {
        self.at(id).ok_or(Rejection::ReservationNotFound)
    }

    pub(crate) fn own(&self, shopper: ShopperId, id: ReservationId) -> Result<usize, Rejection> {
        let at = self.any(id)?;
        if self.rows[at].shopper == shopper { Ok(at) } else { Err(Rejection::ReservationNotFound) }
    }

    fn refuse_unless_held(&self, at: usize) -> Result<(), Rejection> {
        match self.rows[at].stage {
            Stage::Held => Ok(()),
            Stage::Waiting => Err(Rejection::ReservationWaiting),
            Stage::Paying { .. } => Err(Rejection::PaymentInProgress),
            Stage::Bought { .. } => Err(Rejection::ReservationAllocated),
            Stage::Cancelled { .. } => Err(Rejection::OrderCancelled),
            Stage::GivenBack => Err(Rejection::ReservationReleased),
            Stage::RanOut => Err(Rejection::ReservationExpired),
        }
    }
}
