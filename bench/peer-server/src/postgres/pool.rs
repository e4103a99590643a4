//! Connections that are lent to one request at a time, with what they have prepared.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::{Client, NoTls, Statement};

use super::Design;

/// More of them only wait for each other on one core.
pub(super) const CONNECTIONS: usize = 16;

const SCHEMA: &str = include_str!("schema.sql");
const CONFIRM: &str = include_str!("confirm.sql");

impl Design {
    const fn reserve(self) -> &'static str {
        match self {
            Self::HotRow => include_str!("reserve_hot_row.sql"),
            Self::SkipLocked => include_str!("reserve_skip_locked.sql"),
        }
    }

    const fn expire(self) -> &'static str {
        match self {
            Self::HotRow => include_str!("expire_hot_row.sql"),
            Self::SkipLocked => include_str!("expire_skip_locked.sql"),
        }
    }
}

/// A connection and its prepared statements.
pub(super) struct Prepared {
    pub(super) client: Client,
    pub(super) reserve: Statement,
    pub(super) expire: Statement,
    pub(super) confirm: Statement,
}

pub(super) struct Pool {
    idle: Mutex<Vec<Arc<Prepared>>>,
    /// As many as there are in `idle`.
    permits: Semaphore,
}

impl Pool {
    /// Opens all connections. The first one sees to the tables.
    pub(super) async fn connect(address: &str, design: Design) -> Result<Self> {
        let mut idle = Vec::with_capacity(CONNECTIONS);
        for number in 0..CONNECTIONS {
            let client = open(address).await?;
            if number == 0 {
                client.batch_execute(SCHEMA).await.context("making the tables")?;
            }
            idle.push(Arc::new(Prepared {
                reserve: client.prepare(design.reserve()).await.context("preparing reserve")?,
                expire: client.prepare(design.expire()).await.context("preparing expire")?,
                confirm: client.prepare(CONFIRM).await.context("preparing confirm")?,
                client,
            }));
        }
        Ok(Self { idle: Mutex::new(idle), permits: Semaphore::new(CONNECTIONS) })
    }

    /// Waits for a connection that nobody uses.
    pub(super) async fn lend(&self) -> Result<Lent<'_>> {
        let permit = self.permits.acquire().await?;
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let prepared = idle.context("a permit without a connection")?;
        Ok(Lent { pool: self, prepared, _permit: permit })
    }
}

/// A connection in use; it goes back to the pool when this is dropped.
pub(super) struct Lent<'p> {
    pool: &'p Pool,
    prepared: Arc<Prepared>,
    /// Given back after the connection, so that there is one for whoever gets it.
    _permit: SemaphorePermit<'p>,
}

impl Deref for Lent<'_> {
    type Target = Prepared;

    fn deref(&self) -> &Prepared {
        &self.prepared
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Ok(mut idle) = self.pool.idle.lock() {
            idle.push(Arc::clone(&self.prepared));
        }
    }
}

/// A connection; it closes when the client is dropped.
pub(super) async fn open(address: &str) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(address, NoTls).await.context("connecting to PostgreSQL")?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("PostgreSQL: {error}");
        }
    });
    // Statements are planned while the tables are nearly empty, and would read them whole ever
    // after.
    client.batch_execute("SET enable_seqscan = off").await.context("setting up a connection")?;
    Ok(client)
}
