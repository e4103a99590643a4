//! The merchant's side of a workload: a catalog, sales, and what the product says of them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use doorbuster_domain::inventory::Inventory;
use doorbuster_domain::journal::{self, Entry, Replay};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::Millis;
use doorbuster_wire::merchant::{OrderPage, SaleState, SettledOrder, Stock};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use xtask::clock::Stopwatch;

use crate::subjects::{CORE, vars};
use crate::systems::{self, Running, System, http};

/// How long the books may take for the orders of a run.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where a merchant signs in.
#[derive(Debug, Clone)]
pub(super) struct Shop {
    addr: SocketAddr,
    bearer: String,
}

/// A journal that holds: its entries, and the state that they lead to.
pub(super) struct Journal {
    pub(super) entries: Vec<Entry>,
    pub(super) replay: Replay<Inventory>,
}

/// Starts the product on the core of what is measured, with a catalog of so many SKUs.
pub(super) fn start(dir: &Path, keyring: &Keyring, skus: usize) -> Result<(Running, Shop)> {
    let running = systems::start(System::Product, dir, Some(CORE), &vars(keyring))?;
    let shop = Shop::new(running.addr(), running.admin_token());
    shop.import(skus)?;
    Ok((running, shop))
}

/// The name of a SKU of such a catalog.
pub(super) fn sku(number: usize) -> String {
    format!("unit-{number:05}")
}

impl Shop {
    pub(super) fn new(addr: SocketAddr, admin_token: &str) -> Self {
        Self { addr, bearer: format!("Bearer {admin_token}") }
    }

    /// Publishes a catalog of so many SKUs.
    pub(super) fn import(&self, skus: usize) -> Result<()> {
        let mut csv = "Title,URL handle,SKU,Price\n".to_owned();
        for number in 0..skus {
            let sku = sku(number);
            // Writing into a text does not fail.
            let _ = writeln!(csv, "Unit {number},{sku},{sku},19.99");
        }
        let path = "/v1/admin/catalog?currency=EUR";
        self.change("PUT", path, "text/csv", &csv).context("importing the catalog").map(drop)
    }

    /// Opens a sale of these SKUs, each with so many units, of which a shopper may have one.
    pub(super) fn open(&self, sale: &str, units: &[(String, u32)], ttl: Millis) -> Result<()> {
        let skus: Vec<&str> = units.iter().map(|(sku, _)| sku.as_str()).collect();
        let rules = json!({
            "title": "Bench", "skus": skus, "admits_per_minute_max": 10_000_000,
            "per_shopper_max": 1, "pass_ttl_ms": 3_600_000, "reservation_ttl_ms": ttl.get(),
            "reservation_max_ms": ttl.get(), "payment_window_ms": 600_000,
        });
        let address = format!("/v1/admin/sales/{sale}");
        self.change_by_json("PUT", &address, &rules)?;
        for (sku, on_hand) in units {
            let path = format!("{address}/skus/{sku}/stock");
            self.change_by_json("PUT", &path, &json!({ "on_hand": on_hand }))?;
        }
        self.change_by_json("POST", &format!("{address}/phase"), &json!({ "phase": "open" }))?;
        // From here the edge knows what the sale has, and nobody of the crowd has to ask for it.
        let shown = http::send(self.addr, "GET", &format!("/v1/sales/{sale}"), &[], "")?;
        ensure!(shown.status == 200, "the sale is not shown: {shown:?}");
        Ok(())
    }

    /// The stock of all SKUs of a sale.
    pub(super) fn stocks(&self, sale: &str) -> Result<Vec<Stock>> {
        let state: SaleState = self.get(&format!("/v1/admin/sales/{sale}"))?;
        Ok(state.skus)
    }

    /// The stock of one.
    pub(super) fn stock(&self, sale: &str, sku: &str) -> Result<Stock> {
        let found = self.stocks(sale)?.into_iter().find(|stock| stock.sku == sku);
        found.with_context(|| format!("{sku} has no stock"))
    }

    /// The stock of one, once all its orders are in the books.
    pub(super) fn settled(&self, sale: &str, sku: &str) -> Result<Stock> {
        let watch = Stopwatch::start();
        loop {
            let stock = self.stock(sale, sku)?;
            if stock.orders_unsettled == 0 {
                return Ok(stock);
            }
            if watch.elapsed() > SETTLED_WITHIN {
                bail!("{} orders are not in the books", stock.orders_unsettled);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// The orders of a sale in the books.
    pub(super) fn orders(&self, sale: &str) -> Result<Vec<SettledOrder>> {
        let (mut orders, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let page: OrderPage =
                self.get(&format!("/v1/admin/orders?sale={sale}&after={after}"))?;
            orders.extend(page.orders);
            match page.next {
                Some(next) => after = next,
                None => return Ok(orders),
            }
        }
    }

    /// The journal of a SKU, verified: every event may follow the ones before it, which includes
    /// that never more is reserved and allocated than there is.
    pub(super) fn journal(&self, sale: &str, sku: &str) -> Result<Journal> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry| entry.seq);
            let path = format!("/v1/admin/sales/{sale}/skus/{sku}/journal?after={after}");
            let before = entries.len();
            for line in self.text(&path)?.lines() {
                entries.push(serde_json::from_str(line).context("an entry of the journal")?);
            }
            if entries.len() == before {
                break;
            }
        }
        let replay = journal::verify::<Inventory>(&entries).context("the journal")?;
        Ok(Journal { entries, replay })
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        serde_json::from_str(&self.text(path)?).with_context(|| format!("what {path} answers"))
    }

    fn text(&self, path: &str) -> Result<String> {
        let reply =
            http::send(self.addr, "GET", path, &[("authorization", self.bearer.as_str())], "")?;
        ensure!(reply.status == 200, "GET {path}: {reply:?}");
        Ok(reply.body)
    }

    fn change_by_json(&self, method: &str, path: &str, body: &Value) -> Result<()> {
        self.change(method, path, "application/json", &body.to_string())
    }

    fn change(&self, method: &str, path: &str, media_type: &str, body: &str) -> Result<()> {
        let headers = [("authorization", self.bearer.as_str()), ("content-type", media_type)];
        let reply = http::send(self.addr, method, path, &headers, body)?;
        ensure!(reply.status == 200, "{method} {path}: {reply:?}");
        Ok(())
    }
}
