//! A state machine whose events are kept in SQLite: one hash-chained row per batch.

use doorbuster_domain::journal::{ChainHash, Entry, Replay};
use doorbuster_domain::machine::Machine;
use doorbuster_domain::time::Timestamp;
use worker::{SqlStorage, SqlStorageValue};

/// Why a state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The platform's storage failed.
    #[error("storage: {0}")]
    Storage(#[from] worker::Error),
    /// What is stored is not what was written.
    #[error("journal: {0}")]
    Broken(String),
}

type Result<T> = std::result::Result<T, StoreError>;

/// Tables of every object. `STRICT`, because numbers are bound as REAL by the platform.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS journal (
        seq INTEGER PRIMARY KEY,
        committed_at_ms INTEGER NOT NULL,
        events BLOB NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS snapshot (
        part INTEGER PRIMARY KEY,
        seq INTEGER NOT NULL,
        hash BLOB NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
";

/// A value in SQLite is at most 2 MB on the platform; a part stays well below.
const PART_LEN: usize = 1_000_000;

/// A snapshot is due after so many events, or as many as the state has grown to, whichever is
/// more: so snapshots cost a bounded share of the writes however long a sale runs.
const EVENTS_PER_SNAPSHOT_MIN: usize = if cfg!(feature = "test-hooks") { 8 } else { 4_096 };

/// A machine and the journal it is kept in.
pub(crate) struct Journaled<M> {
    sql: SqlStorage,
    loaded: Option<Loaded<M>>,
    #[cfg(feature = "test-hooks")]
    pub(crate) fault: Option<crate::fault::Fault>,
}

pub(crate) struct Loaded<M> {
    pub(crate) machine: M,
    seq: u64,
    hash: ChainHash,
    events_since_snapshot: usize,
    /// Whether the tables are there.
    stored: bool,
}

impl<M: Machine> Journaled<M> {
    pub(crate) fn new(sql: SqlStorage) -> Self {
        Self {
            sql,
            loaded: None,
            #[cfg(feature = "test-hooks")]
            fault: None,
        }
    }

    /// The machine, read from storage if it is not in memory.
    pub(crate) fn load(&mut self) -> Result<&mut M> {
        let loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => read(&self.sql)?,
        };
        Ok(&mut self.loaded.insert(loaded).machine)
    }

    /// The machine, if it is in memory.
    pub(crate) fn in_memory(&self) -> Option<&M> {
        self.loaded.as_ref().map(|loaded| &loaded.machine)
    }

    /// Forgets the state in memory: it is ahead of what is stored, or may be.
    pub(crate) fn forget(&mut self) {
        self.loaded = None;
    }

    /// Writes events that were applied to the machine at `at`, as one row.
    ///
    /// On an error the state in memory is to be forgotten.
    pub(crate) fn append(&mut self, events: &[M::Event], at: Timestamp) -> Result<()> {
        let Some(loaded) = &mut self.loaded else {
            return Err(StoreError::Broken("written before it was read".to_owned()));
        };
        if events.is_empty() {
            return Ok(());
        }
        let bytes = serde_json::to_vec(events).map_err(|e| StoreError::Broken(e.to_string()))?;
        if !loaded.stored {
            self.sql.exec(SCHEMA, None)?;
            loaded.stored = true;
        }
        let seq = loaded.seq.saturating_add(1);
        let hash = loaded.hash.next(seq, at, &bytes);
        self.sql.exec(
            "INSERT INTO journal (seq, committed_at_ms, events, hash) VALUES (?, ?, ?, ?)",
            vec![
                integer(seq)?,
                integer(at.as_millis())?,
                SqlStorageValue::Blob(bytes),
                SqlStorageValue::Blob(hash.as_bytes().to_vec()),
            ],
        )?;
        #[cfg(feature = "test-hooks")]
        if let Some(fault) = self.fault.take() {
            fault.strike(&self.sql)?;
        }
        loaded.seq = seq;
        loaded.hash = hash;
        loaded.events_since_snapshot = loaded.events_since_snapshot.saturating_add(events.len());
        Ok(())
    }

    /// Writes a snapshot if one is due for a state of `len` parts.
    pub(crate) fn snapshot_if_due(&mut self, len: usize) -> Result<()> {
        let Some(loaded) = &mut self.loaded else { return Ok(()) };
        if loaded.events_since_snapshot < len.max(EVENTS_PER_SNAPSHOT_MIN) {
            return Ok(());
        }
        let body =
            serde_json::to_vec(&loaded.machine).map_err(|e| StoreError::Broken(e.to_string()))?;
        self.sql.exec("DELETE FROM snapshot", None)?;
        for (part, chunk) in body.chunks(PART_LEN).enumerate() {
            self.sql.exec(
                "INSERT INTO snapshot (part, seq, hash, body) VALUES (?, ?, ?, ?)",
                vec![
                    integer(part as u64)?,
                    integer(loaded.seq)?,
                    SqlStorageValue::Blob(loaded.hash.as_bytes().to_vec()),
                    SqlStorageValue::Blob(chunk.to_vec()),
                ],
            )?;
        }
        loaded.events_since_snapshot = 0;
        #[cfg(feature = "test-hooks")]
        worker::console_log!("snapshot after entry {}", loaded.seq);
        Ok(())
    }

    /// Up to `max` entries after number `after`, for an export.
    pub(crate) fn entries(&self, after: u64, max: u32) -> Result<Vec<Entry>> {
        match &self.loaded {
            Some(loaded) if loaded.stored => read_entries(&self.sql, after, max),
            _ => Ok(Vec::new()),
        }
    }
}

/// Reads the newest snapshot and the journal after it.
///
/// Reading writes nothing: an object whose name somebody made up leaves no row.
fn read<M: Machine>(sql: &SqlStorage) -> Result<Loaded<M>> {
    let tables = sql.exec("SELECT name FROM sqlite_master WHERE name = 'journal'", None)?;
    if tables.raw().next().is_none() {
        return Ok(Loaded {
            machine: M::default(),
            seq: 0,
            hash: ChainHash::ZERO,
            events_since_snapshot: 0,
            stored: false,
        });
    }
    let (machine, seq, hash) = read_snapshot::<M>(sql)?;
    let mut replay = Replay::resume(machine, seq, hash);
    let mut events_since_snapshot = 0_usize;
    loop {
        let entries = read_entries(sql, replay.seq(), 500)?;
        if entries.is_empty() {
            break;
        }
        for entry in &entries {
            let read = replay.read(entry).map_err(|e| StoreError::Broken(e.to_string()))?;
            events_since_snapshot = events_since_snapshot.saturating_add(read);
        }
    }
    let (mut machine, seq, hash) = replay.into_parts();
    machine.wake();
    Ok(Loaded { machine, seq, hash, events_since_snapshot, stored: true })
}

fn read_snapshot<M: Machine>(sql: &SqlStorage) -> Result<(M, u64, ChainHash)> {
    let mut found = (0, ChainHash::ZERO);
    let mut body = Vec::new();
    for row in sql.exec("SELECT seq, hash, body FROM snapshot ORDER BY part", None)?.raw() {
        let mut row = row?.into_iter();
        found = (number(row.next().as_ref())?, chain_hash(row.next())?);
        body.extend(blob(row.next())?);
    }
    if body.is_empty() {
        return Ok((M::default(), 0, ChainHash::ZERO));
    }
    let mut machine: M =
        serde_json::from_slice(&body).map_err(|e| StoreError::Broken(e.to_string()))?;
    machine.wake();
    Ok((machine, found.0, found.1))
}

fn read_entries(sql: &SqlStorage, after: u64, max: u32) -> Result<Vec<Entry>> {
    let rows = sql.exec(
        "SELECT seq, committed_at_ms, events, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?",
        vec![integer(after)?, integer(u64::from(max))?],
    )?;
    rows.raw()
        .map(|row| {
            let mut row = row?.into_iter();
            Ok(Entry {
                seq: number(row.next().as_ref())?,
                committed_at_ms: Timestamp::from_millis(number(row.next().as_ref())?),
                events: String::from_utf8(blob(row.next())?)
                    .map_err(|_| StoreError::Broken("events are not UTF-8".to_owned()))?,
                hash: chain_hash(row.next())?,
            })
        })
        .collect()
}

fn integer(number: u64) -> Result<SqlStorageValue> {
    let signed = i64::try_from(number).map_err(|_| misread("a number to bind"))?;
    Ok(SqlStorageValue::try_from_i64(signed)?)
}

fn number(value: Option<&SqlStorageValue>) -> Result<u64> {
    match value {
        Some(SqlStorageValue::Integer(number)) => {
            u64::try_from(*number).map_err(|_| misread("a number"))
        }
        _ => Err(misread("a number")),
    }
}

fn blob(value: Option<SqlStorageValue>) -> Result<Vec<u8>> {
    match value {
        Some(SqlStorageValue::Blob(bytes)) => Ok(bytes),
        _ => Err(misread("bytes")),
    }
}

fn chain_hash(value: Option<SqlStorageValue>) -> Result<ChainHash> {
    ChainHash::from_slice(&blob(value)?).ok_or_else(|| misread("a hash"))
}

fn misread(what: &str) -> StoreError {
    StoreError::Broken(format!("expected {what}"))
}
