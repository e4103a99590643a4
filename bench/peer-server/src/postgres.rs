//! Stock in PostgreSQL, in either of two designs: one statement per command, over a pool.

mod pool;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use doorbuster_domain::id::ReservationId;
use tokio::sync::Semaphore;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use self::pool::{Lent, Pool};
use crate::store::{Confirmed, Outcome, Place, Reserve, Stock};

/// How a unit is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Design {
    /// From the SKU's row, which every reserve updates.
    HotRow,
    /// As one row of many, passing by those that others are taking.
    SkipLocked,
}

impl Design {
    /// How many requests for one SKU are in the database at once. All that wait for one row only
    /// wake each other up; those that pass each other by share a sync of the log.
    const fn at_once(self) -> usize {
        match self {
            Self::HotRow => 4,
            Self::SkipLocked => pool::CONNECTIONS,
        }
    }
}

/// What is remembered of a SKU, which never changes.
struct Known {
    number: i32,
    turns: Semaphore,
}

/// Two of the same shopper may meet, and one of them has to look again; not for ever.
const ATTEMPTS: u32 = 100;

pub(crate) struct Postgres {
    address: String,
    pool: Pool,
    design: Design,
    known: Mutex<HashMap<Place, Arc<Known>>>,
}

impl Postgres {
    pub(crate) async fn connect(address: &str, design: Design) -> Result<Self> {
        let pool = Pool::connect(address, design).await?;
        Ok(Self { address: address.to_owned(), pool, design, known: Mutex::default() })
    }

    pub(crate) async fn reserve(&self, asked: &Reserve) -> Result<Outcome> {
        let Some(known) = self.known(&asked.place).await? else { return Ok(Outcome::NoSuchSku) };
        let _turn = known.turns.acquire().await?;
        let (lent, sku) = (self.pool.lend().await?, known.number);
        let (id, shopper) = (asked.reservation.as_bytes(), asked.shopper.as_bytes());
        let (id, shopper) = (id.as_slice(), shopper.as_slice());
        for _ in 0..ATTEMPTS {
            let values: [&(dyn ToSql + Sync); 4] = [&id, &sku, &shopper, &asked.now_ms];
            let row = match lent.client.query_one(&lent.reserve, &values).await {
                Ok(row) => row,
                // Another request of the same shopper was first: see what it led to.
                Err(error) if is_conflict(&error) => continue,
                Err(error) => return Err(error).context("reserving"),
            };
            let outcome = outcome(&row)?;
            let first_due: Option<i64> = row.try_get("first_due")?;
            let is_due = first_due.is_some_and(|due| due <= asked.now_ms);
            let may_change = matches!(outcome, Outcome::PerShopperMax | Outcome::AllReserved);
            if may_change && is_due && expire(&lent, sku, asked.now_ms).await? > 0 {
                continue;
            }
            return Ok(outcome);
        }
        bail!("{ATTEMPTS} times another request was in the way of {asked:?}")
    }

    pub(crate) async fn confirm(
        &self,
        place: &Place,
        reservation: ReservationId,
        now_ms: i64,
    ) -> Result<Confirmed> {
        let Some(known) = self.known(place).await? else {
            return Ok(Confirmed::NoSuchReservation);
        };
        let (lent, sku) = (self.pool.lend().await?, known.number);
        let id = reservation.as_bytes().as_slice();
        for _ in 0..ATTEMPTS {
            let row = lent.client.query_opt(&lent.confirm, &[&id, &sku, &now_ms]).await?;
            let Some(row) = row else { return Ok(Confirmed::NoSuchReservation) };
            if row.try_get("ordered")? {
                return Ok(Confirmed::Ordered);
            }
            if row.try_get("expired")? {
                return Ok(Confirmed::Expired);
            }
            // It was held when this statement began, and another was first: look again.
        }
        bail!("{ATTEMPTS} times another request was in the way of confirming {reservation}")
    }

    pub(crate) async fn open(&self, place: &Place, on_hand: i64, ttl_ms: i64) -> Result<()> {
        let mut client = pool::open(&self.address).await?;
        let transaction = client.transaction().await?;
        let (sale, name) = (place.sale.as_str(), place.sku.as_str());
        let row = transaction.query_one(OPEN, &[&sale, &name, &on_hand, &ttl_ms]).await?;
        let sku: i32 = row.try_get(0)?;
        for table in ["outbox", "reservation", "unit"] {
            transaction.execute(&format!("DELETE FROM {table} WHERE sku = $1"), &[&sku]).await?;
        }
        if self.design == Design::SkipLocked {
            transaction.execute(UNITS, &[&sku, &on_hand]).await?;
        }
        transaction.commit().await?;
        // The planner has to know what is there before it plans for it.
        Ok(client.batch_execute("VACUUM (ANALYZE) sku, unit, reservation, outbox").await?)
    }

    pub(crate) async fn stock(&self, place: &Place, now_ms: i64) -> Result<Option<Stock>> {
        let Some(known) = self.known(place).await? else { return Ok(None) };
        let (lent, sku) = (self.pool.lend().await?, known.number);
        while expire(&lent, sku, now_ms).await? > 0 {}
        let row = lent.client.query_one(STOCK, &[&sku]).await?;
        Ok(Some(Stock {
            on_hand: row.try_get("on_hand")?,
            reserved: row.try_get("reserved")?,
            allocated: row.try_get("allocated")?,
            outbox: row.try_get("outbox")?,
        }))
    }

    /// What there is to remember of a SKU, if it was opened.
    async fn known(&self, place: &Place) -> Result<Option<Arc<Known>>> {
        let remembered = self.known.lock().ok().and_then(|known| known.get(place).cloned());
        if remembered.is_some() {
            return Ok(remembered);
        }
        let (sale, name) = (place.sale.as_str(), place.sku.as_str());
        let found = self.pool.lend().await?.client.query_opt(NUMBER, &[&sale, &name]).await?;
        let Some(row) = found else { return Ok(None) };
        let turns = Semaphore::new(self.design.at_once());
        let new = Arc::new(Known { number: row.try_get(0)?, turns });
        let Ok(mut known) = self.known.lock() else { return Ok(Some(new)) };
        // Whoever was first is remembered, or there would be more turns than there should be.
        Ok(Some(Arc::clone(known.entry(place.clone()).or_insert(new))))
    }
}

const NUMBER: &str = "SELECT id FROM sku WHERE sale = $1 AND name = $2";
const OPEN: &str = "INSERT INTO sku (sale, name, on_hand, available, ttl_ms) \
                    VALUES ($1, $2, $3, $3, $4) ON CONFLICT (sale, name) DO UPDATE \
                    SET on_hand = $3, available = $3, ttl_ms = $4 RETURNING id";
const UNITS: &str = "INSERT INTO unit (sku) SELECT $1 FROM generate_series(1, $2::bigint)";
const STOCK: &str = include_str!("postgres/stock.sql");

/// Gives back units whose deadline has passed, a bounded number; returns how many.
async fn expire(lent: &Lent<'_>, sku: i32, now_ms: i64) -> Result<i64> {
    let row = lent.client.query_one(&lent.expire, &[&sku, &now_ms]).await.context("expiring")?;
    Ok(row.try_get(0)?)
}

/// What a row of the reserve statement says.
fn outcome(row: &Row) -> Result<Outcome> {
    if let Some(expires_at_ms) = row.try_get("made")? {
        return Ok(Outcome::Held { expires_at_ms });
    }
    if let Some(expires_at_ms) = row.try_get("prior")? {
        return Ok(Outcome::Repeated { expires_at_ms });
    }
    if row.try_get("mine")? {
        return Ok(Outcome::PerShopperMax);
    }
    let may_come_back = row.try_get::<_, Option<i64>>("first_due")?.is_some();
    let is_free: Option<bool> = row.try_get("is_free")?;
    Ok(if may_come_back || is_free == Some(true) { Outcome::AllReserved } else { Outcome::SoldOut })
}

fn is_conflict(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(code) if [
        SqlState::UNIQUE_VIOLATION,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
    ].contains(code))
}
