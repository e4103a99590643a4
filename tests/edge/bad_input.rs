//! What a shop does not take, and that it is the same shop afterwards.

mod line;

use doorbuster_domain::sealed::{Pass, Ticket};
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_tests::{Request, SKU, Sale, Shopper, now, rules};
use doorbuster_wire::problem::ProblemKind as Kind;
use serde_json::{Value, json};

use crate::shop;

/// What it is, the request, and the problem it has to lead to.
type Row = (String, Request, Kind);

/// The longest JSON body that is read.
const JSON_LEN_MAX: usize = 64 * 1024;

#[test]
fn bad_input_is_refused_by_name_and_changes_nothing() {
    let (sale, other) = (Sale::open(shop(), 9, &rules()), Sale::open(shop(), 9, &rules()));
    let ann = Shopper::admitted(&sale);
    let mut elsewhere = ann.also_in(&other);
    elsewhere.wait_for_turn();
    let page = ann.begin_payment(&ann.hold("paying", 1).reservation);
    let look = || (sale.state(), sale.journal(), other.state(), other.journal());
    let before = look();

    let rows = [
        json_rows(&ann),
        body_rows(&ann),
        key_rows(&ann),
        sealed_rows(&sale, &ann, &elsewhere),
        address_rows(&sale, &ann),
        merchant_rows(&sale),
        payment_rows(&ann, &page),
    ];
    let wrong: Vec<String> = rows.into_iter().flatten().filter_map(mistaken).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(look(), before);
    let log = shop().log();
    assert!(!log.contains(&shop().secrets().admin_token), "the log has the merchant's token");
    assert!(!log.contains(&shop().secrets().secret), "the log has the secret");
    ann.hold("good", 1);
}

/// What is wrong with the answer to a bad request.
fn mistaken((what, request, expected): Row) -> Option<String> {
    let answer = request.send();
    let is_problem = answer.header("content-type") == "application/problem+json";
    let right = is_problem && answer.problem() == expected;
    (!right).then(|| format!("{what}: {} {}", answer.status, answer.text()))
}

#[test]
fn a_list_is_not_taken_for_an_object() {
    let sale = Sale::open(shop(), 9, &rules());
    let ann = Shopper::admitted(&sale);
    let answer = ann.reserve_request("bad").json(&json!([1])).send();
    assert_eq!((answer.status, sale.counts()), (422, (9, 0, 0)), "{}", answer.text());
    let path = sale.admin_path("/phase");
    let answer = shop().admin("POST", &path).json(&json!(["closed"])).send();
    assert_eq!((answer.status, sale.state().phase.as_str()), (422, "open"), "{}", answer.text());
}

fn json_rows(ann: &Shopper<'_>) -> Vec<Row> {
    let deep = format!("{{\"quantity\":{}", "[".repeat(20_000));
    let malformed = [
        "",
        " ",
        "{",
        "{\"quantity\":",
        "{\"quantity\":1",
        "{\"quantity\":1}}",
        "{\"quantity\":1} 1",
        "{\"quantity\":01}",
        "{quantity:1}",
        "{\"quantity\":1}\0",
        "\0",
        "{\"quantity\":NaN}",
    ];
    let invalid = [
        "{}",
        "null",
        "1",
        "\"1\"",
        "[]",
        "{\"quantity\":null}",
        "{\"quantity\":0}",
        "{\"quantity\":-1}",
        "{\"quantity\":1.5}",
        "{\"quantity\":1.0}",
        "{\"quantity\":1e0}",
        "{\"quantity\":4294967296}",
        "{\"quantity\":9007199254740993}",
        "{\"quantity\":18446744073709551617}",
        "{\"quantity\":\"1\"}",
        "{\"quantity\":true}",
        "{\"quantity\":[1]}",
        "{\"quantity\":1,\"quantity\":2}",
        "{\"quantity\":1,\"price\":1}",
        "{\"quantity\":1,\"unit_price\":{\"minor\":1,\"currency\":\"EUR\"}}",
        "{\"quantity\":1,\"amount\":1}",
        "{\"quantity\":1,\"__proto__\":{}}",
        "{\"Quantity\":1}",
        &deep,
    ];
    let mut rows = Vec::new();
    for (kind, bodies) in [(Kind::BodyMalformed, &malformed[..]), (Kind::BodyInvalid, &invalid)] {
        for body in bodies {
            let request = ann.reserve_request("bad").body("application/json", *body);
            rows.push((format!("{body:.60}"), request, kind));
        }
    }
    let latin1 = b"{\"quantity\":1,\"\xe9\":1}".to_vec();
    let request = ann.reserve_request("bad").body("application/json", latin1);
    rows.push(("not UTF-8".to_owned(), request, Kind::BodyMalformed));
    rows
}

fn body_rows(ann: &Shopper<'_>) -> Vec<Row> {
    let ask = |media_type: &str, body: String| ann.reserve_request("bad").body(media_type, body);
    let sized = |len: usize| format!("{{\"quantity\":0{}}}", " ".repeat(len - 14));
    let json = "application/json";
    let one = "{\"quantity\":1}".to_owned();
    let rows = [
        ("no type", ask(json, one.clone()).without("content-type"), Kind::UnsupportedMediaType),
        ("text", ask("text/plain", one.clone()), Kind::UnsupportedMediaType),
        ("a form", ask("application/x-www-form-urlencoded", one), Kind::UnsupportedMediaType),
        ("above the limit per shopper", ask(json, "{\"quantity\":3}".into()), Kind::PerShopperMax),
        ("just not too large", ask(json, sized(JSON_LEN_MAX)), Kind::BodyInvalid),
        ("the same in chunks", ask(json, sized(JSON_LEN_MAX)).chunked(), Kind::BodyInvalid),
        ("too large", ask(json, sized(JSON_LEN_MAX + 1)), Kind::BodyTooLarge),
        ("too large in chunks", ask(json, sized(JSON_LEN_MAX + 1)).chunked(), Kind::BodyTooLarge),
    ];
    named(rows)
}

fn key_rows(ann: &Shopper<'_>) -> Vec<Row> {
    let ask = |key: &str| ann.reserve_request(key).json(&json!({ "quantity": 1 }));
    let rows = [
        ("no key", ask("k").without("idempotency-key"), Kind::IdempotencyKeyMissing),
        ("an empty key", ask(""), Kind::IdempotencyKeyMissing),
        ("two keys", ask("a").header("idempotency-key", "b"), Kind::IdempotencyKeyInvalid),
        (
            "the same key twice",
            ask("a").header("idempotency-key", "a"),
            Kind::IdempotencyKeyInvalid,
        ),
        ("a long key", ask(&"k".repeat(65)), Kind::IdempotencyKeyInvalid),
        ("a key with a space", ask("a b"), Kind::IdempotencyKeyInvalid),
        ("a key with a letter beyond ASCII", ask("sch\u{f6}n"), Kind::IdempotencyKeyInvalid),
        ("an empty string as key", ask("\"\""), Kind::IdempotencyKeyInvalid),
    ];
    named(rows)
}

/// The same text with another character at a place.
fn changed(text: &str, at: usize) -> String {
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

/// One change in each of the three parts of a sealed text.
fn forgeries(text: &str) -> Vec<String> {
    let ends: Vec<usize> = text.match_indices('.').map(|(at, _)| at).collect();
    [ends[0] / 2, ends[0].midpoint(ends[1]), ends[1] + 5].map(|at| changed(text, at)).into()
}

fn sealed_rows(sale: &Sale<'_>, ann: &Shopper<'_>, elsewhere: &Shopper<'_>) -> Vec<Row> {
    let (ticket, pass) = (ann.ticket.clone().unwrap(), ann.pass.clone().unwrap());
    let (issued_at, expires_at) = (Timestamp::from_millis(0), now());
    let (id, shopper) = (sale.id.parse().unwrap(), ann.id());
    let commitment = [0; 16];
    let late = Ticket { sale: id, shopper, number: 1, commitment, issued_at, expires_at };
    let late_ticket = shop().keyring().seal(&late);
    let Ticket { sale: id, shopper, number, issued_at, expires_at, .. } = late;
    let late = Pass { sale: id, shopper, number, position: 1, issued_at, expires_at };
    let late_pass = shop().keyring().seal(&late);

    let reserve = |pass: &str| {
        let request = ann.reserve_request("bad").json(&json!({ "quantity": 1 }));
        request.without("doorbuster-pass").header("doorbuster-pass", pass)
    };
    let poll = |ticket: &str| {
        let request = ann.request("GET", &sale.path("/turn")).without("doorbuster-ticket");
        request.header("doorbuster-ticket", ticket)
    };
    let mut rows = Vec::new();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", pass.split('.').nth(1).unwrap());
    let foreign = [ticket.clone(), elsewhere.pass.clone().unwrap(), unsigned, "x".to_owned()];
    for text in forgeries(&pass).into_iter().chain(foreign) {
        rows.push((format!("the pass {text}"), reserve(&text), Kind::PassInvalid));
    }
    let foreign = [pass, elsewhere.ticket.clone().unwrap(), "..".to_owned(), "x".repeat(9_000)];
    for text in forgeries(&ticket).into_iter().chain(foreign) {
        rows.push((format!("the ticket {text:.300}"), poll(&text), Kind::TicketInvalid));
    }
    let unknown = |request: Request| request.without("doorbuster-shopper");
    let rest = [
        ("an expired pass", reserve(&late_pass), Kind::PassExpired),
        ("an expired ticket", poll(&late_ticket), Kind::TicketExpired),
        ("no pass", reserve("x").without("doorbuster-pass"), Kind::PassRequired),
        ("no ticket", poll("x").without("doorbuster-ticket"), Kind::TicketRequired),
        ("nobody's pass", unknown(reserve("x")), Kind::ShopperUnknown),
        ("nobody's ticket", unknown(poll("x")), Kind::TicketInvalid),
        (
            "neither a ticket nor a secret",
            unknown(poll("x")).without("doorbuster-ticket"),
            Kind::ShopperUnknown,
        ),
        (
            "a short secret",
            unknown(poll("x")).header("doorbuster-shopper", "short"),
            Kind::ShopperSecretInvalid,
        ),
    ];
    rows.extend(named(rest));
    rows
}

fn address_rows(sale: &Sale<'_>, ann: &Shopper<'_>) -> Vec<Row> {
    let long = "s".repeat(65);
    let mut rows = Vec::new();
    for path in ["/v1", "/v1/", "/v1/nothing", "/v1/admin/nothing", "/v1//catalog", "/sandbox/x"] {
        rows.push((path.to_owned(), shop().request("GET", path), Kind::NotFound));
    }
    for name in ["nothing", "%00", "a%2fb", &long, "dr%C3%B6p"] {
        let path = format!("/v1/sales/{name}");
        rows.push((path.clone(), shop().request("GET", &path), Kind::SaleNotFound));
        let path = sale.path(&format!("/skus/{name}/reservations"));
        let request = ann.request("POST", &path).header("idempotency-key", "bad");
        let request = request.json(&json!({ "quantity": 1 }));
        rows.push((path, request, Kind::SkuNotFound));
        let path = sale.sku_path(&format!("/reservations/{name}"));
        rows.push((path.clone(), ann.request("GET", &path), Kind::ReservationNotFound));
        let path = sale.sku_path(&format!("/orders/{name}"));
        rows.push((path.clone(), ann.request("GET", &path), Kind::OrderNotFound));
        let path = format!("/v1/catalog/products/{name}");
        rows.push((path.clone(), shop().request("GET", &path), Kind::ProductNotFound));
    }
    let wrong = ["PATCH", "OPTIONS", "PURGE", "GET"].map(|method| {
        let path = sale.sku_path("/reservations");
        (format!("{method} {path}"), ann.request(method, &path), Kind::MethodNotAllowed)
    });
    rows.extend(wrong);
    rows
}

fn merchant_rows(sale: &Sale<'_>) -> Vec<Row> {
    let admin = |method: &str, rest: &str| shop().admin(method, &sale.admin_path(rest));
    let sku = |rest: &str| format!("/skus/{SKU}/{rest}");
    let adjust =
        |body| admin("POST", &sku("adjustments")).header("idempotency-key", "a").json(&body);
    let phase = |phase: &str| admin("POST", "/phase").json(&json!({ "phase": phase }));
    let stock = |body: Value| admin("PUT", &sku("stock")).json(&body);
    let reason = "x".repeat(201);
    let keyless = adjust(json!({ "units": 1, "reason": "x" })).without("idempotency-key");
    let rows = [
        ("back to draft", phase("draft"), Kind::BodyInvalid),
        ("no phase there is", phase("Open"), Kind::BodyInvalid),
        ("negative stock", stock(json!({ "on_hand": -1 })), Kind::BodyInvalid),
        ("too much stock", stock(json!({ "on_hand": 4_294_967_296_u64 })), Kind::BodyInvalid),
        ("no units", adjust(json!({ "units": 0, "reason": "x" })), Kind::BodyInvalid),
        ("half a unit", adjust(json!({ "units": 0.5, "reason": "x" })), Kind::BodyInvalid),
        ("many units", adjust(json!({ "units": i64::MIN, "reason": "x" })), Kind::BodyInvalid),
        ("no reason", adjust(json!({ "units": 1, "reason": "" })), Kind::BodyInvalid),
        ("a long reason", adjust(json!({ "units": 1, "reason": reason })), Kind::BodyInvalid),
        ("an adjustment without a key", keyless, Kind::IdempotencyKeyMissing),
        ("a journal after x", admin("GET", &sku("journal?after=x")), Kind::QueryInvalid),
        (
            "a journal of nothing",
            shop().admin("GET", "/v1/admin/sales/nil/skus/none/journal"),
            Kind::SaleNotFound,
        ),
        ("a journal after -1", admin("GET", &sku("journal?after=-1")), Kind::QueryInvalid),
        ("orders of no sale", shop().admin("GET", "/v1/admin/orders"), Kind::QueryInvalid),
    ];
    let mut rows = named(rows);
    let good = serde_json::to_value(rules()).unwrap();
    let changes = [
        ("title", json!("")),
        ("title", json!("x".repeat(201))),
        ("skus", json!([])),
        ("skus", json!(["NOTHING"])),
        ("skus", json!([SKU, SKU])),
        ("skus", json!(["a b"])),
        ("admits_per_minute_max", json!(0)),
        ("per_shopper_max", json!(1_001)),
        ("pass_ttl_ms", json!(0)),
        ("reservation_ttl_ms", json!(1_200_001)),
        ("payment_window_ms", json!(86_400_001)),
        ("price", json!(1)),
    ];
    for (field, value) in changes {
        let mut body = good.clone();
        body[field] = value.clone();
        let request = shop().admin("PUT", "/v1/admin/sales/bad").json(&body);
        rows.push((format!("a sale with {field} {value:.40}"), request, Kind::BodyInvalid));
    }
    rows
}

fn payment_rows(ann: &Shopper<'_>, page: &str) -> Vec<Row> {
    let link = page.rsplit('/').next().unwrap();
    let mut rows = Vec::new();
    for forged in forgeries(link).into_iter().chain([ann.pass.clone().unwrap()]) {
        let path = format!("/sandbox/payments/{forged}");
        rows.push((
            format!("the page {path}"),
            ann.request("GET", &path),
            Kind::PaymentLinkInvalid,
        ));
    }
    let form = "application/x-www-form-urlencoded";
    let pay = |media_type: &str, body: &str| ann.request("POST", page).body(media_type, body);
    let body = json!({ "type": "payment.completed", "link": link }).to_string();
    let report = |body: &str, signature: &str| {
        let request = shop().request("POST", "/v1/webhooks/sandbox");
        let request = request.header("doorbuster-signature", signature);
        request.body("application/json", body)
    };
    let sign = |at: Timestamp, body: &str| shop().keyring().sign_webhook(at, body.as_bytes());
    let good = sign(now(), &body);
    let old = Timestamp::from_millis(now().as_millis() - 301_000);
    let early = now().plus(Millis::from_secs(310));
    let large = "x".repeat(16 * 1024 + 1);
    let rest = [
        ("no outcome there is", pay(form, "outcome=gift"), Kind::BodyInvalid),
        ("an outcome as JSON", pay("application/json", "{}"), Kind::UnsupportedMediaType),
        ("no signature", report(&body, ""), Kind::WebhookInvalid),
        ("a wrong signature", report(&body, &changed(&good, good.len() - 3)), Kind::WebhookInvalid),
        (
            "another body",
            report(&body.replace("completed", "declined"), &good),
            Kind::WebhookInvalid,
        ),
        ("an old report", report(&body, &sign(old, &body)), Kind::WebhookInvalid),
        ("a report of tomorrow", report(&body, &sign(early, &body)), Kind::WebhookInvalid),
        ("no report", report("[]", &sign(now(), "[]")), Kind::WebhookInvalid),
        ("a large report", report(&large, &sign(now(), &large)), Kind::BodyTooLarge),
    ];
    rows.extend(named(rest));
    rows
}

fn named<const N: usize>(rows: [(&str, Request, Kind); N]) -> Vec<Row> {
    rows.map(|(what, request, kind)| (what.to_owned(), request, kind)).into()
}
