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
    /// When the call left that is on its way for more than one.
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
    /// None is left: some are to be leased.
    Lease(Wanted),
}

/// What an edge is to ask the room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// So many numbers.
    pub numbers: u64,
    /// Whether they are for those who come next, too: then nobody else asks for as many meanwhile.
    leads: bool,
    asked_at: Timestamp,
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
        // As many as came in the last second. Who comes while somebody asks for them asks for one;
        // a call that takes longer may have been broken off.
        let leads = self.asked_at.is_none_or(|asked_at| now.since(asked_at) >= LEASE_FOR);
        let numbers = if leads { self.came.max(self.second.1) } else { 1 };
        if leads {
            self.asked_at = Some(now);
        }
        let numbers = numbers.clamp(1, LEASE_LEN_MAX);
        Place::Lease(Wanted { numbers, leads, asked_at: now })
    }

    fn count(&mut self, now: Timestamp) {
        let passed = now.since(self.second.0);
        if passed >= LEASE_FOR {
            self.came = if passed < LEASE_FOR.twice() { self.second.1 } else { 0 };
            self.second = (now, 0);
        }
        self.second.1 = self.second.1.saturating_add(1);
    }

    /// Takes in what asking came to, and the first number of it. Nothing came if it failed.
    pub fn leased(&mut self, wanted: Wanted, block: Option<(u64, u64)>) -> Option<u64> {
        if wanted.leads {
            self.asked_at = None;
        }
        let (first, last) = block?;
        let asked_at = wanted.asked_at;
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
                let block = (leased + 1, leased + wanted.numbers);
                leased = block.1;
                assert_eq!(lane.leased(wanted, Some(block)), Some(block.0));
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

    fn wanted(lane: &mut Lane, ms: u64) -> Wanted {
        match lane.take(at(ms)) {
            Place::Lease(wanted) => wanted,
            Place::Number(number) => panic!("{number} was there"),
        }
    }

    #[test]
    fn a_number_that_was_leased_too_long_ago_is_handed_out_to_nobody() {
        let mut lane = Lane::default();
        let first = wanted(&mut lane, 0);
        assert_eq!(lane.leased(first, Some((1, 10))), Some(1));
        assert_eq!(lane.take(at(999)), Place::Number(2));
        assert!(wanted(&mut lane, 1_000).numbers >= 1);
    }

    #[test]
    fn who_comes_while_somebody_asks_asks_for_one_alone() {
        let mut lane = Lane::default();
        let calls: Vec<_> = (0..100).map(|ms| wanted(&mut lane, ms)).collect();
        assert!(calls.iter().all(|call| call.numbers == 1), "nobody came before");
        assert_eq!(lane.leased(calls[0], None), None, "it failed");
        let (leads, follows) = (wanted(&mut lane, 100), wanted(&mut lane, 100));
        assert_eq!((leads.numbers, follows.numbers), (101, 1));
        lane.leased(follows, Some((1, 1)));
        assert_eq!(wanted(&mut lane, 101).numbers, 1, "the block is still on its way");
        lane.leased(leads, Some((2, 102)));
        assert_eq!(lane.take(at(102)), Place::Number(3));
        // A call that takes longer than a lease may have been broken off.
        let mut lane = Lane::default();
        wanted(&mut lane, 0);
        assert_eq!(wanted(&mut lane, 1_000).numbers, 1);
        assert!(wanted(&mut lane, 2_100).numbers >= 1);
    }
}
