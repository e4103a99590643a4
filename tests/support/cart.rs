//! A sale of several SKUs, and who wants some of each.

use doorbuster_wire::cart::{Cart, CartPaymentReply};
use doorbuster_wire::merchant::{SaleRequest, SaleState};
use doorbuster_wire::shopper::Reservation;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::eventually;
use crate::sale::{SKU, Sale};
use crate::shop::Shop;
use crate::shopper::Shopper;

/// A SKU at 19.90.
pub const CAP: &str = "CAP-STONE";
/// The SKU of other sales, too: 16.00.
pub const MUG: &str = SKU;
/// A SKU at 22.00.
pub const TOTE: &str = "TOTE-RUST";

/// A sale of caps at 19.90, mugs at 16.00 and totes at 22.00, with so many of each.
pub fn open<'s>(shop: &'s Shop, on_hand: [u32; 3], rules: &SaleRequest) -> Sale<'s> {
    let sale = Sale::unborn(shop);
    let skus = [CAP, MUG, TOTE];
    let rules = SaleRequest { skus: skus.map(str::to_owned).to_vec(), ..rules.clone() };
    sale.create(&rules).ok::<SaleState>();
    for (sku, on_hand) in skus.iter().zip(on_hand) {
        sale.put(&format!("/skus/{sku}/stock"), &json!({ "on_hand": on_hand })).ok::<Value>();
    }
    sale.set_phase("open").ok::<SaleState>();
    sale
}

/// Reserved and allocated, of caps, mugs and totes.
pub fn counts(sale: &Sale<'_>) -> [(u32, u32); 3] {
    let skus = sale.state().skus;
    let of = |sku: &str| skus.iter().find(|stock| stock.sku == sku).unwrap();
    [CAP, MUG, TOTE].map(of).map(|stock| (stock.reserved, stock.allocated))
}

/// Somebody who wants several things at once.
#[derive(Debug, Clone)]
pub struct Buyer<'s> {
    pub sale: &'s Sale<'s>,
    pub shopper: Shopper<'s>,
}

impl<'s> Buyer<'s> {
    /// Somebody new whose turn it is.
    pub fn admitted(sale: &'s Sale<'s>) -> Self {
        Self { sale, shopper: Shopper::admitted(sale) }
    }

    /// Asks for all of it, or nothing.
    pub fn reserve(&self, key: &str, lines: &[(&str, u32)]) -> Answer {
        let line = |(sku, quantity): &(&str, u32)| json!({ "sku": sku, "quantity": quantity });
        let lines: Vec<Value> = lines.iter().map(line).collect();
        self.post("", key, &json!({ "lines": lines }))
    }

    /// Sends something about a cart.
    pub fn post(&self, rest: &str, key: &str, body: &Value) -> Answer {
        let path = self.sale.path(&format!("/carts{rest}"));
        self.shopper.request("POST", &path).header("idempotency-key", key).json(body).send()
    }

    /// Starts to pay for all of these at once.
    pub fn pay(&self, lines: &[Reservation]) -> Answer {
        let line = |one: &Reservation| json!({ "sku": one.sku, "reservation": one.reservation });
        let lines: Vec<Value> = lines.iter().map(line).collect();
        self.shopper
            .request("POST", &self.sale.path("/carts/payment"))
            .json(&json!({ "lines": lines }))
            .send()
    }

    /// The page to pay for all of it at.
    pub fn page(&self, cart: &Cart) -> String {
        self.pay(&cart.lines).ok::<CartPaymentReply>().redirect_to
    }

    /// Does something with one line.
    pub fn act(&self, method: &str, one: &Reservation, rest: &str) -> Answer {
        let (sku, id) = (&one.sku, &one.reservation);
        let path = self.sale.path(&format!("/skus/{sku}/reservations/{id}{rest}"));
        self.shopper.request(method, &path).send()
    }

    /// How the lines stand.
    pub fn states(&self, cart: &Cart) -> Vec<String> {
        let show = |one| self.act("GET", one, "").ok::<Reservation>().state.into_owned();
        cart.lines.iter().map(show).collect()
    }

    /// Waits until the lines stand like this.
    pub fn are(&self, cart: &Cart, states: &[&str]) {
        eventually(&format!("they are {states:?}"), || (self.states(cart) == states).then_some(()));
    }
}
