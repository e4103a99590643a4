//! The people in front of one SKU, each known by a number.

use doorbuster_domain::id::{SaleId, ShopperId};
use doorbuster_domain::sealed::{Keyring, Pass};
use doorbuster_domain::time::Timestamp;

use super::{CLIENT, VALID_FOR};
use crate::load::render_into;

/// What the people in front of a SKU send.
#[derive(Clone)]
pub(crate) struct Shoppers<'k> {
    keyring: &'k Keyring,
    sale: SaleId,
    now: Timestamp,
    /// Where reservations are made.
    reservations: String,
}

impl<'k> Shoppers<'k> {
    /// Those of a SKU, who got their passes at `now`.
    pub(crate) fn new(keyring: &'k Keyring, sale: SaleId, sku: &str, now: Timestamp) -> Self {
        let reservations = format!("/v1/sales/{sale}/skus/{sku}/reservations");
        Self { keyring, sale, now, reservations }
    }

    /// Those of another SKU.
    pub(crate) fn of(self, sku: &str) -> Self {
        Self::new(self.keyring, self.sale, sku, self.now)
    }

    /// Appends the request of a shopper for so many units. For one unit nothing has to be said.
    pub(crate) fn reserve(&self, out: &mut Vec<u8>, number: u64, key: &str, quantity: u32) {
        let secret = secret_of(number);
        let pass = self.keyring.seal(&Pass {
            sale: self.sale.clone(),
            shopper: ShopperId::of_secret(secret.as_bytes()),
            number,
            position: number,
            issued_at: self.now,
            expires_at: self.now.plus(VALID_FOR),
        });
        let headers = [
            ("doorbuster-shopper", &*secret),
            ("doorbuster-pass", &pass),
            ("idempotency-key", key),
            CLIENT,
            ("content-type", "application/json"),
        ];
        if quantity == 1 {
            let without_type = headers.get(..4).unwrap_or_default();
            render_into(out, "POST", &self.reservations, without_type, b"");
        } else {
            let body = format!(r#"{{"quantity":{quantity}}}"#);
            render_into(out, "POST", &self.reservations, &headers, body.as_bytes());
        }
    }

    /// Appends a look of a shopper at a reservation.
    pub(crate) fn look(&self, out: &mut Vec<u8>, number: u64, reservation: &str) {
        self.of_reservation(out, number, "GET", reservation, "");
    }

    /// Appends a shopper's step to the payment provider.
    pub(crate) fn begin_payment(&self, out: &mut Vec<u8>, number: u64, reservation: &str) {
        self.of_reservation(out, number, "POST", reservation, "/payment");
    }

    fn of_reservation(&self, out: &mut Vec<u8>, number: u64, method: &str, id: &str, act: &str) {
        let path = format!("{}/{id}{act}", self.reservations);
        render_into(out, method, &path, &[("doorbuster-shopper", &secret_of(number))], b"");
    }
}

/// A secret that only this shopper has.
pub(crate) fn secret_of(number: u64) -> String {
    format!("bench-shopper-{number:012}")
}

/// The text of a field of a flat JSON body, without reading all of it: the generator has to be much
/// faster than what it measures. Ids, links and words have nothing in them that JSON escapes.
pub(crate) fn text_of<'b>(body: &'b [u8], field: &str) -> Option<&'b str> {
    let text = std::str::from_utf8(body).ok()?;
    let start = format!("\"{field}\":\"");
    let rest = text.split_once(start.as_str())?.1;
    rest.split_once('"').map(|(value, _)| value)
}

/// Whether a body is the problem of this kind.
pub(crate) fn is_problem(body: &[u8], slug: &str) -> bool {
    text_of(body, "type").and_then(|kind| kind.rsplit('#').next()) == Some(slug)
}

/// Whether a problem says that the same request may succeed later.
pub(crate) fn is_retryable(body: &[u8]) -> bool {
    let retryable = b"\"retryable\":true";
    body.windows(retryable.len()).any(|part| part == retryable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_known_by_its_kind() {
        let body = br#"{"type":"/problems#all-reserved","title":"x","retryable":true}"#;
        assert!(is_problem(body, "all-reserved") && is_retryable(body));
        assert!(!is_problem(body, "reserved"));
        let body = br#"{"type":"/problems#sold-out","retryable":false}"#;
        assert!(is_problem(body, "sold-out") && !is_retryable(body));
        assert!(!is_problem(b"", "sold-out"));
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let body = br#"{"reservation":"rsv_1","state":"held"}"#;
        assert_eq!(text_of(body, "reservation"), Some("rsv_1"));
        assert_eq!(text_of(body, "state"), Some("held"));
        assert_eq!(text_of(body, "order"), None);
    }
}
