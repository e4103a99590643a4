//! Stripe Checkout by redirect: what `domain/src/stripe/` decides, carried out.
//!
//! A page of Stripe's is told to a shopper only after its session is written down. So whoever ends
//! a payment knows its session, or knows that nobody can have paid it: see ADR 0016.

mod api;

use doorbuster_domain::id::PaymentId;
use doorbuster_domain::money::Money;
use doorbuster_domain::sealed::verify_webhook;
use doorbuster_domain::stripe::{
    Answer, Checkout, CheckoutLine, REFUNDS, Report, SESSIONS, Session as Told, Standing,
    refund as refund_form, session_ends_at, worth,
};
use doorbuster_domain::time::Millis;
use doorbuster_wire::problem::ProblemKind;
use worker::Env;

use self::api::{CODE, Json, call, unavailable};
use super::together::{self, Together};
use super::{Heard, Line, Session, Voided, tell};
use crate::config::{Config, Stripe};
use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::problem::{Problem, sentence};
use crate::store::{Row, Store, Value};

/// How far a webhook's time may be from ours, either way: Stripe's own default.
const WEBHOOK_TOLERANCE: Millis = Millis::from_secs(300);
/// Events about sessions are a few KiB; others, which are passed over, may be longer.
const WEBHOOK_LEN_MAX: u32 = 256 * 1024;

/// The settings, also for what was begun before payments were switched to another provider.
fn settings(config: &Config) -> Result<&Stripe, Problem> {
    config.stripe.as_ref().ok_or_else(|| {
        Problem::new(
            ProblemKind::NotConfigured,
            "Stripe is not set up; the log says what is missing.",
        )
    })
}

/// Opens a session, or finds the one that is open already; the address of its page. Nothing if the
/// payment was begun with the sandbox, or was not begun and is not to begin here (`is_new`).
pub(super) async fn create_session(
    edge: &Edge,
    config: &Config,
    env: &Env,
    session: &Session,
    is_new: bool,
) -> Result<Option<String>, Problem> {
    let store = Store::open(edge, env).await?;
    let Some(record) = begin(&store, session, is_new).await? else { return Ok(None) };
    let (page, is_ended) = (record.text(0), record.number(1) > 0);
    if !page.is_empty() && !is_ended {
        return Ok(Some(page));
    }
    let stripe = settings(config)?;
    let problem = if is_ended {
        Problem::try_again()
    } else {
        match make(stripe, session).await? {
            Ok(told) => return keep(&store, stripe, session, told).await.map(Some),
            Err(problem) => problem,
        }
    };
    Err(decline(&store, env, session, problem).await)
}

/// Has Stripe make a session; the session, or with what problem the payment is given up.
async fn make<'s>(stripe: &Stripe, session: &'s Session) -> Result<Result<Told, Problem>, Problem> {
    let line = |line: &'s Line| CheckoutLine {
        payment: line.payment,
        sku: &line.sku,
        title: &line.title,
        quantity: line.quantity,
        amount: line.amount,
    };
    let payment = session.lead.payment;
    let checkout = Checkout {
        payment,
        sale: &session.sale,
        lines: session.lines().map(line).collect(),
        ends_at: session_ends_at(session.expires_at, now()),
        origin: &stripe.origin,
    };
    let form = match checkout.form() {
        Ok(form) => form,
        Err(error) => return Ok(Err(refused(&sentence(&error.to_string())))),
    };
    let key = payment.to_string();
    let (answer, body) = call(stripe, SESSIONS, Some(&form), Some(&key)).await?;
    match answer {
        Answer::Done => {
            let told = body.session().filter(|told| told.payment == Some(payment));
            told.map(Ok).ok_or_else(|| unavailable(&"its answer is no session of ours"))
        }
        Answer::Refused => Ok(Err(refused(match body.text(CODE).as_str() {
            "amount_too_small" => "The amount is below the least that Stripe charges.",
            "amount_too_large" => "The amount is above the most that Stripe charges.",
            _ => "Tell the shop: its log says why.",
        }))),
        // This payment comes to nothing; the next has another name, and so another answer.
        Answer::Failed => Ok(Err(Problem::try_again())),
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

/// The record of a payment, made if it may be; nothing if there is none, or the sandbox has one.
async fn begin(store: &Store, session: &Session, is_new: bool) -> Result<Option<Row>, Problem> {
    let payment = session.lead.payment.to_string();
    let values = [
        Value::Text(&payment),
        Value::Text(session.sale.as_str()),
        Value::Text(session.lead.sku.as_str()),
        Value::Text(session.amount.currency.as_str()),
        Value::Number(session.amount.minor),
        Value::Number(now().as_millis()),
        Value::Number(is_new.into()),
        Value::Number((!session.others.is_empty()).into()),
    ];
    let rows = store.rows(
        "INSERT INTO stripe_sessions (payment, sale, sku, currency, amount_minor, begun_at_ms)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6
         WHERE NOT EXISTS (SELECT 1 FROM sandbox_payments WHERE payment = ?1)
             AND (?7 OR EXISTS (SELECT 1 FROM stripe_sessions WHERE payment = ?1))
             AND (?8 OR NOT EXISTS (SELECT 1 FROM payment_parts WHERE payment = ?1))
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
    told: Told,
) -> Result<String, Problem> {
    let page = told.page.ok_or_else(|| unavailable(&"the session is over"))?;
    // A shopper is sent nowhere else: over TLS, or to what a test put in Stripe's place.
    if !page.starts_with("https://") && !page.starts_with(&stripe.api) {
        return Err(unavailable(&"its page has no address that a shopper may be sent to"));
    }
    let payment = session.lead.payment.to_string();
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
    let name = session.lead.payment.to_string();
    let sql =
        "UPDATE stripe_sessions SET ended = 1 WHERE payment = ? AND session IS NULL RETURNING 1";
    match store.rows(sql, &[Value::Text(&name)]).await {
        Err(problem) => return problem,
        // Somebody else's call made the session after all.
        Ok(ended) if ended.is_empty() => return Problem::try_again(),
        Ok(_) => {}
    }
    for Line { sku, payment, .. } in session.lines() {
        if let Err(problem) = tell(env, (&session.sale, sku), Heard::Declined.of(*payment)).await {
            return problem;
        }
    }
    problem
}

/// Ends a payment. One without a session was told to nobody, and from here on never will be.
/// Nothing if the payment was not begun with Stripe.
pub(super) async fn void(
    edge: &Edge,
    env: &Env,
    payment: PaymentId,
) -> Result<Option<Voided>, Problem> {
    let config = edge.config(env)?;
    let store = Store::open(edge, env).await?;
    let payment = payment.to_string();
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
        (Answer::Done, body) => body.session(),
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
    Ok(body.session())
}

/// Gives back what was paid for a payment: all of the session (`lead`), or the part of it that it
/// was. What was given back before is. Nothing if the payment was not begun with Stripe.
pub(super) async fn refund(
    edge: &Edge,
    env: &Env,
    (payment, lead): (PaymentId, PaymentId),
    all: &Together,
) -> Result<Option<()>, Problem> {
    let config = edge.config(env)?;
    let sql = "SELECT session FROM stripe_sessions WHERE payment = ?";
    let lead = lead.to_string();
    let rows = Store::open(edge, env).await?.rows(sql, &[Value::Text(&lead)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let stripe = settings(&config)?;
    let told = look(stripe, &row.text(0)).await?;
    let told = told.ok_or_else(|| unavailable(&"the session to refund was not found"))?;
    // Of another sum than was asked for, nothing is one payment's or the other's: all goes back.
    let is_owed = |owed: &Money| worth(told.number, &told.currency, *owed) == owed.minor;
    let is_shared = all.owed().as_ref().is_some_and(is_owed);
    let part = all.find(payment).filter(|_| is_shared).map(|part| part.amount);
    let intent = match told.payment_intent {
        Some(intent) => intent,
        None if told.number == 0 => return Ok(Some(())),
        None => return Err(unavailable(&"there is nothing to refund by")),
    };
    let form = refund_form(&intent, payment, part).map_err(|error| unavailable(&error))?;
    let key = format!("{payment}.refund");
    let (answer, body) = call(stripe, REFUNDS, Some(&form), Some(&key)).await?;
    let status = body.text("status");
    match answer {
        Answer::Done if !matches!(status.as_str(), "failed" | "canceled") => Ok(Some(())),
        Answer::Refused if body.text(CODE) == "charge_already_refunded" => Ok(Some(())),
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
    let event = Json::parse(&String::from_utf8_lossy(&body));
    let report = Report::read(&|path| event.get(path));
    let report = report.ok_or_else(|| invalid("The body is not an event of Stripe's.".into()))?;
    hear(edge, env, stripe, report).await?;
    Ok(Reply::said("received", "true"))
}

async fn hear(edge: &Edge, env: &Env, stripe: &Stripe, report: Report) -> Result<(), Problem> {
    let (Report::Paid(told) | Report::Failed(told) | Report::Ended(told)) = &report else {
        return Ok(());
    };
    // Another product of the same account.
    let Some(payment) = told.payment else { return Ok(()) };
    let name = payment.to_string();
    let store = Store::open(edge, env).await?;
    let values = [Value::Text(&name), Value::Text(&told.id)];
    let known = store.rows(
        "UPDATE stripe_sessions SET session = COALESCE(session, ?2) WHERE payment = ?1
         RETURNING session, sale, sku, currency, amount_minor,
             EXISTS (SELECT 1 FROM payment_parts p WHERE p.payment = stripe_sessions.payment)",
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
    let heard = match report {
        Report::Paid(ref told) => {
            let amount_minor = worth(told.number, &told.currency, owed(row, 3)?);
            Heard::Paid { amount_minor }
        }
        Report::Failed(_) => Heard::Declined,
        _ => Heard::Ended,
    };
    if row.number(5) > 0 {
        let all = together::of(&store, payment).await?;
        return all.tell(env, heard, None).await;
    }
    let named = |column| row.text(column);
    let sale = named(1).parse().map_err(|error| unavailable(&error))?;
    let sku = named(2).parse().map_err(|error| unavailable(&error))?;
    tell(env, (&sale, &sku), heard.of(payment)).await
}
