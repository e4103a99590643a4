//! When an object tells the books of what happened at it, until they have confirmed it.
//!
//! What waits is stored beside the journal, in the same commit. This is only the schedule: one for
//! all of it, so that it takes no memory however much waits. What waits is told in order, as much
//! of it together as fits, and the next after that is confirmed.

use crate::time::{Millis, Timestamp};

/// So long things gather, to be told together. Nobody waits for them.
const GATHER: Millis = Millis::from_secs(1);
/// The first repeat comes after this; each further one takes twice as long.
const REPEAT_AFTER: Millis = Millis::from_secs(10);
/// Doublings of it: 10 s, 20 s, ... up to 640 s.
const DOUBLINGS_MAX: u32 = 6;

/// When what waits is told next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Telling {
    next_at: Option<Timestamp>,
    /// How often what is first was told.
    made: u32,
}

impl Telling {
    /// Something happened at `at`.
    pub fn happened(&mut self, at: Timestamp) {
        self.next_at.get_or_insert(at.plus(GATHER));
    }

    /// Whether it is to be told at `now`; its repeat is scheduled.
    pub fn take_due(&mut self, now: Timestamp) -> bool {
        if self.next_at.is_none_or(|at| now < at) {
            return false;
        }
        let wait = REPEAT_AFTER.get().saturating_mul(1 << self.made.min(DOUBLINGS_MAX));
        self.next_at = Some(now.plus(Millis::new(wait)));
        self.made = self.made.saturating_add(1);
        true
    }

    /// What was told is confirmed at `now`; whether more waits.
    pub fn confirm(&mut self, more: bool, now: Timestamp) {
        *self = Self { next_at: more.then_some(now), made: 0 };
    }

    /// When something is to be told.
    pub const fn next_timeout(&self) -> Option<Timestamp> {
        self.next_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_millis(1_000_000);

    fn after(secs: u64) -> Timestamp {
        T0.plus(Millis::from_secs(secs))
    }

    #[test]
    fn what_happens_within_a_second_is_told_together() {
        let mut telling = Telling::default();
        assert!(!telling.take_due(T0));
        telling.happened(T0);
        telling.happened(T0.plus(Millis::new(900)));
        assert!(!telling.take_due(T0.plus(Millis::new(999))));
        assert!(telling.take_due(after(1)));
    }

    #[test]
    fn it_is_told_again_ever_more_seldom_until_it_is_confirmed() {
        let mut telling = Telling::default();
        telling.happened(T0);
        let mut at = after(1);
        for secs in [10, 20, 40, 80, 160, 320, 640, 640] {
            assert!(telling.take_due(at));
            // What happens meanwhile waits its turn: the books are not asked more often for it.
            telling.happened(at);
            at = at.plus(Millis::from_secs(secs));
            assert_eq!(telling.next_timeout(), Some(at));
        }
        telling.confirm(false, at);
        assert_eq!(telling.next_timeout(), None);
    }

    #[test]
    fn more_that_waits_is_told_as_soon_as_the_first_is_confirmed() {
        let mut telling = Telling::default();
        telling.happened(T0);
        assert!(telling.take_due(after(1)));
        telling.confirm(true, after(2));
        assert!(telling.take_due(after(2)));
        assert_eq!(telling.next_timeout(), Some(after(12)));
    }
}
