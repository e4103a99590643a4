//! Events and deliveries: rows, written in one transaction with what they tell of.

use doorbuster_domain::time::Timestamp;
use worker::D1PreparedStatement;

use crate::edge::now;
use crate::problem::Problem;
use crate::store::{Row, Store, Value};

/// The endpoints that are told of something. If there are none, no events are written.
pub(crate) async fn listeners(store: &Store) -> Result<Vec<Row>, Problem> {
    store.rows("SELECT endpoint FROM webhook_endpoints WHERE enabled = 1", &[]).await
}

/// The statements that tell of events: a JSON array of bodies. Run again they change nothing: an
/// event is written once, and only if somebody is told of its kind; and an endpoint that was made
/// after it is not told of it. What is told of orders is written by `src/books.rs`.
pub(crate) fn statements_of(
    store: &Store,
    bodies: &str,
) -> Result<[D1PreparedStatement; 2], Problem> {
    let at = now();
    let events = store.prepare(
        "INSERT INTO webhook_events (event, kind, subject, body, created_at_ms)
         SELECT value ->> 'id', value ->> 'type', value ->> 'subject', value, ?2
         FROM json_each(?1) j WHERE EXISTS (
             SELECT 1 FROM webhook_endpoints p
             WHERE p.enabled = 1 AND instr(p.kinds, json_quote(j.value ->> 'type')) > 0)
         ON CONFLICT DO NOTHING",
        &[Value::Text(bodies), Value::Number(at.as_millis())],
    )?;
    Ok([events, deliveries(store, bodies, at)?])
}

/// The statement that sends events, a JSON array of objects with an `id`, to who wants them.
pub(crate) fn deliveries(
    store: &Store,
    events: &str,
    at: Timestamp,
) -> Result<D1PreparedStatement, Problem> {
    store.prepare(
        "INSERT INTO webhook_deliveries (endpoint, event, state, attempts, next_at_ms)
         SELECT p.endpoint, e.event, 'pending', 0, ?2
         FROM json_each(?1) j JOIN webhook_events e ON e.event = j.value ->> 'id'
             JOIN webhook_endpoints p
         WHERE p.enabled = 1 AND p.created_at_ms <= e.created_at_ms
             AND instr(p.kinds, json_quote(e.kind)) > 0
         ORDER BY p.endpoint, j.key
         ON CONFLICT DO NOTHING",
        &[Value::Text(events), Value::Number(at.as_millis())],
    )
}
