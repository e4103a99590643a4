//! What follows from the reservations and is kept only to be found fast.

use std::collections::BTreeSet;

use super::reservation::{Ending, Reservation, State};
use crate::id::{OrderId, ReservationId};
use crate::sorted::SortedMap;
use crate::time::Timestamp;

/// Reservations in the order of some number. One type for all: each costs the upload a B-tree.
type Ordered = BTreeSet<(u64, ReservationId)>;

/// Views of the reservations, rebuilt after a snapshot is loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// Held reservations, by deadline.
    held: Ordered,
    /// Reservations with a payment under way, by deadline.
    paying: Ordered,
    /// Reservations whose payment the provider is being asked to end, by deadline.
    ending: Ordered,
    /// Those whose order's settlement has not been reported back, by when it was placed.
    unsettled: Ordered,
    /// The waitlist, by how many units are wanted and then by number.
    waiting: Ordered,
}

/// Where in the waitlist a reservation stands.
const fn place(quantity: u32, number: u32) -> u64 {
    ((quantity as u64) << u32::BITS) | number as u64
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
        if let Some((set, number)) = self.place_of(reservation) {
            set.insert((number, id));
        }
    }

    /// Takes a reservation out, given as it was entered.
    pub(super) fn remove(&mut self, id: ReservationId, reservation: &Reservation) {
        if let Some((set, number)) = self.place_of(reservation) {
            set.remove(&(number, id));
        }
    }

    fn place_of(&mut self, reservation: &Reservation) -> Option<(&mut Ordered, u64)> {
        let (set, number) = match reservation.state {
            State::Waiting { number } => (&mut self.waiting, place(reservation.quantity, number)),
            State::Held { expires_at } => (&mut self.held, expires_at.as_millis()),
            State::Paying { deadline, ending: Ending::No } => {
                (&mut self.paying, deadline.as_millis())
            }
            State::Paying { deadline, .. } => (&mut self.ending, deadline.as_millis()),
            State::Allocated { allocated_at, settled: false, .. }
            | State::Cancelled { allocated_at, settled: false, .. } => {
                (&mut self.unsettled, allocated_at.as_millis())
            }
            State::Allocated { .. }
            | State::Cancelled { .. }
            | State::Released
            | State::Expired => return None,
        };
        Some((set, number))
    }

    /// When the next held reservation expires, or payment is overdue.
    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        let firsts = [self.held.first(), self.paying.first()];
        firsts.into_iter().flatten().map(|(at, _)| Timestamp::from_millis(*at)).min()
    }

    /// Held reservations whose deadline has passed.
    pub(super) fn late_held(&self, now: Timestamp) -> impl Iterator<Item = ReservationId> {
        late(&self.held, now)
    }

    /// Reservations whose payment's deadline has passed, unless the provider is being asked.
    pub(super) fn late_paying(&self, now: Timestamp) -> impl Iterator<Item = ReservationId> {
        late(&self.paying, now)
    }

    /// Reservations whose payment the provider is being asked to end.
    pub(super) fn ending(&self) -> impl Iterator<Item = ReservationId> {
        self.ending.iter().map(|(_, id)| *id)
    }

    /// Orders whose settlement has not been reported back, the oldest first.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = OrderId> {
        self.unsettled.iter().map(|(_, id)| id.order())
    }

    /// How many those are.
    pub(super) fn unsettled_len(&self) -> usize {
        self.unsettled.len()
    }

    /// How many wait.
    pub(super) fn waiting_len(&self) -> usize {
        self.waiting.len()
    }

    /// The first on the waitlist who wants no more than so many units, with the number there. It
    /// takes as many steps as there are wishes, not people.
    pub(super) fn first_waiting(&self, units_max: u32) -> Option<(u32, ReservationId)> {
        let (mut first, mut quantity) = (None, 1);
        while quantity <= units_max {
            let from = (place(quantity, 0), ReservationId::from_bytes([0; 16]));
            let Some(&(wish, id)) = self.waiting.range(from..).next() else { break };
            let [wanted, number] = [wish >> u32::BITS, wish & u64::from(u32::MAX)]
                .map(|half| u32::try_from(half).unwrap_or(u32::MAX));
            if wanted > units_max {
                break;
            }
            first = first.into_iter().chain([(number, id)]).min();
            let Some(next) = wanted.checked_add(1) else { break };
            quantity = next;
        }
        first
    }

    /// Empties the waitlist; who was on it.
    pub(super) fn take_waiting(&mut self) -> impl Iterator<Item = ReservationId> + use<> {
        std::mem::take(&mut self.waiting).into_iter().map(|(_, id)| id)
    }
}

fn late(set: &Ordered, now: Timestamp) -> impl Iterator<Item = ReservationId> {
    set.iter().take_while(move |(at, _)| *at <= now.as_millis()).map(|(_, id)| *id)
}
