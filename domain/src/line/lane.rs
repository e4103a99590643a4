//! Positions that an edge has leased, and hands out without asking anybody.

use std::collections::VecDeque;

use crate::time::{Millis, Timestamp};

/// How long a leased number may be handed out, counted by the edge's own clock from before it
/// asked. So nobody is overtaken by more people than come within this time, and by the time a draw
/// is published, nobody can get a number that is in it.
pub const LEASE_FOR: Millis = Millis::from_secs(1);

/// The most numbers leased by one call.
pub const LEASE_LEN_MAX: u64 = 256;

/// The lane of one edge into the line of one sale.
#[derive(Debug, Default)]
pub struct Lane {
    /// What is left of leased blocks, the oldest first.
    blocks: VecDeque<Block>,
    /// When the second began in which people are being counted, and how many came in it.
    second: (Timestamp, u64),
    /// How many came in the second before.
    came: u64,
    /// When the newest call left that is still on its way.
    asked_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Block {
    next: u64,
    last: u64,
    asked_at: Timestamp,
}

/// What somebody who joins gets from the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// This number.
    Number(u64),
    /// None is left: so many are to be leased.
    Lease(u64),
}

impl Lane {
    /// Takes the next number for somebody who joins at `now`.
    pub fn take(&mut self, now: Timestamp) -> Place {
        self.count(now);
        while let Some(block) = self.blocks.front_mut() {
            if block.next <= block.last && now.since(block.asked_at) < LEASE_FOR {
                let number = block.next;
                block.next = block.next.saturating_add(1);
                return Place::Number(number);
            }
            self.blocks.pop_front();
        }
        // As many as came in the last second. Who comes while somebody asks for them asks for one; a
        // call that takes longer may have been broken off.
        let is_asking = self.asked_at.is_some_and(|asked_at| now.since(asked_at) < LEASE_FOR);
        let wanted = if is_asking { 1 } else { self.came.max(self.second.1) };
        self.asked_at = Some(now);
        Place::Lease(wanted.clamp(1, LEASE_LEN_MAX))
    }

    fn count(&mut self, now: Timestamp) {
        let passed = now.since(self.second.0);
        if passed >= LEASE_FOR {
            self.came = if passed < LEASE_FOR.twice() { self.second.1 } else { 0 };
            self.second = (now, 0);
        }
        self.second.1 = self.second.1.saturating_add(1);
    }

    /// Takes in what a call that was made at `asked_at` came to, and the first number of it.
    /// Nothing came if it failed.
    pub fn leased(&mut self, block: Option<(u64, u64)>, asked_at: Timestamp) -> Option<u64> {
        self.asked_at = None;
        let (first, last) = block?;
        if first < last {
            self.blocks.push_back(Block { next: first.saturating_add(1), last, asked_at });
        }
        Some(first)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers in tests")]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    /// Lets so many join, evenly, and says how many calls it took and how many numbers they leased.
    fn run(per_second: u64, secs: u64) -> (u64, u64) {
        let (mut lane, mut leased, mut calls) = (Lane::default(), 0, 0);
        for person in 0..per_second * secs {
            let now = at(person * 1_000 / per_second);
            if let Place::Lease(wanted) = lane.take(now) {
                calls += 1;
                let block = (leased + 1, leased + wanted);
                leased = block.1;
                assert_eq!(lane.leased(Some(block), now), Some(block.0));
            }
        }
        (calls, leased)
    }

    #[test]
    fn many_who_come_together_cost_few_calls_and_leave_few_places_empty() {
        for (per_second, calls_max, waste_max) in [(1, 30, 2), (10, 60, 60), (200, 60, 900)] {
            let (calls, leased) = run(per_second, 30);
            assert!(calls <= calls_max, "{calls} calls at {per_second} a second");
            let waste = leased - 30 * per_second;
            assert!(waste <= waste_max, "{waste} empty places at {per_second} a second");
        }
    }

    #[test]
    fn a_number_that_was_leased_too_long_ago_is_handed_out_to_nobody() {
        let mut lane = Lane::default();
        assert_eq!(lane.take(at(0)), Place::Lease(1));
        lane.leased(Some((1, 10)), at(0));
        assert_eq!(lane.take(at(999)), Place::Number(2));
        assert!(matches!(lane.take(at(1_000)), Place::Lease(_)));
    }

    #[test]
    fn who_comes_while_somebody_asks_asks_for_one_alone() {
        let mut lane = Lane::default();
        for person in 0..100 {
            lane.take(at(person));
        }
        assert_eq!(lane.leased(None, at(100)), None);
        assert_eq!(lane.take(at(100)), Place::Lease(101));
        assert_eq!(lane.take(at(100)), Place::Lease(1));
        lane.leased(Some((1, 1)), at(100));
        assert!(matches!(lane.take(at(101)), Place::Lease(2..)));
    }
}
