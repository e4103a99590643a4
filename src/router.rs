//! From a request to its handler: limits and rights first, then the one table of routes.

use std::future::{self, Future};
use std::pin::Pin;

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
    let reply = handle(edge, request, env, route.operation, params)?.await?;
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

/// A request on its way through its handler.
type Handling<'a> = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + 'a>>;

/// Each handler is behind a pointer, so that it is compiled apart from the others: V8 compiles a
/// function when it is first called, all of it, and somebody waits for that (ADR 0027).
fn handle<'a>(
    edge: &'a Edge,
    request: &'a Request<'_>,
    env: &'a Env,
    operation: Operation,
    [first, second, third]: route::Params<'a>,
) -> Result<Handling<'a>, Problem> {
    let place = || Place::parse(first, second);
    Ok(match operation {
        Operation::Health => Box::pin(future::ready(Ok(Reply::said("status", "\"ok\"")))),
        Operation::Ready => Box::pin(ready(edge, env)),
        Operation::ListProducts => Box::pin(catalog::list(edge, request, env)),
        Operation::ShowProduct => Box::pin(catalog::show(edge, request, env, first)),
        Operation::ListSales => Box::pin(room::list(edge, env)),
        Operation::ShowSale => Box::pin(room::show(edge, env, first)),
        Operation::ShowDraw => Box::pin(room::show_draw(edge, env, first)),
        Operation::Join => Box::pin(line::join(edge, request, env, first)),
        Operation::Poll => Box::pin(line::poll(edge, request, env, first)),
        Operation::Leave => Box::pin(line::leave(edge, request, env, first)),
        Operation::SalesPage => Box::pin(line::list(edge, env)),
        Operation::LinePage => Box::pin(line::show_page(edge, request, env, first)),
        Operation::JoinLinePage => Box::pin(line::join_on_page(edge, request, env, first)),
        Operation::UseBypass => Box::pin(line::bypass(edge, request, env, first)),
        Operation::Reserve => Box::pin(reservations::reserve(edge, request, env, place()?)),
        Operation::ShowReservation
        | Operation::ExtendReservation
        | Operation::ReleaseReservation => {
            Box::pin(reservations::act(edge, request, env, place()?, third, operation))
        }
        Operation::BeginPayment => {
            Box::pin(reservations::begin_payment(edge, request, env, place()?, third))
        }
        Operation::ReserveCart => Box::pin(cart::reserve(edge, request, env, first)),
        Operation::PayCart => Box::pin(cart::pay(edge, request, env, first)),
        Operation::PutContact
        | Operation::ShowContact
        | Operation::EraseContact
        | Operation::ShowOrderContact
        | Operation::EraseOrderContact => {
            Box::pin(contacts::answer(edge, request, env, operation, [first, second, third]))
        }
        Operation::ShowOrder => Box::pin(orders::show(edge, request, env, place()?, third)),
        Operation::SandboxPage => Box::pin(sandbox::page(edge, env, first)),
        Operation::SandboxPay => Box::pin(sandbox::pay(edge, request, env, first)),
        Operation::SandboxWebhook => Box::pin(sandbox::webhook(edge, request, env)),
        Operation::StripeWebhook => Box::pin(stripe::webhook(edge, request, env)),
        Operation::ImportCatalog => Box::pin(catalog::import(edge, request, env)),
        Operation::CreateSale => Box::pin(admin::create_sale(edge, request, env, first)),
        Operation::ShowSaleState => Box::pin(admin::show_sale(env, first)),
        Operation::SetPhase => Box::pin(admin::set_phase(edge, request, env, first)),
        Operation::SetSchedule => Box::pin(admin::line::set_schedule(edge, request, env, first)),
        Operation::SetLimits => Box::pin(admin::line::set_limits(edge, request, env, first)),
        Operation::SetMessage => Box::pin(admin::line::set_message(edge, request, env, first)),
        Operation::TellBeacon => Box::pin(admin::line::tell_beacon(edge, request, env, first)),
        Operation::MakeBypass => {
            Box::pin(admin::line::make_bypass(edge, request, env, first, second))
        }
        Operation::MeetChallenge => {
            Box::pin(admin::line::meet_challenge(edge, request, env, first))
        }
        Operation::ShowReadiness => Box::pin(admin::readiness::show(edge, env, first)),
        Operation::SetStock => Box::pin(admin::set_stock(request, env, place()?)),
        Operation::AdjustStock => Box::pin(admin::adjust_stock(request, env, place()?)),
        Operation::ExportJournal => Box::pin(admin::journal(edge, request, env, place()?)),
        Operation::ListOrders => Box::pin(orders::list(edge, request, env)),
        Operation::CancelOrder => Box::pin(admin::orders::cancel(edge, request, env, first)),
        Operation::ListDeadLetters => Box::pin(admin::letters::list(edge, request, env)),
        Operation::ReplayDeadLetter => Box::pin(admin::letters::replay(edge, env, first)),
        Operation::ListWebhooks
        | Operation::PutWebhook
        | Operation::DeleteWebhook
        | Operation::RotateWebhook
        | Operation::ListDeliveries
        | Operation::ResendDelivery => {
            Box::pin(webhooks::answer(edge, request, env, operation, [first, second]))
        }
    })
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
