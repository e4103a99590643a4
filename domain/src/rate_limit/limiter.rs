//! One policy for many clients, in a bounded amount of memory.

use std::collections::{BTreeMap, BTreeSet};

use super::{Decision, Policy, Tat, check};
use crate::time::Timestamp;

/// Records that are dropped, or put where they belong by now, per request, at most.
///
/// A request adds one record at most, so two are enough to catch up. Only a newcomer to a full
/// limiter may have to put more in place, each once for a request that moved it on.
const FORGET_MAX: usize = 2;

/// The state of many clients under one policy.
///
/// It keeps a [`Tat`] for each client that has one ahead of it and forgets the others, which are as
/// good as new. It holds `capacity` of them and does not grow beyond.
///
/// # When it is full
///
/// A newcomer takes the place of the record whose allowance is soonest whole, and takes over its
/// `Tat` too, as if the two were one client. A forgotten client that comes back does the same. So
/// the state of whoever is not recorded is never ahead of any record, and every client is given at
/// least the state it deserves: **no flood of keys, in whatever order, gets anyone a request more
/// than the policy allows**. (Were a newcomer's slate clean, two keys could take turns in one place
/// and both stay new forever.)
///
/// The price is that newcomers can be refused on account of others, when all records are within an
/// interval of a whole burst. That takes more than `capacity * burst` allowed requests in the time
/// of `burst` intervals. [`Policy::capacity_for`] gives the capacity at which the process would
/// have to serve more requests than it can before this happens.
#[derive(Debug, Clone)]
pub struct Limiter<K> {
    policy: Policy,
    capacity: usize,
    records: BTreeMap<K, Record>,
    /// The same clients by the moment from which their records may be whole.
    by_moment: BTreeSet<(Tat, K)>,
}

/// What is remembered of a client.
#[derive(Debug, Clone, Copy)]
struct Record {
    tat: Tat,
    /// Where it stands in `by_moment`: at its `Tat`, or before it. Who asks again only moves on,
    /// and is put in place when that moment comes or a place is wanted, not with every request.
    stands_at: Tat,
}

impl<K: Ord + Clone> Limiter<K> {
    /// A limiter that remembers at most `capacity` clients (at least one).
    pub fn new(policy: Policy, capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { policy, capacity, records: BTreeMap::new(), by_moment: BTreeSet::new() }
    }

    /// Decides on one request of `key` at `now` and remembers it.
    pub fn check(&mut self, key: K, now: Timestamp) -> Decision {
        self.forget_passed(now);
        if let Some(record) = self.records.get_mut(&key) {
            let decision = check(self.policy, Some(record.tat), now);
            record.tat = decision.next;
            if record.tat < record.stands_at {
                // The clock went back.
                self.put_in_place(&key);
            }
            return decision;
        }
        let soonest = if self.len() < self.capacity { None } else { self.soonest() };
        let decision = check(self.policy, soonest.as_ref().map(|(tat, _)| *tat), now);
        let key = match soonest {
            Some((_, owner)) => {
                self.forget(&owner);
                // A newcomer that is refused takes nobody's place.
                if decision.allowed { key } else { owner }
            }
            None => key,
        };
        self.remember(key, decision.next);
        decision
    }

    /// How many clients are remembered.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no client is remembered.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    fn forget_passed(&mut self, now: Timestamp) {
        for _ in 0..FORGET_MAX {
            let Some((moment, key)) = self.by_moment.first() else { return };
            if !moment.has_passed(now) {
                return;
            }
            let key = key.clone();
            if self.records.get(&key).is_none_or(|record| record.tat.has_passed(now)) {
                self.forget(&key);
            } else {
                self.put_in_place(&key);
            }
        }
    }

    /// The record that is soonest whole. Whoever stands first without belonging there is put in
    /// place, at most once for each request that moved them on.
    fn soonest(&mut self) -> Option<(Tat, K)> {
        loop {
            let (moment, key) = self.by_moment.first()?.clone();
            if self.records.get(&key)?.tat == moment {
                return Some((moment, key));
            }
            self.put_in_place(&key);
        }
    }

    fn put_in_place(&mut self, key: &K) {
        if let Some(tat) = self.forget(key) {
            self.remember(key.clone(), tat);
        }
    }

    fn forget(&mut self, key: &K) -> Option<Tat> {
        let Record { tat, stands_at } = self.records.remove(key)?;
        self.by_moment.remove(&(stands_at, key.clone()));
        Some(tat)
    }

    fn remember(&mut self, key: K, tat: Tat) {
        self.by_moment.insert((tat, key.clone()));
        self.records.insert(key, Record { tat, stands_at: tat });
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "numbers within the ranges the tests draw")]
mod tests {
    use super::*;
    use crate::time::Millis;
    use proptest::prelude::*;

    /// Two per second, two at once: an interval of 500 ms.
    const POLICY: Policy = Policy::new(2, Millis::from_secs(1), 2);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + ms)
    }

    fn invariant_everybody_stands_once_and_nobody_too_late(limiter: &Limiter<u16>) {
        let mut standing: Vec<_> = limiter.by_moment.iter().map(|(at, key)| (*key, *at)).collect();
        standing.sort_unstable();
        let records = &limiter.records;
        let stands_at: Vec<_> = records.iter().map(|(key, one)| (*key, one.stands_at)).collect();
        assert_eq!(standing, stands_at);
        assert!(records.values().all(|record| record.stands_at <= record.tat));
        assert!(records.len() <= limiter.capacity);
    }

    #[test]
    fn clients_do_not_count_against_each_other() {
        let mut limiter = Limiter::new(POLICY, 10);
        assert!(limiter.check("ann", at(0)).allowed);
        assert!(limiter.check("ann", at(0)).allowed);
        assert!(!limiter.check("ann", at(0)).allowed);
        assert!(limiter.check("bob", at(0)).allowed);
        assert_eq!(limiter.len(), 2);
    }

    #[test]
    fn a_client_whose_allowance_is_whole_is_forgotten() {
        let mut limiter = Limiter::new(POLICY, 10);
        assert!(limiter.is_empty());
        for key in 0..5 {
            limiter.check(key, at(0));
        }
        assert_eq!(limiter.len(), 5);
        limiter.check(9, at(499));
        assert_eq!(limiter.len(), 6);
        for _ in 0..3 {
            limiter.check(9, at(500));
        }
        assert_eq!(limiter.len(), 1);
    }

    #[test]
    fn a_flood_of_new_keys_does_not_free_a_client_that_used_up_its_allowance() {
        let mut limiter = Limiter::new(POLICY, 8);
        limiter.check(0, at(0));
        limiter.check(0, at(0));
        for key in 1..1000 {
            limiter.check(key, at(0));
            assert!(!limiter.check(0, at(0)).allowed, "after {key} keys");
        }
        assert!(limiter.check(0, at(500)).allowed);
    }

    #[test]
    fn two_keys_that_take_turns_in_a_full_limiter_are_not_new_each_time() {
        let mut limiter = Limiter::new(POLICY, 4);
        for key in [0, 0, 1, 1, 2, 2] {
            assert!(limiter.check(key, at(0)).allowed);
        }
        let turns = [10, 11].repeat(50);
        let allowed = turns.into_iter().filter(|key| limiter.check(*key, at(0)).allowed).count();
        assert_eq!(allowed, 2);
    }

    #[test]
    fn newcomers_are_refused_only_beyond_what_the_capacity_is_for() {
        let rate = 40;
        let capacity = POLICY.capacity_for(rate);
        assert_eq!(capacity, 20);
        let mut limiter = Limiter::new(POLICY, capacity);
        for request in 0..2_000 {
            assert!(limiter.check(request, at(request * 1000 / u64::from(rate))).allowed);
        }
        let mut small = Limiter::new(POLICY, capacity / 2);
        let refused =
            |request: u64| !small.check(request, at(request * 1000 / u64::from(rate))).allowed;
        assert!((0..2_000).any(refused));
    }

    #[test]
    fn a_clock_that_goes_back_does_not_shut_newcomers_out_of_a_full_limiter() {
        let mut limiter = Limiter::new(POLICY, 3);
        for key in 0..3 {
            limiter.check(key, at(3_600_000));
        }
        assert!(!limiter.check(7, at(0)).allowed);
        assert!(limiter.check(7, at(500)).allowed);
    }

    proptest! {
        #[test]
        fn no_client_is_ever_allowed_more_than_the_policy_whatever_the_capacity(
            (limit, window, burst) in (1..9_u32, 1..500_u64, 1..4_u32),
            capacity in 1..5_usize,
            requests in prop::collection::vec((0..8_u16, prop_oneof![Just(0), 0..200_u64]), 1..150),
        ) {
            let policy = Policy::new(limit, Millis::new(window), burst);
            let mut limiter = Limiter::new(policy, capacity);
            let mut alone: BTreeMap<u16, Tat> = BTreeMap::new();
            let mut now = 0;
            for (key, gap) in requests {
                now += gap;
                let decision = limiter.check(key, at(now));
                invariant_everybody_stands_once_and_nobody_too_late(&limiter);
                if decision.allowed {
                    // Only what was allowed counts against a client.
                    let own = check(policy, alone.get(&key).copied(), at(now));
                    prop_assert!(own.allowed);
                    alone.insert(key, own.next);
                }
            }
        }

        #[test]
        fn a_clock_that_jumps_leaves_everybody_in_place(
            capacity in 1..5_usize,
            requests in prop::collection::vec((0..8_u16, 0..3_000_u64), 1..150),
        ) {
            let mut limiter = Limiter::new(POLICY, capacity);
            for (key, moment) in requests {
                limiter.check(key, at(moment));
                invariant_everybody_stands_once_and_nobody_too_late(&limiter);
            }
        }

        #[test]
        fn with_room_for_all_it_decides_as_if_each_client_were_alone(
            requests in prop::collection::vec((0..8_u16, 0..300_u64), 1..150),
        ) {
            let mut limiter = Limiter::new(POLICY, 8);
            let mut alone: BTreeMap<u16, Tat> = BTreeMap::new();
            let mut now = 0;
            for (key, gap) in requests {
                now += gap;
                let decision = limiter.check(key, at(now));
                prop_assert_eq!(decision, check(POLICY, alone.get(&key).copied(), at(now)));
                alone.insert(key, decision.next);
            }
        }
    }
}
