//! The merchant of the product: a catalog, sales, and what the product says of them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use doorbuster_domain::inventory::Inventory;
use doorbuster_domain::journal::{self, Entry, Replay};
use doorbuster_domain::time::Millis;
use doorbuster_wire::merchant::{OrderPage, SaleState, SettledOrder, Stock};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use xtask::clock::Stopwatch;

use crate::systems::http;

const CATALOG: &str = include_str!("../../sample/catalog.csv");
/// No pass of a run expires in it, and no payment is overdue.
const LONG: Millis = Millis::from_secs(3_600);
/// Everybody is let in.
pub(crate) const ADMITS_PER_MINUTE: u32 = 10_000_000;

/// How long the books may take for the orders of a run.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);
/// An edge hears of the stock within some seconds: the room looks at it, and the edge at the room.
const HEARD_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where a merchant signs in.
#[derive(Debug, Clone)]
pub(crate) struct Merchant {
    addr: SocketAddr,
    bearer: String,
}

/// A journal that holds: its entries, and the state that they lead to.
pub(crate) struct Journal {
    pub(crate) entries: Vec<Entry>,
    pub(crate) replay: Replay<Inventory>,
}

impl Merchant {
    pub(crate) fn new(addr: SocketAddr, admin_token: &str) -> Self {
        Self { addr, bearer: format!("Bearer {admin_token}") }
    }

    /// Publishes the catalog that the project comes with.
    pub(crate) fn publish_sample(&self) -> Result<()> {
        self.publish(CATALOG)
    }

    /// Publishes a catalog of these SKUs.
    pub(crate) fn publish_units<'s>(&self, skus: impl IntoIterator<Item = &'s str>) -> Result<()> {
        let mut csv = "Title,URL handle,SKU,Price\n".to_owned();
        for sku in skus {
            // Writing into a text does not fail.
            let _ = writeln!(csv, "{sku},{sku},{sku},19.99");
        }
        self.publish(&csv)
    }

    fn publish(&self, csv: &str) -> Result<()> {
        let path = "/v1/admin/catalog?currency=EUR";
        self.change("PUT", path, "text/csv", csv).context("importing the catalog")
    }

    /// Announces a sale of these SKUs, of each of which a shopper may have one unit, with a line in
    /// this order. The same sale may be announced at several edges.
    pub(crate) fn announce(
        &self,
        sale: &str,
        skus: &[&str],
        ttl: Millis,
        order: &str,
        admits_per_minute: u32,
    ) -> Result<()> {
        let rules = json!({
            "title": "Bench", "skus": skus, "order": order,
            "admits_per_minute_max": admits_per_minute, "places_per_client": 10_000_000,
            "per_shopper_max": 1, "pass_ttl_ms": LONG.get(), "reservation_ttl_ms": ttl.get(),
            "reservation_max_ms": ttl.get(), "payment_window_ms": LONG.get(),
        });
        self.change_by_json("PUT", &format!("/v1/admin/sales/{sale}"), &rules)
    }

    /// Gives units of a SKU to a sale.
    pub(crate) fn give(&self, sale: &str, sku: &str, on_hand: u32) -> Result<()> {
        let path = format!("/v1/admin/sales/{sale}/skus/{sku}/stock");
        self.change_by_json("PUT", &path, &json!({ "on_hand": on_hand }))
    }

    /// Sets an endpoint of webhooks, which is told of everything.
    pub(crate) fn put_webhook(&self, name: &str, address: &str) -> Result<()> {
        let path = format!("/v1/admin/webhooks/{name}");
        self.change_by_json("PUT", &path, &json!({ "address": address }))
    }

    /// Opens a sale that was announced and has its stock.
    pub(crate) fn open(&self, sale: &str) -> Result<()> {
        let path = format!("/v1/admin/sales/{sale}/phase");
        self.change_by_json("POST", &path, &json!({ "phase": "open" }))
    }

    /// Waits until shoppers at this edge are told of the stock of every SKU of a sale. With the
    /// room's first look at the stock every SKU hears that the sale is open.
    pub(crate) fn until_stock_is_told(&self, sale: &str) -> Result<()> {
        let is_told = |sku: &Value| sku.get("stock").is_some_and(|band| !band.is_null());
        self.until_told(sale, |skus| skus.iter().all(is_told))
    }

    /// Waits until shoppers at this edge are told this of a SKU.
    pub(crate) fn until_band_is_told(&self, sale: &str, sku: &str, band: &str) -> Result<()> {
        let is = |shown: &Value, name: &str, value: &str| {
            shown.get(name).is_some_and(|found| found == value)
        };
        self.until_told(sale, |skus| skus.iter().any(|s| is(s, "sku", sku) && is(s, "stock", band)))
            .with_context(|| format!("{sku} should be {band}"))
    }

    fn until_told(&self, sale: &str, is_it: impl Fn(&[Value]) -> bool) -> Result<()> {
        let watch = Stopwatch::start();
        loop {
            let reply = http::send(self.addr, "GET", &format!("/v1/sales/{sale}"), &[], "")?;
            let shown = reply.json().context("the sale")?;
            if shown.get("skus").and_then(Value::as_array).is_some_and(|skus| is_it(skus)) {
                return Ok(());
            }
            if watch.elapsed() > HEARD_WITHIN {
                bail!("the edge does not hear of the stock: {shown}");
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// The stock of all SKUs of a sale.
    pub(crate) fn stocks(&self, sale: &str) -> Result<Vec<Stock>> {
        let state: SaleState = self.get(&format!("/v1/admin/sales/{sale}"))?;
        Ok(state.skus)
    }

    /// The stock of one.
    pub(crate) fn stock(&self, sale: &str, sku: &str) -> Result<Stock> {
        let found = self.stocks(sale)?.into_iter().find(|stock| stock.sku == sku);
        found.with_context(|| format!("{sku} has no stock"))
    }

    /// The stock of one, once all its orders are in the books.
    pub(crate) fn settled(&self, sale: &str, sku: &str) -> Result<Stock> {
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
    pub(crate) fn orders(&self, sale: &str) -> Result<Vec<SettledOrder>> {
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
    pub(crate) fn journal(&self, sale: &str, sku: &str) -> Result<Journal> {
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
