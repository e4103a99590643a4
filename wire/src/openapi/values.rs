//! What single values look like: parts of paths, queries and headers.

use doorbuster_domain::id::{
    BypassName, EndpointName, Handle, IdempotencyKey, OrderId, ReservationId, SaleId, Sku,
};
use doorbuster_domain::line::{MESSAGE_LEN_MAX, SaleRules};
use doorbuster_domain::webhook::{ADDRESS_LEN_MAX, EventKind};
use serde_json::{Map, Value, json};

use crate::cloudflare::FORM;
use crate::route::Operation;

const HOUR_MS: u64 = 3600 * 1000;
const DAY_MS: u64 = 24 * 3600 * 1000;

/// What may stand in a path, by the name in the braces.
pub(super) fn in_path(name: &str) -> Value {
    match name {
        "sale" => slug(SaleId::LEN_MAX),
        "sku" => slug(Sku::LEN_MAX),
        "handle" => slug(Handle::LEN_MAX),
        "reservation" => digest(ReservationId::PREFIX),
        "order" => digest(OrderId::PREFIX),
        "bypass" => slug(BypassName::LEN_MAX),
        "endpoint" => slug(EndpointName::LEN_MAX),
        "delivery" => json!({ "type": "string", "pattern": "^[0-9]{1,16}$" }),
        _ => sealed(),
    }
}

/// What a parameter of the query may say.
pub(super) fn in_query(name: &str, operation: Operation) -> Value {
    let number =
        |max: u64| json!({ "type": "integer", "minimum": 0, "maximum": max, "default": 0 });
    match (name, operation) {
        ("sale", _) => slug(SaleId::LEN_MAX),
        ("form", _) => json!({ "const": FORM }),
        ("currency", _) => json!({ "type": "string", "pattern": "^[A-Z]{3}$" }),
        // Entries of a journal are numbered with 32 bits, orders with 64.
        (_, Operation::ExportJournal) => number(u64::from(u32::MAX)),
        ("before", _) => json!({ "type": "string", "pattern": "^[0-9]{1,16}$" }),
        _ => number(u64::MAX),
    }
}

/// What a header of a request may say.
pub(super) fn in_header(name: &str) -> Value {
    match name {
        // A bare key, or a string of RFC 9651 in quotes.
        "Idempotency-Key" => {
            let key = format!("[A-Za-z0-9._-]{{1,{}}}", IdempotencyKey::LEN_MAX);
            json!({ "type": "string", "pattern": format!("^({key}|\"{key}\")$") })
        }
        "Doorbuster-Ticket" | "Doorbuster-Pass" | "Doorbuster-Bypass" | "Doorbuster-Challenge" => {
            sealed()
        }
        "Doorbuster-Signature" => {
            json!({ "type": "string", "pattern": "^t=[0-9]+(,v1=[0-9a-f]{64})+$" })
        }
        _ => json!({ "type": "string" }),
    }
}

/// What a header of a reply says.
pub(super) fn replied(name: &str) -> Value {
    match name {
        "Idempotent-Replayed" => json!({ "type": "string", "const": "true" }),
        "Location" => json!({ "type": "string", "format": "uri-reference" }),
        "Retry-After" => json!({ "type": "integer", "minimum": 0 }),
        _ => json!({ "type": "string" }),
    }
}

/// A name that a merchant chooses.
fn slug(max: usize) -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]+$", "minLength": 1, "maxLength": max })
}

/// A prefix and 128 bits as base64url: of the last character only two bits count.
fn digest(prefix: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^{prefix}[A-Za-z0-9_-]{{21}}[AQgw]$") })
}

/// What we sealed: a compact JWS (RFC 7515, 3.1).
fn sealed() -> Value {
    let part = "[A-Za-z0-9_-]+";
    json!({ "type": "string", "pattern": format!(r"^{part}\.{part}\.{part}$") })
}

/// Writes into the schemas of requests where the service is stricter than their types: the bounds
/// that it answers with `body-invalid`.
pub(super) fn bound(schemas: &mut Map<String, Value>) {
    let number = |max: u64| json!({ "minimum": 1, "maximum": max });
    let text = || json!({ "minLength": 1, "maxLength": 200 });
    let skus = json!({
        "minItems": 1,
        "maxItems": SaleRules::SKUS_MAX,
        "uniqueItems": true,
        "items": slug(Sku::LEN_MAX),
    });
    let kinds = json!({ "enum": EventKind::ALL.map(EventKind::as_str) });
    let bounds = [
        ("SaleRequest", "title", text()),
        ("SaleRequest", "skus", skus),
        ("SaleRequest", "admits_per_minute_max", number(10_000_000)),
        ("SaleRequest", "active_users_max", number(10_000_000)),
        ("SaleRequest", "places_per_client", number(10_000_000)),
        ("SaleRequest", "order", json!({ "enum": ["fifo", "random", "passthrough", "reject"] })),
        ("SaleRequest", "draw_window_ms", json!({ "maximum": HOUR_MS })),
        ("Beacon", "chain", json!({ "pattern": "^[0-9a-f]{64}$" })),
        ("Beacon", "round", json!({ "minimum": 1 })),
        ("LimitsRequest", "admits_per_minute_max", number(10_000_000)),
        ("LimitsRequest", "active_users_max", number(10_000_000)),
        ("MessageRequest", "message", json!({ "maxLength": MESSAGE_LEN_MAX })),
        ("PhaseRequest", "why", json!({ "maxLength": MESSAGE_LEN_MAX })),
        ("BeaconRequest", "signature", json!({ "pattern": "^[0-9a-f]{96}$" })),
        ("BypassRequest", "uses_max", number(1_000)),
        ("SaleRequest", "per_shopper_max", number(1_000)),
        ("SaleRequest", "pass_ttl_ms", number(DAY_MS)),
        ("SaleRequest", "reservation_ttl_ms", number(DAY_MS)),
        ("SaleRequest", "reservation_max_ms", number(DAY_MS)),
        ("SaleRequest", "payment_window_ms", number(DAY_MS)),
        ("PhaseRequest", "phase", json!({ "enum": ["prequeue", "open", "paused", "closed"] })),
        ("AdjustRequest", "reason", text()),
        (
            "AdjustRequest",
            "units",
            json!({ "not": { "const": 0 }, "minimum": -4_294_967_295_i64, "maximum": u32::MAX }),
        ),
        ("ReserveRequest", "quantity", number(u64::from(u32::MAX))),
        ("WebhookRequest", "address", json!({ "maxLength": ADDRESS_LEN_MAX, "format": "uri" })),
        ("WebhookRequest", "events", json!({ "minItems": 1, "items": kinds })),
        ("StockRequest", "on_hand", json!({ "maximum": u32::MAX })),
    ];
    for (schema, field, bounds) in bounds {
        let property = schemas
            .get_mut(schema)
            .and_then(|schema| schema.pointer_mut(&format!("/properties/{field}")));
        if let (Some(Value::Object(property)), Value::Object(bounds)) = (property, bounds) {
            property.extend(bounds);
        }
    }
}
