//! Time as data: milliseconds since the Unix epoch, always passed in and never read.

use serde::{Deserialize, Serialize};

const DAY_MS: u64 = 86_400_000;

/// A moment, in whole milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `ms` milliseconds after the epoch.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: the unit of JWT `exp` and `iat` (RFC 7519).
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// This moment plus a duration; the end of time if that does not fit.
    #[must_use]
    pub const fn plus(self, duration: Millis) -> Self {
        Self(self.0.saturating_add(duration.0))
    }

    /// How long after `earlier` this is; nothing if it is before.
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }

    /// The moment as RFC 3339 has it, in UTC, such as `2026-11-24T18:00:00.000Z`.
    ///
    /// The date by Howard Hinnant's `civil_from_days`
    /// (<https://howardhinnant.github.io/date_algorithms.html>): years begin in March, so that the
    /// day that only some have is their last.
    pub fn rfc_3339(self) -> String {
        let (days, ms) = (self.0 / DAY_MS, self.0 % DAY_MS);
        let days = days.saturating_add(719_468);
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let leap_days = (day_of_era / 36_524).saturating_sub(day_of_era / 146_096);
        let year_of_era =
            day_of_era.saturating_sub(day_of_era / 1_460).saturating_add(leap_days) / 365;
        let before = year_of_era
            .saturating_mul(365)
            .saturating_add(year_of_era / 4)
            .saturating_sub(year_of_era / 100);
        let day_of_year = day_of_era.saturating_sub(before);
        let month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
        let first = month.saturating_mul(153).saturating_add(2) / 5;
        let day = day_of_year.saturating_sub(first).saturating_add(1);
        let month = if month < 10 { month.saturating_add(3) } else { month.saturating_sub(9) };
        let year = era.saturating_mul(400).saturating_add(year_of_era);
        let year = year.saturating_add(u64::from(month <= 2));
        let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
        let (second, ms) = (ms / 1000 % 60, ms % 1000);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

/// A duration in whole milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(u64);

impl Millis {
    /// `ms` milliseconds.
    pub const fn new(ms: u64) -> Self {
        Self(ms)
    }

    /// `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// The number of milliseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Twice as long.
    #[must_use]
    pub const fn twice(self) -> Self {
        Self(self.0.saturating_mul(2))
    }

    /// Seconds rounded up: what a `Retry-After` may say without being early (RFC 9110, 10.2.3).
    pub const fn ceil_secs(self) -> u64 {
        self.0.div_ceil(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_date_writes_them() {
        // date -u -d @SECONDS +%FT%T
        for (secs, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (68_169_599, "1972-02-28T23:59:59.000Z"),
            (68_169_600, "1972-02-29T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp::from_millis(secs * 1000).rfc_3339(), text);
        }
        // The end of time is not a date that anybody needs, and no panic either.
        assert!(Timestamp::from_millis(u64::MAX).rfc_3339().ends_with('Z'));
    }
}
