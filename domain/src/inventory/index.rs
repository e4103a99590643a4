//! What follows from the reservations and is kept only to be found fast.

use std::collections::BTreeSet;

use super::reservation::{Reservation, State};
use crate::id::{OrderId, ReservationId};
use crate::sorted::SortedMap;
use crate::time::Timestamp;

/// Views of the reservations, rebuilt after a snapshot is loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
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
    pub(super) fn of(reservations: &SortedMap<ReservationId, Reservation>) -> Self {
        let mut index = Self::default();
        for (&id, reservation) in reservations.iter() {
            index.add(id, reservation);
        }
        index
    }

    /// Enters a reservation as it is.
    pub(super) fn add(&mut self, id: ReservationId, reservation: &Reservation) {
        match reservation.state {
            State::Held { expires_at } => {
                self.held.insert((expires_at, id));
            }
            State::Paying { overdue: true, .. } => {
                self.overdue.insert(id);
            }
            State::Paying { deadline, .. } => {
                self.paying.insert((deadline, id));
            }
            State::Allocated { settled: false, .. } | State::Cancelled { settled: false, .. } => {
                self.unsettled.insert(id.order());
            }
            State::Allocated { .. }
            | State::Cancelled { .. }
            | State::Released
            | State::Expired => {}
        }
    }

    /// Takes a reservation out, given as it was entered.
    pub(super) fn remove(&mut self, id: ReservationId, reservation: &Reservation) {
        match reservation.state {
            State::Held { expires_at } => {
                self.held.remove(&(expires_at, id));
            }
            State::Paying { overdue: true, .. } => {
                self.overdue.remove(&id);
            }
            State::Paying { deadline, .. } => {
                self.paying.remove(&(deadline, id));
            }
            State::Allocated { settled: false, .. } | State::Cancelled { settled: false, .. } => {
                self.unsettled.remove(&id.order());
            }
            State::Allocated { .. }
            | State::Cancelled { .. }
            | State::Released
            | State::Expired => {}
        }
    }
}
