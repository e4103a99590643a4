//! How long it will take, as a range that has held so far.
//!
//! The room takes down what it would have told people in some places, and sees what became of it.
//! The range is made from how far the truth was off, so that it holds for eight in ten. How often
//! it does is measured by the simulation.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::arithmetic::{real, share, whole};
use crate::time::{Millis, Timestamp};

/// The waits that are followed, in seconds: what holds for the next minute need not hold for an
/// hour.
const WAITS: [u64; 5] = [10, 30, 90, 270, 810];

/// How the truth compared with what was told, in hundredths of it: a tenth was below, a tenth
/// above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// A tenth waited less.
    pub low_percent: u32,
    /// A tenth waited longer.
    pub high_percent: u32,
}

/// As long as nothing has been seen.
const UNSEEN: Spread = Spread { low_percent: 40, high_percent: 400 };
/// However well it went so far, it is not told more precisely than so.
const SURE: Spread = Spread { low_percent: 75, high_percent: 150 };
/// Nor more precisely than to so many seconds: a line goes in steps of one, and a poll takes time.
const SURE_BELOW: Millis = Millis::from_secs(2);
const SURE_ABOVE: Millis = Millis::from_secs(3);
/// So many comparisons are kept, and so many are needed.
const SEEN_MAX: usize = 40;
const SEEN_MIN: usize = 8;
/// Something is told to some places every so often.
const TELL_EVERY: Millis = Millis::from_secs(2);

/// What was told, and how it went.
#[derive(Debug, Clone, Default)]
pub struct Forecast {
    waits: [Followed; WAITS.len()],
    told_at: Timestamp,
}

#[derive(Debug, Clone, Default)]
struct Followed {
    /// When, to which position, and how many milliseconds were told. Both only rise.
    told: VecDeque<(Timestamp, u64, u64)>,
    /// Hundredths of what was told that it took, the newest last.
    took: VecDeque<u32>,
}

impl Forecast {
    /// Takes note of where the frontier is at `now`, and of how many positions it passes a minute.
    pub fn note(&mut self, frontier: u64, per_minute: u64, now: Timestamp) {
        let tells = now.since(self.told_at) >= TELL_EVERY && per_minute > 0;
        if tells {
            self.told_at = now;
        }
        for (followed, wait) in self.waits.iter_mut().zip(WAITS) {
            followed.compare(frontier, now);
            if tells {
                let ahead = per_minute.saturating_mul(wait).div_ceil(60).max(1);
                let position = frontier.saturating_add(ahead);
                followed.told.push_back((now, position, Millis::from_secs(wait).get()));
            }
        }
    }

    /// The ranges, for the waits that are followed, the shortest first.
    pub fn spreads(&self, now: Timestamp) -> Vec<Spread> {
        let mut wider = UNSEEN;
        self.waits
            .iter()
            .map(|followed| {
                // What has not been seen yet is at least as uncertain as what is nearer.
                wider = followed.spread(now).unwrap_or(Spread {
                    low_percent: wider.low_percent.min(UNSEEN.low_percent),
                    high_percent: wider.high_percent.max(UNSEEN.high_percent),
                });
                wider
            })
            .collect()
    }
}

impl Followed {
    fn compare(&mut self, frontier: u64, now: Timestamp) {
        while let Some((at, position, told)) = self.told.front().copied()
            && position <= frontier
        {
            self.told.pop_front();
            self.took.push_back(hundredths(now.since(at).get(), told));
            if self.took.len() > SEEN_MAX {
                self.took.pop_front();
            }
        }
    }

    fn spread(&self, now: Timestamp) -> Option<Spread> {
        // Who waits longer already than was told counts with what it has come to.
        let overdue = self.told.iter().filter_map(|(at, _, told)| {
            let waited = now.since(*at).get();
            (waited > *told).then(|| hundredths(waited, *told))
        });
        let mut all: Vec<u32> = self.took.iter().copied().chain(overdue).collect();
        if all.len() < SEEN_MIN {
            return None;
        }
        all.sort_unstable();
        let last = all.len().saturating_sub(1);
        let low = all.get(last / 20)?;
        let high = all.get(last.saturating_sub(last / 20))?;
        // Further off than nine in ten were: the next will not be like the last.
        let below = 100_u32.saturating_sub(*low).saturating_mul(5) / 4;
        let above = high.saturating_sub(100).saturating_mul(20);
        Some(Spread {
            low_percent: 100_u32.saturating_sub(below).min(SURE.low_percent),
            high_percent: above.saturating_add(100).max(SURE.high_percent),
        })
    }
}

fn hundredths(took: u64, told: u64) -> u32 {
    u32::try_from(whole(100.0 * real(took) / real(told.max(1)))).unwrap_or(u32::MAX)
}

/// The range that holds for a wait of so long, of those that were published.
pub(super) fn range(spreads: &[Spread], wait: Millis) -> (Millis, Millis) {
    let index = WAITS.iter().take_while(|secs| Millis::from_secs(**secs) < wait).count();
    let spread = spreads.get(index).or_else(|| spreads.last()).copied().unwrap_or(UNSEEN);
    let part = |percent: u32| Millis::new(share(wait.get(), percent.into(), 100).0);
    let below = Millis::new(wait.get().saturating_sub(SURE_BELOW.get()));
    let above = Millis::new(wait.get().saturating_add(SURE_ABOVE.get()));
    (part(spread.low_percent).min(below), part(spread.high_percent).max(above))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000_000).plus(Millis::from_secs(secs))
    }

    #[test]
    fn a_line_that_keeps_its_pace_is_told_precisely_and_one_that_does_not_is_not() {
        let mut steady = Forecast::default();
        let mut halting = Forecast::default();
        let mut halted = 0;
        for secs in 0..200 {
            steady.note(secs * 10, 600, at(secs));
            halted += if secs / 20 % 2 == 0 { 10 } else { 1 };
            halting.note(halted, 600, at(secs));
        }
        let [near, ..] = steady.spreads(at(200))[..] else { panic!("no spread") };
        assert_eq!(near, SURE);
        let [near, ..] = halting.spreads(at(200))[..] else { panic!("no spread") };
        assert!(near.high_percent > 150, "{near:?}");
    }

    #[test]
    fn a_line_that_stands_is_not_told_as_one_that_goes() {
        let mut stopped = Forecast::default();
        for secs in 0..60 {
            stopped.note(secs * 10, 600, at(secs));
        }
        for secs in 60..120 {
            stopped.note(600, 0, at(secs));
        }
        let [near, ..] = stopped.spreads(at(120))[..] else { panic!("no spread") };
        assert!(near.high_percent > 300, "{near:?}");
    }

    #[test]
    fn what_is_far_away_is_told_by_what_was_seen_of_that_distance() {
        let near = Spread { low_percent: 90, high_percent: 110 };
        let far = Spread { low_percent: 50, high_percent: 200 };
        let spreads = [near, near, near, far, far];
        let secs = Millis::from_secs;
        assert_eq!(range(&spreads, secs(10)), (secs(8), secs(13)));
        assert_eq!(range(&spreads, secs(30)), (secs(27), secs(33)));
        assert_eq!(range(&spreads, secs(100)), (secs(50), secs(200)));
        assert_eq!(range(&spreads, secs(5_000)), (secs(2_500), secs(10_000)));
        assert_eq!(range(&[], secs(10)), (secs(4), secs(40)));
    }
}
