//! What stands in Stripe's place, as far as its reference says how it behaves: the remote side of
//! the shop's calls and nothing more.
//!
//! It is stricter than it has to be: a field that it does not know is refused, as Stripe does.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use doorbuster_domain::sealed::WebhookKey;
use serde_json::{Value, json};

use crate::receiver::{Received, listen, read};

/// The key of the account.
pub const STRIPE_KEY: &str = "sk_test_the-secret-of-an-account-that-is-not-there";
/// The secret of its webhook endpoint.
pub const STRIPE_WEBHOOK_SECRET: &str = "whsec_the-secret-of-an-endpoint-that-is-not-there";

/// How it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Up,
    /// It closes connections and does nothing.
    Down,
    /// It answers with this status, and does nothing.
    Failing(u16),
    /// It does what it is asked, but once nobody hears the answer.
    LosesOneAnswer,
}

/// Something in Stripe's place.
#[derive(Debug)]
pub struct StripeApi {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    health: Health,
    base: String,
    sessions: Vec<Value>,
    /// How much of each payment went back.
    refunded: BTreeMap<String, u64>,
    /// What was answered to a key: the request, status and body.
    by_key: BTreeMap<String, (String, u16, Value)>,
    received: Vec<Received>,
}

type Said = (u16, Value);

impl StripeApi {
    /// One that is up.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            health: Health::Up,
            base: format!("http://127.0.0.1:{port}"),
            sessions: Vec::new(),
            refunded: BTreeMap::new(),
            by_key: BTreeMap::new(),
            received: Vec::new(),
        }));
        listen(listener, Arc::clone(&state), serve);
        Self { port, state }
    }

    /// What the shop has to be told about it.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PAYMENTS", "stripe".to_owned()),
            ("STRIPE_API", format!("http://127.0.0.1:{}", self.port)),
            ("STRIPE_SECRET_KEY", STRIPE_KEY.to_owned()),
            ("STRIPE_WEBHOOK_SECRET", STRIPE_WEBHOOK_SECRET.to_owned()),
            ("PUBLIC_ORIGIN", "https://shop.example.com".to_owned()),
        ]
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on it does like this.
    pub fn is(&self, health: Health) {
        self.state().health = health;
    }

    /// All that it was asked about a payment or its session, first to last.
    pub fn asked(&self, payment: &str) -> Vec<Received> {
        let state = self.state();
        let session = state.find("client_reference_id", payment).map(|found| text(found, "id"));
        let is_of = |asked: &&Received| {
            asked.body.contains(payment)
                || session.as_ref().is_some_and(|id| asked.path.contains(id.as_str()))
        };
        state.received.iter().filter(is_of).cloned().collect()
    }

    /// The session of this page, as it stands.
    pub fn session(&self, page: &str) -> Value {
        self.state().find("page", page).unwrap().clone()
    }

    /// How many sessions there are for a payment.
    pub fn sessions_of(&self, payment: &str) -> usize {
        let state = self.state();
        state.sessions.iter().filter(|one| text(one, "client_reference_id") == payment).count()
    }

    /// Stripe takes another sum than it was asked to.
    pub fn is_worth(&self, page: &str, number: u64) {
        let mut state = self.state();
        let session = state.sessions.iter_mut().find(|one| text(one, "page") == page).unwrap();
        session["amount_total"] = json!(number);
    }

    /// The shopper pays on the page; what Stripe then reports.
    pub fn pay(&self, page: &str) -> Value {
        self.complete(page, "paid");
        self.event("completed", page)
    }

    /// The shopper is done on the page, and their bank will see.
    pub fn complete(&self, page: &str, payment_status: &str) {
        let mut state = self.state();
        let session = state.sessions.iter_mut().find(|one| text(one, "page") == page).unwrap();
        assert_eq!(session["status"], "open", "the page cannot be paid on");
        session["status"] = json!("complete");
        session["payment_status"] = json!(payment_status);
        session["url"] = Value::Null;
        session["payment_intent"] = json!(text(session, "id").replace("cs_", "pi_"));
    }

    /// The bank has seen.
    pub fn settle(&self, page: &str) {
        let mut state = self.state();
        let session = state.sessions.iter_mut().find(|one| text(one, "page") == page).unwrap();
        session["payment_status"] = json!("paid");
    }

    /// An event about the session of this page, as it stands.
    pub fn event(&self, what: &str, page: &str) -> Value {
        event(what, &self.session(page))
    }

    /// How much of the payment of this page was given back.
    pub fn refunded(&self, page: &str) -> u64 {
        let intent = text(&self.session(page), "payment_intent");
        self.state().refunded.get(&intent).copied().unwrap_or_default()
    }

    /// Whether all of the payment of this page was given back.
    pub fn is_refunded(&self, page: &str) -> bool {
        let total = self.session(page).get("amount_total").and_then(Value::as_u64);
        Some(self.refunded(page)) == total
    }
}

/// An event about a session.
pub fn event(what: &str, session: &Value) -> Value {
    json!({
        "id": "evt_test_1", "object": "event", "api_version": "2026-10-28.endive",
        "type": format!("checkout.session.{what}"), "livemode": false,
        "data": { "object": session },
    })
}

/// The header that Stripe signs a body with now.
pub fn stripe_signature(body: &str) -> String {
    WebhookKey::new(STRIPE_WEBHOOK_SECRET.as_bytes()).unwrap().sign(crate::now(), body.as_bytes())
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

impl State {
    fn find(&self, name: &str, value: &str) -> Option<&Value> {
        self.sessions.iter().find(|one| text(one, name) == value)
    }

    fn answer(&mut self, asked: &Received) -> Said {
        if asked.header("authorization") != format!("Bearer {STRIPE_KEY}") {
            return (401, json!({ "error": { "type": "invalid_request_error" } }));
        }
        let key = asked.header("idempotency-key").to_owned();
        let request = format!("{} {}\n{}", asked.method, asked.path, asked.body);
        if let Some((known, status, body)) = self.by_key.get(&key).filter(|_| !key.is_empty()) {
            let wrong = || refused("idempotency_error", "", "");
            return if *known == request { (*status, body.clone()) } else { wrong() };
        }
        let said = self.act(asked);
        // What fails its validation is not remembered.
        if said.0 < 400 && !key.is_empty() {
            self.by_key.insert(key, (request, said.0, said.1.clone()));
        }
        said
    }

    fn act(&mut self, asked: &Received) -> Said {
        let missing = || (404, refused("invalid_request_error", "resource_missing", "id").1);
        let path: Vec<&str> = asked.path.split('/').skip(1).collect();
        match (asked.method.as_str(), path.as_slice()) {
            ("POST", ["v1", "checkout", "sessions"]) => self.create(&form(&asked.body)),
            ("GET", ["v1", "checkout", "sessions", id]) => {
                self.find("id", id).map_or_else(missing, |found| (200, shown(found)))
            }
            ("POST", ["v1", "checkout", "sessions", id, "expire"]) => {
                assert_eq!(asked.body, "");
                let found = self.sessions.iter_mut().find(|one| text(one, "id") == *id);
                let Some(session) = found else { return missing() };
                if session["status"] != "open" {
                    return refused("invalid_request_error", "", "");
                }
                session["status"] = json!("expired");
                session["url"] = Value::Null;
                (200, shown(session))
            }
            ("POST", ["v1", "refunds"]) => self.refund(&form(&asked.body)),
            _ => missing(),
        }
    }

    fn create(&mut self, form: &BTreeMap<String, String>) -> Said {
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let wrong = |param: &str| refused("invalid_request_error", "", param);
        let line = |name: &str| field(&format!("line_items[0]{name}"));
        let is_more = |name: &str| {
            let rest = name.strip_prefix("line_items[").and_then(|rest| rest.split_once(']'));
            rest.is_some_and(|(place, _)| place.parse::<u8>().is_ok())
        };
        let known = |name: &str| {
            name.starts_with("metadata[")
                || name.starts_with("payment_intent_data[metadata][")
                || is_more(name)
                || ["mode", "client_reference_id", "expires_at", "success_url", "cancel_url"]
                    .contains(&name)
                || name == "adaptive_pricing[enabled]"
        };
        if let Some(unknown) = form.keys().find(|name| !known(name)) {
            return refused("invalid_request_error", "parameter_unknown", unknown);
        }
        let (number, quantity) = (line("[price_data][unit_amount]"), line("[quantity]"));
        let (Ok(number), Ok(quantity)) = (number.parse::<u64>(), quantity.parse::<u64>()) else {
            return wrong("line_items");
        };
        let secs = crate::now().as_secs();
        let open_for = field("expires_at").parse().map_or(0, |at: u64| at.saturating_sub(secs));
        let currency = line("[price_data][currency]");
        if !(30 * 60..=24 * 3600).contains(&open_for) {
            return wrong("expires_at");
        }
        if field("mode") != "payment" || line("[price_data][product_data][name]").is_empty() {
            return wrong("mode");
        }
        if currency.len() != 3 || currency != currency.to_lowercase() {
            return wrong("line_items[0][price_data][currency]");
        }
        let others = form.iter().filter(|(name, _)| {
            name.ends_with("][price_data][unit_amount]") && !name.starts_with("line_items[0]")
        });
        let others: u64 = others.map(|(_, number)| number.parse::<u64>().unwrap()).sum();
        let total = number.checked_mul(quantity).and_then(|n| n.checked_add(others)).unwrap();
        if total < 50 {
            return refused("invalid_request_error", "amount_too_small", "");
        }
        let id = format!("cs_test_{}", self.sessions.len());
        let page = format!("{}/c/pay/{id}#secret", self.base);
        let metadata: BTreeMap<_, _> = form
            .iter()
            .filter_map(|(name, value)| {
                Some((name.strip_prefix("metadata[")?.strip_suffix(']')?, value))
            })
            .collect();
        let session = json!({
            "id": id, "object": "checkout.session", "amount_total": total, "currency": currency,
            "client_reference_id": field("client_reference_id"), "metadata": metadata,
            "mode": "payment", "payment_intent": null, "payment_status": "unpaid",
            "status": "open", "success_url": field("success_url"), "url": page, "page": page,
            "cancel_url": field("cancel_url"), "livemode": false,
        });
        self.sessions.push(session.clone());
        (200, shown(&session))
    }

    fn refund(&mut self, form: &BTreeMap<String, String>) -> Said {
        let intent = form.get("payment_intent").cloned().unwrap_or_default();
        let found = self.find("payment_intent", &intent);
        let Some(found) = found.filter(|found| found["payment_status"] == "paid") else {
            return refused("invalid_request_error", "resource_missing", "payment_intent");
        };
        let total = found["amount_total"].as_u64().unwrap();
        let before = self.refunded.entry(intent.clone()).or_default();
        let left = total.checked_sub(*before).unwrap();
        let amount = form.get("amount").map_or(left, |amount| amount.parse().unwrap());
        if left == 0 {
            return refused("invalid_request_error", "charge_already_refunded", "");
        }
        if amount > left {
            return refused("invalid_request_error", "", "amount");
        }
        *before = before.checked_add(amount).unwrap();
        let id = intent.replace("pi_", "re_");
        (200, json!({ "id": id, "object": "refund", "status": "succeeded" }))
    }
}

/// A session without what only this stand-in knows of it.
fn shown(session: &Value) -> Value {
    let mut shown = session.clone();
    shown.as_object_mut().unwrap().remove("page");
    shown
}

fn refused(kind: &str, code: &str, param: &str) -> Said {
    let message = format!("about {STRIPE_KEY}");
    (400, json!({ "error": { "type": kind, "code": code, "param": param, "message": message } }))
}

/// The fields of a form.
pub fn form(body: &str) -> BTreeMap<String, String> {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(hex, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}

fn serve(mut client: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    while let Some(asked) = read(&mut reader)? {
        let (status, body) = {
            let mut state = state.lock().unwrap();
            state.received.push(asked.clone());
            match state.health {
                Health::Up => state.answer(&asked),
                Health::Down => return Ok(()),
                Health::Failing(status) => (status, json!({ "error": { "type": "api_error" } })),
                Health::LosesOneAnswer => {
                    state.health = Health::Up;
                    state.answer(&asked);
                    return Ok(());
                }
            }
        };
        let (body, request) = (body.to_string(), "request-id: req_1\r\n");
        let length = body.len();
        let head = format!("HTTP/1.1 {status} It\r\n{request}content-length: {length}\r\n\r\n");
        client.write_all(format!("{head}{body}").as_bytes())?;
    }
    Ok(())
}
