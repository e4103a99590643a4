//! What the rest of the service is coping with: more is tried little by little, and half is taken
//! back at once when something gives way (AIMD, as in RFC 5681 for networks).

use super::admission::RateReason;
use super::arithmetic::real;
use crate::time::{Millis, Timestamp};

/// How the Inventories answered the last look, and what waits behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// How long the look took.
    pub look: Millis,
    /// Inventories that did not answer.
    pub unanswered: usize,
    /// Orders that are not in the books yet.
    pub orders_unsettled: u64,
}

/// What the service is coping with, as a share of what the merchant allows.
#[derive(Debug, Clone)]
pub(super) struct Service {
    share: f64,
    reason: RateReason,
    lowered_at: Timestamp,
    /// Payments that began, and that did not, since the last judgement.
    payments: (u64, u64),
}

/// An Inventory that takes so long is not keeping up.
const LOOK_MAX: Millis = Millis::new(500);
/// So many orders may wait: the queue hands them over in batches, and tries again after a minute.
const ORDERS_MAX: u64 = 5_000;
/// Of so many payments half may fail before it is taken for more than declined cards.
const PAYMENTS_MIN: u64 = 5;
/// How far the rate is taken back at most: somebody has to try whether it goes again.
const SHARE_MIN: f64 = 0.02;
/// What is added with every look that found nothing wrong.
const RAISE: f64 = 0.05;
/// It is not lowered again before it can have shown an effect.
const LOWER_EVERY: Millis = Millis::from_secs(3);

impl Default for Service {
    fn default() -> Self {
        Self {
            share: 1.0,
            reason: RateReason::AdmitsPerMinute,
            lowered_at: Timestamp::default(),
            payments: (0, 0),
        }
    }
}

impl Service {
    pub(super) const fn share(&self) -> f64 {
        self.share
    }

    /// What was wrong last.
    pub(super) const fn reason(&self) -> RateReason {
        self.reason
    }

    pub(super) const fn note_payments(&mut self, (begun, failed): (u64, u64)) {
        self.payments.0 = self.payments.0.saturating_add(begun);
        self.payments.1 = self.payments.1.saturating_add(failed);
    }

    pub(super) fn judge(&mut self, health: Health, now: Timestamp) {
        let (begun, failed) = std::mem::take(&mut self.payments);
        let payments_fail = failed >= PAYMENTS_MIN && real(failed) > real(begun);
        let wrong = if health.unanswered > 0 {
            Some(RateReason::InventoryFailing)
        } else if health.look > LOOK_MAX {
            Some(RateReason::InventorySlow)
        } else if payments_fail {
            Some(RateReason::PaymentsFailing)
        } else if health.orders_unsettled > ORDERS_MAX {
            Some(RateReason::OrdersBehind)
        } else {
            None
        };
        match wrong {
            None => self.share = (self.share + RAISE).min(1.0),
            Some(reason) => {
                self.reason = reason;
                if now.since(self.lowered_at) >= LOWER_EVERY {
                    self.lowered_at = now;
                    self.share = (self.share * 0.5).max(SHARE_MIN);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_taken_back_at_once_and_comes_back_little_by_little() {
        let at = |secs| Timestamp::from_millis(1_000_000).plus(Millis::from_secs(secs));
        let mut service = Service::default();
        let bad = Health { unanswered: 1, ..Health::default() };
        service.judge(bad, at(0));
        assert!((service.share() - 0.5).abs() < 1e-9);
        assert_eq!(service.reason(), RateReason::InventoryFailing);
        service.judge(bad, at(1));
        assert!((service.share() - 0.5).abs() < 1e-9, "not again before it can show an effect");
        service.judge(Health { look: Millis::from_secs(1), ..Health::default() }, at(3));
        assert!((service.share() - 0.25).abs() < 1e-9);
        assert_eq!(service.reason(), RateReason::InventorySlow);
        for secs in 4..19 {
            service.judge(Health::default(), at(secs));
        }
        assert!((service.share() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn declined_cards_are_not_a_failing_provider() {
        let mut service = Service::default();
        service.note_payments((100, 40));
        service.judge(Health::default(), Timestamp::default());
        assert!((service.share() - 1.0).abs() < 1e-9);
        service.note_payments((2, 40));
        service.judge(Health::default(), Timestamp::from_millis(10_000));
        assert_eq!(service.reason(), RateReason::PaymentsFailing);
        assert!(service.share() < 1.0);
    }
}
