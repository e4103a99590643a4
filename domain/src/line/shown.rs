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
    /// How many came so many seconds after they were admitted.
    after: [f64; WITHIN_SECS],
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

/// How fast old seconds are forgotten: after half a minute they weigh a third, or after so many
/// positions if that is later.
const KEPT_PER_SECOND: f64 = 0.96;
const KEPT_POSITIONS: f64 = 50.0;
/// So many imagined positions, behind each of which somebody came, stand at the beginning.
const PRIOR: f64 = 10.0;
/// Positions are passed over for those who do not come, but no more than so.
const SHARE_MIN: f64 = 0.25;
/// Most of those who come have come after so many seconds.
const MOST_CAME_AFTER: u64 = 10;
/// Who has not come after so many seconds does not.
const ALL_CAME_AFTER: u64 = 60;

/// As long as nobody has been seen, so many imagined people came spread over all of the time.
const AFTER_PRIOR: f64 = 3.0;
/// And so many people are remembered.
const AFTER_KEPT: f64 = 200.0;
/// The seconds of `Shown::WITHIN`.
const WITHIN_SECS: usize = 30;

/// Positions after one, up to another.
pub(super) type Span = (u64, u64);

impl Shown {
    /// Whoever is admitted is taken to come within this time, or not at all: a poll is never
    /// further away.
    pub(super) const WITHIN: Millis = Millis::from_secs(WITHIN_SECS as u64);
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

    /// So many came, so many seconds after they were admitted.
    pub(super) fn arrived(&mut self, seconds: u64, people: u64) {
        let last = WITHIN_SECS.saturating_sub(1);
        let index = usize::try_from(seconds).unwrap_or(last).min(last);
        let kept = (-real(people) / AFTER_KEPT).exp();
        for (second, after) in self.after.iter_mut().enumerate() {
            *after = *after * kept + if second == index { real(people) } else { 0.0 };
        }
    }

    /// How many people are expected yet behind these positions, which were admitted so many
    /// seconds ago and for which so many came: who has not come when most have, has gone.
    pub(super) fn still_coming(
        &self,
        standing: &Standing<'_>,
        span: Span,
        came: u64,
        seconds: u64,
    ) -> f64 {
        let all = real(span.1.saturating_sub(span.0));
        if all == 0.0 {
            return 0.0;
        }
        let share = self.people(standing, span) / all;
        let later = share * self.come_after(seconds);
        (all - real(came)).max(0.0) * later / (later + 1.0 - share).max(f64::MIN_POSITIVE)
    }

    /// Of those who come, the share that needs so many seconds or more.
    fn come_after(&self, seconds: u64) -> f64 {
        let passed = usize::try_from(seconds).unwrap_or(WITHIN_SECS).min(WITHIN_SECS);
        let later = self.after.iter().skip(passed).sum::<f64>();
        let part = real(WITHIN_SECS.saturating_sub(passed) as u64) / real(WITHIN_SECS as u64);
        let all = self.after.iter().sum::<f64>();
        (later + AFTER_PRIOR * part) / (all + AFTER_PRIOR)
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
            let positions = real(to.saturating_sub(from));
            let kept = (-positions / KEPT_POSITIONS).exp().max(KEPT_PER_SECOND);
            share.positions = share.positions * kept + positions;
            share.came = share.came * kept + real(came);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_not_come_when_most_have_is_not_expected_any_more() {
        let mut shown = Shown::default();
        assert!((shown.come_after(0) - 1.0).abs() < 1e-9);
        assert!(shown.come_after(10) > 0.5, "as long as nothing has been seen, anybody may");
        shown.arrived(1, 90);
        shown.arrived(4, 10);
        assert!((0.05..0.15).contains(&shown.come_after(2)), "{}", shown.come_after(2));
        assert!(shown.come_after(5) < 0.05, "{}", shown.come_after(5));
        assert!(shown.come_after(30) < 1e-9);
        assert!(shown.come_after(u64::MAX) < 1e-9);
    }
}
