//! Reserving, as the naive inventory does it.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use doorbuster_domain::cart::CartMark;
use doorbuster_domain::id::{IdempotencyKey, ReservationId, ShopperId};
use doorbuster_domain::inventory::{
    Command, Rejection, Reply, ReservationState, ReservationView, Selling, Terms,
};
use doorbuster_domain::time::Timestamp;

use crate::naive::{Naive, Row, Stage};
use crate::naive_answers::Verdict;

impl Naive {
    pub(crate) fn judge_reserve(&mut self, terms: &Terms, command: &Command, now: u64) -> Verdict {
        let repeat = |naive: &Self, who: (ShopperId, &IdempotencyKey), wanted| {
            let id = ReservationId::derive(&terms.sale, &terms.sku, who.0, who.1);
            naive.repeat(terms, naive.own(who.0, id)?, wanted)
        };
        match command {
            Command::RepeatReserve { shopper, key, quantity } => {
                repeat(self, (*shopper, key), (*quantity, CartMark::NONE))
            }
            Command::RepeatInCart { shopper, key, quantity, cart } => {
                repeat(self, (*shopper, key), (*quantity, *cart))
            }
            Command::Reserve { shopper, key, quantity } => {
                self.reserve(terms, (*shopper, key), (*quantity, CartMark::NONE), now)
            }
            Command::ReserveInCart { shopper, key, quantity, cart } => {
                self.reserve(terms, (*shopper, key), (*quantity, *cart), now)
            }
            Command::ReserveOrWait { shopper, key, quantity } => {
                self.reserve_or_wait(terms, *shopper, key, *quantity, now)
            }
            other => panic!("it reserves nothing: {other:?}"),
        }
    }

    fn reserve(
        &mut self,
        terms: &Terms,
        (shopper, key): (ShopperId, &IdempotencyKey),
        (quantity, cart): (u32, CartMark),
        now: u64,
    ) -> Verdict {
        let id = ReservationId::derive(&terms.sale, &terms.sku, shopper, key);
        if let Some(at) = self.at(id) {
            return self.repeat(terms, at, (quantity, cart));
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
        let (per_shopper_max, units) = (terms.per_shopper_max, self.units_of(shopper));
        if u64::from(units) + u64::from(quantity) > u64::from(per_shopper_max) {
            return Err(Rejection::PerShopperMaxReached { per_shopper_max, units });
        }
        let reservations_max = per_shopper_max.saturating_add(20);
        let made = self.rows.iter().filter(|row| row.shopper == shopper).count();
        if made as u64 == u64::from(reservations_max) {
            return Err(Rejection::ReservationsMaxReached { reservations_max });
        }
        let available = self.available();
        if quantity > available {
            return Err(match (available, self.reserved()) {
                (0, 0) => Rejection::SoldOut,
                (0, _) => Rejection::AllReserved,
                _ => Rejection::ExceedsAvailable { available },
            });
        }
        self.push(id, shopper, quantity, now);
        let at = self.rows.len() - 1;
        self.rows[at].until = now + terms.reservation_ttl_ms.get();
        self.rows[at].cart = cart;
        Ok(self.show(at))
    }

    fn reserve_or_wait(
        &mut self,
        terms: &Terms,
        shopper: ShopperId,
        key: &IdempotencyKey,
        quantity: u32,
        now: u64,
    ) -> Verdict {
        let verdict = self.reserve(terms, (shopper, key), (quantity, CartMark::NONE), now);
        if verdict != Err(Rejection::AllReserved) {
            return verdict;
        }
        let id = ReservationId::derive(&terms.sale, &terms.sku, shopper, key);
        self.push(id, shopper, quantity, now);
        self.rows.last_mut().unwrap().waited = true;
        self.put(self.rows.len() - 1, Stage::Waiting, now);
        Ok(self.show(self.rows.len() - 1))
    }

    /// A row is added, without a deadline yet.
    fn push(&mut self, id: ReservationId, shopper: ShopperId, quantity: u32, now: u64) {
        self.rows.push(Row {
            id,
            shopper,
            quantity,
            begun: now,
            until: now,
            times_expired: 0,
            payments_begun: 0,
            waited: false,
            cart: CartMark::NONE,
            stage: Stage::Held,
        });
        self.newest = now;
    }

    /// The first answer again.
    fn repeat(&self, terms: &Terms, at: usize, (quantity, cart): (u32, CartMark)) -> Verdict {
        let row = &self.rows[at];
        if row.quantity != quantity {
            return Err(Rejection::ExistsWithDifferentQuantity { quantity: row.quantity });
        }
        if row.cart != cart {
            return Err(Rejection::ExistsWithDifferentCart);
        }
        let view = ReservationView {
            reservation: row.id,
            state: if row.waited { ReservationState::Waiting } else { ReservationState::Held },
            quantity,
            amount: self.price(quantity, cart),
            shipping_minor: self.beside(quantity, cart).0,
            tax_minor: self.beside(quantity, cart).1,
            expires_at: (!row.waited)
                .then(|| Timestamp::from_millis(row.begun + terms.reservation_ttl_ms.get())),
            payment: None,
            order: None,
            waitlist: None,
            refund: None,
        };
        Ok(Reply::Reservation { view, exists: true })
    }
}
