//! Orders: the shopper's receipt from the Inventory object, the merchant's list from the books.

use doorbuster_domain::id::OrderId;
use doorbuster_domain::inventory::{Command, OrderView, RefundState};
use doorbuster_domain::order_number::OrderNumber;
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{Order, OrderLine};
use worker::Env;

use crate::books;
use crate::edge::Edge;
use crate::http::{Reply, Request};
use crate::problem::{Problem, sentence};
use crate::reservations::{Place, reservation_view};
use crate::room;
use crate::shopper;
use crate::store::{Row, Store, Value};

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
    let lines = view.lines();
    let body = Order {
        order: order.to_string(),
        number: OrderNumber::of(order).to_string(),
        status: status_of(placed, view.refund).to_owned(),
        sale: place.sale.to_string(),
        lines: vec![line],
        amount: view.amount.into(),
        shipping: lines.shipping.map(Into::into),
        tax: lines.tax.map(Into::into),
        placed_at_ms: Timestamp::as_millis(placed.allocated_at),
        cancelled_at_ms: placed.cancelled_at.map(Timestamp::as_millis),
    };
    Ok(Reply::json(&body))
}

/// An order's state, in the words of the receipt.
fn status_of(order: &OrderView, refund: Option<RefundState>) -> &'static str {
    match (order.cancelled_at, refund) {
        (Some(_), Some(RefundState::Done)) => "refunded",
        (Some(_), _) => "cancelled",
        (None, _) if order.settled => "settled",
        (None, _) => "placed",
    }
}

/// `GET /v1/admin/orders?sale=...&after=...`, or `?number=...`.
pub(crate) async fn list(edge: &Edge, request: &Request<'_>, env: &Env) -> Result<Reply, Problem> {
    let wrong = |what: &str| Problem::new(ProblemKind::QueryInvalid, what.to_owned());
    let store = Store::open(edge, env).await?;
    let limit = Value::Number(PAGE_LEN);
    let rows = if let Some(number) = request.query("number") {
        let number: OrderNumber =
            number.parse().map_err(|error| wrong(&sentence(&format!("{error}"))))?;
        store.rows(books::OF_NUMBER, &[Value::Text(&number.in_order_id()), limit]).await?
    } else {
        let sale = room::sale_id(request.query("sale").unwrap_or_default())
            .map_err(|_| wrong("Say which sale, such as ?sale=spring-drop, or which ?number=."))?;
        let after = request.query("after").unwrap_or("0").parse();
        let after =
            after.map_err(|_| wrong("`after` has to be what `next` of the page before said."))?;
        let page = [Value::Text(sale.as_str()), Value::Number(after), limit];
        store.rows(books::PAGE, &page).await?
    };
    let whole = |row: &Row| {
        let order: Option<OrderId> = row.text(2).parse().ok();
        order.map_or_else(String::new, books::opening) + &row.text(0)
    };
    let orders: Vec<String> = rows.iter().map(whole).collect();
    let last = rows.last().filter(|_| rows.len() as u64 == PAGE_LEN);
    let next = last.map_or_else(|| "null".to_owned(), |row| format!("\"{}\"", row.number(1)));
    let body = format!(r#"{{"orders":[{}],"next":{next}}}"#, orders.join(","));
    Ok(Reply::text("application/json", body))
}
