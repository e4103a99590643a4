//! What follows from the reservations and is kept only to be found fast.

use std::collections::{BTreeMap, BTreeSet};

use super::reservation::{Reservation, State};
use crate::id::{OrderId, ReservationId, ShopperId};
use crate::time::Timestamp;

/// Views of the reservations, rebuilt after a snapshot is loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// Units reserved and allocated per shopper.
    units: BTreeMap<ShopperId, u32>,
    /// Held reservations by deadline.
    pub(super) held: BTreeSet<(Timestamp, ReservationId)>,
    /// Reservations with a payment under way, by deadline.
    pub(super) paying: BTreeSet<(Timestamp, ReservationId)>,
    /// Reservations whose payment the provider is being asked to end.
    pub(super) overdue: BTreeSet<ReservationId>,
    /// Orders whose settlement has not been reported back.
    pub(super) unsettled: BTreeSet<OrderId>,
}

impl Index {
    /// The index of these reservations.
    pub(super) fn of(reservations: &BTreeMap<ReservationId, Reservation>) -> Self {
        let mut index = Self::default();
        for (&id, reservation) in reservations {
            index.add(id, reservation);
        }
        index
    }

    /// Units that a shopper has reserved or bought.
    pub(super) fn units_of(&self, shopper: ShopperId) -> u32 {
        self.units.get(&shopper).copied().unwrap_or_default()
    }

    /// Nobody has more than one shopper may.
    pub(super) fn all_within(&self, per_shopper_max: u32) -> bool {
        self.units.values().all(|units| *units <= per_shopper_max)
    }

    /// Enters a reservation as it is.
    pub(super) fn add(&mut self, id: ReservationId, reservation: &Reservation) {
        match reservation.state {
            State::Held => {
                self.held.insert((reservation.expires_at, id));
            }
            State::Paying { overdue: true, .. } => {
                self.overdue.insert(id);
            }
            State::Paying { deadline, .. } => {
                self.paying.insert((deadline, id));
            }
            State::Allocated { settled: false, .. } => {
                self.unsettled.insert(id.order());
            }
            State::Allocated { .. } | State::Released | State::Expired => {}
        }
        if reservation.counts() {
            let units = self.units.entry(reservation.shopper).or_default();
            *units = units.saturating_add(reservation.quantity);
        }
    }

    /// Takes a reservation out, given as it was entered.
    pub(super) fn remove(&mut self, id: ReservationId, reservation: &Reservation) {
        match reservation.state {
            State::Held => {
                self.held.remove(&(reservation.expires_at, id));
            }
            State::Paying { overdue: true, .. } => {
                self.overdue.remove(&id);
            }
            State::Paying { deadline, .. } => {
                self.paying.remove(&(deadline, id));
            }
            State::Allocated { settled: false, .. } => {
                self.unsettled.remove(&id.order());
            }
            State::Allocated { .. } | State::Released | State::Expired => {}
        }
        if reservation.counts()
            && let Some(units) = self.units.get_mut(&reservation.shopper)
        {
            *units = units.saturating_sub(reservation.quantity);
            if *units == 0 {
                self.units.remove(&reservation.shopper);
            }
        }
    }
}
