//! What a webhook of Stripe's says. Its signature is checked before: see
//! [`verify_webhook`](crate::sealed::verify_webhook).

use super::{Fields, Session, Standing};

/// What Stripe reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A session is paid.
    Paid(Session),
    /// The bank said no, after the shopper was done. Nothing was paid, and the session is over.
    Failed(Session),
    /// A session ended without having been paid.
    Ended(Session),
    /// Something else, or nothing yet: the money of a session that is complete may be on its way.
    Nothing,
}

impl Report {
    /// Reads an event (<https://docs.stripe.com/api/events/types>); nothing if it is none, or one
    /// about a session that cannot be read.
    pub fn read(fields: Fields<'_>) -> Option<Self> {
        let kind = fields("type")?;
        if fields("object")? != "event" {
            return None;
        }
        let Some(what) = kind.strip_prefix("checkout.session.") else {
            return Some(Self::Nothing);
        };
        let session = Session::read(&|path| fields(&format!("data.object.{path}")))?;
        Some(match (what, session.standing) {
            ("completed" | "async_payment_succeeded", Standing::Paid) => Self::Paid(session),
            ("async_payment_failed", Standing::Pending | Standing::Ended) => Self::Failed(session),
            ("expired", Standing::Ended) => Self::Ended(session),
            _ => Self::Nothing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::session::tests::{part, told};
    use super::*;
    use serde_json::{Value, json};

    fn read(kind: &str, status: &str, payment_status: &str) -> Option<Report> {
        let object = told(status, payment_status);
        let event = json!({ "id": "evt_1", "object": "event", "type": kind,
            "data": { "object": object } });
        report(&event)
    }

    fn report(event: &Value) -> Option<Report> {
        Report::read(&|path| part(event, path))
    }

    #[test]
    fn a_session_is_paid_only_when_its_money_is_there() {
        for kind in ["checkout.session.completed", "checkout.session.async_payment_succeeded"] {
            assert!(matches!(read(kind, "complete", "paid"), Some(Report::Paid(_))), "{kind}");
            assert_eq!(read(kind, "complete", "unpaid"), Some(Report::Nothing), "{kind}");
        }
        let failed = read("checkout.session.async_payment_failed", "complete", "unpaid");
        assert!(matches!(failed, Some(Report::Failed(_))));
        let ended = read("checkout.session.expired", "expired", "unpaid");
        assert!(matches!(ended, Some(Report::Ended(_))));
        // Whatever it is called, money that is there is not said to be gone.
        for kind in ["checkout.session.expired", "checkout.session.async_payment_failed"] {
            assert_eq!(read(kind, "complete", "paid"), Some(Report::Nothing), "{kind}");
        }
    }

    #[test]
    fn other_events_are_nothing_and_what_is_none_is_not_read() {
        assert_eq!(read("payment_intent.succeeded", "open", "unpaid"), Some(Report::Nothing));
        assert_eq!(read("checkout.session.new_kind", "open", "unpaid"), Some(Report::Nothing));
        for body in [
            "null",
            "{}",
            "[]",
            r#"{"object":"event"}"#,
            r#"{"object":"charge","type":"checkout.session.completed"}"#,
            r#"{"object":"event","type":"checkout.session.completed"}"#,
            r#"{"object":"event","type":"checkout.session.completed","data":{"object":{}}}"#,
        ] {
            assert_eq!(report(&serde_json::from_str(body).unwrap()), None, "{body}");
        }
    }
}
