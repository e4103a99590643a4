//! Faults on purpose, for the tests that show what they do not break.

use worker::SqlStorage;

/// What goes wrong just after a row was written, before its commit, or in the middle of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The program panics.
    Panic,
    /// The storage refuses a statement.
    Error,
    /// The storage refuses the second half of a snapshot.
    Snapshot,
}

impl Fault {
    pub(crate) fn parse(how: &str) -> Option<Self> {
        match how {
            "panic" => Some(Self::Panic),
            "error" => Some(Self::Error),
            "snapshot" => Some(Self::Snapshot),
            _ => None,
        }
    }

    /// What is left of a snapshot whose second half could not be written.
    pub(crate) fn strike_snapshot(self, sql: &SqlStorage) -> worker::Result<()> {
        let halve = "UPDATE snapshot_part SET last = 0, body = substr(body, 1, length(body) / 2)
            WHERE seq = (SELECT max(seq) FROM snapshot_part)";
        sql.exec(halve, None)?;
        self.strike(sql)
    }

    #[expect(clippy::panic, reason = "to panic is what it is for")]
    pub(crate) fn strike(self, sql: &SqlStorage) -> worker::Result<()> {
        match self {
            Self::Panic => panic!("a test asked for this panic"),
            Self::Error | Self::Snapshot => {
                sql.exec("INSERT INTO a_table_that_is_not_there VALUES (1)", None)
            }
        }
        .map(|_| ())
    }
}
