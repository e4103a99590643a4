//! Messages that were not handled: why not, noted at every attempt, and the dead letters that
//! become of them. All of it is in the books.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbuster_domain::inventory::PlacedOrder;
use doorbuster_domain::time::Millis;
use doorbuster_durable::rpc::PaymentTask;
use doorbuster_wire::problem::ProblemKind;
use sha2::{Digest as _, Sha256};
use worker::{D1PreparedStatement, Env};

use crate::edge::{Edge, now};
use crate::problem::Problem;
use crate::store::{Store, Value};

/// The longest reason, in characters: what is kept of a failure is bounded.
const REASON_LEN_MAX: usize = 300;

/// What led to no dead letter is forgotten after this. Ten attempts take some minutes.
const FORGOTTEN_AFTER: Millis = Millis::from_secs(24 * 60 * 60);

/// The kind of a message that cannot be read.
pub(crate) const UNREADABLE: &str = "unreadable";

/// What is said of a letter of whose failure nothing is noted.
pub(crate) const UNKNOWN: (&str, &str) = (
    "unknown",
    "It is not known why: nothing could be noted when it was tried. Most likely the books did \
     not answer.",
);

/// A queue that messages die from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Orders,
    Payments,
}

impl Origin {
    /// The queue of a name, or the one that its dead letters come from.
    pub(crate) fn of(queue: &str) -> Self {
        if live(queue).ends_with("-payments") { Self::Payments } else { Self::Orders }
    }

    /// Where messages are put onto it.
    pub(crate) const fn binding(self) -> &'static str {
        match self {
            Self::Orders => "ORDERS",
            Self::Payments => "PAYMENTS_QUEUE",
        }
    }

    /// What is said of a message of it that cannot be read.
    pub(crate) const fn unreadable(self) -> &'static str {
        match self {
            Self::Orders => "It cannot be read as an order.",
            Self::Payments => "It cannot be read as something to tell the payment provider.",
        }
    }

    /// Reads a message; nothing if it cannot be read.
    pub(crate) fn read(self, text: &str) -> Option<Message> {
        match self {
            Self::Orders => read_order(text).ok().map(Message::Order),
            Self::Payments => read_task(text).ok().map(Message::Payment),
        }
    }
}

/// Reads a message of the orders queue; why it cannot be read is for the log alone. A reader is
/// large, so there is one of each.
#[inline(never)]
pub(crate) fn read_order(text: &str) -> Result<PlacedOrder, serde_json::Error> {
    serde_json::from_str(text)
}

/// The same of the payments queue.
#[inline(never)]
pub(crate) fn read_task(text: &str) -> Result<PaymentTask, serde_json::Error> {
    serde_json::from_str(text)
}

/// A message that can be read.
pub(crate) enum Message {
    Order(PlacedOrder),
    Payment(PaymentTask),
}

/// Why a message was not handled, fit to be read by a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    kind: &'static str,
    reason: String,
}

impl Failure {
    /// A message that cannot be read. The cause is logged.
    pub(crate) fn unreadable(origin: Origin, cause: &serde_json::Error) -> Self {
        worker::console_error!("{}: {cause}", origin.unreadable());
        Self { kind: UNREADABLE, reason: origin.unreadable().to_owned() }
    }

    /// A part of us or of the platform that did not do what it should.
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Unavailable.slug(), reason: reason.into() }
    }

    /// What a problem says; of what was not there, `missing` says what it was.
    pub(crate) fn of(problem: &Problem, missing: impl Into<String>) -> Self {
        if problem.is(ProblemKind::Unavailable) {
            return Self::unavailable(missing);
        }
        Self { kind: problem.slug(), reason: problem.detail().to_owned() }
    }

    /// The reason, no longer than it may be.
    fn bounded(&self) -> String {
        self.reason.chars().take(REASON_LEN_MAX).collect()
    }
}

/// Notes why messages of a queue were not handled, for their dead letters to say it. Where that
/// fails too, the letters will say that nothing is known.
pub(crate) async fn note(
    edge: &Edge,
    env: &Env,
    queue: &str,
    failed: &[(&str, &Failure)],
) -> Result<(), Problem> {
    if failed.is_empty() {
        return Ok(());
    }
    let store = Store::open(edge, env).await?;
    let moment = now().as_millis();
    let mut statements = vec![store.prepare(
        "DELETE FROM failures WHERE letter IS NULL AND failed_at_ms < ?",
        &[Value::Number(moment.saturating_sub(FORGOTTEN_AFTER.get()))],
    )?];
    for (text, failure) in failed {
        statements.push(store.prepare(
            "INSERT INTO failures (queue, digest, kind, reason, failed_at_ms)
             VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (queue, digest) DO UPDATE SET kind = excluded.kind,
                 reason = excluded.reason, failed_at_ms = excluded.failed_at_ms",
            &[
                Value::Text(queue),
                Value::Text(&digest(text)),
                Value::Text(failure.kind),
                Value::Text(&failure.bounded()),
                Value::Number(moment),
            ],
        )?);
    }
    store.run(statements).await
}

/// Keeps dead letters. An order stays due until it is settled, so its message dies again and again:
/// the same message is kept once. One that was replayed and died again is kept as before.
pub(crate) async fn keep(
    edge: &Edge,
    env: &Env,
    queue: &str,
    texts: &[String],
) -> Result<(), Problem> {
    let store = Store::open(edge, env).await?;
    let mut statements = Vec::new();
    for text in texts {
        statements.push(store.prepare(
            "INSERT INTO dead_letters (queue, body, received_at_ms) VALUES (?, ?, ?)
             ON CONFLICT DO NOTHING",
            &[Value::Text(queue), Value::Text(text), Value::Number(now().as_millis())],
        )?);
        statements.push(mark(&store, queue, text, None)?);
    }
    store.run(statements).await
}

/// Marks the letter of a text as replayed at a moment, or as kept.
pub(crate) fn mark(
    store: &Store,
    queue: &str,
    text: &str,
    replayed_at_ms: Option<u64>,
) -> Result<D1PreparedStatement, Problem> {
    let origin = Origin::of(queue);
    let message = origin.read(text);
    let (kind, reason) =
        if message.is_some() { UNKNOWN } else { (UNREADABLE, origin.unreadable()) };
    let order = match message {
        Some(Message::Order(order)) => order.order.to_string(),
        _ => String::new(),
    };
    store.prepare(
        "INSERT INTO failures (queue, digest, order_id, kind, reason, failed_at_ms, letter,
             replayed_at_ms)
         SELECT ?, ?, nullif(?, ''), ?, ?, received_at_ms, number, nullif(?, 0)
         FROM dead_letters WHERE queue = ? AND body = ?
         ON CONFLICT (queue, digest) DO UPDATE SET order_id = excluded.order_id,
             letter = excluded.letter, replayed_at_ms = excluded.replayed_at_ms",
        &[
            Value::Text(live(queue)),
            Value::Text(&digest(text)),
            Value::Text(&order),
            Value::Text(kind),
            Value::Text(reason),
            Value::Number(replayed_at_ms.unwrap_or_default()),
            Value::Text(queue),
            Value::Text(text),
        ],
    )
}

/// The queue whose dead letters are in this one; itself if it is none of those.
fn live(queue: &str) -> &str {
    queue.strip_suffix("-dead").unwrap_or(queue)
}

/// What a message is known by, however long it is.
fn digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
