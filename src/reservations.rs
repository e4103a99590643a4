//! Reserving, and what comes of it. Every decision is the Inventory object's.

use doorbuster_domain::id::{IdempotencyKey, ReservationId, SaleId, ShopperId, Sku};
use doorbuster_domain::inventory::{Command, Rejection, Reply as Answered, ReservationView};
use doorbuster_domain::time::Timestamp;
use doorbuster_durable::Shown;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::route::Operation;
use doorbuster_wire::shopper::{PaymentReply, Reservation, ReserveRequest};
use worker::Env;

use crate::config::Config;
use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::objects::{self, InventoryStub};
use crate::payment;
use crate::problem::Problem;
use crate::room::{self, sale_id};
use crate::shopper::{self, Admission};
use crate::steps::Question;

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

    fn address(&self, reservation: &str) -> String {
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
    let admitted = Admitted::of(edge, request, place, now())?;
    admitted.place.require_offer(edge, env).await?;
    let key = idempotency_key(request)?;
    let wanted = match wanted_at_hand(request) {
        Some(wanted) => wanted?,
        None => request.json().await?,
    };
    let line = admitted.place.stub(env).execute_to_show(&admitted.command(key, &wanted)).await;
    let shown = line.as_deref().map_err(Problem::clone).and_then(objects::shown);
    admitted.reply(edge, shown)
}

/// Nothing said is one unit: what most want, and nobody has to read a body for it.
const ONE_UNIT: ReserveRequest = ReserveRequest { quantity: 1, wait: false };

/// What is wanted, if the body is at hand.
fn wanted_at_hand(request: &Request<'_>) -> Option<Result<ReserveRequest, Problem>> {
    if request.header(Header::ContentType).is_none() && request.has_no_body() {
        return Some(Ok(ONE_UNIT));
    }
    request.json_at_hand()
}

/// Begins to reserve units of a SKU that the sale is known to have and not to have sold out: who
/// does, and what the SKU's object is to be asked. The body has to be at hand.
pub(crate) fn begin(
    edge: &Edge,
    request: &Request<'_>,
    place: Place,
    now: Timestamp,
) -> Result<(Admitted, Question), Problem> {
    let admitted = Admitted::of(edge, request, place, now)?;
    let key = idempotency_key(request)?;
    let wanted = wanted_at_hand(request).ok_or_else(Problem::try_again)??;
    let command = admitted.command(key, &wanted);
    let question = admitted.place.stub(&edge.env).question(&command);
    Ok((admitted, question))
}

/// Somebody who reserves and has a pass for it.
pub(crate) struct Admitted {
    place: Place,
    shopper: ShopperId,
    admission: Admission,
}

impl Admitted {
    fn of(
        edge: &Edge,
        request: &Request<'_>,
        place: Place,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let config = edge.config(&edge.env)?;
        let shopper = shopper::known(request)?;
        let admission = shopper::admission(request, &config, &place.sale, shopper, now)?;
        Ok(Self { place, shopper, admission })
    }

    fn command(&self, key: IdempotencyKey, wanted: &ReserveRequest) -> Command {
        let (shopper, quantity) = (self.shopper, wanted.quantity);
        match &self.admission {
            Admission::Holds(_) if wanted.wait => Command::ReserveOrWait { shopper, key, quantity },
            Admission::Holds(_) => Command::Reserve { shopper, key, quantity },
            Admission::Expired(_) => Command::RepeatReserve { shopper, key, quantity },
        }
    }

    /// The reply, of what the shopper is shown.
    pub(crate) fn reply(
        self,
        edge: &Edge,
        shown: Result<Shown<'_>, Problem>,
    ) -> Result<Reply, Problem> {
        let Self { place, admission, .. } = self;
        let (shown, since) = match (shown, admission) {
            (Ok(shown), Admission::Holds(since)) => (shown, Some(since)),
            (Ok(shown), Admission::Expired(_)) => (shown, None),
            (Err(problem), Admission::Expired(expired))
                if problem.is(ProblemKind::ReservationNotFound) =>
            {
                return Err(expired);
            }
            (Err(problem), _) => return Err(problem),
        };
        let reply = Reply::text("application/json", shown.body.to_owned())
            .own_field("location", &place.address(shown.reservation));
        if shown.exists {
            return Ok(reply.field("idempotent-replayed", "true"));
        }
        if let Some(since) = since {
            edge.lines.count_reserved(&place.sale, since, shown.quantity);
        }
        Ok(reply)
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
    Ok(Reply::written(&Reservation::of(&place.sale, &place.sku, &view)))
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
    let reply =
        PaymentReply { redirect_to, reservation: Reservation::of(&place.sale, &place.sku, &view) };
    Ok(Reply::written(&reply).own_field("location", &reply.redirect_to))
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
