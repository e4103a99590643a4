//! The bench's front door as it is used for growth: a sale of many SKUs behind it, and objects that
//! are filled past the edge (`bench/growth.mjs`).

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use doorbuster_domain::inventory::{Answer, Command, Reply, StockView};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::Millis;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use xtask::bundle::Build;
use xtask::workerd::{Server, StartOptions};

use crate::merchant::Merchant;
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
            Some(Answer::Accepted(Reply::Stock { view, .. })) => Ok(Some(*view)),
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

    /// Has so many people join the line of the sale at once; the number of the last of them.
    pub(super) fn join(&self, people: u64) -> Result<u64> {
        let reply: Value = self.grow(&format!("join&people={people}"), SALE, "")?;
        let number = reply.get("number").and_then(Value::as_u64);
        number.with_context(|| format!("the room handed out no number: {reply}"))
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
        let names: Vec<String> = (0..skus).map(sku).collect();
        let skus: Vec<&str> = names.iter().map(String::as_str).collect();
        let merchant = Merchant::new(self.addr(), self.server.admin_token());
        merchant.publish_units(skus.iter().copied())?;
        merchant.announce(SALE, &skus, Millis::new(TTL_MS), "fifo", admits)?;
        for sku in &skus {
            merchant.give(SALE, sku, PLENTY)?;
        }
        merchant.open(SALE)?;
        merchant.until_stock_is_told(SALE)
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
