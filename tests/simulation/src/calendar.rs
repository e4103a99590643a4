//! What happens when: a queue of events in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Virtual time: milliseconds since the run began.
pub type Ms = u32;

/// Events are kept in buckets of so many milliseconds, and sorted when their time has come.
const BUCKET: Ms = 100;

/// Events in the order of their moments, and those of the same moment as they were put in.
#[derive(Debug)]
pub struct Calendar<E> {
    buckets: Vec<Vec<Entry<E>>>,
    current: usize,
    /// The current bucket, the earliest last.
    open: Vec<Entry<E>>,
    /// What was put into the current bucket after it was sorted.
    soon: BinaryHeap<Reverse<Entry<E>>>,
    entered: u32,
    len: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry<E> {
    at: Ms,
    number: u32,
    event: E,
}

impl<E: Copy + Ord> Default for Calendar<E> {
    fn default() -> Self {
        Self {
            buckets: Vec::new(),
            current: 0,
            open: Vec::new(),
            soon: BinaryHeap::new(),
            entered: 0,
            len: 0,
        }
    }
}

impl<E: Copy + Ord> Calendar<E> {
    /// Whether nothing is to come.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts an event in.
    pub fn push(&mut self, at: Ms, event: E) {
        let entry = Entry { at, number: self.entered, event };
        self.entered = self.entered.wrapping_add(1);
        self.len += 1;
        let bucket = (at / BUCKET) as usize;
        if bucket <= self.current {
            self.soon.push(Reverse(entry));
            return;
        }
        if bucket >= self.buckets.len() {
            self.buckets.resize_with(bucket + 1, Vec::new);
        }
        self.buckets[bucket].push(entry);
    }

    /// Takes the next event out.
    pub fn pop(&mut self) -> Option<(Ms, E)> {
        while self.open.is_empty() && self.soon.is_empty() {
            self.current += 1;
            self.open = std::mem::take(self.buckets.get_mut(self.current)?);
            self.open.sort_unstable_by_key(|entry| Reverse((entry.at, entry.number)));
        }
        let is_open_first = match (self.open.last(), self.soon.peek()) {
            (Some(open), Some(Reverse(soon))) => (open.at, open.number) < (soon.at, soon.number),
            (open, _) => open.is_some(),
        };
        let entry =
            if is_open_first { self.open.pop() } else { self.soon.pop().map(|soon| soon.0) };
        let entry = entry?;
        self.len -= 1;
        Some((entry.at, entry.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_earlier_comes_first_whenever_it_was_put_in() {
        let mut calendar = Calendar::default();
        for (at, event) in [(950, 3), (0, 0), (950, 4), (20, 1), (99, 2), (100_000, 6)] {
            calendar.push(at, event);
        }
        let mut seen = Vec::new();
        while let Some((at, event)) = calendar.pop() {
            if event == 3 {
                calendar.push(at + 10, 5);
            }
            seen.push(event);
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
        assert!(calendar.is_empty());
    }
}
