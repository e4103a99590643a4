//! Sales as shoppers see them, and the line in front of each.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use doorbuster_domain::id::{SaleId, ShopperId, Sku};
use doorbuster_domain::line::{Status, Turn};
use doorbuster_domain::sealed::{Pass, Ticket};
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_durable::rpc::{RoomCall, RoomReply};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{Sale, SaleList, SaleSku, SaleSummary, TicketReply, TurnReply};
use serde::Deserialize;
use worker::{Delay, Env};

use crate::config::Config;
use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::objects::RoomStub;
use crate::problem::Problem;
use crate::reservations::word;
use crate::shopper;
use crate::statuses::Looked;
use crate::store::{Store, Value};

/// A ticket outlives any wait; the sale ends it before.
const TICKET_TTL: Millis = Millis::from_secs(24 * 3600);

/// How often whoever waits for another's first look sees whether it is done.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// How long the list of sales is waited for.
const LIST_PATIENCE: Duration = Duration::from_millis(300);
/// Browsers and shared caches may show what they have of a sale while they look, and when they find
/// nobody.
const SALE_CACHE_CONTROL: &str =
    "public, max-age=1, stale-while-revalidate=10, stale-if-error=86400";

/// The status of a sale: from memory if it is fresh.
pub(crate) async fn status(
    edge: &Edge,
    env: &Env,
    sale: &SaleId,
    mut now: Timestamp,
) -> Result<Rc<Status>, Problem> {
    let known = loop {
        match edge.statuses.look(sale, now) {
            Looked::Known(known) => break known,
            Looked::Ask => break ask(edge, env, sale, now).await?,
            Looked::Wait => Delay::from(LOOK_AGAIN_AFTER).await,
        }
        now = crate::edge::now();
    };
    known.ok_or_else(|| Problem::new(ProblemKind::SaleNotFound, "There is no sale of this name."))
}

async fn ask(
    edge: &Edge,
    env: &Env,
    sale: &SaleId,
    now: Timestamp,
) -> Result<Option<Rc<Status>>, Problem> {
    let status = if was_announced(edge, env, sale).await {
        let asked = RoomStub::of(env, sale).status().await;
        asked.inspect_err(|_| edge.statuses.failed_to_ask(sale, crate::edge::now()))?.map(Rc::new)
    } else {
        None
    };
    edge.statuses.keep(sale, status.clone(), now);
    Ok(status)
}

/// Whether there may be such a sale: by what is known, else by the list of sales, so that a name
/// that somebody made up wakes no object. If the list cannot be read, or not soon, the room will
/// know: the line does not depend on the database.
async fn was_announced(edge: &Edge, env: &Env, sale: &SaleId) -> bool {
    if edge.statuses.however_old(sale).is_some() {
        return true;
    }
    let look = async {
        let store = Store::open(edge, env).await?;
        let named = "SELECT sale, title FROM sales WHERE sale = ?";
        store.first::<SaleRow>(named, &[Value::Text(sale.as_str())]).await
    };
    let (mut look, mut delay) = (pin!(look), pin!(Delay::from(LIST_PATIENCE)));
    let row = poll_fn(|context| match look.as_mut().poll(context) {
        Poll::Ready(row) => Poll::Ready(row.ok()),
        Poll::Pending => delay.as_mut().poll(context).map(|()| None),
    });
    row.await.is_none_or(|row| row.is_some())
}

/// Whether a SKU is known to be sold out, by a fresh status.
///
/// Then every unit belongs to an order, and no reservation can be had or come back. So a flood of
/// late comers is turned away here and costs the SKU's object nothing. Whoever has an order has the
/// answer to its reservation in it. As long as the SKU was not sold out when last heard of, only
/// the one whose turn it is to renew the status waits for it here.
pub(crate) async fn is_sold_out(edge: &Edge, env: &Env, sale: &SaleId, sku: &Sku) -> bool {
    let Some(known) = edge.statuses.however_old(sale) else { return false };
    (known.is_sku_sold_out(sku) || edge.statuses.is_due(sale, now()))
        && status(edge, env, sale, now()).await.is_ok_and(|status| status.is_sku_sold_out(sku))
}

/// Checks that a sale has a SKU. That never changes, so what is known is good however old it is,
/// and names that somebody made up wake no Inventory.
pub(crate) async fn require_offer(
    edge: &Edge,
    env: &Env,
    sale: &SaleId,
    sku: &Sku,
) -> Result<(), Problem> {
    let offered = |status: &Status| status.offers.iter().any(|offer| offer.sku == *sku);
    if edge.statuses.however_old(sale).is_some_and(|known| offered(&known)) {
        return Ok(());
    }
    if offered(&*status(edge, env, sale, now()).await?) {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::SkuNotFound, "The sale does not have this SKU."))
}

/// A sale's name from an address.
pub(crate) fn sale_id(text: &str) -> Result<SaleId, Problem> {
    text.parse().map_err(|error| Problem::no_such(ProblemKind::SaleNotFound, "sale", &error))
}

#[derive(Deserialize)]
struct SaleRow {
    sale: String,
    title: String,
}

/// `GET /v1/sales`.
pub(crate) async fn list(edge: &Edge, env: &Env) -> Result<Reply, Problem> {
    let store = Store::open(edge, env).await?;
    let rows: Vec<SaleRow> =
        store.all("SELECT sale, title FROM sales ORDER BY number DESC LIMIT 100", &[]).await?;
    let sales =
        rows.into_iter().map(|row| SaleSummary { sale: row.sale, title: row.title }).collect();
    let body = serde_json::to_string(&SaleList { sales }).unwrap_or_default();
    Ok(Reply::text("application/json", body).field("cache-control", "public, max-age=5"))
}

/// `GET /v1/sales/{sale}`.
pub(crate) async fn show(edge: &Edge, env: &Env, sale: &str) -> Result<Reply, Problem> {
    let sale = sale_id(sale)?;
    let status = match status(edge, env, &sale, now()).await {
        Ok(status) => status,
        // Open for browsing: what was known is better than nothing.
        Err(problem) => edge.statuses.however_old(&sale).ok_or(problem)?,
    };
    let stock = |sku| status.stock.iter().find(|s| s.sku == sku).map(|s| word(&s.band));
    let body = Sale {
        sale: status.sale.to_string(),
        title: status.title.clone(),
        phase: word(&status.phase),
        per_shopper_max: status.per_shopper_max,
        skus: status
            .offers
            .iter()
            .map(|offer| SaleSku {
                sku: offer.sku.to_string(),
                title: offer.title.clone(),
                unit_price: offer.unit_price.into(),
                stock: stock(offer.sku.clone()),
            })
            .collect(),
    };
    let body = serde_json::to_string(&body).unwrap_or_default();
    Ok(Reply::text("application/json", body).field("cache-control", SALE_CACHE_CONTROL))
}

/// `POST /v1/sales/{sale}/tickets`: who has a ticket keeps the place, and costs no object.
pub(crate) async fn join(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let (sale, now, config) = (sale_id(sale)?, now(), edge.config(env)?);
    let identity = shopper::identify(request)?;
    let status = status(edge, env, &sale, now).await?;
    let ticket = match shopper::ticket(request, &config, &sale, identity.shopper, now)? {
        Some(ticket) => ticket,
        None => new_ticket(env, &status, identity.shopper).await?,
    };
    let body = TicketReply {
        ticket: config.keyring.seal(&ticket),
        position: ticket.position,
        turn: turn(&config, &status, &ticket, now),
    };
    Ok(identity.remember(Reply::json(&body)))
}

async fn new_ticket(env: &Env, status: &Status, shopper: ShopperId) -> Result<Ticket, Problem> {
    status.check_joining()?;
    let sale = &status.sale;
    match RoomStub::of(env, sale).execute(&RoomCall::Join).await? {
        RoomReply::Position { position, joined_at } => Ok(Ticket {
            sale: sale.clone(),
            shopper,
            position,
            issued_at: joined_at,
            expires_at: joined_at.plus(TICKET_TTL),
        }),
        other => Err(Problem::unavailable("room", &other)),
    }
}

/// `GET /v1/sales/{sale}/turn`: answered from the ticket and the cached status alone.
pub(crate) async fn poll(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let (sale, now, config) = (sale_id(sale)?, now(), edge.config(env)?);
    let shopper = shopper::known(request)?;
    let ticket = shopper::ticket(request, &config, &sale, shopper, now)?.ok_or_else(|| {
        Problem::new(ProblemKind::TicketRequired, "Send the ticket as Doorbuster-Ticket.")
    })?;
    let status = status(edge, env, &sale, now).await?;
    let turn = turn(&config, &status, &ticket, now);
    let retry_after = turn.next_poll_ms.map(|ms| Millis::new(ms).ceil_secs().to_string());
    let reply = Reply::json(&turn);
    Ok(match retry_after {
        Some(secs) => reply.field("retry-after", &secs),
        None => reply,
    })
}

/// What a shopper is told, with a pass once it is their turn.
fn turn(config: &Config, status: &Status, ticket: &Ticket, now: Timestamp) -> TurnReply {
    let turn = status.turn(ticket.position, now);
    let (state, ahead, wait) = match turn {
        Turn::NotOpen => ("not_open", 0, None),
        Turn::Waiting { ahead, wait } => ("waiting", ahead, wait),
        Turn::Admitted => ("admitted", 0, None),
        Turn::Paused { ahead } => ("paused", ahead, None),
        Turn::AllReserved { ahead } => ("all_reserved", ahead, None),
        Turn::SoldOut => ("sold_out", 0, None),
        Turn::Closed => ("closed", 0, None),
    };
    let done = matches!(turn, Turn::Admitted | Turn::SoldOut | Turn::Closed);
    let pass = (turn == Turn::Admitted).then(|| Pass {
        sale: status.sale.clone(),
        shopper: ticket.shopper,
        position: ticket.position,
        issued_at: now,
        expires_at: now.plus(status.pass_ttl_ms),
    });
    TurnReply {
        state: state.to_owned(),
        ahead,
        wait_ms: wait.map(Millis::get),
        next_poll_ms: (!done).then(|| status.next_poll(ticket.position, now).get()),
        pass_expires_at_ms: pass.as_ref().map(|pass| pass.expires_at.as_millis()),
        pass: pass.map(|pass| config.keyring.seal(&pass)),
    }
}
