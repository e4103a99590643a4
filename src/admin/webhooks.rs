//! The endpoints of the merchant's shop: setting them, their secrets, and what was sent.
//!
//! What is answered is put together by the database, as JSON: nothing else has to know it.

use doorbuster_domain::id::EndpointName;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_domain::webhook::{Address, ENDPOINTS_MAX, EventKind, PREVIOUS_SIGNS, Reach};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::route::Operation;
use doorbuster_wire::webhook::WebhookRequest;
use worker::{D1PreparedStatement, Env};

use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::problem::{Problem, sentence};
use crate::store::{Row, Store, Value};
use crate::webhooks::wake;

/// Deliveries in a page, at most.
const PAGE_LEN: u64 = 100;
/// Beyond this, JavaScript's numbers are not exact.
const NUMBER_MAX: u64 = 1 << 53;

/// Endpoints, as `doorbuster_wire::webhook::Webhook`: all of them, or the one that is named. A
/// secret is told if it is of this version.
const ENDPOINTS: &str = "SELECT json_object('endpoint', endpoint, 'address', address,
        'events', json(kinds),
        'state', CASE WHEN enabled = 0 THEN 'disabled' WHEN open_until_ms > ?1 THEN 'resting'
            ELSE 'active' END,
        'resting_until_ms', CASE WHEN open_until_ms > ?1 THEN open_until_ms END,
        'pending', (SELECT COUNT(*) FROM webhook_deliveries d
            WHERE d.endpoint = e.endpoint AND d.state = 'pending'),
        'secret', CASE secret_version WHEN ?4 THEN ?2 END,
        'previous_secret_until_ms', CASE WHEN previous_until_ms > ?1 THEN previous_until_ms END),
    enabled FROM webhook_endpoints e WHERE ?3 IN ('', endpoint) ORDER BY endpoint";

/// Deliveries, as `doorbuster_wire::webhook::Delivery`, from the newest of those asked for.
const DELIVERIES: &str = "SELECT json_object('delivery', CAST(d.number AS TEXT), 'event', d.event,
        'type', e.kind, 'subject', e.subject, 'state', d.state, 'attempts', d.attempts,
        'last_status', d.last_status, 'last_outcome', d.last_outcome,
        'next_attempt_at_ms', CASE d.state WHEN 'pending' THEN d.next_at_ms END,
        'created_at_ms', e.created_at_ms), d.number
    FROM webhook_deliveries d JOIN webhook_events e ON e.event = d.event
    WHERE d.endpoint = ?1 AND d.number BETWEEN ?2 AND ?3 ORDER BY d.number DESC LIMIT ?4";

/// What the merchant wants of an endpoint. All of it goes the same way: look, change, look again.
pub(crate) async fn answer(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    operation: Operation,
    [name, delivery]: [&str; 2],
) -> Result<Reply, Problem> {
    let is_list = operation == Operation::ListWebhooks;
    let parsed: Option<EndpointName> = if is_list { None } else { Some(parse(name)?) };
    let config = edge.config(env)?;
    let is_put = operation == Operation::PutWebhook;
    let asked: Option<WebhookRequest> = if is_put { Some(request.json().await?) } else { None };
    let asked = asked.map(|asked| Asked::check(&asked, config.webhook_reach)).transpose()?;
    let number = number(request, operation, delivery)?;
    let store = Store::open(edge, env).await?;
    let now = now();
    let secret = parsed.as_ref().map(|name| config.keyring.endpoint_secret(name, now.as_millis()));
    let secret = secret.map_or_else(String::new, |secret| secret.to_string());
    let endpoints = [
        Value::Number(now.as_millis()),
        Value::Text(&secret),
        Value::Text(if is_list { "" } else { name }),
        Value::Number(now.as_millis()),
    ];
    let before = store.rows(ENDPOINTS, &endpoints).await?;
    if is_list {
        return Ok(json(format!(r#"{{"webhooks":[{}]}}"#, listed(&before))));
    }
    if !is_put {
        let row = before.first().ok_or_else(not_found)?;
        if operation == Operation::ResendDelivery && row.number(1) == 0 {
            let detail = "It answered 410. Put it again, with an address that answers.";
            return Err(Problem::new(ProblemKind::WebhookDisabled, detail));
        }
    }
    store.run(changes(&store, operation, asked.as_ref(), name, number, now)?).await?;
    let (from, to) = match operation {
        Operation::DeleteWebhook => return Ok(json(listed(&before))),
        Operation::ResendDelivery => (number, number),
        _ => (0, number.saturating_sub(1)),
    };
    let is_deliveries = matches!(operation, Operation::ResendDelivery | Operation::ListDeliveries);
    let deliveries =
        [Value::Text(name), Value::Number(from), Value::Number(to), Value::Number(PAGE_LEN)];
    let rows = if is_deliveries {
        store.rows(DELIVERIES, &deliveries).await?
    } else {
        store.rows(ENDPOINTS, &endpoints).await?
    };
    if operation == Operation::ListDeliveries {
        return Ok(page(&rows));
    }
    if rows.is_empty() {
        return Err(nothing(operation));
    }
    wake(env, name, Millis::default());
    Ok(json(listed(&rows)))
}

/// A wanted endpoint, checked.
struct Asked {
    address: Address,
    kinds: String,
}

impl Asked {
    fn check(asked: &WebhookRequest, reach: Reach) -> Result<Self, Problem> {
        let address = Address::parse(&asked.address, reach)
            .map_err(|error| Problem::invalid("/address", sentence(&error.to_string())))?;
        Ok(Self { address, kinds: kinds(asked.events.as_deref())? })
    }
}

/// The statements that do what is wanted.
fn changes(
    store: &Store,
    operation: Operation,
    asked: Option<&Asked>,
    name: &str,
    number: u64,
    now: Timestamp,
) -> Result<Vec<D1PreparedStatement>, Problem> {
    let name = || Value::Text(name);
    let at = || Value::Number(now.as_millis());
    Ok(match (operation, asked) {
        (_, Some(Asked { address, kinds })) => vec![store.prepare(
            "INSERT INTO webhook_endpoints SELECT ?1, ?2, ?3, 1, ?4, ?4, 0, 0, 0, 0, 0
             WHERE (SELECT COUNT(*) FROM webhook_endpoints WHERE endpoint <> ?1) < ?5
             ON CONFLICT (endpoint) DO UPDATE SET address = excluded.address,
                 kinds = excluded.kinds, enabled = 1, failures = 0, open_until_ms = 0",
            &[
                name(),
                Value::Text(address.as_str()),
                Value::Text(kinds),
                at(),
                Value::Number(ENDPOINTS_MAX),
            ],
        )?],
        (Operation::RotateWebhook, _) => vec![store.prepare(
            "UPDATE webhook_endpoints SET previous_version = secret_version,
                 previous_until_ms = ?, secret_version = ? WHERE endpoint = ?",
            &[Value::Number(now.plus(PREVIOUS_SIGNS).as_millis()), at(), name()],
        )?],
        (Operation::DeleteWebhook, _) => vec![
            store.prepare("DELETE FROM webhook_endpoints WHERE endpoint = ?", &[name()])?,
            store.prepare("DELETE FROM webhook_deliveries WHERE endpoint = ?", &[name()])?,
        ],
        (Operation::ResendDelivery, _) => vec![
            store.prepare(
                "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, next_at_ms = ?
                 WHERE number = ? AND endpoint = ?",
                &[at(), Value::Number(number), name()],
            )?,
            // Also to one that rests.
            store.prepare(
                "UPDATE webhook_endpoints SET open_until_ms = 0 WHERE endpoint = ?",
                &[name()],
            )?,
        ],
        _ => Vec::new(),
    })
}

fn parse(text: &str) -> Result<EndpointName, Problem> {
    text.parse().map_err(|e| Problem::no_such(ProblemKind::WebhookNotFound, "endpoint's name", &e))
}

fn not_found() -> Problem {
    let detail = "GET /v1/admin/webhooks lists those that there are.";
    Problem::new(ProblemKind::WebhookNotFound, detail)
}

/// Why nothing is there after a change.
fn nothing(operation: Operation) -> Problem {
    match operation {
        Operation::ResendDelivery => {
            let detail = "The endpoint's `deliveries` lists those that there are.";
            Problem::new(ProblemKind::DeliveryNotFound, detail)
        }
        Operation::PutWebhook => {
            let detail = format!("There are {ENDPOINTS_MAX}. Delete one that is not used.");
            Problem::new(ProblemKind::TooManyWebhooks, detail)
        }
        _ => not_found(),
    }
}

fn json(text: String) -> Reply {
    Reply::text("application/json", text)
}

/// The first columns, which are JSON, with commas between.
fn listed(rows: &[Row]) -> String {
    let mut list = String::new();
    for row in rows {
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&row.text(0));
    }
    list
}

fn page(rows: &[Row]) -> Reply {
    let full = rows.len() as u64 == PAGE_LEN;
    let next = match rows.last().filter(|_| full) {
        Some(last) => format!("\"{}\"", last.number(1)),
        None => "null".to_owned(),
    };
    json(format!(r#"{{"deliveries":[{}],"next":{next}}}"#, listed(rows)))
}

/// The kinds that were asked for, as a JSON array.
fn kinds(asked: Option<&[String]>) -> Result<String, Problem> {
    if asked.is_some_and(<[_]>::is_empty) {
        return Err(Problem::invalid("/events", "Name at least one, or leave it out for all."));
    }
    for (index, name) in asked.unwrap_or_default().iter().enumerate() {
        if EventKind::parse(name).is_none() {
            let known = EventKind::ALL.map(EventKind::as_str).join("`, `");
            let detail = format!("It is one of `{known}`.");
            return Err(Problem::invalid(&format!("/events/{index}"), detail));
        }
    }
    let mut kinds = String::new();
    for kind in EventKind::ALL.map(EventKind::as_str) {
        if asked.is_none_or(|asked| asked.iter().any(|name| name == kind)) {
            kinds.push_str(if kinds.is_empty() { "[\"" } else { ",\"" });
            kinds.push_str(kind);
            kinds.push('"');
        }
    }
    kinds.push(']');
    Ok(kinds)
}

/// The number of the delivery that is wanted, or of the one before which a page ends. What is no
/// number is the number of none.
fn number(request: &Request<'_>, operation: Operation, delivery: &str) -> Result<u64, Problem> {
    let number = |text: &str| text.parse().ok().filter(|number| *number <= NUMBER_MAX);
    match (operation, request.query("before")) {
        (Operation::ListDeliveries, Some(before)) => number(before).ok_or_else(|| {
            let detail = "`before` has to be what `next` of the page before said.";
            Problem::new(ProblemKind::QueryInvalid, detail)
        }),
        (Operation::ListDeliveries, None) => Ok(NUMBER_MAX),
        _ => Ok(number(delivery).unwrap_or_default()),
    }
}
