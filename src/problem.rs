//! Where every "no" becomes HTTP, last of all: rejections of the domain, and errors of ours.

use doorbuster_domain::id::IdError;
use doorbuster_domain::inventory::Rejection;
use doorbuster_domain::line::{RoomRejection, RulesInvalid};
use doorbuster_wire::problem::{FieldError, ProblemBody, ProblemKind};

use crate::http::Reply;

/// A "no" on its way to the client. What it says is fit to be read by anybody; what is not goes to
/// the log instead.
///
/// Behind a pointer, because nearly every function may return one: what is moved about where
/// nothing is wrong stays small, and so does the code that moves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem(Box<Said>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    kind: ProblemKind,
    detail: String,
    errors: Vec<FieldError>,
    fields: Vec<(&'static str, String)>,
}

/// Seconds after which a client may ask again when a part of us is not there.
const RETRY_AFTER_SECS: &str = "1";

impl Problem {
    /// A problem of a kind, and what to do about it.
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let fields = match kind {
            ProblemKind::Unavailable => vec![("retry-after", RETRY_AFTER_SECS.to_owned())],
            // A 401 has to name what would be accepted (RFC 9110, 15.5.2).
            ProblemKind::Unauthorized => vec![("www-authenticate", "Bearer".to_owned())],
            ProblemKind::ShopperUnknown => challenge("Doorbuster-Shopper"),
            ProblemKind::TicketRequired => challenge("Doorbuster-Ticket"),
            ProblemKind::PassRequired => challenge("Doorbuster-Pass"),
            _ => Vec::new(),
        };
        Self(Box::new(Said { kind, detail: detail.into(), errors: Vec::new(), fields }))
    }

    /// A part of us or of the platform that is not there at the moment. The cause is logged.
    pub(crate) fn unavailable(what: &str, cause: &dyn std::fmt::Debug) -> Self {
        worker::console_error!("{what}: {cause:?}");
        Self::try_again()
    }

    /// What a client is told when a part of us is not there.
    pub(crate) fn try_again() -> Self {
        Self::new(
            ProblemKind::Unavailable,
            "Nothing was lost. Send the same request again, with the same Idempotency-Key.",
        )
    }

    /// A name that is not one. What cannot be a name cannot be found.
    pub(crate) fn no_such(kind: ProblemKind, what: &str, error: &IdError) -> Self {
        Self::new(kind, format!("The {what} {error}."))
    }

    /// Whether it is of a kind.
    pub(crate) fn is(&self, kind: ProblemKind) -> bool {
        self.0.kind == kind
    }

    /// The name of its kind.
    pub(crate) fn slug(&self) -> &'static str {
        self.0.kind.slug()
    }

    /// What is wrong, in words that anybody may read.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The same, naming one more wrong part of the request.
    #[must_use]
    pub(crate) fn at(mut self, error: FieldError) -> Self {
        self.0.errors.push(error);
        self
    }

    /// A value of the body that cannot be.
    pub(crate) fn invalid(pointer: &str, detail: impl Into<String>) -> Self {
        let mut problem = Self::body_invalid();
        problem.add(pointer, detail.into());
        problem
    }

    /// Values of the body that cannot be, to be named.
    pub(crate) fn body_invalid() -> Self {
        Self::new(ProblemKind::BodyInvalid, "Correct what `errors` names.")
    }

    /// Names one more wrong part of the request.
    pub(crate) fn add(&mut self, pointer: &str, detail: String) {
        self.0.errors.push(FieldError { pointer: pointer.to_owned(), detail });
    }

    /// The same with a header more.
    #[must_use]
    pub(crate) fn field(mut self, name: &'static str, value: String) -> Self {
        self.0.fields.push((name, value));
        self
    }

    /// The reply.
    pub(crate) fn into_reply(self) -> Reply {
        let Said { kind, detail, errors, fields } = *self.0;
        let body = ProblemBody {
            kind: kind.type_address(),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail,
            retryable: kind.retryable(),
            errors,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let reply = Reply::text("application/problem+json", text)
            .status(kind.status())
            .field("cache-control", "no-store");
        fields.into_iter().fold(reply, |reply, (name, value)| reply.own_field(name, &value))
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let kind = match &rejection {
            Rejection::NotOpened => ProblemKind::SkuNotFound,
            Rejection::ExistsWithDifferentTerms => ProblemKind::StockExists,
            Rejection::ExistsWithDifferentAdjustment
            | Rejection::ExistsWithDifferentQuantity { .. }
            | Rejection::ExistsWithDifferentCart => ProblemKind::IdempotencyKeyReused,
            Rejection::TermsInvalid { .. }
            | Rejection::QuantityZero
            | Rejection::QuantityTooLarge => ProblemKind::BodyInvalid,
            Rejection::WithdrawExceedsAvailable { .. } => ProblemKind::WithdrawExceedsAvailable,
            Rejection::ReservationNotFound => ProblemKind::ReservationNotFound,
            Rejection::ReservationReleased => ProblemKind::ReservationReleased,
            Rejection::ReservationExpired => ProblemKind::ReservationExpired,
            Rejection::OrderCancelled => ProblemKind::OrderCancelled,
            Rejection::ReservationAllocated => ProblemKind::ReservationAllocated,
            Rejection::ReservationWaiting => ProblemKind::ReservationWaiting,
            Rejection::PaymentsMaxReached { .. } => ProblemKind::TooManyPayments,
            Rejection::PaymentInProgress => ProblemKind::PaymentInProgress,
            Rejection::ExtensionCapReached { .. } => ProblemKind::ExtensionCap,
            Rejection::SaleClosed => ProblemKind::SaleClosed,
            Rejection::SaleNotOpen => ProblemKind::SaleNotOpen,
            Rejection::SalePaused => ProblemKind::SalePaused,
            Rejection::PerShopperMaxReached { .. } => ProblemKind::PerShopperMax,
            Rejection::ReservationsMaxReached { .. } => ProblemKind::TooManyReservations,
            Rejection::SoldOut => ProblemKind::SoldOut,
            Rejection::AllReserved => ProblemKind::AllReserved,
            Rejection::ExceedsAvailable { .. } => ProblemKind::ExceedsAvailable,
        };
        let detail = sentence(&rejection.to_string());
        match &rejection {
            Rejection::QuantityZero => Self::invalid("/quantity", detail),
            Rejection::QuantityTooLarge => Self::invalid("/units", detail),
            _ => Self::new(kind, detail),
        }
    }
}

impl From<RoomRejection> for Problem {
    fn from(rejection: RoomRejection) -> Self {
        let kind = match &rejection {
            RoomRejection::RulesInvalid(RulesInvalid { rule, place, reason }) => {
                let place = place.map_or_else(String::new, |place| format!("/{place}"));
                return Self::invalid(&format!("/{rule}{place}"), sentence(reason));
            }
            RoomRejection::NoSuchSale => ProblemKind::SaleNotFound,
            RoomRejection::ExistsWithDifferentRules => ProblemKind::SaleExists,
            RoomRejection::PhaseOrder { .. } => ProblemKind::PhaseOrder,
            RoomRejection::NotOpen => ProblemKind::SaleNotOpen,
            RoomRejection::Closed => ProblemKind::SaleClosed,
            RoomRejection::SoldOut => ProblemKind::SoldOut,
            RoomRejection::CannotSchedule { .. } => ProblemKind::OpeningPast,
            RoomRejection::LineRejects => ProblemKind::LineRejects,
            RoomRejection::PlacesPerClient => ProblemKind::PlacesPerClient,
            RoomRejection::NoBeacon => ProblemKind::NoBeacon,
            RoomRejection::BeaconToldBefore => ProblemKind::BeaconToldBefore,
            RoomRejection::BeaconMalformed => {
                return Self::invalid("/signature", sentence(&rejection.to_string()));
            }
            RoomRejection::BeaconOut => ProblemKind::BeaconOut,
            RoomRejection::BypassSpent => ProblemKind::BypassInvalid,
        };
        Self::new(kind, sentence(&rejection.to_string()))
    }
}

fn challenge(scheme: &str) -> Vec<(&'static str, String)> {
    vec![("www-authenticate", scheme.to_owned())]
}

/// A clause as a sentence.
pub(crate) fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    letters
        .next()
        .map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
