//! What a store is asked and what it answers.

use anyhow::Result;
use doorbuster_domain::id::{ReservationId, SaleId, ShopperId, Sku};

use crate::postgres::Postgres;
use crate::redis::Redis;

/// A SKU of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) sale: SaleId,
    pub(crate) sku: Sku,
}

/// One unit, asked for by one shopper. The reservation is derived from the shopper and the key, so
/// a repeat asks for the same one.
#[derive(Debug)]
pub(crate) struct Reserve {
    pub(crate) place: Place,
    pub(crate) shopper: ShopperId,
    pub(crate) reservation: ReservationId,
    pub(crate) now_ms: i64,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Held { expires_at_ms: i64 },
    Repeated { expires_at_ms: i64 },
    PerShopperMax,
    AllReserved,
    SoldOut,
    NoSuchSku,
}

/// What became of a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmed {
    Ordered,
    Expired,
    NoSuchReservation,
}

/// The stock of a SKU, and how many orders its outbox holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Stock {
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) allocated: i64,
    pub(crate) outbox: i64,
}

/// Either store.
pub(crate) enum Store {
    Redis(Redis),
    Postgres(Postgres),
}

impl Store {
    pub(crate) async fn reserve(&self, asked: &Reserve) -> Result<Outcome> {
        match self {
            Self::Redis(redis) => redis.reserve(asked).await,
            Self::Postgres(postgres) => postgres.reserve(asked).await,
        }
    }

    /// The reservation becomes an order, which is in the outbox from then on.
    pub(crate) async fn confirm(
        &self,
        place: &Place,
        reservation: ReservationId,
        now_ms: i64,
    ) -> Result<Confirmed> {
        match self {
            Self::Redis(redis) => redis.confirm(place, reservation, now_ms).await,
            Self::Postgres(postgres) => postgres.confirm(place, reservation, now_ms).await,
        }
    }

    /// Opens the SKU with so many units; what was known of it before is forgotten.
    pub(crate) async fn open(&self, place: &Place, on_hand: i64, ttl_ms: i64) -> Result<()> {
        match self {
            Self::Redis(redis) => redis.open(place, on_hand, ttl_ms).await,
            Self::Postgres(postgres) => postgres.open(place, on_hand, ttl_ms).await,
        }
    }

    /// The stock, if the SKU was opened.
    pub(crate) async fn stock(&self, place: &Place, now_ms: i64) -> Result<Option<Stock>> {
        match self {
            Self::Redis(redis) => redis.stock(place, now_ms).await,
            Self::Postgres(postgres) => postgres.stock(place, now_ms).await,
        }
    }
}
