//! The journal of a SKU: append-only, hash-chained, one entry per batch.
//!
//! `hash = SHA-256(previous hash || seq || committed_at_ms || events)`, numbers as 8 bytes big
//! endian, `events` as the exact bytes of its JSON. The first entry follows the zero hash.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex;
use crate::machine::Machine;
use crate::time::Timestamp;

/// A link of the chain: 32 bytes of SHA-256, written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// What the first entry follows.
    pub const ZERO: Self = Self([0; 32]);

    /// The hash made of these bytes; `None` if they are not 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash of the entry that follows this one.
    #[must_use]
    pub fn next(&self, seq: u64, committed_at: Timestamp, events: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(seq.to_be_bytes());
        hash.update(committed_at.as_millis().to_be_bytes());
        hash.update(events);
        Self(hash.finalize().into())
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<ChainHash> for String {
    fn from(hash: ChainHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for ChainHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let wrong = "a hash is 64 hex digits, in small letters";
        hex::decode_32(&text).map(Self).ok_or(wrong)
    }
}

/// One entry as it is stored and exported: a line of NDJSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// The moment at which its events happened.
    pub committed_at_ms: Timestamp,
    /// Its events: a JSON array, kept as text because the hash is over these very bytes.
    pub events: String,
    /// The hash of the chain up to and including this entry.
    pub hash: ChainHash,
}

/// What is wrong with a journal, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq}: {reason}")]
pub struct Broken {
    /// Where it should have been: the number after the last good entry.
    pub seq: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// A journal being read: the state so far, and the end of the chain.
#[derive(Debug, Clone, Default)]
pub struct Replay<M> {
    state: M,
    seq: u64,
    hash: ChainHash,
}

impl<M: Machine> Replay<M> {
    /// Goes on from a snapshot that was taken after entry `seq`.
    pub const fn resume(state: M, seq: u64, hash: ChainHash) -> Self {
        Self { state, seq, hash }
    }

    /// Reads one more entry and tells how many events it had.
    ///
    /// # Errors
    ///
    /// `Broken` if it does not continue the chain, or its events cannot follow.
    pub fn read(&mut self, entry: &Entry) -> Result<usize, Broken> {
        let hash = self.hash.next(entry.seq, entry.committed_at_ms, entry.events.as_bytes());
        if entry.seq == self.next_seq() && hash != entry.hash {
            return Err(self.broken("the hash does not continue the chain".to_owned()));
        }
        self.read_own(entry)
    }

    /// The same for an entry that the reader wrote itself, into storage that keeps what it is
    /// given: its hash is taken as it stands. Somebody waits for an object that wakes, and SHA-256
    /// is slow in code that nobody has optimised yet.
    ///
    /// # Errors
    ///
    /// `Broken` if an entry is missing before it, or its events cannot follow.
    pub fn read_own(&mut self, entry: &Entry) -> Result<usize, Broken> {
        if entry.seq != self.next_seq() {
            return Err(self.broken(format!("its number is {}", entry.seq)));
        }
        let broken = |reason: String| Broken { seq: entry.seq, reason };
        let events: Vec<M::Event> =
            serde_json::from_str(&entry.events).map_err(|e| broken(e.to_string()))?;
        for event in &events {
            self.state
                .apply(event, entry.committed_at_ms)
                .map_err(|corrupt| broken(corrupt.to_string()))?;
        }
        self.seq = entry.seq;
        self.hash = entry.hash;
        Ok(events.len())
    }

    const fn next_seq(&self) -> u64 {
        self.seq.saturating_add(1)
    }

    const fn broken(&self, reason: String) -> Broken {
        Broken { seq: self.next_seq(), reason }
    }

    /// The state after the last entry read.
    pub const fn state(&self) -> &M {
        &self.state
    }

    /// The last entry read.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The end of the chain.
    pub const fn hash(&self) -> ChainHash {
        self.hash
    }

    /// The state, the last entry's number and the end of the chain.
    pub fn into_parts(self) -> (M, u64, ChainHash) {
        (self.state, self.seq, self.hash)
    }
}

/// Verifies a whole journal: the chain, that every event may follow the ones before it (which
/// includes never reserving or allocating more than there is), and every invariant at the end.
///
/// # Errors
///
/// `Broken` for the first entry that does not hold.
pub fn verify<'a, M: Machine>(
    entries: impl IntoIterator<Item = &'a Entry>,
) -> Result<Replay<M>, Broken> {
    let mut replay = Replay::<M>::resume(M::default(), 0, ChainHash::ZERO);
    for entry in entries {
        replay.read(entry)?;
    }
    replay
        .state
        .check_invariants()
        .map_err(|name| Broken { seq: replay.seq, reason: format!("invariant broken: {name}") })?;
    Ok(replay)
}
