//! What the line and the merchant's controls of it do not take.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbuster_domain::line::BeaconRound;
use doorbuster_domain::sealed::{Keyring, Ticket};
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_tests::{Request, Sale, Shop, Shopper, fifo, now, rules};
use doorbuster_wire::merchant::{SaleRequest, SaleState};
use doorbuster_wire::problem::ProblemKind as Kind;
use doorbuster_wire::shopper::{Beacon, TurnReply};
use serde_json::{Value, json};
use xtask::bundle::Build;

use super::{Row, mistaken, named};
use crate::shop;

/// An opening that no test lives to see.
fn in_an_hour() -> Timestamp {
    now().plus(Millis::from_secs(3_600))
}

/// A round that comes out at about this moment.
fn round_at(at: Timestamp) -> Beacon {
    let round = at.since(BeaconRound::GENESIS).get() / BeaconRound::PERIOD.get();
    Beacon { chain: BeaconRound::CHAIN.to_owned(), round }
}

fn with_beacon(beacon: Beacon) -> SaleRequest {
    SaleRequest { beacon: Some(beacon), ..fifo() }
}

/// Sales in which nothing is to happen.
struct Sales<'s> {
    open: Sale<'s>,
    draft: Sale<'s>,
    gathering: Sale<'s>,
    closed: Sale<'s>,
    rejecting: Sale<'s>,
}

impl Sales<'_> {
    fn new() -> Self {
        let closed = Sale::open(shop(), 9, &rules());
        closed.set_phase("closed").ok::<SaleState>();
        let two_hours = in_an_hour().plus(Millis::from_secs(3_600));
        let beaconed = with_beacon(round_at(two_hours));
        let gathering = Sale::opening_at(shop(), 9, &beaconed, in_an_hour());
        let told = json!({ "signature": "ab".repeat(48) });
        gathering.put("/beacon", &told).ok::<SaleState>();
        Self {
            open: Sale::open(shop(), 9, &rules()),
            draft: Sale::draft(shop(), 9, &fifo()),
            gathering,
            closed,
            rejecting: Sale::open(shop(), 9, &SaleRequest { order: "reject".into(), ..fifo() }),
        }
    }

    /// All that a merchant or a shopper could have changed of them.
    fn look(&self) -> Vec<Value> {
        let all = [&self.open, &self.draft, &self.gathering, &self.closed, &self.rejecting];
        let look = |sale: &Sale<'_>| {
            let state = sale.state();
            let line = serde_json::to_value(&state.line).unwrap();
            let of_line = [
                "handed_out",
                "entries",
                "admits_per_minute_max",
                "active_users_max",
                "message",
                "prequeue_at_ms",
                "opens_at_ms",
                "bypasses",
            ];
            let line: Vec<_> = of_line.into_iter().map(|field| line[field].clone()).collect();
            let draw: Value = sale.draw().ok();
            json!([state.phase, line, state.skus, draw])
        };
        all.into_iter().map(look).collect()
    }
}

#[test]
fn what_the_line_does_not_take_is_refused_by_name_and_changes_nothing() {
    let sales = Sales::new();
    let ann = Shopper::admitted(&sales.open);
    let before = sales.look();
    let rows = [
        ticket_rows(&ann, &sales.open),
        join_rows(&sales),
        schedule_rows(&sales),
        limit_rows(&sales.open),
        rule_rows(),
        beacon_rows(&sales),
        bypass_rows(&sales.open),
        text_rows(&sales.open),
    ];
    let wrong: Vec<String> = rows.into_iter().flatten().filter_map(mistaken).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(sales.look(), before);
    let never = shop().admin("GET", "/v1/admin/sales/never").send();
    assert_eq!(never.problem(), Kind::SaleNotFound, "a refused sale is there");
}

/// A sealed text with another header, other claims, or both, under the signature it had.
fn retold(text: &str, header: impl Fn(&mut Value), claims: impl Fn(&mut Value)) -> String {
    let mut parts = text.split('.');
    let mut changed = |change: &dyn Fn(&mut Value)| {
        let bytes = URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        let mut value: Value = serde_json::from_slice(&bytes).unwrap();
        change(&mut value);
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&value).unwrap())
    };
    let (header, claims) = (changed(&header), changed(&claims));
    format!("{header}.{claims}.{}", parts.next().unwrap())
}

fn ticket_rows(ann: &Shopper<'_>, sale: &Sale<'_>) -> Vec<Row> {
    let good = ann.ticket.clone().unwrap();
    let sale_id = sale.id.parse().unwrap();
    let (issued_at, expires_at) = (now(), in_an_hour());
    let claims = Ticket {
        sale: sale_id,
        shopper: ann.id(),
        number: 1,
        commitment: [0; 16],
        issued_at,
        expires_at,
    };
    let elsewhere = Keyring::new(b"another environment's secret of 32 bytes", None).unwrap();
    let other_sale = Ticket { sale: "elsewhere".parse().unwrap(), ..claims.clone() };
    let (as_it_is, no_change) = (|_: &mut Value| (), |_: &mut Value| ());
    let alg = |alg: &'static str| move |header: &mut Value| header["alg"] = json!(alg);
    let texts = [
        ("of another environment", elsewhere.seal(&claims)),
        ("of another sale", shop().keyring().seal(&other_sale)),
        ("with another number", retold(&good, as_it_is, |claims| claims["num"] = json!(1))),
        ("with another shopper", retold(&good, as_it_is, |claims| claims["sub"] = json!("shp_x"))),
        ("that is not signed", retold(&good, alg("none"), no_change)),
        ("that is not signed and says so", {
            let unsigned = retold(&good, alg("none"), no_change);
            format!("{}.", unsigned.rsplit_once('.').unwrap().0)
        }),
        ("with an unknown algorithm", retold(&good, alg("XX999"), no_change)),
        ("with a weaker algorithm", retold(&good, alg("HS1"), no_change)),
        ("with a header more", retold(&good, |header| header["crit"] = json!(["x"]), no_change)),
        ("that is too long", format!("{good}{}", "A".repeat(1_024))),
        ("that is very long", "x.".repeat(4_000)),
    ];
    let mut rows = Vec::new();
    for (what, text) in texts {
        for (method, path) in [("GET", "/turn"), ("POST", "/tickets"), ("DELETE", "/turn")] {
            let request = ann.request(method, &sale.path(path)).without("doorbuster-ticket");
            let request = request.header("doorbuster-ticket", text.as_str());
            rows.push((format!("{method} with a ticket {what}"), request, Kind::TicketInvalid));
        }
    }
    rows
}

fn join_rows(sales: &Sales<'_>) -> Vec<Row> {
    let join = |sale: &Sale<'_>| Shopper::new(sale).request("POST", &sale.path("/tickets"));
    named([
        ("a place in an unknown sale", join(&Sale::unborn(shop())), Kind::SaleNotFound),
        ("a place in a draft", join(&sales.draft), Kind::SaleNotOpen),
        ("a place in a closed sale", join(&sales.closed), Kind::SaleClosed),
        ("a place in a line that rejects", join(&sales.rejecting), Kind::LineRejects),
    ])
}

fn put(sale: &Sale<'_>, rest: &str, body: &Value) -> Request {
    shop().admin("PUT", &sale.admin_path(rest)).json(body)
}

fn schedule_rows(sales: &Sales<'_>) -> Vec<Row> {
    let (ago, soon) = (now().as_millis() - 1, in_an_hour().as_millis());
    let bodies = [
        json!({ "opens_at_ms": ago }),
        json!({ "opens_at_ms": 0 }),
        json!({ "opens_at_ms": -1 }),
        json!({ "opens_at_ms": 1.5 }),
        json!({ "opens_at_ms": "2026-11-24T12:00:00Z" }),
        json!({ "opens_at_ms": u64::MAX }),
        json!({ "opens_at_ms": soon * 1_000 }),
        json!({ "opens_at_ms": soon, "prequeue_at_ms": soon + 1 }),
        json!({ "opens_at_ms": soon, "prequeue_at_ms": -1 }),
        json!({ "prequeue_at_ms": soon }),
        json!({ "opens_at_ms": soon, "opens_at": soon }),
        json!({}),
    ];
    let row = |body: &Value| {
        let request = put(&sales.draft, "/schedule", body);
        (format!("the schedule {body}"), request, Kind::BodyInvalid)
    };
    let mut rows: Vec<Row> = bodies.iter().map(row).collect();
    let good = json!({ "opens_at_ms": soon });
    let after_the_beacon = json!({ "opens_at_ms": soon + 7_200_000 });
    let unknown = Sale::unborn(shop());
    rows.extend(named([
        ("a schedule of an open sale", put(&sales.open, "/schedule", &good), Kind::OpeningPast),
        ("a schedule of a closed sale", put(&sales.closed, "/schedule", &good), Kind::OpeningPast),
        ("a schedule of no sale", put(&unknown, "/schedule", &good), Kind::SaleNotFound),
        (
            "an opening after the beacon's round",
            put(&sales.gathering, "/schedule", &after_the_beacon),
            Kind::BeaconOut,
        ),
    ]));
    rows
}

fn limit_rows(open: &Sale<'_>) -> Vec<Row> {
    let wrong = [
        json!(0),
        json!(-1),
        json!(10_000_001),
        json!(4_294_967_296_u64),
        json!(1.5),
        json!("many"),
        json!([1]),
        json!(true),
    ];
    let mut rows = Vec::new();
    for field in ["admits_per_minute_max", "active_users_max"] {
        for value in &wrong {
            let body = json!({ field: value });
            rows.push((format!("{body}"), put(open, "/limits", &body), Kind::BodyInvalid));
        }
    }
    let both = json!({ "admits_per_minute_max": 5, "active_users_max": 0 });
    let other = json!({ "admits_per_minute_max": 5, "per_minute": 1 });
    rows.extend(named([
        ("one limit of two", put(open, "/limits", &both), Kind::BodyInvalid),
        ("an unknown limit", put(open, "/limits", &other), Kind::BodyInvalid),
        (
            "limits of no sale",
            put(&Sale::unborn(shop()), "/limits", &json!({ "active_users_max": 5 })),
            Kind::SaleNotFound,
        ),
    ]));
    rows
}

fn rule_rows() -> Vec<Row> {
    let good = serde_json::to_value(fifo()).unwrap();
    let chain = BeaconRound::CHAIN;
    let changes = [
        json!({ "order": "lifo" }),
        json!({ "order": "FIFO" }),
        json!({ "order": "" }),
        json!({ "order": 1 }),
        json!({ "order": "random" }),
        json!({ "order": "random", "draw_window_ms": 999 }),
        json!({ "order": "random", "draw_window_ms": 3_600_001 }),
        json!({ "draw_window_ms": 3_600_001 }),
        json!({ "draw_window_ms": -1 }),
        json!({ "places_per_client": 0 }),
        json!({ "places_per_client": 10_000_001 }),
        json!({ "active_users_max": 0 }),
        json!({ "beacon": { "chain": "5".repeat(64), "round": 90_000_000 } }),
        json!({ "beacon": { "chain": "", "round": 90_000_000 } }),
        json!({ "beacon": { "chain": chain, "round": 0 } }),
        json!({ "beacon": { "chain": chain, "round": -1 } }),
        json!({ "beacon": { "chain": chain } }),
        json!({ "beacon": { "chain": chain, "round": 90_000_000, "signature": "ab" } }),
        json!({ "beacon": "quicknet" }),
    ];
    let create = |change: &Value| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        shop().admin("PUT", "/v1/admin/sales/never").json(&body)
    };
    let row = |change: &Value| (format!("a sale with {change}"), create(change), Kind::BodyInvalid);
    let mut rows: Vec<Row> = changes.iter().map(row).collect();
    for round in [1, round_at(now()).round] {
        let out = json!({ "beacon": { "chain": chain, "round": round } });
        rows.push((format!("round {round}, which is out"), create(&out), Kind::BeaconOut));
    }
    rows
}

fn beacon_rows(sales: &Sales<'_>) -> Vec<Row> {
    let good = "ab".repeat(48);
    let tell = |sale: &Sale<'_>, body: &Value| put(sale, "/beacon", body);
    let malformed = [
        json!({ "signature": "" }),
        json!({ "signature": "ab" }),
        json!({ "signature": "ab".repeat(47) }),
        json!({ "signature": "ab".repeat(96) }),
        json!({ "signature": "AB".repeat(48) }),
        json!({ "signature": "xy".repeat(48) }),
        json!({ "signature": 1 }),
        json!({ "round": 1, "signature": good }),
        json!({}),
    ];
    let row = |body: &Value| {
        (format!("the beacon {body:.40}"), tell(&sales.gathering, body), Kind::BodyInvalid)
    };
    let mut rows: Vec<Row> = malformed.iter().map(row).collect();
    let other = json!({ "signature": "cd".repeat(48) });
    let good = json!({ "signature": good });
    rows.extend(named([
        ("another signature", tell(&sales.gathering, &other), Kind::BeaconToldBefore),
        ("a beacon nobody named", tell(&sales.draft, &good), Kind::NoBeacon),
        ("a beacon of no sale", tell(&Sale::unborn(shop()), &good), Kind::SaleNotFound),
    ]));
    rows
}

fn bypass_rows(open: &Sale<'_>) -> Vec<Row> {
    let (ago, later) = (now().as_millis() - 1, in_an_hour().as_millis());
    let make = |name: &str, body: &Value| put(open, &format!("/bypasses/{name}"), body);
    let good = json!({ "uses_max": 1, "expires_at_ms": later });
    let bodies = [
        json!({ "uses_max": 0, "expires_at_ms": later }),
        json!({ "uses_max": 1_001, "expires_at_ms": later }),
        json!({ "uses_max": -1, "expires_at_ms": later }),
        json!({ "uses_max": "1", "expires_at_ms": later }),
        json!({ "uses_max": 1, "expires_at_ms": ago }),
        json!({ "uses_max": 1, "expires_at_ms": 0 }),
        json!({ "uses_max": 1, "expires_at_ms": -1 }),
        json!({ "uses_max": 1 }),
        json!({ "expires_at_ms": later }),
        json!({ "uses_max": 1, "expires_at_ms": later, "sale": "other" }),
    ];
    let row = |body: &Value| (format!("the bypass {body}"), make("x", body), Kind::BodyInvalid);
    let mut rows: Vec<Row> = bodies.iter().map(row).collect();
    for name in ["a%20b", "%00", "dr%C3%B6p", "a%2fb", &"n".repeat(65)] {
        rows.push((format!("a bypass named {name}"), make(name, &good), Kind::BodyInvalid));
    }
    rows.extend(named([
        ("a bypass without a name", make("", &good), Kind::NotFound),
        (
            "a bypass of no sale",
            put(&Sale::unborn(shop()), "/bypasses/x", &good),
            Kind::SaleNotFound,
        ),
    ]));
    rows
}

fn text_rows(open: &Sale<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    let wrong = [
        json!("x".repeat(501)),
        json!("\u{1f6cd}".repeat(501)),
        json!("ding\u{7}"),
        json!("a\tb"),
        json!("a\r\nb"),
        json!("\0"),
        json!("a\u{7f}"),
        json!("a\u{85}b"),
        json!(1),
        json!(["x"]),
    ];
    for text in wrong {
        let body = json!({ "message": text });
        let request = put(open, "/message", &body);
        rows.push((format!("the message {body:.40}"), request, Kind::BodyInvalid));
        let body = json!({ "phase": "paused", "why": text });
        let request = shop().admin("POST", &open.admin_path("/phase")).json(&body);
        rows.push((format!("a pause with {body:.60}"), request, Kind::BodyInvalid));
    }
    let none = put(open, "/message", &json!({}));
    rows.extend(named([("no message", none, Kind::BodyInvalid)]));
    rows
}

#[test]
fn after_a_rotation_tickets_of_the_secret_before_hold_and_of_others_do_not() {
    let mut shop = Shop::start("edge-rotated", Build::Release);
    let poll = |shop: &Shop, id: &str, secret: &str, ticket: &str| {
        let request = shop.request("GET", &format!("/v1/sales/{id}/turn"));
        request.header("doorbuster-shopper", secret).header("doorbuster-ticket", ticket).send()
    };
    let secret = "a-shopper-who-waits-for-long";
    let (id, ticket) = {
        let sale = Sale::open(&shop, 9, &fifo());
        let joined = shop.request("POST", &sale.path("/tickets"));
        let joined = joined.header("doorbuster-shopper", secret).send();
        (sale.id, joined.ok::<doorbuster_wire::shopper::TicketReply>())
    };
    let before = shop.secrets().secret.clone();
    shop.redeploy("DOORBUSTER_SECRET", "the secret of the next season, 32 bytes");
    let refused = poll(&shop, &id, secret, &ticket.ticket);
    assert_eq!(refused.problem(), Kind::TicketInvalid);
    shop.redeploy("DOORBUSTER_SECRET_PREVIOUS", &before);
    let turn: TurnReply = poll(&shop, &id, secret, &ticket.ticket).ok();
    assert_eq!(turn.position, Some(ticket.number));
    // What is sealed from now on is sealed with the new one.
    let again = shop.request("POST", &format!("/v1/sales/{id}/tickets"));
    let again = again.header("doorbuster-shopper", secret);
    let again = again.header("doorbuster-ticket", ticket.ticket.as_str()).send();
    let again: doorbuster_wire::shopper::TicketReply = again.ok();
    assert_eq!(again.number, ticket.number);
    shop.redeploy("DOORBUSTER_SECRET_PREVIOUS", "");
    poll(&shop, &id, secret, &again.ticket).ok::<TurnReply>();
    assert_eq!(poll(&shop, &id, secret, &ticket.ticket).problem(), Kind::TicketInvalid);
}
