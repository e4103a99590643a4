//! Who orders are for: kept sealed, shown to who may see it, and erased.

use doorbuster_tests::{Answer, Sale, Shop, Shopper, eventually, rules};
use doorbuster_wire::contact::ContactReply;
use doorbuster_wire::problem::ProblemKind as Kind;
use serde_json::{Value, json};
use xtask::bundle::Build;

use crate::shop;

fn anns() -> Value {
    json!({ "email": "ann.quayside@example.com", "name": "Ann Ó Quayside \u{1f6a2}", "address": {
        "line1": "1 \"Old\" Quayside \\ Shed", "line2": "Second floor", "city": "Cork",
        "region": "Munster", "postal_code": "T12 QUAY", "country": "IE" } })
}

fn put(shopper: &Shopper<'_>, reservation: &str, contact: &Value) -> Answer {
    let path = shopper.sale().sku_path(&format!("/reservations/{reservation}/contact"));
    shopper.request("PUT", &path).json(contact).send()
}

#[track_caller]
fn said(answer: &Answer) -> Value {
    // Of the documented shape, too.
    answer.ok::<ContactReply>();
    answer.ok::<Value>()["contact"].take()
}

fn of_order(shop: &Shop, method: &str, order: &str) -> Answer {
    shop.admin(method, &format!("/v1/admin/orders/{order}/contact")).send()
}

fn is_in(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn who_an_order_is_for_is_told_to_its_shopper_and_the_merchant_and_stored_nowhere_in_plain() {
    let shop = Shop::start("contacts", Build::Release);
    let sale = Sale::open(&shop, 3, &rules());
    let (ann, bob) = (Shopper::admitted(&sale), Shopper::admitted(&sale));
    let held = ann.hold("k", 1).reservation;
    assert_eq!(said(&ann.act("GET", &held, "/contact")), Value::Null);
    let first = json!({ "email": "ann@example.org" });
    assert_eq!(said(&put(&ann, &held, &first)), first);
    // What is put again replaces what was there.
    for _ in 0..2 {
        let answer = put(&ann, &held, &anns());
        assert_eq!((answer.status, said(&answer)), (200, anns()));
        assert_eq!(answer.header("cache-control"), "");
    }
    let shown = ann.act("GET", &held, "/contact");
    assert_eq!((said(&shown), shown.header("cache-control")), (anns(), "private, no-store"));
    for method in ["GET", "DELETE"] {
        let answer = bob.act(method, &held, "/contact");
        assert_eq!(answer.problem(), Kind::ReservationNotFound, "{method}");
    }
    assert_eq!(put(&bob, &held, &first).problem(), Kind::ReservationNotFound);
    // Before there is an order the merchant sees nothing.
    let order = held.replacen("rsv_", "ord_", 1);
    assert_eq!(of_order(&shop, "GET", &order).problem(), Kind::OrderNotFound);

    ann.pay(&held);
    eventually("the order is settled", || (!sale.orders().is_empty()).then_some(()));
    assert_eq!(said(&of_order(&shop, "GET", &order)), anns());
    let nobody = shop.request("GET", &format!("/v1/admin/orders/{order}/contact")).send();
    assert_eq!(nobody.problem(), Kind::Unauthorized);
    let other = bob.buy("k", 1);
    eventually("bob's is settled", || (sale.orders().len() == 2).then_some(()));
    assert_eq!(said(&of_order(&shop, "GET", &other)), Value::Null);

    let (stored, log) = (shop.stored(), shop.log());
    assert!(is_in(&stored, &order), "it was looked at what is stored");
    for part in ["quayside", "Quayside", "example.com", "example.org", "Second floor", "Munster"] {
        assert!(!is_in(&stored, part) && !log.contains(part), "{part}");
        assert!(sale.journal().iter().all(|entry| !entry.events.contains(part)), "{part}");
    }
}

#[test]
fn what_is_erased_is_gone_and_may_be_left_again() {
    let sale = Sale::open(shop(), 2, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("k", 1).reservation;
    put(&ann, &held, &anns()).ok::<Value>();
    for _ in 0..2 {
        assert_eq!(said(&ann.act("DELETE", &held, "/contact")), Value::Null);
        assert_eq!(said(&ann.act("GET", &held, "/contact")), Value::Null);
    }
    put(&ann, &held, &anns()).ok::<Value>();
    let order = ann.pay(&held);
    eventually("the order is settled", || (!sale.orders().is_empty()).then_some(()));
    assert_eq!(said(&of_order(shop(), "GET", &order)), anns());
    for _ in 0..2 {
        assert_eq!(said(&of_order(shop(), "DELETE", &order)), Value::Null);
        assert_eq!(said(&of_order(shop(), "GET", &order)), Value::Null);
    }
    // An order may still be said who it is for, by its shopper alone.
    put(&ann, &held, &anns()).ok::<Value>();
    assert_eq!(said(&ann.act("DELETE", &held, "/contact")), Value::Null);
    assert_eq!(said(&of_order(shop(), "GET", &order)), Value::Null);
    for unknown in ["7", "rsv_AAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(of_order(shop(), "DELETE", unknown).problem(), Kind::OrderNotFound);
    }
    let given_back = ann.hold("k2", 1).reservation;
    put(&ann, &given_back, &anns()).ok::<Value>();
    assert_eq!(ann.act("DELETE", &given_back, "").status, 200);
    assert_eq!(put(&ann, &given_back, &anns()).problem(), Kind::ReservationReleased);
    assert_eq!(said(&ann.act("GET", &given_back, "/contact")), anns());
    assert_eq!(said(&ann.act("DELETE", &given_back, "/contact")), Value::Null);
}

#[test]
fn a_contact_with_a_mistake_is_refused_at_its_place_and_changes_nothing() {
    let sale = Sale::open(shop(), 1, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("k", 1).reservation;
    put(&ann, &held, &anns()).ok::<Value>();
    let with = |pointer: &str, value: Value| {
        let mut contact = anns();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        contact.pointer_mut(parent).unwrap()[name] = value;
        contact
    };
    let long = "a".repeat(101);
    let rows = [
        ("/email", json!("ann@example.com\nBcc: all@example.com")),
        ("/email", json!("ann@example.com\r\n")),
        ("/email", json!("\nann@example.com")),
        ("/email", json!("ann@example.com\u{2028}")),
        ("/email", json!("ann@example.com, bob@example.com")),
        ("/email", json!("Ann <ann@example.com>")),
        ("/email", json!(format!("{}@example.com", "a".repeat(243)))),
        ("/email", json!("")),
        ("/email", json!(null)),
        ("/email", json!(7)),
        ("/email", json!(["ann@example.com"])),
        ("/name", json!(long)),
        ("/name", json!("Ann\u{0}")),
        ("/phone", json!("+353 21")),
        ("/a~b", json!("")),
        ("/address/line1", json!("1 Quay\nCork")),
        ("/address/line1", json!(null)),
        ("/address/line2", json!(long)),
        ("/address/line3", json!("a")),
        ("/address/city", json!(" ")),
        ("/address/postal_code", json!("12345678901234567")),
        ("/address/postal_code", json!(12345)),
        ("/address/country", json!("Ireland")),
        ("/address/country", json!("ie")),
        ("/address/country", json!("XX")),
        ("/address", json!("1 Quay, Cork")),
        ("/address", json!([])),
    ];
    for (pointer, value) in rows {
        let (kind, problem) = put(&ann, &held, &with(pointer, value.clone())).problem_body();
        let place = pointer.replace('~', "~0");
        let place = if value.is_array() && !value.as_array().unwrap().is_empty() {
            format!("{place}/0")
        } else {
            place
        };
        let at = problem.errors.iter().find(|error| error.pointer == place);
        assert!(kind == Kind::BodyInvalid && at.is_some(), "{pointer} {value}: {problem:?}");
        assert!(!at.unwrap().detail.is_empty());
    }
    let whole = sale.sku_path(&format!("/reservations/{held}/contact"));
    let send = |body: &str| ann.request("PUT", &whole).body("application/json", body).send();
    let deep = "[".repeat(7_000) + &"]".repeat(7_000);
    for body in ["[]", "\"ann@example.com\"", "null", "{}", &deep] {
        assert_eq!(send(body).problem(), Kind::BodyInvalid, "{body:.20}");
    }
    assert_eq!(send("{\"email\":\"a@b\\ud800\"}").problem(), Kind::BodyInvalid);
    for body in ["", "{", "{\"email\":\"a@b\"} x", "{\"email\":\"a\nb@c\"}"] {
        assert_eq!(send(body).problem(), Kind::BodyMalformed, "{body:.20}");
    }
    let large = format!("{{\"email\":\"{}\"}}", "a".repeat(16 * 1024));
    assert_eq!(send(&large).problem(), Kind::BodyTooLarge);
    let form = ann.request("PUT", &whole).body("text/plain", anns().to_string()).send();
    assert_eq!(form.problem(), Kind::UnsupportedMediaType);
    assert_eq!(said(&ann.act("GET", &held, "/contact")), anns());
    assert!(!shop().log().contains("quayside"));
}

#[test]
fn a_shop_without_keys_asks_nobody_and_sells_all_the_same() {
    let mut shop = Shop::start("contacts-unset", Build::Release);
    for keys in ["", "2025:tooshort"] {
        shop.redeploy("CONTACT_KEYS", keys);
        let sale = Sale::open(&shop, 1, &rules());
        let ann = Shopper::admitted(&sale);
        let held = ann.hold("k", 1).reservation;
        assert_eq!(put(&ann, &held, &anns()).problem(), Kind::NotConfigured);
        assert_eq!(ann.act("GET", &held, "/contact").problem(), Kind::NotConfigured);
        assert_eq!(said(&ann.act("DELETE", &held, "/contact")), Value::Null);
        ann.pay(&held);
        let ready = shop.admin("GET", &sale.admin_path("/readiness")).send().ok::<Value>();
        let check = ready["checks"].as_array().unwrap().iter().find(|c| c["name"] == "contacts");
        assert_eq!(check.unwrap()["ready"], keys.is_empty(), "{ready}");
    }
    assert!(shop.log().contains("CONTACT_KEYS: each key has to be 32 bytes in base64"));
    assert!(!shop.log().contains("tooshort"));
}
