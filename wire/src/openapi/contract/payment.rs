//! What the operations of payment providers take and give.

use serde_json::{Value, json};

use super::{Body, Contract, Parameter, only};
use crate::problem::ProblemKind as Kind;
use crate::route::Operation;

const SIGNATURE: Parameter =
    ("Doorbuster-Signature", true, "`t=<seconds>,v1=<hex HMAC-SHA256 of seconds.body>`.");
const STRIPE_SIGNATURE: Parameter =
    ("Stripe-Signature", true, "`t=<seconds>,v1=<hex HMAC-SHA256 of seconds.body>`, by Stripe.");

pub(super) fn contract(operation: Operation) -> Contract {
    match operation {
        Operation::SandboxPage => {
            Contract::open(Body::Html).configured().problems(&[Kind::PaymentLinkInvalid])
        }
        Operation::SandboxPay => Contract::open(Body::Nothing)
            .configured()
            .takes(Body::Form)
            .gives("Location")
            .problems(&[Kind::BodyInvalid, Kind::PaymentLinkInvalid, Kind::ReservationNotFound]),
        Operation::SandboxWebhook => Contract::open(Body::Json(|_| received()))
            .configured()
            .reads(Body::Json(|_| report()))
            .header(SIGNATURE)
            .problems(&[Kind::WebhookInvalid, Kind::PaymentLinkInvalid, Kind::ReservationNotFound]),
        Operation::StripeWebhook => Contract::open(Body::Json(|_| received()))
            .configured()
            .reads(Body::Json(|_| event()))
            .header(STRIPE_SIGNATURE)
            .problems(&[Kind::WebhookInvalid, Kind::PaymentUnknown, Kind::ReservationNotFound]),
        // Without a reply, which the test of the document does not let pass.
        _ => Contract::open(Body::Nothing),
    }
}

fn received() -> Value {
    only("received", &json!({ "const": true }))
}

/// What the sandbox reports.
fn report() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": {
                "type": "string",
                "description": "`payment.completed` or `payment.declined`; others are taken in \
                                and change nothing.",
            },
            "link": { "type": "string", "description": "The payment's link." },
        },
        "required": ["type", "link"],
        "additionalProperties": false,
    })
}

/// What Stripe reports: an event of its own, of which so much is read.
fn event() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "type": "object",
        "properties": {
            "object": { "const": "event" },
            "type": {
                "type": "string",
                "description": "`checkout.session.completed`, `.async_payment_succeeded`, \
                                `.async_payment_failed` or `.expired`; others are taken in and \
                                change nothing.",
            },
            "data": {
                "type": "object",
                "properties": { "object": {
                    "type": "object",
                    "description": "The Checkout Session.",
                    "properties": {
                        "id": text(),
                        "amount_total": { "type": "integer" },
                        "currency": text(),
                        "payment_status": text(),
                        "client_reference_id": text(),
                    },
                } },
            },
        },
        "required": ["object", "type"],
    })
}
