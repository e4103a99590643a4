//! Somebody who wants something.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use doorbuster_domain::id::ShopperId;
use doorbuster_wire::shopper::{Order, PaymentReply, Reservation, TicketReply, TurnReply};
use serde_json::json;

use crate::client::{Answer, Request, fresh_address};
use crate::eventually;
use crate::sale::Sale;

/// A shopper in a sale, as an app: they send their secret and what they got as headers.
#[derive(Debug, Clone)]
pub struct Shopper<'s> {
    sale: &'s Sale<'s>,
    pub secret: String,
    pub source: IpAddr,
    pub ticket: Option<String>,
    pub pass: Option<String>,
}

impl<'s> Shopper<'s> {
    /// Somebody new, who has done nothing yet.
    pub fn new(sale: &'s Sale<'s>) -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let secret = format!("a-shopper-s-secret-{number:05}");
        Self { sale, secret, source: fresh_address(), ticket: None, pass: None }
    }

    /// Somebody new who has joined and whose turn it is.
    pub fn admitted(sale: &'s Sale<'s>) -> Self {
        let mut shopper = Self::new(sale);
        shopper.wait_for_turn();
        shopper
    }

    /// Somebody new who holds a unit and has begun to pay; the reservation, and the page to pay at.
    pub fn at_the_provider(sale: &'s Sale<'s>) -> (Self, String, String) {
        let shopper = Self::admitted(sale);
        let held = shopper.hold("k", 1).reservation;
        let page = shopper.begin_payment(&held);
        (shopper, held, page)
    }

    /// The same person in another sale.
    pub fn also_in<'o>(&self, sale: &'o Sale<'o>) -> Shopper<'o> {
        Shopper { sale, secret: self.secret.clone(), source: self.source, ticket: None, pass: None }
    }

    /// The sale they are in.
    pub fn sale(&self) -> &'s Sale<'s> {
        self.sale
    }

    /// How the shop knows them.
    pub fn id(&self) -> ShopperId {
        ShopperId::of_secret(self.secret.as_bytes())
    }

    /// Somebody new who has joined.
    pub fn joined(sale: &'s Sale<'s>) -> Self {
        let mut shopper = Self::new(sale);
        shopper.take_place();
        shopper
    }

    /// Joins, and keeps the ticket.
    pub fn take_place(&mut self) -> TicketReply {
        let joined: TicketReply = self.join().ok();
        self.ticket = Some(joined.ticket.clone());
        joined
    }

    /// Joins if they have not, and waits for their turn.
    pub fn wait_for_turn(&mut self) {
        if self.ticket.is_none() {
            self.take_place();
        }
        self.pass = Some(eventually("a shopper is admitted", || self.poll().pass));
    }

    /// A request that says who it is from, with what they have got so far.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let request = self.sale.shop.request(method, path).from(self.source);
        let mut request = request.header("doorbuster-shopper", self.secret.as_str());
        if let Some(ticket) = &self.ticket {
            request = request.header("doorbuster-ticket", ticket.as_str());
        }
        if let Some(pass) = &self.pass {
            request = request.header("doorbuster-pass", pass.as_str());
        }
        request
    }

    /// Takes a place in the line.
    pub fn join(&self) -> Answer {
        self.request("POST", &self.sale.path("/tickets")).send()
    }

    /// Asks whether it is their turn.
    pub fn poll(&self) -> TurnReply {
        self.request("GET", &self.sale.path("/turn")).send().ok()
    }

    /// Waits until they are told this, and what else they are told then.
    pub fn wait_until(&self, state: &str) -> TurnReply {
        eventually(&format!("a shopper is told `{state}`"), || {
            let turn = self.poll();
            (turn.state == state).then_some(turn)
        })
    }

    /// Gives the place, or the pass, back.
    pub fn leave(&self) -> TurnReply {
        self.request("DELETE", &self.sale.path("/turn")).send().ok()
    }

    /// A request to reserve, still without a body.
    pub fn reserve_request(&self, key: &str) -> Request {
        let path = self.sale.sku_path("/reservations");
        self.request("POST", &path).header("idempotency-key", key)
    }

    /// Asks for units.
    pub fn reserve(&self, key: &str, quantity: u32) -> Answer {
        self.reserve_request(key).json(&json!({ "quantity": quantity })).send()
    }

    /// Gets units.
    pub fn hold(&self, key: &str, quantity: u32) -> Reservation {
        self.reserve(key, quantity).ok()
    }

    /// Does something with a reservation.
    pub fn act(&self, method: &str, reservation: &str, rest: &str) -> Answer {
        let path = self.sale.sku_path(&format!("/reservations/{reservation}{rest}"));
        self.request(method, &path).send()
    }

    /// Looks at a reservation.
    pub fn show(&self, reservation: &str) -> Reservation {
        self.act("GET", reservation, "").ok()
    }

    /// Starts paying; the provider's page.
    pub fn begin_payment(&self, reservation: &str) -> String {
        self.act("POST", reservation, "/payment").ok::<PaymentReply>().redirect_to
    }

    /// Decides on the provider's page: `success` or `decline`.
    pub fn decide(&self, page: &str, outcome: &str) -> Answer {
        let form = format!("outcome={outcome}");
        self.request("POST", page).body("application/x-www-form-urlencoded", form).send()
    }

    /// Looks at an order.
    pub fn order(&self, order: &str) -> Order {
        self.request("GET", &self.sale.sku_path(&format!("/orders/{order}"))).send().ok()
    }

    /// Pays for a reservation; the order.
    pub fn pay(&self, reservation: &str) -> String {
        let decided = self.decide(&self.begin_payment(reservation), "success");
        assert_eq!(decided.status, 303, "{}", decided.text());
        self.show(reservation).order.expect("an order")
    }

    /// Reserves and pays; the order.
    pub fn buy(&self, key: &str, quantity: u32) -> String {
        self.pay(&self.hold(key, quantity).reservation)
    }
}
