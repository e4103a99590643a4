//! Reserves of one SKU that came at the same moment, taken up together: what they need is near,
//! code as much as data, and their object is asked once for all of them.
//!
//! One request does it for the others. So all here is done by what is at hand; who needs more, such
//! as a newer status, is told to begin alone, on the long way. `entry.mjs` has asked the platform's
//! limiter before, and all of them send a pass, as no page of another site can.

use std::rc::Rc;

use doorbuster_domain::time::Timestamp;
use doorbuster_wire::route::{self, Operation, Route};

use crate::edge::{Edge, now};
use crate::http::{Heads, Request};
use crate::limits::Quota;
use crate::objects;
use crate::problem::Problem;
use crate::reservations::{self, Admitted, Place};
use crate::room;
use crate::router::completed;
use crate::steps::{Question, Waiting};

/// Stands between what belongs to one request and what to the next. `together.mjs` sees to it that
/// none has it in itself, and no reply does: neither fields nor JSON have control characters.
const APART: char = '\u{1e}';

/// Few replies are longer, in bytes.
const REPLY_LEN: usize = 640;

/// A reserve that waits for its object.
struct Asked {
    admitted: Admitted,
    route: &'static Route,
    quota: Option<Quota>,
}

/// Begins with requests, each with its head and body: what their object is to be asked, as
/// `Waiting::begin` says it, and for each of them `@` if it waits for that, its reply, or nothing
/// if it has to begin alone.
pub(crate) fn begin(edge: &Rc<Edge>, waiting: &Waiting, requests: &str) -> String {
    let now = now();
    let (mut question, mut asked) = (None::<Question>, Vec::new());
    let mut steps = String::new();
    for request in requests.split(APART) {
        steps.push(APART);
        match begin_one(edge, &Request::of_whole(request), now) {
            Some(Ok((asks, one))) if is_of(question.as_ref(), &asks) => {
                add(&mut question, asks);
                steps.push('@');
                asked.push(one);
            }
            Some(Err(problem)) => steps.push_str(&problem.into_reply().into_text(waiting.heads())),
            Some(Ok(_)) | None => {}
        }
    }
    if let Some(question) = question {
        let edge = Rc::clone(edge);
        let then = move |said: Option<String>, heads: &Heads| {
            replies(&edge, asked, said.as_deref(), heads)
        };
        steps.insert_str(0, &waiting.ask(&question, now, then));
    }
    steps
}

/// Whether a line can be added to what is asked: it is for the same object.
fn is_of(question: Option<&Question>, asks: &Question) -> bool {
    question.is_none_or(|question| question.name == asks.name)
}

fn add(question: &mut Option<Question>, asks: Question) {
    match question {
        None => *question = Some(asks),
        Some(question) => {
            question.line.push('\n');
            question.line.push_str(&asks.line);
        }
    }
}

/// Begins to reserve, if all that it takes until the object is asked is at hand: what the
/// object is to be asked, or why not.
fn begin_one(
    edge: &Edge,
    request: &Request<'_>,
    now: Timestamp,
) -> Option<Result<(Question, Asked), Problem>> {
    let (route, [sale, sku, _]) = route::find(request.method, request.path).ok()?;
    if route.operation != Operation::Reserve {
        return None;
    }
    let place = Place::parse(sale, sku).ok()?;
    room::is_known_on_offer(edge, &place, now).then(|| {
        let quota = edge.limits(&edge.env).check(route.class, request.client, now)?;
        let (admitted, question) = reservations::begin(edge, request, place, now)?;
        Ok((question, Asked { admitted, route, quota }))
    })
}

/// The replies, of what the object said: a line for each.
fn replies(edge: &Edge, asked: Vec<Asked>, said: Option<&str>, heads: &Heads) -> String {
    let lines: Option<Vec<&str>> = said.map(|said| said.lines().collect());
    let mut lines = lines.filter(|lines| lines.len() == asked.len()).map(Vec::into_iter);
    let mut texts = String::with_capacity(asked.len().saturating_mul(REPLY_LEN));
    for Asked { admitted, route, quota } in asked {
        let line = lines.as_mut().and_then(Iterator::next);
        let shown = objects::answered(line).and_then(objects::shown);
        let reply = match admitted.reply(edge, shown) {
            Ok(reply) => completed(reply, route, quota),
            Err(problem) => problem.into_reply(),
        };
        if !texts.is_empty() {
            texts.push(APART);
        }
        texts.push_str(&reply.into_text(heads));
    }
    texts
}
