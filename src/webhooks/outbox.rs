//! Events and deliveries, written in the transaction that writes the order into the books.

use doorbuster_domain::inventory::PlacedOrder;
use doorbuster_domain::order_number::OrderNumber;
use doorbuster_domain::time::Timestamp;
use doorbuster_domain::webhook::{Event, EventKind};
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

/// The statements that tell of an order. Run again they change nothing: an event is written once,
/// and an endpoint that was made after it is not told of it.
pub(crate) fn statements_for(
    store: &Store,
    order: &PlacedOrder,
) -> Result<[D1PreparedStatement; 2], Problem> {
    let data = serde_json::to_string(&settled(order)).unwrap_or_default();
    let id = order.order.to_string();
    let [created, paid] = [EventKind::OrderCreated, EventKind::OrderPaid].map(|kind| Event {
        kind,
        order: order.order,
        sale: &order.terms.sale,
        at: order.allocated_at,
    });
    let at = || Value::Number(now().as_millis());
    let events = store.prepare(
        "INSERT INTO webhook_events (event, kind, order_id, body, created_at_ms)
         VALUES (?1, ?2, ?7, ?3, ?8), (?4, ?5, ?7, ?6, ?8) ON CONFLICT DO NOTHING",
        &[
            Value::Text(&created.id()),
            Value::Text(created.kind.as_str()),
            Value::Text(&created.body(&data)),
            Value::Text(&paid.id()),
            Value::Text(paid.kind.as_str()),
            Value::Text(&paid.body(&data)),
            Value::Text(&id),
            at(),
        ],
    )?;
    Ok([events, deliveries(store, now(), [&created.id(), &paid.id()])?])
}

/// The statement that sends two events, or one that is named twice, to who wants them.
pub(crate) fn deliveries(
    store: &Store,
    at: Timestamp,
    [one, other]: [&str; 2],
) -> Result<D1PreparedStatement, Problem> {
    store.prepare(
        "INSERT INTO webhook_deliveries (endpoint, event, state, attempts, next_at_ms)
         SELECT p.endpoint, e.event, 'pending', 0, ?1
         FROM webhook_endpoints p JOIN webhook_events e
         WHERE e.event IN (?2, ?3) AND p.enabled = 1 AND p.created_at_ms <= e.created_at_ms
             AND instr(p.kinds, char(34) || e.kind || char(34)) > 0
         ORDER BY p.endpoint, e.kind
         ON CONFLICT DO NOTHING",
        &[Value::Number(at.as_millis()), Value::Text(one), Value::Text(other)],
    )
}

/// The order as the merchant's list has it.
fn settled(order: &PlacedOrder) -> SettledOrder {
    SettledOrder {
        order: order.order.to_string(),
        number: OrderNumber::of(order.order).to_string(),
        sale: order.terms.sale.to_string(),
        shopper: order.shopper.to_string(),
        payment: order.payment.to_string(),
        status: "settled".to_owned(),
        amount: order.amount.into(),
        lines: vec![OrderLine {
            sku: order.terms.sku.to_string(),
            title: order.terms.title.clone(),
            quantity: order.quantity,
            unit_price: order.terms.unit_price.into(),
        }],
        placed_at_ms: order.allocated_at.as_millis(),
        settled_at_ms: now().as_millis(),
        cancelled_at_ms: None,
        cancel_reason: None,
        refunded_at_ms: None,
    }
}
