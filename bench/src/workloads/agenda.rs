//! What is due when: people who come by a schedule, and what follows from answers.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::load::{Pace, Schedule};

/// One thing to be sent.
pub(super) enum Next<T> {
    /// The next one comes, at this moment.
    Arrival(u64),
    FollowUp(T),
}

/// The script of a run.
pub(super) struct Agenda<T> {
    arrivals: Schedule,
    /// So many are still to come.
    to_come: u64,
    /// By moment, and then in the order in which they were added.
    follow_ups: BTreeMap<(u64, u64), T>,
    added: u64,
}

impl<T> Agenda<T> {
    /// So many people come at this pace.
    pub(super) fn new(pace: Pace, people: u64) -> Result<Self> {
        let arrivals = Schedule::new(pace)?;
        Ok(Self { arrivals, to_come: people, follow_ups: BTreeMap::new(), added: 0 })
    }

    /// Lets something follow at a moment.
    pub(super) fn add(&mut self, at_ns: u64, what: T) {
        self.added = self.added.saturating_add(1);
        self.follow_ups.insert((at_ns, self.added), what);
    }

    /// When the next thing is due.
    pub(super) fn due(&self) -> Option<u64> {
        let follow_up = self.follow_ups.first_key_value().map(|((at, _), _)| *at);
        [self.next_arrival(), follow_up].into_iter().flatten().min()
    }

    /// Takes the next thing.
    pub(super) fn take(&mut self) -> Option<Next<T>> {
        let arrival = self.next_arrival();
        let follow_up = self.follow_ups.first_entry();
        if let Some(entry) = follow_up.filter(|e| arrival.is_none_or(|at| e.key().0 <= at)) {
            return Some(Next::FollowUp(entry.remove()));
        }
        let at = arrival?;
        self.to_come = self.to_come.saturating_sub(1);
        self.arrivals.advance();
        Some(Next::Arrival(at))
    }

    fn next_arrival(&self) -> Option<u64> {
        // Without a schedule they are all there from the start.
        (self.to_come > 0).then(|| self.arrivals.due().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Arrivals;

    #[test]
    fn what_is_due_first_comes_first() {
        let pace = Pace::PerSecond(1_000.0, Arrivals::Constant);
        let mut agenda = Agenda::new(pace, 2).unwrap();
        agenda.add(500_000, "b");
        agenda.add(500_000, "c");
        agenda.add(2_000_000, "d");
        let mut taken = Vec::new();
        while let Some(due) = agenda.due() {
            match agenda.take() {
                Some(Next::Arrival(at)) => taken.push(("arrival", at)),
                Some(Next::FollowUp(what)) => taken.push((what, due)),
                None => panic!("something was due at {due}"),
            }
        }
        let wanted = [
            ("arrival", 0),
            ("b", 500_000),
            ("c", 500_000),
            ("arrival", 1_000_000),
            ("d", 2_000_000),
        ];
        assert_eq!(taken, wanted);
        assert!(agenda.take().is_none());
    }
}
