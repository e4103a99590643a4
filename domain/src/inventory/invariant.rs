//! What must hold after every event, as functions that a test, a simulation or an audit can call.

use std::collections::BTreeMap;

use super::{Index, Inventory, State};
use crate::id::ShopperId;

impl Inventory {
    /// The name of the first invariant that does not hold, checked slowly and from scratch.
    pub(super) fn first_broken_invariant(&self) -> Option<&'static str> {
        let checks = [
            ("no oversell", self.counts.hold()),
            ("counts agree with reservations", self.invariant_counts()),
            ("per-shopper limit", self.invariant_per_shopper_max()),
            ("index agrees with reservations", Index::of(&self.reservations) == self.index),
        ];
        checks.iter().find(|(_, holds)| !holds).map(|(name, _)| *name)
    }

    /// What is counted is what is there.
    fn invariant_counts(&self) -> bool {
        let sum = |allocated: bool| -> u64 {
            self.reservations
                .values()
                .filter(|r| r.counts() && matches!(r.state, State::Allocated { .. }) == allocated)
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
        for reservation in self.reservations.values().filter(|r| r.counts()) {
            let of_shopper = units.entry(reservation.shopper).or_default();
            *of_shopper = of_shopper.saturating_add(reservation.quantity);
        }
        units.values().all(|units| *units <= max)
    }
}
