//! The one table of routes.

use std::sync::LazyLock;

/// A method of HTTP that some route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`, and `HEAD` with it.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// The method as HTTP spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// Which limit counts for a route. A client's requests of one class are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteClass {
    /// Never limited: health checks, and providers whose signature is checked.
    Free,
    /// Looking at what there is.
    Browse,
    /// Asking whether it is one's turn.
    Poll,
    /// Taking a place in the line.
    Join,
    /// Reserving and paying.
    Buy,
    /// The merchant's.
    Admin,
}

impl RouteClass {
    /// The class's name in `RateLimit` fields.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Browse => "browse",
            Self::Poll => "poll",
            Self::Join => "join",
            Self::Buy => "buy",
            Self::Admin => "admin",
        }
    }
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// What it does.
    pub operation: Operation,
    /// Its method.
    pub method: Method,
    /// Its path; a segment in braces stands for any one segment.
    pub path: &'static str,
    /// Its class.
    pub class: RouteClass,
    /// The status of success.
    pub status: u16,
    /// What it does, for people.
    pub summary: &'static str,
}

/// Makes the operations and the table from one list.
macro_rules! routes {
    ($(
        $name:ident $method:ident $path:literal $class:ident $status:literal $summary:literal;
    )*) => {
        /// What a route does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operation {
            $(#[doc = $summary] $name,)*
        }

        impl Operation {
            /// The operation's name in the OpenAPI document.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }

        /// Every route of the product.
        pub const ROUTES: &[Route] = &[$(Route {
            operation: Operation::$name,
            method: Method::$method,
            path: $path,
            class: RouteClass::$class,
            status: $status,
            summary: $summary,
        },)*];
    };
}

routes! {
    Health Get "/healthz" Free 200
        "Whether the Worker runs.";
    Ready Get "/readyz" Browse 200
        "Whether the Worker can sell: configuration and database are there.";
    ListProducts Get "/v1/catalog" Browse 200
        "The catalog, without descriptions.";
    ShowProduct Get "/v1/catalog/products/{handle}" Browse 200
        "One product.";
    ListSales Get "/v1/sales" Browse 200
        "The sales there are.";
    ShowSale Get "/v1/sales/{sale}" Browse 200
        "A sale: phase, what is sold, and how much is left in bands.";
    Join Post "/v1/sales/{sale}/tickets" Join 201
        "Takes a place in the line. Asking again with one's ticket keeps the place.";
    Poll Get "/v1/sales/{sale}/turn" Poll 200
        "Whether it is one's turn. Answers with a pass once it is. Cloudflare's form on request.";
    Leave Delete "/v1/sales/{sale}/turn" Join 200
        "Gives one's place, or one's pass, back.";
    UseBypass Post "/v1/sales/{sale}/bypass" Join 200
        "Goes past the line, for staff. Answers with a pass.";
    ShowDraw Get "/v1/sales/{sale}/draw" Browse 200
        "The draw, and all that is needed to compute it again.";
    SalesPage Get "/sales" Browse 200
        "The sales there are, as a page that needs no JavaScript.";
    LinePage Get "/sales/{sale}/line" Poll 200
        "The line of a sale, as a page that needs no JavaScript and reloads itself.";
    JoinLinePage Post "/sales/{sale}/line" Join 303
        "Takes a place in the line from that page, and goes back to it.";
    Reserve Post "/v1/sales/{sale}/skus/{sku}/reservations" Buy 201
        "Sets units aside.";
    ShowReservation Get "/v1/sales/{sale}/skus/{sku}/reservations/{reservation}" Buy 200
        "One's own reservation.";
    ReleaseReservation Delete "/v1/sales/{sale}/skus/{sku}/reservations/{reservation}" Buy 200
        "Gives the units back. If they are being paid for, the payment is ended first.";
    ExtendReservation Post "/v1/sales/{sale}/skus/{sku}/reservations/{reservation}/extend" Buy 200
        "Moves the deadline as far as the rules allow.";
    BeginPayment Post "/v1/sales/{sale}/skus/{sku}/reservations/{reservation}/payment" Buy 201
        "Starts the payment; the answer tells the provider's page to go to.";
    ReserveCart Post "/v1/sales/{sale}/carts" Buy 201
        "Sets units of several SKUs aside, all or none.";
    PayCart Post "/v1/sales/{sale}/carts/payment" Buy 201
        "Starts one payment for several reservations.";
    PutContact Put "/v1/sales/{sale}/skus/{sku}/reservations/{reservation}/contact" Buy 200
        "Says who an order is for, or will be. It is kept sealed.";
    ShowContact Get "/v1/sales/{sale}/skus/{sku}/reservations/{reservation}/contact" Buy 200
        "Who one's own order is for.";
    EraseContact Delete "/v1/sales/{sale}/skus/{sku}/reservations/{reservation}/contact" Buy 200
        "Erases who one's own order is for.";
    ShowOrder Get "/v1/sales/{sale}/skus/{sku}/orders/{order}" Buy 200
        "One's own order and its receipt.";
    SandboxPage Get "/sandbox/payments/{link}" Buy 200
        "The built-in payment provider's page.";
    SandboxPay Post "/sandbox/payments/{link}" Buy 303
        "What the shopper decided on that page.";
    SandboxWebhook Post "/v1/webhooks/sandbox" Free 200
        "Where the built-in payment provider reports, signed.";
    StripeWebhook Post "/v1/webhooks/stripe" Free 200
        "Where Stripe reports what became of payments, signed.";
    ImportCatalog Put "/v1/admin/catalog" Admin 200
        "Publishes a catalog from Shopify's product CSV. All of it or nothing.";
    CreateSale Put "/v1/admin/sales/{sale}" Admin 200
        "Creates a sale. Asking again with the same rules changes nothing.";
    ShowSaleState Get "/v1/admin/sales/{sale}" Admin 200
        "A sale's live state, with the exact stock of every SKU.";
    SetPhase Post "/v1/admin/sales/{sale}/phase" Admin 200
        "Opens a sale or its line, pauses or closes it.";
    SetSchedule Put "/v1/admin/sales/{sale}/schedule" Admin 200
        "Says when line and sale open.";
    SetLimits Put "/v1/admin/sales/{sale}/limits" Admin 200
        "Sets how many people are admitted.";
    SetMessage Put "/v1/admin/sales/{sale}/message" Admin 200
        "Tells something to everybody who waits.";
    TellBeacon Put "/v1/admin/sales/{sale}/beacon" Admin 200
        "Brings the signature of the beacon's round that goes into the draw.";
    MakeBypass Put "/v1/admin/sales/{sale}/bypasses/{bypass}" Admin 200
        "Makes a way past the line, for staff.";
    MeetChallenge Post "/v1/admin/sales/{sale}/challenges" Admin 201
        "Lets somebody join who met the challenge before the line.";
    ShowReadiness Get "/v1/admin/sales/{sale}/readiness" Admin 200
        "Whether a sale is ready to open, and what is missing.";
    SetStock Put "/v1/admin/sales/{sale}/skus/{sku}/stock" Admin 200
        "Gives units of a SKU to a sale.";
    AdjustStock Post "/v1/admin/sales/{sale}/skus/{sku}/adjustments" Admin 200
        "Restocks or withdraws units, with a reason.";
    ExportJournal Get "/v1/admin/sales/{sale}/skus/{sku}/journal" Admin 200
        "The journal of a SKU after an entry, as NDJSON, to verify offline.";
    ListOrders Get "/v1/admin/orders" Admin 200
        "Settled orders, a page at a time.";
    CancelOrder Post "/v1/admin/orders/{order}/cancel" Admin 200
        "Cancels an order: the money goes back, the units come back to the sale or leave it.";
    ShowOrderContact Get "/v1/admin/orders/{order}/contact" Admin 200
        "Who an order is for.";
    EraseOrderContact Delete "/v1/admin/orders/{order}/contact" Admin 200
        "Erases who an order is for.";
    ListDeadLetters Get "/v1/admin/dead-letters" Admin 200
        "Messages that could not be handled, why, and what became of them.";
    ReplayDeadLetter Post "/v1/admin/dead-letters/{number}/replay" Admin 200
        "Puts a dead letter back onto its queue. Asking again sends nothing again.";
    ListWebhooks Get "/v1/admin/webhooks" Admin 200
        "Where the shop is told what happened, and how these endpoints do.";
    PutWebhook Put "/v1/admin/webhooks/{endpoint}" Admin 200
        "Sets an endpoint. Answers with its secret when it is new.";
    DeleteWebhook Delete "/v1/admin/webhooks/{endpoint}" Admin 200
        "Takes an endpoint away, with its deliveries.";
    RotateWebhook Post "/v1/admin/webhooks/{endpoint}/rotate" Admin 200
        "Makes a new secret. The one before it signs, too, for 24 hours.";
    ListDeliveries Get "/v1/admin/webhooks/{endpoint}/deliveries" Admin 200
        "What was sent to an endpoint and what became of it, a page at a time.";
    ResendDelivery Post "/v1/admin/webhooks/{endpoint}/deliveries/{delivery}/resend" Admin 200
        "Sends something again, at once.";
}

/// What the braces of a path stood for, in order; at most three.
pub type Params<'p> = [&'p str; 3];

/// Why a request has no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteError {
    /// Nothing is at this path.
    NotFound,
    /// Something is, but it takes other methods: these.
    MethodNotAllowed(String),
}

/// The route of a request, and its parameters.
///
/// # Errors
///
/// `NotFound`, or `MethodNotAllowed` with the value of the `Allow` field.
pub fn find<'p>(method: &str, path: &'p str) -> Result<(&'static Route, Params<'p>), RouteError> {
    let method = Method::parse(method);
    let segments = Segments::of(path);
    let mut allowed: Vec<&str> = Vec::new();
    for (at, len) in PATTERNS.lens.iter().enumerate() {
        if usize::from(*len) != segments.len {
            continue;
        }
        let found = ROUTES.get(at).zip(PATTERNS.all.get(at));
        let Some((route, pattern)) = found else { continue };
        let Some(params) = segments.match_with(pattern) else { continue };
        if Some(route.method) == method {
            return Ok((route, params));
        }
        allowed.push(route.method.as_str());
        if route.method == Method::Get {
            allowed.push("HEAD");
        }
    }
    Err(if allowed.is_empty() {
        RouteError::NotFound
    } else {
        RouteError::MethodNotAllowed(allowed.join(", "))
    })
}

/// Longer than any path that there is.
const SEGMENTS_MAX: usize = 12;

/// What stands between the slashes of a path. Split once: a request is compared with every route.
struct Segments<'p> {
    all: [&'p str; SEGMENTS_MAX],
    /// How many there are, of which the first are in `all`.
    len: usize,
}

/// The paths of all routes, split.
struct Patterns {
    /// How many segments each has. By themselves they fill one line of the processor's cache; the
    /// patterns fill a hundred, and most requests need a few of them.
    lens: Vec<u8>,
    all: Vec<Segments<'static>>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let all: Vec<_> = ROUTES.iter().map(|route| Segments::of(route.path)).collect();
    let lens = all.iter().map(|pattern| u8::try_from(pattern.len).unwrap_or(u8::MAX)).collect();
    Patterns { lens, all }
});

impl<'p> Segments<'p> {
    fn of(path: &'p str) -> Self {
        let (mut all, mut len) = ([""; SEGMENTS_MAX], 0_usize);
        // Byte by byte: a search for each segment is made for longer ones, and costs more.
        let mut from = 0;
        for at in 0..=path.len() {
            if path.as_bytes().get(at).is_none_or(|byte| *byte == b'/') {
                if let Some(place) = all.get_mut(len) {
                    *place = path.get(from..at).unwrap_or_default();
                }
                (from, len) = (at.saturating_add(1), len.saturating_add(1));
            }
        }
        Self { all, len }
    }

    fn match_with(&self, pattern: &Segments<'_>) -> Option<Params<'p>> {
        let mut params = [""; 3];
        let mut free = params.iter_mut();
        for (segment, expected) in self.all.iter().zip(&pattern.all).take(pattern.len) {
            if expected.starts_with('{') {
                if segment.is_empty() {
                    return None;
                }
                *free.next()? = *segment;
            } else if expected != segment {
                return None;
            }
        }
        Some(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Operation {
        find(method, path).unwrap().0.operation
    }

    #[test]
    fn every_route_finds_itself_and_no_other() {
        for route in ROUTES {
            let path = route.path.replace(['{', '}'], "");
            assert_eq!(found(route.method.as_str(), &path), route.operation);
        }
    }

    #[test]
    fn parameters_come_in_the_order_of_the_path() {
        let path = "/v1/sales/drop/skus/shirt/reservations/r1";
        let (route, params) = find("DELETE", path).unwrap();
        assert_eq!(route.operation, Operation::ReleaseReservation);
        assert_eq!(params, ["drop", "shirt", "r1"]);
    }

    #[test]
    fn head_is_answered_where_get_is() {
        assert_eq!(found("HEAD", "/healthz"), Operation::Health);
    }

    #[test]
    fn an_unknown_method_is_told_what_is_allowed() {
        let allow = RouteError::MethodNotAllowed("GET, HEAD".to_owned());
        assert_eq!(find("PURGE", "/healthz").unwrap_err(), allow);
        let allow = RouteError::MethodNotAllowed("GET, HEAD, DELETE".to_owned());
        let path = "/v1/sales/a/skus/b/reservations/c";
        assert_eq!(find("POST", path).unwrap_err(), allow);
    }

    #[test]
    fn what_is_nowhere_is_not_found() {
        for path in ["/", "/v1", "/v1/sales/", "/v1/sales/a/", "//healthz", "/healthz/"] {
            assert_eq!(find("GET", path).unwrap_err(), RouteError::NotFound, "{path}");
        }
    }
}
