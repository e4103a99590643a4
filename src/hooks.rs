//! Ways to break the product on purpose, and to see what it keeps to itself. A release build does
//! not contain this file.

use doorbuster_domain::cart::CartMark;
use doorbuster_domain::id::{IdempotencyKey, PaymentId, ReservationId, ShopperId};
use doorbuster_domain::inventory::{Answer, Command, Reply as Answered};
use worker::Env;

use crate::bad_queue;
use crate::contacts;
use crate::edge::Edge;
use crate::http::{Reply, Request};
use crate::problem::Problem;
use crate::reservations::Place;
use crate::settlement;
use crate::store::Store;
use crate::webhooks;

/// The largest body of a hook.
const BODY_LEN_MAX: u32 = 64 * 1024;

/// `POST /__test/panic` panics at the edge; `POST /__test/{sale}/{sku}/{panic|error}` lets the next
/// write of that Inventory fail; `POST /__test/queue/{queue}` delivers bodies, a JSON array, as a
/// batch of that queue, and answers with the verdicts; `POST /__test/books` runs a statement on the
/// books, and answers with its rows; `POST /__test/bad-queue/{deliveries}/{fault}` lets so many of
/// orders be bad ones, and answers how often each fault has struck; `POST
/// /__test/{sale}/{sku}/orders/{first}/{last}` has shoppers of these numbers reserve and pay; `POST
/// /__test/sweep` does what the cron does.
#[expect(clippy::panic, reason = "to panic is what it is for")]
pub(crate) async fn answer(request: &Request<'_>, env: &Env) -> Option<Result<Reply, Problem>> {
    let rest = request.path.strip_prefix("/__test/")?;
    match rest.split('/').collect::<Vec<_>>().as_slice() {
        ["panic"] => panic!("a test asked for this panic"),
        ["sweep"] => Some(sweep(env).await),
        ["books"] => Some(look_into_books(request, env).await),
        ["queue", queue] => Some(deliver(request, env, queue).await),
        ["bad-queue", deliveries, only] => {
            let left = deliveries.parse().unwrap_or_default();
            Some(Ok(Reply::json(&bad_queue::set(left, only))))
        }
        [sale, sku, "orders", first, last] => Some(place(env, sale, sku, first, last).await),
        [sale, sku, how] => Some(break_next_write(env, sale, sku, how).await),
        _ => None,
    }
}

async fn break_next_write(env: &Env, sale: &str, sku: &str, how: &str) -> Result<Reply, Problem> {
    Place::parse(sale, sku)?.stub(env).break_next_write(how).await?;
    Ok(Reply::json(&serde_json::json!({ "broken": how })))
}

/// Each of the shoppers buys one unit, as a batch of the real commands.
async fn place(
    env: &Env,
    sale: &str,
    sku: &str,
    first: &str,
    last: &str,
) -> Result<Reply, Problem> {
    let place = Place::parse(sale, sku)?;
    let wrong = |error: &dyn std::fmt::Debug| Problem::unavailable("hook", error);
    let first: u32 = first.parse().map_err(|error| wrong(&error))?;
    let last: u32 = last.parse().map_err(|error| wrong(&error))?;
    let shown = place.stub(env).execute(Command::ShowStock).await?;
    let Answered::Stock { view, .. } = shown else { return Err(wrong(&shown)) };
    let owed = view.terms.price_of(1, CartMark::NONE).ok_or_else(|| wrong(&"what one costs"))?;
    let amount_minor = owed.minor;
    let key: IdempotencyKey = "k".parse().map_err(|error| wrong(&error))?;
    let mut commands = Vec::new();
    for number in first..=last {
        let shopper = ShopperId::of_secret(format!("buys by hook {number}").as_bytes());
        let reservation = ReservationId::derive(&place.sale, &place.sku, shopper, &key);
        commands.push(Command::Reserve { shopper, key: key.clone(), quantity: 1 });
        commands.push(Command::BeginPayment { shopper, reservation });
        let payment = PaymentId::of(reservation, 1);
        commands.push(Command::Allocate { payment, amount_minor });
    }
    let answers = place.stub(env).send(&commands)?.answers().await?;
    let rejected = answers.iter().filter(|answer| matches!(answer, Answer::Rejected(_)));
    Ok(Reply::json(&serde_json::json!({ "rejected": rejected.count() })))
}

async fn deliver(request: &Request<'_>, env: &Env, queue: &str) -> Result<Reply, Problem> {
    let bodies: Vec<serde_json::Value> =
        serde_json::from_str(&text(request).await?).unwrap_or_default();
    // As `entry.mjs` does: what is no text is told as JSON.
    let text = |body: serde_json::Value| match body {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    let texts: Vec<String> = bodies.into_iter().map(text).collect();
    let bodies = serde_json::to_string(&texts).unwrap_or_default();
    Ok(Reply::json(&settlement::consume(&Edge::new(env.clone()), queue, &bodies, env).await))
}

async fn sweep(env: &Env) -> Result<Reply, Problem> {
    webhooks::sweep(&Edge::new(env.clone()), env).await?;
    contacts::sweep(&Edge::new(env.clone()), env).await?;
    Ok(Reply::json(&serde_json::json!({ "swept": true })))
}

async fn look_into_books(request: &Request<'_>, env: &Env) -> Result<Reply, Problem> {
    let statement = text(request).await?;
    let store = Store::open(&Edge::new(env.clone()), env).await?;
    Ok(Reply::json(&store.all::<serde_json::Value>(&statement, &[]).await?))
}

async fn text(request: &Request<'_>) -> Result<String, Problem> {
    let body = request.any_body(BODY_LEN_MAX).await?;
    String::from_utf8(body).map_err(|error| Problem::unavailable("hook", &error))
}
