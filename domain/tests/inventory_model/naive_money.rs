//! What the naive inventory makes of money, and of an order that is taken back.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use doorbuster_domain::cart::CartMark;
use doorbuster_domain::id::{PaymentId, ReservationId};
use doorbuster_domain::inventory::{Cancel, Rejection, Reply, Terms};
use doorbuster_domain::money::Money;

use crate::naive::{Naive, Owed, Stage};
use crate::naive_answers::Verdict;

impl Naive {
    pub(crate) fn void(&mut self, at: usize, payment: PaymentId, now: u64) -> Reply {
        if self.pays_with(at, payment) {
            self.end(at, now);
        }
        Reply::Noted
    }

    /// The payment can no longer be completed.
    fn end(&mut self, at: usize, now: u64) {
        if matches!(self.rows[at].stage, Stage::Paying { given_up: true, .. }) {
            return self.put(at, Stage::GivenBack, now);
        }
        self.rows[at].times_expired += 1;
        self.put(at, Stage::RanOut, now);
    }

    pub(crate) fn allocate(
        &mut self,
        terms: &Terms,
        at: usize,
        payment: PaymentId,
        minor: u64,
        now: u64,
    ) -> Verdict {
        let refund = Ok(Reply::RefundDue { payment });
        let spent = matches!(&self.rows[at].stage, Stage::Cancelled { payment: with, .. }
            if *with == payment);
        if !spent && self.owed.iter().any(|owed| owed.payment == payment) {
            return refund;
        }
        let (shopper, quantity) = (self.rows[at].shopper, self.rows[at].quantity);
        let buys = match &self.rows[at].stage {
            Stage::Bought { payment: known, .. } | Stage::Cancelled { payment: known, .. }
                if *known == payment =>
            {
                return Ok(self.show(at));
            }
            Stage::Bought { .. } | Stage::Cancelled { .. } | Stage::Waiting => false,
            Stage::Paying { .. } => self.rows[at].newest_payment() == payment,
            Stage::Held => true,
            Stage::GivenBack | Stage::RanOut => {
                quantity <= self.available()
                    && self.units_of(shopper) + quantity <= terms.per_shopper_max
            }
        };
        if buys && minor == self.price(quantity, self.rows[at].cart).minor {
            self.put(at, Stage::Bought { payment, at: now, settled: false }, now);
            return Ok(self.show(at));
        }
        self.owed.push(Owed { payment, done: false });
        self.newest = now;
        if self.pays_with(at, payment) {
            self.end(at, now);
        }
        refund
    }

    pub(crate) fn cancel(&mut self, at: usize, cancel: &Cancel, now: u64) -> Verdict {
        match self.rows[at].stage.clone() {
            Stage::Bought { payment, at: bought, settled } => {
                let said = cancel.clone();
                let after = Stage::Cancelled { payment, at: bought, settled, said, when: now };
                self.put(at, after, now);
                self.owed.push(Owed { payment, done: false });
                Ok(self.show(at))
            }
            Stage::Cancelled { said, .. } if said.key != cancel.key => {
                Err(Rejection::OrderCancelled)
            }
            Stage::Cancelled { said, .. } if said == *cancel => {
                let shown = self.show(at);
                Ok(if let Reply::Reservation { view, .. } = shown {
                    Reply::Reservation { view, exists: true }
                } else {
                    shown
                })
            }
            Stage::Cancelled { .. } => Err(Rejection::ExistsWithDifferentAdjustment),
            _ => Err(Rejection::ReservationNotFound),
        }
    }

    pub(crate) fn settle(&mut self, id: ReservationId, now: u64) {
        let Some(at) = self.at(id) else { return };
        if let Stage::Bought { settled, .. } | Stage::Cancelled { settled, .. } =
            &mut self.rows[at].stage
            && !*settled
        {
            *settled = true;
            self.newest = now;
        }
    }
}

/// Whether shipping is paid with what has this mark.
pub(crate) fn ships(cart: CartMark) -> bool {
    cart.number().is_multiple_of(2)
}

/// All that is owed for so many units, and of that shipping and tax.
pub(crate) fn owed(terms: &Terms, quantity: u32, ships: bool) -> (Money, Option<u64>, Option<u64>) {
    let rules = &terms.charges;
    let goods = u128::from(terms.unit_price.minor) * u128::from(quantity);
    let is_free = rules.shipping_free_from_minor.is_some_and(|from| u128::from(from) <= goods);
    let shipping =
        rules.shipping_minor.filter(|_| ships).map(|flat| if is_free { 0 } else { flat });
    let sum = goods + u128::from(shipping.unwrap_or(0));
    let tax = rules.tax_ppm.map(|rate| {
        let of = 1_000_000 + if rules.tax_included { u128::from(rate) } else { 0 };
        // A half more, and cut off.
        (2 * sum * u128::from(rate) + of) / (2 * of)
    });
    let total = sum + tax.filter(|_| !rules.tax_included).unwrap_or(0);
    let minor = |minor: u128| u64::try_from(minor).unwrap();
    (Money { minor: minor(total), ..terms.unit_price }, shipping, tax.map(minor))
}

/// Why nothing could be sold under these terms.
pub(crate) fn impossible(terms: &Terms) -> Option<&'static str> {
    const AMOUNT_MAX: u128 = (1 << 53) - 1;
    let goods = u128::from(terms.unit_price.minor) * u128::from(terms.per_shopper_max);
    // The dearest: they are sent, and what is not within the price comes on top.
    let sent = goods + u128::from(terms.charges.shipping_minor.unwrap_or(0));
    let added = terms.charges.tax_ppm.filter(|_| !terms.charges.tax_included).unwrap_or(0);
    let most = sent + (sent * u128::from(added) + 500_000) / 1_000_000;
    if terms.per_shopper_max == 0 {
        Some("per_shopper_max is zero")
    } else if terms.charges.tax_ppm == Some(0) {
        Some("tax or shipping are out of their bounds")
    } else if most > AMOUNT_MAX {
        Some("what one shopper may have costs more than an amount can hold")
    } else if terms.reservation_ttl_ms.get() == 0 || terms.payment_window_ms.get() == 0 {
        Some("a duration is zero")
    } else if terms.reservation_max_ms.get() < terms.reservation_ttl_ms.get() {
        Some("reservation_ttl_ms is above reservation_max_ms")
    } else {
        None
    }
}
