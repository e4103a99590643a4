//! The endpoints of the merchant's shop: setting them, their secrets, and what was sent.
//!
//! What is answered is put together by the database, as JSON: nothing else has to know it.

use doorbuster_domain::id::EndpointName;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_domain::webhook::{
    Address, ENDPOINTS_MAX, EventKind, PREVIOUS_SIGNS, Reach, Scheme,
};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::route::Operation;
use doorbuster_wire::webhook::WebhookRequest;
use worker::{D1PreparedStatement, Env};

use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::problem::{Problem, sentence};
use crate::reservations::idempotency_key;
use crate::store::{Row, Store, Value};
use crate::webhooks::wake;

/// Deliveries in a page, at most.
const PAGE_LEN: u64 = 100;
/// Beyond this, JavaScript's numbers are not exact.
const NUMBER_MAX: u64 = 1 << 53;

/// Endpoints, as `doorbuster_wire::webhook::Webhook`: all of them, or the one that is named. A
/// secret is told if it is of this version. Then whether it is enabled, and the version that was
/// made with this key.
const ENDPOINTS: &str = "SELECT json_object('endpoint', endpoint, 'address', address,
        'events', json(kinds), 'signature', signature,
        'state', CASE WHEN enabled = 0 THEN 'disabled' WHEN open_until_ms > ?1 THEN 'resting'
            ELSE 'active' END,
        'resting_until_ms', CASE WHEN open_until_ms > ?1 THEN open_until_ms END,
        'pending', (SELECT COUNT(*) FROM webhook_deliveries d
            WHERE d.endpoint = e.endpoint AND d.state = 'pending'),
        'secret', CASE secret_version WHEN ?4 THEN ?2 END,
        'previous_secret_until_ms', CASE WHEN previous_until_ms > ?1 THEN previous_until_ms END),
    enabled, secret_version * (rotation_key = ?5)
    FROM webhook_endpoints e WHERE ?3 IN ('', endpoint) ORDER BY endpoint";

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
    let parsed: Option<EndpointName> =
        if operation == Operation::ListWebhooks { None } else { Some(parse(name)?) };
    let config = edge.config(env)?;
    let is_put = operation == Operation::PutWebhook;
    let asked: Option<WebhookRequest> = if is_put { Some(request.json().await?) } else { None };
    let asked = asked.map(|asked| Asked::check(&asked, config.webhook_reach)).transpose()?;
    let number = number(request, operation, delivery)?;
    let store = Store::open(edge, env).await?;
    let now = now();
    let is_rotation = operation == Operation::RotateWebhook;
    let key = if is_rotation { idempotency_key(request)?.to_string() } else { String::new() };
    let secret_of = |version| {
        let secret = parsed.as_ref().map(|name| config.keyring.endpoint_secret(name, version));
        secret.map_or_else(String::new, |secret| secret.to_string())
    };
    let version = now.as_millis();
    let name = if parsed.is_some() { name } else { "" };
    let secret = secret_of(version);
    let mut wanted = Wanted { operation, asked, name, number, now, key, version, secret };
    let before = store.rows(ENDPOINTS, &wanted.endpoints()).await?;
    wanted.check(&before)?;
    let made_before = before.first().map_or(0, |row| row.number(2));
    if is_rotation && made_before > 0 {
        (wanted.version, wanted.secret) = (made_before, secret_of(made_before));
    }
    store.run(wanted.changes(&store)?).await?;
    let after = match wanted.deliveries() {
        Some(values) => store.rows(DELIVERIES, &values).await?,
        None => store.rows(ENDPOINTS, &wanted.endpoints()).await?,
    };
    wanted.reply(env, &before, &after)
}

/// A wanted endpoint, checked.
struct Asked {
    address: Address,
    kinds: String,
    scheme: Scheme,
}

impl Asked {
    fn check(asked: &WebhookRequest, reach: Reach) -> Result<Self, Problem> {
        let address = Address::parse(&asked.address, reach)
            .map_err(|error| Problem::invalid("/address", sentence(&error.to_string())))?;
        let kinds = kinds(asked.events.as_deref())?;
        let scheme = asked.signature.as_deref().map_or(Some(Scheme::default()), Scheme::parse);
        let Some(scheme) = scheme else {
            return Err(Problem::invalid("/signature", "It is `standard` or `shopify`."));
        };
        Ok(Self { address, kinds, scheme })
    }
}

/// What is wanted, as far as the request says.
struct Wanted<'r> {
    operation: Operation,
    asked: Option<Asked>,
    /// Of the endpoint; empty if all are wanted.
    name: &'r str,
    /// Of the delivery, or of the one before which a page ends.
    number: u64,
    now: Timestamp,
    /// What marks a rotation.
    key: String,
    /// Of the secret that is told if the endpoint has it; now, unless a rotation is repeated.
    version: u64,
    secret: String,
}

impl Wanted<'_> {
    /// What to ask for endpoints with.
    fn endpoints(&self) -> [Value<'_>; 5] {
        let (name, secret) = (Value::Text(self.name), Value::Text(&self.secret));
        let now = Value::Number(self.now.as_millis());
        [now, secret, name, Value::Number(self.version), Value::Text(&self.key)]
    }

    /// What to ask for deliveries with, if they are to be shown.
    fn deliveries(&self) -> Option<[Value<'_>; 4]> {
        let (from, to) = match self.operation {
            Operation::ResendDelivery => (self.number, self.number),
            Operation::ListDeliveries => (0, self.number.saturating_sub(1)),
            _ => return None,
        };
        let page = Value::Number(PAGE_LEN);
        Some([Value::Text(self.name), Value::Number(from), Value::Number(to), page])
    }

    /// Whether there is an endpoint to do it with.
    fn check(&self, before: &[Row]) -> Result<(), Problem> {
        match (self.operation, before.first()) {
            (Operation::ListWebhooks | Operation::PutWebhook, _) => Ok(()),
            (_, None) => Err(not_found()),
            (Operation::ResendDelivery, Some(row)) if row.number(1) == 0 => {
                let detail = "It answered 410. Put it again, with an address that answers.";
                Err(Problem::new(ProblemKind::WebhookDisabled, detail))
            }
            _ => Ok(()),
        }
    }

    /// The statements that do it.
    fn changes(&self, store: &Store) -> Result<Vec<D1PreparedStatement>, Problem> {
        let name = || Value::Text(self.name);
        let at = || Value::Number(self.now.as_millis());
        Ok(match (self.operation, &self.asked) {
            (_, Some(Asked { address, kinds, scheme })) => vec![store.prepare(
                "INSERT INTO webhook_endpoints SELECT ?1, ?2, ?3, ?6, 1, ?4, ?4, 0, 0, '', 0, 0, 0
                 WHERE (SELECT COUNT(*) FROM webhook_endpoints WHERE endpoint <> ?1) < ?5
                 ON CONFLICT (endpoint) DO UPDATE SET address = excluded.address,
                     kinds = excluded.kinds, signature = excluded.signature, enabled = 1,
                     failures = 0, open_until_ms = 0",
                &[
                    name(),
                    Value::Text(address.as_str()),
                    Value::Text(kinds),
                    at(),
                    Value::Number(ENDPOINTS_MAX),
                    Value::Text(scheme.as_str()),
                ],
            )?],
            (Operation::RotateWebhook, _) => vec![store.prepare(
                // A repeat would take the secret away with which the shop still verifies.
                "UPDATE webhook_endpoints SET previous_version = secret_version,
                     previous_until_ms = ?1, secret_version = ?2, rotation_key = ?4
                 WHERE endpoint = ?3 AND rotation_key <> ?4",
                &[
                    Value::Number(self.now.plus(PREVIOUS_SIGNS).as_millis()),
                    at(),
                    name(),
                    Value::Text(&self.key),
                ],
            )?],
            (Operation::DeleteWebhook, _) => vec![
                store.prepare("DELETE FROM webhook_endpoints WHERE endpoint = ?", &[name()])?,
                store.prepare("DELETE FROM webhook_deliveries WHERE endpoint = ?", &[name()])?,
            ],
            (Operation::ResendDelivery, _) => vec![
                store.prepare(
                    "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, next_at_ms = ?
                     WHERE number = ? AND endpoint = ?",
                    &[at(), Value::Number(self.number), name()],
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

    /// What is said of how it was and is.
    fn reply(&self, env: &Env, before: &[Row], after: &[Row]) -> Result<Reply, Problem> {
        match self.operation {
            Operation::ListWebhooks => {
                return Ok(json(format!(r#"{{"webhooks":[{}]}}"#, listed(after))));
            }
            Operation::ListDeliveries => return Ok(page(after)),
            Operation::DeleteWebhook => return Ok(json(listed(before))),
            _ => {}
        }
        if after.is_empty() {
            return Err(nothing(self.operation));
        }
        wake(env, self.name, Millis::default());
        Ok(json(listed(after)))
    }
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
            let detail = format!("It is none of {}.", kinds(None)?);
            return Err(Problem::invalid(&format!("/events/{index}"), detail));
        }
    }
    let mut kinds = String::new();
    for kind in EventKind::ALL.iter().map(|kind| kind.as_str()) {
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
