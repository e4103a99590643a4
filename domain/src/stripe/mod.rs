//! Stripe Checkout by redirect, as far as it can be told without a network: what is asked, what an
//! answer means, and what a webhook says.
//!
//! Stripe's side is as its reference has it (<https://docs.stripe.com/api/checkout/sessions>), in
//! the version of [`API_VERSION`].

mod amount;
mod answer;
mod form;
mod report;
mod session;

pub use amount::{AmountError, charged, worth};
pub use answer::{Answer, RETRIES_MAX, pause};
pub use form::{Checkout, CheckoutLine, refund, session_ends_at};
pub use report::Report;
pub use session::{Fields, Session, Standing};

/// The version of Stripe's API that is spoken, whatever an account is set to: the one of the npm
/// package that the tests compare with.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Where sessions are made.
pub const SESSIONS: &str = "/v1/checkout/sessions";
/// Where refunds are made.
pub const REFUNDS: &str = "/v1/refunds";

/// Whether a text is the base of addresses that secrets and shoppers may be sent to: `https://` and
/// a host without a path, or plain `http://` on this very machine.
pub fn is_base(text: &str) -> bool {
    let host = |scheme| text.strip_prefix(scheme);
    let is_host = |host: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        !host.is_empty() && host.chars().all(fits)
    };
    let is_local = |host: &str| {
        let port = host.strip_prefix("127.0.0.1").or_else(|| host.strip_prefix("localhost"));
        port.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    host("https://").is_some_and(is_host)
        || host("http://").is_some_and(|host| is_host(host) && is_local(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_https_or_this_machine_and_has_no_path() {
        for good in [
            "https://api.stripe.com",
            "https://shop.example.com:8443",
            "http://127.0.0.1:8787",
            "http://localhost:1",
            "http://localhost",
        ] {
            assert!(is_base(good), "{good}");
        }
        for bad in [
            "",
            "https://",
            "http://api.stripe.com",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "http://127.0.0.1@evil.example",
            "https://shop.example.com/",
            "https://shop.example.com/path",
            "https://ann:pw@shop.example.com",
            "https://shop.example.com?x",
            "https://shop.example.com#x",
            "ftp://shop.example.com",
            "shop.example.com",
            "https://shop.example.com\nx",
        ] {
            assert!(!is_base(bad), "{bad}");
        }
    }
}
