//! Who orders are for: kept in D1, sealed, until somebody has it erased.
//!
//! It goes nowhere else: not into a journal, a queue, a log, a webhook or to the payment provider
//! (docs/adr/0017-contacts-are-sealed-and-can-be-erased.md).

use doorbuster_domain::contact::{ContactKeys, FORGOTTEN_AFTER, PartError, may_be_left, mistakes};
use doorbuster_domain::id::OrderId;
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::problem::{FieldError, ProblemKind};
use doorbuster_wire::route::Operation;
use js_sys::{Array, Promise};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::config;
use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::problem::{Problem, sentence};
use crate::reservations::{self, Act, Place};
use crate::store::{Row, Store};

/// The longest body, in bytes. The longest contact has less than 800 characters, each of which may be
/// written as 12.
const BODY_LEN_MAX: u32 = 16 * 1024;

const PUT: &str = "INSERT INTO contacts VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (order_id) DO UPDATE SET key_id = ?2, nonce = ?3, sealed = ?4, written_at_ms = ?5,
        forget_at_ms = ?6";
const SHOW: &str = "SELECT key_id, nonce, sealed FROM contacts WHERE order_id = ?1";
/// Of what is no order nothing is shown to the merchant.
const SHOW_OF_ORDER: &str = "SELECT key_id, nonce, sealed FROM orders o
    LEFT JOIN contacts c ON c.order_id = o.order_id WHERE o.order_id = ?1";
const ERASE: &str = "DELETE FROM contacts WHERE order_id = ?1";

/// A contact whose order is there stays until it is erased. Each is looked at once.
const KEEP: &str = "UPDATE contacts SET forget_at_ms = NULL WHERE forget_at_ms <= ?1
    AND EXISTS (SELECT 1 FROM orders o WHERE o.order_id = contacts.order_id)";
const FORGET: &str = "DELETE FROM contacts WHERE forget_at_ms <= ?1";
/// What is sealed with one of these keys, so much at once that it fits into one value (2 MB).
const OLD: &str = "SELECT order_id, key_id, nonce, sealed FROM contacts
    WHERE key_id IN (SELECT value FROM json_each(?1)) LIMIT 250";
/// Writes what was sealed anew, unless it was replaced or erased meanwhile.
const RESEAL: &str = "UPDATE contacts SET key_id = j.value ->> 2, nonce = j.value ->> 3,
        sealed = j.value ->> 4 FROM json_each(?1) j
    WHERE order_id = j.value ->> 0 AND nonce = j.value ->> 1";

#[wasm_bindgen]
extern "C" {
    /// What is in a JSON text; see `contacts.mjs`.
    #[wasm_bindgen(js_name = doorbusterParts)]
    fn parts(json: &str) -> Option<Array>;

    /// Runs a statement about one contact; see `contacts.mjs`.
    #[wasm_bindgen(js_name = doorbusterContact)]
    fn run_on_one(
        env: &Env,
        keys: &str,
        order: &str,
        sql: &str,
        text: &str,
        now: f64,
        forget_at: f64,
    ) -> Promise;

    /// Forgets, and seals anew; see `contacts.mjs`.
    #[wasm_bindgen(js_name = doorbusterContacts)]
    fn run_on_all(
        env: &Env,
        keys: &str,
        now: f64,
        keep: &str,
        forget: &str,
        old: &str,
        reseal: &str,
    ) -> Promise;
}

/// The contact of a reservation, for its shopper, also after it has become an order.
pub(crate) async fn of_shopper(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    place: Place,
    reservation: &str,
    operation: Operation,
) -> Result<Reply, Problem> {
    let is_put = operation == Operation::PutContact;
    let text = if is_put { asked(request).await? } else { String::new() };
    let view = reservations::own(edge, request, env, &place, reservation, Act::Show).await?;
    if is_put {
        may_be_left(view.state)?;
    }
    handle(edge, env, view.reservation.order(), operation, text).await
}

/// The contact of an order in the books, for the merchant.
pub(crate) async fn of_merchant(
    edge: &Edge,
    env: &Env,
    order: &str,
    operation: Operation,
) -> Result<Reply, Problem> {
    let kind = ProblemKind::OrderNotFound;
    let order = order.parse().map_err(|error| Problem::no_such(kind, "order id", &error))?;
    handle(edge, env, order, operation, String::new()).await
}

/// Does what was asked for, and answers with what is there then.
async fn handle(
    edge: &Edge,
    env: &Env,
    order: OrderId,
    operation: Operation,
    text: String,
) -> Result<Reply, Problem> {
    let config = edge.config(env)?;
    let sql = match operation {
        Operation::PutContact => PUT,
        Operation::ShowContact => SHOW,
        Operation::ShowOrderContact => SHOW_OF_ORDER,
        _ => ERASE,
    };
    // Who has lost the keys has to be able to erase all the more.
    let keys = match &config.contact_keys {
        Some(keys) => keys.as_str(),
        None if sql == ERASE => "",
        None => return Err(config::no_contact_keys()),
    };
    Store::open(edge, env).await?;
    let (order, now) = (order.to_string(), now());
    let (at, forget_at) = (number(now), number(now.plus(FORGOTTEN_AFTER)));
    let row = JsFuture::from(run_on_one(env, keys, &order, sql, &text, at, forget_at)).await;
    let row = Row(row.map_err(|error| Problem::unavailable("contacts", &error))?.unchecked_into());
    let (is_there, key, opened) = (row.number(0) > 0, row.text(1), row.text(2));
    if operation == Operation::ShowOrderContact && !is_there {
        return Err(Problem::new(ProblemKind::OrderNotFound, "It is not in the books."));
    }
    if !key.is_empty() && opened.is_empty() {
        let detail = format!(
            "It is sealed with the key {key}. CONTACT_KEYS has none of this id any more, or another \
             one: the operator has to put it back."
        );
        return Err(Problem::new(ProblemKind::ContactUnreadable, detail));
    }
    let contact = [text.as_str(), &opened, "null"].into_iter().find(|text| !text.is_empty());
    let contact = contact.unwrap_or_default();
    Ok(Reply::text("application/json", format!(r#"{{"contact":{contact}}}"#)))
}

/// A contact as it is sealed, unless something is wrong with it: then everything that is.
async fn asked(request: &Request<'_>) -> Result<String, Problem> {
    let body = request.body("application/json", BODY_LEN_MAX).await?;
    let parts = String::from_utf8(body).ok().and_then(|text| parts(&text));
    let parts = parts.ok_or_else(|| Problem::new(ProblemKind::BodyMalformed, "It is not JSON."))?;
    let (len, parts) = (parts.length(), Row(parts));
    let part = |at: u32| (parts.text(at), parts.text(at.saturating_add(1)));
    let mistakes = mistakes(&(1..len).step_by(2).map(part).collect::<Vec<_>>());
    if mistakes.is_empty() {
        return Ok(parts.text(0));
    }
    let error = |(pointer, error): (String, PartError)| FieldError {
        pointer,
        detail: sentence(&error.to_string()),
    };
    Err(Problem::body_invalid(mistakes.into_iter().map(error).collect()))
}

/// Forgets the contacts that have become no order, and seals some anew that were sealed with an old
/// key.
pub(crate) async fn sweep(edge: &Edge, env: &Env) -> Result<(), Problem> {
    let config = edge.config(env)?;
    let keys = config.contact_keys.as_ref().map_or("", ContactKeys::as_str);
    Store::open(edge, env).await?;
    let done = run_on_all(env, keys, number(now()), KEEP, FORGET, OLD, RESEAL);
    let done = JsFuture::from(done).await;
    done.map(drop).map_err(|error| Problem::unavailable("contacts", &error))
}

#[expect(clippy::cast_precision_loss, reason = "moments are far below 2^53")]
fn number(at: Timestamp) -> f64 {
    at.as_millis() as f64
}
