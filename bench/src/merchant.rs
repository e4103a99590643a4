//! What a merchant does to a sale of the product, in order to measure what shoppers do.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use xtask::workerd::Server;

use crate::systems::http;
use crate::workloads::SALE;

const CATALOG: &str = include_str!("../../sample/catalog.csv");
/// No reservation and no pass of a run expires in it.
const TTL_MS: u64 = 3_600_000;
/// An edge hears of the stock within some seconds: the room looks at it, and the edge at the room.
/// So often the edge is asked, and so long between.
const LOOKS_MAX: u32 = 200;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The merchant at one edge.
pub(crate) struct Merchant {
    addr: SocketAddr,
    token: String,
}

impl Merchant {
    pub(crate) fn of(server: &Server) -> Self {
        Self { addr: server.addr(), token: server.admin_token().to_owned() }
    }

    /// Imports the catalog and announces a sale of these SKUs that lets everybody in. The same sale
    /// may be announced at several edges.
    pub(crate) fn announce(&self, skus: &[&str]) -> Result<()> {
        self.send("PUT", "/v1/admin/catalog?currency=EUR", "text/csv", CATALOG)?;
        let rules = json!({
            "title": "Bench", "skus": skus, "admits_per_minute_max": 10_000_000,
            "per_shopper_max": 1, "pass_ttl_ms": TTL_MS, "reservation_ttl_ms": TTL_MS,
            "reservation_max_ms": TTL_MS, "payment_window_ms": TTL_MS,
        });
        self.put_json(&format!("/v1/admin/sales/{SALE}"), &rules)
    }

    pub(crate) fn stock(&self, sku: &str, on_hand: u64) -> Result<()> {
        let path = format!("/v1/admin/sales/{SALE}/skus/{sku}/stock");
        self.put_json(&path, &json!({ "on_hand": on_hand }))
    }

    pub(crate) fn open(&self) -> Result<()> {
        let path = format!("/v1/admin/sales/{SALE}/phase");
        self.send("POST", &path, "application/json", r#"{"phase":"open"}"#).map(drop)
    }

    /// The exact stock of a SKU.
    pub(crate) fn look(&self, sku: &str) -> Result<Value> {
        let sale = self.send("GET", &format!("/v1/admin/sales/{SALE}"), "application/json", "")?;
        find(&sale, sku).cloned().with_context(|| format!("the sale has no {sku}: {sale}"))
    }

    /// Waits until shoppers at this edge are told this of a SKU.
    pub(crate) fn wait_until_told(&self, sku: &str, band: &str) -> Result<()> {
        let mut last = Value::Null;
        for _ in 0..LOOKS_MAX {
            let sale =
                http::send(self.addr, "GET", &format!("/v1/sales/{SALE}"), &[], "")?.json()?;
            last = find(&sale, sku).and_then(|sku| sku.get("stock")).cloned().unwrap_or_default();
            if last == *band {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        bail!("of {sku} shoppers are told {last}, not {band}")
    }

    fn put_json(&self, path: &str, body: &Value) -> Result<()> {
        self.send("PUT", path, "application/json", &body.to_string()).map(drop)
    }

    fn send(&self, method: &str, path: &str, media_type: &str, body: &str) -> Result<Value> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", &*bearer), ("content-type", media_type)];
        let reply = http::send(self.addr, method, path, &headers, body)?;
        ensure!(reply.status == 200, "{method} {path}: {reply:?}");
        reply.json()
    }
}

fn find<'v>(sale: &'v Value, sku: &str) -> Option<&'v Value> {
    let skus = sale.get("skus")?.as_array()?;
    skus.iter().find(|found| found.get("sku").is_some_and(|name| name == sku))
}
