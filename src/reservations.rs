//! Reserving, and what comes of it. Every decision is the Inventory object's.

use doorbuster_domain::id::{IdempotencyKey, ReservationId, SaleId, Sku};
use doorbuster_domain::inventory::{
    Command, Rejection, Reply as Answered, ReservationView, WaitlistView,
};
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::route::Operation;
use doorbuster_wire::shopper::{PaymentReply, Reservation, ReserveRequest, Waitlist};
use serde::Serialize;
use worker::Env;

use crate::config::Config;
use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::objects::InventoryStub;
use crate::payment;
use crate::problem::Problem;
use crate::room::{self, sale_id};
use crate::shopper::{self, Admission};

/// A SKU of a sale, named by an address.
pub(crate) struct Place {
    pub(crate) sale: SaleId,
    pub(crate) sku: Sku,
}

impl Place {
    pub(crate) fn parse(sale: &str, sku: &str) -> Result<Self, Problem> {
        let kind = ProblemKind::SkuNotFound;
        let sku = sku.parse().map_err(|error| Problem::no_such(kind, "SKU", &error))?;
        Ok(Self { sale: sale_id(sale)?, sku })
    }

    pub(crate) fn stub<'e>(&self, env: &'e Env) -> InventoryStub<'e> {
        InventoryStub::of(env, &self.sale, &self.sku)
    }

    /// Checks that the sale has the SKU, before its object is woken.
    pub(crate) async fn require_offer(&self, edge: &Edge, env: &Env) -> Result<(), Problem> {
        room::require_offer(edge, env, &self.sale, &self.sku).await
    }

    fn address(&self, reservation: ReservationId) -> String {
        format!("/v1/sales/{}/skus/{}/reservations/{reservation}", self.sale, self.sku)
    }
}

/// `POST .../reservations`.
pub(crate) async fn reserve(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    place: Place,
) -> Result<Reply, Problem> {
    // Before all else: it is the same for everybody, and a flood of late comers has to cost little.
    if room::is_sold_out(edge, env, &place.sale, &place.sku).await {
        return Err(Rejection::SoldOut.into());
    }
    let config = edge.config(env)?;
    let shopper = shopper::known(request)?;
    let admission = shopper::admission(request, &config, &place.sale, shopper, now())?;
    place.require_offer(edge, env).await?;
    let key = idempotency_key(request)?;
    let ReserveRequest { quantity, wait } = match request.header(Header::ContentType) {
        // Nothing said is one unit: what most want, and nobody has to read a body for it.
        None if request.has_no_body() => ReserveRequest { quantity: 1, wait: false },
        _ => request.json().await?,
    };
    let command = match &admission {
        Admission::Holds(_) if wait => Command::ReserveOrWait { shopper, key, quantity },
        Admission::Holds(_) => Command::Reserve { shopper, key, quantity },
        Admission::Expired(_) => Command::RepeatReserve { shopper, key, quantity },
    };
    let answered = place.stub(env).execute(command).await;
    let since = match &admission {
        Admission::Holds(since) => Some(*since),
        Admission::Expired(_) => None,
    };
    let reply = answered.map_err(|problem| match admission {
        Admission::Expired(expired) if problem.is(ProblemKind::ReservationNotFound) => expired,
        _ => problem,
    })?;
    match reply {
        Answered::Reservation { view, exists } => {
            if let Some(since) = since.filter(|_| !exists) {
                edge.lines.count_reserved(&place.sale, since, view.quantity);
            }
            let reply = Reply::json(&body(&place, &view))
                .own_field("location", &place.address(view.reservation));
            Ok(if exists { reply.field("idempotent-replayed", "true") } else { reply })
        }
        other => Err(Problem::unavailable("inventory", &other)),
    }
}

/// `GET`, `POST .../extend` and `DELETE` of a reservation.
pub(crate) async fn act(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    place: Place,
    reservation: &str,
    operation: Operation,
) -> Result<Reply, Problem> {
    let view = own(edge, request, env, &place, reservation, operation).await?;
    Ok(Reply::json(&body(&place, &view)))
}

/// A shopper's own reservation, as it is after an operation on it; or only as it is.
pub(crate) async fn own(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    place: &Place,
    reservation: &str,
    operation: Operation,
) -> Result<ReservationView, Problem> {
    let shopper = shopper::known(request)?;
    let reservation = reservation_id(reservation)?;
    place.require_offer(edge, env).await?;
    let command = match operation {
        Operation::ExtendReservation => Command::Extend { shopper, reservation },
        Operation::ReleaseReservation => Command::Release { shopper, reservation },
        _ => Command::ShowReservation { shopper, reservation },
    };
    reservation_view(place.stub(env).execute(command).await?)
}

/// `POST .../payment`: from here only the provider's word counts.
pub(crate) async fn begin_payment(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    place: Place,
    reservation: &str,
) -> Result<Reply, Problem> {
    let config = edge.config(env)?;
    let provider = payment::Provider::configured(&config)?;
    let shopper = shopper::known(request)?;
    let reservation = reservation_id(reservation)?;
    place.require_offer(edge, env).await?;
    payment::permit(edge).inspect_err(|_| edge.lines.count_payment(&place.sale, false))?;
    let command = Command::BeginPayment { shopper, reservation };
    // Or anybody could hold the provider's one try by asking for what is not theirs.
    let begun = place.stub(env).execute(command).await.inspect_err(|_| payment::give_back(edge))?;
    let view = reservation_view(begun)?;
    let session = payment::Session {
        lead: payment_line(edge, &place, &view)?,
        sale: place.sale.clone(),
        others: Vec::new(),
        amount: view.amount,
        expires_at: view.expires_at.unwrap_or_default(),
    };
    let redirect_to = session_page(edge, &config, env, (provider, &session)).await?;
    let reply = PaymentReply { redirect_to, reservation: body(&place, &view) };
    Ok(Reply::json(&reply).own_field("location", &reply.redirect_to))
}

/// What is to be paid for a reservation whose payment has begun.
pub(crate) fn payment_line(
    edge: &Edge,
    place: &Place,
    view: &ReservationView,
) -> Result<payment::Line, Problem> {
    Ok(payment::Line {
        sku: place.sku.clone(),
        payment: view
            .payment
            .ok_or_else(|| Problem::unavailable("inventory", &"no payment was begun"))?,
        title: room::title(edge, &place.sale, &place.sku)
            + if view.shipping_minor.is_some() { ", with shipping" } else { "" },
        quantity: view.quantity,
        amount: view.amount,
    })
}

/// The page of a session at the provider; how it went is counted.
pub(crate) async fn session_page(
    edge: &Edge,
    config: &Config,
    env: &Env,
    (provider, session): (payment::Provider, &payment::Session),
) -> Result<String, Problem> {
    let created = provider.create_session(edge, config, env, session).await;
    edge.lines.count_payment(&session.sale, created.is_ok());
    created
}

/// The key of an act that must not happen twice.
pub(crate) fn idempotency_key(request: &Request<'_>) -> Result<IdempotencyKey, Problem> {
    let text = request.header(Header::IdempotencyKey).ok_or_else(|| {
        Problem::new(
            ProblemKind::IdempotencyKeyMissing,
            "Make up a key for this act, send it as Idempotency-Key, and send the same one when \
             you try again.",
        )
    })?;
    // Structured-field strings stand in quotes; bare keys are common and as clear.
    let bare = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    bare.parse().map_err(|error| {
        Problem::new(
            ProblemKind::IdempotencyKeyInvalid,
            format!("The key {error}. Send one key of 1 to 64 letters, digits, '-', '_' or '.'."),
        )
    })
}

fn reservation_id(text: &str) -> Result<ReservationId, Problem> {
    let kind = ProblemKind::ReservationNotFound;
    text.parse().map_err(|error| Problem::no_such(kind, "reservation id", &error))
}

pub(crate) fn reservation_view(reply: Answered) -> Result<ReservationView, Problem> {
    match reply {
        Answered::Reservation { view, .. } => Ok(view),
        other => Err(Problem::unavailable("inventory", &other)),
    }
}

pub(crate) fn body(place: &Place, view: &ReservationView) -> Reservation {
    let lines = view.lines();
    Reservation {
        reservation: view.reservation.to_string(),
        sale: place.sale.to_string(),
        sku: place.sku.to_string(),
        state: word(&view.state),
        quantity: view.quantity,
        amount: view.amount.into(),
        shipping: lines.shipping.map(Into::into),
        tax: lines.tax.map(Into::into),
        expires_at_ms: view.expires_at.map(Timestamp::as_millis),
        waitlist: view.waitlist.map(|WaitlistView { ahead, band }| {
            let stock = word(&band);
            Waitlist { ahead, stock }
        }),
        order: view.order.as_ref().map(|order| order.order.to_string()),
        refund: view.refund.map(|refund| word(&refund)),
    }
}

/// The word the domain has for a state, band or phase.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    text.trim_matches('"').to_owned()
}
