//! Carts: reserving several SKUs, all or none, and paying for several reservations at once.
//!
//! `domain/src/cart.rs` decides what is asked next and how it ends; here it is asked.

use doorbuster_domain::cart::{Ask, Cart, CartError, Ended, Walk};
use doorbuster_domain::id::{IdempotencyKey, ReservationId, SaleId, ShopperId, Sku};
use doorbuster_domain::inventory::{
    Answer, Command, Rejection, Reply as Answered, ReservationState, ReservationView,
};
use doorbuster_domain::money::Money;
use doorbuster_wire::cart::{Cart as Body, CartPaymentReply, CartPaymentRequest, CartRequest};
use doorbuster_wire::problem::{FieldError, ProblemKind};
use doorbuster_wire::shopper::Reservation;
use worker::Env;

use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::objects::InventoryStub;
use crate::payment::{self, Heard};
use crate::problem::{Problem, sentence};
use crate::reservations::{Place, idempotency_key, payment_line, session_page};
use crate::room::{self, sale_id};
use crate::shopper::{self, Admission};

/// `POST /v1/sales/{sale}/carts`.
pub(crate) async fn reserve(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let sale = sale_id(sale)?;
    let config = edge.config(env)?;
    let shopper = shopper::known(request)?;
    let admission = shopper::admission(request, &config, &sale, shopper, now())?;
    let key = idempotency_key(request)?;
    let asked: CartRequest = request.json().await?;
    let cart = cart_of(edge, env, &sale, asked).await?;
    let walk = Walk::new(matches!(admission, Admission::Holds(_)));
    let ended = reserve_all(env, &sale, &cart, (shopper, key), walk).await?;
    let problem = match ended {
        Ended::Reserved { views, exists } => {
            if let (Admission::Holds(since), false) = (&admission, exists) {
                let units = views.iter().map(|view| view.quantity).fold(0, u32::saturating_add);
                edge.lines.count_reserved(&sale, *since, units);
            }
            let reply = Reply::written(&whole(&sale, &cart, &views)?);
            return Ok(if exists { reply.field("idempotent-replayed", "true") } else { reply });
        }
        Ended::Refused { line, rejection, undo } => {
            give_back(env, &sale, &cart, shopper, &undo).await;
            match (admission, rejection) {
                (Admission::Expired(expired), Rejection::ReservationNotFound) => expired,
                (_, rejection) => at_line(&cart, line, rejection.into()),
            }
        }
        Ended::Undone { undo } => {
            give_back(env, &sale, &cart, shopper, &undo).await;
            let detail = "A request with this key was refused before, or its units were given \
                          back. Nothing is reserved by it. Make up a new key to try again.";
            Problem::new(ProblemKind::CartUndone, detail)
        }
    };
    Err(problem)
}

/// What was asked for as a cart, of SKUs that the sale has and that are not known to be gone: then
/// nothing need be reserved that would be given back at once.
async fn cart_of(
    edge: &Edge,
    env: &Env,
    sale: &SaleId,
    asked: CartRequest,
) -> Result<Cart, Problem> {
    let mut lines = Vec::new();
    for (place, line) in asked.lines.iter().enumerate() {
        let sku = line.sku.parse().map_err(|error| {
            Problem::invalid(&format!("/lines/{place}/sku"), format!("The SKU {error}."))
        })?;
        lines.push((sku, line.quantity));
    }
    let cart = Cart::of(lines).map_err(|error| {
        let pointer = match error {
            CartError::Quantity { place } => format!("/lines/{place}/quantity"),
            CartError::Empty | CartError::TooLong => "/lines".to_owned(),
        };
        Problem::invalid(&pointer, sentence(&error.to_string()))
    })?;
    for (line, wanted) in cart.lines().iter().enumerate() {
        let offered = room::require_offer(edge, env, sale, &wanted.sku).await;
        offered.map_err(|problem| at_line(&cart, line, problem))?;
    }
    let cart = match edge.statuses.however_old(sale) {
        None => cart,
        Some(known) => cart.charged_by(&known.charges, |sku| {
            known.offers.iter().find(|offer| offer.sku == *sku).map(|offer| offer.unit_price)
        }),
    };
    for (line, wanted) in cart.lines().iter().enumerate() {
        if room::is_sold_out(edge, env, sale, &wanted.sku).await {
            return Err(at_line(&cart, line, Rejection::SoldOut.into()));
        }
    }
    Ok(cart)
}

/// Goes through the lines. If an Inventory does not answer, what is reserved stays so until its
/// deadline: who comes again with the same key goes on from there.
async fn reserve_all(
    env: &Env,
    sale: &SaleId,
    cart: &Cart,
    (shopper, key): (ShopperId, IdempotencyKey),
    mut walk: Walk,
) -> Result<Ended, Problem> {
    for line in cart.lines() {
        let (quantity, mark) = line.wanted();
        let key = key.clone();
        let reservation = ReservationId::derive(sale, &line.sku, shopper, &key);
        let command = match walk.next() {
            Ask::Reserve => Command::ReserveInCart { shopper, key, quantity, cart: mark },
            Ask::Repeat => Command::RepeatInCart { shopper, key, quantity, cart: mark },
        };
        let look = Command::ShowReservation { shopper, reservation };
        let [answer, look] = InventoryStub::of(env, sale, &line.sku).both([command, look]).await?;
        if let Some(ended) = walk.answered(answer, look, cart.lines().len()) {
            return Ok(ended);
        }
    }
    Err(Problem::unavailable("cart", &"an answer that fits no line"))
}

/// Gives back what was reserved for a cart that cannot be had. What does not succeed is done by the
/// deadline.
async fn give_back(
    env: &Env,
    sale: &SaleId,
    cart: &Cart,
    shopper: ShopperId,
    undo: &[(usize, ReservationView)],
) {
    for (line, view) in undo {
        let Some(line) = cart.lines().get(*line) else { continue };
        let release = Command::Release { shopper, reservation: view.reservation };
        let _ = InventoryStub::of(env, sale, &line.sku).execute(release).await;
    }
}

/// A problem that one line of a cart has.
fn at_line(cart: &Cart, line: usize, problem: Problem) -> Problem {
    match cart.lines().get(line) {
        Some(line) => at_place(problem, &line.sku, line.place),
        None => problem,
    }
}

/// A problem that the line of a body has which names this SKU.
fn at_place(problem: Problem, sku: &Sku, place: usize) -> Problem {
    let detail = format!("{sku}: {}", problem.detail());
    problem.at(FieldError { pointer: format!("/lines/{place}"), detail })
}

/// A cart as its shopper sees it.
fn whole(sale: &SaleId, cart: &Cart, views: &[ReservationView]) -> Result<Body, Problem> {
    let amount = sum(views)?.into();
    let lines = cart.lines().iter().zip(views);
    let lines = lines.map(|(line, view)| Reservation::of(sale, &line.sku, view)).collect();
    Ok(Body { lines, amount })
}

/// What all of it costs.
fn sum<'v>(views: impl IntoIterator<Item = &'v ReservationView>) -> Result<Money, Problem> {
    Money::sum(views.into_iter().map(|view| view.amount)).ok_or_else(|| {
        Problem::invalid("/lines", "Together they cannot be paid at once. Pay them one by one.")
    })
}

/// A reservation whose payment has begun.
struct Begun {
    place: Place,
    view: ReservationView,
    /// Whether it began here.
    is_new: bool,
}

/// `POST /v1/sales/{sale}/carts/payment`.
///
/// All of them begin, or none. What broke off in between is made good for when it is asked for
/// again, or by the payments' deadline.
pub(crate) async fn pay(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let sale = sale_id(sale)?;
    let config = edge.config(env)?;
    let provider = payment::Provider::configured(&config)?;
    let shopper = shopper::known(request)?;
    let named = named(&sale, request.json().await?)?;
    for (place, _, line) in &named {
        let offered = place.require_offer(edge, env).await;
        offered.map_err(|problem| at_place(problem, &place.sku, *line))?;
    }
    payment::permit(edge).inspect_err(|_| edge.lines.count_payment(&sale, false))?;
    let mut begun = Vec::new();
    for (place, reservation, line) in named {
        match begin(env, place, (shopper, reservation)).await {
            Ok(one) => begun.push(one),
            Err((place, problem)) => {
                // Or anybody could hold the provider's one try by asking for what is not theirs.
                payment::give_back(edge);
                undo(env, &begun).await;
                return Err(at_place(problem, &place.sku, line));
            }
        }
    }
    let paid = async {
        let session = session(edge, &sale, &begun)?;
        session_page(edge, &config, env, (provider, &session)).await
    };
    let redirect_to = match paid.await {
        Ok(page) => page,
        Err(problem) => {
            if problem.is(ProblemKind::PaymentInProgress) {
                undo(env, &begun).await;
            }
            return Err(problem);
        }
    };
    let amount = sum(begun.iter().map(|one| &one.view))?.into();
    let told = |one: &Begun| Reservation::of(&one.place.sale, &one.place.sku, &one.view);
    let lines = begun.iter().map(told).collect();
    let reply = CartPaymentReply { redirect_to, cart: Body { lines, amount } };
    Ok(Reply::written(&reply).own_field("location", &reply.redirect_to))
}

/// The reservations that are named, in the order of their SKUs, each with its line.
fn named(
    sale: &SaleId,
    CartPaymentRequest { lines }: CartPaymentRequest,
) -> Result<Vec<(Place, ReservationId, usize)>, Problem> {
    if lines.is_empty() || lines.len() > Cart::LINES_MAX {
        let detail = format!("Name from 1 to {} reservations.", Cart::LINES_MAX);
        return Err(Problem::invalid("/lines", detail));
    }
    let mut named: Vec<(Place, ReservationId, usize)> = Vec::new();
    for (line, one) in lines.iter().enumerate() {
        let wrong =
            |field: &str, what: String| Problem::invalid(&format!("/lines/{line}/{field}"), what);
        let sku = one.sku.parse().map_err(|error| wrong("sku", format!("The SKU {error}.")))?;
        let reservation = one.reservation.parse();
        let reservation = reservation
            .map_err(|error| wrong("reservation", format!("The reservation id {error}.")))?;
        if named.iter().any(|(_, known, _)| *known == reservation) {
            return Err(wrong("reservation", "It is named twice.".to_owned()));
        }
        let after = |(place, known, _): &(Place, ReservationId, usize)| {
            (&place.sku, known) > (&sku, &reservation)
        };
        let at = named.iter().position(after).unwrap_or(named.len());
        named.insert(at, (Place { sale: sale.clone(), sku }, reservation, line));
    }
    Ok(named)
}

async fn begin(
    env: &Env,
    place: Place,
    (shopper, reservation): (ShopperId, ReservationId),
) -> Result<Begun, (Place, Problem)> {
    let look = Command::ShowReservation { shopper, reservation };
    let both = place.stub(env).both([look, Command::BeginPayment { shopper, reservation }]).await;
    let (before, begun) = match both {
        Ok([before, begun]) => (before, begun),
        Err(problem) => return Err((place, problem)),
    };
    let is_new = matches!(before, Answer::Accepted(Answered::Reservation { view, .. })
        if view.state == ReservationState::Held);
    match begun {
        Answer::Accepted(Answered::Reservation { view, .. }) => Ok(Begun { place, view, is_new }),
        Answer::Accepted(other) => Err((place, Problem::unavailable("inventory", &other))),
        Answer::Rejected(rejection) => Err((place, rejection.into())),
    }
}

/// What was begun here is held again: nobody was told where to pay.
async fn undo(env: &Env, begun: &[Begun]) {
    for Begun { place, view, .. } in begun.iter().filter(|one| one.is_new) {
        if let Some(payment) = view.payment {
            // What does not succeed is done by the payment's deadline.
            let _ =
                payment::tell(env, (&place.sale, &place.sku), Heard::Declined.of(payment)).await;
        }
    }
}

fn session(edge: &Edge, sale: &SaleId, begun: &[Begun]) -> Result<payment::Session, Problem> {
    let line = |one: &Begun| payment_line(edge, &one.place, &one.view);
    let mut lines = begun.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    if lines.is_empty() {
        return Err(Problem::unavailable("cart", &"nothing was begun"));
    }
    Ok(payment::Session {
        sale: sale.clone(),
        lead: lines.remove(0),
        others: lines,
        amount: sum(begun.iter().map(|one| &one.view))?,
        expires_at: begun.iter().filter_map(|one| one.view.expires_at).min().unwrap_or_default(),
    })
}
