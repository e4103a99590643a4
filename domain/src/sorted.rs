//! A sorted map for very many small entries.
//!
//! Like `BTreeMap`, but in leaves of many entries that are well filled: a million entries take a
//! quarter more than their own size, where the nodes of a `BTreeMap` would be a third empty. All
//! leaves are allocated in one size, so none leaves a hole that no other fits into. Entries are
//! never removed.

use std::ops::RangeInclusive;

/// Entries in a leaf. With more, an insertion moves more; with less, there are more leaves to
/// search.
const LEAF_MAX: usize = 256;
/// To so many entries a leaf is filled when they come in order, as from a snapshot: if all were
/// full, each would have to be split by what comes next.
const LEAF_IN_ORDER: usize = LEAF_MAX / 16 * 15;
/// A leaf that is full gives entries to the next one if that has no more than this.
const LEAF_TAKES: usize = LEAF_MAX / 8 * 7;

/// A map whose entries stand in the order of their keys.
#[derive(Debug, Clone)]
pub(crate) struct SortedMap<K, V> {
    /// The first key of each leaf.
    firsts: Vec<K>,
    /// None of them is empty.
    leaves: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K: Ord + Copy, V> SortedMap<K, V> {
    /// Entries in all.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let leaf = self.leaves.get(self.leaf_of(key))?;
        let at = place(leaf, key).ok()?;
        leaf.get(at).map(|(_, value)| value)
    }

    /// The value of a key, to be changed.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let number = self.leaf_of(key);
        let leaf = self.leaves.get_mut(number)?;
        let at = place(leaf, key).ok()?;
        leaf.get_mut(at).map(|(_, value)| value)
    }

    /// Puts an entry in. A value that the key had before is returned.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.last_key().is_none_or(|last| *last < key) {
            self.push(key, value);
            return None;
        }
        self.insert_between(key, value)
    }

    /// Puts in an entry that does not come after all others. Never inlined: what takes entries in
    /// order is to be short (see `Inventory::read_reservations`).
    #[inline(never)]
    fn insert_between(&mut self, key: K, value: V) -> Option<V> {
        let mut number = self.leaf_of(&key);
        let leaf = self.leaves.get_mut(number)?;
        let mut at = match place(leaf, &key) {
            Ok(known) => {
                return leaf.get_mut(known).map(|(_, old)| std::mem::replace(old, value));
            }
            Err(at) => at,
        };
        if leaf.len() >= LEAF_MAX {
            self.make_room(number);
            number = self.leaf_of(&key);
            at =
                self.leaves.get(number).map_or(0, |leaf| place(leaf, &key).unwrap_or_else(|at| at));
        }
        if at == 0
            && let Some(first) = self.firsts.get_mut(number)
        {
            *first = key;
        }
        if let Some(leaf) = self.leaves.get_mut(number) {
            leaf.insert(at, (key, value));
            self.len = self.len.saturating_add(1);
        }
        None
    }

    /// All entries in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.leaves.iter().flatten().map(|(key, value)| (key, value))
    }

    /// All values in the order of their keys.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entries whose keys are in the range, in order.
    pub(crate) fn range(&self, keys: RangeInclusive<K>) -> impl Iterator<Item = (&K, &V)> {
        let number = self.leaf_of(keys.start());
        let leaves = self.leaves.get(number..).unwrap_or_default();
        let skipped =
            leaves.first().map_or(0, |leaf| leaf.partition_point(|(key, _)| key < keys.start()));
        let entries = leaves.iter().flatten().skip(skipped);
        entries.take_while(move |(key, _)| key <= keys.end()).map(|(key, value)| (key, value))
    }

    /// The number of the leaf that has the key or would have it.
    fn leaf_of(&self, key: &K) -> usize {
        self.firsts.partition_point(|first| first <= key).saturating_sub(1)
    }

    fn last_key(&self) -> Option<&K> {
        self.leaves.last()?.last().map(|(key, _)| key)
    }

    /// Adds an entry after all others.
    fn push(&mut self, key: K, value: V) {
        self.len = self.len.saturating_add(1);
        match self.leaves.last_mut() {
            Some(leaf) if leaf.len() < LEAF_IN_ORDER => leaf.push((key, value)),
            _ => {
                let mut leaf = Vec::with_capacity(LEAF_MAX);
                leaf.push((key, value));
                self.leaves.push(leaf);
                self.firsts.push(key);
            }
        }
    }

    /// Makes room in a full leaf: the next one takes half of what it has more, or if that is nearly
    /// full as well, the two become three (Knuth's B*-tree). So leaves are two thirds full at the
    /// least. The last one has no next, and is halved.
    fn make_room(&mut self, number: usize) {
        let next = number.saturating_add(1);
        let next_len = self.leaves.get(next).map(Vec::len);
        match next_len {
            Some(len) if len <= LEAF_TAKES => {
                self.shift(number, next, usize::midpoint(LEAF_MAX, len));
            }
            Some(len) => {
                let third = LEAF_MAX.saturating_add(len) / 3;
                self.add_after(number);
                // What stands before the new leaf's entries goes there; then what stands after.
                self.shift(number, next, third);
                self.take_back(next, next.saturating_add(1), third);
            }
            None => {
                self.add_after(number);
                self.shift(number, next, LEAF_MAX / 2);
            }
        }
    }

    /// Adds an empty leaf, which is filled at once.
    fn add_after(&mut self, number: usize) {
        if let Some(first) = self.firsts.get(number).copied() {
            let next = number.saturating_add(1);
            self.firsts.insert(next, first);
            self.leaves.insert(next, Vec::with_capacity(LEAF_MAX));
        }
    }

    /// Moves all but the first `keep` entries of a leaf to the front of the next.
    fn shift(&mut self, number: usize, next: usize, keep: usize) {
        if let Ok([from, to]) = self.leaves.get_disjoint_mut([number, next]) {
            let keep = keep.min(from.len());
            to.splice(0..0, from.drain(keep..));
        }
        self.note_first(next);
    }

    /// Moves entries from the front of the next leaf to the end of one until that one has `len`.
    fn take_back(&mut self, number: usize, next: usize, len: usize) {
        if let Ok([to, from]) = self.leaves.get_disjoint_mut([number, next]) {
            let moved = len.saturating_sub(to.len()).min(from.len());
            to.extend(from.drain(..moved));
        }
        self.note_first(next);
    }

    fn note_first(&mut self, number: usize) {
        if let (Some(first), Some((key, _))) =
            (self.firsts.get_mut(number), self.leaves.get(number).and_then(|leaf| leaf.first()))
        {
            *first = *key;
        }
    }
}

/// Where in a leaf a key is, or would be.
fn place<K: Ord, V>(leaf: &[(K, V)], key: &K) -> Result<usize, usize> {
    leaf.binary_search_by(|(known, _)| known.cmp(key))
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self { firsts: Vec::new(), leaves: Vec::new(), len: 0 }
    }
}

/// Equal are maps with the same entries, however they came in.
impl<K: Ord + Copy, V: PartialEq> PartialEq for SortedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Copy, V: Eq> Eq for SortedMap<K, V> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_what_a_btree_map_does(
            entries in prop::collection::vec((0..3_000_u16, any::<u8>()), 0..5_000),
            range in (0..3_000_u16, 0..3_000_u16),
        ) {
            let (mut ours, mut theirs) = (SortedMap::default(), BTreeMap::new());
            for (key, value) in entries {
                prop_assert_eq!(ours.insert(key, value), theirs.insert(key, value));
            }
            prop_assert_eq!(ours.len(), theirs.len());
            prop_assert!(ours.iter().eq(theirs.iter()));
            let range = range.0.min(range.1)..=range.0.max(range.1);
            prop_assert!(ours.range(range.clone()).eq(theirs.range(range)));
            for key in 0..3_000 {
                prop_assert_eq!(ours.get(&key), theirs.get(&key));
                prop_assert_eq!(ours.get_mut(&key), theirs.get_mut(&key));
            }
        }
    }

    fn capacity(map: &SortedMap<u64, u64>) -> usize {
        map.leaves.iter().map(Vec::capacity).sum()
    }

    #[test]
    fn little_of_it_is_empty() {
        const MANY: u64 = 100_000;
        let (mut ascending, mut scattered) = (SortedMap::default(), SortedMap::default());
        for number in 0..MANY {
            ascending.insert(number, number);
            // An odd factor: every number once, all over the place.
            scattered.insert(number.wrapping_mul(0x9E37_79B9_7F4A_7C15), number);
        }
        assert_eq!((ascending.len(), scattered.len()), (100_000, 100_000));
        assert!(capacity(&ascending) < 115_000, "{} in order", capacity(&ascending));
        assert!(capacity(&scattered) < 125_000, "{} anyhow", capacity(&scattered));
    }

    #[test]
    fn no_leaf_ever_grows_beyond_its_size() {
        let mut map = SortedMap::default();
        for number in 0..50_000_u64 {
            // Ascending and scattered by turns.
            let key =
                if number % 3 == 0 { number } else { number.wrapping_mul(0x9E37_79B9_7F4A_7C15) };
            map.insert(key, number);
        }
        assert!(map.leaves.iter().all(|leaf| leaf.capacity() == LEAF_MAX && !leaf.is_empty()));
        let firsts = map.leaves.iter().map(|leaf| leaf[0].0);
        assert!(firsts.eq(map.firsts.iter().copied()));
    }
}
