//! How many of those who were admitted will yet reserve, as seen in this sale.

use super::arithmetic::real;
use crate::time::Millis;

/// A pass grows old in so many steps, of which each is twice as long as the one before.
const AGES: usize = Conversion::AGES;

/// How many imagined passes lived through each step; half of them would reserve in it. So as long
/// as nothing has been seen, nearly everybody is expected to buy, and a hundred people who do not
/// outweigh it.
const PRIOR: f64 = 8.0;

/// So many who came count as lately: what they wanted may be gone while other things are not, and
/// then those who follow them give the pass back, too.
const LATELY: f64 = 40.0;

/// However many give the pass back, it is not taken for everybody.
const STAY_MIN: f64 = 0.1;

/// What became of passes of one age.
#[derive(Debug, Clone, Copy, Default)]
struct Age {
    /// So many reserved at this age.
    reserved: u64,
    /// So many passes, unused, lived through all of it; of one that lived through a part, the part.
    lived: f64,
}

/// What became of passes of every age: reservations over the time in which there could have been
/// some. So it learns also from passes whose end is not known yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Conversion {
    ages: [Age; AGES],
    units: u64,
    reservations: u64,
    /// Where the outcome of a pass is known: it was used, given back or expired.
    ended: u64,
    /// People who came lately, and those of them who gave the pass back.
    came: f64,
    gave_back: f64,
}

impl Conversion {
    pub(super) const AGES: usize = 8;

    /// The step of a pass that is so old.
    pub(super) fn age(old: Millis, ttl: Millis) -> usize {
        let share = u128::from(old.get())
            .saturating_mul(1 << AGES.saturating_sub(1))
            .checked_div(u128::from(ttl.get()))
            .unwrap_or(u128::MAX);
        // 0 below the first step's end, 1 below twice that, and so on.
        let bits = u128::BITS.saturating_sub(share.leading_zeros());
        usize::try_from(bits).unwrap_or(AGES).min(AGES)
    }

    pub(super) fn reserved(&mut self, age: usize, people: u64, units: u64) {
        if let Some(age) = self.ages.get_mut(age.min(AGES.saturating_sub(1))) {
            age.reserved = age.reserved.saturating_add(people);
        }
        self.reservations = self.reservations.saturating_add(people);
        self.units = self.units.saturating_add(units);
        self.ended = self.ended.saturating_add(people);
    }

    /// So many passes of an age stayed unused for so long.
    pub(super) fn lived(&mut self, age: usize, people: u64, time: Millis, ttl: Millis) {
        if let Some(known) = self.ages.get_mut(age) {
            // The last age is a half of all the time, the one before a quarter, and so on.
            let halves = AGES.saturating_sub(age.max(1));
            let len = real(ttl.get()) / real(1 << halves);
            known.lived += real(people) * real(time.get()) / len.max(1.0);
        }
    }

    /// So many came for their pass.
    pub(super) fn came(&mut self, people: u64) {
        let kept = (-real(people) / LATELY).exp();
        self.came = self.came * kept + real(people);
        self.gave_back *= kept;
    }

    /// So many gave it back. Most do so at once, so it says something of those who are new, and
    /// nothing of those who have stayed.
    pub(super) fn gave_back(&mut self, people: u64) {
        self.gave_back += real(people);
        self.ended(people);
    }

    /// The share of those who come that will reserve.
    pub(super) fn expected_of_new(&self) -> f64 {
        let stay = 1.0 - self.gave_back / (self.came + PRIOR);
        self.expected(0) * stay.clamp(STAY_MIN, 1.0)
    }

    /// So many ended without having been used.
    pub(super) const fn ended(&mut self, people: u64) {
        self.ended = self.ended.saturating_add(people);
    }

    /// The share of passes of this age, not given back, that will yet be used.
    pub(super) fn expected(&self, age: usize) -> f64 {
        let often =
            self.ages.iter().skip(age).map(|age| {
                (PRIOR * std::f64::consts::LN_2 + real(age.reserved)) / (PRIOR + age.lived)
            });
        1.0 - (-often.sum::<f64>()).exp()
    }

    /// The least share that may buy, by what ended so far: what is said of stock that will not
    /// suffice has to hold.
    pub(super) fn at_least(&self) -> Option<f64> {
        const SEEN_MIN: u64 = 30;
        if self.ended < SEEN_MIN {
            return None;
        }
        let ended = real(self.ended);
        let share = real(self.reservations) / ended;
        let error = (share * (1.0 - share).max(0.0) / ended).sqrt();
        let least = share - 2.0 * error;
        (least > 0.0).then_some(least)
    }

    /// Units that one who reserves takes; `most` as long as nobody has.
    pub(super) fn units(&self, most: u32) -> f64 {
        // One imagined shopper takes as much as is allowed.
        (real(self.units) + f64::from(most)) / (real(self.reservations) + 1.0)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers in tests")]
mod tests {
    use super::*;

    const TTL: Millis = Millis::from_secs(128);

    /// So many passes stay unused for a whole age.
    fn live_through(seen: &mut Conversion, age: usize, people: u64) {
        let halves = u32::try_from(AGES - age.max(1)).unwrap();
        let len = Millis::new(TTL.get() / 2_u64.pow(halves));
        seen.lived(age, people, len, TTL);
    }

    #[test]
    fn each_age_is_twice_as_long_as_the_one_before() {
        let ages = [0, 999, 1_000, 1_999, 2_000, 4_000, 64_000, 127_999, 128_000, 999_000]
            .map(|ms| Conversion::age(Millis::new(ms), TTL));
        assert_eq!(ages, [0, 0, 1, 1, 2, 3, 7, 7, 8, 8]);
    }

    #[test]
    fn everybody_is_expected_to_buy_until_somebody_has_been_seen_not_to() {
        let mut seen = Conversion::default();
        assert!(seen.expected(0) > 0.99);
        assert!((seen.units(3) - 3.0).abs() < 1e-9);
        assert_eq!(seen.at_least(), None);
        for age in 0..AGES {
            live_through(&mut seen, age, 1_000);
        }
        assert!(seen.expected(0) < 0.05);
        assert!(seen.expected(AGES) < 1e-9, "who may not any more will not");
    }

    #[test]
    fn who_came_lately_says_what_to_expect_of_the_next() {
        let mut seen = Conversion::default();
        for _ in 0..100 {
            seen.came(10);
        }
        let before = seen.expected_of_new();
        for _ in 0..20 {
            seen.came(4);
            seen.gave_back(3);
        }
        assert!(before > 0.9, "{before}");
        assert!((0.3..0.5).contains(&seen.expected_of_new()), "{}", seen.expected_of_new());
    }

    #[test]
    fn the_share_that_buys_is_found() {
        let mut seen = Conversion::default();
        let mut left = 10_000;
        for (age, buyers) in [2_000, 2_000, 1_000, 500, 0, 0, 0, 0].into_iter().enumerate() {
            // Those who reserve do so in the middle, as it were.
            live_through(&mut seen, age, left - buyers / 2);
            seen.reserved(age, buyers, buyers * 2);
            left -= buyers;
        }
        seen.ended(left);
        assert!((seen.expected(0) - 0.55).abs() < 0.02, "{}", seen.expected(0));
        assert!(seen.expected(5) < 0.01);
        assert!((seen.units(3) - 2.0).abs() < 0.01);
        let least = seen.at_least().unwrap();
        assert!((0.5..0.55).contains(&least), "{least}");
    }
}
