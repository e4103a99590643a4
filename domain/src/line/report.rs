//! What edges have seen since they last asked for the status: it travels with the asking.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::time::Timestamp;

/// Counts of an edge, since its last report. Losing one, or counting one twice, makes the room
/// slower or faster for a while; no unit and no place depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// People who took a place.
    #[serde(default)]
    pub joined: u64,
    /// People who came for their pass, by the second at which they were admitted.
    #[serde(default)]
    pub arrived: BTreeMap<u64, u64>,
    /// Those of them who reserved something for the first time, by the same second.
    #[serde(default)]
    pub reserved: BTreeMap<u64, u64>,
    /// Units that they reserved.
    #[serde(default)]
    pub units: u64,
    /// Those who gave their pass back, by the same second.
    #[serde(default)]
    pub left: BTreeMap<u64, u64>,
    /// Payments that the provider let begin, and those that it did not.
    #[serde(default)]
    pub payments: (u64, u64),
    /// Places taken, by the client's address range.
    #[serde(default)]
    pub places: BTreeMap<u64, u32>,
}

/// What stands for a range of addresses in [`Report::places`].
pub fn digest_of_addresses(prefix: &[u8]) -> u64 {
    let digest: [u8; 32] = Sha256::digest(prefix).into();
    u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
}

impl Report {
    /// Somebody who was admitted at `since` came for the pass.
    pub fn count_arrived(&mut self, since: Timestamp) {
        count(&mut self.arrived, since);
    }

    /// Somebody who was admitted at `since` reserved so many units.
    pub fn count_reserved(&mut self, since: Timestamp, units: u64) {
        count(&mut self.reserved, since);
        self.units = self.units.saturating_add(units);
    }

    /// Somebody who was admitted at `since` gave the pass back.
    pub fn count_left(&mut self, since: Timestamp) {
        count(&mut self.left, since);
    }

    /// Puts what another report says to this one: the room did not get it.
    pub fn add(&mut self, other: Self) {
        self.joined = self.joined.saturating_add(other.joined);
        self.units = self.units.saturating_add(other.units);
        let (begun, failed) = &mut self.payments;
        *begun = begun.saturating_add(other.payments.0);
        *failed = failed.saturating_add(other.payments.1);
        let lists = [
            (&mut self.arrived, other.arrived),
            (&mut self.reserved, other.reserved),
            (&mut self.left, other.left),
        ];
        for (to, from) in lists {
            for (second, people) in from {
                let known = to.entry(second).or_default();
                *known = known.saturating_add(people);
            }
        }
        for (client, places) in other.places {
            let known = self.places.entry(client).or_default();
            *known = known.saturating_add(places);
        }
    }
}

fn count(people: &mut BTreeMap<u64, u64>, since: Timestamp) {
    let known = people.entry(since.as_secs()).or_default();
    *known = known.saturating_add(1);
}
