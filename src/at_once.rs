//! What is asked most in the busiest minute, answered from memory in one step: whether it is one's
//! turn; what there is; and that it is sold out, where the platform has no limiter of its own.
//!
//! Whoever cannot be answered here goes the long way, through `router`, and is told the same; but
//! a page of another site is told there that it is one. The short way is there for its shortness:
//! what the processor has to bring near for a request, code as much as data, costs more than what
//! it then does with it (docs/performance.md).

use std::rc::Rc;

use doorbuster_wire::route::{self, Operation};

use crate::catalog::Snapshot;
use crate::edge::{Edge, now};
use crate::http::{Head, Header, Reply, header_of_current};
use crate::line::{self, Waiter};
use crate::room;
use crate::router::completed;

/// What there is for an answer.
enum AtHand<'h> {
    Turn(Waiter),
    /// The whole catalog, or a product of it.
    Catalog(Rc<Snapshot>, Option<&'h str>),
}

/// The answer to a request, if all that it takes is at hand.
pub(crate) fn answer(edge: &Edge, head: &Head<'_>) -> Option<Reply> {
    let (route, [first, ..]) = route::find(head.method, head.path).ok()?;
    let now = now();
    let at_hand = match route.operation {
        Operation::Poll => AtHand::Turn(line::waiter(edge, head, first, now)?),
        Operation::ListProducts => AtHand::Catalog(edge.catalog.fresh(now)?, None),
        Operation::ShowProduct => AtHand::Catalog(edge.catalog.fresh(now)?, Some(first)),
        _ => return None,
    };
    let quota = match edge.limits(&edge.env).check(route.class, head.client, now) {
        Ok(quota) => quota,
        Err(problem) => return Some(problem.into_reply()),
    };
    let reply = match at_hand {
        AtHand::Turn(waiter) => waiter.reply(edge, now),
        AtHand::Catalog(snapshot, handle) => {
            let tags = header_of_current(Header::IfNoneMatch);
            match snapshot.reply(handle, tags.as_deref()) {
                Ok(reply) => reply,
                Err(problem) => return Some(problem.into_reply()),
            }
        }
    };
    Some(completed(reply, route, quota))
}

/// That what somebody wants to reserve is sold out, if that is known. It is said whoever asks, and
/// changes nothing; so of the request only the address and the client are told.
pub(crate) fn refuse(edge: &Edge, head: &Head<'_>) -> Option<Reply> {
    let (route, [sale, sku, _]) = route::find(head.method, head.path).ok()?;
    let now = now();
    if route.operation != Operation::Reserve || !room::is_known_sold_out(edge, sale, sku, now) {
        return None;
    }
    Some(match edge.limits(&edge.env).check(route.class, head.client, now) {
        Ok(_) => edge.sold_out.clone(),
        Err(problem) => problem.into_reply(),
    })
}
