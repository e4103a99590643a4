//! The merchant's part: set the sale up, open it, and look at what became of it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use doorbuster_domain::journal::Entry;
use doorbuster_wire::merchant::{
    ImportReply, OrderPage, Readiness, SaleState, SettledOrder, Stock,
};
use doorbuster_wire::shopper::ProductList;
use doorbuster_wire::webhook::Webhook;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::Options;
use super::client::{Answer, Call, Client};
use crate::verify::journal;

/// The merchant, signed in.
pub(crate) struct Merchant {
    client: Mutex<Client>,
    bearer: String,
}

/// The sale that was set up.
#[derive(Debug, Clone)]
pub(super) struct SaleSetup {
    pub(super) sale: String,
    /// Units given, by SKU.
    pub(super) stock: BTreeMap<String, u32>,
    pub(super) per_shopper_max: u32,
    /// Whether it has a line that is drawn.
    pub(super) line: bool,
}

/// The endpoint of webhooks.
const WEBHOOK: &str = "/v1/admin/webhooks/rehearsal";

/// The line gathers for so long before the sale opens.
pub(super) const OPENS_AFTER: Duration = Duration::from_secs(4);

/// Short, because a rehearsal wants to see the end of what is walked away from.
const RESERVATION_TTL_MS: u64 = 5_000;
const PASS_TTL_MS: u64 = 30_000;
/// Where everybody is let in at once, many wait with a pass for what others may give back.
const OPEN_PASS_TTL_MS: u64 = 300_000;
const RESERVATION_MAX_MS: u64 = 60_000;
const PAYMENT_WINDOW_MS: u64 = 5_000;
/// Prices include it.
pub(super) const TAX_PERCENT: u64 = 19;
pub(super) const SHIPPING_MINOR: u64 = 490;
/// Of the samples some are sent for nothing, and some are not.
pub(super) const FREE_FROM_MINOR: u64 = 5_000;

/// Now, in milliseconds since 1970; also a number that no earlier rehearsal had.
#[expect(clippy::disallowed_methods, reason = "a native program may ask for the time")]
pub(super) fn unix_millis() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis().try_into()?)
}

impl Merchant {
    pub(crate) fn new(url: &str, admin_token: &str) -> Result<Self> {
        let client = Mutex::new(Client::new(url, None)?);
        Ok(Self { client, bearer: format!("Bearer {admin_token}") })
    }

    /// Whether a sale is ready to open.
    pub(crate) async fn readiness(&self, sale: &str) -> Result<Readiness> {
        self.get(&format!("/v1/admin/sales/{sale}/readiness")).await
    }

    /// Imports the catalog, creates a sale of one variant each of several products, and says when
    /// it opens; people can take a place at once.
    pub(super) async fn set_up(&self, options: &Options) -> Result<SaleSetup> {
        let path = format!("/v1/admin/catalog?currency={}", options.currency);
        let published: ImportReply =
            self.put(&path, "text/csv", &options.catalog).await.context("importing the catalog")?;
        if published.products < u64::from(options.skus) {
            bail!("the catalog has {} products, {} are needed", published.products, options.skus);
        }
        let list: ProductList = self.get("/v1/catalog").await?;
        let firsts = list.products.iter().filter_map(|product| product.skus.first());
        let skus: Vec<String> = firsts.take(options.skus as usize).cloned().collect();
        let sale = format!("rehearsal-{}", unix_millis()?);
        // A twentieth of the crowd can have a unit of each SKU: everybody wants one, few get it.
        let on_hand = options.shoppers.div_ceil(20).max(1);
        let per_shopper_max = 1;
        let rules = json!({
            "title": "Rehearsal",
            "skus": skus,
            "order": if options.line { "fifo" } else { "passthrough" },
            "per_shopper_max": per_shopper_max,
            "admits_per_minute_max": options.shoppers.saturating_mul(20),
            "pass_ttl_ms": if options.line { PASS_TTL_MS } else { OPEN_PASS_TTL_MS },
            "reservation_ttl_ms": RESERVATION_TTL_MS,
            "reservation_max_ms": RESERVATION_MAX_MS,
            "payment_window_ms": PAYMENT_WINDOW_MS,
            "shipping_minor": SHIPPING_MINOR,
            "shipping_free_from_minor": FREE_FROM_MINOR,
            "tax_title": "VAT",
            "tax_ppm": TAX_PERCENT * 10_000,
            "tax_included": true,
        });
        let address = format!("/v1/admin/sales/{sale}");
        let _: SaleState = self.put_json(&address, &rules).await.context("creating the sale")?;
        for sku in &skus {
            let path = format!("{address}/skus/{sku}/stock");
            let _: Stock = self.put_json(&path, &json!({ "on_hand": on_hand })).await?;
        }
        self.check_ready(&sale).await?;
        let opens_at_ms =
            unix_millis()?.saturating_add(OPENS_AFTER.as_secs().saturating_mul(1_000));
        let opening = json!({ "opens_at_ms": opens_at_ms });
        let _: SaleState = self.put_json(&format!("{address}/schedule"), &opening).await?;
        let stock = skus.into_iter().map(|sku| (sku, on_hand)).collect();
        Ok(SaleSetup { sale, stock, per_shopper_max, line: options.line })
    }

    /// Checks that nothing but the opening is missing.
    async fn check_ready(&self, sale: &str) -> Result<()> {
        let readiness = self.readiness(sale).await?;
        // A rehearsal comes from few addresses, so its limits are not as they should be.
        let expected = ["opening", "rate limits"];
        match readiness.checks.iter().find(|c| !c.ready && !expected.contains(&c.name.as_str())) {
            Some(check) => bail!("the sale is not ready: {}: {}", check.name, check.detail),
            None => Ok(()),
        }
    }

    /// The draw of a sale as it was published.
    pub(super) async fn draw(&self, sale: &str) -> Result<String> {
        Ok(self.call("GET", &format!("/v1/sales/{sale}/draw"), "", &[]).await?.text())
    }

    /// The sale's state, once nothing is reserved and every order is in the books.
    pub(super) async fn settled_state(&self, sale: &str, within: Duration) -> Result<SaleState> {
        let started = Instant::now();
        loop {
            let state: SaleState = self.get(&format!("/v1/admin/sales/{sale}")).await?;
            let open = state
                .skus
                .iter()
                .any(|sku| sku.reserved > 0 || sku.orders_unsettled > 0 || sku.refunds_due > 0);
            if !open || started.elapsed() > within {
                return Ok(state);
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    /// Every order in the books.
    pub(super) async fn orders(&self, sale: &str) -> Result<Vec<SettledOrder>> {
        let mut orders = Vec::new();
        let mut after = "0".to_owned();
        loop {
            let path = format!("/v1/admin/orders?sale={sale}&after={after}");
            let page: OrderPage = self.get(&path).await?;
            orders.extend(page.orders);
            match page.next {
                Some(next) => after = next,
                None => return Ok(orders),
            }
        }
    }

    /// The whole journal of a SKU.
    pub(super) async fn journal(&self, sale: &str, sku: &str) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry| entry.seq);
            let path = format!("/v1/admin/sales/{sale}/skus/{sku}/journal?after={after}");
            let answer = self.call("GET", &path, "", &[]).await?;
            let page = journal::parse(&answer.text())?;
            if page.is_empty() {
                return Ok(entries);
            }
            entries.extend(page);
        }
    }

    /// Sets the endpoint of webhooks; its secret. One that was left behind is replaced.
    pub(super) async fn put_webhook(&self, address: &str) -> Result<String> {
        let put = async || -> Result<Webhook> {
            let body = json!({ "address": address });
            let put = self.put_json(WEBHOOK, &body).await;
            put.context("setting the endpoint of webhooks; the service has to be able to call it")
        };
        if let Some(secret) = put().await?.secret {
            return Ok(secret);
        }
        self.delete_webhook().await?;
        put().await?.secret.context("a new endpoint has a secret")
    }

    /// Removes the endpoint of webhooks.
    pub(super) async fn delete_webhook(&self) -> Result<()> {
        self.call("DELETE", WEBHOOK, "", &[]).await.map(drop)
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.call("GET", path, "", &[]).await?.json()
    }

    async fn put<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        media_type: &str,
        body: &[u8],
    ) -> Result<T> {
        self.call("PUT", path, media_type, body).await?.json()
    }

    async fn put_json<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T> {
        self.put(path, "application/json", body.to_string().as_bytes()).await
    }

    /// An act of its own, known by its key.
    pub(super) async fn post_json<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<T> {
        let headers = [
            ("authorization", self.bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        let body = body.to_string();
        let call = Call { method: "POST", path, headers: &headers, body: body.as_bytes() };
        self.send(call).await?.json()
    }

    async fn call(
        &self,
        method: &'static str,
        path: &str,
        media_type: &str,
        body: &[u8],
    ) -> Result<Answer> {
        let headers = [("authorization", self.bearer.as_str()), ("content-type", media_type)];
        self.send(Call { method, path, headers: &headers, body }).await
    }

    async fn send(&self, call: Call<'_>) -> Result<Answer> {
        let answer = self.client.lock().await.send(call).await?;
        if answer.status >= 400 {
            bail!("{} {}: {} {}", call.method, call.path, answer.status, answer.text());
        }
        Ok(answer)
    }
}
