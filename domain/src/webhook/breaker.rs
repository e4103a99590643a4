//! The breaker before an endpoint: who does not answer is left alone, and found again.
//!
//! ```text
//!            FAILURES_MAX rounds in a row fail
//!   closed ------------------------------------> open
//!     ^                                          |  ^
//!     | it takes the one                   pause |  | it does not
//!     '------------------- half-open <-----------'  |
//!                              '--------------------'
//! ```
//!
//! What is counted are rounds: deliveries that are sent together and of which none was taken. So an
//! endpoint that fails them all at once is not taken for one that fails for long.

use super::Schedule;
use crate::time::Timestamp;

/// So many rounds that fail in a row open it.
pub const FAILURES_MAX: u32 = 3;

/// Deliveries to one endpoint that are under way together, at most.
pub const IN_FLIGHT_MAX: u32 = 10;

/// How an endpoint did lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Rounds that failed in a row.
    pub failures: u32,
    /// Until when nothing is sent; in the past unless it is open.
    pub open_until: Timestamp,
}

impl Breaker {
    /// How many deliveries may be sent together at `now`: none while it is open, one while it is
    /// half-open or after a round that failed.
    pub const fn permits(self, now: Timestamp) -> u32 {
        if self.is_open(now) {
            return 0;
        }
        if self.failures == 0 { IN_FLIGHT_MAX } else { 1 }
    }

    /// Whether nothing is sent at `now`.
    pub const fn is_open(self, now: Timestamp) -> bool {
        now.as_millis() < self.open_until.as_millis()
    }

    /// Whether the endpoint has been found again by a round of which at least one was taken, or
    /// none: then what waits for another attempt need not wait any longer.
    pub const fn is_found_by(self, taken: bool) -> bool {
        taken && self.failures >= FAILURES_MAX
    }

    /// What it is after a round that ended at `now`, of which at least one was taken, or none.
    #[must_use]
    pub fn after(self, taken: bool, now: Timestamp, pauses: &Schedule, chance: [u8; 2]) -> Self {
        if taken {
            return Self::default();
        }
        let failures = self.failures.saturating_add(1);
        let open_until = match failures.checked_sub(FAILURES_MAX) {
            Some(before) => now.plus(pauses.pause(before.saturating_add(1), chance)),
            None => Timestamp::default(),
        };
        Self { failures, open_until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Millis;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn after(breaker: Breaker, taken: bool, now: Timestamp) -> Breaker {
        breaker.after(taken, now, &Schedule::default(), [0; 2])
    }

    fn opened() -> Breaker {
        (0..FAILURES_MAX).fold(Breaker::default(), |breaker, _| after(breaker, false, NOW))
    }

    #[test]
    fn it_is_closed_until_three_rounds_in_a_row_have_failed() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.permits(NOW), IN_FLIGHT_MAX);
        for _ in 1..FAILURES_MAX {
            breaker = after(breaker, false, NOW);
            assert_eq!(breaker.permits(NOW), 1);
        }
        breaker = after(breaker, false, NOW);
        assert_eq!(breaker.permits(NOW), 0);
        assert!(breaker.is_found_by(true) && !breaker.is_found_by(false));
        assert!(!Breaker::default().is_found_by(true), "it was never lost");
    }

    #[test]
    fn one_that_takes_something_now_and_then_stays_closed() {
        let mut breaker = Breaker::default();
        for round in 0..100 {
            breaker = after(breaker, round % 3 == 2, NOW);
            assert!(!breaker.is_open(NOW));
        }
    }

    #[test]
    fn after_the_pause_it_lets_one_through_which_closes_it_or_opens_it_again() {
        let breaker = opened();
        let end = NOW.plus(Millis::from_secs(5));
        assert_eq!(breaker.open_until, end);
        assert_eq!(breaker.permits(Timestamp::from_millis(end.as_millis() - 1)), 0);
        assert_eq!(breaker.permits(end), 1);
        assert_eq!(after(breaker, true, end), Breaker::default());
        let again = after(breaker, false, end);
        assert_eq!((again.permits(end), again.open_until), (0, end.plus(Millis::from_secs(300))));
    }

    #[test]
    fn the_pauses_grow_and_stay_below_an_hour() {
        let mut breaker = opened();
        let mut pauses = Vec::new();
        for _ in 0..50 {
            let end = breaker.open_until;
            breaker = after(breaker, false, end);
            pauses.push(breaker.open_until.since(end));
        }
        assert!(pauses.is_sorted());
        assert!(pauses.iter().all(|pause| *pause <= Millis::from_secs(3600)));
        let for_ever = Breaker { failures: u32::MAX, open_until: NOW };
        assert_eq!(after(for_ever, false, NOW).permits(NOW), 0);
    }
}
