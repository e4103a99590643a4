//! The line in front of a sale: taking a place, asking for one's turn, giving it back.

mod cloudflare;
mod good_tickets;
mod memory;
mod page;
mod turn;
mod words;

use std::rc::Rc;

use doorbuster_domain::id::{BypassName, ShopperId};
use doorbuster_domain::line::{Commitment, Place, Turn};
use doorbuster_domain::sealed::{Bypass, Pass, Ticket};
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_durable::rpc::{RoomCall, RoomReply};
use doorbuster_wire::cloudflare::FORM as CLOUDFLARE_FORM;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{TicketReply, TurnReply};
use worker::Env;

use crate::config::{self, Config};
use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::limits::{self, Quota};
use crate::objects::RoomStub;
use crate::problem::Problem;
use crate::room::{sale_id, status};
use crate::shopper::{self, Identity};
use crate::statuses::Seen;

use turn::{admitted, base, turn};

pub(crate) use good_tickets::{GoodTickets, Holder, Sent};
pub(crate) use memory::Lines;
pub(crate) use page::{join as join_on_page, list, show as show_page};

/// A ticket outlives any wait; the sale ends it before.
const TICKET_TTL: Millis = Millis::from_secs(24 * 3600);

/// A place in a line, taken or kept.
struct Taken {
    seen: Rc<Seen>,
    ticket: Ticket,
    /// The ticket as the shopper gets it.
    text: String,
    identity: Identity,
}

impl Taken {
    /// The reply, with the cookies that keep the place in a browser.
    fn remember(&self, request: &Request<'_>, reply: Reply) -> Reply {
        let cookie = shopper::ticket_cookie(request, &self.seen.sale, &self.text);
        self.identity.remember(reply).own_field("set-cookie", &cookie)
    }
}

/// `POST /v1/sales/{sale}/tickets`.
pub(crate) async fn join(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let config = edge.config(env)?;
    let taken = take(edge, request, env, sale, &config).await?;
    let turn = turn(edge, &config, &taken.seen, Holder::of(&taken.ticket), now());
    let reply = TicketReply { ticket: taken.text.clone(), number: taken.ticket.number, turn };
    Ok(taken.remember(request, Reply::written(&reply)))
}

/// Takes a place: who has a ticket keeps theirs, and costs no object.
async fn take(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
    config: &Config,
) -> Result<Taken, Problem> {
    let sale = sale_id(sale)?;
    let identity = shopper::identify(request)?;
    let seen = status(edge, env, &sale, now()).await?;
    let known = shopper::ticket(request, config, &sale, identity.shopper, now())?;
    let ticket = match known.filter(|ticket| !has_lapsed(&seen, ticket)) {
        Some(ticket) => ticket,
        None => new_ticket(edge, request, env, &seen, &identity).await?,
    };
    let text = config.keyring.seal(&ticket);
    Ok(Taken { seen, ticket, text, identity })
}

/// Whether it was the turn of a ticket for as long as a pass is good.
fn has_lapsed(seen: &Seen, ticket: &Ticket) -> bool {
    seen.turn(ticket.number, ticket.issued_at, seen.room_time(now())) == Turn::Lapsed
}

async fn new_ticket(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    seen: &Seen,
    identity: &Identity,
) -> Result<Ticket, Problem> {
    let (sale, shopper) = (&seen.sale, identity.shopper);
    let client = limits::client_digest(request.client);
    let joined = if identity.is_new() { None } else { edge.lines.joined(sale, shopper) };
    if let Some((number, at)) = joined {
        let ticket = ticket(seen, shopper, number, at);
        if !has_lapsed(seen, &ticket) {
            return Ok(ticket);
        }
    }
    if seen.challenge {
        let config = edge.config(env)?;
        let met = shopper::require_challenge_met(request, &config, sale, shopper, now());
        // Who is new has to be known when they come back with it.
        met.map_err(|problem| identity.remember_with(problem))?;
    }
    // Where load is allowed to come from few addresses, so are places.
    let factor = config::rate_limit_factor(env);
    let places = edge.lines.places(sale, client).checked_div(factor).unwrap_or_default();
    seen.check_joining((factor == 1).then_some(client), places)?;
    let number = next_number(edge, env, seen).await?;
    let at = seen.room_time(now());
    edge.lines.count_joined(sale, client, shopper, number, at);
    Ok(ticket(seen, shopper, number, at))
}

async fn next_number(edge: &Edge, env: &Env, seen: &Seen) -> Result<u64, Problem> {
    let sale = &seen.sale;
    let wanted = match edge.lines.take(sale, now()) {
        Place::Number(number) => return Ok(number),
        Place::Lease(wanted) => wanted,
    };
    let answered =
        RoomStub::of(env, sale).execute(&RoomCall::Lease { wanted: wanted.numbers }).await;
    let block = match &answered {
        Ok(RoomReply::Numbers { first, last }) => Some((*first, *last)),
        _ => None,
    };
    let number = edge.lines.leased(sale, wanted, block);
    number.ok_or_else(|| match answered {
        Err(problem) => problem,
        Ok(other) => Problem::unavailable("room", &other),
    })
}

fn ticket(seen: &Seen, shopper: ShopperId, number: u64, joined_at: Timestamp) -> Ticket {
    let commitment = seen.draw.commitment.as_ref();
    Ticket {
        sale: seen.sale.clone(),
        shopper,
        number,
        commitment: commitment.map(Commitment::first_half).unwrap_or_default(),
        issued_at: joined_at,
        expires_at: joined_at.plus(TICKET_TTL),
    }
}

/// `GET /v1/sales/{sale}/turn`: answered from the ticket and the cached status alone.
pub(crate) async fn poll(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let (sale, config) = (sale_id(sale)?, edge.config(env)?);
    let ticket = shopper::polling_ticket(request, &config, &sale, now())?;
    let seen = status(edge, env, &sale, now()).await?;
    let form = request.query("form");
    if form.is_some_and(|form| form != CLOUDFLARE_FORM) {
        let detail = format!("`form` is `{CLOUDFLARE_FORM}`, or is left out.");
        return Err(Problem::new(ProblemKind::QueryInvalid, detail));
    }
    let now = now();
    let headers = [Header::Shopper, Header::Ticket, Header::Cookie];
    let lines = headers.map(|header| request.header(header));
    let holder = match Sent::of(request.secure, lines, sale.as_str()) {
        Some(sent) => edge.tickets.keep(&sent, &ticket, now),
        None => Holder::of(&ticket),
    };
    let turn = turn(edge, &config, &seen, holder, now);
    Ok(match form {
        Some(_) => Reply::json(&cloudflare::reply(&seen, &turn)),
        None => Reply::written(&turn),
    })
}

/// What a poll is told whose ticket was found good before, if the sale's status is at hand; and
/// what the ticket has left of its allowance.
///
/// # Errors
///
/// `QuotaExceeded`.
pub(crate) fn poll_at_once(
    edge: &Edge,
    sent: &Sent<'_>,
    now: Timestamp,
) -> Option<Result<(TurnReply, Quota), Problem>> {
    let seen = edge.statuses.at_hand(sent.sale, now)?;
    let config = edge.config(&edge.env).ok()?;
    let mut good = edge.tickets.find(sent, now)?;
    let quota = match edge.limits(&edge.env).check_ticket(&mut good.allowance, now) {
        Ok(quota) => quota,
        Err(problem) => return Some(Err(problem)),
    };
    // To find it takes ten hashes.
    good.holder.place = good.holder.place.or_else(|| seen.drawn_place(good.holder.number));
    Some(Ok((turn(edge, &config, &seen, good.holder, now), quota)))
}

/// `DELETE /v1/sales/{sale}/turn`: who was admitted makes room at once for somebody else.
pub(crate) async fn leave(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let (seen, gone) = give_back(edge, request, env, sale).await?;
    let left = TurnReply { state: "left".into(), ..base(&seen, seen.room_time(now())) };
    Ok(Reply::written(&left).own_field("set-cookie", &gone))
}

/// Gives a place back, and the pass if there is one; the cookie that says so.
async fn give_back(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<(Rc<Seen>, String), Problem> {
    let (sale, config) = (sale_id(sale)?, edge.config(env)?);
    let ticket = shopper::own_ticket(request, &config, &sale, now())?;
    let seen = status(edge, env, &sale, now()).await?;
    let now = seen.room_time(now());
    if let Turn::Admitted { since, .. } = seen.turn(ticket.number, ticket.issued_at, now) {
        // Who never came for the pass has none to give back.
        edge.lines.count_arrived(&seen.sale, ticket.number, since);
        edge.lines.count_left(&seen.sale, ticket.number, since);
    }
    edge.lines.forget(&seen.sale, ticket.shopper);
    let gone = shopper::no_ticket_cookie(request, &seen.sale);
    Ok((seen, gone))
}

/// `POST /v1/sales/{sale}/bypass`: a pass for staff.
pub(crate) async fn bypass(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let (sale, config) = (sale_id(sale)?, edge.config(env)?);
    let identity = shopper::identify(request)?;
    let invalid = |detail: &str| Problem::new(ProblemKind::BypassInvalid, detail);
    let text = request
        .header(Header::Bypass)
        .ok_or_else(|| invalid("Send what the merchant gave you as Doorbuster-Bypass."))?;
    let bypass: Bypass =
        config.keyring.open(text, now()).map_err(|error| invalid(&format!("It {error}.")))?;
    if bypass.sale != sale {
        return Err(invalid("It is for another sale."));
    }
    let seen = status(edge, env, &sale, now()).await?;
    let name: BypassName = bypass.name;
    let call = RoomCall::UseBypass { name, shopper: identity.shopper };
    RoomStub::of(env, &sale).execute(&call).await?;
    let now = seen.room_time(now());
    let pass = Pass {
        sale,
        shopper: identity.shopper,
        number: 0,
        position: 0,
        issued_at: now,
        expires_at: now.plus(seen.pass_ttl_ms),
    };
    let admitted = admitted(base(&seen, now), &config, &pass);
    Ok(identity.remember(Reply::written(&admitted)))
}
