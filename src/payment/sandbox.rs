//! The built-in payment provider: a page of its own, records of its own, signed webhooks.
//!
//! It stands for a provider outside, so nothing of it knows the Inventory: what it has to say, it
//! says through the webhook, and every answer of it is from its own records. It does not ask either
//! whether it is still set up: who may begin a payment is decided before it hears of one.

mod page;

pub(crate) use self::page::{pay, show as page};

use std::time::Duration;

use doorbuster_domain::id::{PaymentId, SaleId, Sku};
use doorbuster_domain::money::Money;
use doorbuster_domain::sandbox::{Act, Effect, Later, Status, Voided as Said};
use doorbuster_domain::sealed::PaymentLink;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_durable::rpc::{PaymentAction, PaymentTask};
use doorbuster_wire::problem::ProblemKind;
use serde::{Deserialize, Serialize};
use worker::{Delay, Env};

use super::together::{self, Together};
use super::{Heard, Session, Voided, tell};
use crate::config::{Config, Sandbox};
use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::problem::Problem;
use crate::store::{Store, Value};

/// How far a webhook's time may be from ours, either way: Stripe's own default.
const WEBHOOK_TOLERANCE: Millis = Millis::from_secs(300);
/// A webhook is small.
const WEBHOOK_LEN_MAX: u32 = 16 * 1024;
/// Longer than anybody waits for it.
const SLOW: Duration = Duration::from_secs(20);
const COMPLETED: &str = "payment.completed";
const DECLINED: &str = "payment.declined";
/// A payment has fewer statuses to go through.
const CHANGES_MAX: u32 = 8;
/// The page can be opened somewhat longer than the payment can be made, to say that it is over.
const LINK_TTL_AFTER: Millis = Millis::from_secs(24 * 3600);

/// What the provider reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhook {
    /// `payment.completed` or `payment.declined`.
    #[serde(rename = "type")]
    kind: String,
    /// What it is about, as it was sealed into the session.
    link: String,
}

#[derive(Deserialize)]
struct PaymentRow {
    status: String,
    currency: String,
    amount_minor: u64,
}

/// Whether it answers what the shop asks, as this deployment is set to try out.
async fn answers(config: &Config) -> Result<(), Problem> {
    match config.sandbox {
        Sandbox::Off | Sandbox::Up => return Ok(()),
        Sandbox::Down => {}
        Sandbox::Slow => Delay::from(SLOW).await,
    }
    Err(Problem::unavailable("sandbox", &"it is set to fail"))
}

/// Opens a session, or finds the one that is open already; the address of its page. Nothing if the
/// payment was begun otherwise.
pub(super) async fn create_session(
    edge: &Edge,
    config: &Config,
    env: &Env,
    session: &Session,
) -> Result<Option<String>, Problem> {
    answers(config).await?;
    let store = Store::open(edge, env).await?;
    let begun = store
        .rows(
            "INSERT INTO sandbox_payments (payment, status, currency, amount_minor, changed_at_ms)
         SELECT ?1, 'open', ?2, ?3, ?4
         WHERE NOT EXISTS (SELECT 1 FROM stripe_sessions WHERE payment = ?1)
             AND (?5 OR NOT EXISTS (SELECT 1 FROM payment_parts WHERE payment = ?1))
         ON CONFLICT DO UPDATE SET payment = payment RETURNING 1",
            &[
                Value::Text(&session.lead.payment.to_string()),
                Value::Text(session.amount.currency.as_str()),
                Value::Number(session.amount.minor),
                Value::Number(now().as_millis()),
                Value::Number((!session.others.is_empty()).into()),
            ],
        )
        .await?;
    let is_begun = !begun.is_empty();
    Ok(is_begun.then(|| {
        let lead = (&session.sale, &session.lead.sku, session.lead.payment);
        page_address(config, lead, session.amount, session.expires_at)
    }))
}

/// The address of a payment's page.
pub(super) fn page_address(
    config: &Config,
    (sale, sku, payment): (&SaleId, &Sku, PaymentId),
    amount: Money,
    expires_at: Timestamp,
) -> String {
    let link = config.keyring.seal(&PaymentLink {
        sale: sale.clone(),
        sku: sku.clone(),
        payment,
        amount_minor: amount.minor,
        currency: amount.currency.to_string(),
        expires_at: expires_at.plus(LINK_TTL_AFTER),
    });
    format!("/sandbox/payments/{link}")
}

/// Ends a payment, whether or not its session ever came to be.
pub(super) async fn void(edge: &Edge, env: &Env, task: &PaymentTask) -> Result<Voided, Problem> {
    answers(&*edge.config(env)?).await?;
    let store = Store::open(edge, env).await?;
    let statement = store.prepare(
        "INSERT INTO sandbox_payments (payment, status, currency, amount_minor, changed_at_ms)
         SELECT ?1, 'voided', 'XXX', 0, ?2
         WHERE NOT EXISTS (SELECT 1 FROM stripe_sessions WHERE payment = ?1)
             AND NOT EXISTS (SELECT 1 FROM payment_parts WHERE payment = ?1 AND lead <> ?1)
         ON CONFLICT DO NOTHING",
        &[Value::Text(&task.payment.to_string()), Value::Number(now().as_millis())],
    )?;
    store.run(vec![statement]).await?;
    let (row, effect) = act(edge, env, task, Act::Void).await?;
    Ok(match effect.map(|effect| effect.said) {
        Some(Said::TooLate) => Voided::TooLate { amount_minor: row.amount_minor },
        _ => Voided::Yes,
    })
}

/// Gives back what was paid for a payment: all of the session, or the part of it that it was.
pub(super) async fn refund(
    edge: &Edge,
    env: &Env,
    task: &PaymentTask,
    all: &Together,
) -> Result<(), Problem> {
    answers(&*edge.config(env)?).await?;
    let payment = all.lead().unwrap_or(task.payment);
    if !all.is_one() && !refund_part(&Store::open(edge, env).await?, task.payment).await? {
        return Ok(());
    }
    match act(edge, env, &PaymentTask { payment, ..task.clone() }, Act::Refund).await? {
        (_, Some(_)) => Ok(()),
        (row, None) => {
            Err(Problem::unavailable("sandbox", &format!("{} cannot be refunded", row.status)))
        }
    }
}

/// Gives a part back; whether by that all of the session was.
async fn refund_part(store: &Store, payment: PaymentId) -> Result<bool, Problem> {
    let refunded = store
        .rows(
            "UPDATE payment_parts SET refunded_at_ms = COALESCE(refunded_at_ms, ?2)
         WHERE payment = ?1 AND EXISTS (SELECT 1 FROM sandbox_payments s
             WHERE s.payment = lead AND s.status IN ('completed', 'refunded'))
         RETURNING (SELECT count(*) FROM payment_parts p WHERE p.lead = payment_parts.lead
             AND p.payment <> ?1 AND p.refunded_at_ms IS NULL)",
            &[Value::Text(&payment.to_string()), Value::Number(now().as_millis())],
        )
        .await?;
    let row = refunded.first();
    let row = row.ok_or_else(|| Problem::unavailable("sandbox", &"a part was never paid"))?;
    Ok(row.number(0) == 0)
}

/// Something that was chosen before happens at the provider.
pub(super) async fn happens(
    edge: &Edge,
    env: &Env,
    task: &PaymentTask,
    later: Later,
) -> Result<(), Problem> {
    let kind = match later {
        Later::ReportCompleted => COMPLETED,
        Later::ReportDeclined => DECLINED,
        Later::Authenticated => {
            return act(edge, env, task, Act::Authenticate).await.map(|_| ());
        }
    };
    let row = record(&Store::open(edge, env).await?, task.payment).await?;
    report(edge, env, task, kind, &row).await
}

async fn send_later(
    env: &Env,
    task: &PaymentTask,
    later: Later,
    delay: Millis,
) -> Result<(), Problem> {
    let task = PaymentTask { action: PaymentAction::Sandbox(later), ..task.clone() };
    let text = serde_json::to_string(&task).unwrap_or_default();
    crate::queue::send_later(env, "PAYMENTS_QUEUE", &text, delay).await
}

/// `POST /v1/webhooks/sandbox`.
pub(crate) async fn webhook(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
) -> Result<Reply, Problem> {
    let body = request.any_body(WEBHOOK_LEN_MAX).await?;
    let signature = request.header(Header::Signature).unwrap_or_default();
    receive(edge, env, signature, &body).await?;
    Ok(Reply::said("received", "true"))
}

/// The provider tells the shop what became of a payment.
async fn report(
    edge: &Edge,
    env: &Env,
    task: &PaymentTask,
    kind: &str,
    row: &PaymentRow,
) -> Result<(), Problem> {
    let keyring = &edge.config(env)?.keyring;
    let link = keyring.seal(&PaymentLink {
        sale: task.sale.clone(),
        sku: task.sku.clone(),
        payment: task.payment,
        amount_minor: row.amount_minor,
        currency: row.currency.clone(),
        expires_at: now().plus(LINK_TTL_AFTER),
    });
    let body = serde_json::to_string(&Webhook { kind: kind.to_owned(), link }).unwrap_or_default();
    let signature = keyring.sign_webhook(now(), body.as_bytes());
    receive(edge, env, &signature, body.as_bytes()).await
}

/// Hears the provider: nothing is believed that it did not sign.
async fn receive(edge: &Edge, env: &Env, signature: &str, body: &[u8]) -> Result<(), Problem> {
    let config = edge.config(env)?;
    let invalid = |detail: String| Problem::new(ProblemKind::WebhookInvalid, detail);
    config
        .keyring
        .verify_webhook(signature, body, now(), WEBHOOK_TOLERANCE)
        .map_err(|error| invalid(format!("The signature does not hold: {error}.")))?;
    let webhook: Webhook = serde_json::from_slice(body)
        .map_err(|_| invalid("The body is not a report of a payment.".to_owned()))?;
    // A link ends for the shopper's page. Money is heard of however late it comes: the report has a
    // signature and a time of its own.
    let (_, link) = opened(edge, env, &webhook.link, Timestamp::from_millis(0))?;
    let PaymentLink { sale, sku, payment, amount_minor, .. } = link;
    let heard = match webhook.kind.as_str() {
        COMPLETED => Heard::Paid { amount_minor },
        DECLINED => Heard::Declined,
        // A provider may report more than we asked for (Stripe does); that is no error.
        _ => return Ok(()),
    };
    let all = together::of(&Store::open(edge, env).await?, payment).await?;
    if all.is_one() {
        return tell(env, (&sale, &sku), heard.of(payment)).await;
    }
    all.tell(env, heard, None).await
}

fn opened(
    edge: &Edge,
    env: &Env,
    link: &str,
    at: Timestamp,
) -> Result<(std::rc::Rc<Config>, PaymentLink), Problem> {
    let config = edge.config(env)?;
    let details = config.keyring.open(link, at).map_err(|_| {
        let detail = "Go back to the shop and start the payment again.";
        Problem::new(ProblemKind::PaymentLinkInvalid, detail)
    })?;
    Ok((config, details))
}

async fn record(store: &Store, payment: PaymentId) -> Result<PaymentRow, Problem> {
    store
        .first(
            "SELECT status, currency, amount_minor FROM sandbox_payments WHERE payment = ?",
            &[Value::Text(&payment.to_string())],
        )
        .await?
        .ok_or_else(|| Problem::unavailable("sandbox", &"the payment has no record"))
}

/// Does something with a payment, if it is not too late for it; its record as it was before, and
/// what came of it. Of two acts at once one is done, and the other sees what came of that.
async fn act(
    edge: &Edge,
    env: &Env,
    task: &PaymentTask,
    act: Act,
) -> Result<(PaymentRow, Option<Effect>), Problem> {
    let store = Store::open(edge, env).await?;
    for _ in 0..CHANGES_MAX {
        let row = record(&store, task.payment).await?;
        let status = Status::of_name(&row.status)
            .ok_or_else(|| Problem::unavailable("sandbox", &"the record has no known status"))?;
        let Some(effect) = status.handle(act) else { return Ok((row, None)) };
        if !set(&store, task.payment, (status, effect.after)).await? {
            continue;
        }
        for (later, delay) in &effect.later {
            match (later, delay.get()) {
                (Later::ReportCompleted, 0) => report(edge, env, task, COMPLETED, &row).await?,
                (Later::ReportDeclined, 0) => report(edge, env, task, DECLINED, &row).await?,
                _ => send_later(env, task, *later, *delay).await?,
            }
        }
        return Ok((row, Some(effect)));
    }
    Err(Problem::unavailable("sandbox", &"the payment changes all the time"))
}

/// Sets the status, unless it is another than it was.
async fn set(
    store: &Store,
    payment: PaymentId,
    (from, to): (Status, Status),
) -> Result<bool, Problem> {
    let set: Option<PaymentRow> = store
        .first(
            "UPDATE sandbox_payments SET status = ?, changed_at_ms = ?
             WHERE payment = ? AND status = ? RETURNING status, currency, amount_minor",
            &[
                Value::Text(to.name()),
                Value::Number(now().as_millis()),
                Value::Text(&payment.to_string()),
                Value::Text(from.name()),
            ],
        )
        .await?;
    Ok(set.is_some())
}
