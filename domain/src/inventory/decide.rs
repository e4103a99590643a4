//! What a command leads to: all checks first, by early return; the events last.

use super::{
    Adjustment, Command, Decision, Event, Inventory, Rejection, Reply, Reservation,
    ReservationState, ReservationView, Selling, State, Terms,
};
use crate::id::{IdempotencyKey, OrderId, ReservationId, ShopperId};
use crate::inventory::reservation::OrderView;
use crate::machine::{Corrupt, Machine as _};
use crate::time::Timestamp;

type Verdict = Result<Decision, Rejection>;

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
                self.adjust(key, Adjustment { restock: true, units: *units }, || Event::Restocked {
                    key: key.clone(),
                    units: *units,
                    reason: reason.clone(),
                })
            }
            Command::Withdraw { key, units, reason } => {
                self.adjust(key, Adjustment { restock: false, units: *units }, || {
                    Event::Withdrawn { key: key.clone(), units: *units, reason: reason.clone() }
                })
            }
            Command::SetSelling { selling } => self.set_selling(*selling),
            Command::Reserve { shopper, key, quantity } => {
                self.reserve(terms, *shopper, key, *quantity, now)
            }
            Command::Extend { shopper, reservation } => {
                self.extend(terms, *shopper, *reservation, now)
            }
            Command::BeginPayment { shopper, reservation, payment } => {
                self.begin_payment(terms, *shopper, *reservation, payment, now)
            }
            Command::DeclinePayment { reservation, payment } => {
                self.decline_payment(terms, *reservation, payment, now)
            }
            Command::VoidPayment { reservation, payment } => {
                self.void_payment(*reservation, payment)
            }
            Command::Allocate { reservation, payment, amount_minor } => {
                self.decide_allocation(terms, *reservation, payment, *amount_minor, now)
            }
            Command::ConfirmRefund { payment } => Ok(self.confirm_refund(payment)),
            Command::Release { shopper, reservation } => {
                self.release(terms, *shopper, *reservation)
            }
            Command::Settle { orders } => Ok(self.settle(orders)),
            Command::ShowReservation { shopper, reservation } => {
                let found = self.own(*shopper, *reservation)?;
                Ok(shown(terms, *reservation, found, Vec::new()))
            }
            Command::ShowStock => self.stock_decision(Vec::new(), false),
        }
    }

    fn open(&self, terms: &Terms, on_hand: u32) -> Verdict {
        match &self.terms {
            Some(known) if known == terms && self.opened_with == on_hand => {
                self.stock_decision(Vec::new(), true)
            }
            Some(_) => Err(Rejection::ExistsWithDifferentTerms),
            None => {
                self.stock_decision(vec![Event::Opened { terms: terms.clone(), on_hand }], false)
            }
        }
    }

    fn adjust(
        &self,
        key: &IdempotencyKey,
        asked: Adjustment,
        event: impl FnOnce() -> Event,
    ) -> Verdict {
        match self.adjustments.get(key) {
            Some(known) if *known == asked => return self.stock_decision(Vec::new(), true),
            Some(_) => return Err(Rejection::ExistsWithDifferentAdjustment),
            None => {}
        }
        if asked.units == 0 {
            return Err(Rejection::QuantityZero);
        }
        if asked.restock && self.on_hand.checked_add(asked.units).is_none() {
            return Err(Rejection::QuantityTooLarge);
        }
        if !asked.restock && asked.units > self.available() {
            return Err(Rejection::WithdrawExceedsAvailable { available: self.available() });
        }
        self.stock_decision(vec![event()], false)
    }

    fn set_selling(&self, selling: Selling) -> Verdict {
        if self.selling == selling {
            return self.stock_decision(Vec::new(), true);
        }
        if self.selling == Selling::Closed {
            return Err(Rejection::SaleClosed);
        }
        self.stock_decision(vec![Event::SellingSet { selling }], false)
    }

    fn reserve(
        &self,
        terms: &Terms,
        shopper: ShopperId,
        key: &IdempotencyKey,
        quantity: u32,
        now: Timestamp,
    ) -> Verdict {
        let id = ReservationId::derive(&terms.sale, &terms.sku, shopper, key);
        if let Some(known) = self.reservations.get(&id) {
            return first_answer(terms, id, known, quantity);
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
        let units = self.index.units.get(&shopper).copied().unwrap_or_default();
        if units.saturating_add(quantity) > terms.per_shopper_max {
            let per_shopper_max = terms.per_shopper_max;
            return Err(Rejection::PerShopperMaxReached { per_shopper_max, units });
        }
        if self.allocated >= self.on_hand {
            return Err(Rejection::SoldOut);
        }
        match self.available() {
            0 => return Err(Rejection::AllReserved),
            available if available < quantity => {
                return Err(Rejection::ExceedsAvailable { available });
            }
            _ => {}
        }
        let expires_at = now.plus(terms.reservation_ttl_ms);
        let reservation =
            Reservation { shopper, quantity, reserved_at: now, expires_at, state: State::Held };
        let event = Event::Reserved { reservation: id, shopper, quantity, expires_at };
        Ok(shown(terms, id, &reservation, vec![event]))
    }

    fn extend(
        &self,
        terms: &Terms,
        shopper: ShopperId,
        id: ReservationId,
        now: Timestamp,
    ) -> Verdict {
        let found = self.own(shopper, id)?;
        held(found)?;
        let cap = found.reserved_at.plus(terms.reservation_max_ms);
        let expires_at = now.plus(terms.reservation_ttl_ms).min(cap);
        if expires_at > found.expires_at {
            let later = Reservation { expires_at, ..found.clone() };
            let event = Event::Extended { reservation: id, expires_at };
            return Ok(shown(terms, id, &later, vec![event]));
        }
        if found.expires_at >= cap {
            return Err(Rejection::ExtensionCapReached { expires_at: found.expires_at });
        }
        Ok(shown(terms, id, found, Vec::new()))
    }

    fn release(&self, terms: &Terms, shopper: ShopperId, id: ReservationId) -> Verdict {
        let found = self.own(shopper, id)?;
        match found.state {
            State::Held => {
                let released = Reservation { state: State::Released, ..found.clone() };
                Ok(shown(terms, id, &released, vec![Event::Released { reservation: id }]))
            }
            // Given back already, by whom does not matter: what was asked for is the case.
            State::Released | State::Expired => Ok(shown(terms, id, found, Vec::new())),
            State::Paying { .. } => Err(Rejection::PaymentInProgress),
            State::Allocated { .. } => Err(Rejection::ReservationAllocated),
        }
    }

    fn settle(&self, orders: &[OrderId]) -> Decision {
        let mut news: Vec<_> =
            orders.iter().filter(|order| self.index.unsettled.contains(order)).copied().collect();
        news.sort_unstable();
        news.dedup();
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
            .filter(|found| found.shopper == shopper)
            .ok_or(Rejection::ReservationNotFound)
    }

    /// The stock as it will be once `events` are applied.
    fn stock_decision(&self, events: Vec<Event>, exists: bool) -> Verdict {
        let mut after = self.without_reservations();
        let applied: Result<(), Corrupt> =
            events.iter().try_for_each(|event| after.apply(event, self.last_at));
        match (applied, after.stock()) {
            (Ok(()), Some(mut view)) => {
                view.reservations = self.reservations.len() as u64;
                view.orders_unsettled = self.index.unsettled.len() as u64;
                Ok(Decision { events, reply: Reply::Stock { view, exists } })
            }
            _ => Err(Rejection::NotOpened),
        }
    }

    /// The counts alone, for looking at what a change of stock would lead to.
    fn without_reservations(&self) -> Self {
        Self {
            terms: self.terms.clone(),
            selling: self.selling,
            on_hand: self.on_hand,
            reserved: self.reserved,
            allocated: self.allocated,
            expired: self.expired,
            refunds: self.refunds.clone(),
            opened_with: self.opened_with,
            last_at: self.last_at,
            ..Self::default()
        }
    }
}

/// The answer that a reservation's first request got, for a repeat of it.
fn first_answer(terms: &Terms, id: ReservationId, known: &Reservation, quantity: u32) -> Verdict {
    if known.quantity != quantity {
        return Err(Rejection::ExistsWithDifferentQuantity { quantity: known.quantity });
    }
    let as_first_held = Reservation {
        expires_at: known.reserved_at.plus(terms.reservation_ttl_ms),
        state: State::Held,
        ..known.clone()
    };
    let reply = Reply::Reservation { view: view(terms, id, &as_first_held), exists: true };
    Ok(Decision { events: Vec::new(), reply })
}

/// Refuses what is not held any more.
pub(super) fn held(found: &Reservation) -> Result<(), Rejection> {
    match found.state {
        State::Held => Ok(()),
        State::Paying { .. } => Err(Rejection::PaymentInProgress),
        State::Allocated { .. } => Err(Rejection::ReservationAllocated),
        State::Released => Err(Rejection::ReservationReleased),
        State::Expired => Err(Rejection::ReservationExpired),
    }
}

/// A decision that shows the reservation as it will be.
pub(super) fn shown(
    terms: &Terms,
    id: ReservationId,
    after: &Reservation,
    events: Vec<Event>,
) -> Decision {
    Decision { events, reply: Reply::Reservation { view: view(terms, id, after), exists: false } }
}

fn view(terms: &Terms, id: ReservationId, reservation: &Reservation) -> ReservationView {
    let (state, expires_at, payment, order) = match &reservation.state {
        State::Held => (ReservationState::Held, Some(reservation.expires_at), None, None),
        State::Paying { payment, deadline, .. } => {
            (ReservationState::Paying, Some(*deadline), Some(payment.clone()), None)
        }
        State::Allocated { payment, allocated_at, settled } => {
            let order =
                OrderView { order: id.order(), allocated_at: *allocated_at, settled: *settled };
            (ReservationState::Allocated, None, Some(payment.clone()), Some(order))
        }
        State::Released => (ReservationState::Released, None, None, None),
        State::Expired => (ReservationState::Expired, None, None, None),
    };
    // Quantity is at most per_shopper_max, whose price was checked to fit when the SKU was opened.
    let amount = terms.unit_price.times(reservation.quantity).unwrap_or(terms.unit_price);
    ReservationView {
        reservation: id,
        state,
        quantity: reservation.quantity,
        amount,
        expires_at,
        payment,
        order,
    }
}
