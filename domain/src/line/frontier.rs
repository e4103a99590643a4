//! The position up to which people are admitted, as a line in time.

use serde::{Deserialize, Serialize};

use crate::time::{Millis, Timestamp};

/// A line in time: at `at` the positions up to `value` are admitted, and from then on
/// `per_minute` more each minute, until `until`.
///
/// A line and not a counter, so that an edge can tell who is admitted without asking anybody.
/// `until` bounds how far an edge may go on when nobody renews the line: closed rather than wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Frontier {
    /// Positions up to this one are admitted at `at`.
    pub value: u64,
    /// When.
    pub at: Timestamp,
    /// How many more are admitted each minute.
    pub per_minute: u64,
    /// The last moment for which the line speaks.
    pub until: Timestamp,
}

/// One minute, in milliseconds.
const MINUTE_MS: u128 = 60_000;

impl Frontier {
    /// The position up to which people are admitted at `now`.
    pub fn at(&self, now: Timestamp) -> u64 {
        let elapsed_ms = u128::from(now.min(self.until).since(self.at).get());
        let risen = u128::from(self.per_minute).saturating_mul(elapsed_ms).div_euclid(MINUTE_MS);
        self.value.saturating_add(u64::try_from(risen).unwrap_or(u64::MAX))
    }

    /// How long after `now` the position will be admitted if the rate stays; `None` if the line
    /// does not rise. Nothing if it is admitted already.
    pub fn wait(&self, position: u64, now: Timestamp) -> Option<Millis> {
        if position <= self.at(now) {
            return Some(Millis::new(0));
        }
        let per_minute = u128::from(self.per_minute);
        let rise_ms = u128::from(position.saturating_sub(self.value))
            .saturating_mul(MINUTE_MS)
            .checked_next_multiple_of(per_minute)?
            .checked_div(per_minute)?;
        let due_at = self.at.plus(Millis::new(u64::try_from(rise_ms).unwrap_or(u64::MAX)));
        Some(due_at.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_millis(1_000_000);

    fn rising() -> Frontier {
        Frontier { value: 10, at: T0, per_minute: 120, until: T0.plus(Millis::from_secs(5)) }
    }

    #[test]
    fn it_rises_by_its_rate_and_stops_where_nobody_renewed_it() {
        assert_eq!(rising().at(T0), 10);
        assert_eq!(rising().at(T0.plus(Millis::new(499))), 10);
        assert_eq!(rising().at(T0.plus(Millis::new(500))), 11);
        assert_eq!(rising().at(T0.plus(Millis::from_secs(60))), 20);
    }

    #[test]
    fn it_does_not_fall_when_a_clock_goes_back() {
        assert_eq!(rising().at(Timestamp::from_millis(0)), 10);
    }

    #[test]
    fn the_wait_is_the_distance_over_the_rate() {
        assert_eq!(rising().wait(10, T0), Some(Millis::new(0)));
        assert_eq!(rising().wait(12, T0), Some(Millis::new(1000)));
        assert_eq!(Frontier { per_minute: 0, ..rising() }.wait(12, T0), None);
    }
}
