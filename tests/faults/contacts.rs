//! Contacts in the books: how they are sealed, with which key, and for how long.

use std::io::Write as _;
use std::process::Stdio;

use doorbuster_tests::{Answer, Sale, Shop, Shopper, eventually, now, rules};
use doorbuster_wire::problem::ProblemKind as Kind;
use serde_json::{Value, json};
use xtask::bundle::Build;
use xtask::paths;
use xtask::process::command;
use xtask::secrets::{CONTACT_KEYS, contact_key};
use xtask::tools::npm_program;

use crate::books::books;

fn put(shopper: &Shopper<'_>, reservation: &str, email: &str) {
    let path = shopper.sale().sku_path(&format!("/reservations/{reservation}/contact"));
    shopper.request("PUT", &path).json(&json!({ "email": email })).send().ok::<Value>();
}

/// The person who has this secret.
fn known<'s>(sale: &'s Sale<'s>, secret: &str) -> Shopper<'s> {
    let mut shopper = Shopper::new(sale);
    secret.clone_into(&mut shopper.secret);
    shopper
}

fn shown(shopper: &Shopper<'_>, reservation: &str) -> Answer {
    shopper.act("GET", reservation, "/contact")
}

fn email(shopper: &Shopper<'_>, reservation: &str) -> Value {
    shown(shopper, reservation).ok::<Value>()["contact"]["email"].take()
}

fn sweep(shop: &Shop) {
    assert_eq!(shop.request("POST", "/__test/sweep").send().status, 200);
}

fn rows(shop: &Shop) -> Vec<Value> {
    books(shop, "SELECT order_id, key_id, nonce, sealed FROM contacts ORDER BY order_id")
}

fn key_ids(shop: &Shop) -> Vec<String> {
    rows(shop).iter().map(|row| row["key_id"].as_str().unwrap().to_owned()).collect()
}

/// Whether the operator is told that all is well, and in which words.
fn check(sale: &Sale<'_>) -> (bool, String) {
    let ready = sale.shop.admin("GET", &sale.admin_path("/readiness")).send().ok::<Value>();
    let checks = ready["checks"].as_array().unwrap().clone();
    let check = checks.into_iter().find(|check| check["name"] == "contacts").unwrap();
    (check["ready"] == true, check["detail"].as_str().unwrap().to_owned())
}

/// What Node's own cipher makes of rows, by what docs/adr/0017 says of them.
fn opened_by_node(keys: &str, rows: &[Value]) -> Vec<Value> {
    let mut node = command(npm_program("node"))
        .arg(paths::root().join("tests/faults/contacts.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let given = json!({ "keys": keys, "rows": rows }).to_string();
    node.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn another_implementation_opens_what_is_sealed_and_nothing_that_was_moved_or_changed() {
    let shop = Shop::start("contacts-node", Build::TestHooks);
    let sale = Sale::open(&shop, 2, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ["a", "b"].map(|key| ann.hold(key, 1).reservation);
    for (number, held) in held.iter().enumerate() {
        put(&ann, held, &format!("{number}@example.com"));
    }
    let sealed = rows(&shop);
    let keys = &shop.secrets().contact_keys;
    let mut emails = opened_by_node(keys, &sealed);
    emails.sort_by_key(Value::to_string);
    let expected = ["0@example.com", "1@example.com"].map(|email| json!({ "email": email }));
    assert_eq!(emails, expected);
    assert_ne!(sealed[0]["nonce"], sealed[1]["nonce"]);
    let mut moved = sealed.clone();
    moved[0]["order_id"] = sealed[1]["order_id"].clone();
    let no = json!("Unsupported state or unable to authenticate data");
    assert_eq!(opened_by_node(keys, &moved)[0], no);

    // And no more does the shop: rows that changed places, a bit that changed, another key's id.
    books(&shop, "CREATE TABLE swapped AS SELECT * FROM contacts");
    books(
        &shop,
        "UPDATE contacts SET (nonce, sealed) = (SELECT nonce, sealed FROM swapped s
        WHERE s.order_id <> contacts.order_id)",
    );
    for held in &held {
        let (kind, problem) = shown(&ann, held).problem_body();
        assert!(kind == Kind::ContactUnreadable && problem.detail.contains("the key local"));
    }
    put(&ann, &held[0], "again@example.com");
    assert_eq!(email(&ann, &held[0]), "again@example.com");
    books(&shop, "DROP TABLE swapped");
}

#[test]
fn what_is_sealed_with_an_old_key_is_sealed_anew_and_then_that_key_can_go() {
    let mut shop = Shop::start("contacts-rotated", Build::TestHooks);
    let (old, new) = (contact_key("2025").unwrap(), contact_key("2026").unwrap());
    shop.redeploy(CONTACT_KEYS, &old);
    let id = Sale::open(&shop, 3, &rules()).id;
    let (secret, one, two) = {
        let sale = Sale { shop: &shop, id: id.clone() };
        let ann = Shopper::admitted(&sale);
        let (one, two) = (ann.hold("a", 1).reservation, ann.hold("b", 1).reservation);
        put(&ann, &one, "one@example.com");
        put(&ann, &two, "two@example.com");
        (ann.secret.clone(), one, two)
    };
    let before = rows(&shop);
    shop.redeploy(CONTACT_KEYS, &format!("{new},{old}"));
    {
        let sale = Sale { shop: &shop, id: id.clone() };
        let ann = known(&sale, &secret);
        // Both keys open, and the new one seals.
        assert_eq!(
            (email(&ann, &one), email(&ann, &two)),
            (json!("one@example.com"), json!("two@example.com"))
        );
        put(&ann, &one, "three@example.com");
        let mut ids = key_ids(&shop);
        ids.sort();
        assert_eq!(ids, ["2025", "2026"]);
        let (ready, said) = check(&sale);
        assert!(ready && said.contains("1 with 2025"), "{said}");
        // One that is replaced or erased while it is sealed anew stays so: its nonce is another.
        sweep(&shop);
        assert_eq!(key_ids(&shop), ["2026", "2026"]);
        let after = rows(&shop);
        assert!(after.iter().all(|row| before.iter().all(|known| known["nonce"] != row["nonce"])));
        sweep(&shop);
        assert_eq!(rows(&shop), after, "what is sealed with the first key is left as it is");
        let (ready, said) = check(&sale);
        assert!(ready && said.contains("No contact needs another key"), "{said}");
    }
    shop.redeploy(CONTACT_KEYS, &new);
    {
        let sale = Sale { shop: &shop, id: id.clone() };
        let ann = known(&sale, &secret);
        assert_eq!(
            (email(&ann, &one), email(&ann, &two)),
            (json!("three@example.com"), json!("two@example.com"))
        );
    }
    // Without any key of theirs they are not read, and not lost; erasing and replacing goes on.
    shop.redeploy(CONTACT_KEYS, &old);
    let sale = Sale { shop: &shop, id };
    let ann = known(&sale, &secret);
    let (kind, problem) = shown(&ann, &one).problem_body();
    assert!(kind == Kind::ContactUnreadable && problem.detail.contains("the key 2026"));
    sweep(&shop);
    let (ready, said) = check(&sale);
    assert!(!ready && said.contains("2 with 2026"), "{said}");
    put(&ann, &one, "four@example.com");
    assert_eq!(email(&ann, &one), "four@example.com");
    assert_eq!(ann.act("DELETE", &two, "/contact").status, 200);
    assert_eq!(key_ids(&shop), ["2025"]);
    assert!(!shop.log().contains("example.com"));
}

#[test]
fn what_becomes_no_order_is_forgotten_and_what_does_stays() {
    let shop = Shop::start("contacts-forgotten", Build::TestHooks);
    let sale = Sale::open(&shop, 3, &rules());
    let (ann, bob) = (Shopper::admitted(&sale), Shopper::admitted(&sale));
    let bought = ann.hold("a", 1).reservation;
    put(&ann, &bought, "ann@example.com");
    ann.pay(&bought);
    eventually("the order is settled", || (!sale.orders().is_empty()).then_some(()));
    let (given_back, held) = (bob.hold("a", 1).reservation, bob.hold("b", 1).reservation);
    put(&bob, &given_back, "bob@example.com");
    put(&bob, &held, "bob@example.com");
    assert_eq!(bob.act("DELETE", &given_back, "").status, 200);
    sweep(&shop);
    assert_eq!(rows(&shop).len(), 3, "not before its time");
    let days = |days: u64| now().as_millis() + days * 24 * 60 * 60 * 1_000;
    let late = books(&shop, "SELECT MIN(forget_at_ms) AS first FROM contacts");
    let late = late[0]["first"].as_u64().unwrap();
    assert!((days(29)..days(31)).contains(&late), "{late}");
    let held = held.replacen("rsv_", "ord_", 1);
    books(&shop, &format!("UPDATE contacts SET forget_at_ms = 1 WHERE order_id <> '{held}'"));
    sweep(&shop);
    assert_eq!(rows(&shop).len(), 2);
    assert_eq!(email(&ann, &bought), "ann@example.com");
    assert_eq!(shown(&bob, &given_back).ok::<Value>()["contact"], Value::Null);
    let kept = books(&shop, "SELECT order_id FROM contacts WHERE forget_at_ms IS NULL");
    assert_eq!(kept, [json!({ "order_id": bought.replacen("rsv_", "ord_", 1) })]);
}
