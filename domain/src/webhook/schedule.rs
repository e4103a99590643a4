//! When a webhook that was not taken is sent again.

use crate::time::Millis;

/// The delays after the first attempt, the second and so on, in milliseconds: 5 s, 5 min, 30 min,
/// 2 h, 5 h, 10 h and 10 h. With the jitter that is a day and a quarter, the eighth attempt is the
/// last.
const DELAYS_MS: [u64; 7] =
    [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000];

/// Of a delay, a fifth at most is added by chance, so that what failed together does not come again
/// together.
const JITTER_SHARE: u64 = 5;

/// The delays between attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Millis>);

impl Default for Schedule {
    fn default() -> Self {
        Self(DELAYS_MS.map(Millis::new).to_vec())
    }
}

impl Schedule {
    /// The schedule of these delays: milliseconds with commas between. `None` if it has none, or
    /// something else stands there.
    pub fn parse(text: &str) -> Option<Self> {
        let delay = |text: &str| text.trim().parse().ok().map(Millis::new);
        text.split(',').map(delay).collect::<Option<Vec<_>>>().map(Self)
    }

    /// How long to wait after so many attempts; `None` if that was the last one. `chance` is 16
    /// random bits.
    pub fn delay(&self, attempts: u32, chance: [u8; 2]) -> Option<Millis> {
        let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
        self.0.get(index).map(|delay| with_jitter(*delay, chance))
    }

    /// How long an endpoint is left alone for the `times`-th time in a row, counted from 1. It does
    /// not grow beyond the third delay: by then one attempt each time costs nobody anything, and an
    /// endpoint that is back should be found soon.
    pub fn pause(&self, times: u32, chance: [u8; 2]) -> Millis {
        let known = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.delay(times.clamp(1, 3).min(known), chance).unwrap_or_default()
    }
}

fn with_jitter(delay: Millis, chance: [u8; 2]) -> Millis {
    let most = delay.get() / JITTER_SHARE;
    let drawn = u128::from(most).saturating_mul(u16::from_be_bytes(chance).into()) >> 16;
    Millis::new(delay.get().saturating_add(u64::try_from(drawn).unwrap_or(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_over_more_than_a_day_and_then_end() {
        let schedule = Schedule::default();
        let all: Vec<u64> =
            (1..).map_while(|made| schedule.delay(made, [0; 2])).map(Millis::get).collect();
        assert_eq!(all, DELAYS_MS);
        assert!(all.is_sorted());
        assert!((86_400_000..2 * 86_400_000).contains(&all.iter().sum::<u64>()));
        assert_eq!(schedule.delay(0, [0; 2]), None);
    }

    #[test]
    fn chance_adds_up_to_a_fifth() {
        let after = |chance| Schedule::default().delay(2, chance).unwrap().get();
        assert_eq!(after([0, 0]), 300_000);
        assert_eq!(after([0x80, 0]), 330_000);
        assert_eq!(after([255, 255]), 359_999);
    }

    #[test]
    fn the_longest_delay_there_can_be_does_not_overflow() {
        let schedule = Schedule::parse(&u64::MAX.to_string()).unwrap();
        assert_eq!(schedule.delay(1, [255; 2]), Some(Millis::new(u64::MAX)));
    }

    #[test]
    fn a_pause_grows_to_the_third_delay() {
        let pause = |times| Schedule::default().pause(times, [0; 2]).get();
        assert_eq!(
            [0, 1, 2, 3, 4, 99].map(pause),
            [5_000, 5_000, 300_000, 1_800_000, 1_800_000, 1_800_000]
        );
        let short = Schedule::parse("70").unwrap();
        assert_eq!(short.pause(9, [0; 2]), Millis::new(70));
    }

    #[test]
    fn a_schedule_is_numbers_with_commas_between() {
        let schedule = Schedule::parse("100, 2000").unwrap();
        assert_eq!(schedule.delay(1, [0; 2]), Some(Millis::new(100)));
        assert_eq!(schedule.delay(2, [0; 2]), Some(Millis::new(2000)));
        assert_eq!(schedule.delay(3, [0; 2]), None);
        for text in ["", ",", "1,", "-1", "1s", "1;2"] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
    }
}
