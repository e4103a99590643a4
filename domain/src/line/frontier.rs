//! The position up to which people are admitted, as a line in time.

use serde::{Deserialize, Serialize};

use super::arithmetic::{share, share_up};
use crate::time::{Millis, Timestamp};

/// A line in time: at `at` the positions up to `value` are admitted, and from then on
/// `per_minute` more each minute.
///
/// A line and not a counter, so that an edge can tell who is admitted without asking anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Frontier {
    /// Positions up to this one are admitted at `at`.
    pub value: u64,
    /// When.
    pub at: Timestamp,
    /// How many more are admitted each minute.
    pub per_minute: u64,
}

/// One minute, in milliseconds.
const MINUTE_MS: u64 = 60_000;

impl Frontier {
    /// The position that the line reaches at `now`.
    pub fn at(&self, now: Timestamp) -> u64 {
        self.risen(now).0
    }

    /// The position that it reaches, and how far it is on the way to the next, in 60,000ths.
    fn risen(&self, now: Timestamp) -> (u64, u64) {
        let elapsed_ms = now.since(self.at).get();
        let (positions, rest) = share(self.per_minute, elapsed_ms, MINUTE_MS);
        (self.value.saturating_add(positions), rest)
    }

    /// The line going on from `now` at another rate. It stays on its way to the next position, so
    /// that a line that is turned again and again rises all the same.
    #[must_use]
    pub(super) fn turned(&self, per_minute: u64, now: Timestamp) -> Self {
        // One that stands ahead of its time goes on when its time has come.
        let now = now.max(self.at);
        let (value, rest) = self.risen(now);
        let before = rest.checked_div(per_minute).unwrap_or_default();
        let at = Timestamp::from_millis(now.as_millis().saturating_sub(before));
        Self { value, at, per_minute }
    }

    /// When the line reaches a position; `None` if it does not rise so far.
    pub(super) fn reaches(&self, position: u64) -> Option<Timestamp> {
        let Some(rise) = position.checked_sub(self.value).filter(|rise| *rise > 0) else {
            return Some(self.at);
        };
        if self.per_minute == 0 {
            return None;
        }
        Some(self.at.plus(Millis::new(share_up(rise, MINUTE_MS, self.per_minute))))
    }
}

/// The frontier as the waiting room publishes it: with the bounds up to which it speaks.
///
/// An edge may hold an old one. Whatever the room decides meanwhile, nobody is let in by an old one
/// past somebody who waits by a new one: see `WaitingRoom::turned`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFrontier {
    /// The line.
    pub line: Frontier,
    /// The last moment for which it speaks. After it an edge admits nobody more who has not asked
    /// again: closed rather than wrong.
    pub until: Timestamp,
    /// The last position for which it speaks: those who come later may find another line.
    pub max: u64,
}

/// A position that is due and not covered by what is published waits for the next status.
const NEXT_STATUS: Millis = Millis::from_secs(1);

impl PublishedFrontier {
    /// The position up to which people are admitted at `now`.
    pub fn at(&self, now: Timestamp) -> u64 {
        self.line.at(now.min(self.until)).min(self.max)
    }

    /// How long after `now` the position will be admitted if so many are passed each minute, or as
    /// many as the line says where it speaks; `None` if the line does not rise. Nothing if it is
    /// admitted already.
    pub fn wait(&self, position: u64, per_minute: u64, now: Timestamp) -> Option<Millis> {
        if position <= self.at(now) {
            return Some(Millis::new(0));
        }
        let covered = |at: &Timestamp| position <= self.max && *at <= self.until;
        if let Some(due_at) = self.line.reaches(position).filter(covered) {
            return Some(due_at.since(now));
        }
        let from = Frontier { value: self.at(now), at: now, per_minute };
        Some(from.reaches(position)?.since(now).max(NEXT_STATUS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_millis(1_000_000);

    fn rising() -> PublishedFrontier {
        let line = Frontier { value: 10, at: T0, per_minute: 120 };
        PublishedFrontier { line, until: T0.plus(Millis::from_secs(5)), max: 1_000 }
    }

    #[test]
    fn it_rises_by_its_rate_and_stops_where_nobody_renewed_it() {
        assert_eq!(rising().at(T0), 10);
        assert_eq!(rising().at(T0.plus(Millis::new(499))), 10);
        assert_eq!(rising().at(T0.plus(Millis::new(500))), 11);
        assert_eq!(rising().at(T0.plus(Millis::from_secs(60))), 20);
    }

    #[test]
    fn it_rises_all_the_same_however_often_it_is_turned() {
        let mut line = rising().line;
        for turn in 1..=600 {
            line =
                line.turned(if turn % 2 == 0 { 30 } else { 40 }, T0.plus(Millis::new(turn * 100)));
        }
        let risen = line.at(T0.plus(Millis::from_secs(60))) - 10;
        assert!((33..=35).contains(&risen), "{risen} in a minute at 35 a minute");
        let slow = Frontier { value: 0, at: T0, per_minute: 1 };
        let faster = slow.turned(6_000, T0.plus(Millis::from_secs(59)));
        assert_eq!(faster.at(T0.plus(Millis::from_secs(59))), 0, "and does not leap");
    }

    #[test]
    fn it_does_not_fall_when_a_clock_goes_back() {
        assert_eq!(rising().at(Timestamp::from_millis(0)), 10);
    }

    #[test]
    fn it_admits_nobody_beyond_those_it_speaks_of() {
        let few = PublishedFrontier { max: 11, ..rising() };
        assert_eq!(few.at(T0.plus(Millis::from_secs(5))), 11);
        assert_eq!(few.wait(11, 120, T0), Some(Millis::new(500)));
        let late = T0.plus(Millis::from_secs(4));
        assert_eq!(few.wait(12, 600, late), Some(NEXT_STATUS), "the next status will say");
    }

    #[test]
    fn the_wait_is_the_distance_over_the_rate() {
        assert_eq!(rising().wait(10, 120, T0), Some(Millis::new(0)));
        assert_eq!(rising().wait(12, 120, T0), Some(Millis::new(1000)));
        assert_eq!(rising().wait(30, 120, T0), Some(Millis::new(10_000)));
        assert_eq!(rising().wait(30, 60, T0), Some(Millis::new(20_000)), "at the pace of late");
        let still = Frontier { per_minute: 0, ..rising().line };
        assert_eq!(PublishedFrontier { line: still, ..rising() }.wait(12, 0, T0), None);
    }

    #[test]
    fn nobody_is_told_to_wait_no_time_at_all_when_the_line_was_not_renewed() {
        let late = T0.plus(Millis::from_secs(60));
        assert_eq!(rising().wait(21, 600, late), Some(NEXT_STATUS));
    }
}
