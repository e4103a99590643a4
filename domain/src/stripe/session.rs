//! A session of Stripe Checkout, as Stripe tells of it.

use crate::id::PaymentId;

/// JSON as it can be asked for its parts, by names with points between them: a text, or a whole
/// number as digits. Who calls has a parser already; the Worker has JavaScript's.
pub type Fields<'f> = &'f dyn Fn(&str) -> Option<String>;

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It can be paid.
    Open,
    /// It is paid.
    Paid,
    /// The shopper is done, and the money is on its way, or not: the bank decides in days.
    Pending,
    /// It was not paid and cannot be any more.
    Ended,
}

/// A session. Of what Stripe tells, what matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Stripe's name for it.
    pub id: String,
    /// How it stands.
    pub standing: Standing,
    /// How much is to be paid, or was: Stripe's number, see [`worth`](super::worth).
    pub number: u64,
    /// The currency of it, as Stripe spells it.
    pub currency: String,
    /// What the money can be given back by, once there is some.
    pub payment_intent: Option<String>,
    /// Where the shopper pays, as long as it is open.
    pub page: Option<String>,
    /// Our name for the payment, if it is one of ours.
    pub payment: Option<PaymentId>,
    /// Which shop it says that it is of.
    pub shop: String,
}

impl Session {
    /// Reads a session; nothing if it is none.
    pub fn read(fields: Fields<'_>) -> Option<Self> {
        if fields("object")? != "checkout.session" {
            return None;
        }
        let id = fields("id").filter(|id| id.starts_with("cs_"))?;
        let (status, paid) = (fields("status").unwrap_or_default(), fields("payment_status")?);
        let standing = match (status.as_str(), paid.as_str()) {
            // Free of charge is paid as well.
            (_, "paid" | "no_payment_required") => Standing::Paid,
            ("expired", _) => Standing::Ended,
            ("complete", _) => Standing::Pending,
            _ => Standing::Open,
        };
        Some(Self {
            id,
            standing,
            number: fields("amount_total")?.parse().ok()?,
            currency: fields("currency")?,
            payment_intent: fields("payment_intent"),
            page: fields("url"),
            payment: fields("client_reference_id").and_then(|text| text.parse().ok()),
            shop: fields("metadata.shop").unwrap_or_default(),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A part of JSON, as `Fields` says.
    pub(in super::super) fn part(value: &Value, path: &str) -> Option<String> {
        let mut parts = path.split('.');
        match parts.try_fold(value, |value, name| value.get(name))? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => number.as_u64().map(|number| number.to_string()),
            _ => None,
        }
    }

    fn read(value: &Value) -> Option<Session> {
        Session::read(&|path| part(value, path))
    }

    /// A session as Stripe's reference shows it, shortened to what has a value.
    pub(in super::super) fn told(status: &str, payment_status: &str) -> Value {
        json!({
            "id": "cs_test_a1", "object": "checkout.session", "amount_subtotal": 3_200,
            "amount_total": 3_200, "cancel_url": "https://shop.example.com/checkout",
            "client_reference_id": "pay_BwcHBwcHBwcHBwcHBwcHBw.1", "created": 1_700_000_000,
            "currency": "eur", "customer": null, "expires_at": 1_700_002_460, "livemode": false,
            "metadata": { "payment": "pay_BwcHBwcHBwcHBwcHBwcHBw.1", "sale": "drop",
                "shop": "https://shop.example.com", "sku": "MUG-SEA" },
            "mode": "payment", "payment_intent": "pi_3", "payment_status": payment_status,
            "status": status, "success_url": "https://shop.example.com/receipt",
            "url": "https://checkout.stripe.com/c/pay/cs_test_a1#x",
        })
    }

    #[test]
    fn a_session_stands_as_its_money_does() {
        for (status, payment_status, standing) in [
            ("open", "unpaid", Standing::Open),
            ("complete", "paid", Standing::Paid),
            ("complete", "unpaid", Standing::Pending),
            ("complete", "no_payment_required", Standing::Paid),
            ("expired", "unpaid", Standing::Ended),
        ] {
            let session = read(&told(status, payment_status)).unwrap();
            assert_eq!(session.standing, standing, "{status}, {payment_status}");
        }
        let session = read(&told("complete", "paid")).unwrap();
        assert_eq!((session.number, session.currency.as_str()), (3_200, "eur"));
        assert_eq!(session.payment_intent.as_deref(), Some("pi_3"));
        assert_eq!(session.payment.unwrap().to_string(), "pay_BwcHBwcHBwcHBwcHBwcHBw.1");
        assert_eq!(session.shop, "https://shop.example.com");
    }

    #[test]
    fn what_is_no_session_is_none() {
        for (path, value) in [
            ("object", json!("payment_intent")),
            ("object", Value::Null),
            ("id", json!("pi_3")),
            ("id", json!("")),
            ("amount_total", Value::Null),
            ("amount_total", json!(-1)),
            ("amount_total", json!("many")),
            ("amount_total", json!(0.5)),
            ("currency", Value::Null),
            ("payment_status", Value::Null),
        ] {
            let mut told = told("complete", "paid");
            told[path] = value.clone();
            assert_eq!(read(&told), None, "{path}: {value}");
        }
        assert_eq!(read(&json!([])), None);
    }

    #[test]
    fn a_session_of_somebody_else_is_a_session_without_a_payment_of_ours() {
        let mut told = told("complete", "paid");
        told["client_reference_id"] = json!("cart-17");
        told["metadata"] = json!({});
        let session = read(&told).unwrap();
        assert_eq!((session.payment, session.shop.as_str()), (None, ""));
    }
}
