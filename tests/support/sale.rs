//! A sale of one SKU.

use std::sync::atomic::{AtomicU32, Ordering};

use doorbuster_domain::inventory::Inventory;
use doorbuster_domain::journal::{self, Entry};
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::merchant::{
    AdjustRequest, OrderPage, PhaseRequest, SaleRequest, SaleState, SettledOrder, Stock,
    StockRequest,
};
use doorbuster_wire::shopper::{Draw, Sale as SeenSale};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::eventually;
use crate::shop::Shop;

/// What is sold: 16.00 euros each.
pub const SKU: &str = "MUG-SEA";

/// Rules that let everybody in at once.
pub fn rules() -> SaleRequest {
    SaleRequest {
        title: "Sea mugs".to_owned(),
        skus: vec![SKU.to_owned()],
        admits_per_minute_max: 10_000_000,
        active_users_max: 10_000_000,
        order: "passthrough".to_owned(),
        draw_window_ms: None,
        beacon: None,
        places_per_client: 10_000_000,
        challenge: false,
        per_shopper_max: 2,
        pass_ttl_ms: 600_000,
        reservation_ttl_ms: 300_000,
        reservation_max_ms: 1_200_000,
        payment_window_ms: 600_000,
        shipping_minor: None,
        shipping_free_from_minor: None,
        tax_title: None,
        tax_ppm: None,
        tax_included: false,
    }
}

/// The same, with 4.90 for shipping unless the goods cost 100.00, and 19 % of VAT in all of it.
pub fn charged() -> SaleRequest {
    SaleRequest {
        shipping_minor: Some(490),
        shipping_free_from_minor: Some(10_000),
        tax_title: Some("VAT".to_owned()),
        tax_ppm: Some(190_000),
        tax_included: true,
        ..rules()
    }
}

/// Rules under which a payment may take so long.
pub fn window(payment_window_ms: u64) -> SaleRequest {
    SaleRequest { payment_window_ms, ..rules() }
}

/// Rules of a line in which people stand one behind the other.
pub fn fifo() -> SaleRequest {
    SaleRequest { order: "fifo".to_owned(), per_shopper_max: 1, ..rules() }
}

/// A sale and who runs it.
#[derive(Debug)]
pub struct Sale<'s> {
    pub shop: &'s Shop,
    pub id: String,
}

impl<'s> Sale<'s> {
    /// A name for a sale that is not there yet.
    pub fn unborn(shop: &'s Shop) -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        Self { shop, id: format!("sale-{number}") }
    }

    /// A sale that is open with so many units.
    pub fn open(shop: &'s Shop, on_hand: u32, rules: &SaleRequest) -> Self {
        let sale = Self::draft(shop, on_hand, rules);
        sale.set_phase("open").ok::<SaleState>();
        sale
    }

    /// A sale that has so many units and is still a draft.
    pub fn draft(shop: &'s Shop, on_hand: u32, rules: &SaleRequest) -> Self {
        let sale = Self::unborn(shop);
        sale.create(rules).ok::<SaleState>();
        sale.set_stock(on_hand).ok::<Stock>();
        sale
    }

    /// A sale that opens at this moment, and whose line is open already.
    pub fn opening_at(
        shop: &'s Shop,
        on_hand: u32,
        rules: &SaleRequest,
        opens_at: Timestamp,
    ) -> Self {
        let sale = Self::draft(shop, on_hand, rules);
        let schedule = json!({ "opens_at_ms": opens_at.as_millis() });
        sale.put("/schedule", &schedule).ok::<SaleState>();
        sale
    }

    /// Where shoppers find it.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/sales/{}{rest}", self.id)
    }

    /// Where shoppers find its SKU.
    pub fn sku_path(&self, rest: &str) -> String {
        self.path(&format!("/skus/{SKU}{rest}"))
    }

    /// Where the merchant finds it.
    pub fn admin_path(&self, rest: &str) -> String {
        format!("/v1/admin/sales/{}{rest}", self.id)
    }

    /// The merchant creates it.
    pub fn create(&self, rules: &SaleRequest) -> Answer {
        self.shop.admin("PUT", &self.admin_path("")).json(rules).send()
    }

    /// The merchant sets something of it.
    pub fn put(&self, rest: &str, body: &Value) -> Answer {
        self.shop.admin("PUT", &self.admin_path(rest)).json(body).send()
    }

    /// What everybody may see of it.
    pub fn shown(&self) -> SeenSale {
        self.shop.request("GET", &self.path("")).send().ok()
    }

    /// Its draw, as it is published.
    pub fn draw(&self) -> Answer {
        self.shop.request("GET", &self.path("/draw")).send()
    }

    /// Its draw, once it is done.
    pub fn drawn(&self) -> Draw {
        eventually("the order is drawn", || {
            let draw: Draw = self.draw().ok();
            draw.seed.is_some().then_some(draw)
        })
    }

    /// The merchant gives it units.
    pub fn set_stock(&self, on_hand: u32) -> Answer {
        let path = self.admin_path(&format!("/skus/{SKU}/stock"));
        self.shop.admin("PUT", &path).json(&StockRequest { on_hand }).send()
    }

    /// The merchant takes it to another phase.
    pub fn set_phase(&self, phase: &str) -> Answer {
        let body = PhaseRequest { phase: phase.to_owned(), why: None };
        self.shop.admin("POST", &self.admin_path("/phase")).json(&body).send()
    }

    /// The merchant adds units, or takes some back.
    pub fn adjust(&self, key: &str, units: i64) -> Answer {
        let path = self.admin_path(&format!("/skus/{SKU}/adjustments"));
        let body = AdjustRequest { units, reason: "counted again".to_owned() };
        self.shop.admin("POST", &path).header("idempotency-key", key).json(&body).send()
    }

    /// All that the merchant sees of it.
    pub fn state(&self) -> SaleState {
        self.shop.admin("GET", &self.admin_path("")).send().ok()
    }

    /// The exact stock.
    pub fn stock(&self) -> Stock {
        self.state().skus.into_iter().next().expect("a SKU with stock")
    }

    /// On hand, reserved and allocated.
    pub fn counts(&self) -> (u32, u32, u32) {
        let stock = self.stock();
        (stock.on_hand, stock.reserved, stock.allocated)
    }

    /// A page of the journal.
    pub fn journal_after(&self, seq: u64) -> Vec<Entry> {
        let path = self.admin_path(&format!("/skus/{SKU}/journal?after={seq}"));
        let page = self.shop.admin("GET", &path).send();
        assert_eq!((page.status, page.header("content-type")), (200, "application/x-ndjson"));
        page.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The whole journal.
    pub fn journal(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let page = self.journal_after(entries.last().map_or(0, |entry| entry.seq));
            if page.is_empty() {
                return entries;
            }
            entries.extend(page);
        }
    }

    /// Verifies the journal offline, as a merchant can.
    pub fn verify(&self) -> Inventory {
        let entries = self.journal();
        journal::verify::<Inventory>(&entries).unwrap().into_parts().0
    }

    /// A page of the books.
    pub fn orders_after(&self, after: &str) -> OrderPage {
        let path = format!("/v1/admin/orders?sale={}&after={after}", self.id);
        self.shop.admin("GET", &path).send().ok()
    }

    /// All settled orders.
    pub fn orders(&self) -> Vec<SettledOrder> {
        let mut page = self.orders_after("0");
        let mut orders = page.orders;
        while let Some(next) = page.next {
            page = self.orders_after(&next);
            orders.extend(page.orders);
        }
        orders
    }
}
