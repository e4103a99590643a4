//! A state machine whose events are kept in SQLite: one hash-chained row per batch.

use doorbuster_domain::journal::{ChainHash, Entry, Replay};
use doorbuster_domain::machine::Machine;
use doorbuster_domain::time::{Millis, Timestamp};
use worker::{SqlStorage, SqlStorageValue};

use crate::snapshot;

/// Why a state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The platform's storage failed.
    #[error("storage: {0}")]
    Storage(#[from] worker::Error),
    /// A snapshot could not be written or read.
    #[error("snapshot: {0}")]
    Snapshot(#[from] std::io::Error),
    /// What is stored is not what was written.
    #[error("journal: {0}")]
    Broken(String),
}

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// The journal of an object. `STRICT`, because numbers are bound as REAL by the platform.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS journal (
        seq INTEGER PRIMARY KEY,
        committed_at_ms INTEGER NOT NULL,
        events BLOB NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
";

/// A value in SQLite is at most 2 MB on the platform. A row of the journal is closed when it has so
/// many bytes; the longest event is far shorter.
const ROW_LEN: usize = 1_000_000;

/// About how long an event is.
const EVENT_LEN: usize = 160;

/// Entries are exported in pages of so many bytes.
const PAGE_LEN: usize = 4_000_000;
/// Nor are there more of them in a page.
const ENTRIES_MAX: usize = 500;

/// A snapshot is due after at least so many events.
const EVENTS_PER_SNAPSHOT_MIN: usize = if cfg!(feature = "test-hooks") { 8 } else { 4_096 };
// And after as many as the state has grown to. So snapshots are a small and bounded share of what
// is written, however long a sale runs.

/// What has been quiet for so long may soon be put to sleep: on the platform after ten seconds.
const QUIET_FOR: Millis = Millis::from_secs(3);
/// Then a snapshot is due after fewer events, so that there is little to replay on waking, which
/// takes several times as long for an event as reading does for an entry.
const QUIET_EVENTS_MIN: usize = if cfg!(feature = "test-hooks") { 6 } else { 1_024 };
const QUIET_ENTRIES_PER_EVENT: usize = 64;

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
    /// When the newest entry was written.
    written_at: Timestamp,
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

    /// The number of the newest entry.
    pub(crate) fn seq(&self) -> u64 {
        self.loaded.as_ref().map_or(0, |loaded| loaded.seq)
    }

    /// Forgets the state in memory: it is ahead of what is stored, or may be.
    pub(crate) fn forget(&mut self) {
        self.loaded = None;
    }

    /// Writes events that were applied to the machine at `at`: as one row, or as several that each
    /// fit.
    ///
    /// On an error the state in memory is to be forgotten.
    pub(crate) fn append(&mut self, events: &[M::Event], at: Timestamp) -> Result<()> {
        let room = events.len().saturating_mul(EVENT_LEN).min(ROW_LEN);
        let mut row = Vec::with_capacity(room);
        for event in events {
            row.push(if row.is_empty() { b'[' } else { b',' });
            serde_json::to_writer(&mut row, event).map_err(|e| broken(&e))?;
            if row.len() >= ROW_LEN {
                self.append_row(std::mem::take(&mut row), at)?;
            }
        }
        if !row.is_empty() {
            self.append_row(row, at)?;
        }
        let Some(loaded) = &mut self.loaded else { return Ok(()) };
        loaded.events_since_snapshot = loaded.events_since_snapshot.saturating_add(events.len());
        Ok(())
    }

    fn append_row(&mut self, mut events: Vec<u8>, at: Timestamp) -> Result<()> {
        events.push(b']');
        let Some(loaded) = &mut self.loaded else {
            return Err(StoreError::Broken("written before it was read".to_owned()));
        };
        if !loaded.stored {
            self.sql.exec(SCHEMA, None)?;
            self.sql.exec(snapshot::SCHEMA, None)?;
            loaded.stored = true;
        }
        let seq = loaded.seq.saturating_add(1);
        let hash = loaded.hash.next(seq, at, &events);
        self.sql.exec(
            "INSERT INTO journal (seq, committed_at_ms, events, hash) VALUES (?, ?, ?, ?)",
            vec![
                integer(seq)?,
                integer(at.as_millis())?,
                SqlStorageValue::Blob(events),
                SqlStorageValue::Blob(hash.as_bytes().to_vec()),
            ],
        )?;
        #[cfg(feature = "test-hooks")]
        if let Some(fault) = self.fault.take_if(|fault| *fault != crate::fault::Fault::Snapshot) {
            fault.strike(&self.sql)?;
        }
        (loaded.seq, loaded.hash, loaded.written_at) = (seq, hash, at);
        Ok(())
    }

    /// Writes a snapshot if one is due for a state of `len` entries. One that fails is as good as
    /// one that was not due: the journal has everything.
    pub(crate) fn snapshot_if_due(&mut self, len: usize) {
        let events = self.loaded.as_ref().map_or(0, |loaded| loaded.events_since_snapshot);
        if events >= EVENTS_PER_SNAPSHOT_MIN.max(len) {
            self.snapshot();
        }
    }

    /// When to look whether it has become quiet; nothing if there is little to replay.
    pub(crate) fn quiet_at(&self, len: usize) -> Option<Timestamp> {
        let loaded = self.loaded.as_ref()?;
        let much = QUIET_EVENTS_MIN.max(len / QUIET_ENTRIES_PER_EVENT);
        (loaded.events_since_snapshot >= much).then(|| loaded.written_at.plus(QUIET_FOR))
    }

    /// Writes a snapshot if it has become quiet.
    pub(crate) fn snapshot_if_quiet(&mut self, len: usize, now: Timestamp) {
        if self.quiet_at(len).is_some_and(|at| at <= now) {
            self.snapshot();
        }
    }

    fn snapshot(&mut self) {
        let Some(loaded) = &mut self.loaded else { return };
        loaded.events_since_snapshot = 0;
        let (seq, hash) = (loaded.seq, loaded.hash);
        #[cfg(feature = "test-hooks")]
        let fault = self.fault.take_if(|fault| *fault == crate::fault::Fault::Snapshot);
        let written = snapshot::write(&self.sql, &loaded.machine, seq, hash);
        #[cfg(feature = "test-hooks")]
        let written = written.and_then(|()| match fault {
            Some(fault) => Ok(fault.strike_snapshot(&self.sql)?),
            None => Ok(()),
        });
        match written.and_then(|()| snapshot::keep_only(&self.sql, seq)) {
            #[cfg(feature = "test-hooks")]
            Ok(()) => {
                let of = std::any::type_name::<M>();
                worker::console_log!("snapshot after entry {seq} of {of}");
            }
            #[cfg(not(feature = "test-hooks"))]
            Ok(()) => {}
            Err(error) => {
                worker::console_error!("snapshot: {error}");
                // What there is of it only takes room. If it cannot be removed either, so be it.
                drop(snapshot::remove(&self.sql, seq));
            }
        }
    }

    /// A page of the entries after number `after`, for an export.
    pub(crate) fn entries(&self, after: u64) -> Result<Vec<Entry>> {
        match &self.loaded {
            Some(loaded) if loaded.stored => read_page(&self.sql, after),
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
            written_at: Timestamp::default(),
            stored: false,
        });
    }
    // Those of an earlier version may not have all of them.
    sql.exec(SCHEMA, None)?;
    sql.exec(snapshot::SCHEMA, None)?;
    let (machine, seq, hash) = snapshot::read::<M>(sql)?;
    let mut replay = Replay::resume(machine, seq, hash);
    let (mut events_since_snapshot, mut written_at) = (0_usize, Timestamp::default());
    for entry in entries_after(sql, seq)? {
        let entry = entry?;
        written_at = entry.committed_at_ms;
        let read = replay.read_own(&entry).map_err(|e| broken(&e))?;
        events_since_snapshot = events_since_snapshot.saturating_add(read);
    }
    let (mut machine, seq, hash) = replay.into_parts();
    machine.wake();
    Ok(Loaded { machine, seq, hash, events_since_snapshot, written_at, stored: true })
}

/// The entries after a number, as many as make a page, and at least one if there is one.
fn read_page(sql: &SqlStorage, after: u64) -> Result<Vec<Entry>> {
    let (mut entries, mut len) = (Vec::new(), 0_usize);
    for entry in entries_after(sql, after)? {
        let entry = entry?;
        len = len.saturating_add(entry.events.len());
        entries.push(entry);
        if len >= PAGE_LEN || entries.len() >= ENTRIES_MAX {
            break;
        }
    }
    Ok(entries)
}

/// The entries after a number, read one by one.
fn entries_after(sql: &SqlStorage, after: u64) -> Result<impl Iterator<Item = Result<Entry>>> {
    let rows = sql.exec(
        "SELECT seq, committed_at_ms, events, hash FROM journal WHERE seq > ? ORDER BY seq",
        vec![integer(after)?],
    )?;
    Ok(rows.raw().map(|row| {
        let mut row = row?.into_iter();
        Ok(Entry {
            seq: number(row.next().as_ref())?,
            committed_at_ms: Timestamp::from_millis(number(row.next().as_ref())?),
            events: String::from_utf8(blob(row.next())?).map_err(|_| misread("UTF-8"))?,
            hash: chain_hash(row.next())?,
        })
    }))
}

pub(crate) fn integer(number: u64) -> Result<SqlStorageValue> {
    let signed = i64::try_from(number).map_err(|_| misread("a number to bind"))?;
    Ok(SqlStorageValue::try_from_i64(signed)?)
}

pub(crate) fn number(value: Option<&SqlStorageValue>) -> Result<u64> {
    match value {
        Some(SqlStorageValue::Integer(number)) => {
            u64::try_from(*number).map_err(|_| misread("a number"))
        }
        _ => Err(misread("a number")),
    }
}

pub(crate) fn blob(value: Option<SqlStorageValue>) -> Result<Vec<u8>> {
    match value {
        Some(SqlStorageValue::Blob(bytes)) => Ok(bytes),
        _ => Err(misread("bytes")),
    }
}

pub(crate) fn chain_hash(value: Option<SqlStorageValue>) -> Result<ChainHash> {
    ChainHash::from_slice(&blob(value)?).ok_or_else(|| misread("a hash"))
}

fn broken(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Broken(error.to_string())
}

pub(crate) fn misread(what: &str) -> StoreError {
    StoreError::Broken(format!("expected {what}"))
}
