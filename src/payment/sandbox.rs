//! The built-in payment provider: a page of its own, records of its own, signed webhooks.
//!
//! It stands for a provider outside, so nothing of it knows the Inventory: what it has to say, it
//! says through the webhook, and every answer of it is from its own records. It does not ask either
//! whether it is still set up: who may begin a payment is decided before it hears of one.

use doorbuster_domain::id::PaymentId;
use doorbuster_domain::inventory::{Command, Reply as Answered};
use doorbuster_domain::money::Money;
use doorbuster_domain::sealed::PaymentLink;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_wire::problem::ProblemKind;
use serde::{Deserialize, Serialize};
use worker::Env;

use super::{Session, Voided};
use crate::config::Config;
use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::objects::InventoryStub;
use crate::problem::Problem;
use crate::store::{Store, Value};

/// How far a webhook's time may be from ours, either way: Stripe's own default.
const WEBHOOK_TOLERANCE: Millis = Millis::from_secs(300);
/// A webhook is small.
const WEBHOOK_LEN_MAX: u32 = 16 * 1024;
/// A form of one field.
const FORM_LEN_MAX: u32 = 1024;
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
    amount_minor: u64,
}

pub(super) async fn create_session(
    edge: &Edge,
    config: &Config,
    env: &Env,
    session: &Session,
) -> Result<String, Problem> {
    let store = Store::open(edge, env).await?;
    let currency = session.amount.currency.to_string();
    let statement = store.prepare(
        "INSERT INTO sandbox_payments (payment, status, currency, amount_minor, changed_at_ms)
         VALUES (?, 'open', ?, ?, ?) ON CONFLICT DO NOTHING",
        &[
            Value::Text(&session.payment.to_string()),
            Value::Text(&currency),
            Value::Number(session.amount.minor),
            Value::Number(now().as_millis()),
        ],
    )?;
    store.run(vec![statement]).await?;
    let link = config.keyring.seal(&PaymentLink {
        sale: session.sale.clone(),
        sku: session.sku.clone(),
        payment: session.payment,
        amount_minor: session.amount.minor,
        currency,
        expires_at: session.expires_at.plus(LINK_TTL_AFTER),
    });
    Ok(format!("/sandbox/payments/{link}"))
}

/// Ends a payment, whether or not its session ever came to be.
pub(super) async fn void(edge: &Edge, env: &Env, payment: PaymentId) -> Result<Voided, Problem> {
    let store = Store::open(edge, env).await?;
    let statement = store.prepare(
        "INSERT INTO sandbox_payments (payment, status, currency, amount_minor, changed_at_ms)
         VALUES (?, 'voided', 'XXX', 0, ?)
         ON CONFLICT DO UPDATE SET status = 'voided', changed_at_ms = excluded.changed_at_ms
         WHERE status = 'open'",
        &[Value::Text(&payment.to_string()), Value::Number(now().as_millis())],
    )?;
    store.run(vec![statement]).await?;
    let row = record(&store, payment).await?;
    match row.status.as_str() {
        "completed" | "refunded" => Ok(Voided::TooLate { amount_minor: row.amount_minor }),
        _ => Ok(Voided::Yes),
    }
}

pub(super) async fn refund(edge: &Edge, env: &Env, payment: PaymentId) -> Result<(), Problem> {
    let store = Store::open(edge, env).await?;
    change(&store, payment, "completed", "refunded").await?;
    match record(&store, payment).await?.status.as_str() {
        "refunded" => Ok(()),
        other => Err(Problem::unavailable("sandbox", &format!("{other} cannot be refunded"))),
    }
}

/// `GET /sandbox/payments/{link}`.
pub(crate) async fn page(edge: &Edge, env: &Env, link: &str) -> Result<Reply, Problem> {
    let (_, details) = opened(edge, env, link, now())?;
    let status = record(&Store::open(edge, env).await?, details.payment).await?.status;
    let currency = details.currency.parse().map_err(|e| Problem::unavailable("sandbox", &e))?;
    let amount = Money { minor: details.amount_minor, currency };
    let back = receipt_address(&details);
    let html = if status == "open" {
        include_str!("open.html").to_owned()
    } else {
        include_str!("ended.html").replace("{status}", &status)
    };
    // All of these are slugs, numbers and letters by their types: nothing to escape.
    let html = html
        .replace("{amount}", &amount.to_string())
        .replace("{sku}", details.sku.as_str())
        .replace("{back}", &back);
    let csp = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'";
    Ok(Reply::text("text/html; charset=utf-8", html)
        .field("content-security-policy", csp)
        // Not `no-referrer`: with it a browser hides where the form comes from, also from us.
        .field("referrer-policy", "same-origin"))
}

/// `POST /sandbox/payments/{link}`: what the shopper decided.
pub(crate) async fn pay(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    link: &str,
) -> Result<Reply, Problem> {
    let (config, details) = opened(edge, env, link, now())?;
    let form = request.body("application/x-www-form-urlencoded", FORM_LEN_MAX).await?;
    let (status, kind) = match form.as_slice() {
        b"outcome=success" => ("completed", "payment.completed"),
        b"outcome=decline" => ("declined", "payment.declined"),
        _ => return Err(Problem::invalid("/outcome", "It is `success` or `decline`.")),
    };
    let store = Store::open(edge, env).await?;
    change(&store, details.payment, "open", status).await?;
    if record(&store, details.payment).await?.status == status {
        let webhook = Webhook { kind: kind.to_owned(), link: link.to_owned() };
        let body = serde_json::to_string(&webhook).unwrap_or_default();
        let signature = config.keyring.sign_webhook(now(), body.as_bytes());
        receive(edge, env, &signature, body.as_bytes()).await?;
    }
    Ok(Reply::empty().own_field("location", &receipt_address(&details)))
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
    Ok(Reply::json(&serde_json::json!({ "received": true })))
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
    let command = match webhook.kind.as_str() {
        "payment.completed" => Command::Allocate { payment, amount_minor },
        "payment.declined" => Command::DeclinePayment { payment },
        // A provider may report more than we asked for (Stripe does); that is no error.
        _ => return Ok(()),
    };
    let reply = InventoryStub::of(env, &sale, &sku).execute(command).await?;
    if let Answered::RefundDue { payment } = reply {
        worker::console_log!("payment {payment} came too late and will be given back");
    }
    Ok(())
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
            "SELECT status, amount_minor FROM sandbox_payments WHERE payment = ?",
            &[Value::Text(&payment.to_string())],
        )
        .await?
        .ok_or_else(|| Problem::unavailable("sandbox", &"the payment has no record"))
}

/// Moves a payment from one status to another, if it is in the one.
async fn change(store: &Store, payment: PaymentId, from: &str, to: &str) -> Result<(), Problem> {
    let statement = store.prepare(
        "UPDATE sandbox_payments SET status = ?, changed_at_ms = ?
         WHERE payment = ? AND status = ?",
        &[
            Value::Text(to),
            Value::Number(now().as_millis()),
            Value::Text(&payment.to_string()),
            Value::Text(from),
        ],
    )?;
    store.run(vec![statement]).await
}

fn receipt_address(link: &PaymentLink) -> String {
    format!(
        "/receipt?sale={}&sku={}&reservation={}",
        link.sale,
        link.sku,
        link.payment.reservation()
    )
}
