//! Behind how many positions somebody comes: some have gone, and some were never handed out.

use super::admission::Standing;
use super::arithmetic::real;
use crate::time::{Millis, Timestamp};

/// The share of positions behind which somebody comes, apart for those drawn and those after: who has
/// just joined is more likely to be there.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    drawn: Share,
    later: Share,
    /// The second up to which positions have been counted.
    learnt_up_to: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    positions: f64,
    came: f64,
}

/// How fast old seconds are forgotten: after a minute they weigh a third.
const KEPT_PER_SECOND: f64 = 0.98;
/// So many imagined positions, behind each of which somebody came, stand at the beginning.
const PRIOR: f64 = 25.0;
/// Positions are passed over for those who do not come, but no more than so.
const SHARE_MIN: f64 = 0.25;

impl Shown {
    /// Whoever is admitted is taken to come within this time, or not at all: a poll is never further
    /// away.
    pub(super) const WITHIN: Millis = Millis::from_secs(30);
    /// So long the seconds of admission are kept apart.
    pub(super) const WINDOW: Millis = Millis::from_secs(70);

    /// Counts the positions of seconds that are long enough ago, and who came for them.
    pub(super) fn learn(&mut self, standing: &Standing<'_>, came: impl Fn(u64) -> u64) {
        let upto = standing.now.as_secs().saturating_sub(Self::WITHIN.ceil_secs());
        let first = self.learnt_up_to.map_or(upto, |known| known.max(upto.saturating_sub(60)));
        for second in first..upto {
            let (positions, last) = positions_in(standing, second);
            let share = if last > standing.entries { &mut self.later } else { &mut self.drawn };
            if positions > 0 {
                share.positions = share.positions * KEPT_PER_SECOND + real(positions);
                share.came = share.came * KEPT_PER_SECOND + real(came(second).min(positions));
            }
        }
        self.learnt_up_to = Some(upto.max(first));
    }

    /// The share, of positions after those drawn or of those.
    pub(super) fn share(&self, later: bool) -> f64 {
        let seen = if later { self.later } else { self.drawn };
        ((seen.came + PRIOR) / (seen.positions + PRIOR)).max(SHARE_MIN)
    }

    /// The seconds of the last time, and how many positions were admitted in each.
    pub(super) fn recent(
        standing: &Standing<'_>,
        within: Millis,
    ) -> impl Iterator<Item = (u64, u64)> {
        let now = standing.now.as_secs();
        let standing = *standing;
        (now.saturating_sub(within.ceil_secs().saturating_sub(1))..=now)
            .map(move |second| (second, positions_in(&standing, second).0))
    }
}

/// How many positions were admitted in a second, and the last of them.
fn positions_in(standing: &Standing<'_>, second: u64) -> (u64, u64) {
    let start = Timestamp::default().plus(Millis::from_secs(second));
    let end = start.plus(Millis::from_secs(1));
    let at = |moment| standing.passage.position_at(moment, standing.line);
    let last = if end > standing.now { standing.frontier } else { at(end) };
    (last.saturating_sub(at(start)), last)
}
