//! From a request to its handler: limits and rights first, then the one table of routes.

use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::route::{self, Method, Operation, Route, RouteClass, RouteError};
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::Env;

use crate::admin::webhooks;
use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::limits::Quota;
use crate::payment::{sandbox, stripe};
use crate::problem::Problem;
use crate::reservations::{self, Place};
use crate::steps::{self, Question};
use crate::store::Store;
use crate::{admin, cart, catalog, contacts, line, orders, room};

/// Answers a request.
pub(crate) async fn answer(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
) -> Result<Reply, Problem> {
    #[cfg(feature = "test-hooks")]
    if let Some(reply) = crate::hooks::answer(request, env).await {
        return reply;
    }
    let (route, params) = route::find(request.method, request.path).map_err(no_route)?;
    // Who sends a secret or a pass as a header is no page of another site: a browser asks first
    // whether that page may send such a header (Fetch, CORS-preflight), and here nobody says yes.
    let sends_ours =
        || [Header::Shopper, Header::Pass].iter().any(|one| request.header(*one).is_some());
    if route.method != Method::Get && request.is_cross_origin() && !sends_ours() {
        return Err(Problem::new(
            ProblemKind::CrossOrigin,
            "Another site sent this with your browser. Open this shop's own page and do it there.",
        ));
    }
    if matches!(route.class, RouteClass::Join | RouteClass::Buy) {
        platform_limit(edge, request, env).await?;
    }
    let quota = edge.limits(env).check(route.class, request.client, now())?;
    if route.class == RouteClass::Admin {
        admin::authorize(edge, request, env)?;
    }
    let reply = handle(edge, request, env, route.operation, params).await?;
    Ok(completed(reply, route, quota))
}

/// A reply with what its route adds: its status, and fields.
pub(crate) fn completed(reply: Reply, route: &Route, quota: Option<Quota>) -> Reply {
    let mut reply = reply.status(route.status);
    if route.method == Method::Get && route.class != RouteClass::Browse {
        // What answers a change is kept by nobody anyway (RFC 9111, section 3).
        reply = reply.field("cache-control", "private, no-store");
    }
    // Told in time, and not before: every field costs. Not on what caches keep: there it would be
    // another client's.
    let telling = |quota: &Quota| quota.is_running_out() && route.class != RouteClass::Browse;
    match quota.filter(telling) {
        Some(quota) => {
            quota.fields().iter().fold(reply, |reply, (name, value)| reply.own_field(name, value))
        }
        None => reply,
    }
}

async fn handle(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    operation: Operation,
    [first, second, third]: route::Params<'_>,
) -> Result<Reply, Problem> {
    let place = || Place::parse(first, second);
    match operation {
        Operation::Health => Ok(Reply::said("status", "\"ok\"")),
        Operation::Ready => ready(edge, env).await,
        Operation::ListProducts => catalog::list(edge, request, env).await,
        Operation::ShowProduct => catalog::show(edge, request, env, first).await,
        Operation::ListSales => room::list(edge, env).await,
        Operation::ShowSale => room::show(edge, env, first).await,
        Operation::ShowDraw => room::show_draw(edge, env, first).await,
        Operation::Join => line::join(edge, request, env, first).await,
        Operation::Poll => line::poll(edge, request, env, first).await,
        Operation::Leave => line::leave(edge, request, env, first).await,
        Operation::SalesPage => line::list(edge, env).await,
        Operation::LinePage => line::show_page(edge, request, env, first).await,
        Operation::JoinLinePage => line::join_on_page(edge, request, env, first).await,
        Operation::UseBypass => line::bypass(edge, request, env, first).await,
        Operation::Reserve => reservations::reserve(edge, request, env, place()?).await,
        Operation::ShowReservation
        | Operation::ExtendReservation
        | Operation::ReleaseReservation => {
            reservations::act(edge, request, env, place()?, third, operation).await
        }
        Operation::BeginPayment => {
            reservations::begin_payment(edge, request, env, place()?, third).await
        }
        Operation::ReserveCart => cart::reserve(edge, request, env, first).await,
        Operation::PayCart => cart::pay(edge, request, env, first).await,
        Operation::PutContact
        | Operation::ShowContact
        | Operation::EraseContact
        | Operation::ShowOrderContact
        | Operation::EraseOrderContact => {
            contacts::answer(edge, request, env, operation, [first, second, third]).await
        }
        Operation::ShowOrder => orders::show(edge, request, env, place()?, third).await,
        Operation::SandboxPage => sandbox::page(edge, env, first).await,
        Operation::SandboxPay => sandbox::pay(edge, request, env, first).await,
        Operation::SandboxWebhook => sandbox::webhook(edge, request, env).await,
        Operation::StripeWebhook => stripe::webhook(edge, request, env).await,
        Operation::ImportCatalog => catalog::import(edge, request, env).await,
        Operation::CreateSale => admin::create_sale(edge, request, env, first).await,
        Operation::ShowSaleState => admin::show_sale(env, first).await,
        Operation::SetPhase => admin::set_phase(edge, request, env, first).await,
        Operation::SetSchedule => admin::line::set_schedule(edge, request, env, first).await,
        Operation::SetLimits => admin::line::set_limits(edge, request, env, first).await,
        Operation::SetMessage => admin::line::set_message(edge, request, env, first).await,
        Operation::TellBeacon => admin::line::tell_beacon(edge, request, env, first).await,
        Operation::MakeBypass => admin::line::make_bypass(edge, request, env, first, second).await,
        Operation::MeetChallenge => admin::line::meet_challenge(edge, request, env, first).await,
        Operation::ShowReadiness => admin::readiness::show(edge, env, first).await,
        Operation::SetStock => admin::set_stock(request, env, place()?).await,
        Operation::AdjustStock => admin::adjust_stock(request, env, place()?).await,
        Operation::ExportJournal => admin::journal(edge, request, env, place()?).await,
        Operation::ListOrders => orders::list(edge, request, env).await,
        Operation::CancelOrder => admin::orders::cancel(edge, request, env, first).await,
        Operation::ListDeadLetters => admin::letters::list(edge, request, env).await,
        Operation::ReplayDeadLetter => admin::letters::replay(edge, env, first).await,
        Operation::ListWebhooks
        | Operation::PutWebhook
        | Operation::DeleteWebhook
        | Operation::RotateWebhook
        | Operation::ListDeliveries
        | Operation::ResendDelivery => {
            webhooks::answer(edge, request, env, operation, [first, second]).await
        }
    }
}

/// `GET /readyz`.
async fn ready(edge: &Edge, env: &Env) -> Result<Reply, Problem> {
    edge.config(env)?;
    Store::open(edge, env).await?.answers().await?;
    Ok(Reply::said("status", "\"ready\"").field("cache-control", "no-store"))
}

/// The platform's own limiter, where there is one. It is approximate, so it only ever adds a "no";
/// when it is missing or fails, ours stands alone. It is the first that a request waits for, so it
/// is always carried.
async fn platform_limit(edge: &Edge, request: &Request<'_>, env: &Env) -> Result<(), Problem> {
    let is_there = || Reflect::has(env, &JsValue::from_str(PLATFORM_LIMITER)).unwrap_or_default();
    if !edge.has_platform_limiter.get_or_init(is_there) {
        return Ok(());
    }
    let question = || Question {
        binding: PLATFORM_LIMITER,
        name: request.client.to_owned(),
        line: String::new(),
    };
    match steps::carried(question).await.flatten().as_deref() {
        Some("no") => Err(Problem::new(
            ProblemKind::QuotaExceeded,
            "Too many requests from this address. Wait a minute, then go on.",
        )
        .field("retry-after", "60".to_owned())),
        _ => Ok(()),
    }
}

/// Where the platform's limiter is bound. `entry.mjs` asks it, by the client's address.
const PLATFORM_LIMITER: &str = "RATE_LIMITER";

fn no_route(error: RouteError) -> Problem {
    match error {
        RouteError::NotFound => {
            Problem::new(ProblemKind::NotFound, "See /openapi.json for what there is.")
        }
        RouteError::MethodNotAllowed(allow) => {
            let detail = format!("It takes {allow}.");
            Problem::new(ProblemKind::MethodNotAllowed, detail).field("allow", allow)
        }
    }
}
