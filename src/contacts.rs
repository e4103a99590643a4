//! Who orders are for: kept in D1, sealed, until somebody has it erased.
//!
//! It goes nowhere else: not into a journal, a queue, a log, a webhook or to the payment provider
//! (docs/adr/0017-contacts-are-sealed-and-can-be-erased.md).

use doorbuster_domain::contact::{ContactKeys, FORGOTTEN_AFTER, may_be_left, mistakes};
use doorbuster_domain::id::OrderId;
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::route::Operation;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::config;
use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::problem::{Problem, sentence};
use crate::reservations::{self, Place};
use crate::store::Store;

/// The longest body, in bytes. The longest contact has less than 800 characters, each of which may
/// be written as 12.
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
    fn lines_of(json: &str) -> Option<String>;

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

/// Does what was asked for with a contact, and answers with what is there then: for the shopper of
/// a reservation, also after it has become an order; for the merchant, of what is in the books.
pub(crate) async fn answer(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    operation: Operation,
    [first, second, third]: [&str; 3],
) -> Result<Reply, Problem> {
    let config = edge.config(env)?;
    let (sql, of_merchant) = match operation {
        Operation::PutContact => (PUT, false),
        Operation::ShowContact => (SHOW, false),
        Operation::ShowOrderContact => (SHOW_OF_ORDER, true),
        _ => (ERASE, operation == Operation::EraseOrderContact),
    };
    // Who has lost the keys has to be able to erase all the more.
    let keys = match &config.contact_keys {
        Some(keys) => keys.as_str(),
        None if sql == ERASE => "",
        None => return Err(config::no_contact_keys()),
    };
    let text = if sql == PUT { asked(request).await? } else { String::new() };
    let unknown = || Problem::new(ProblemKind::OrderNotFound, "No such order is in the books.");
    let order: OrderId = if of_merchant {
        first.parse().map_err(|_| unknown())?
    } else {
        let place = Place::parse(first, second)?;
        let view = reservations::own(edge, request, env, &place, third, Operation::ShowReservation)
            .await?;
        if sql == PUT {
            may_be_left(view.state)?;
        }
        view.reservation.order()
    };
    Store::open(edge, env).await?;
    let (order, now) = (order.to_string(), now());
    let (at, forget_at) = (number(now), number(now.plus(FORGOTTEN_AFTER)));
    let said = JsFuture::from(run_on_one(env, keys, &order, sql, &text, at, forget_at)).await;
    let said = said.map_err(|error| Problem::unavailable("contacts", &error))?;
    let contact = match said.as_string() {
        Some(key) if !key.starts_with('{') => {
            let detail = format!(
                "It is sealed with the key {key}. CONTACT_KEYS has none of this id any more, or \
                 another one: the operator has to put it back."
            );
            return Err(Problem::new(ProblemKind::ContactUnreadable, detail));
        }
        Some(text) => text,
        None if sql == SHOW_OF_ORDER && said.is_undefined() => return Err(unknown()),
        None if sql == PUT => text,
        None => "null".to_owned(),
    };
    Ok(Reply::text("application/json", format!(r#"{{"contact":{contact}}}"#)))
}

/// A contact as it is sealed, unless something is wrong with it: then everything that is.
async fn asked(request: &Request<'_>) -> Result<String, Problem> {
    let body = request.body("application/json", BODY_LEN_MAX).await?;
    let lines = String::from_utf8(body).ok().and_then(|text| lines_of(&text)).unwrap_or_default();
    let Some((contact, parts)) = lines.split_once('\n') else {
        return Err(Problem::new(ProblemKind::BodyMalformed, "It is not JSON."));
    };
    let mut problem = Problem::body_invalid();
    let mut is_good = true;
    mistakes(parts, |pointer, error| {
        is_good = false;
        problem.add(pointer, sentence(&error.to_string()));
    });
    if is_good { Ok(contact.to_owned()) } else { Err(problem) }
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
