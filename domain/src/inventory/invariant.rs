//! What must hold after every event, as functions that a test, a simulation or an audit can call.

use super::{Index, Inventory, State};

impl Inventory {
    /// The name of the first invariant that does not hold.
    pub(super) fn first_broken_invariant(&self) -> Option<&'static str> {
        let checks = [
            ("no oversell", self.invariant_no_oversell()),
            ("counts agree with reservations", self.invariant_counts()),
            ("per-shopper limit", self.invariant_per_shopper_max()),
            ("index agrees with reservations", self.invariant_index()),
        ];
        checks.iter().find(|(_, holds)| !holds).map(|(name, _)| *name)
    }

    /// `reserved + allocated <= on_hand`.
    fn invariant_no_oversell(&self) -> bool {
        self.reserved.checked_add(self.allocated).is_some_and(|taken| taken <= self.on_hand)
    }

    /// What is counted is what is there.
    fn invariant_counts(&self) -> bool {
        let sum = |wanted: fn(&State) -> bool| -> u64 {
            self.reservations
                .values()
                .filter(|r| wanted(&r.state))
                .map(|r| u64::from(r.quantity))
                .sum()
        };
        sum(|state| matches!(state, State::Held | State::Paying { .. })) == u64::from(self.reserved)
            && sum(|state| matches!(state, State::Allocated { .. })) == u64::from(self.allocated)
    }

    /// Nobody has more than one shopper may.
    fn invariant_per_shopper_max(&self) -> bool {
        let max = self.terms.as_ref().map_or(0, |terms| terms.per_shopper_max);
        self.index.units.values().all(|units| *units <= max)
    }

    /// The index is what it would be if it were built anew.
    fn invariant_index(&self) -> bool {
        Index::of(&self.reservations) == self.index
    }
}
