//! What is asked most in the busiest minute, answered from memory in one step: whether it is one's
//! turn; what there is; and that it is sold out, where the platform has no limiter of its own.
//!
//! Whoever cannot be answered here goes the long way, through `router`, and is told the same; but
//! a page of another site is told there that it is one, and polls are counted by address there, and
//! by ticket here. The short way is there for its shortness: what the processor has to bring near
//! for a request, code as much as data, costs more than what it then does with it
//! (docs/performance.md).

use doorbuster_domain::inventory::Rejection;
use doorbuster_wire::json::ToJson as _;
use doorbuster_wire::route::{self, Operation};

use crate::edge::{Edge, now};
use crate::http::{Head, Header, Heads, JSON, Reply};
use crate::line::{self, Sent};
use crate::problem::Problem;
use crate::room;
use crate::router::completed;

/// The code of the reply that something is sold out.
const SOLD_OUT: u32 = 1;
/// The code of a reply that only this request gets: too many came. `edge.mjs` keeps it for nobody.
const REFUSED: u32 = 2;

/// The address of a poll is this, the sale, and that; `wire/src/route.rs` has it as well.
const TURN: (&str, &str) = ("/v1/sales/", "/turn");

/// What is told to a poll, given its address and the headers that say whose it is: shopper, ticket,
/// cookies. An object of JSON if it is a turn, to be sent with `turn_head`; else the text of a
/// reply. Nothing if it has to go the long way.
pub(crate) fn poll(
    edge: &Edge,
    heads: &Heads,
    url: &str,
    headers: [Option<&str>; 3],
) -> Option<String> {
    let Head { secure, path, query: "", .. } = Head::of_url("GET", url) else { return None };
    let sale = path.strip_prefix(TURN.0)?.strip_suffix(TURN.1)?;
    let headers = headers.map(|value| value.filter(|value| !value.is_empty()));
    let sent = Sent::of(secure, headers, sale)?;
    match line::poll_at_once(edge, &sent, now())? {
        Ok((turn, quota)) if quota.is_running_out() => {
            let (route, _) = route::find("GET", path).ok()?;
            let reply = completed(Reply::written(&turn), route, Some(quota));
            Some(reply.into_text(heads))
        }
        Ok((turn, _)) => Some(turn.to_json()),
        Err(problem) => Some(problem.into_reply().into_text(heads)),
    }
}

/// The head that turns are sent with: status and fields, a line for each.
pub(crate) fn turn_head() -> Option<String> {
    let path = format!("{}sale{}", TURN.0, TURN.1);
    let (route, _) = route::find("GET", &path).ok()?;
    Some(completed(Reply::text(JSON, String::new()), route, None).into_full_text())
}

/// The code of a reply that others get, too, given a request's head: of the catalog, or that what
/// somebody wants to reserve is sold out. `REFUSED` if too many came, and 0 if it has to go the
/// long way.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_has_the_head_of_its_route() {
        let (route, [sale, ..]) = route::find("GET", "/v1/sales/drop/turn").unwrap();
        assert_eq!((route.operation, sale), (Operation::Poll, "drop"));
        assert_eq!(route.path, format!("{}{{sale}}{}", TURN.0, TURN.1));
        let fields = "content-type: application/json\nx-content-type-options: nosniff\n\
                      cache-control: private, no-store\n";
        assert_eq!(turn_head(), Some(format!("200\n{fields}\n\n")));
    }
}
