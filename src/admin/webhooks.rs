//! The endpoints of the merchant's shop: setting them, their secrets, and what was sent.
//!
//! What is answered is put together by the database, as JSON: nothing else has to know it.

use doorbuster_domain::id::EndpointName;
use doorbuster_domain::time::Millis;
use doorbuster_domain::webhook::{Address, EventKind};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::webhook::WebhookRequest;
use worker::Env;

use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::problem::{Problem, sentence};
use crate::store::{Row, Store, Value};
use crate::webhooks::wake;

/// So many endpoints a shop can have: each costs every order a row for every event.
const ENDPOINTS_MAX: u64 = 16;
/// How long the secret before the present one signs, too.
const PREVIOUS_SIGNS: Millis = Millis::from_secs(24 * 3600);
/// Deliveries in a page, at most.
const PAGE_LEN: u64 = 100;
/// Beyond this, JavaScript's numbers are not exact.
const NUMBER_MAX: u64 = 1 << 53;

/// Endpoints, as `doorbuster_wire::webhook::Webhook`: all of them, or the one that is named.
const ENDPOINTS: &str = "SELECT json_object('endpoint', endpoint, 'address', address,
        'events', json(kinds),
        'state', CASE WHEN enabled = 0 THEN 'disabled' WHEN open_until_ms > ?1 THEN 'resting'
            ELSE 'active' END,
        'resting_until_ms', CASE WHEN open_until_ms > ?1 THEN open_until_ms END,
        'pending', (SELECT COUNT(*) FROM webhook_deliveries d
            WHERE d.endpoint = e.endpoint AND d.state = 'pending'),
        'secret', nullif(?2, ''),
        'previous_secret_until_ms', CASE WHEN previous_until_ms > ?1 THEN previous_until_ms END),
    enabled FROM webhook_endpoints e WHERE ?3 IN ('', endpoint) ORDER BY endpoint";

/// Deliveries, as `doorbuster_wire::webhook::Delivery`, from the newest of those asked for.
const DELIVERIES: &str = "SELECT json_object('delivery', CAST(d.number AS TEXT), 'event', d.event,
        'type', e.kind, 'order', e.order_id, 'state', d.state, 'attempts', d.attempts,
        'last_status', d.last_status, 'last_outcome', d.last_outcome,
        'next_attempt_at_ms', CASE d.state WHEN 'pending' THEN d.next_at_ms END,
        'created_at_ms', e.created_at_ms), d.number
    FROM webhook_deliveries d JOIN webhook_events e ON e.event = d.event
    WHERE d.endpoint = ?1 AND d.number BETWEEN ?2 AND ?3 ORDER BY d.number DESC LIMIT ?4";

fn not_found() -> Problem {
    let detail = "GET /v1/admin/webhooks lists those that there are.";
    Problem::new(ProblemKind::WebhookNotFound, detail)
}

fn name(text: &str) -> Result<EndpointName, Problem> {
    text.parse().map_err(|e| Problem::no_such(ProblemKind::WebhookNotFound, "endpoint's name", &e))
}

fn json(text: String) -> Reply {
    Reply::text("application/json", text)
}

/// The endpoint of a name, with a secret to tell.
async fn known(store: &Store, name: &EndpointName, secret: &str) -> Result<Row, Problem> {
    let at = Value::Number(now().as_millis());
    let values = [at, Value::Text(secret), Value::Text(name.as_str())];
    store.rows(ENDPOINTS, &values).await?.pop().ok_or_else(not_found)
}

/// `GET /v1/admin/webhooks`.
pub(crate) async fn list(edge: &Edge, env: &Env) -> Result<Reply, Problem> {
    let values = [Value::Number(now().as_millis()), Value::Text(""), Value::Text("")];
    let rows = Store::open(edge, env).await?.rows(ENDPOINTS, &values).await?;
    Ok(json(format!(r#"{{"webhooks":[{}]}}"#, listed(&rows))))
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

/// `PUT /v1/admin/webhooks/{endpoint}`.
pub(crate) async fn put(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    endpoint: &str,
) -> Result<Reply, Problem> {
    let name = name(endpoint)?;
    let config = edge.config(env)?;
    let asked: WebhookRequest = request.json().await?;
    let address = Address::parse(&asked.address, config.webhook_reach)
        .map_err(|error| Problem::invalid("/address", sentence(&error.to_string())))?;
    let kinds = kinds(asked.events.as_deref())?;
    let version = now().as_millis();
    let store = Store::open(edge, env).await?;
    let values = [
        Value::Text(name.as_str()),
        Value::Text(address.as_str()),
        Value::Text(&kinds),
        Value::Number(version),
        Value::Number(ENDPOINTS_MAX),
    ];
    let put = store.rows(
        "INSERT INTO webhook_endpoints SELECT ?1, ?2, ?3, 1, ?4, ?4, 0, 0, 0, 0, 0
         WHERE (SELECT COUNT(*) FROM webhook_endpoints WHERE endpoint <> ?1) < ?5
         ON CONFLICT (endpoint) DO UPDATE SET address = excluded.address, kinds = excluded.kinds,
             enabled = 1, failures = 0, open_until_ms = 0
         RETURNING secret_version",
        &values,
    );
    let put = put.await?;
    let row = put.first().ok_or_else(|| {
        let detail = format!("There are {ENDPOINTS_MAX}. Delete one that is not used.");
        Problem::new(ProblemKind::TooManyWebhooks, detail)
    })?;
    wake(env, name.as_str(), Millis::default());
    let is_new = row.number(0) == version;
    let secret = is_new.then(|| config.keyring.endpoint_secret(&name, version).to_string());
    let secret = secret.unwrap_or_default();
    Ok(json(known(&store, &name, &secret).await?.text(0)))
}

/// The kinds that were asked for, as a JSON array.
fn kinds(asked: Option<&[String]>) -> Result<String, Problem> {
    if asked.is_some_and(<[_]>::is_empty) {
        return Err(Problem::invalid("/events", "Name at least one, or leave it out for all."));
    }
    for (index, name) in asked.unwrap_or_default().iter().enumerate() {
        if EventKind::parse(name).is_none() {
            let detail = "It is `order.created` or `order.paid`.";
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

/// `POST /v1/admin/webhooks/{endpoint}/rotate`.
pub(crate) async fn rotate(edge: &Edge, env: &Env, endpoint: &str) -> Result<Reply, Problem> {
    let name = name(endpoint)?;
    let config = edge.config(env)?;
    let now = now();
    let store = Store::open(edge, env).await?;
    let values = [
        Value::Number(now.plus(PREVIOUS_SIGNS).as_millis()),
        Value::Number(now.as_millis()),
        Value::Text(name.as_str()),
    ];
    let rotated = store.rows(
        "UPDATE webhook_endpoints SET previous_version = secret_version, previous_until_ms = ?,
             secret_version = max(?, secret_version + 1)
         WHERE endpoint = ? RETURNING secret_version",
        &values,
    );
    let version = rotated.await?.first().ok_or_else(not_found)?.number(0);
    let secret = config.keyring.endpoint_secret(&name, version).to_string();
    Ok(json(known(&store, &name, &secret).await?.text(0)))
}

/// `DELETE /v1/admin/webhooks/{endpoint}`: answers with what it was.
pub(crate) async fn delete(edge: &Edge, env: &Env, endpoint: &str) -> Result<Reply, Problem> {
    let name = name(endpoint)?;
    let store = Store::open(edge, env).await?;
    let was = known(&store, &name, "").await?;
    let named = || [Value::Text(name.as_str())];
    let endpoint = store.prepare("DELETE FROM webhook_endpoints WHERE endpoint = ?", &named())?;
    let sent = store.prepare("DELETE FROM webhook_deliveries WHERE endpoint = ?", &named())?;
    store.run(vec![endpoint, sent]).await?;
    Ok(json(was.text(0)))
}

/// `GET /v1/admin/webhooks/{endpoint}/deliveries?before=...`.
pub(crate) async fn deliveries(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    endpoint: &str,
) -> Result<Reply, Problem> {
    let name = name(endpoint)?;
    let before = request.query("before").map_or(Some(NUMBER_MAX), number).ok_or_else(|| {
        let detail = "`before` has to be what `next` of the page before said.";
        Problem::new(ProblemKind::QueryInvalid, detail)
    })?;
    let store = Store::open(edge, env).await?;
    known(&store, &name, "").await?;
    let rows = some(&store, &name, 0, before.saturating_sub(1)).await?;
    let full = rows.len() as u64 == PAGE_LEN;
    let next = match rows.last().filter(|_| full) {
        Some(last) => format!("\"{}\"", last.number(1)),
        None => "null".to_owned(),
    };
    Ok(json(format!(r#"{{"deliveries":[{}],"next":{next}}}"#, listed(&rows))))
}

async fn some(store: &Store, name: &EndpointName, from: u64, to: u64) -> Result<Vec<Row>, Problem> {
    let name = Value::Text(name.as_str());
    let values = [name, Value::Number(from), Value::Number(to), Value::Number(PAGE_LEN)];
    store.rows(DELIVERIES, &values).await
}

/// `POST /v1/admin/webhooks/{endpoint}/deliveries/{delivery}/resend`: from its first attempt on, and
/// also to an endpoint that rests.
pub(crate) async fn resend(
    edge: &Edge,
    env: &Env,
    endpoint: &str,
    delivery: &str,
) -> Result<Reply, Problem> {
    let name = name(endpoint)?;
    let store = Store::open(edge, env).await?;
    if known(&store, &name, "").await?.number(1) == 0 {
        let detail = "It answered 410. Put it again, with an address that answers.";
        return Err(Problem::new(ProblemKind::WebhookDisabled, detail));
    }
    let number = number(delivery).unwrap_or_default();
    let again = store.prepare(
        "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, next_at_ms = ?
         WHERE number = ? AND endpoint = ?",
        &[Value::Number(now().as_millis()), Value::Number(number), Value::Text(name.as_str())],
    )?;
    let woken = "UPDATE webhook_endpoints SET open_until_ms = 0 WHERE endpoint = ?";
    let woken = store.prepare(woken, &[Value::Text(name.as_str())])?;
    store.run(vec![again, woken]).await?;
    let rows = some(&store, &name, number, number).await?;
    let row = rows.first().ok_or_else(|| {
        let detail = "The endpoint's `deliveries` lists those that there are.";
        Problem::new(ProblemKind::DeliveryNotFound, detail)
    })?;
    wake(env, name.as_str(), Millis::default());
    Ok(json(row.text(0)))
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number <= NUMBER_MAX)
}
