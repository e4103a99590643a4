//! Orders in the books: as the merchant sees them, and what becomes of one that was cancelled.
//!
//! What is shown is put together by the database, as JSON (see `src/admin/webhooks.rs`).

use doorbuster_domain::id::{OrderId, SaleId};
use doorbuster_domain::inventory::{Cancelled, PlacedOrder};
use doorbuster_domain::order_number::OrderNumber;
use doorbuster_domain::webhook::{Data, Event, EventKind};
use worker::{D1PreparedStatement, Env};

use crate::edge::now;
use crate::problem::Problem;
use crate::store::{Row, Store, Value};
use crate::webhooks;

/// An order, as `doorbuster_wire::merchant::SettledOrder` after [`opening`], of what `from!` joins.
macro_rules! shown {
    () => {
        "substr(json_patch(json_object('order', o.order_id, 'sale', o.sale, 'shopper', o.shopper,
            'payment', o.payment, 'status', CASE WHEN c.refunded_at_ms > 0 THEN 'refunded'
                WHEN c.order_id <> '' THEN 'cancelled' ELSE 'settled' END,
            'amount', json_object('minor', o.amount_minor, 'currency', o.currency),
            'lines', json((SELECT json_group_array(json_object('sku', l.sku, 'title', l.title,
                'quantity', l.quantity, 'unit_price',
                    json_object('minor', l.unit_price_minor, 'currency', o.currency)))
                FROM (SELECT * FROM order_lines WHERE order_id = o.order_id ORDER BY line) l)),
            'placed_at_ms', o.placed_at_ms, 'settled_at_ms', o.settled_at_ms,
            'cancelled_at_ms', c.cancelled_at_ms, 'cancel_reason', c.reason,
            'refunded_at_ms', c.refunded_at_ms), json_object(
                'shipping', CASE WHEN h.shipping_minor >= 0 THEN
                    json_object('minor', h.shipping_minor, 'currency', o.currency) END,
                'tax', CASE WHEN h.tax_minor >= 0 THEN
                    json_object('title', h.tax_title, 'rate_ppm', h.tax_ppm,
                    'included', json(iif(h.tax_included, 'true', 'false')),
                    'amount', json_object('minor', h.tax_minor, 'currency', o.currency)) END)), 2)"
    };
}

macro_rules! from {
    () => {
        " FROM orders o LEFT JOIN order_cancellations c ON c.order_id = o.order_id
          LEFT JOIN order_charges h ON h.order_id = o.order_id "
    };
}

/// Orders of a sale, after one of them: each as JSON, its place in the books, and its id.
pub(crate) const PAGE: &str = concat!(
    "SELECT ",
    shown!(),
    ", o.number, o.order_id",
    from!(),
    "WHERE o.sale = ?1 AND o.number > ?2 ORDER BY o.number LIMIT ?3"
);

/// Orders of a number, of whichever sale: the same of each.
pub(crate) const OF_NUMBER: &str = concat!(
    "SELECT ",
    shown!(),
    ", o.number, o.order_id",
    from!(),
    "WHERE substr(o.order_id, 17, 8) = ?1 ORDER BY o.number LIMIT ?2"
);

/// One order: as JSON, its sale, and its SKU.
const ONE: &str = concat!(
    "SELECT ",
    shown!(),
    ", o.sale, (SELECT sku FROM order_lines WHERE order_id = o.order_id)",
    from!(),
    "WHERE o.order_id = ?1"
);

/// Writes events about an order: a JSON array of objects, each with the `head` of a body that goes
/// on, and ends, with the order.
const TELL: &str = concat!(
    "INSERT INTO webhook_events (event, kind, subject, body, created_at_ms)
     SELECT j.value ->> 'id', j.value ->> 'type', o.order_id, (j.value ->> 'head') || ",
    shown!(),
    " || '}', ?3",
    from!(),
    "JOIN json_each(?1) j WHERE o.order_id = ?2 AND EXISTS (
         SELECT 1 FROM webhook_endpoints p
         WHERE p.enabled = 1 AND instr(p.kinds, json_quote(j.value ->> 'type')) > 0)
     ON CONFLICT DO NOTHING"
);

/// What the JSON of an order begins with: the one thing that the database cannot tell.
pub(crate) fn opening(order: OrderId) -> String {
    format!(r#"{{"number":"{}","#, OrderNumber::of(order))
}

/// An order in the books: as JSON after [`opening`], its sale, and its SKU.
pub(crate) async fn find(store: &Store, order: OrderId) -> Result<Option<Row>, Problem> {
    let id = order.to_string();
    Ok(store.rows(ONE, &[Value::Text(&id)]).await?.into_iter().next())
}

/// Writes down that an order was cancelled, and tells the merchant's shop in the same transaction.
/// Doing it twice is doing it once.
pub(crate) async fn cancel(
    env: &Env,
    store: &Store,
    (sale, order): (&SaleId, OrderId),
    cancelled: &Cancelled,
) -> Result<(), Problem> {
    let id = order.to_string();
    let row = store.prepare(
        "INSERT INTO order_cancellations (order_id, cancelled_at_ms, restock, reason)
         VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        &[
            Value::Text(&id),
            Value::Number(cancelled.at.as_millis()),
            Value::Number(cancelled.restock.into()),
            Value::Text(cancelled.reason.as_str()),
        ],
    )?;
    tell(
        env,
        store,
        row,
        (order, Event::of_order(EventKind::OrderCancelled, order, sale, cancelled.at)),
    )
    .await
}

/// The same, that the money of a cancelled order was given back.
pub(crate) async fn refund(
    env: &Env,
    store: &Store,
    (sale, order): (&SaleId, OrderId),
) -> Result<(), Problem> {
    let (id, at) = (order.to_string(), now());
    let row = store.prepare(
        "UPDATE order_cancellations SET refunded_at_ms = ?1
         WHERE order_id = ?2 AND refunded_at_ms IS NULL",
        &[Value::Number(at.as_millis()), Value::Text(&id)],
    )?;
    tell(env, store, row, (order, Event::of_order(EventKind::OrderRefunded, order, sale, at))).await
}

/// Writes a change, and what the merchant's shop is told of it.
async fn tell(
    env: &Env,
    store: &Store,
    change: D1PreparedStatement,
    (order, event): (OrderId, Event<'_>),
) -> Result<(), Problem> {
    let told = webhooks::listeners(store).await?;
    let [events, deliveries] = statements_of(store, order, &[event])?;
    store.run(vec![change, events, deliveries]).await?;
    webhooks::wake_all(env, &told);
    Ok(())
}

/// The statements that tell of an order which has come into the books.
pub(crate) fn statements_for(
    store: &Store,
    order: &PlacedOrder,
) -> Result<[D1PreparedStatement; 2], Problem> {
    let (sale, at) = (&order.terms.sale, order.allocated_at);
    let event = |kind| Event::of_order(kind, order.order, sale, at);
    let both = [EventKind::OrderCreated, EventKind::OrderPaid].map(event);
    statements_of(store, order.order, &both)
}

/// The statements that tell of events about an order that is in the books by then. Run again they
/// change nothing.
fn statements_of(
    store: &Store,
    order: OrderId,
    events: &[Event<'_>],
) -> Result<[D1PreparedStatement; 2], Problem> {
    let of_event = |event: &Event<'_>| {
        let body = event.body(&Data::default());
        let head = body.strip_suffix("}}").unwrap_or_default().to_owned() + &opening(order);
        let head = serde_json::to_string(&head).unwrap_or_default();
        let (id, kind) = (event.id(), event.kind().as_str());
        format!(r#"{{"id":"{id}","type":"{kind}","head":{head}}}"#)
    };
    let list = format!("[{}]", events.iter().map(of_event).collect::<Vec<_>>().join(","));
    let (id, at) = (order.to_string(), now());
    let values = [Value::Text(&list), Value::Text(&id), Value::Number(at.as_millis())];
    Ok([store.prepare(TELL, &values)?, webhooks::deliveries(store, &list, at)?])
}
