//! Who was overtaken: whoever came later and got a lower number.

use crate::calendar::Ms;

/// Somebody who took a place.
#[derive(Debug, Clone, Copy)]
pub struct Join {
    /// When they came.
    pub began: Ms,
    /// When they had their number.
    pub done: Ms,
    pub number: u32,
}

/// Counts of numbers, and how many of them are below another (a Fenwick tree).
struct Counts(Vec<u32>);

impl Counts {
    fn new(last: u32) -> Self {
        Self(vec![0; last as usize + 1])
    }

    fn add(&mut self, number: u32) {
        let mut index = number as usize;
        while index < self.0.len() {
            self.0[index] += 1;
            index += index & index.wrapping_neg();
        }
    }

    /// How many are at most this.
    fn up_to(&self, number: u32) -> u32 {
        let (mut index, mut sum) = (number as usize, 0);
        while index > 0 {
            sum += self.0[index];
            index &= index - 1;
        }
        sum
    }
}

fn last_number(joins: &[Join]) -> u32 {
    joins.iter().map(|join| join.number).max().unwrap_or_default()
}

/// The pairs of which one had a number for longer than `bound` when the other came, and the other
/// got a lower one all the same.
pub fn inversions(joins: &[Join], bound: Ms) -> u64 {
    let (mut by_begin, mut by_end) = (joins.to_vec(), joins.to_vec());
    by_begin.sort_unstable_by_key(|join| join.began);
    by_end.sort_unstable_by_key(|join| join.done);
    let mut before = Counts::new(last_number(joins));
    let (mut entered, mut found) = (0, 0);
    for later in by_begin {
        while entered < by_end.len() && by_end[entered].done + bound < later.began {
            before.add(by_end[entered].number);
            entered += 1;
        }
        found += u64::from(entered as u32 - before.up_to(later.number));
    }
    found
}

/// The most people by whom anybody was overtaken.
pub fn overtaken_max(joins: &[Join]) -> u32 {
    let (mut by_begin, mut by_end) = (joins.to_vec(), joins.to_vec());
    by_begin.sort_unstable_by_key(|join| std::cmp::Reverse(join.began));
    by_end.sort_unstable_by_key(|join| std::cmp::Reverse(join.done));
    let mut after = Counts::new(last_number(joins));
    let (mut entered, mut most) = (0, 0);
    for earlier in by_end {
        while entered < by_begin.len() && by_begin[entered].began > earlier.done {
            after.add(by_begin[entered].number);
            entered += 1;
        }
        most = most.max(after.up_to(earlier.number));
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn they_are_those_that_are_found_by_looking_at_every_pair() {
        let mut random = Random::new(7, "inversions");
        let joins: Vec<Join> = (0..400)
            .map(|_| {
                let began = random.between(0, 10_000);
                let done = began + random.between(0, 200);
                // Nearly in order.
                Join { began, done, number: began / 10 + random.between(1, 200) }
            })
            .collect();
        let overtook = |earlier: &Join, later: &Join, bound| {
            earlier.done + bound < later.began && later.number < earlier.number
        };
        let pairs = |bound| {
            let of = |a| joins.iter().filter(move |b| overtook(a, b, bound)).count();
            joins.iter().map(of).collect::<Vec<_>>()
        };
        for bound in [0, 300, 1_000] {
            let count: usize = pairs(bound).iter().sum();
            assert_eq!(inversions(&joins, bound), count as u64);
        }
        assert!(inversions(&joins, 300) > 0 && inversions(&joins, 3_000) == 0);
        assert_eq!(overtaken_max(&joins) as usize, pairs(0).into_iter().max().unwrap());
    }
}
