//! What a command leads to: all checks first, by early return; the events last.

use super::reservation::OrderView;
use super::{
    AdjustmentReason, Command, Counts, Decision, Event, Figures, Inventory, RefundState, Rejection,
    Reply, Reservation, ReservationState, ReservationView, Selling, State, Terms,
};
use crate::cart::CartMark;
use crate::id::{IdempotencyKey, OrderId, PaymentId, ReservationId, ShopperId};
use crate::time::{Millis, Timestamp};

pub(super) type Verdict = Result<Decision, Rejection>;

/// An extension that gains less than this part of the time-to-live is none: it would fill the
/// journal and help nobody.
const EXTENSION_MIN_PART: u64 = 10;

impl Inventory {
    /// Decides a command at `now`, changing nothing.
    ///
    /// What time alone brings about must have been applied before (`decide_batch` does).
    ///
    /// # Errors
    ///
    /// The first `Rejection` in order of precedence.
    pub fn handle(&self, command: &Command, now: Timestamp) -> Verdict {
        let now = now.max(self.last_at);
        if let Command::Open { terms, on_hand } = command {
            return self.open(terms, *on_hand);
        }
        let terms = self.terms.as_ref().ok_or(Rejection::NotOpened)?;
        match command {
            Command::Open { .. } => Err(Rejection::ExistsWithDifferentTerms),
            Command::Restock { key, units, reason } => {
                self.adjust(terms, key, (true, *units, reason))
            }
            Command::Withdraw { key, units, reason } => {
                self.adjust(terms, key, (false, *units, reason))
            }
            Command::SetSelling { selling, phase_number } => {
                self.set_selling(terms, *selling, *phase_number)
            }
            Command::Reserve { shopper, key, quantity } => {
                self.reserve(terms, (*shopper, key), (*quantity, CartMark::NONE), now)
            }
            Command::ReserveInCart { shopper, key, quantity, cart } => {
                self.reserve(terms, (*shopper, key), (*quantity, *cart), now)
            }
            Command::RepeatInCart { shopper, key, quantity, cart } => {
                self.repeat(terms, (*shopper, key), (*quantity, *cart))
            }
            Command::ReserveOrWait { shopper, key, quantity } => {
                self.reserve_or_wait(terms, *shopper, key, *quantity, now)
            }
            Command::RepeatReserve { shopper, key, quantity } => {
                self.repeat(terms, (*shopper, key), (*quantity, CartMark::NONE))
            }
            Command::Extend { shopper, reservation } => {
                self.extend(terms, *shopper, *reservation, now)
            }
            Command::BeginPayment { shopper, reservation } => {
                self.begin_payment(terms, *shopper, *reservation, now)
            }
            Command::DeclinePayment { payment } => self.decline_payment(terms, *payment, now),
            Command::VoidPayment { payment } => self.void_payment(*payment),
            Command::Allocate { payment, amount_minor } => {
                self.decide_allocation(terms, *payment, *amount_minor, now)
            }
            Command::CancelOrder(cancel) => self.cancel_order(terms, cancel, now),
            Command::ConfirmRefund { payment } => Ok(self.confirm_refund(*payment)),
            Command::Release { shopper, reservation } => {
                self.release(terms, *shopper, *reservation)
            }
            Command::Settle { orders } => Ok(self.settle(orders)),
            Command::ShowReservation { shopper, reservation } => {
                let found = self.own(*shopper, *reservation)?;
                let mut decision = self.shown(terms, *reservation, found, Vec::new());
                if let Reply::Reservation { view, .. } = &mut decision.reply {
                    view.waitlist = self.waitlist_before(found);
                }
                Ok(decision)
            }
            Command::ShowStock => Ok(self.unchanged(terms, false)),
        }
    }

    fn open(&self, terms: &Terms, on_hand: u32) -> Verdict {
        if let Some(known) = &self.terms {
            return if known == terms && self.opened_with == on_hand {
                Ok(self.unchanged(terms, true))
            } else {
                Err(Rejection::ExistsWithDifferentTerms)
            };
        }
        terms.check().map_err(|reason| Rejection::TermsInvalid { reason: reason.to_owned() })?;
        let counts = Counts { on_hand, ..self.counts };
        let event = Event::Opened { terms: terms.clone(), on_hand };
        Ok(stock_as(Figures { counts, ..self.figures() }, terms, event))
    }

    fn adjust(
        &self,
        terms: &Terms,
        key: &IdempotencyKey,
        (restock, units, reason): (bool, u32, &AdjustmentReason),
    ) -> Verdict {
        if let Some(known) = self.adjustments.get(key) {
            if (known.restock, known.units, &known.reason) != (restock, units, reason) {
                return Err(Rejection::ExistsWithDifferentAdjustment);
            }
            let reply = Reply::Stock { view: known.answer.view(terms), exists: true };
            return Ok(Decision { events: Vec::new(), reply });
        }
        if units == 0 {
            return Err(Rejection::QuantityZero);
        }
        let (key, reason, mut counts) = (key.clone(), reason.clone(), self.counts);
        let event = if restock {
            counts.on_hand =
                counts.on_hand.checked_add(units).ok_or(Rejection::QuantityTooLarge)?;
            Event::Restocked { key, units, reason }
        } else {
            let available = counts.available();
            if units > available {
                return Err(Rejection::WithdrawExceedsAvailable { available });
            }
            counts.on_hand = counts.on_hand.saturating_sub(units);
            Event::Withdrawn { key, units, reason }
        };
        Ok(stock_as(Figures { counts, ..self.figures() }, terms, event))
    }

    fn set_selling(&self, terms: &Terms, selling: Selling, phase_number: u64) -> Verdict {
        if phase_number <= self.phase_number {
            // It is done, or was overtaken by a later order.
            return Ok(self.unchanged(terms, true));
        }
        if selling == Selling::NotOpen && self.selling != Selling::NotOpen {
            // Whoever says so has not heard yet that it opened.
            return Ok(self.unchanged(terms, true));
        }
        if self.selling == Selling::Closed && selling != Selling::Closed {
            return Err(Rejection::SaleClosed);
        }
        let event = Event::SellingSet { selling, phase_number };
        let figures = self.figures();
        let waiting = if selling == Selling::Closed { 0 } else { figures.waiting };
        Ok(stock_as(Figures { selling, waiting, ..figures }, terms, event))
    }

    pub(super) fn reserve(
        &self,
        terms: &Terms,
        (shopper, key): (ShopperId, &IdempotencyKey),
        (quantity, cart): (u32, CartMark),
        now: Timestamp,
    ) -> Verdict {
        let id = ReservationId::derive(&terms.sale, &terms.sku, shopper, key);
        if let Some(known) = self.reservations.get(&id) {
            return self.first_answer(terms, id, known, (quantity, cart));
        }
        if quantity == 0 {
            return Err(Rejection::QuantityZero);
        }
        match self.selling {
            Selling::Closed => return Err(Rejection::SaleClosed),
            Selling::NotOpen => return Err(Rejection::SaleNotOpen),
            Selling::Paused => return Err(Rejection::SalePaused),
            Selling::Open => {}
        }
        let had = self.had_by(shopper);
        if !had.may_have(quantity, terms) {
            let (per_shopper_max, units) = (terms.per_shopper_max, had.units);
            return Err(Rejection::PerShopperMaxReached { per_shopper_max, units });
        }
        if !had.may_reserve(terms) {
            let reservations_max = terms.reservations_max();
            return Err(Rejection::ReservationsMaxReached { reservations_max });
        }
        if self.counts.allocated >= self.counts.on_hand {
            return Err(Rejection::SoldOut);
        }
        match self.counts.available() {
            0 => return Err(Rejection::AllReserved),
            available if available < quantity => {
                return Err(Rejection::ExceedsAvailable { available });
            }
            _ => {}
        }
        let expires_at = now.plus(terms.reservation_ttl_ms);
        let held = Reservation::held(shopper, quantity, now, expires_at);
        let reservation = id;
        let event = if cart.is_none() {
            Event::Reserved { reservation, shopper, quantity, expires_at }
        } else {
            Event::ReservedInCart { reservation, shopper, quantity, expires_at, cart }
        };
        Ok(self.shown(terms, id, &Reservation { cart, ..held }, vec![event]))
    }

    fn repeat(
        &self,
        terms: &Terms,
        (shopper, key): (ShopperId, &IdempotencyKey),
        wanted: (u32, CartMark),
    ) -> Verdict {
        let id = ReservationId::derive(&terms.sale, &terms.sku, shopper, key);
        self.first_answer(terms, id, self.own(shopper, id)?, wanted)
    }

    fn extend(
        &self,
        terms: &Terms,
        shopper: ShopperId,
        id: ReservationId,
        now: Timestamp,
    ) -> Verdict {
        let found = self.own(shopper, id)?;
        let held_until = held(found)?;
        let cap = found.reserved_at.plus(terms.reservation_max_ms);
        let expires_at = now.plus(terms.reservation_ttl_ms).min(cap);
        if is_worth_it((held_until, expires_at), terms.reservation_ttl_ms, cap) {
            let later = Reservation { state: State::Held { expires_at }, ..*found };
            let event = Event::Extended { reservation: id, expires_at };
            return Ok(self.shown(terms, id, &later, vec![event]));
        }
        if held_until >= cap {
            return Err(Rejection::ExtensionCapReached { expires_at: held_until });
        }
        Ok(self.shown(terms, id, found, Vec::new()))
    }

    fn release(&self, terms: &Terms, shopper: ShopperId, id: ReservationId) -> Verdict {
        let found = self.own(shopper, id)?;
        match found.state {
            State::Held { .. } | State::Waiting { .. } => {
                let released = Reservation { state: State::Released, ..*found };
                Ok(self.shown(terms, id, &released, vec![Event::Released { reservation: id }]))
            }
            // Given back already, by whom does not matter: what was asked for is the case.
            State::Released | State::Expired => Ok(self.shown(terms, id, found, Vec::new())),
            State::Paying { .. } => Ok(self.give_up_payment(terms, id, found)),
            State::Allocated { .. } => Err(Rejection::ReservationAllocated),
            State::Cancelled { .. } => Err(Rejection::OrderCancelled),
        }
    }

    fn settle(&self, orders: &[OrderId]) -> Decision {
        let is_unsettled = |order: &&OrderId| {
            let found = self.reservations.get(&order.reservation());
            found.is_some_and(Reservation::is_unsettled)
        };
        // A batch of the queue brings few. To sort them took 1.9 KiB of the upload.
        let mut news: Vec<OrderId> = Vec::new();
        for order in orders.iter().filter(is_unsettled) {
            if !news.contains(order) {
                news.push(*order);
            }
        }
        let events = news.into_iter().map(|order| Event::Settled { order }).collect();
        Decision { events, reply: Reply::Noted }
    }

    /// A reservation, if it is the shopper's own. Others' do not exist for them.
    pub(super) fn own(
        &self,
        shopper: ShopperId,
        id: ReservationId,
    ) -> Result<&Reservation, Rejection> {
        self.reservations
            .get(&id)
            .filter(|found| id.shopper(found.shopper_second_half) == shopper)
            .ok_or(Rejection::ReservationNotFound)
    }

    /// The stock as it is.
    fn unchanged(&self, terms: &Terms, exists: bool) -> Decision {
        let view = self.figures().view(terms);
        Decision { events: Vec::new(), reply: Reply::Stock { view, exists } }
    }

    /// The answer that a reservation's first request got, for a repeat of it.
    fn first_answer(
        &self,
        terms: &Terms,
        id: ReservationId,
        known: &Reservation,
        (quantity, cart): (u32, CartMark),
    ) -> Verdict {
        if known.quantity != quantity {
            return Err(Rejection::ExistsWithDifferentQuantity { quantity: known.quantity });
        }
        if known.cart != cart {
            return Err(Rejection::ExistsWithDifferentCart);
        }
        let expires_at = known.reserved_at.plus(terms.reservation_ttl_ms);
        // On the waitlist nothing is told that could be another later, not even the number.
        let state =
            if known.waited { State::Waiting { number: 0 } } else { State::Held { expires_at } };
        let as_at_first = Reservation { state, ..*known };
        let view = ReservationView { refund: None, ..self.view(terms, id, &as_at_first) };
        Ok(Decision { events: Vec::new(), reply: Reply::Reservation { view, exists: true } })
    }

    /// A decision that shows the reservation as it will be.
    pub(super) fn shown(
        &self,
        terms: &Terms,
        id: ReservationId,
        after: &Reservation,
        events: Vec<Event>,
    ) -> Decision {
        let view = self.view(terms, id, after);
        Decision { events, reply: Reply::Reservation { view, exists: false } }
    }

    pub(super) fn view(
        &self,
        terms: &Terms,
        id: ReservationId,
        reservation: &Reservation,
    ) -> ReservationView {
        let placed = |allocated_at, settled| {
            let (order, cancelled_at) = (id.order(), self.cancelled_at(id.order()));
            Some(OrderView { order, allocated_at, settled, cancelled_at })
        };
        let (state, expires_at, order) = match reservation.state {
            State::Waiting { .. } => (ReservationState::Waiting, None, None),
            State::Held { expires_at } => (ReservationState::Held, Some(expires_at), None),
            State::Paying { deadline, .. } => (ReservationState::Paying, Some(deadline), None),
            State::Allocated { allocated_at, settled, .. } => {
                (ReservationState::Allocated, None, placed(allocated_at, settled))
            }
            State::Cancelled { allocated_at, settled, .. } => {
                (ReservationState::Cancelled, None, placed(allocated_at, settled))
            }
            State::Released => (ReservationState::Released, None, None),
            State::Expired => (ReservationState::Expired, None, None),
        };
        // `Terms::check` saw to it that what one shopper may have can be paid.
        let bill = terms.bill(reservation.quantity, reservation.cart);
        let amount = bill.map_or(terms.unit_price, |bill| bill.total);
        let lines = bill.map(|bill| bill.lines).unwrap_or_default();
        ReservationView {
            reservation: id,
            state,
            quantity: reservation.quantity,
            amount,
            shipping_minor: lines.shipping.map(|shipping| shipping.minor),
            tax_minor: lines.tax.map(|tax| tax.minor),
            expires_at,
            payment: reservation.payment(id).or(reservation.paid_with(id)),
            order,
            waitlist: None,
            refund: self.refund_of(id),
        }
    }

    /// The worst state of the refunds for a reservation, if there are any.
    fn refund_of(&self, id: ReservationId) -> Option<RefundState> {
        let payments = PaymentId::of(id, 0)..=PaymentId::of(id, u32::MAX);
        let states = self.refunds.range(payments).map(|(_, state)| *state);
        states.reduce(|worst, state| if state == RefundState::Due { state } else { worst })
    }
}

/// A decision after which the stock is as it is shown.
fn stock_as(after: Figures, terms: &Terms, event: Event) -> Decision {
    let reply = Reply::Stock { view: after.view(terms), exists: false };
    Decision { events: vec![event], reply }
}

/// Whether an extension from one deadline to another gains enough to be one.
pub(super) fn is_worth_it((from, to): (Timestamp, Timestamp), ttl: Millis, cap: Timestamp) -> bool {
    let gain = to.since(from);
    gain >= Millis::new(ttl.get().div_ceil(EXTENSION_MIN_PART))
        || (gain > Millis::new(0) && to == cap)
}

/// Until when it is held; refuses what is not any more.
pub(super) fn held(found: &Reservation) -> Result<Timestamp, Rejection> {
    match found.state {
        State::Held { expires_at } => Ok(expires_at),
        State::Waiting { .. } => Err(Rejection::ReservationWaiting),
        State::Paying { .. } => Err(Rejection::PaymentInProgress),
        State::Allocated { .. } => Err(Rejection::ReservationAllocated),
        State::Cancelled { .. } => Err(Rejection::OrderCancelled),
        State::Released => Err(Rejection::ReservationReleased),
        State::Expired => Err(Rejection::ReservationExpired),
    }
}
