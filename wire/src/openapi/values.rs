//! What single values look like: parts of paths, queries and headers.

use doorbuster_domain::id::{Handle, IdempotencyKey, OrderId, ReservationId, SaleId, Sku};
use serde_json::{Value, json};

/// What may stand in a path, by the name in the braces.
pub(super) fn in_path(name: &str) -> Value {
    match name {
        "sale" => slug(SaleId::LEN_MAX),
        "sku" => slug(Sku::LEN_MAX),
        "handle" => slug(Handle::LEN_MAX),
        "reservation" => digest(ReservationId::PREFIX),
        "order" => digest(OrderId::PREFIX),
        // The sandbox's link: a compact JWS (RFC 7515, 3.1).
        _ => {
            let part = "[A-Za-z0-9_-]+";
            json!({ "type": "string", "pattern": format!(r"^{part}\.{part}\.{part}$") })
        }
    }
}

/// What a parameter of the query may say.
pub(super) fn in_query(name: &str) -> Value {
    match name {
        "sale" => slug(SaleId::LEN_MAX),
        "currency" => json!({ "type": "string", "pattern": "^[A-Z]{3}$" }),
        // Journal entries are numbered with 32 bits, and there are fewer orders than that.
        _ => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX, "default": 0 }),
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
