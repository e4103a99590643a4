//! When the frontier passed which position, for as long as passes are good.

use serde::{Deserialize, Serialize};

use super::arithmetic::{share, share_up};
use super::frontier::Frontier;
use crate::time::{Millis, Timestamp};

/// So many moments are kept; between them the frontier is taken to have risen evenly. The newer
/// half are kept as they are: by them it is counted who was admitted in the last minute.
const POINTS_MAX: usize = 160;

/// Where the frontier was when, oldest first.
///
/// From it anybody can tell when a position was admitted. So a pass is good from that moment,
/// however often its owner asks for it, and who does not come in time has lost the place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage(Vec<(Timestamp, u64)>);

impl Passage {
    /// Takes down that the frontier is at `value` at `now`, after it went along `line`, and forgets
    /// what was long ago.
    ///
    /// A line may have come there long before: then it stood since. Without that moment positions
    /// would seem to be passed the later, the later somebody looks.
    pub(super) fn note(&mut self, value: u64, now: Timestamp, line: &Frontier, keep_for: Millis) {
        let came_to = value.min(line.at(now));
        let is_later = |last: &(Timestamp, u64), at| last.0 < at && at < now && last.1 < came_to;
        if let (Some(last), Some(came_at)) = (self.0.last(), line.reaches(came_to))
            && is_later(last, came_at)
        {
            self.push(came_to, came_at);
        }
        self.push(value, now);
        let keep_from = now.as_millis().saturating_sub(keep_for.get());
        let is_old = |(at, _): &(Timestamp, u64)| at.as_millis() < keep_from;
        // The newest of the old ones says where the frontier was when the others began.
        let old = self.0.iter().take_while(|point| is_old(point)).count();
        self.0.drain(..old.saturating_sub(1));
    }

    fn push(&mut self, value: u64, now: Timestamp) {
        self.0.retain(|(at, _)| *at < now);
        if self.0.iter().rev().take(2).filter(|(_, known)| *known == value).count() == 2 {
            // It stands: since when and until when is all there is to it.
            self.0.pop();
        }
        if self.0.len() >= POINTS_MAX {
            let mut index = 0_usize;
            self.0.retain(|_| {
                index = index.saturating_add(1);
                index % 2 == 1 || index > POINTS_MAX / 2
            });
        }
        self.0.push((now, value));
    }

    /// Puts everything later: time does not count while a sale is paused.
    pub(super) fn shift(&mut self, by: Millis) {
        for (at, _) in &mut self.0 {
            *at = at.plus(by);
        }
    }

    /// When the frontier passed a position, or will if it goes on along `line`; nothing if it does
    /// not rise so far. What was too long ago passed at the oldest moment that is known.
    pub fn admitted_at(&self, position: u64, line: &Frontier) -> Option<Timestamp> {
        let index = self.0.partition_point(|(_, value)| *value < position);
        let Some((at, value)) = self.0.get(index).copied() else {
            return line.reaches(position);
        };
        let Some((from, base)) = index.checked_sub(1).and_then(|before| self.0.get(before)) else {
            return Some(at);
        };
        let passed = position.saturating_sub(*base);
        let risen = share_up(at.since(*from).get(), passed, value.saturating_sub(*base));
        Some(from.plus(Millis::new(risen)))
    }

    /// Where the frontier was at a moment that is kept; where it was at the oldest one before.
    pub fn position_at(&self, then: Timestamp, line: &Frontier) -> u64 {
        let index = self.0.partition_point(|(at, _)| *at <= then);
        let Some((from, base)) = index.checked_sub(1).and_then(|before| self.0.get(before)) else {
            return self.0.first().map_or(line.value, |(_, value)| *value);
        };
        let Some((at, value)) = self.0.get(index) else { return line.at(then) };
        let elapsed = then.since(*from).get();
        let (risen, _) = share(value.saturating_sub(*base), elapsed, at.since(*from).get());
        base.saturating_add(risen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000).plus(Millis::from_secs(secs))
    }

    const TTL: Millis = Millis::from_secs(600);

    /// A line that has nothing to say of what was before.
    const NO_LINE: Frontier = Frontier { value: 0, at: Timestamp::from_millis(0), per_minute: 0 };

    #[test]
    fn a_position_was_admitted_when_the_frontier_passed_it() {
        let mut passage = Passage::default();
        passage.note(0, at(0), &NO_LINE, TTL);
        passage.note(100, at(10), &NO_LINE, TTL);
        let line = Frontier { value: 100, at: at(10), per_minute: 60 };
        assert_eq!(passage.admitted_at(1, &line), Some(at(0).plus(Millis::new(100))));
        assert_eq!(passage.admitted_at(50, &line), Some(at(5)));
        assert_eq!(passage.admitted_at(100, &line), Some(at(10)));
        assert_eq!(passage.admitted_at(102, &line), Some(at(12)));
        let still = Frontier { per_minute: 0, ..line };
        assert_eq!(passage.admitted_at(102, &still), None);
        assert_eq!(passage.position_at(at(5), &line), 50);
        assert_eq!(passage.position_at(at(12), &line), 102);
    }

    #[test]
    fn a_line_that_stands_keeps_the_moment_at_which_it_stopped() {
        let mut passage = Passage::default();
        passage.note(0, at(0), &NO_LINE, TTL);
        passage.note(10, at(1), &NO_LINE, TTL);
        passage.note(10, at(100), &NO_LINE, TTL);
        passage.note(20, at(101), &NO_LINE, TTL);
        let line = Frontier { value: 20, at: at(101), per_minute: 0 };
        assert_eq!(passage.admitted_at(10, &line), Some(at(1)));
        assert_eq!(passage.admitted_at(20, &line), Some(at(101)));
        assert!(passage.admitted_at(11, &line) > Some(at(99)));
    }

    #[test]
    fn a_position_was_admitted_at_the_same_moment_whenever_somebody_looks() {
        let line = Frontier { value: 0, at: at(0), per_minute: 60 };
        let mut kept = Passage::default();
        kept.note(0, at(0), &NO_LINE, TTL);
        for looked_at in [2, 3, 10, 100] {
            let mut passage = kept.clone();
            // People came for four positions, and the line waits there.
            passage.note(line.at(at(looked_at)).min(4), at(looked_at), &line, TTL);
            assert_eq!(passage.admitted_at(1, &line), Some(at(1)));
            assert_eq!(passage.admitted_at(2, &line), Some(at(2)));
        }
        let stands = Frontier { value: 4, at: at(100), per_minute: 0 };
        kept.note(4, at(100), &line, TTL);
        assert_eq!(kept.admitted_at(4, &stands), Some(at(4)));
    }

    #[test]
    fn it_stays_small_and_right_to_some_seconds_however_often_the_rate_changes() {
        let mut passage = Passage::default();
        for secs in 0..3_000 {
            passage.note(secs * 7, at(secs), &NO_LINE, TTL);
        }
        assert!(passage.0.len() <= POINTS_MAX);
        let line = Frontier { value: 2_999 * 7, at: at(2_999), per_minute: 420 };
        for secs in (2_400..3_000).step_by(13) {
            let told = passage.admitted_at(secs * 7, &line).unwrap();
            assert!(told.since(at(secs)).get() <= 20_000 && at(secs).since(told).get() <= 20_000);
        }
        assert!(passage.admitted_at(1, &line).unwrap() <= at(2_400), "long ago is long ago");
    }
}
