//! One home of the objects and two edges, each a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use doorbuster_domain::sealed::Keyring;
use serde_json::Value;
use xtask::bundle::Build;
use xtask::workerd::{FarEdge, Server, StartOptions};

use crate::merchant::{ADMITS_PER_MINUTE, Merchant};
use crate::subjects::{CORE, TTL, vars};
use crate::workloads::SALE;

/// The core of the generator. The home and the edge through which people pay share it: what the
/// flood takes of them it can then take through the objects or the disk alone.
const OTHER_CORE: usize = 1;
/// Counts are read while a process may be busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// The names that the home counts the edges' calls by.
const FLOODED: &str = "flooded";
const PAYING: &str = "paying";

pub(super) struct Place {
    // Dropped, and so ended, before the home that they ask.
    flooded: Server,
    paying: Server,
    home: Server,
}

impl Place {
    pub(super) fn start(dir: &Path, keyring: &Keyring) -> Result<Self> {
        let home = Server::start(StartOptions {
            build: Build::Bench,
            main: Some("home.mjs"),
            vars: vars(keyring),
            core: Some(OTHER_CORE),
            ..StartOptions::new(dir.join("home"))
        })?;
        let objects = home.addr();
        let edge = |name: &str, core| {
            let mut vars = vars(keyring);
            vars.insert("EDGE_NAME".to_owned(), name.to_owned());
            let state_dir = dir.join(name);
            Server::start_far_edge(FarEdge { state_dir, objects, vars, core: Some(core) })
        };
        let (flooded, paying) = (edge(FLOODED, CORE)?, edge(PAYING, OTHER_CORE)?);
        Ok(Self { flooded, paying, home })
    }

    /// Opens one sale at both edges, with so many units of each SKU.
    pub(super) fn open(&self, stock: &[(&str, u32)]) -> Result<()> {
        let skus: Vec<&str> = stock.iter().map(|(sku, _)| *sku).collect();
        let (first, second) = (merchant_at(&self.flooded), merchant_at(&self.paying));
        for merchant in [&first, &second] {
            merchant.publish_sample()?;
            merchant.announce(SALE, &skus, TTL, "fifo", ADMITS_PER_MINUTE)?;
        }
        for (sku, units) in stock {
            first.give(SALE, sku, *units)?;
        }
        first.open(SALE)
    }

    /// Waits until both edges tell shoppers this of a SKU.
    pub(super) fn wait_until_told(&self, sku: &str, band: &str) -> Result<()> {
        self.look(sku, band)?;
        merchant_at(&self.paying).until_band_is_told(SALE, sku, band)
    }

    /// Looks at the page of the sale at the edge that is flooded, until it tells this of a SKU.
    pub(super) fn look(&self, sku: &str, band: &str) -> Result<()> {
        merchant_at(&self.flooded).until_band_is_told(SALE, sku, band)
    }

    pub(super) fn flooded(&self) -> SocketAddr {
        self.flooded.addr()
    }

    pub(super) fn paying(&self) -> SocketAddr {
        self.paying.addr()
    }

    /// Calls of objects by the flooded edge so far.
    pub(super) fn calls(&self) -> Result<Calls> {
        let (status, body) = self.home.get("/v1/bench/counts", PATIENCE)?;
        if status != 200 {
            bail!("the counts were answered with {status}: {body}");
        }
        let counts: Value = serde_json::from_str(&body).context("the counts")?;
        let of = |method: &str| {
            counts.get(format!("{FLOODED}/{method}")).and_then(Value::as_u64).unwrap_or(0)
        };
        Ok(Calls { execute: of("execute"), status: of("status") })
    }
}

fn merchant_at(edge: &Server) -> Merchant {
    Merchant::new(edge.addr(), edge.admin_token())
}

/// Calls of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Calls {
    /// What shoppers or merchants ask, a batch of lines each.
    pub(super) execute: u64,
    /// Refreshes of what an edge knows.
    pub(super) status: u64,
}

impl Calls {
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            execute: self.execute.saturating_sub(before.execute),
            status: self.status.saturating_sub(before.status),
        }
    }
}
