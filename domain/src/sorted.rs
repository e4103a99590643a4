//! A sorted map for very many small entries.
//!
//! Like `BTreeMap`, but in leaves of many entries that are nearly full: a million entries take a
//! few per cent more than their own size, where the nodes of a `BTreeMap` would be a third empty.
//! Entries are never removed.

use std::ops::RangeInclusive;

/// Entries in a leaf. With more, an insertion moves more; with less, there are more leaves to
/// search.
const LEAF_MAX: usize = 256;
/// By so many entries a leaf grows: as many may be empty in it.
const LEAF_GROWTH: usize = 16;
/// To so many entries a leaf is filled when they come in order, as from a snapshot: if all were
/// full, each would have to be split by what comes next.
const LEAF_IN_ORDER: usize = LEAF_MAX / 4 * 3;

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
        let number = self.leaf_of(&key);
        let is_last = number.saturating_add(1) >= self.leaves.len();
        let Some(leaf) = self.leaves.get_mut(number) else {
            self.push_leaf(key, value);
            return None;
        };
        let at = match place(leaf, &key) {
            Ok(known) => {
                return leaf.get_mut(known).map(|(_, old)| std::mem::replace(old, value));
            }
            Err(at) => at,
        };
        if is_last && at == leaf.len() && at >= LEAF_IN_ORDER {
            self.push_leaf(key, value);
            return None;
        }
        if leaf.len() < LEAF_MAX {
            put(leaf, at, (key, value));
            self.len = self.len.saturating_add(1);
        } else {
            self.split(number);
            return self.insert(key, value);
        }
        if at == 0
            && let Some(first) = self.firsts.get_mut(number)
        {
            *first = key;
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

    fn push_leaf(&mut self, key: K, value: V) {
        let mut leaf = Vec::with_capacity(LEAF_GROWTH);
        leaf.push((key, value));
        self.leaves.push(leaf);
        self.firsts.push(key);
        self.len = self.len.saturating_add(1);
    }

    /// Makes two leaves of a full one.
    fn split(&mut self, number: usize) {
        let Some(leaf) = self.leaves.get_mut(number) else { return };
        let upper = leaf.split_off(LEAF_MAX / 2);
        leaf.shrink_to(LEAF_MAX / 2 + LEAF_GROWTH);
        if let Some((first, _)) = upper.first() {
            self.firsts.insert(number.saturating_add(1), *first);
            self.leaves.insert(number.saturating_add(1), upper);
        }
    }
}

/// Where in a leaf a key is, or would be.
fn place<K: Ord, V>(leaf: &[(K, V)], key: &K) -> Result<usize, usize> {
    leaf.binary_search_by(|(known, _)| known.cmp(key))
}

fn put<T>(leaf: &mut Vec<T>, at: usize, entry: T) {
    if leaf.len() == leaf.capacity() {
        leaf.reserve_exact(LEAF_GROWTH);
    }
    leaf.insert(at, entry);
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
        for map in [ascending, scattered] {
            assert!(capacity(&map) < 107_000, "{} for 100,000", capacity(&map));
        }
    }
}
