//! Every problem this product answers with (RFC 9457), once.

use serde::{Deserialize, Serialize};

/// A problem as JSON, of media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProblemBody {
    /// What kind of problem; stable, and the address of a page about it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, and what to do.
    pub detail: String,
    /// Whether the same request may succeed later without a change.
    pub retryable: bool,
    /// Which parts of the request are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One wrong part of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the body, or `line 12, column "Price"` of a file.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

/// Makes the enum, its slugs, statuses and titles from one table.
macro_rules! problems {
    ($($name:ident $status:literal $slug:literal $retryable:literal $title:literal;)*) => {
        /// A kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProblemKind {
            $(#[doc = $title] $name,)*
        }

        impl ProblemKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in the `type` address.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The kind, for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Whether the same request may succeed later without a change.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)* }
            }
        }
    };
}

problems! {
    BodyMalformed 400 "body-malformed" false "The body cannot be read";
    QueryInvalid 400 "query-invalid" false "The address has a wrong or missing parameter";
    IdempotencyKeyMissing 400 "idempotency-key-missing" false
        "The Idempotency-Key header is missing";
    IdempotencyKeyInvalid 400 "idempotency-key-invalid" false
        "The Idempotency-Key header cannot be read";
    ShopperSecretInvalid 400 "shopper-secret-invalid" false "The shopper's secret cannot be used";
    WebhookInvalid 400 "webhook-invalid" false "The webhook's signature does not hold";
    Unauthorized 401 "unauthorized" false "The merchant's token is missing or wrong";
    ShopperUnknown 401 "shopper-unknown" false "The request does not say which shopper it is from";
    TicketRequired 401 "ticket-required" false "A ticket is needed";
    PassRequired 401 "pass-required" false "A pass is needed";
    CrossOrigin 403 "cross-origin" false "The request comes from another site";
    TicketInvalid 403 "ticket-invalid" false "The ticket does not hold";
    TicketExpired 403 "ticket-expired" false "The ticket has expired";
    PassInvalid 403 "pass-invalid" false "The pass does not hold";
    PassExpired 403 "pass-expired" false "The pass has expired";
    PaymentLinkInvalid 403 "payment-link-invalid" false "The payment link does not hold";
    ChallengeRequired 403 "challenge-required" false "A challenge has to be met before joining";
    BypassInvalid 403 "bypass-invalid" false "This way past the line does not hold";
    PlacesPerClient 403 "places-per-client" false "Too many places were taken from this network";
    NotFound 404 "not-found" false "There is nothing at this address";
    ProductNotFound 404 "product-not-found" false "There is no such product";
    SaleNotFound 404 "sale-not-found" false "There is no such sale";
    SkuNotFound 404 "sku-not-found" false "This SKU is not part of the sale";
    ReservationNotFound 404 "reservation-not-found" false "There is no such reservation";
    PaymentUnknown 404 "payment-unknown" false "There is no such payment";
    OrderNotFound 404 "order-not-found" false "There is no such order";
    DeadLetterNotFound 404 "dead-letter-not-found" false "There is no such dead letter";
    WebhookNotFound 404 "webhook-not-found" false "There is no such webhook endpoint";
    DeliveryNotFound 404 "delivery-not-found" false "There is no such delivery";
    MethodNotAllowed 405 "method-not-allowed" false "This address does not take this method";
    SaleExists 409 "sale-exists" false "The sale exists with other rules";
    StockExists 409 "stock-exists" false "The SKU was opened with another stock";
    StockMissing 409 "stock-missing" false "A SKU of the sale has no stock yet";
    PhaseOrder 409 "phase-order" false "The sale cannot go to this phase";
    OpeningPast 409 "opening-past" false "The opening cannot be set any more";
    LineRejects 409 "line-rejects" false "The line takes nobody at the moment";
    BeaconOut 409 "beacon-out" false "The beacon's round comes out before the opening";
    NoBeacon 409 "no-beacon" false "The draw of this sale goes without a beacon";
    BeaconToldBefore 409 "beacon-told-before" false "The beacon's round was told before";
    SaleNotOpen 409 "sale-not-open" true "The sale is not open yet";
    SalePaused 409 "sale-paused" true "The sale is paused";
    SaleClosed 409 "sale-closed" false "The sale is closed";
    SoldOut 409 "sold-out" false "Sold out";
    AllReserved 409 "all-reserved" true "All remaining units are reserved";
    ExceedsAvailable 409 "exceeds-available" true "Fewer units are available";
    PerShopperMax 409 "per-shopper-max" false "The limit per shopper is reached";
    TooManyReservations 409 "too-many-reservations" false "Too many reservations were made";
    DeadLetterUnreadable 409 "dead-letter-unreadable" false "The dead letter cannot be read";
    WithdrawExceedsAvailable 409 "withdraw-exceeds-available" false "Those units are taken";
    ReservationWaiting 409 "reservation-waiting" true "No units are set aside yet";
    TooManyPayments 409 "too-many-payments" false "Too many payments were begun";
    PaymentInProgress 409 "payment-in-progress" true "A payment is under way";
    CartUndone 409 "cart-undone" false "The cart was given back";
    PaymentRefused 409 "payment-refused" false "The payment provider refuses this payment";
    ReservationAllocated 409 "reservation-allocated" false "The reservation is an order already";
    OrderCancelled 409 "order-cancelled" false "The order was cancelled";
    ExtensionCap 409 "extension-cap" false "The reservation cannot be extended any further";
    WebhookDisabled 409 "webhook-disabled" false "The webhook endpoint is disabled";
    TooManyWebhooks 409 "too-many-webhooks" false "There are enough webhook endpoints";
    ReservationReleased 410 "reservation-released" false "The reservation was released";
    ReservationExpired 410 "reservation-expired" false "The reservation has expired";
    BodyTooLarge 413 "body-too-large" false "The body is too large";
    UnsupportedMediaType 415 "unsupported-media-type" false "The body is not of the right type";
    BodyInvalid 422 "body-invalid" false "The body says something that cannot be";
    CatalogInvalid 422 "catalog-invalid" false "The catalog file has a mistake";
    IdempotencyKeyReused 422 "idempotency-key-reused" false "The key was used for something else";
    QuotaExceeded 429 "quota-exceeded" true "Too many requests";
    Unavailable 503 "unavailable" true "Not available at the moment";
    PaymentProviderDown 503 "payment-provider-down" true "The payment provider does not answer";
    ContactUnreadable 503 "contact-unreadable" false "The contact cannot be read";
    NotConfigured 503 "not-configured" false "The service is not set up";
}

impl ProblemKind {
    /// The kind's stable `type`: an address relative to the service's own.
    pub fn type_address(self) -> String {
        format!("/problems#{}", self.slug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_a_slug_of_its_own_and_an_error_status() {
        let slugs: BTreeSet<_> = ProblemKind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(slugs.len(), ProblemKind::ALL.len());
        assert!(ProblemKind::ALL.iter().all(|kind| (400..600).contains(&kind.status())));
    }
}
