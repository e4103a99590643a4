//! What the merchant's own shop is told.

#[cfg(test)]
mod library;

use std::sync::OnceLock;

use doorbuster_domain::webhook::IN_FLIGHT_MAX;
use doorbuster_tests::{Received, Receiver, SKU, Sale, Shop, Shopper, charged, eventually, rules};
use doorbuster_wire::merchant::SettledOrder;
use doorbuster_wire::problem::ProblemKind as Kind;
use doorbuster_wire::webhook::{Delivery, DeliveryPage, Webhook, WebhookList};
use serde_json::{Value, json};
use xtask::bundle::Build;

use crate::shop;

/// Attempts follow fast, so that nobody waits for minutes; the last delay is beyond every test.
const SETTINGS: [(&str, &str); 2] =
    [("WEBHOOK_REACH", "anywhere"), ("WEBHOOK_DELAYS_MS", "300,300,300,300,300,3600000")];

/// A shop that may call this machine, for the tests that leave it running.
fn calling() -> &'static Shop {
    static SHOP: OnceLock<Shop> = OnceLock::new();
    SHOP.get_or_init(|| Shop::calling_inside("webhooks", Build::Release, &SETTINGS))
}

/// An endpoint of a shop.
struct Endpoint<'s> {
    shop: &'s Shop,
    name: &'static str,
}

impl Endpoint<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/v1/admin/webhooks/{}{rest}", self.name)
    }

    fn put(&self, address: &str, events: &[&str]) -> Webhook {
        let body = json!({ "address": address, "events": events });
        self.shop.admin("PUT", &self.path("")).json(&body).send().ok()
    }

    fn put_signed(&self, address: &str, signature: &str) -> Webhook {
        let body = json!({ "address": address, "events": ["order.paid"], "signature": signature });
        self.shop.admin("PUT", &self.path("")).json(&body).send().ok()
    }

    fn rotate(&self, key: &str) -> Webhook {
        let rotate = self.shop.admin("POST", &self.path("/rotate"));
        rotate.header("idempotency-key", key).send().ok()
    }

    fn shown(&self) -> Webhook {
        let all: WebhookList = self.shop.admin("GET", "/v1/admin/webhooks").send().ok();
        all.webhooks.into_iter().find(|known| known.endpoint == self.name).unwrap()
    }

    fn deliveries(&self) -> Vec<Delivery> {
        let page: DeliveryPage = self.shop.admin("GET", &self.path("/deliveries")).send().ok();
        page.deliveries
    }

    /// Waits until a delivery is like this; it.
    fn delivery(&self, what: &str, order: &str, is: impl Fn(&Delivery) -> bool) -> Delivery {
        eventually(what, || {
            self.deliveries().into_iter().find(|known| known.subject == order && is(known))
        })
    }

    fn delete(&self) {
        self.shop.admin("DELETE", &self.path("")).send().ok::<Webhook>();
    }
}

/// Somebody buys; the order.
fn buy(shop: &Shop) -> SettledOrder {
    let sale = Sale::open(shop, 1, &charged());
    let id = Shopper::admitted(&sale).buy("k", 1);
    eventually("the order is settled", || sale.orders().into_iter().find(|known| known.order == id))
}

/// What arrived about an order, once there is as much as this.
fn told(receiver: &Receiver, order: &str, count: usize) -> Vec<Received> {
    eventually("the shop is told", || {
        let mut arrived = receiver.received();
        arrived.retain(|one| one.body.contains(order));
        (arrived.len() >= count).then_some(arrived)
    })
}

#[test]
fn the_shop_is_told_of_an_order_once_signed_and_in_full() {
    let (receiver, shop) = (Receiver::answering(204), calling());
    let endpoint = Endpoint { shop, name: "told" };
    let made = endpoint.put(&receiver.address("/hooks?a=b"), &["order.created", "order.paid"]);
    let secret = made.secret.clone().unwrap();
    assert_eq!(endpoint.shown(), Webhook { secret: None, ..made });
    let order = buy(shop);
    let told = told(&receiver, &order.order, 2);
    let mut kinds = Vec::new();
    for webhook in &told {
        let event = webhook.verified(&secret);
        assert_eq!(webhook.path, "/hooks?a=b");
        assert_eq!((webhook.signatures(), webhook.header("content-type")), (1, "application/json"));
        assert_eq!(
            (&event["specversion"], &event["subject"]),
            (&json!("1.0"), &json!(order.order))
        );
        assert_eq!(event["source"], format!("/v1/sales/{}", order.sale));
        assert_eq!(serde_json::from_value::<SettledOrder>(event["data"].clone()).unwrap(), order);
        kinds.push(event["type"].as_str().unwrap().to_owned());
    }
    kinds.sort();
    assert_eq!(kinds, ["order.created", "order.paid"]);
    let done = endpoint.delivery("it is written down", &order.order, |d| d.state == "delivered");
    assert_eq!((done.attempts, done.last_status, done.next_attempt_at_ms), (1, Some(204), None));
    assert_eq!(done.last_outcome.as_deref(), Some("answered 204"));
    endpoint.delete();
    assert_eq!(
        shop.admin("GET", &endpoint.path("/deliveries")).send().problem(),
        Kind::WebhookNotFound
    );
    assert_eq!(told.len(), 2);
}

#[test]
fn the_shop_is_told_how_a_sale_goes_and_when_something_is_gone_or_comes_back() {
    let (receiver, shop) = (Receiver::answering(200), calling());
    let endpoint = Endpoint { shop, name: "going" };
    let kinds = ["sale.opened", "sku.sold_out", "reservation.expired", "sale.closed"];
    let secret = endpoint.put(&receiver.address("/"), &kinds).secret.unwrap();
    let mut short = rules();
    short.reservation_ttl_ms = 1_000;
    let sale = Sale::open(shop, 1, &short);
    let held = Shopper::admitted(&sale).hold("k", 1).reservation;
    let expired = told(&receiver, &held, 1)[0].verified(&secret);
    assert_eq!((&expired["type"], &expired["subject"]), (&json!(kinds[2]), &json!(held)));
    assert_eq!(expired["data"]["quantity"], 1);
    let order = Shopper::admitted(&sale).buy("k", 1);
    sale.set_phase("closed");
    let about = format!("\"/v1/sales/{}\"", sale.id);
    let mut told: Vec<Value> =
        told(&receiver, &about, 4).iter().map(|webhook| webhook.verified(&secret)).collect();
    told.sort_by_key(|event| event["time"].to_string());
    let of_each = |name: &str| told.iter().map(|e| e[name].clone()).collect::<Vec<_>>();
    let expected = ["sale.opened", "reservation.expired", "sku.sold_out", "sale.closed"];
    assert_eq!(of_each("type"), expected.map(Value::from));
    assert_eq!(of_each("subject"), [&sale.id, &held, SKU, &sale.id].map(|s| json!(s)));
    assert!(!receiver.received().iter().any(|one| one.body.contains(&order)), "nobody asked");
    endpoint.delete();
}

#[test]
fn a_shop_that_was_down_is_told_everything_once_it_is_back() {
    let (receiver, shop) = (Receiver::down(), calling());
    let endpoint = Endpoint { shop, name: "down" };
    let made = endpoint.put(&receiver.address("/"), &["order.created"]);
    let secret = made.secret.unwrap();
    let mut orders = vec![buy(shop)];
    let first = endpoint.delivery("an attempt fails", &orders[0].order, |d| d.attempts > 0);
    assert_eq!((first.state.as_str(), first.last_status), ("pending", None));
    assert_eq!(first.last_outcome.as_deref(), Some("could not be reached"));
    eventually("it is left alone", || (endpoint.shown().state == "resting").then_some(()));
    orders.extend((0..3).map(|_| buy(shop)));
    assert!(endpoint.shown().pending >= 4);
    // Half-open, one goes out at a time; all of them would be many more.
    assert!(receiver.turned_away() < 4 * IN_FLIGHT_MAX as usize, "{}", receiver.turned_away());
    receiver.answer(200);
    for order in &orders {
        told(&receiver, &order.order, 1)[0].verified(&secret);
        endpoint.delivery("it is written down", &order.order, |d| d.state == "delivered");
    }
    let after = endpoint.shown();
    assert_eq!((after.state.as_str(), after.pending), ("active", 0));
    endpoint.delete();
}

#[test]
fn what_was_due_when_the_power_went_is_sent_afterwards() {
    let receiver = Receiver::down();
    let mut shop = Shop::calling_inside("webhooks-power", Build::Release, &SETTINGS);
    let (address, name) = (receiver.address("/"), "power");
    let secret = Endpoint { shop: &shop, name }.put(&address, &["order.paid"]).secret.unwrap();
    let before = buy(&shop);
    shop.kill();
    shop.lose_queues();
    receiver.answer(200);
    shop.restart();
    // Whoever is woken for one order finds the other, too.
    let after = buy(&shop);
    for order in [&before, &after] {
        told(&receiver, &order.order, 1)[0].verified(&secret);
    }
}

#[test]
fn an_answer_that_is_no_success_is_a_failure_and_a_redirect_is_not_followed() {
    let (receiver, elsewhere, shop) = (Receiver::down(), Receiver::answering(200), calling());
    let endpoint = Endpoint { shop, name: "answers" };
    endpoint.put(&receiver.address("/"), &["order.created"]);
    receiver.answer_with(&format!("307 Go\r\nlocation: {}\r\n", elsewhere.address("/")), "");
    let order = buy(shop);
    let failed = endpoint.delivery("it fails", &order.order, |d| d.last_status == Some(307));
    assert_eq!(failed.state, "pending");
    receiver.answer_with("500 No\r\n", &"x".repeat(1_000_000));
    let failed = endpoint.delivery("it fails", &order.order, |d| d.last_status == Some(500));
    let said = failed.last_outcome.unwrap();
    assert!(said.starts_with("answered 500: xxx") && said.len() < 300, "{said}");
    assert_eq!(elsewhere.received().len(), 0);
    endpoint.delete();
}

#[test]
fn who_answers_410_is_told_nothing_more_until_it_is_put_again() {
    let (receiver, shop) = (Receiver::answering(410), calling());
    let endpoint = Endpoint { shop, name: "gone" };
    endpoint.put(&receiver.address("/"), &["order.created"]);
    let order = buy(shop);
    let gone = endpoint.delivery("it is gone", &order.order, |d| d.state == "failed");
    assert_eq!((gone.attempts, gone.last_status), (1, Some(410)));
    assert_eq!(endpoint.shown().state, "disabled");
    let resend = endpoint.path(&format!("/deliveries/{}/resend", gone.delivery));
    assert_eq!(shop.admin("POST", &resend).send().problem(), Kind::WebhookDisabled);
    let untold = buy(shop);
    let heard_of = |order: &str| receiver.received().iter().any(|one| one.body.contains(order));
    assert!(heard_of(&order.order) && !heard_of(&untold.order));
    receiver.answer(200);
    let again = endpoint.put(&receiver.address("/"), &["order.created"]);
    assert_eq!((again.state.as_str(), again.secret), ("active", None));
    let sent: Delivery = shop.admin("POST", &resend).send().ok();
    assert_eq!((sent.state.as_str(), sent.attempts), ("pending", 0));
    endpoint.delivery("it is taken", &order.order, |d| d.state == "delivered");
    endpoint.delete();
}

#[test]
fn while_a_secret_rotates_both_sign() {
    let (receiver, shop) = (Receiver::answering(200), calling());
    let endpoint = Endpoint { shop, name: "rotates" };
    let old = endpoint.put(&receiver.address("/"), &["order.created"]).secret.unwrap();
    let rotated: Webhook = endpoint.rotate("first");
    let new = rotated.secret.unwrap();
    assert_ne!(old, new);
    assert!(rotated.previous_secret_until_ms.is_some());
    let again = endpoint.rotate("first");
    assert_eq!(again.secret.as_deref(), Some(new.as_str()), "a repeat makes no other");
    let webhook = &told(&receiver, &buy(shop).order, 1)[0];
    assert_eq!(webhook.signatures(), 2);
    webhook.verified(&old);
    webhook.verified(&new);
    endpoint.delete();
}

#[test]
fn an_address_that_leads_inside_or_nowhere_is_refused_by_name() {
    let endpoint = Endpoint { shop: shop(), name: "inside" };
    let refused = |body: Value| {
        let answer = shop().admin("PUT", &endpoint.path("")).json(&body).send();
        let (kind, mut body) = answer.problem_body();
        assert_eq!(kind, Kind::BodyInvalid);
        body.errors.remove(0)
    };
    for (address, why) in [
        ("http://shop.example.com/", "`https://`"),
        ("file:///etc/passwd", "`https://`"),
        ("https://ann:pw@shop.example.com/", "a user or a password"),
        ("https://shop.example.com/#a", "a fragment"),
        ("https://127.0.0.1/", "is an IP address"),
        ("https://localhost:8787/", "this machine itself"),
        ("https://[::1]/", "is an IP address"),
        ("https://[::ffff:10.0.0.1]/", "is an IP address"),
        ("https://192.168.0.1/", "is an IP address"),
        ("https://169.254.169.254/latest/meta-data/", "is an IP address"),
        ("https://100.64.0.1/", "is an IP address"),
        ("https://224.0.0.1/", "is an IP address"),
        ("https://2130706433/", "is an IP address"),
        ("https://0x7f.1/", "is an IP address"),
        ("https://0177.0.0.1/", "is an IP address"),
        ("https://printer.local/", "an internal network"),
        ("https://metadata.google.internal/", "an internal network"),
        ("https://shop.example.com/a b", "has to be encoded"),
        ("", "`https://`"),
    ] {
        let error = refused(json!({ "address": address }));
        assert_eq!(error.pointer, "/address", "{address}");
        assert!(error.detail.contains(why), "{address}: {}", error.detail);
    }
    let long = format!("https://shop.example.com/{}", "a".repeat(2_048));
    assert!(refused(json!({ "address": long })).detail.contains("2048 characters"));
    let good = "https://shop.example.com/";
    let error = refused(json!({ "address": good, "events": ["order.paid", "order.lost"] }));
    assert_eq!(error.pointer, "/events/1");
    assert_eq!(refused(json!({ "address": good, "events": [] })).pointer, "/events");
    let error = refused(json!({ "address": good, "signature": "sha1" }));
    assert_eq!(error.pointer, "/signature");
    let all: WebhookList = shop().admin("GET", "/v1/admin/webhooks").send().ok();
    assert_eq!(all.webhooks, []);
}

#[test]
fn what_is_not_there_is_said_by_name_and_there_is_an_end_to_endpoints() {
    // One of its own: an order of another test must not leave for these addresses.
    let shop = Shop::start("webhooks-many", Build::Release);
    let kind = |method: &str, path: &str| {
        let asked = shop.admin(method, &format!("/v1/admin/webhooks/{path}"));
        asked.header("idempotency-key", "k").send().problem()
    };
    let unmarked = shop.admin("POST", "/v1/admin/webhooks/nobody/rotate").send();
    assert_eq!(unmarked.problem(), Kind::IdempotencyKeyMissing);
    for (method, path) in [
        ("POST", "nobody/rotate"),
        ("DELETE", "nobody"),
        ("DELETE", "no%20body"),
        ("GET", "nobody/deliveries"),
        ("POST", "nobody/deliveries/1/resend"),
    ] {
        assert_eq!(kind(method, path), Kind::WebhookNotFound, "{method} {path}");
    }
    let put = |name: &str| {
        let body = json!({ "address": "https://shop.example.com/" });
        shop.admin("PUT", &format!("/v1/admin/webhooks/{name}")).json(&body).send()
    };
    let names: Vec<String> = (0..16).map(|number| format!("many-{number}")).collect();
    for name in &names {
        put(name).ok::<Webhook>();
    }
    assert_eq!(put("one-more").problem(), Kind::TooManyWebhooks);
    put("many-3").ok::<Webhook>();
    for (method, path, expected) in [
        ("POST", "many-3/deliveries/1/resend", Kind::DeliveryNotFound),
        ("POST", "many-3/deliveries/x/resend", Kind::DeliveryNotFound),
        ("GET", "many-3/deliveries?before=x", Kind::QueryInvalid),
    ] {
        assert_eq!(kind(method, path), expected, "{method} {path}");
    }
    for name in names {
        let path = format!("/v1/admin/webhooks/{name}");
        assert!(shop.admin("DELETE", &path).send().ok::<Webhook>().secret.is_none());
    }
}
