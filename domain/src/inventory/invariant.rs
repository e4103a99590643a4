//! What must hold after every event, as functions that a test, a simulation or an audit can call.

use std::collections::BTreeMap;

use super::{Index, Inventory};
use crate::id::ShopperId;

impl Inventory {
    /// The name of the first invariant that does not hold, checked slowly and from scratch.
    pub(super) fn first_broken_invariant(&self) -> Option<&'static str> {
        let checks = [
            ("no oversell", self.counts.hold()),
            ("counts agree with reservations", self.invariant_counts()),
            ("cancellations agree with reservations", self.invariant_cancellations()),
            ("per-shopper limit", self.invariant_per_shopper_max()),
            ("no unit is left while somebody waits for it", self.next_called().is_none()),
            ("index agrees with reservations", Index::of(&self.reservations) == self.index),
        ];
        checks.iter().find(|(_, holds)| !holds).map(|(name, _)| *name)
    }

    /// What is counted is what is there.
    pub(super) fn invariant_counts(&self) -> bool {
        let sum = |allocated: bool| -> u64 {
            self.reservations
                .values()
                .filter(|r| if allocated { r.is_allocated() } else { r.is_reserved() })
                .map(|r| u64::from(r.quantity))
                .sum()
        };
        sum(false) == u64::from(self.counts.reserved)
            && sum(true) == u64::from(self.counts.allocated)
    }

    /// Nobody has more than one shopper may.
    fn invariant_per_shopper_max(&self) -> bool {
        let max = self.terms.as_ref().map_or(0, |terms| terms.per_shopper_max);
        let mut units: BTreeMap<ShopperId, u32> = BTreeMap::new();
        for (id, reservation) in self.reservations.iter().filter(|(_, r)| r.counts()) {
            let shopper = id.shopper(reservation.shopper_second_half);
            let of_shopper = units.entry(shopper).or_default();
            *of_shopper = of_shopper.saturating_add(reservation.quantity);
        }
        units.values().all(|units| *units <= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Answer, Cancel, Command, Selling, Terms};
    use crate::machine::Machine as _;
    use crate::money::Money;
    use crate::time::{Millis, Timestamp};

    /// Three units: one allocated, one held, one there.
    fn inventory() -> Inventory {
        let mut inventory = Inventory::default();
        let terms = Terms {
            sale: "drop".parse().unwrap(),
            sku: "shirt".parse().unwrap(),
            title: "Shirt".to_owned(),
            unit_price: Money::new(1_999, "EUR".parse().unwrap()).unwrap(),
            per_shopper_max: 1,
            reservation_ttl_ms: Millis::from_secs(60),
            reservation_max_ms: Millis::from_secs(60),
            payment_window_ms: Millis::from_secs(60),
            charges: Box::default(),
        };
        let [ann, bob] = [b"ann", b"bob"].map(|secret| ShopperId::of_secret(secret));
        let reserve =
            |shopper| Command::Reserve { shopper, key: "k".parse().unwrap(), quantity: 1 };
        let key = "k".parse().unwrap();
        let id = crate::id::ReservationId::derive(&terms.sale, &terms.sku, ann, &key);
        let commands = [
            Command::Open { terms, on_hand: 3 },
            Command::SetSelling { selling: Selling::Open, phase_number: 1 },
            reserve(ann),
            reserve(bob),
            Command::BeginPayment { shopper: ann, reservation: id },
            Command::Allocate { payment: crate::id::PaymentId::of(id, 1), amount_minor: 1_999 },
        ];
        let batch = inventory.decide_batch(&commands, Timestamp::from_millis(1)).unwrap();
        assert!(batch.answers.iter().all(|answer| matches!(answer, Answer::Accepted(_))));
        assert_eq!(inventory.check_invariants(), Ok(()));
        inventory
    }

    /// Changes a good state and tells which invariant that breaks.
    fn broken_by(change: impl FnOnce(&mut Inventory)) -> Result<(), &'static str> {
        let mut inventory = inventory();
        change(&mut inventory);
        inventory.check_invariants()
    }

    #[test]
    fn a_state_whose_numbers_were_changed_breaks_an_invariant() {
        let counts = Err("counts agree with reservations");
        assert_eq!(broken_by(|state| state.counts.on_hand = 1), Err("no oversell"));
        assert_eq!(broken_by(|state| state.counts.reserved = 0), counts);
        assert_eq!(broken_by(|state| state.counts.allocated = 2), counts);
        let strict = |state: &mut Inventory| {
            state.terms.as_mut().unwrap().per_shopper_max = 0;
        };
        assert_eq!(broken_by(strict), Err("per-shopper limit"));
        let index = Err("index agrees with reservations");
        assert_eq!(broken_by(|state| state.index = Index::default()), index);
        let lost = |state: &mut Inventory| {
            let (order, at) = (state.orders().next().unwrap(), Timestamp::from_millis(2));
            let reason = "lost".to_owned().try_into().unwrap();
            let key = "c".parse().unwrap();
            let cancel = Cancel { order, restock: true, key, reason };
            state.apply_cancellation(&cancel, at).unwrap();
            state.cancellations.clear();
        };
        assert_eq!(broken_by(lost), Err("cancellations agree with reservations"));
    }
}
