//! Events and deliveries: rows, written in one transaction; those of an order in the order's own.

use doorbuster_domain::inventory::PlacedOrder;
use doorbuster_domain::webhook::{Data, Event, EventKind};
use doorbuster_wire::merchant::SettledOrder;
use doorbuster_wire::shopper::OrderLine;
use worker::D1PreparedStatement;

use crate::edge::now;
use crate::problem::Problem;
use crate::store::{Row, Store, Value};

/// The endpoints that are told of orders. If there are none, no events are written.
pub(crate) async fn listeners(store: &Store) -> Result<Vec<Row>, Problem> {
    store.rows("SELECT endpoint FROM webhook_endpoints WHERE enabled = 1", &[]).await
}

/// The statements that tell of an order. Run again they change nothing.
pub(crate) fn statements_for(
    store: &Store,
    order: &PlacedOrder,
) -> Result<[D1PreparedStatement; 2], Problem> {
    let data = Data::from_json(&serde_json::to_string(&settled(order)).unwrap_or_default());
    let body = |kind| {
        Event::of_order(kind, order.order, &order.terms.sale, order.allocated_at).body(&data)
    };
    let (created, paid) = (body(EventKind::OrderCreated), body(EventKind::OrderPaid));
    statements_of(store, &format!("[{created},{paid}]"))
}

/// The statements that tell of events: a JSON array of bodies. Run again they change nothing: an
/// event is written once, and only if somebody is told of its kind; and an endpoint that was made
/// after it is not told of it.
pub(crate) fn statements_of(
    store: &Store,
    bodies: &str,
) -> Result<[D1PreparedStatement; 2], Problem> {
    let values = [Value::Text(bodies), Value::Number(now().as_millis())];
    let events = store.prepare(
        "INSERT INTO webhook_events (event, kind, subject, body, created_at_ms)
         SELECT value ->> 'id', value ->> 'type', value ->> 'subject', value, ?2
         FROM json_each(?1) j WHERE EXISTS (
             SELECT 1 FROM webhook_endpoints p
             WHERE p.enabled = 1 AND instr(p.kinds, json_quote(j.value ->> 'type')) > 0)
         ON CONFLICT DO NOTHING",
        &values,
    )?;
    let deliveries = store.prepare(
        "INSERT INTO webhook_deliveries (endpoint, event, state, attempts, next_at_ms)
         SELECT p.endpoint, e.event, 'pending', 0, ?2
         FROM json_each(?1) j JOIN webhook_events e ON e.event = j.value ->> 'id'
             JOIN webhook_endpoints p
         WHERE p.enabled = 1 AND p.created_at_ms <= e.created_at_ms
             AND instr(p.kinds, json_quote(e.kind)) > 0
         ORDER BY p.endpoint, j.key
         ON CONFLICT DO NOTHING",
        &values,
    )?;
    Ok([events, deliveries])
}

/// The order as the merchant's list has it.
fn settled(order: &PlacedOrder) -> SettledOrder {
    SettledOrder {
        order: order.order.to_string(),
        sale: order.terms.sale.to_string(),
        shopper: order.shopper.to_string(),
        payment: order.payment.to_string(),
        amount: order.amount.into(),
        lines: vec![OrderLine {
            sku: order.terms.sku.to_string(),
            title: order.terms.title.clone(),
            quantity: order.quantity,
            unit_price: order.terms.unit_price.into(),
        }],
        placed_at_ms: order.allocated_at.as_millis(),
        settled_at_ms: now().as_millis(),
    }
}
