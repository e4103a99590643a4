//! Behind how many positions somebody comes: some have gone, and some were never handed out.

use super::admission::Standing;
use super::arithmetic::real;
use crate::time::{Millis, Timestamp};

/// The share of positions behind which somebody comes, apart for those drawn and those after: who
/// has just joined is more likely to be there.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    /// By the seconds of which nothing new is learnt any more.
    settled: Shares,
    /// By those, and by what is known of the others so far.
    shares: Shares,
    /// The second up to which they are settled.
    settled_up_to: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Shares {
    drawn: Share,
    later: Share,
}

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    positions: f64,
    came: f64,
}

/// How fast old seconds are forgotten: after half a minute they weigh a third.
const KEPT_PER_SECOND: f64 = 0.96;
/// So many imagined positions, behind each of which somebody came, stand at the beginning.
const PRIOR: f64 = 25.0;
/// Positions are passed over for those who do not come, but no more than so.
const SHARE_MIN: f64 = 0.25;
/// Most of those who come have come after so many seconds.
const MOST_CAME_AFTER: u64 = 10;
/// Who has not come after so many seconds does not.
const ALL_CAME_AFTER: u64 = 60;

/// Positions after one, up to another.
pub(super) type Span = (u64, u64);

impl Shown {
    /// Whoever is admitted is taken to come within this time, or not at all: a poll is never
    /// further away.
    pub(super) const WITHIN: Millis = Millis::from_secs(30);
    /// So long the seconds of admission are kept apart.
    pub(super) const WINDOW: Millis = Millis::from_secs(70);

    /// Counts the positions of seconds that are long enough ago, and who came for them.
    pub(super) fn learn(&mut self, standing: &Standing<'_>, came: impl Fn(u64) -> u64) {
        let now = standing.now.as_secs();
        let settled = now.saturating_sub(ALL_CAME_AFTER);
        let first =
            self.settled_up_to.map_or(settled, |known| known.max(settled.saturating_sub(60)));
        for second in first..settled {
            self.settled.count(standing, second, came(second));
        }
        self.settled_up_to = Some(settled.max(first));
        self.shares = self.settled;
        for second in settled.max(first)..now.saturating_sub(MOST_CAME_AFTER) {
            self.shares.count(standing, second, came(second));
        }
    }

    /// The share, of positions after those drawn or of those.
    pub(super) fn share(&self, later: bool) -> f64 {
        let Share { positions, came } = if later { self.shares.later } else { self.shares.drawn };
        ((came + PRIOR) / (positions + PRIOR)).clamp(SHARE_MIN, 1.0)
    }

    /// How many people are expected behind these positions.
    pub(super) fn people(&self, standing: &Standing<'_>, (from, to): Span) -> f64 {
        let drawn = to.min(standing.entries).saturating_sub(from);
        let later = to.saturating_sub(from.max(standing.entries));
        real(drawn) * self.share(false) + real(later) * self.share(true)
    }

    /// The seconds of the last time, and which positions were admitted in each.
    pub(super) fn recent(
        standing: &Standing<'_>,
        within: Millis,
    ) -> impl Iterator<Item = (u64, Span)> {
        let now = standing.now.as_secs();
        let standing = *standing;
        (now.saturating_sub(within.ceil_secs().saturating_sub(1))..=now)
            .map(move |second| (second, admitted_in(&standing, second)))
    }
}

impl Shares {
    fn count(&mut self, standing: &Standing<'_>, second: u64, came: u64) {
        let (from, to) = admitted_in(standing, second);
        // The second in which those drawn come to an end says nothing of either.
        if from < standing.entries && standing.entries < to {
            return;
        }
        let share = if from >= standing.entries { &mut self.later } else { &mut self.drawn };
        if from < to || came > 0 {
            share.positions = share.positions * KEPT_PER_SECOND + real(to.saturating_sub(from));
            share.came = share.came * KEPT_PER_SECOND + real(came);
        }
    }
}

/// The positions that were admitted in a second; none before the sale went on, as a pause moves
/// what is known of the time before.
fn admitted_in(standing: &Standing<'_>, second: u64) -> Span {
    let start = Timestamp::default().plus(Millis::from_secs(second));
    let end = start.plus(Millis::from_secs(1));
    if start < standing.since {
        return (0, 0);
    }
    let at = |moment| standing.passage.position_at(moment, standing.line);
    let to = if end > standing.now { standing.frontier } else { at(end) };
    (at(start).min(to), to)
}
