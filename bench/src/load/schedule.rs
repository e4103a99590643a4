//! When operations are due. The schedule knows nothing of how the system does.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "rates are real numbers, moments whole nanoseconds: 2^53 of them are three months"
)]

use anyhow::{Result, bail};

use super::{Arrivals, Pace};

const NS_PER_SECOND: f64 = 1e9;

/// Moments in nanoseconds since the start of the run, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    /// `None`: there is no schedule, every operation is due at once.
    timed: Option<Timed>,
}

#[derive(Debug, Clone)]
struct Timed {
    /// Mean distance.
    gap_ns: f64,
    /// Operations before the one that is next.
    passed: u64,
    due_ns: f64,
    random: Option<SplitMix64>,
}

impl Schedule {
    pub(crate) fn new(pace: Pace) -> Result<Self> {
        let Pace::PerSecond(rate, arrivals) = pace else { return Ok(Self { timed: None }) };
        if !rate.is_finite() || rate <= 0.0 {
            bail!("a pace of {rate} operations per second cannot be kept");
        }
        let random = match arrivals {
            Arrivals::Constant => None,
            Arrivals::Poisson(seed) => Some(SplitMix64(seed)),
        };
        let mut timed = Timed { gap_ns: NS_PER_SECOND / rate, passed: 0, due_ns: 0.0, random };
        if let Some(random) = &mut timed.random {
            timed.due_ns = random.exponential() * timed.gap_ns;
        }
        Ok(Self { timed: Some(timed) })
    }

    /// When the next operation is due; `None` if that is as soon as it can be sent.
    pub(crate) fn due(&self) -> Option<u64> {
        self.timed.as_ref().map(|timed| timed.due_ns as u64)
    }

    pub(crate) fn advance(&mut self) {
        let Some(timed) = &mut self.timed else { return };
        timed.passed = timed.passed.saturating_add(1);
        timed.due_ns = match &mut timed.random {
            // Multiplied and not summed up, so that rounding does not shift the rate.
            None => timed.passed as f64 * timed.gap_ns,
            Some(random) => timed.due_ns + random.exponential() * timed.gap_ns,
        };
    }
}

/// Vigna's generator (<https://prng.di.unimi.it/splitmix64.c>): the same arrivals for the same seed
/// on every machine.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Exponentially distributed with mean 1: the gap between independent arrivals.
    fn exponential(&mut self) -> f64 {
        // Below 1, so the logarithm's argument is never 0.
        -(1.0 - self.uniform()).ln()
    }

    /// 53 random bits as a number in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(arrivals: Arrivals, rate: f64, count: usize) -> Vec<u64> {
        let mut schedule = Schedule::new(Pace::PerSecond(rate, arrivals)).unwrap();
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(schedule.due().unwrap());
            schedule.advance();
        }
        all
    }

    #[test]
    fn constant_arrivals_do_not_drift() {
        let all = moments(Arrivals::Constant, 3_000.0, 9_001);
        assert_eq!((all[0], all[1], all[3_000]), (0, 333_333, 1_000_000_000));
        assert_eq!(all[9_000], 3_000_000_000);
    }

    #[test]
    fn poisson_arrivals_have_the_wanted_rate_and_its_spread() {
        let all = moments(Arrivals::Poisson(1), 1_000.0, 100_000);
        let seconds = all[99_999] as f64 / 1e9;
        assert!((seconds - 100.0).abs() < 1.5, "{seconds} s for 100,000 arrivals at 1,000/s");
        // The gaps of a Poisson process have a standard deviation equal to their mean.
        let gaps: Vec<f64> = all.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 1.0).abs() < 0.02, "mean gap {mean} ms");
        assert!((variance.sqrt() - 1.0).abs() < 0.03, "deviation {} ms", variance.sqrt());
    }

    #[test]
    fn the_seed_decides_the_arrivals() {
        let of = |seed| moments(Arrivals::Poisson(seed), 1_000.0, 100);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn saturation_has_no_schedule() {
        assert_eq!(Schedule::new(Pace::Saturate).unwrap().due(), None);
    }

    #[test]
    fn a_pace_that_cannot_be_kept_is_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Schedule::new(Pace::PerSecond(rate, Arrivals::Constant)).is_err());
        }
    }
}
