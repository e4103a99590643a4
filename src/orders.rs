//! Orders: the shopper's receipt from the Inventory object, the merchant's list from the books.

use doorbuster_domain::id::OrderId;
use doorbuster_domain::inventory::Command;
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::merchant::{OrderPage, SettledOrder};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{Money, Order, OrderLine};
use serde::Deserialize;
use worker::Env;

use crate::edge::Edge;
use crate::http::{Reply, Request};
use crate::problem::Problem;
use crate::reservations::{Place, reservation_view};
use crate::room;
use crate::shopper;
use crate::store::{Store, Value};

/// Orders in a page, at most.
const PAGE_LEN: u64 = 200;

/// `GET .../orders/{order}`: from the object that holds the truth, so an order that was
/// acknowledged is never "not there yet".
pub(crate) async fn show(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    place: Place,
    order: &str,
) -> Result<Reply, Problem> {
    let not_found = || Problem::new(ProblemKind::OrderNotFound, "You have no order of this id.");
    let shopper = shopper::known(request)?;
    let order: OrderId = order.parse().map_err(|_| not_found())?;
    place.require_offer(edge, env).await?;
    let command = Command::ShowReservation { shopper, reservation: order.reservation() };
    let shown = place.stub(env).execute(command).await;
    let view = shown.and_then(reservation_view).map_err(|problem| {
        if problem.is(ProblemKind::ReservationNotFound) { not_found() } else { problem }
    })?;
    let placed = view.order.as_ref().ok_or_else(not_found)?;
    let status = room::status(edge, env, &place.sale, crate::edge::now()).await?;
    let offer = status.offers.iter().find(|offer| offer.sku == place.sku).ok_or_else(not_found)?;
    let line = OrderLine {
        sku: place.sku.to_string(),
        title: offer.title.clone(),
        quantity: view.quantity,
        unit_price: offer.unit_price.into(),
    };
    let body = Order {
        order: order.to_string(),
        status: if placed.settled { "settled" } else { "placed" }.to_owned(),
        sale: place.sale.to_string(),
        lines: vec![line],
        amount: view.amount.into(),
        placed_at_ms: Timestamp::as_millis(placed.allocated_at),
    };
    Ok(Reply::json(&body))
}

#[derive(Deserialize)]
struct OrderRow {
    number: u64,
    order_id: String,
    sale: String,
    shopper: String,
    payment: String,
    currency: String,
    amount_minor: u64,
    placed_at_ms: u64,
    settled_at_ms: u64,
    sku: String,
    title: String,
    quantity: u32,
    unit_price_minor: u64,
}

/// `GET /v1/admin/orders?sale=...&after=...`.
pub(crate) async fn list(edge: &Edge, request: &Request<'_>, env: &Env) -> Result<Reply, Problem> {
    let wrong = |what: &str| Problem::new(ProblemKind::QueryInvalid, what.to_owned());
    let sale = room::sale_id(request.query("sale").unwrap_or_default())
        .map_err(|_| wrong("Say which sale, such as ?sale=spring-drop."))?;
    let after: u64 = request
        .query("after")
        .unwrap_or("0")
        .parse()
        .map_err(|_| wrong("`after` has to be what `next` of the page before said."))?;
    let rows: Vec<OrderRow> = Store::open(edge, env)
        .await?
        .all(
            "SELECT o.*, l.sku, l.title, l.quantity, l.unit_price_minor FROM (
                 SELECT * FROM orders WHERE sale = ? AND number > ? ORDER BY number LIMIT ?
             ) o JOIN order_lines l ON l.order_id = o.order_id ORDER BY o.number, l.line",
            &[Value::Text(sale.as_str()), Value::Number(after), Value::Number(PAGE_LEN)],
        )
        .await?;
    Ok(Reply::json(&page(rows)))
}

/// Lines of the same order follow each other.
fn page(rows: Vec<OrderRow>) -> OrderPage {
    let last = rows.last().map(|row| row.number);
    let mut orders: Vec<SettledOrder> = Vec::new();
    for row in rows {
        let money = |minor| Money { minor, currency: row.currency.clone() };
        let line = OrderLine {
            sku: row.sku,
            title: row.title,
            quantity: row.quantity,
            unit_price: money(row.unit_price_minor),
        };
        match orders.last_mut().filter(|order| order.order == row.order_id) {
            Some(order) => order.lines.push(line),
            None => orders.push(SettledOrder {
                order: row.order_id,
                sale: row.sale,
                shopper: row.shopper,
                payment: row.payment,
                amount: money(row.amount_minor),
                lines: vec![line],
                placed_at_ms: row.placed_at_ms,
                settled_at_ms: row.settled_at_ms,
            }),
        }
    }
    let full = orders.len() as u64 == PAGE_LEN;
    OrderPage { orders, next: last.filter(|_| full).map(|number| number.to_string()) }
}
