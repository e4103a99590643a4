//! Sending what is due to an endpoint, and writing down what came of it.

use doorbuster_domain::id::EndpointName;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_domain::webhook::{Breaker, Next, Scheme, Verdict, signatures};
use js_sys::{Array, Function, Promise};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::{D1PreparedStatement, Env};

use super::wake;
use crate::config::Config;
use crate::edge::{Edge, now};
use crate::problem::Problem;
use crate::store::{Row, Store, Value};

/// How long a shop may take to answer.
const ANSWER_WITHIN: Millis = Millis::from_secs(10);
/// Who sends has the endpoint for itself for so long; the lease is renewed after every round, which
/// takes little longer than an answer may. After a crash the endpoint is free when it has ended.
const LEASE: Millis = Millis::from_secs(30);
/// One wake-up sends for so long at most. Then the next goes on.
const SENDING_MAX: Millis = Millis::from_secs(60);
/// Up to here a wake-up is sent ahead; what is due later is found by the sweep.
const WAKE_AHEAD_MAX: Millis = Millis::from_secs(60);

/// An endpoint that is being sent to.
struct Endpoint {
    name: EndpointName,
    address: String,
    /// The versions of its secret that sign.
    versions: Vec<u64>,
    breaker: Breaker,
    scheme: Scheme,
    is_gone: bool,
}

/// Sends what is due to an endpoint; whether the wake-up is done with. It is not if somebody else
/// is sending to it, who may have looked for the last time already.
pub(crate) async fn deliver(
    edge: &Edge,
    env: &Env,
    name: &str,
    carry: &Function,
) -> Result<bool, Problem> {
    let Ok(name) = name.parse() else { return Ok(true) };
    let config = edge.config(env)?;
    let store = Store::open(edge, env).await?;
    let began = now();
    let Some(mut endpoint) = take(&store, &name, began).await? else {
        let sql = "SELECT 1 FROM webhook_endpoints WHERE endpoint = ? AND enabled = 1";
        return Ok(store.rows(sql, &[Value::Text(name.as_str())]).await?.is_empty());
    };
    while now().since(began) < SENDING_MAX && !endpoint.is_gone {
        let due = due(&store, &endpoint).await?;
        if due.is_empty() {
            break;
        }
        let said = send(carry, &config, &endpoint, &due).await;
        let said = said.map_err(|error| Problem::unavailable("webhooks", &error))?;
        store.run(record(&store, &config, &mut endpoint, &due, &said)?).await?;
    }
    let named = [Value::Text(name.as_str())];
    let next = store.rows(
        "UPDATE webhook_endpoints SET leased_until_ms = 0 WHERE endpoint = ?
         RETURNING (SELECT MIN(next_at_ms) FROM webhook_deliveries d
             WHERE d.endpoint = webhook_endpoints.endpoint AND d.state = 'pending')",
        &named,
    );
    let next = next.await?.first().map_or(0, |row| row.number(0));
    let wait = Timestamp::from_millis(next).max(endpoint.breaker.open_until).since(now());
    if next > 0 && wait <= WAKE_AHEAD_MAX && !endpoint.is_gone {
        wake(env, name.as_str(), wait);
    }
    Ok(true)
}

/// Takes an endpoint for oneself, unless somebody has it or it is told nothing.
async fn take(
    store: &Store,
    name: &EndpointName,
    now: Timestamp,
) -> Result<Option<Endpoint>, Problem> {
    let values = [
        Value::Number(now.plus(LEASE).as_millis()),
        Value::Text(name.as_str()),
        Value::Number(now.as_millis()),
    ];
    let taken = store.rows(
        "UPDATE webhook_endpoints SET leased_until_ms = ?1
         WHERE endpoint = ?2 AND enabled = 1 AND leased_until_ms <= ?3
         RETURNING address, failures, open_until_ms, secret_version,
             previous_version * (previous_until_ms > ?3), signature",
        &values,
    );
    Ok(taken.await?.first().map(|row| Endpoint {
        name: name.clone(),
        address: row.text(0),
        breaker: Breaker {
            failures: u32::try_from(row.number(1)).unwrap_or(u32::MAX),
            open_until: Timestamp::from_millis(row.number(2)),
        },
        versions: [row.number(3), row.number(4)].into_iter().filter(|v| *v > 0).collect(),
        scheme: Scheme::parse(&row.text(5)).unwrap_or_default(),
        is_gone: false,
    }))
}

/// What is due, as far as the breaker permits: numbers, attempts so far, ids and bodies.
async fn due(store: &Store, endpoint: &Endpoint) -> Result<Vec<Row>, Problem> {
    let now = now();
    let values = [
        Value::Text(endpoint.name.as_str()),
        Value::Number(now.as_millis()),
        Value::Number(endpoint.breaker.permits(now).into()),
    ];
    store
        .rows(
            "SELECT d.number, d.attempts, e.event, e.body
             FROM webhook_deliveries d JOIN webhook_events e ON e.event = d.event
             WHERE d.endpoint = ? AND d.state = 'pending' AND d.next_at_ms <= ?
             ORDER BY d.next_at_ms, d.number LIMIT ?",
            &values,
        )
        .await
}

/// Lets `webhooks.mjs` send: a flat list of texts in, and a status and words for each out.
async fn send(
    carry: &Function,
    config: &Config,
    endpoint: &Endpoint,
    due: &[Row],
) -> Result<Row, JsValue> {
    let now = now();
    let secrets = config.keyring.endpoint_secrets(&endpoint.name, &endpoint.versions);
    let texts = Array::new();
    let push = |text: &str| texts.push(&JsValue::from_str(text));
    push(&endpoint.address);
    push(&ANSWER_WITHIN.get().to_string());
    push(&now.as_secs().to_string());
    for row in due {
        let (id, body) = (row.text(2), row.text(3));
        push(&id);
        push(&signatures(&secrets, &id, now, &body));
        push(&match (endpoint.scheme, secrets.first()) {
            (Scheme::Shopify, Some(secret)) => secret.sign_for_shopify(&body),
            _ => String::new(),
        });
        push(&body);
    }
    let promise = carry.call1(&JsValue::NULL, &texts)?;
    let said = JsFuture::from(promise.unchecked_into::<Promise>()).await?;
    Ok(Row(said.unchecked_into()))
}

/// The statements that write down what came of a round, all of it or nothing.
fn record(
    store: &Store,
    config: &Config,
    endpoint: &mut Endpoint,
    due: &[Row],
    said: &Row,
) -> Result<Vec<D1PreparedStatement>, Problem> {
    let now = now();
    let mut statements = Vec::new();
    let mut taken = false;
    for (row, place) in due.iter().zip((0..).step_by(2)) {
        let status = u16::try_from(said.number(place)).ok().filter(|status| *status > 0);
        let verdict = Verdict::of(status);
        taken |= verdict == Verdict::Taken;
        endpoint.is_gone |= verdict == Verdict::Gone;
        let attempts = u32::try_from(row.number(1)).unwrap_or(u32::MAX).saturating_add(1);
        let schedule = &config.webhook_schedule;
        let (state, next_at) = match Next::after(verdict, attempts, now, schedule, chance()?) {
            Next::Delivered => ("delivered", now),
            Next::Again(at) => ("pending", at),
            Next::Failed => ("failed", now),
        };
        statements.push(store.prepare(
            "UPDATE webhook_deliveries SET state = ?, attempts = ?, next_at_ms = ?,
                 last_status = nullif(?, 0), last_outcome = ? WHERE number = ?",
            &[
                Value::Text(state),
                Value::Number(attempts.into()),
                Value::Number(next_at.as_millis()),
                Value::Number(status.unwrap_or_default().into()),
                Value::Text(&said.text(place.saturating_add(1))),
                Value::Number(row.number(0)),
            ],
        )?);
    }
    let before = endpoint.breaker;
    endpoint.breaker = before.after(taken, now, &config.webhook_schedule, chance()?);
    // If it was put anew meanwhile, this is about another address.
    statements.push(store.prepare(
        "UPDATE webhook_endpoints SET failures = ?, open_until_ms = ?, leased_until_ms = ?,
             enabled = ? WHERE endpoint = ? AND address = ?",
        &[
            Value::Number(endpoint.breaker.failures.into()),
            Value::Number(endpoint.breaker.open_until.as_millis()),
            Value::Number(now.plus(LEASE).as_millis()),
            Value::Number(u64::from(!endpoint.is_gone)),
            Value::Text(endpoint.name.as_str()),
            Value::Text(&endpoint.address),
        ],
    )?);
    if before.is_found_by(taken) {
        statements.push(store.prepare(
            "UPDATE webhook_deliveries SET next_at_ms = ?1
             WHERE endpoint = ?2 AND state = 'pending' AND next_at_ms > ?1",
            &[Value::Number(now.as_millis()), Value::Text(endpoint.name.as_str())],
        )?);
    }
    Ok(statements)
}

fn chance() -> Result<[u8; 2], Problem> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).map_err(|error| Problem::unavailable("randomness", &error))?;
    Ok(bytes)
}
