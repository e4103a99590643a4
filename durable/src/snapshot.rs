//! Snapshots: the whole state at a moment, so that waking need not replay everything.
//!
//! A state may have far more bytes than a row of SQLite, so it stands in parts. It is written and
//! read part by part: beside the state itself there is never more than one part in memory.

use std::io::{self, Read, Write};

use doorbuster_domain::journal::ChainHash;
use doorbuster_domain::machine::Machine;
use worker::{SqlStorage, SqlStorageValue};

use crate::journaled::{Result, blob, chain_hash, integer, number};

/// One part per row, numbered from 0. A snapshot whose last part is missing is none.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS snapshot_part (
        seq INTEGER NOT NULL,
        part INTEGER NOT NULL,
        last INTEGER NOT NULL,
        hash BLOB NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (seq, part)
    ) STRICT, WITHOUT ROWID;
";

/// A value in SQLite is at most 2 MB on the platform.
const PART_LEN: usize = 1_000_000;

/// Writes a snapshot of the state after entry `seq`, beside any other.
pub(crate) fn write<M: Machine>(
    sql: &SqlStorage,
    machine: &M,
    seq: u64,
    hash: ChainHash,
) -> Result<()> {
    remove(sql, seq)?;
    let mut parts = Parts { sql, seq, hash, part: 0, body: Vec::new() };
    machine.write_snapshot(&mut parts)?;
    parts.write_part(true)
}

/// Removes all that are older than the one after entry `seq`.
pub(crate) fn keep_only(sql: &SqlStorage, seq: u64) -> Result<()> {
    sql.exec("DELETE FROM snapshot_part WHERE seq < ?", vec![integer(seq)?])?;
    Ok(())
}

/// Removes the one after entry `seq`, or what there is of it.
pub(crate) fn remove(sql: &SqlStorage, seq: u64) -> Result<()> {
    sql.exec("DELETE FROM snapshot_part WHERE seq = ?", vec![integer(seq)?])?;
    Ok(())
}

/// The newest whole snapshot, and which entry of the journal it comes after; the state before
/// anything happened if there is none.
pub(crate) fn read<M: Machine>(sql: &SqlStorage) -> Result<(M, u64, ChainHash)> {
    let newest = "SELECT seq, hash FROM snapshot_part WHERE last = 1 ORDER BY seq DESC LIMIT 1";
    let Some(row) = sql.exec(newest, None)?.raw().next() else {
        return Ok((M::default(), 0, ChainHash::ZERO));
    };
    let mut row = row?.into_iter();
    let (seq, hash) = (number(row.next().as_ref())?, chain_hash(row.next())?);
    let body = "SELECT body FROM snapshot_part WHERE seq = ? ORDER BY part";
    let cursor = sql.exec(body, vec![integer(seq)?])?;
    let rows = cursor.raw().map(|row| blob(row?.into_iter().next()));
    match M::read_snapshot(&mut Bodies { rows, body: Vec::new(), read: 0 }) {
        Ok(machine) => Ok((machine, seq, hash)),
        Err(error) => {
            // Another version's, say. The journal has everything; it only takes longer.
            worker::console_error!("snapshot: {error}");
            Ok((M::default(), 0, ChainHash::ZERO))
        }
    }
}

/// Writes what comes into rows.
struct Parts<'s> {
    sql: &'s SqlStorage,
    seq: u64,
    hash: ChainHash,
    part: u64,
    body: Vec<u8>,
}

impl Parts<'_> {
    fn write_part(&mut self, last: bool) -> Result<()> {
        let values = vec![
            integer(self.seq)?,
            integer(self.part)?,
            integer(last.into())?,
            SqlStorageValue::Blob(self.hash.as_bytes().to_vec()),
            SqlStorageValue::Blob(std::mem::take(&mut self.body)),
        ];
        let insert =
            "INSERT INTO snapshot_part (seq, part, last, hash, body) VALUES (?, ?, ?, ?, ?)";
        self.sql.exec(insert, values)?;
        self.part = self.part.saturating_add(1);
        Ok(())
    }
}

/// What the domain, which knows of no storage, is told of an error of it.
fn told(error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

impl Write for Parts<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.body.len().saturating_add(bytes.len()) > PART_LEN {
            self.write_part(false).map_err(|error| told(&error))?;
        }
        if self.body.capacity() == 0 && self.part > 0 {
            self.body.reserve_exact(PART_LEN);
        }
        let fits = bytes.get(..bytes.len().min(PART_LEN)).unwrap_or(bytes);
        self.body.extend_from_slice(fits);
        Ok(fits.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads rows as one text.
struct Bodies<I> {
    rows: I,
    body: Vec<u8>,
    read: usize,
}

impl<I: Iterator<Item = Result<Vec<u8>>>> Read for Bodies<I> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.body.len() {
            let Some(next) = self.rows.next() else { return Ok(0) };
            (self.body, self.read) = (next.map_err(|error| told(&error))?, 0);
        }
        let read = self.body.get(self.read..).unwrap_or_default().read(into)?;
        self.read = self.read.saturating_add(read);
        Ok(read)
    }
}
