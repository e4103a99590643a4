//! The dead letters: what lies there, why, and back onto the queue with it.

use doorbuster_domain::time::Millis;
use doorbuster_durable::rpc::PaymentAction;
use doorbuster_wire::letters::{DeadLetter, DeadLetterPage};
use doorbuster_wire::problem::ProblemKind;
use serde::Deserialize;
use worker::Env;

use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::letters::{Message, Origin, UNKNOWN, UNREADABLE, mark};
use crate::problem::Problem;
use crate::queue;
use crate::store::{Store, Value};

/// Letters in a page, at most.
const PAGE_LEN: u64 = 50;

/// How much is shown of what cannot be read, in characters.
const EXCERPT_LEN_MAX: usize = 200;

/// A letter and what is known of it. An order's text is below 4 KB (`MESSAGES_MAX` in
/// durable/src/inventory.rs): of what is longer, as much is read as shows that it is none.
const LETTERS: &str = "
    SELECT d.number, d.queue, substr(d.body, 1, 8192) AS body, d.received_at_ms, f.kind, f.reason,
        f.failed_at_ms, f.replayed_at_ms, o.order_id IS NOT NULL AS in_books
    FROM dead_letters d LEFT JOIN failures f ON f.letter = d.number
    LEFT JOIN orders o ON o.order_id = f.order_id";

/// Letters that something can be done about: kept, readable, and not settled since they were last
/// tried. An order that was in the books before waits for its report, which nobody else sees to.
const OPEN: &str = "
    SELECT COUNT(*) AS n FROM dead_letters d LEFT JOIN failures f ON f.letter = d.number
    LEFT JOIN orders o ON o.order_id = f.order_id
    WHERE f.replayed_at_ms IS NULL AND coalesce(f.kind <> 'unreadable', json_valid(d.body))
        AND (o.order_id IS NULL OR o.settled_at_ms <= f.failed_at_ms)";

#[derive(Deserialize)]
struct Row {
    number: u64,
    queue: String,
    body: String,
    received_at_ms: u64,
    kind: Option<String>,
    reason: Option<String>,
    failed_at_ms: Option<u64>,
    replayed_at_ms: Option<u64>,
    in_books: u8,
}

#[derive(Deserialize)]
struct Count {
    n: u64,
}

/// `GET /v1/admin/dead-letters?after=...`.
pub(crate) async fn list(edge: &Edge, request: &Request<'_>, env: &Env) -> Result<Reply, Problem> {
    let after: u64 = request.query("after").unwrap_or("0").parse().map_err(|_| {
        let detail = "`after` has to be what `next` of the page before said.";
        Problem::new(ProblemKind::QueryInvalid, detail)
    })?;
    let store = Store::open(edge, env).await?;
    let page = format!("{LETTERS} WHERE d.number > ? ORDER BY d.number LIMIT ?");
    let rows: Vec<Row> = store.all(&page, &[Value::Number(after), Value::Number(PAGE_LEN)]).await?;
    let full = rows.len() as u64 == PAGE_LEN;
    let last = rows.last().map(|row| row.number).filter(|_| full);
    Ok(Reply::json(&DeadLetterPage {
        open: open(&store).await?,
        letters: rows.into_iter().map(letter).collect(),
        next: last.map(|number| number.to_string()),
    }))
}

/// How many letters something can still be done about.
pub(super) async fn open(store: &Store) -> Result<u64, Problem> {
    Ok(store.first::<Count>(OPEN, &[]).await?.map_or(0, |count| count.n))
}

/// `POST /v1/admin/dead-letters/{number}/replay`.
///
/// The message goes back onto the queue that it died from, and is handled as any other: the
/// consumer knows an order by its id and a payment by its state, so whoever else brings the same
/// message, it is done once. A letter that is replayed already is answered as it is, and nothing
/// is sent. If it dies again it is kept again, with the new reason, and may be replayed again.
///
/// It is sent before it is marked. Who breaks off in between, or asks twice at the same moment,
/// sends it twice, which does no harm; the other way round it would count as replayed and lie
/// there.
pub(crate) async fn replay(edge: &Edge, env: &Env, number: &str) -> Result<Reply, Problem> {
    let unknown =
        || Problem::new(ProblemKind::DeadLetterNotFound, "There is no dead letter of this number.");
    let number: u64 = number.parse().map_err(|_| unknown())?;
    let store = Store::open(edge, env).await?;
    let one = format!("{LETTERS} WHERE d.number = ?");
    let named = [Value::Number(number)];
    let find = || store.first::<Row>(&one, &named);
    let row = find().await?.ok_or_else(unknown)?;
    if row.replayed_at_ms.is_some() {
        return Ok(Reply::json(&letter(row)));
    }
    let origin = Origin::of(&row.queue);
    if origin.read(&row.body).is_none() {
        let detail = format!("{} Sent again, it would die again.", origin.unreadable());
        return Err(Problem::new(ProblemKind::DeadLetterUnreadable, detail));
    }
    queue::send_later(env, origin.binding(), &row.body, Millis::new(0)).await?;
    let replayed = mark(&store, &row.queue, &row.body, Some(now().as_millis()))?;
    store.run(vec![replayed]).await?;
    Ok(Reply::json(&letter(find().await?.ok_or_else(unknown)?)))
}

fn letter(row: Row) -> DeadLetter {
    let origin = Origin::of(&row.queue);
    let known = origin.read(&row.body);
    let (kind, reason) = if known.is_some() { UNKNOWN } else { (UNREADABLE, origin.unreadable()) };
    let state = if row.replayed_at_ms.is_some() { "replayed" } else { "kept" };
    let mut letter = DeadLetter {
        number: row.number,
        queue: row.queue,
        received_at_ms: row.received_at_ms,
        task: None,
        sale: None,
        sku: None,
        order: None,
        payment: None,
        kind: row.kind.unwrap_or_else(|| kind.to_owned()),
        reason: row.reason.unwrap_or_else(|| reason.to_owned()),
        failed_at_ms: row.failed_at_ms,
        state: state.to_owned(),
        replayed_at_ms: row.replayed_at_ms,
        in_books: row.in_books != 0,
        excerpt: None,
    };
    let (sale, sku, payment) = match known {
        Some(Message::Order(order)) => {
            letter.task = Some("settle".to_owned());
            letter.order = Some(order.order.to_string());
            (order.terms.sale, order.terms.sku, order.payment)
        }
        Some(Message::Payment(task)) => {
            let action = match task.action {
                PaymentAction::Void => "void",
                PaymentAction::Refund => "refund",
                PaymentAction::Sandbox(_) => "sandbox",
            };
            letter.task = Some(action.to_owned());
            (task.sale, task.sku, task.payment)
        }
        None => {
            letter.excerpt = Some(row.body.chars().take(EXCERPT_LEN_MAX).collect());
            return letter;
        }
    };
    letter.sale = Some(sale.to_string());
    letter.sku = Some(sku.to_string());
    letter.payment = Some(payment.to_string());
    letter
}
