//! Stripe Checkout by redirect: what `domain/src/stripe/` decides, carried out.
//!
//! A page of Stripe's is told to a shopper only after its session is written down. So whoever ends a
//! payment knows its session, or knows that nobody can have paid it: see ADR 0016.

use std::time::Duration;

use doorbuster_domain::inventory::{Command, Reply as Answered};
use doorbuster_domain::money::Money;
use doorbuster_domain::sealed::verify_webhook;
use doorbuster_domain::stripe::{
    API_VERSION, Answer, Checkout, REFUNDS, Report, SESSIONS, Session as Told, Standing, pause,
    refund as refund_form, session_ends_at, worth,
};
use doorbuster_domain::time::Millis;
use doorbuster_durable::rpc::PaymentTask;
use doorbuster_wire::problem::ProblemKind;
use js_sys::Promise;
use serde_json::Value as Json;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::{Delay, Env};

use super::{Session, Voided, sandbox};
use crate::config::{Config, Stripe};
use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::objects::InventoryStub;
use crate::problem::{Problem, sentence};
use crate::store::{Row, Store, Value};

/// One call, if it is repeated as well, has to end before the provider counts as silent.
const CALL_WITHIN_MS: f64 = 4_500.0;
/// How far a webhook's time may be from ours, either way: Stripe's own default.
const WEBHOOK_TOLERANCE: Millis = Millis::from_secs(300);
/// Events about sessions are a few KiB; others, which are passed over, may be longer.
const WEBHOOK_LEN_MAX: u32 = 256 * 1024;

#[wasm_bindgen]
extern "C" {
    /// Carries a call to the provider; see `stripe.mjs`.
    #[wasm_bindgen(js_name = doorbusterCall)]
    fn send(
        address: &str,
        bearer: &str,
        version: &str,
        key: Option<&str>,
        form: Option<&str>,
        within: f64,
    ) -> Promise;
}

/// Asks Stripe: `GET`, or `POST` with a form. It is asked again at once where that is safe and may
/// help, so only what can be asked twice may be asked.
async fn call(
    stripe: &Stripe,
    path: &str,
    form: Option<&str>,
    key: Option<&str>,
) -> Result<(Answer, Json), Problem> {
    let address = format!("{}{path}", stripe.api);
    for repeated in 0.. {
        let sent = send(&address, &stripe.key, API_VERSION, key, form, CALL_WITHIN_MS);
        let said = JsFuture::from(sent).await;
        let said = Row(said.map_err(|error| unavailable(&error))?.unchecked_into());
        let status = u16::try_from(said.number(0)).unwrap_or_default();
        let mut chance = [0];
        // Without chance the pause is short, and no less right.
        let _ = getrandom::fill(&mut chance);
        let [chance] = chance;
        if let Some(pause) = pause(status, &said.text(1), repeated, chance) {
            Delay::from(Duration::from_millis(pause.get())).await;
            continue;
        }
        let body: Json = serde_json::from_str(&said.text(2)).unwrap_or_default();
        let answer = Answer::of(status);
        if answer != Answer::Done {
            // Not its message: that quotes what was sent.
            let [kind, code, param] = ["type", "code", "param"].map(|name| error(&body, name));
            worker::console_error!("stripe: {path}: {status} {kind} {code} {param}");
        }
        return Ok((answer, body));
    }
    Err(unavailable(&"it was asked too often"))
}

/// What Stripe says of an error, under this name.
fn error<'b>(body: &'b Json, name: &str) -> &'b str {
    body.get("error").and_then(|error| error.get(name)?.as_str()).unwrap_or_default()
}

fn unavailable(cause: &dyn std::fmt::Debug) -> Problem {
    Problem::unavailable("stripe", cause)
}

/// The settings, also for what was begun before payments were switched to another provider.
fn settings(config: &Config) -> Result<&Stripe, Problem> {
    config.stripe.as_ref().ok_or_else(|| {
        Problem::new(
            ProblemKind::NotConfigured,
            "Stripe is not set up; the log says what is missing.",
        )
    })
}

/// Opens a session, or finds the one that is open already; the address of its page. What was begun
/// with the sandbox goes on there, and so does what `is_new` does not let begin here.
pub(super) async fn create_session(
    edge: &Edge,
    config: &Config,
    env: &Env,
    session: &Session,
    is_new: bool,
) -> Result<String, Problem> {
    let stripe = settings(config)?;
    let store = Store::open(edge, env).await?;
    let checkout = Checkout {
        payment: session.payment,
        sale: &session.sale,
        sku: &session.sku,
        title: &session.title,
        quantity: session.quantity,
        amount: session.amount,
        ends_at: session_ends_at(session.expires_at, now()),
        origin: &stripe.origin,
    };
    let Some(record) = begin(&store, session, is_new).await? else {
        return sandbox::create_session(edge, config, env, session).await;
    };
    let (page, is_ended) = (record.text(0), record.number(1) > 0);
    if is_ended {
        return Err(decline(&store, env, session, again()).await);
    }
    if !page.is_empty() {
        return Ok(page);
    }
    let form = match checkout.form() {
        Ok(form) => form,
        Err(error) => {
            let problem = refused(&sentence(&error.to_string()));
            return Err(decline(&store, env, session, problem).await);
        }
    };
    let payment = session.payment.to_string();
    let (answer, body) = call(stripe, SESSIONS, Some(&form), Some(&payment)).await?;
    match answer {
        Answer::Done => keep(&store, stripe, session, &body).await,
        Answer::Refused => {
            let why = match error(&body, "code") {
                "amount_too_small" => "The amount is below the least that Stripe charges.",
                "amount_too_large" => "The amount is above the most that Stripe charges.",
                _ => "Tell the shop: its log says why.",
            };
            Err(decline(&store, env, session, refused(why)).await)
        }
        Answer::Failed => Err(decline(&store, env, session, again()).await),
        Answer::Barred => Err(Problem::new(
            ProblemKind::NotConfigured,
            "Stripe does not accept the shop's key. The operator has to see to it.",
        )),
        Answer::Unknown => Err(Problem::try_again()),
    }
}

fn refused(why: &str) -> Problem {
    let detail = format!("{why} You were not charged, and what you reserved is still yours.");
    Problem::new(ProblemKind::PaymentRefused, detail)
}

/// This payment came to nothing; the next one has another name, and so another answer.
fn again() -> Problem {
    Problem::try_again()
}

/// The record of a payment, made if it may be; nothing if there is none, or the sandbox has one.
async fn begin(store: &Store, session: &Session, is_new: bool) -> Result<Option<Row>, Problem> {
    let (payment, currency) = (session.payment.to_string(), session.amount.currency.to_string());
    let values = [
        Value::Text(&payment),
        Value::Text(session.sale.as_str()),
        Value::Text(session.sku.as_str()),
        Value::Text(&currency),
        Value::Number(session.amount.minor),
        Value::Number(now().as_millis()),
        Value::Number(is_new.into()),
    ];
    let rows = store.rows(
        "INSERT INTO stripe_sessions (payment, sale, sku, currency, amount_minor, begun_at_ms)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6
         WHERE NOT EXISTS (SELECT 1 FROM sandbox_payments WHERE payment = ?1)
             AND (?7 OR EXISTS (SELECT 1 FROM stripe_sessions WHERE payment = ?1))
         ON CONFLICT (payment) DO UPDATE SET payment = payment RETURNING page, ended",
        &values,
    );
    Ok(rows.await?.into_iter().next())
}

/// Writes down a session that was made, before anybody is told its page; the page.
async fn keep(
    store: &Store,
    stripe: &Stripe,
    session: &Session,
    body: &Json,
) -> Result<String, Problem> {
    let told = Told::read(body).filter(|told| told.payment == Some(session.payment));
    let told = told.ok_or_else(|| unavailable(&"its answer is no session of ours"))?;
    let page = told.page.ok_or_else(|| unavailable(&"the session is over"))?;
    // A shopper is sent nowhere else: over TLS, or to what a test put in Stripe's place.
    if !page.starts_with("https://") && !page.starts_with(&stripe.api) {
        return Err(unavailable(&"its page has no address that a shopper may be sent to"));
    }
    let payment = session.payment.to_string();
    let values = [Value::Text(&payment), Value::Text(&told.id), Value::Text(&page)];
    let kept = store.rows(
        "UPDATE stripe_sessions SET session = ?2, page = ?3
         WHERE payment = ?1 AND ended = 0 RETURNING 1",
        &values,
    );
    if kept.await?.is_empty() {
        return Err(unavailable(&"the payment was ended meanwhile"));
    }
    Ok(page)
}

/// Gives up a payment whose page nobody was told, so that the shopper holds the units again and can
/// begin another; what the shopper is told.
async fn decline(store: &Store, env: &Env, session: &Session, problem: Problem) -> Problem {
    let payment = session.payment;
    let name = payment.to_string();
    let sql =
        "UPDATE stripe_sessions SET ended = 1 WHERE payment = ? AND session IS NULL RETURNING 1";
    match store.rows(sql, &[Value::Text(&name)]).await {
        Err(problem) => return problem,
        // Somebody else's call made the session after all.
        Ok(ended) if ended.is_empty() => return again(),
        Ok(_) => {}
    }
    let stub = InventoryStub::of(env, &session.sale, &session.sku);
    stub.execute(Command::DeclinePayment { payment }).await.err().unwrap_or(problem)
}

/// Ends a payment. One without a session was told to nobody, and from here on never will be.
/// Nothing if the payment was not begun with Stripe.
pub(super) async fn void(
    edge: &Edge,
    env: &Env,
    task: &PaymentTask,
) -> Result<Option<Voided>, Problem> {
    let config = edge.config(env)?;
    let store = Store::open(edge, env).await?;
    let payment = task.payment.to_string();
    let sql = "UPDATE stripe_sessions SET ended = 1 WHERE payment = ?
         RETURNING session, currency, amount_minor";
    let ended = store.rows(sql, &[Value::Text(&payment)]).await?;
    let Some(row) = ended.first() else { return Ok(None) };
    let session = row.text(0);
    if session.is_empty() {
        return Ok(Some(Voided::Yes));
    }
    let stripe = settings(&config)?;
    let expire = format!("{SESSIONS}/{session}/expire");
    // Without a key: Stripe would keep the first answer, also one that is overtaken.
    let told = match call(stripe, &expire, Some(""), None).await? {
        (Answer::Done, body) => Told::read(&body),
        // It is open no longer; how it ended is in the session itself.
        (Answer::Refused, _) => look(stripe, &session).await?,
        _ => None,
    };
    let told = told.ok_or_else(|| unavailable(&"the session was not ended"))?;
    match told.standing {
        Standing::Ended => Ok(Some(Voided::Yes)),
        Standing::Paid => {
            let amount_minor = worth(told.number, &told.currency, owed(row, 1)?);
            Ok(Some(Voided::TooLate { amount_minor }))
        }
        Standing::Pending => Ok(Some(Voided::NotYet)),
        Standing::Open => Err(unavailable(&"the session is still open")),
    }
}

/// What is owed, by a row with currency and amount from this column on.
fn owed(row: &Row, column: u32) -> Result<Money, Problem> {
    let currency = row.text(column).parse().map_err(|error| unavailable(&error))?;
    Ok(Money { minor: row.number(column.saturating_add(1)), currency })
}

async fn look(stripe: &Stripe, session: &str) -> Result<Option<Told>, Problem> {
    let (_, body) = call(stripe, &format!("{SESSIONS}/{session}"), None, None).await?;
    Ok(Told::read(&body))
}

/// Gives back all that was paid. What was given back before is. Nothing if the payment was not begun
/// with Stripe.
pub(super) async fn refund(
    edge: &Edge,
    env: &Env,
    task: &PaymentTask,
) -> Result<Option<()>, Problem> {
    let config = edge.config(env)?;
    let payment = task.payment.to_string();
    let sql = "SELECT session FROM stripe_sessions WHERE payment = ?";
    let rows = Store::open(edge, env).await?.rows(sql, &[Value::Text(&payment)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let stripe = settings(&config)?;
    let told = look(stripe, &row.text(0)).await?;
    let told = told.ok_or_else(|| unavailable(&"the session to refund was not found"))?;
    let intent = match told.payment_intent {
        Some(intent) => intent,
        None if told.number == 0 => return Ok(Some(())),
        None => return Err(unavailable(&"there is nothing to refund by")),
    };
    let form = refund_form(&intent, task.payment);
    let key = format!("{payment}.refund");
    let (answer, body) = call(stripe, REFUNDS, Some(&form), Some(&key)).await?;
    let status = body.get("status").and_then(Json::as_str).unwrap_or_default();
    match answer {
        Answer::Done if !matches!(status, "failed" | "canceled") => Ok(Some(())),
        Answer::Refused if error(&body, "code") == "charge_already_refunded" => Ok(Some(())),
        _ => Err(unavailable(&format!("{payment} was not refunded: {status}"))),
    }
}

/// `POST /v1/webhooks/stripe`. What is not taken, Stripe sends again for three days and then
/// complains of; so only what somebody has to see to is a problem.
pub(crate) async fn webhook(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
) -> Result<Reply, Problem> {
    let config = edge.config(env)?;
    let stripe = settings(&config)?;
    let body = request.any_body(WEBHOOK_LEN_MAX).await?;
    let signature = request.header(Header::StripeSignature).unwrap_or_default();
    let invalid = |detail: String| Problem::new(ProblemKind::WebhookInvalid, detail);
    verify_webhook(&stripe.webhook_keys, signature, &body, now(), WEBHOOK_TOLERANCE)
        .map_err(|error| invalid(format!("The signature does not hold: {error}.")))?;
    let report = std::str::from_utf8(&body).ok().and_then(Report::read);
    let report = report.ok_or_else(|| invalid("The body is not an event of Stripe's.".into()))?;
    hear(edge, env, stripe, report).await?;
    Ok(Reply::json(&serde_json::json!({ "received": true })))
}

async fn hear(edge: &Edge, env: &Env, stripe: &Stripe, report: Report) -> Result<(), Problem> {
    let (Report::Paid(told) | Report::Failed(told) | Report::Ended(told)) = &report else {
        return Ok(());
    };
    // Another product of the same account.
    let Some(payment) = told.payment else { return Ok(()) };
    let name = payment.to_string();
    let known = Store::open(edge, env).await?;
    let values = [Value::Text(&name), Value::Text(&told.id)];
    let known = known.rows(
        "UPDATE stripe_sessions SET session = COALESCE(session, ?2) WHERE payment = ?1
         RETURNING session, sale, sku, currency, amount_minor",
        &values,
    );
    let known = known.await?;
    let row = match known.first() {
        Some(row) if row.text(0) == told.id => row,
        // Another shop of the same account.
        None if told.shop != stripe.origin => return Ok(()),
        _ => {
            let detail = format!("This shop began no payment {name} by the session {}.", told.id);
            return Err(Problem::new(ProblemKind::PaymentUnknown, detail));
        }
    };
    let named = |column| row.text(column);
    let sale = named(1).parse().map_err(|error| unavailable(&error))?;
    let sku = named(2).parse().map_err(|error| unavailable(&error))?;
    let command = match report {
        Report::Paid(ref told) => {
            let amount_minor = worth(told.number, &told.currency, owed(row, 3)?);
            Command::Allocate { payment, amount_minor }
        }
        Report::Failed(_) => Command::DeclinePayment { payment },
        _ => Command::VoidPayment { payment },
    };
    let reply = InventoryStub::of(env, &sale, &sku).execute(command).await?;
    if let Answered::RefundDue { payment } = reply {
        worker::console_log!("payment {payment} bought nothing and will be given back");
    }
    Ok(())
}
