//! Figures of several rounds.

use serde::Serialize;

/// One figure, a value per round.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figure {
    /// In the order of the rounds.
    pub rounds: Vec<f64>,
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Figure {
    /// The figure of these rounds.
    pub fn of(rounds: Vec<f64>) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Self { median: at(sorted.len() / 2), min: at(0), max: at(last), rounds }
    }

    /// This figure divided by another, round by round: what slows one round down slows both.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        let pairs = self.rounds.iter().zip(&other.rounds);
        Self::of(pairs.map(|(one, other)| one / other).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_paired_inside_a_round() {
        let ours = Figure::of(vec![10.0, 40.0, 30.0]);
        let theirs = Figure::of(vec![5.0, 40.0, 10.0]);
        let ratio = ours.over(&theirs);
        assert_eq!(ratio.rounds, [2.0, 1.0, 3.0]);
        assert_eq!((ratio.min, ratio.median, ratio.max), (1.0, 2.0, 3.0));
    }
}
