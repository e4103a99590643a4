//! A queue at its worst, for the tests that show what the consumer keeps all the same. A release
//! build does not contain this file.
//!
//! What it remembers lies beside the wasm instance, which ends with every crash.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use js_sys::Reflect;
use serde_json::{Map, Value};
use wasm_bindgen::JsValue;
use worker::Env;

use crate::edge::Edge;
use crate::settlement;

/// What happens to a delivery, each in its turn.
const FAULTS: [&str; 8] = [
    "well",
    "lost",
    "twice",
    "at_once",
    "half_late_and_backwards",
    BEFORE_THE_BOOKS,
    BEFORE_THE_REPORT,
    BEFORE_THE_ACK,
];

/// The consumer crashes here: nothing is done yet.
pub(crate) const BEFORE_THE_BOOKS: &str = "crash_before_the_books";
/// The consumer crashes here: the orders are in the books, and no Inventory knows of it.
pub(crate) const BEFORE_THE_REPORT: &str = "crash_before_the_report";
/// The consumer crashes here: all is done, and the queue does not know of it.
const BEFORE_THE_ACK: &str = "crash_before_the_ack";

/// How many deliveries are to be bad still.
const LEFT: &str = "left";
/// How many were.
const TURN: &str = "turn";
/// The place of the only fault there is to be, counted from 1.
const ONLY: &str = "only";

/// Lets so many deliveries of orders from now on be bad ones, of one kind or of each in turn; how
/// often each fault has struck.
pub(crate) fn set(left: u32, only: &str) -> Value {
    put(LEFT, left);
    let place = FAULTS.iter().zip(1_u32..).find(|(fault, _)| **fault == only);
    put(ONLY, place.map_or(0, |(_, place)| place));
    let struck = |fault: &&str| ((*fault).to_owned(), Value::from(get(&format!("struck {fault}"))));
    Value::Object(FAULTS.iter().map(struck).collect::<Map<_, _>>())
}

/// Delivers a batch, badly if it is to be.
pub(crate) async fn deliver(edge: &Edge, queue: &str, bodies: &str, env: &Env) -> Vec<bool> {
    let left = get(LEFT);
    if left == 0 || !queue.ends_with("-orders") {
        return settlement::consume(edge, queue, bodies, env).await;
    }
    put(LEFT, left.saturating_sub(1));
    let turn = get(TURN);
    put(TURN, turn.wrapping_add(1));
    let turn = get(ONLY).checked_sub(1).unwrap_or(turn);
    let fault = FAULTS.iter().cycle().nth(turn as usize).copied().unwrap_or("well");
    let consume = || settlement::consume(edge, queue, bodies, env);
    match fault {
        "lost" => {
            struck(fault);
            all_done(bodies)
        }
        "twice" => {
            consume().await;
            struck(fault);
            consume().await
        }
        "at_once" => {
            struck(fault);
            both(consume(), consume()).await
        }
        "half_late_and_backwards" => {
            struck(fault);
            half(edge, queue, bodies, env).await
        }
        BEFORE_THE_ACK => {
            consume().await;
            struck(fault);
            crash()
        }
        BEFORE_THE_BOOKS | BEFORE_THE_REPORT => {
            put(fault, 1);
            consume().await
        }
        _ => {
            struck(fault);
            consume().await
        }
    }
}

/// Crashes the consumer at a step if that is its turn.
pub(crate) fn crash_if_due(step: &str) {
    if get(step) > 0 {
        put(step, 0);
        struck(step);
        crash();
    }
}

#[expect(clippy::panic, reason = "to panic is what it is for")]
fn crash() -> ! {
    panic!("a test asked for this panic")
}

fn parsed(bodies: &str) -> Vec<Value> {
    serde_json::from_str(bodies).unwrap_or_default()
}

fn all_done(bodies: &str) -> Vec<bool> {
    vec![true; parsed(bodies).len()]
}

/// Only every second message arrives, the last first. The others come another time, among others.
async fn half(edge: &Edge, queue: &str, bodies: &str, env: &Env) -> Vec<bool> {
    let bodies = parsed(bodies);
    let some: Vec<&Value> = bodies.iter().step_by(2).rev().collect();
    let some = serde_json::to_string(&some).unwrap_or_default();
    let verdicts = settlement::consume(edge, queue, &some, env).await;
    let mut verdicts = verdicts.into_iter().rev();
    let is_here = |place: usize| place.is_multiple_of(2);
    (0..bodies.len()).map(|place| is_here(place) && verdicts.next().unwrap_or(false)).collect()
}

/// Two deliveries at the same moment; what the second says.
async fn both(
    first: impl Future<Output = Vec<bool>>,
    second: impl Future<Output = Vec<bool>>,
) -> Vec<bool> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut one, mut other) = (None, None);
    poll_fn(move |context| {
        advance(first.as_mut(), &mut one, context);
        advance(second.as_mut(), &mut other, context);
        match (&one, other.take()) {
            (Some(_), Some(verdicts)) => Poll::Ready(verdicts),
            (None, done) => {
                other = done;
                Poll::Pending
            }
            _ => Poll::Pending,
        }
    })
    .await
}

fn advance<T>(
    future: Pin<&mut impl Future<Output = T>>,
    done: &mut Option<T>,
    context: &mut Context<'_>,
) {
    if done.is_none()
        && let Poll::Ready(value) = future.poll(context)
    {
        *done = Some(value);
    }
}

fn struck(fault: &str) {
    let name = format!("struck {fault}");
    put(&name, get(&name).saturating_add(1));
}

/// A number that outlives the wasm instance.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was a u32")]
fn get(name: &str) -> u32 {
    let known = Reflect::get(&js_sys::global(), &key(name));
    known.ok().and_then(|value| value.as_f64()).unwrap_or_default() as u32
}

fn put(name: &str, number: u32) {
    // Assigning to a property of one's own does not fail.
    let _ = Reflect::set(&js_sys::global(), &key(name), &JsValue::from_f64(number.into()));
}

fn key(name: &str) -> JsValue {
    JsValue::from_str(&format!("bad queue: {name}"))
}
