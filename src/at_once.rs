//! What is asked most in the busiest minute, answered from memory in one step: whether it is one's
//! turn; what there is; and that it is sold out, where the platform has no limiter of its own.
//!
//! Whoever cannot be answered here goes the long way, through `router`, and is told the same; but
//! a page of another site is told there that it is one, and polls are counted by address there, and
//! by ticket here. The short way is there for its shortness: what the processor has to bring near
//! for a request, code as much as data, costs more than what it then does with it
//! (docs/performance.md).

use doorbuster_domain::inventory::Rejection;
use doorbuster_wire::route::{self, Operation};

use crate::edge::{Edge, now};
use crate::http::{Head, Header, Heads, Reply};
use crate::line::{self, Sent};
use crate::problem::Problem;
use crate::room;
use crate::router::completed;

/// The code of the reply that something is sold out.
const SOLD_OUT: u32 = 1;
/// The code of a reply that only this request gets: too many came. `edge.mjs` keeps it for nobody.
const REFUSED: u32 = 2;

/// The text of the reply to a poll, given its address and the headers that say whose it is, in
/// lines: ticket, shopper, cookies. Nothing if it has to go the long way.
pub(crate) fn poll(edge: &Edge, heads: &Heads, poll: &str) -> Option<String> {
    let mut lines = poll.split('\n');
    let mut line = || lines.next().filter(|line| !line.is_empty());
    let (url, ticket, shopper, cookies) = (line()?, line(), line(), line());
    let head = Head::of_url("GET", url);
    let (route, [sale, ..]) = route::find(head.method, head.path).ok()?;
    if route.operation != Operation::Poll || !head.query.is_empty() {
        return None;
    }
    let sent = Sent::of(head.secure, [shopper, ticket, cookies], sale)?;
    let told = line::poll_at_once(edge, &sent, now())?;
    let (turn, quota) = match told {
        Ok(told) => told,
        Err(problem) => return Some(problem.into_reply().into_text(heads)),
    };
    if let Some(code) = edge.turn_head.get().filter(|_| !quota.is_running_out()) {
        return Some(Reply::written_after(*code, &turn));
    }
    let reply = completed(Reply::written(&turn), route, Some(quota));
    if let Some(code) = heads.code(&reply) {
        edge.turn_head.get_or_init(|| code);
    }
    Some(reply.into_text(heads))
}

/// The code of a reply that others get, too, given a request's head: of the catalog, or that what
/// somebody wants to reserve is sold out. 0 if it has to go the long way.
///
/// That something is sold out is said whoever asks, and changes nothing; so of the request only the
/// address and the client are told.
pub(crate) fn known(edge: &Edge, head: &Head<'_>) -> u32 {
    let now = now();
    let code = || {
        let (route, [first, second, _]) = route::find(head.method, head.path).ok()?;
        let tags = head.told(Header::IfNoneMatch);
        let code = match route.operation {
            Operation::Reserve => {
                room::is_known_sold_out(edge, first, second, now).then_some(SOLD_OUT)
            }
            Operation::ListProducts => edge.catalog.fresh(now)?.code(None, tags),
            Operation::ShowProduct => edge.catalog.fresh(now)?.code(Some(first), tags),
            _ => None,
        };
        let code = code?;
        match edge.limits(&edge.env).check(route.class, head.client, now) {
            Ok(_) => Some(code),
            Err(problem) => {
                edge.refused.set(Some(problem));
                Some(REFUSED)
            }
        }
    };
    code().unwrap_or_default()
}

/// The reply of a code that `known` gave in the same step.
pub(crate) fn kept(edge: &Edge, code: u32) -> Option<Reply> {
    match code {
        SOLD_OUT => Some(Problem::from(Rejection::SoldOut).into_reply()),
        REFUSED => edge.refused.take().map(Problem::into_reply),
        _ => edge.catalog.known()?.reply_of(code),
    }
}
