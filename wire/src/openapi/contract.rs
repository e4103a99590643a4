//! What each operation takes and gives.

mod contacts;
mod letters;
mod orders;
mod payment;
mod reservations;

use schemars::SchemaGenerator;
use serde_json::{Value, json};

use super::schema_of;
use super::webhooks::webhook_contract;
use crate::cloudflare::CloudflareReply;
use crate::merchant::{
    AdjustRequest, BeaconRequest, BypassReply, BypassRequest, ChallengeReply, ChallengeRequest,
    ImportReply, LimitsRequest, MessageRequest, PhaseRequest, Readiness, SaleRequest, SaleState,
    ScheduleRequest, Stock, StockRequest,
};
use crate::problem::ProblemKind as Kind;
use crate::route::Operation;
use crate::shopper::{Draw, Order, Product, ProductList, Sale, SaleList, TicketReply, TurnReply};

/// A body. Two JSON bodies are equal if both are JSON: it is only asked whether there is one.
pub(super) enum Body {
    Nothing,
    Json(fn(&mut SchemaGenerator) -> Value),
    Csv,
    Ndjson,
    Html,
    Form,
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    None,
    Merchant,
    Shopper,
    MaybeShopper,
}

/// A parameter: its name, whether it is required, what it is.
pub(super) type Parameter = (&'static str, bool, &'static str);

/// What an operation takes and gives, beside what the table of routes says.
pub(super) struct Contract {
    pub(super) credential: Credential,
    pub(super) request: Body,
    pub(super) reply: Body,
    pub(super) query: Vec<Parameter>,
    pub(super) headers: Vec<Parameter>,
    pub(super) reply_headers: Vec<&'static str>,
    pub(super) problems: Vec<Kind>,
    pub(super) cached: bool,
}

impl Contract {
    fn new(credential: Credential, reply: Body) -> Self {
        Self {
            credential,
            request: Body::Nothing,
            reply,
            query: Vec::new(),
            headers: Vec::new(),
            reply_headers: Vec::new(),
            problems: Vec::new(),
            cached: false,
        }
    }

    /// Any shopper's, or anybody's.
    fn open(reply: Body) -> Self {
        Self::new(Credential::None, reply)
    }

    fn shopper(reply: Body) -> Self {
        Self::new(Credential::Shopper, reply).problems(&[
            Kind::ShopperUnknown,
            Kind::ShopperSecretInvalid,
            Kind::SaleNotFound,
        ])
    }

    pub(super) fn merchant(reply: Body) -> Self {
        Self::new(Credential::Merchant, reply).configured().problems(&[Kind::Unauthorized])
    }

    pub(super) fn problems(mut self, kinds: &[Kind]) -> Self {
        self.problems.extend(kinds);
        self
    }

    /// Read with what the operator set, such as the keys.
    fn configured(self) -> Self {
        self.problems(&[Kind::NotConfigured])
    }

    fn header(mut self, header: Parameter) -> Self {
        self.headers.push(header);
        self
    }

    pub(super) fn query(mut self, query: Parameter) -> Self {
        self.query.push(query);
        self
    }

    fn gives(mut self, header: &'static str) -> Self {
        self.reply_headers.push(header);
        self
    }

    fn cached(mut self) -> Self {
        self.cached = true;
        self.gives("ETag").gives("Cache-Control").header(IF_NONE_MATCH)
    }

    /// A body of a media type that is checked.
    fn takes(self, body: Body) -> Self {
        self.reads(body).problems(&[Kind::UnsupportedMediaType])
    }

    /// JSON of a certain shape.
    pub(super) fn takes_json(self, schema: fn(&mut SchemaGenerator) -> Value) -> Self {
        self.takes(Body::Json(schema)).problems(&[Kind::BodyInvalid])
    }

    /// A body, whatever it says it is.
    fn reads(mut self, body: Body) -> Self {
        self.request = body;
        self.problems(&[Kind::BodyMalformed, Kind::BodyTooLarge])
    }

    pub(super) fn keyed(self) -> Self {
        self.header(IDEMPOTENCY_KEY).problems(&[
            Kind::IdempotencyKeyMissing,
            Kind::IdempotencyKeyInvalid,
            Kind::IdempotencyKeyReused,
        ])
    }
}

const IF_NONE_MATCH: Parameter = ("If-None-Match", false, "The ETag of what you have.");
const IDEMPOTENCY_KEY: Parameter = (
    "Idempotency-Key",
    true,
    "Marks this act: 1 to 64 letters, digits, '-', '_' or '.'. Send the same one to try again.",
);
const TICKET: &str = "Doorbuster-Ticket";
const PASS: Parameter = ("Doorbuster-Pass", true, "The pass that your turn came with.");
const CHALLENGE: Parameter =
    ("Doorbuster-Challenge", false, "What meeting the challenge gave you, if the sale has one.");
const BYPASS: Parameter = ("Doorbuster-Bypass", true, "What the merchant gave you.");

/// The contract of an operation.
pub(super) fn contract(operation: Operation) -> Contract {
    match operation {
        // Here for all: what an address that is not in the document gets, or another method.
        Operation::Health => {
            Contract::open(Body::Json(|_| only("status", &json!({ "const": "ok" }))))
                .problems(&[Kind::NotFound, Kind::MethodNotAllowed])
        }
        Operation::Ready => {
            Contract::open(Body::Json(|_| only("status", &json!({ "const": "ready" }))))
                .configured()
        }
        Operation::ListProducts => Contract::open(Body::Json(schema_of::<ProductList>)).cached(),
        Operation::ShowProduct => Contract::open(Body::Json(schema_of::<Product>))
            .cached()
            .problems(&[Kind::ProductNotFound]),
        Operation::ListSales => {
            Contract::open(Body::Json(schema_of::<SaleList>)).gives("Cache-Control")
        }
        Operation::ShowSale => Contract::open(Body::Json(schema_of::<Sale>))
            .gives("Cache-Control")
            .problems(&[Kind::SaleNotFound]),
        Operation::ShowDraw => Contract::open(Body::Json(schema_of::<Draw>))
            .gives("Cache-Control")
            .problems(&[Kind::SaleNotFound]),
        Operation::Join => join(),
        Operation::Leave => with_ticket().gives("Set-Cookie"),
        Operation::UseBypass => Contract::shopper(Body::Json(schema_of::<TurnReply>))
            .configured()
            .header(BYPASS)
            .gives("Set-Cookie")
            .problems(&[Kind::BypassInvalid])
            .by_anybody(),
        Operation::Poll => Contract { reply: Body::Json(either_form), ..with_ticket() }
            .query(("form", false, "Cloudflare Waiting Room's form instead of ours."))
            .problems(&[Kind::QueryInvalid])
            // Who sends the ticket as a header need not say who they are.
            .by_anybody()
            .problems(&[Kind::ShopperUnknown]),
        Operation::SalesPage => Contract::open(Body::Html).gives("Cache-Control"),
        Operation::LinePage => {
            Contract::open(Body::Html).configured().problems(&[Kind::SaleNotFound])
        }
        Operation::JoinLinePage => Contract::open(Body::Nothing)
            .configured()
            .gives("Location")
            .gives("Set-Cookie")
            .problems(&[Kind::SaleNotFound]),
        Operation::Reserve
        | Operation::ShowReservation
        | Operation::ReleaseReservation
        | Operation::ExtendReservation
        | Operation::BeginPayment
        | Operation::ReserveCart
        | Operation::PayCart => reservations::contract(operation),
        Operation::ShowOrder => Contract::shopper(Body::Json(schema_of::<Order>))
            .problems(&[Kind::SkuNotFound, Kind::OrderNotFound]),
        Operation::SandboxPage
        | Operation::SandboxPay
        | Operation::SandboxWebhook
        | Operation::StripeWebhook => payment::contract(operation),
        _ => merchant_contract(operation),
    }
}

/// An object of one field.
fn only(name: &str, schema: &Value) -> Value {
    json!({ "type": "object", "properties": { name: schema }, "required": [name] })
}

/// One's turn, in our form or in Cloudflare's.
fn either_form(schemas: &mut SchemaGenerator) -> Value {
    json!({ "oneOf": [schema_of::<TurnReply>(schemas), schema_of::<CloudflareReply>(schemas)] })
}

/// Asked with a ticket. Browsers have it in a cookie, too, so the header is not required.
fn with_ticket() -> Contract {
    Contract::shopper(Body::Json(schema_of::<TurnReply>))
        .configured()
        .header((TICKET, false, "The ticket you were given when you joined."))
        .problems(&[Kind::TicketRequired, Kind::TicketInvalid, Kind::TicketExpired])
}

fn join() -> Contract {
    Contract::shopper(Body::Json(schema_of::<TicketReply>))
        .configured()
        .header((TICKET, false, "Your ticket, if you have one: your place is kept."))
        .gives("Set-Cookie")
        .problems(&[
            Kind::TicketInvalid,
            Kind::TicketExpired,
            Kind::SaleNotOpen,
            Kind::SaleClosed,
            Kind::SoldOut,
            Kind::LineRejects,
            Kind::PlacesPerClient,
            Kind::ChallengeRequired,
        ])
        .header(CHALLENGE)
        .by_anybody()
}

impl Contract {
    fn by_anybody(mut self) -> Self {
        self.credential = Credential::MaybeShopper;
        self.problems.retain(|kind| *kind != Kind::ShopperUnknown);
        self
    }
}

/// What changes a sale, and shows what it is like then.
fn changes(request: fn(&mut SchemaGenerator) -> Value) -> Contract {
    Contract::merchant(Body::Json(schema_of::<SaleState>))
        .takes_json(request)
        .problems(&[Kind::SaleNotFound])
}

fn merchant_contract(operation: Operation) -> Contract {
    match operation {
        Operation::ImportCatalog => Contract::merchant(Body::Json(schema_of::<ImportReply>))
            .takes(Body::Csv)
            .query(("currency", true, "ISO 4217 code of the file's prices."))
            .problems(&[Kind::QueryInvalid, Kind::CatalogInvalid]),
        Operation::CreateSale => Contract::merchant(Body::Json(schema_of::<SaleState>))
            .takes_json(schema_of::<SaleRequest>)
            .problems(&[Kind::SaleNotFound, Kind::SaleExists, Kind::BeaconOut]),
        Operation::SetPhase => Contract::merchant(Body::Json(schema_of::<SaleState>))
            .takes_json(schema_of::<PhaseRequest>)
            .problems(&[
                Kind::SaleNotFound,
                Kind::StockMissing,
                Kind::PhaseOrder,
                Kind::SaleClosed,
            ]),
        Operation::SetSchedule => changes(schema_of::<ScheduleRequest>).problems(&[
            Kind::StockMissing,
            Kind::OpeningPast,
            Kind::BeaconOut,
        ]),
        Operation::SetLimits => changes(schema_of::<LimitsRequest>),
        Operation::SetMessage => changes(schema_of::<MessageRequest>),
        Operation::TellBeacon => {
            changes(schema_of::<BeaconRequest>).problems(&[Kind::NoBeacon, Kind::BeaconToldBefore])
        }
        Operation::MakeBypass => Contract::merchant(Body::Json(schema_of::<BypassReply>))
            .takes_json(schema_of::<BypassRequest>)
            .problems(&[Kind::SaleNotFound]),
        Operation::MeetChallenge => Contract::merchant(Body::Json(schema_of::<ChallengeReply>))
            .takes_json(schema_of::<ChallengeRequest>)
            .problems(&[Kind::SaleNotFound]),
        Operation::ShowReadiness => {
            Contract::merchant(Body::Json(schema_of::<Readiness>)).problems(&[Kind::SaleNotFound])
        }
        Operation::SetStock => Contract::merchant(Body::Json(schema_of::<Stock>))
            .takes_json(schema_of::<StockRequest>)
            .problems(&[
                Kind::SaleNotFound,
                Kind::SkuNotFound,
                Kind::StockExists,
                Kind::SaleClosed,
            ]),
        Operation::AdjustStock => Contract::merchant(Body::Json(schema_of::<Stock>))
            .takes_json(schema_of::<AdjustRequest>)
            .keyed()
            .problems(&[Kind::SaleNotFound, Kind::SkuNotFound, Kind::WithdrawExceedsAvailable]),
        Operation::ExportJournal => Contract::merchant(Body::Ndjson)
            .query(("after", false, "The number of the last entry you have."))
            .problems(&[Kind::SaleNotFound, Kind::SkuNotFound, Kind::QueryInvalid]),
        Operation::ShowSaleState => {
            Contract::merchant(Body::Json(schema_of::<SaleState>)).problems(&[Kind::SaleNotFound])
        }
        _ => webhook_contract(operation)
            .or_else(|| orders::contract(operation))
            .or_else(|| contacts::contract(operation))
            .unwrap_or_else(|| letters::contract(operation)),
    }
}
