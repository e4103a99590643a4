//! Whether draws are fair: a thousand of them, each with a secret of its own.

use doorbuster_domain::line::{DrawSecret, Permutation};

use crate::random::Random;

const DRAWS: u32 = 1_000;
const ENTRIES: u64 = 10_000;
const BUCKETS: usize = 100;

/// Numbers whose positions are followed.
const NUMBERS: [u64; 6] = [1, 2, 100, 5_000, 9_999, 10_000];

/// The least probability, of all that is tested, that a fair draw is as uneven as what was seen,
/// times the number of tests (Bonferroni).
pub fn draw_p_value(seed: u64) -> f64 {
    let mut random = Random::new(seed, "draws");
    // One number's positions, and how far two neighbours are apart.
    let mut counts = vec![vec![0_u32; BUCKETS]; 2 * NUMBERS.len()];
    for _ in 0..DRAWS {
        let secret = DrawSecret::from_bytes(random.bytes());
        let permutation = Permutation::new(secret.seed(ENTRIES, None), ENTRIES);
        for (index, number) in NUMBERS.into_iter().enumerate() {
            let position = permutation.position(number) - 1;
            let other = permutation.position(number % ENTRIES + 1) - 1;
            // From 1 to one less than there are: two have never the same.
            let apart = (other + ENTRIES - position) % ENTRIES - 1;
            counts[2 * index][bucket(position, ENTRIES)] += 1;
            counts[2 * index + 1][bucket(apart, ENTRIES - 1)] += 1;
        }
    }
    let tests = counts.len() as f64;
    let least = counts.iter().map(|counts| p_value(counts)).fold(1.0, f64::min);
    (least * tests).min(1.0)
}

fn bucket(value: u64, of: u64) -> usize {
    (value * BUCKETS as u64 / of) as usize
}

/// The probability that evenly spread counts are as uneven as these (Pearson's chi-squared test).
fn p_value(counts: &[u32]) -> f64 {
    let total: u32 = counts.iter().sum();
    let expected = f64::from(total) / counts.len() as f64;
    let squares = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected);
    upper_gamma(counts.len() as f64 - 1.0, squares.sum())
}

/// The share of the chi-squared distribution of so many degrees of freedom that is above `value`:
/// the regularised incomplete gamma function, by the series for its lower part (Abramowitz and
/// Stegun, 6.5.29).
fn upper_gamma(freedom: f64, value: f64) -> f64 {
    let (half, x) = (freedom / 2.0, value / 2.0);
    let (mut term, mut sum, mut n) = (1.0 / half, 1.0 / half, half);
    while term > sum * 1e-15 {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    (1.0 - sum * (half * x.ln() - x - ln_gamma(half)).exp()).clamp(0.0, 1.0)
}

/// Stirling's series, for what is large enough; below by the recurrence.
fn ln_gamma(x: f64) -> f64 {
    if x < 15.0 {
        return ln_gamma(x + 1.0) - x.ln();
    }
    let stirling = (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln();
    stirling + 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1_260.0 * x.powi(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_that_of_the_tables() {
        // Upper quantiles of the chi-squared distribution, from any table.
        let table = [(1.0, 3.841, 0.05), (10.0, 23.209, 0.01), (99.0, 123.225, 0.05)];
        for (freedom, value, share) in table {
            let found = upper_gamma(freedom, value);
            assert!((found - share).abs() < 1e-4, "{freedom}: {found}");
        }
    }

    #[test]
    fn what_is_uneven_is_found() {
        let even = vec![10; BUCKETS];
        assert!(p_value(&even) > 0.999);
        let mut uneven = even;
        uneven[0] = 60;
        assert!(p_value(&uneven) < 0.001);
    }

    #[test]
    fn draws_are_fair() {
        assert!(draw_p_value(1) > 0.001);
    }
}
