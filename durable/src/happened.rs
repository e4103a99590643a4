//! What the merchant's shop is to be told of what happened at an object, until the books have it.
//!
//! It is written in the commit of what happened, and deleted when the books have confirmed it. One
//! message is under way at a time, so that it takes no memory however much waits.

use doorbuster_domain::time::Timestamp;
use doorbuster_domain::webhook::Telling;
use worker::{SqlStorage, SqlStorageValue};

use crate::journaled::{Result, integer, misread, number};

/// Numbers are not used again, so that a confirmation that comes late confirms nothing else.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS happened (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        events TEXT NOT NULL
    ) STRICT;
";

/// A row takes no more events when it has so many bytes, and a message no more rows: the platform
/// takes 128 KB, and the longest event is below 4 KB.
const ROW_LEN: usize = 32_000;
const MESSAGE_LEN: usize = 64_000;
/// Rows that are read for a message, at most.
const ROWS_MAX: u64 = 500;

/// What has happened and is not known to be in the books.
pub(crate) struct Happened {
    sql: SqlStorage,
    /// Nothing until it was looked what waits.
    telling: Option<Telling>,
}

impl Happened {
    pub(crate) const fn new(sql: SqlStorage) -> Self {
        Self { sql, telling: None }
    }

    /// Forgets the schedule: it is ahead of what is stored, or may be.
    pub(crate) const fn forget(&mut self) {
        self.telling = None;
    }

    /// Writes what happened at `at`: bodies of webhooks.
    pub(crate) fn write(&mut self, bodies: Vec<String>, at: Timestamp) -> Result<()> {
        if bodies.is_empty() {
            return Ok(());
        }
        self.sql.exec(SCHEMA, None)?;
        let mut row = String::new();
        for body in bodies {
            if !row.is_empty() {
                row.push(',');
            }
            row.push_str(&body);
            if row.len() >= ROW_LEN {
                self.write_row(std::mem::take(&mut row))?;
            }
        }
        if !row.is_empty() {
            self.write_row(row)?;
        }
        self.telling(at)?.happened(at);
        Ok(())
    }

    fn write_row(&self, events: String) -> Result<()> {
        let events = vec![SqlStorageValue::String(events)];
        self.sql.exec("INSERT INTO happened (events) VALUES (?)", events)?;
        Ok(())
    }

    /// The message that is due, if one is: a line each with the binding and the name of the object,
    /// the number up to which it tells, and a JSON array of bodies.
    pub(crate) fn take_due(
        &mut self,
        binding: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<String>> {
        if !self.telling(now)?.take_due(now) {
            return Ok(None);
        }
        let rows = self.sql.exec(
            "SELECT number, events FROM happened ORDER BY number LIMIT ?",
            vec![integer(ROWS_MAX)?],
        )?;
        let (mut up_to, mut message) = (0, String::new());
        for row in rows.raw() {
            let row = row?;
            let Some(SqlStorageValue::String(events)) = row.get(1) else {
                return Err(misread("a text"));
            };
            up_to = number(row.first())?;
            message.push(if message.is_empty() { '[' } else { ',' });
            message.push_str(events);
            if message.len() >= MESSAGE_LEN {
                break;
            }
        }
        Ok((up_to > 0).then(|| format!("{binding}\n{name}\n{up_to}\n{message}]")))
    }

    /// The books have all up to this number.
    pub(crate) fn confirm(&mut self, up_to: u32, now: Timestamp) -> Result<()> {
        if self.telling(now)?.next_timeout().is_none() {
            return Ok(());
        }
        let up_to = vec![integer(up_to.into())?];
        self.sql.exec("DELETE FROM happened WHERE number <= ?", up_to)?;
        let more = is_waiting(&self.sql)?;
        self.telling(now)?.confirm(more, now);
        Ok(())
    }

    /// When something is to be told.
    pub(crate) fn next_timeout(&mut self, now: Timestamp) -> Result<Option<Timestamp>> {
        Ok(self.telling(now)?.next_timeout())
    }

    /// The schedule. On waking, what waits is due soon.
    fn telling(&mut self, now: Timestamp) -> Result<&mut Telling> {
        if self.telling.is_none() {
            let mut telling = Telling::default();
            if is_there(&self.sql)? && is_waiting(&self.sql)? {
                telling.happened(now);
            }
            self.telling = Some(telling);
        }
        Ok(self.telling.get_or_insert_default())
    }
}

/// Looking writes nothing: most objects have nothing to tell.
fn is_there(sql: &SqlStorage) -> Result<bool> {
    let tables = sql.exec("SELECT name FROM sqlite_master WHERE name = 'happened'", None)?;
    Ok(tables.raw().next().is_some())
}

fn is_waiting(sql: &SqlStorage) -> Result<bool> {
    Ok(sql.exec("SELECT number FROM happened LIMIT 1", None)?.raw().next().is_some())
}
