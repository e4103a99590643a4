//! The bench's front door as it is used for growth: a sale of many SKUs behind it, and objects that
//! are filled past the edge (`bench/growth.mjs`).

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use doorbuster_domain::inventory::{Answer, Command, Reply, StockView};
use doorbuster_domain::sealed::Keyring;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use xtask::bundle::Build;
use xtask::workerd::{Server, StartOptions};

use crate::process;
use crate::subjects::{CORE, vars};
use crate::systems::http;
use crate::workloads::SALE;

/// Units of a SKU, enough for any run.
pub(super) const PLENTY: u32 = 4_000_000;
/// The price of every unit.
pub(super) const PRICE_MINOR: u64 = 1_999;
/// No reservation of a run expires in it, and no payment is overdue.
pub(super) const TTL_MS: u64 = 3_600_000;

/// For one step of one request: a large state is read and written in seconds, not minutes.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often the edge is asked whether it has heard of the stock.
const LOOKS: u32 = 200;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A process of the product with the bench's front door, and a sale that is open.
pub(super) struct Door {
    server: Server,
}

/// What waking has to read.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct ToRead {
    pub(super) snapshot_bytes: f64,
    pub(super) tail_entries: f64,
    pub(super) tail_bytes: f64,
    pub(super) tail_events: f64,
}

impl Door {
    /// Starts it in a folder, with a sale of so many SKUs that lets in so many people a minute.
    pub(super) fn start(dir: &Path, keyring: &Keyring, skus: usize, admits: u32) -> Result<Self> {
        let options = StartOptions {
            build: Build::Bench,
            vars: vars(keyring),
            core: Some(CORE),
            ..StartOptions::new(dir)
        };
        let door = Self { server: Server::start(options)? };
        door.open_sale(skus, admits)?;
        Ok(door)
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// SIGKILL, and a start on the same state: its objects are in memory no more.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.server.restart()
    }

    /// Nanoseconds of CPU it has used.
    pub(super) fn cpu_ns(&self) -> Result<u64> {
        process::cpu_ns(self.pid()?)
    }

    /// Bytes it has in memory, and the most it ever had.
    pub(super) fn resident_bytes(&self) -> Result<(u64, u64)> {
        process::resident_bytes(self.pid()?)
    }

    /// Has an Inventory decide batches, all of which it is to accept.
    pub(super) fn feed(&self, object: &str, batches: &[Vec<Command>]) -> Result<()> {
        self.feed_text(object, &text_of(batches)?)
    }

    /// The same with batches that are text already.
    pub(super) fn feed_text(&self, object: &str, batches: &str) -> Result<()> {
        let reply: Value = self.grow("feed", object, batches)?;
        ensure!(reply.get("refused").is_none(), "{object} refused a command: {reply}");
        Ok(())
    }

    /// What an Inventory says of its stock; nothing if it was never opened.
    pub(super) fn show(&self, object: &str) -> Result<Option<StockView>> {
        let reply: Value = self.grow("show", object, "")?;
        let answers = reply.get("done").cloned().context("the object did not understand")?;
        match serde_json::from_value::<Vec<Answer>>(answers)?.into_iter().next() {
            Some(Answer::Accepted(Reply::Stock { view, .. })) => Ok(Some(view)),
            _ => Ok(None),
        }
    }

    /// The entry that the newest snapshot of an Inventory stands after.
    pub(super) fn snapshot_after(&self, object: &str) -> Result<u64> {
        let reply: Value = self.grow("snapshot_after", object, "")?;
        reply.get("after").and_then(Value::as_u64).context("no number of an entry")
    }

    /// What waking an Inventory has to read.
    pub(super) fn to_read(&self, object: &str) -> Result<ToRead> {
        self.grow("to_read", object, "")
    }

    /// How many Inventories came to life since the process started, each time that they did.
    pub(super) fn awoken(&self) -> Result<u64> {
        self.grow("awoken", "", "")
    }

    /// Has so many people join the line of the sale at once; the position of the last of them.
    pub(super) fn join(&self, people: u64) -> Result<u64> {
        let reply: Value = self.grow(&format!("join&people={people}"), SALE, "")?;
        let position = reply.get("position").and_then(Value::as_u64);
        position.with_context(|| format!("the room handed out no position: {reply}"))
    }

    fn pid(&self) -> Result<u32> {
        self.server.pid().context("workerd does not run")
    }

    fn grow<T: DeserializeOwned>(&self, what: &str, object: &str, body: &str) -> Result<T> {
        let path = format!("/v1/bench?grow={what}&object={object}");
        let reply = http::send_within(PATIENCE, self.addr(), "POST", &path, &[], body)?;
        ensure!(reply.status == 200, "{path}: {reply:?}");
        serde_json::from_str(&reply.body).with_context(|| format!("{path}: {}", reply.body))
    }

    fn open_sale(&self, skus: usize, admits: u32) -> Result<()> {
        let skus: Vec<String> = (0..skus).map(sku).collect();
        let product = |sku: &String| format!("{sku},{sku},{sku},19.99\n");
        let products: String = skus.iter().map(product).collect();
        let catalog = format!("Title,URL handle,SKU,Price\n{products}");
        let rules = json!({
            "title": "Bench", "skus": skus, "admits_per_minute_max": admits,
            "per_shopper_max": 1, "pass_ttl_ms": TTL_MS, "reservation_ttl_ms": TTL_MS,
            "reservation_max_ms": TTL_MS, "payment_window_ms": TTL_MS,
        });
        let (sale, stock) = (format!("/v1/admin/sales/{SALE}"), json!({ "on_hand": PLENTY }));
        self.admin("PUT", "/v1/admin/catalog?currency=EUR", "text/csv", &catalog)?;
        self.admin("PUT", &sale, "application/json", &rules.to_string())?;
        for sku in &skus {
            let path = format!("{sale}/skus/{sku}/stock");
            self.admin("PUT", &path, "application/json", &stock.to_string())?;
        }
        self.admin("POST", &format!("{sale}/phase"), "application/json", r#"{"phase":"open"}"#)?;
        self.until_stock_is_known()
    }

    fn admin(&self, method: &str, path: &str, media_type: &str, body: &str) -> Result<()> {
        let bearer = format!("Bearer {}", self.server.admin_token());
        let headers = [("authorization", &*bearer), ("content-type", media_type)];
        let reply = http::send(self.addr(), method, path, &headers, body)?;
        ensure!(reply.status == 200, "{method} {path}: {reply:?}");
        Ok(())
    }

    /// With the room's first look at the stock every SKU hears that the sale is open.
    fn until_stock_is_known(&self) -> Result<()> {
        let is_known = |sku: &Value| sku.get("stock").is_some_and(|band| !band.is_null());
        for _ in 0..LOOKS {
            let sale = http::send(self.addr(), "GET", &format!("/v1/sales/{SALE}"), &[], "")?;
            let sale = sale.json().context("the sale")?;
            let skus = sale.get("skus").and_then(Value::as_array);
            if skus.is_some_and(|skus| skus.iter().all(is_known)) {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        bail!("the edge does not hear of the stock")
    }
}

/// The name of a SKU of the sale.
pub(super) fn sku(number: usize) -> String {
    format!("unit-{number}")
}

/// Batches as an object reads them, a line each.
pub(super) fn text_of(batches: &[Vec<Command>]) -> Result<String> {
    let lines = batches.iter().map(serde_json::to_string);
    Ok(lines.collect::<serde_json::Result<Vec<_>>>()?.join("\n"))
}
