//! The breaker before the payment provider: whoever fails again and again is left alone for a
//! while, so that people are told at once and the provider can recover.
//!
//! ```text
//!            FAILURES_MAX in a row
//!   closed --------------------------> open
//!     ^                                |  ^
//!     | one try succeeds         pause |  | it fails
//!     '---------- half-open <----------'  |
//!                     '-------------------'
//! ```

use crate::time::{Millis, Timestamp};

/// So many failures in a row open it.
const FAILURES_MAX: u32 = 5;
/// It stays open for so long at first, and twice as long after each try that fails.
const PAUSE: Millis = Millis::from_secs(1);
/// Doublings of it: 1 s, 2 s, ... up to 32 s.
const DOUBLINGS_MAX: u32 = 5;

/// How the provider did lately, as one isolate has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    failures: u32,
    /// Until when nothing is tried; in the past unless it is open.
    open_until: Timestamp,
}

impl Breaker {
    /// A try that has said nothing for so long will not; callers limit theirs to it.
    pub const TRY_MAX: Millis = Millis::from_secs(8);

    /// Asks to try at `now`. While it is open, how long it stays so. Half-open, one is let through,
    /// and until that one has reported the others are not.
    ///
    /// # Errors
    ///
    /// How long to wait.
    pub fn permit(&mut self, now: Timestamp) -> Result<(), Millis> {
        if self.failures < FAILURES_MAX {
            return Ok(());
        }
        if now < self.open_until {
            return Err(self.open_until.since(now));
        }
        self.open_until = now.plus(Self::TRY_MAX);
        Ok(())
    }

    /// The try that was permitted is not made after all, so that it keeps out nobody else.
    pub fn give_back(&mut self, now: Timestamp) {
        if self.failures >= FAILURES_MAX {
            self.open_until = now;
        }
    }

    /// Takes note of how a try ended.
    pub fn note(&mut self, succeeded: bool, now: Timestamp) {
        if succeeded {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if let Some(before) = self.failures.checked_sub(FAILURES_MAX) {
            let pause = PAUSE.get().saturating_mul(1 << before.min(DOUBLINGS_MAX));
            self.open_until = now.plus(Millis::new(pause));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_MAX {
            assert_eq!(breaker.permit(NOW), Ok(()));
            breaker.note(false, NOW);
        }
        breaker
    }

    #[test]
    fn one_success_forgives_everything() {
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            for _ in 1..FAILURES_MAX {
                breaker.note(false, NOW);
            }
            breaker.note(true, NOW);
            assert_eq!(breaker.permit(NOW), Ok(()));
        }
    }

    #[test]
    fn after_the_pause_one_is_let_through_and_decides() {
        let mut breaker = opened();
        assert_eq!(breaker.permit(NOW), Err(PAUSE));
        let later = NOW.plus(PAUSE);
        assert_eq!(breaker.permit(later), Ok(()));
        assert_eq!(breaker.permit(later), Err(Breaker::TRY_MAX), "one at a time");
        let mut recovered = breaker;
        recovered.note(true, later);
        assert_eq!(recovered.permit(later), Ok(()));
        breaker.note(false, later);
        assert_eq!(breaker.permit(later), Err(Millis::new(2 * PAUSE.get())));
    }

    #[test]
    fn who_does_not_try_after_all_keeps_out_nobody() {
        let mut breaker = opened();
        let later = NOW.plus(PAUSE);
        assert_eq!(breaker.permit(later), Ok(()));
        breaker.give_back(later);
        assert_eq!(breaker.permit(later), Ok(()));
        breaker.note(false, later);
        assert!(breaker.permit(later).is_err(), "what was tried still counts");
        let mut closed = Breaker::default();
        closed.give_back(later);
        assert_eq!(closed, Breaker::default());
    }

    #[test]
    fn a_try_that_never_reports_does_not_keep_it_open() {
        let mut breaker = opened();
        let later = NOW.plus(PAUSE);
        assert_eq!(breaker.permit(later), Ok(()));
        assert_eq!(breaker.permit(later.plus(Breaker::TRY_MAX)), Ok(()));
    }

    #[test]
    fn pauses_grow_to_half_a_minute_and_no_further() {
        let (mut breaker, mut now) = (opened(), NOW);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let wait = breaker.permit(now).unwrap_err();
            pauses.push(wait.get() / 1_000);
            now = now.plus(wait);
            assert_eq!(breaker.permit(now), Ok(()));
            breaker.note(false, now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 32, 32]);
    }
}
