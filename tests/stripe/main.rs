//! What we sign, check and ask is what Stripe's own library signs, checks and asks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;

use doorbuster_domain::id::{PaymentId, ReservationId};
use doorbuster_domain::money::Money;
use doorbuster_domain::sealed::{WebhookKey, verify_webhook};
use doorbuster_domain::stripe::{API_VERSION, Checkout, REFUNDS, SESSIONS, refund};
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_tests::stripe::form;
use serde_json::{Value, json};
use xtask::{paths, process, tools};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";
const OTHER: &str = "whsec_another-secret-of-another-endpoint";
const TOLERANCE: Millis = Millis::from_secs(300);

/// What the library makes of a case.
fn library(case: &Value) -> Value {
    let mut node = process::command(tools::npm_program("node"));
    node.arg(paths::root().join("tests/stripe/library.mjs"));
    let mut node = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    node.stdin.take().unwrap().write_all(case.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A case in which nothing of interest is asked.
fn case(signed: &Value, checked: &Value) -> Value {
    json!({ "signed": signed, "checked": checked, "checkout": { "params": {}, "key": "k" },
        "refund": { "params": {}, "key": "k" } })
}

fn key(secret: &str) -> WebhookKey {
    WebhookKey::new(secret.as_bytes()).unwrap()
}

fn bodies() -> [String; 3] {
    let session = json!({ "id": "cs_1", "object": "checkout.session", "status": "complete",
        "payment_status": "paid", "amount_total": 3_200, "currency": "eur" });
    let event = json!({ "id": "evt_1", "object": "event", "type": "checkout.session.completed",
        "data": { "object": session } });
    let wide = json!({ "id": "evt_2", "object": "event", "name": "Größe × 2 ✓ \u{1f600}" });
    // As it is sent: spaces and line breaks belong to what is signed.
    [event.to_string(), serde_json::to_string_pretty(&event).unwrap(), wide.to_string()]
}

#[test]
fn what_the_library_signs_we_take_and_nothing_else() {
    let bodies = bodies();
    let now = NOW.as_secs();
    let signed =
        bodies.each_ref().map(|body| json!({ "body": body, "secret": SECRET, "now": now }));
    let said = library(&case(&json!(signed), &json!([])));
    for (number, body) in bodies.iter().enumerate() {
        let header = said["headers"][number].as_str().unwrap();
        assert_eq!(header, key(SECRET).sign(NOW, body.as_bytes()), "ours is the same");
        let verify = |header: &str, body: &str, secret: &str, late: u64| {
            let at = NOW.plus(Millis::from_secs(late));
            verify_webhook([&key(secret)], header, body.as_bytes(), at, TOLERANCE).is_ok()
        };
        assert!(verify(header, body, SECRET, 0) && verify(header, body, SECRET, 300));
        assert!(!verify(header, body, SECRET, 301));
        assert!(!verify(header, body, OTHER, 0));
        assert!(!verify(header, &format!("{body} "), SECRET, 0));
        for at in 0..header.len() {
            let mut changed = header.as_bytes().to_vec();
            changed[at] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            assert!(!verify(&changed, body, SECRET, 0), "{changed}");
            assert!(!verify(&header[..at], body, SECRET, 0), "cut at {at}");
        }
    }
}

#[test]
fn what_we_sign_the_library_takes_and_nothing_else() {
    let now = NOW.as_secs();
    let mut checked = Vec::new();
    for body in bodies() {
        let header = key(SECRET).sign(NOW, body.as_bytes());
        let rotating = format!("{header},v1={}", "0".repeat(64));
        let case = |header: &str, body: &str, secret: &str, now: u64| {
            let (header, body) = (header.to_owned(), body.to_owned());
            json!({ "header": header, "body": body, "secret": secret, "now": now })
        };
        checked.extend([
            case(&header, &body, SECRET, now),
            case(&rotating, &body, SECRET, now + 300),
            case(&header, &body, OTHER, now),
            case(&header, &format!("{body} "), SECRET, now),
            case(&header[..header.len() - 1], &body, SECRET, now),
            case(&header, &body, SECRET, now + 301),
        ]);
    }
    let said = library(&case(&json!([]), &json!(checked)));
    let takes = said["takes"].as_array().unwrap();
    for (number, took) in takes.iter().enumerate() {
        let took = took.as_str().unwrap();
        let is_good = number % 6 < 2;
        assert_eq!(took.starts_with("evt_"), is_good, "{number}: {took}");
        assert!(is_good || took == "StripeSignatureVerificationError", "{number}: {took}");
    }
    assert_eq!(takes.len(), checked.len());
}

#[test]
fn what_we_ask_is_what_the_library_asks() {
    let payment = PaymentId::of(ReservationId::from_bytes([7; 16]), 1);
    let (sale, sku) = ("drop".parse().unwrap(), "MUG-SEA".parse().unwrap());
    let checkout = Checkout {
        payment,
        sale: &sale,
        sku: &sku,
        title: "Größe & ✓ = 1 + 1 % ~",
        quantity: 2,
        amount: Money::new(3_690, "EUR".parse().unwrap()).unwrap(),
        ships: true,
        ends_at: NOW.plus(Millis::from_secs(3_000)),
        origin: "https://shop.example.com",
    };
    let back = format!("sale=drop&sku=MUG-SEA&reservation={}", payment.reservation());
    let id = payment.to_string();
    let params = json!({
        "mode": "payment", "client_reference_id": id, "expires_at": NOW.as_secs() + 3_000,
        "success_url": format!("https://shop.example.com/receipt?{back}"),
        "cancel_url": format!("https://shop.example.com/checkout?{back}"),
        "line_items": [{ "quantity": 1, "price_data": { "currency": "eur", "unit_amount": 3_690,
            "product_data": { "name": format!("2 × {}, with shipping", checkout.title) } } }],
        "metadata": { "payment": id, "sale": "drop", "sku": "MUG-SEA",
            "shop": "https://shop.example.com" },
        "payment_intent_data": { "metadata": { "payment": id } },
        "adaptive_pricing": { "enabled": false },
    });
    let refunded = json!({ "payment_intent": "pi_1", "metadata": { "payment": id } });
    let case = json!({ "signed": [], "checked": [], "checkout": { "params": params, "key": id },
        "refund": { "params": refunded, "key": format!("{id}.refund") } });
    let said = library(&case);
    let ours = [
        ("POST", SESSIONS.to_owned(), checkout.form().unwrap(), id.clone()),
        ("POST", format!("{SESSIONS}/cs_1/expire"), String::new(), String::new()),
        ("GET", format!("{SESSIONS}/cs_1"), String::new(), String::new()),
        ("POST", REFUNDS.to_owned(), refund("pi_1", payment), format!("{id}.refund")),
    ];
    let theirs = said["requests"].as_array().unwrap();
    assert_eq!(theirs.len(), ours.len());
    for ((method, path, body, key), theirs) in ours.iter().zip(theirs) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let header = |name: &str| text(&theirs["headers"][name]);
        assert_eq!(
            (text(&theirs["method"]), text(&theirs["path"])),
            (method.to_string(), path.clone())
        );
        let fields: BTreeMap<_, _> = form(&text(&theirs["body"]));
        assert_eq!(form(body), fields, "{path}");
        assert_eq!(header("Stripe-Version"), API_VERSION);
        assert_eq!(text(&theirs["host"]), "api.stripe.com");
        if !key.is_empty() {
            assert_eq!(header("Idempotency-Key"), *key, "{path}");
            assert_eq!(header("Content-Type"), "application/x-www-form-urlencoded");
        }
    }
}
