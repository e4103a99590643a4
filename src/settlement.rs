//! The queue consumer: each order once in effect into the books, each message on its own.

use std::collections::BTreeMap;

use doorbuster_domain::id::OrderId;
use doorbuster_domain::inventory::{Answer, Command, PlacedOrder};
use doorbuster_durable::rpc::PaymentTask;
use worker::{D1PreparedStatement, Env};

use crate::edge::{Edge, now};
use crate::objects::InventoryStub;
use crate::payment;
use crate::problem::Problem;
use crate::store::{Store, Value};
use crate::webhooks;

/// Whether a message is done with; otherwise it comes again, and at last goes to the dead letters.
type Verdict = bool;

/// Handles a batch of a queue, given the bodies as a JSON array: a verdict for each.
pub(crate) async fn consume(edge: &Edge, queue: &str, bodies: &str, env: &Env) -> Vec<Verdict> {
    let bodies: Vec<serde_json::Value> = serde_json::from_str(bodies).unwrap_or_default();
    let texts: Vec<&str> = bodies.iter().map(|body| body.as_str().unwrap_or_default()).collect();
    if queue.ends_with("-dead") {
        let kept = keep_dead_letters(edge, env, queue, &bodies).await;
        return vec![kept.is_ok(); bodies.len()];
    }
    if queue.ends_with("-payments") {
        let mut verdicts = Vec::new();
        for text in texts {
            verdicts.push(perform(edge, env, text).await);
        }
        return verdicts;
    }
    settle(edge, env, &texts).await
}

async fn perform(edge: &Edge, env: &Env, text: &str) -> Verdict {
    match serde_json::from_str::<PaymentTask>(text) {
        Ok(task) => payment::perform(edge, env, &task).await.is_ok(),
        Err(error) => {
            worker::console_error!("payments queue: {error}");
            false
        }
    }
}

/// Writes orders into the books and reports each back to its Inventory. Only what was written and
/// reported is done with; doing either twice changes nothing.
async fn settle(edge: &Edge, env: &Env, texts: &[&str]) -> Vec<Verdict> {
    let orders: Vec<Option<PlacedOrder>> = texts
        .iter()
        .map(|text| {
            serde_json::from_str(text)
                .inspect_err(|error| worker::console_error!("orders queue: {error}"))
                .ok()
        })
        .collect();
    let readable: Vec<&PlacedOrder> = orders.iter().flatten().collect();
    let written = write(edge, env, &readable).await;
    let reported = report(env, &written).await;
    orders.iter().map(|o| o.as_ref().is_some_and(|o| reported.contains(&o.order))).collect()
}

/// Writes orders; those that were written.
///
/// Together they are one transaction, so one that the database refuses would hold up all the others
/// whenever it comes again. Then each is written by itself. But if the database answers nothing at
/// all, none of them is to blame: all of them come again, and it is not asked once for each.
async fn write<'o>(edge: &Edge, env: &Env, orders: &[&'o PlacedOrder]) -> Vec<&'o PlacedOrder> {
    let Ok(store) = Store::open(edge, env).await else { return Vec::new() };
    let Ok(told) = webhooks::listeners(&store).await else { return Vec::new() };
    let written = write_all(&store, orders, !told.is_empty()).await;
    if !written.is_empty() {
        webhooks::wake_all(env, &told);
    }
    written
}

/// The same, with what the merchant's shop is told of each order in the same transaction.
async fn write_all<'o>(
    store: &Store,
    orders: &[&'o PlacedOrder],
    tell: bool,
) -> Vec<&'o PlacedOrder> {
    if write_together(store, orders, tell).await.is_ok() {
        return orders.to_vec();
    }
    if store.answers().await.is_err() {
        return Vec::new();
    }
    let mut written = Vec::new();
    for order in orders {
        match write_together(store, &[order], tell).await {
            Ok(()) => written.push(*order),
            Err(_) => worker::console_error!("orders queue: {} was not written", order.order),
        }
    }
    written
}

/// Two statements for an order, or four: a transaction holds a multiple of both, so it never holds
/// half of what belongs to an order.
async fn write_together(store: &Store, orders: &[&PlacedOrder], tell: bool) -> Result<(), Problem> {
    let mut statements = Vec::new();
    for order in orders {
        statements.extend(statements_for(store, order)?);
        if tell {
            statements.extend(webhooks::statements_for(store, order)?);
        }
    }
    store.run(statements).await
}

fn statements_for(store: &Store, order: &PlacedOrder) -> Result<[D1PreparedStatement; 2], Problem> {
    let id = order.order.to_string();
    let (shopper, payment) = (order.shopper.to_string(), order.payment.to_string());
    let currency = order.amount.currency.to_string();
    let head = store.prepare(
        "INSERT INTO orders (order_id, sale, shopper, payment, currency, amount_minor,
             placed_at_ms, settled_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        &[
            Value::Text(&id),
            Value::Text(order.terms.sale.as_str()),
            Value::Text(&shopper),
            Value::Text(&payment),
            Value::Text(&currency),
            Value::Number(order.amount.minor),
            Value::Number(order.allocated_at.as_millis()),
            Value::Number(now().as_millis()),
        ],
    )?;
    let line = store.prepare(
        "INSERT INTO order_lines (order_id, line, sku, title, quantity, unit_price_minor)
         VALUES (?, 1, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        &[
            Value::Text(&id),
            Value::Text(order.terms.sku.as_str()),
            Value::Text(&order.terms.title),
            Value::Number(u64::from(order.quantity)),
            Value::Number(order.terms.unit_price.minor),
        ],
    )?;
    Ok([head, line])
}

/// Reports to every Inventory at once; which orders were reported.
async fn report(env: &Env, orders: &[&PlacedOrder]) -> Vec<OrderId> {
    let mut by_object: BTreeMap<_, Vec<OrderId>> = BTreeMap::new();
    for order in orders {
        let object = (&order.terms.sale, &order.terms.sku);
        by_object.entry(object).or_default().push(order.order);
    }
    let mut sent = Vec::new();
    for ((sale, sku), orders) in by_object {
        let command = Command::Settle { orders: orders.clone() };
        let pending = InventoryStub::of(env, sale, sku).send(&[command]);
        sent.extend(pending.ok().map(|pending| (pending, orders)));
    }
    let mut reported = Vec::new();
    for (pending, orders) in sent {
        match pending.answers().await.as_deref() {
            Ok([Answer::Accepted(_)]) => reported.extend(orders),
            Ok(answers) => worker::console_error!("orders queue: not taken note of: {answers:?}"),
            // Logged where it arose; the messages come again.
            Err(_) => {}
        }
    }
    reported
}

/// Keeps dead letters. An order stays due until it is settled, so its message dies again and again:
/// the same message is kept once.
async fn keep_dead_letters(
    edge: &Edge,
    env: &Env,
    queue: &str,
    bodies: &[serde_json::Value],
) -> Result<(), Problem> {
    let store = Store::open(edge, env).await?;
    let mut statements = Vec::new();
    for body in bodies {
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        statements.push(store.prepare(
            "INSERT INTO dead_letters (queue, body, received_at_ms) VALUES (?, ?, ?)
             ON CONFLICT DO NOTHING",
            &[Value::Text(queue), Value::Text(&body), Value::Number(now().as_millis())],
        )?);
    }
    store.run(statements).await
}
