//! Sales as shoppers see them.

use std::rc::Rc;
use std::time::Duration;

use doorbuster_domain::hex;
use doorbuster_domain::id::{SaleId, Sku};
use doorbuster_domain::line::{ALGORITHM, Status};
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{Beacon, Draw, Sale, SaleList, SaleSku, SaleSummary};
use doorbuster_wire::word;
use serde::Deserialize;
use worker::{Delay, Env};

use crate::edge::{Edge, now, within};
use crate::http::Reply;
use crate::objects::RoomStub;
use crate::problem::Problem;
use crate::reservations::Place;
use crate::statuses::{Looked, Seen};
use crate::store::{Store, Value};

/// How often whoever waits for another's first look sees whether it is done.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// How long a room is waited for that does not answer: longer than a look at slow stock takes, and
/// no longer than people wait for a page.
const ROOM_PATIENCE: Duration = Duration::from_secs(3);
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
) -> Result<Rc<Seen>, Problem> {
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
) -> Result<Option<Rc<Seen>>, Problem> {
    let seen = if was_announced(edge, env, sale).await {
        let report = edge.lines.take_report(sale);
        let asked = within(ROOM_PATIENCE, RoomStub::of(env, sale).status(&report)).await;
        let asked = asked.unwrap_or_else(|| Err(Problem::unavailable("room", &"no answer")));
        let asked = asked.inspect_err(|_| {
            edge.lines.put_back(sale, report);
            edge.statuses.failed_to_ask(sale, crate::edge::now());
        })?;
        asked.map(|status| Rc::new(Seen::new(status, crate::edge::now())))
    } else {
        None
    };
    edge.statuses.keep(sale, seen.clone(), now);
    Ok(seen)
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
    within(LIST_PATIENCE, look).await.and_then(Result::ok).is_none_or(|row| row.is_some())
}

/// Whether a SKU is known to be sold out, by a fresh status.
///
/// Then every unit belongs to an order, and no reservation can be had or come back. So a flood of
/// late comers is turned away here and costs the SKU's object nothing. Whoever has an order has the
/// answer to its reservation in it. As long as the SKU was not sold out when last heard of, only
/// the one whose turn it is to renew the status waits for it here.
pub(crate) async fn is_sold_out(edge: &Edge, env: &Env, sale: &SaleId, sku: &Sku) -> bool {
    let Some(known) = edge.statuses.however_old(sale) else { return false };
    (known.is_sku_sold_out(sku.as_str()) || edge.statuses.is_due(sale, now()))
        && status(edge, env, sale, now())
            .await
            .is_ok_and(|status| status.is_sku_sold_out(sku.as_str()))
}

/// The same, as far as it can be said at once. It never can where the platform has a limiter of its
/// own: that has to be asked first.
pub(crate) fn is_known_sold_out(edge: &Edge, sale: &str, sku: &str, now: Timestamp) -> bool {
    edge.has_platform_limiter.get() == Some(&false)
        && edge.statuses.fresh(sale, now).is_some_and(|status| status.is_sku_sold_out(sku))
}

/// Whether a SKU is known to be the sale's and not to be sold out, and nobody is needed to renew
/// what is known.
pub(crate) fn is_known_on_offer(edge: &Edge, place: &Place, now: Timestamp) -> bool {
    let Place { sale, sku } = place;
    !edge.statuses.is_due(sale, now)
        && edge.statuses.however_old(sale).is_some_and(|status| {
            status.offers.iter().any(|offer| offer.sku == *sku)
                && !status.is_sku_sold_out(sku.as_str())
        })
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

/// What a SKU is called, which never changes; the SKU itself if its sale was not looked at yet.
pub(crate) fn title(edge: &Edge, sale: &SaleId, sku: &Sku) -> String {
    let known = edge.statuses.however_old(sale);
    let offer = known.as_ref().and_then(|known| known.offers.iter().find(|o| o.sku == *sku));
    offer.map_or_else(|| sku.to_string(), |offer| offer.title.clone())
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

/// The newest sales.
pub(crate) async fn listed(edge: &Edge, env: &Env) -> Result<Vec<SaleSummary>, Problem> {
    let store = Store::open(edge, env).await?;
    let rows: Vec<SaleRow> =
        store.all("SELECT sale, title FROM sales ORDER BY number DESC LIMIT 100", &[]).await?;
    Ok(rows.into_iter().map(|row| SaleSummary { sale: row.sale, title: row.title }).collect())
}

/// `GET /v1/sales`.
pub(crate) async fn list(edge: &Edge, env: &Env) -> Result<Reply, Problem> {
    let sales = listed(edge, env).await?;
    let body = serde_json::to_string(&SaleList { sales }).unwrap_or_default();
    Ok(Reply::text("application/json", body).field("cache-control", "public, max-age=5"))
}

/// The status for a page. Open for browsing: what was known is better than nothing.
async fn status_to_look_at(edge: &Edge, env: &Env, sale: &SaleId) -> Result<Rc<Seen>, Problem> {
    match status(edge, env, sale, now()).await {
        Ok(status) => Ok(status),
        Err(problem) => edge.statuses.however_old(sale).ok_or(problem),
    }
}

/// `GET /v1/sales/{sale}`.
pub(crate) async fn show(edge: &Edge, env: &Env, sale: &str) -> Result<Reply, Problem> {
    let sale = sale_id(sale)?;
    let status = status_to_look_at(edge, env, &sale).await?;
    let stock = |sku| status.stock.iter().find(|s| s.sku == sku).map(|s| word(&s.band).to_owned());
    let body = Sale {
        sale: status.sale.to_string(),
        title: status.title.clone(),
        phase: word(&status.phase).to_owned(),
        order: word(&status.order).to_owned(),
        prequeue_at_ms: status.schedule.map(|schedule| schedule.prequeue_at.as_millis()),
        opens_at_ms: status.schedule.map(|schedule| schedule.opens_at.as_millis()),
        message: (!status.message.is_empty()).then(|| status.message.clone()),
        why: status.why.clone(),
        beyond_stock: status.reach.is_some_and(|reach| status.handed_out >= reach),
        draw_commitment: status.draw.commitment.map(|commitment| commitment.to_string()),
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
        shipping_minor: status.charges.shipping_minor,
        shipping_free_from_minor: status.charges.shipping_free_from_minor,
        tax_title: status.charges.tax_title.clone(),
        tax_ppm: status.charges.tax_ppm,
        tax_included: status.charges.tax_included,
    };
    let body = serde_json::to_string(&body).unwrap_or_default();
    Ok(Reply::text("application/json", body).field("cache-control", SALE_CACHE_CONTROL))
}

/// `GET /v1/sales/{sale}/draw`.
pub(crate) async fn show_draw(edge: &Edge, env: &Env, sale: &str) -> Result<Reply, Problem> {
    let status = status_to_look_at(edge, env, &sale_id(sale)?).await?;
    let draw = &status.draw;
    let commitment = draw.commitment.ok_or_else(|| {
        Problem::new(ProblemKind::NotFound, "This sale was made before there was a draw.")
    })?;
    let drawn = draw.drawn.as_ref();
    let beacon = draw.beacon.as_ref();
    let body = Draw {
        sale: status.sale.to_string(),
        algorithm: ALGORITHM.to_owned(),
        commitment: commitment.to_string(),
        beacon: beacon.map(|b| Beacon { chain: b.chain.clone(), round: b.round }),
        entries: draw.entries,
        secret: drawn.map(|drawn| hex::encode(drawn.secret.as_bytes())),
        beacon_signature: drawn.and_then(|drawn| drawn.beacon_signature.clone()),
        seed: drawn.map(|drawn| drawn.seed.to_string()),
        drawn_at_ms: drawn.map(|drawn| drawn.at.as_millis()),
    };
    let body = serde_json::to_string(&body).unwrap_or_default();
    Ok(Reply::text("application/json", body).field("cache-control", SALE_CACHE_CONTROL))
}
