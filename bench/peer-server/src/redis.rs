//! Stock in Redis: one Lua script per command, all of them over one pipelined connection.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use doorbuster_domain::id::ReservationId;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue};

use crate::store::{Confirmed, Outcome, Place, Reserve, Stock};

/// An overloaded Redis answers late; only one that is gone does not answer at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// The text of a script, which begins with what all of them share.
macro_rules! script {
    ($name:literal) => {
        concat!(include_str!("redis/common.lua"), include_str!(concat!("redis/", $name, ".lua")))
    };
}

/// The connection, and the digests by which Redis knows the scripts.
pub(crate) struct Redis {
    connection: MultiplexedConnection,
    reserve: String,
    confirm: String,
    open: String,
    stock: String,
}

impl Redis {
    pub(crate) async fn connect(address: &str) -> Result<Self> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let mut connection = Client::open(address)?
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .context("connecting to Redis")?;
        Ok(Self {
            reserve: load(&mut connection, script!("reserve")).await?,
            confirm: load(&mut connection, script!("confirm")).await?,
            open: load(&mut connection, script!("open")).await?,
            stock: load(&mut connection, script!("stock")).await?,
            connection,
        })
    }

    pub(crate) async fn reserve(&self, asked: &Reserve) -> Result<Outcome> {
        let Reserve { place, shopper, reservation, now_ms } = asked;
        let mut call = call(&self.reserve, place);
        call.arg(reservation.to_string()).arg(shopper.to_string()).arg(now_ms);
        let (code, expires_at_ms): (u8, i64) = self.answer(&call).await?;
        Ok(match code {
            0 => Outcome::Held { expires_at_ms },
            1 => Outcome::Repeated { expires_at_ms },
            2 => Outcome::PerShopperMax,
            3 => Outcome::AllReserved,
            4 => Outcome::SoldOut,
            5 => Outcome::NoSuchSku,
            other => bail!("the reserve script answered {other}"),
        })
    }

    pub(crate) async fn confirm(
        &self,
        place: &Place,
        reservation: ReservationId,
        now_ms: i64,
    ) -> Result<Confirmed> {
        let mut call = call(&self.confirm, place);
        call.arg(reservation.to_string()).arg(now_ms);
        Ok(match self.answer(&call).await? {
            0_u8 => Confirmed::Ordered,
            1 => Confirmed::Expired,
            2 => Confirmed::NoSuchReservation,
            other => bail!("the confirm script answered {other}"),
        })
    }

    pub(crate) async fn open(&self, place: &Place, on_hand: i64, ttl_ms: i64) -> Result<()> {
        let mut call = call(&self.open, place);
        call.arg(on_hand).arg(ttl_ms);
        let _: u8 = self.answer(&call).await?;
        Ok(())
    }

    pub(crate) async fn stock(&self, place: &Place, now_ms: i64) -> Result<Option<Stock>> {
        let mut call = call(&self.stock, place);
        call.arg(now_ms);
        let counts: Vec<i64> = self.answer(&call).await?;
        Ok(match counts.as_slice() {
            [on_hand, reserved, allocated, outbox] => Some(Stock {
                on_hand: *on_hand,
                reserved: *reserved,
                allocated: *allocated,
                outbox: *outbox,
            }),
            _ => None,
        })
    }

    async fn answer<T: FromRedisValue>(&self, call: &Cmd) -> Result<T> {
        call.query_async(&mut self.connection.clone()).await.context("asking Redis")
    }
}

async fn load(connection: &mut MultiplexedConnection, script: &str) -> Result<String> {
    let mut command = redis::cmd("SCRIPT");
    command.arg("LOAD").arg(script);
    command.query_async(connection).await.context("loading a script into Redis")
}

/// A call of a script on the keys of a SKU, which a cluster would keep together.
fn call(script: &str, Place { sale, sku }: &Place) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(script).arg(KEYS.len());
    for key in KEYS {
        command.arg(format!("{{{sale}/{sku}}}:{key}"));
    }
    command
}

/// In the order in which `common.lua` takes them.
const KEYS: [&str; 5] = ["stock", "due", "made", "by", "outbox"];
