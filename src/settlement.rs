//! The queue consumer: each order once in effect into the books, each message on its own.

use std::collections::BTreeMap;
use std::mem::take;

use doorbuster_domain::id::OrderId;
use doorbuster_domain::inventory::{Answer, Command, PlacedOrder};
use doorbuster_domain::money::Money;
use worker::{D1PreparedStatement, Env};

#[cfg(feature = "test-hooks")]
use crate::bad_queue;
use crate::books;
use crate::edge::{Edge, now};
use crate::letters::{self, Failure, Origin};
use crate::objects::InventoryStub;
use crate::payment;
use crate::problem::Problem;
use crate::store::{STATEMENTS_MAX, Store, Value};
use crate::webhooks;

/// A message is done with, or why not: then it comes again, and at last goes to the dead letters.
type Verdict = Result<(), Failure>;

/// Orders that one part of handling a batch did not take, and why.
type Failed = Vec<(OrderId, Failure)>;

/// Handles a batch of a queue, given the bodies as a JSON array of texts: whether each is done
/// with.
pub(crate) async fn consume(edge: &Edge, queue: &str, bodies: &str, env: &Env) -> Vec<bool> {
    let texts: Vec<String> = serde_json::from_str(bodies).unwrap_or_default();
    if queue.ends_with("-dead") {
        let kept = letters::keep(edge, env, queue, &texts).await;
        return vec![kept.is_ok(); texts.len()];
    }
    if queue.ends_with("-happened") {
        return webhooks::happened(edge, env, &texts).await;
    }
    let verdicts = match Origin::of(queue) {
        Origin::Orders => settle(edge, env, &texts).await,
        Origin::Payments => {
            let mut verdicts = Vec::new();
            for text in &texts {
                verdicts.push(perform(edge, env, text).await);
            }
            verdicts
        }
    };
    let failed = texts.iter().zip(&verdicts);
    let failed: Vec<_> = failed
        .filter_map(|(text, verdict)| Some((text.as_str(), verdict.as_ref().err()?)))
        .collect();
    // Logged where it arose, and in the way of nothing else.
    let _ = letters::note(edge, env, queue, &failed).await;
    verdicts.iter().map(Result::is_ok).collect()
}

async fn perform(edge: &Edge, env: &Env, text: &str) -> Verdict {
    let unreadable = |error| Failure::unreadable(Origin::Payments, &error);
    let task = letters::read_task(text).map_err(unreadable)?;
    payment::perform(edge, env, &task).await.map_err(|problem| {
        let missing = format!(
            "The payment provider, the books or the stock of {} did not answer.",
            task.sku.as_str()
        );
        Failure::of(&problem, missing)
    })
}

/// Writes orders into the books and reports each back to its Inventory. Only what was written and
/// reported is done with; doing either twice changes nothing.
async fn settle(edge: &Edge, env: &Env, texts: &[String]) -> Vec<Verdict> {
    let orders: Vec<Result<PlacedOrder, Failure>> = texts
        .iter()
        .map(|text| {
            letters::read_order(text).map_err(|error| Failure::unreadable(Origin::Orders, &error))
        })
        .collect();
    let readable: Vec<&PlacedOrder> = orders.iter().flatten().collect();
    #[cfg(feature = "test-hooks")]
    bad_queue::crash_if_due(bad_queue::BEFORE_THE_BOOKS);
    let (written, refused) = write(edge, env, &readable).await;
    #[cfg(feature = "test-hooks")]
    bad_queue::crash_if_due(bad_queue::BEFORE_THE_REPORT);
    let unreported = report(env, &written).await;
    let failed: Failed = refused.into_iter().chain(unreported).collect();
    let verdict = |order: Result<PlacedOrder, Failure>| {
        let order = order?.order;
        let failure = failed.iter().find(|(failed, _)| *failed == order);
        failure.map_or(Ok(()), |(_, failure)| Err(failure.clone()))
    };
    orders.into_iter().map(verdict).collect()
}

/// Writes orders; those that were written, and why the others were not.
///
/// Together they are one transaction, so one that the database refuses would hold up all the others
/// whenever it comes again. Then each is written by itself. But if the database answers nothing at
/// all, none of them is to blame: all of them come again, and it is not asked once for each.
async fn write<'o>(
    edge: &Edge,
    env: &Env,
    orders: &[&'o PlacedOrder],
) -> (Vec<&'o PlacedOrder>, Failed) {
    let silent = || silent_books(orders);
    let Ok(store) = Store::open(edge, env).await else { return silent() };
    let Ok(told) = webhooks::listeners(&store).await else { return silent() };
    let (written, refused) = write_all(&store, orders, !told.is_empty()).await;
    if !written.is_empty() {
        webhooks::wake_all(env, &told);
    }
    (written, refused)
}

/// The same, with what the merchant's shop is told of each order in the same transaction.
async fn write_all<'o>(
    store: &Store,
    orders: &[&'o PlacedOrder],
    tell: bool,
) -> (Vec<&'o PlacedOrder>, Failed) {
    if write_together(store, orders, tell).await.is_ok() {
        return (orders.to_vec(), Vec::new());
    }
    if store.answers().await.is_err() {
        return silent_books(orders);
    }
    let (mut written, mut refused) = (Vec::new(), Vec::new());
    for order in orders {
        if write_together(store, &[order], tell).await.is_ok() {
            written.push(*order);
        } else {
            worker::console_error!("orders queue: {} was not written", order.order);
            let failure = Failure::unavailable("The books did not take the order.");
            refused.push((order.order, failure));
        }
    }
    (written, refused)
}

/// Nothing was written, and none of the orders is to blame.
fn silent_books<'o>(orders: &[&'o PlacedOrder]) -> (Vec<&'o PlacedOrder>, Failed) {
    let silent = Failure::unavailable("The books did not answer.");
    (Vec::new(), orders.iter().map(|order| (order.order, silent.clone())).collect())
}

/// Whole orders to a transaction, so it never holds half of what belongs to one.
async fn write_together(store: &Store, orders: &[&PlacedOrder], tell: bool) -> Result<(), Problem> {
    let mut statements = Vec::new();
    for order in orders {
        let mut of_order = statements_for(store, order)?;
        if tell {
            of_order.extend(books::statements_for(store, order)?);
        }
        if statements.len().saturating_add(of_order.len()) > STATEMENTS_MAX {
            store.run(take(&mut statements)).await?;
        }
        statements.append(&mut of_order);
    }
    store.run(statements).await
}

fn statements_for(store: &Store, order: &PlacedOrder) -> Result<Vec<D1PreparedStatement>, Problem> {
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
    let mut statements = vec![head, line];
    if !order.terms.charges.is_empty() {
        let charges = serde_json::to_string(&order.terms.charges).unwrap_or_default();
        let lines = order.bill().map(|bill| bill.lines).unwrap_or_default();
        let amount = |line: Option<Money>| line.map_or(Value::Null, |l| Value::Number(l.minor));
        statements.push(store.prepare(
            "INSERT INTO order_charges VALUES (?1, ?2, ?3, ?4 ->> 'tax_title', ?4 ->> 'tax_ppm',
                 ?4 ->> 'tax_included') ON CONFLICT DO NOTHING",
            &[Value::Text(&id), amount(lines.shipping), amount(lines.tax), Value::Text(&charges)],
        )?);
    }
    Ok(statements)
}

/// Reports to every Inventory at once; which orders were not reported, and why.
async fn report(env: &Env, orders: &[&PlacedOrder]) -> Failed {
    let mut by_object: BTreeMap<_, Vec<OrderId>> = BTreeMap::new();
    for order in orders {
        let object = (&order.terms.sale, &order.terms.sku);
        by_object.entry(object).or_default().push(order.order);
    }
    let mut sent = Vec::new();
    for ((sale, sku), orders) in by_object {
        let command = Command::Settle { orders: orders.clone() };
        sent.push((sku, orders, InventoryStub::of(env, sale, sku).send(&[command])));
    }
    let mut unreported = Vec::new();
    for (sku, orders, pending) in sent {
        let answers = match pending {
            Ok(pending) => pending.answers().await,
            Err(problem) => Err(problem),
        };
        let why = match answers.as_deref() {
            Ok([Answer::Accepted(_)]) => continue,
            Ok([Answer::Rejected(rejection)]) => format!("did not take note of it: {rejection}."),
            // Logged where it arose; the messages come again.
            _ => "did not answer.".to_owned(),
        };
        let failure = Failure::unavailable(format!(
            "The order is in the books, but the stock of {} {why}",
            sku.as_str()
        ));
        unreported.extend(orders.into_iter().map(|order| (order, failure.clone())));
    }
    unreported
}
