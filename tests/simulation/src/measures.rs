//! What is seen of a run while it goes.

use doorbuster_domain::line::Wait;

use crate::calendar::Ms;
use crate::inversions::Join;

/// The end of a list.
pub const NONE: u32 = u32::MAX;

/// What somebody was told of the wait.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// What they were told before.
    before: u32,
    at: Ms,
    low: Ms,
    high: Ms,
    expected: Ms,
}

/// How ranges held that were told to people who were admitted later.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ranges {
    pub told: u64,
    pub held: u64,
    /// Those in which they waited less, and longer.
    pub shorter: u64,
    pub longer: u64,
}

impl Ranges {
    fn count(&mut self, told: &Told, waited: Ms) {
        self.told += 1;
        self.shorter += u64::from(waited < told.low);
        self.longer += u64::from(waited > told.high);
        self.held += u64::from((told.low..=told.high).contains(&waited));
    }
}

/// Waits are told apart by their length, in seconds.
pub const WAITS: [Ms; 6] = [2, 10, 30, 90, 270, Ms::MAX];

/// What is seen while a shape runs.
#[derive(Debug, Default)]
pub struct Measures {
    /// Those who took a place after the draw was closed, and those who did before.
    pub joins: Vec<Join>,
    /// When numbers were leased, and how many.
    pub leases: Vec<(Ms, u32)>,
    /// When those who came were admitted.
    pub sinces: Vec<Ms>,
    told: Vec<Told>,
    /// All of them, and by the length of the wait that was expected.
    pub ranges: Ranges,
    pub ranges_by_wait: [Ranges; WAITS.len()],
    /// People who have a pass and may yet reserve, or are in checkout, now and at most.
    pub active: u32,
    pub active_max: u32,
    /// Those of them who mean to reserve.
    pub wanting: u32,
    /// The most of them for a unit that was available, when the room decided: what the room takes
    /// care not to let rise above one, of those who have come. It is shown, and no promise.
    pub pressure_max: f64,
    pub polls: u64,
    pub refused: u32,
    pub lapsed: u32,
    /// People who had a pass, wanted a unit and got none.
    pub turned_away: u32,
    pub reserved: u32,
    /// When the last of the people heard that everything is sold, and when the last of those whom
    /// the stock might have reached, by what they had been told.
    pub last_told: Ms,
    pub last_hoping_told: Ms,
}

impl Measures {
    /// Somebody is told a range. The list of all that they were told.
    pub fn told(&mut self, before: u32, at: Ms, wait: &Wait) -> u32 {
        let ms = |ms: u64| Ms::try_from(ms).unwrap_or(Ms::MAX);
        self.told.push(Told {
            before,
            at,
            low: ms(wait.low.get()),
            high: ms(wait.high.get()),
            expected: ms(wait.expected.get()),
        });
        (self.told.len() - 1) as u32
    }

    /// Somebody came who was admitted at `since` and had been told this list.
    pub fn arrived(&mut self, since: Ms, mut told: u32) {
        self.sinces.push(since);
        self.enter();
        while told != NONE {
            let entry = self.told[told as usize];
            let waited = since.saturating_sub(entry.at);
            self.ranges.count(&entry, waited);
            let of_its_length = WAITS.iter().position(|secs| entry.expected / 1_000 < *secs);
            self.ranges_by_wait[of_its_length.unwrap_or_default()].count(&entry, waited);
            told = entry.before;
        }
    }

    fn enter(&mut self) {
        self.active += 1;
        self.active_max = self.active_max.max(self.active);
    }

    /// The room decides, with so many units available.
    pub fn decided(&mut self, available: u32) {
        if available >= 50 {
            let pressure = f64::from(self.wanting) / f64::from(available);
            self.pressure_max = self.pressure_max.max(pressure);
        }
    }

    /// The share of ranges that held.
    pub fn coverage(&self) -> f64 {
        let Ranges { told, held, .. } = self.ranges;
        if told == 0 { 1.0 } else { held as f64 / told as f64 }
    }

    /// The most people who were admitted within any minute.
    pub fn minute_max(&mut self) -> usize {
        self.sinces.sort_unstable();
        most_within(self.sinces.iter().map(|at| (*at, 1)), 60_000) as usize
    }
}

/// The most that came within any time of such a length, of what came when, in order.
pub fn most_within(came: impl Iterator<Item = (Ms, u32)>, length: Ms) -> u32 {
    let came: Vec<(Ms, u32)> = came.collect();
    let (mut first, mut sum, mut most) = (0, 0, 0);
    for (at, number) in &came {
        sum += number;
        while came[first].0 + length <= *at {
            sum -= came[first].1;
            first += 1;
        }
        most = most.max(sum);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rolling_minute_does_not_begin_at_full_minutes() {
        let came = [0, 50_000, 100_000, 109_999, 110_001, 300_000];
        assert_eq!(most_within(came.iter().map(|at| (*at, 1)), 60_000), 3);
        assert_eq!(most_within([(0, 5), (59_999, 2), (60_000, 1)].into_iter(), 60_000), 7);
    }
}
