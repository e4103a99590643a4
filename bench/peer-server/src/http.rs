//! The contract: what is asked over HTTP, and how it is answered.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::serve::ListenerExt;
use doorbuster_domain::id::{IdempotencyKey, ReservationId, ShopperId};
use doorbuster_wire::problem::ProblemKind;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;

use crate::pass::Passes;
use crate::problem::Problem;
use crate::store::{Confirmed, Outcome, Place, Reserve, Store};

const SECRET_LEN: std::ops::RangeInclusive<usize> = 22..=128;
/// As many units as one shopper may have of a SKU.
const PER_SHOPPER_MAX: u32 = 1;

/// What every request needs.
struct Server {
    passes: Passes,
    store: Store,
}

type Shared = State<Arc<Server>>;
type Answer = Result<Response, Problem>;

#[derive(Deserialize)]
struct ReserveBody {
    quantity: u32,
}

#[derive(Deserialize)]
struct OpenBody {
    on_hand: u32,
    ttl_ms: u32,
}

/// Serves until the process is ended.
pub(crate) async fn serve(addr: &str, passes: Passes, store: Store) -> Result<()> {
    let listener = TcpListener::bind(addr).await.with_context(|| format!("listening at {addr}"))?;
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("TCP_NODELAY: {error}");
        }
    });
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/v1/sales/{sale}/skus/{sku}/reservations", post(reserve))
        .route("/v1/sales/{sale}/skus/{sku}/reservations/{id}/confirm", post(confirm))
        .route("/v1/admin/sales/{sale}/skus/{sku}/stock", put(open).get(stock))
        .with_state(Arc::new(Server { passes, store }));
    axum::serve(listener, routes).await.context("serving")
}

async fn reserve(
    State(server): Shared,
    Path((sale, sku)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let now_ms = now_ms()?;
    let place = place(&sale, &sku)?;
    let shopper = shopper(&headers)?;
    let pass = text(&headers, "doorbuster-pass").ok_or_else(|| {
        let detail = "Join the line, wait for your turn, and send the pass as Doorbuster-Pass.";
        Problem::new(ProblemKind::PassRequired, detail)
    })?;
    server.passes.admits(pass, &place.sale, shopper, now_ms)?;
    let key = idempotency_key(&headers)?;
    // Nothing said is one unit, as with the product.
    let ReserveBody { quantity } =
        if body.is_empty() { ReserveBody { quantity: 1 } } else { json(&body)? };
    if quantity == 0 {
        return Err(Problem::new(ProblemKind::BodyInvalid, "The quantity cannot be zero."));
    }
    if quantity > PER_SHOPPER_MAX {
        return Err(per_shopper_max());
    }
    let reservation = ReservationId::derive(&place.sale, &place.sku, shopper, &key);
    let asked = Reserve { place, shopper, reservation, now_ms };
    match server.store.reserve(&asked).await? {
        Outcome::Held { expires_at_ms } => Ok(held(reservation, expires_at_ms)),
        Outcome::Repeated { expires_at_ms } => {
            let mut reply = held(reservation, expires_at_ms);
            let name = HeaderName::from_static("idempotent-replayed");
            reply.headers_mut().insert(name, HeaderValue::from_static("true"));
            Ok(reply)
        }
        Outcome::PerShopperMax => Err(per_shopper_max()),
        Outcome::AllReserved => {
            let detail = "All remaining units are reserved; one may come back.";
            Err(Problem::new(ProblemKind::AllReserved, detail))
        }
        Outcome::SoldOut => Err(Problem::new(ProblemKind::SoldOut, "Every unit is sold.")),
        Outcome::NoSuchSku => Err(no_such_sku()),
    }
}

async fn confirm(
    State(server): Shared,
    Path((sale, sku, id)): Path<(String, String, String)>,
) -> Answer {
    let place = place(&sale, &sku)?;
    let reservation: ReservationId = id.parse().map_err(|error| {
        Problem::new(ProblemKind::ReservationNotFound, format!("The reservation id {error}."))
    })?;
    match server.store.confirm(&place, reservation, now_ms()?).await? {
        Confirmed::Ordered => {
            let order = reservation.order();
            Ok(reply(StatusCode::OK, format!(r#"{{"order":"{order}"}}"#)))
        }
        Confirmed::Expired => {
            let detail = "Its deadline has passed, and its unit was given back.";
            Err(Problem::new(ProblemKind::ReservationExpired, detail))
        }
        Confirmed::NoSuchReservation => {
            let detail = "Nobody made this reservation.";
            Err(Problem::new(ProblemKind::ReservationNotFound, detail))
        }
    }
}

async fn open(
    State(server): Shared,
    Path((sale, sku)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let place = place(&sale, &sku)?;
    let OpenBody { on_hand, ttl_ms } = json(&body)?;
    server.store.open(&place, on_hand.into(), ttl_ms.into()).await?;
    show(&server, &place).await
}

async fn stock(State(server): Shared, Path((sale, sku)): Path<(String, String)>) -> Answer {
    show(&server, &place(&sale, &sku)?).await
}

async fn show(server: &Server, place: &Place) -> Answer {
    let stock = server.store.stock(place, now_ms()?).await?.ok_or_else(no_such_sku)?;
    Ok(reply(StatusCode::OK, serde_json::to_string(&stock).unwrap_or_default()))
}

fn place(sale: &str, sku: &str) -> Result<Place, Problem> {
    let kind = ProblemKind::SaleNotFound;
    let sale =
        sale.parse().map_err(|error| Problem::new(kind, format!("The sale's id {error}.")))?;
    let kind = ProblemKind::SkuNotFound;
    let sku = sku.parse().map_err(|error| Problem::new(kind, format!("The SKU {error}.")))?;
    Ok(Place { sale, sku })
}

fn shopper(headers: &HeaderMap) -> Result<ShopperId, Problem> {
    let secret = text(headers, "doorbuster-shopper").ok_or_else(|| {
        let detail = "Send an app's own Doorbuster-Shopper secret.";
        Problem::new(ProblemKind::ShopperUnknown, detail)
    })?;
    if !SECRET_LEN.contains(&secret.len()) || !secret.bytes().all(|b| b.is_ascii_graphic()) {
        let detail = "It has to be 22 to 128 printable ASCII characters.";
        return Err(Problem::new(ProblemKind::ShopperSecretInvalid, detail));
    }
    Ok(ShopperId::of_secret(secret.as_bytes()))
}

fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let key = text(headers, "idempotency-key").ok_or_else(|| {
        let detail = "Make up a key for this act and send it as Idempotency-Key.";
        Problem::new(ProblemKind::IdempotencyKeyMissing, detail)
    })?;
    key.parse().map_err(|error| {
        Problem::new(ProblemKind::IdempotencyKeyInvalid, format!("The key {error}."))
    })
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn json<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::new(ProblemKind::BodyMalformed, format!("The body: {error}.")))
}

fn per_shopper_max() -> Problem {
    let detail = format!("A shopper may have {PER_SHOPPER_MAX} of this SKU.");
    Problem::new(ProblemKind::PerShopperMax, detail)
}

fn no_such_sku() -> Problem {
    Problem::new(ProblemKind::SkuNotFound, "The SKU was not opened.")
}

fn held(reservation: ReservationId, expires_at_ms: i64) -> Response {
    let rest = format!(r#""state":"held","quantity":1,"expires_at_ms":{expires_at_ms}"#);
    reply(StatusCode::CREATED, format!(r#"{{"reservation":"{reservation}",{rest}}}"#))
}

fn reply(status: StatusCode, body: String) -> Response {
    let media_type = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, media_type)], body).into_response()
}

#[expect(clippy::disallowed_methods, reason = "a native program")]
fn now_ms() -> Result<i64> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock")?;
    i64::try_from(since_epoch.as_millis()).context("the clock")
}
