//! Who takes places in the line: how many lately, and how many of one network.

use std::collections::{BTreeMap, VecDeque};

use super::report::Report;
use crate::time::Timestamp;

/// So many address ranges are counted, and so many full ones told, at most.
const CLIENTS_MAX: usize = 200_000;
const FULL_CLIENTS_MAX: usize = 500;

/// What edges told of those who joined.
#[derive(Debug)]
pub(super) struct Joined {
    places_per_client: u32,
    /// Places taken, by the digest of the client's address range.
    places: BTreeMap<u64, u32>,
    /// Those that have as many as may be.
    full_clients: Vec<u64>,
    /// How many joined in which second.
    recent: VecDeque<(u64, u64)>,
}

impl Joined {
    pub(super) const fn new(places_per_client: u32) -> Self {
        Self {
            places_per_client,
            places: BTreeMap::new(),
            full_clients: Vec::new(),
            recent: VecDeque::new(),
        }
    }

    pub(super) fn note(&mut self, report: &Report, now: Timestamp) {
        while let Some((second, _)) = self.recent.front()
            && second.saturating_add(60) <= now.as_secs()
        {
            self.recent.pop_front();
        }
        if report.joined > 0 {
            self.recent.push_back((now.as_secs(), report.joined));
        }
        for (client, places) in &report.places {
            self.note_places(*client, *places);
        }
    }

    fn note_places(&mut self, client: u64, places: u32) {
        if self.places.len() >= CLIENTS_MAX && !self.places.contains_key(&client) {
            return;
        }
        let known = self.places.entry(client).or_default();
        let before = std::mem::replace(known, known.saturating_add(places));
        let becomes_full = before < self.places_per_client && *known >= self.places_per_client;
        if becomes_full && self.full_clients.len() < FULL_CLIENTS_MAX {
            self.full_clients.push(client);
        }
    }

    /// The address ranges that have as many places as may be.
    pub(super) fn full_clients(&self) -> &[u64] {
        &self.full_clients
    }

    /// How many joined in the last minute.
    pub(super) fn last_minute(&self) -> u64 {
        self.recent.iter().map(|(_, people)| people).sum()
    }
}
