//! The books in D1: SQL of the edge, and nothing but SQL.

use js_sys::Array;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::{D1Database, D1PreparedStatement, Env};

use crate::edge::Edge;
use crate::problem::Problem;

/// The tables, as they are written. Creating them again does nothing.
const WRITTEN: &str = concat!(
    include_str!("../migrations/0001_books.sql"),
    include_str!("../migrations/0002_failures.sql"),
    include_str!("../migrations/0003_webhooks.sql"),
    include_str!("../migrations/0004_stripe.sql"),
    include_str!("../migrations/0005_orders.sql"),
    include_str!("../migrations/0006_charges.sql"),
    include_str!("../migrations/0007_contacts.sql"),
    include_str!("../migrations/0008_carts.sql"),
);

/// The same without comments and indents: these are for who reads the files.
static SCHEMA: [u8; schema(WRITTEN.as_bytes(), &mut [0; WRITTEN.len()])] = {
    let mut kept = [0; _];
    schema(WRITTEN.as_bytes(), &mut kept);
    kept
};

/// Copies lines without the blanks before them, but for comments; how many bytes that are.
#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "by the compiler")]
const fn schema(written: &[u8], kept: &mut [u8]) -> usize {
    let (mut from, mut to) = (0, 0);
    while from < written.len() {
        while from < written.len() && written[from] == b' ' {
            from += 1;
        }
        let is_comment =
            from + 1 < written.len() && written[from] == b'-' && written[from + 1] == b'-';
        while from < written.len() {
            let byte = written[from];
            if !is_comment && to < kept.len() {
                kept[to] = byte;
            }
            if !is_comment {
                to += 1;
            }
            from += 1;
            if byte == b'\n' {
                break;
            }
        }
    }
    to
}

/// The database takes so many statements at once.
pub(crate) const STATEMENTS_MAX: usize = 100;

/// A database whose tables are there.
pub(crate) struct Store(D1Database);

/// A value to bind.
pub(crate) enum Value<'v> {
    Text(&'v str),
    Number(u64),
    Null,
}

/// A row, to be read by the numbers of its columns.
pub(crate) struct Row(pub(crate) Array);

impl Row {
    /// A text; empty if it is none.
    pub(crate) fn text(&self, column: u32) -> String {
        self.0.get(column).as_string().unwrap_or_default()
    }

    /// A number; 0 if it is none.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers here are whole and bounded by 2^53"
    )]
    pub(crate) fn number(&self, column: u32) -> u64 {
        self.0.get(column).as_f64().unwrap_or_default() as u64
    }
}

impl Value<'_> {
    #[expect(clippy::cast_precision_loss, reason = "numbers here are bounded by 2^53")]
    fn to_js(&self) -> JsValue {
        match self {
            Self::Text(text) => JsValue::from_str(text),
            Self::Number(number) => JsValue::from_f64(*number as f64),
            Self::Null => JsValue::NULL,
        }
    }
}

impl Store {
    /// Opens the database, and makes its tables once per isolate.
    pub(crate) async fn open(edge: &Edge, env: &Env) -> Result<Self, Problem> {
        let database = env.d1("DB").map_err(|error| unavailable(&error))?;
        let ready = *edge.schema_ready.borrow();
        if !ready {
            let statements = str::from_utf8(&SCHEMA)
                .unwrap_or_default()
                .split(";\n")
                .filter(|statement| statement.contains("CREATE"))
                .map(|statement| database.prepare(statement))
                .collect();
            database.batch(statements).await.map_err(|error| unavailable(&error))?;
            *edge.schema_ready.borrow_mut() = true;
        }
        Ok(Self(database))
    }

    /// A statement with its values.
    pub(crate) fn prepare(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<D1PreparedStatement, Problem> {
        let values: Vec<JsValue> = values.iter().map(Value::to_js).collect();
        self.0.prepare(sql).bind(&values).map_err(|error| unavailable(&error))
    }

    /// All rows of a query.
    pub(crate) async fn all<T: DeserializeOwned>(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<T>, Problem> {
        let result = self.prepare(sql, values)?.all().await.map_err(|error| unavailable(&error))?;
        result.results().map_err(|error| unavailable(&error))
    }

    /// All rows of a query, of which a few columns are read.
    pub(crate) async fn rows(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Problem> {
        let rows = self.prepare(sql, values)?.raw_js_value().await;
        let rows = rows.map_err(|error| unavailable(&error))?;
        Ok(rows.into_iter().map(|row| Row(row.unchecked_into())).collect())
    }

    /// The first row of a query.
    pub(crate) async fn first<T: DeserializeOwned>(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Option<T>, Problem> {
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    /// Fails if the database does not answer at all.
    pub(crate) async fn answers(&self) -> Result<(), Problem> {
        self.rows("SELECT 1", &[]).await.map(|_| ())
    }

    /// Runs statements. Up to 100 of them are one transaction.
    pub(crate) async fn run(&self, statements: Vec<D1PreparedStatement>) -> Result<(), Problem> {
        let mut rest = statements.into_iter().peekable();
        while rest.peek().is_some() {
            let some = rest.by_ref().take(STATEMENTS_MAX).collect();
            self.0.batch(some).await.map_err(|error| unavailable(&error))?;
        }
        Ok(())
    }
}

fn unavailable(error: &worker::Error) -> Problem {
    Problem::unavailable("database", error)
}
