//! What Stripe is asked, as the form that its API takes.

use crate::id::{PaymentId, SaleId, Sku};
use crate::money::Money;
use crate::time::{Millis, Timestamp};

use super::{AmountError, charged};

/// Stripe lets no session end sooner after its making, and a minute more, for clocks that differ
/// and calls that take a while.
const OPEN_MIN: Millis = Millis::from_secs(31 * 60);
/// Nor later; and again a minute.
const OPEN_MAX: Millis = Millis::from_secs((24 * 60 - 1) * 60);

/// When Stripe ends a session by itself, for a payment that we end at `deadline`.
///
/// Stripe allows 30 minutes to 24 hours from the making of a session
/// (<https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at>).
/// Most deadlines are sooner, so it is we who end the session. Stripe's own end is for the case
/// that we cannot: half an hour after our deadline, so that a session which is made at the last
/// moment has its 30 minutes, too, with the same form as one that was made at once. It never comes
/// before our deadline unless a day is over.
pub fn session_ends_at(deadline: Timestamp, now: Timestamp) -> Timestamp {
    deadline.max(now).plus(OPEN_MIN).min(now.plus(OPEN_MAX))
}

/// One payment, as it is shown on Stripe's page and found again in what Stripe reports.
#[derive(Debug, Clone)]
pub struct Checkout<'c> {
    /// The payment.
    pub payment: PaymentId,
    /// The sale, for people who look at Stripe's pages.
    pub sale: &'c SaleId,
    /// What is bought.
    pub sku: &'c Sku,
    /// What the shopper reads on Stripe's page.
    pub title: &'c str,
    /// How many.
    pub quantity: u32,
    /// All that is to be paid: goods, and what comes on top.
    pub amount: Money,
    /// Whether that has the shipping in it.
    pub ships: bool,
    /// When Stripe ends the session; see [`session_ends_at`].
    pub ends_at: Timestamp,
    /// Our own origin. Only there do shoppers come back to.
    pub origin: &'c str,
}

impl Checkout<'_> {
    /// The body of `POST /v1/checkout/sessions`.
    ///
    /// One line with the whole amount, so that what is paid is what is owed, whatever it is made
    /// of. The price is never converted (`adaptive_pricing`): only the amount owed, in its
    /// currency, buys the units. The same payment has the same form, as its `Idempotency-Key` asks
    /// for.
    pub fn form(&self) -> Result<String, AmountError> {
        let number = charged(self.amount)?.to_string();
        let currency = self.amount.currency.as_str().to_ascii_lowercase();
        let payment = self.payment.to_string();
        let reservation = self.payment.reservation();
        let name = match self.quantity {
            1 => self.title.to_owned(),
            several => format!("{several} × {}", self.title),
        };
        let name = if self.ships { name + ", with shipping" } else { name };
        let back = |page| {
            let Self { origin, sale, sku, .. } = self;
            format!("{origin}/{page}?sale={sale}&sku={sku}&reservation={reservation}")
        };
        Ok(encoded(&[
            ("mode", "payment"),
            ("client_reference_id", &payment),
            ("expires_at", &self.ends_at.as_secs().to_string()),
            ("success_url", &back("receipt")),
            ("cancel_url", &back("checkout")),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", &currency),
            ("line_items[0][price_data][unit_amount]", &number),
            ("line_items[0][price_data][product_data][name]", &name),
            ("metadata[payment]", &payment),
            ("metadata[sale]", self.sale.as_str()),
            ("metadata[sku]", self.sku.as_str()),
            ("metadata[shop]", self.origin),
            ("payment_intent_data[metadata][payment]", &payment),
            ("adaptive_pricing[enabled]", "false"),
        ]))
    }
}

/// The body of `POST /v1/refunds`: all that was paid.
pub fn refund(payment_intent: &str, payment: PaymentId) -> String {
    let payment = payment.to_string();
    encoded(&[("payment_intent", payment_intent), ("metadata[payment]", &payment)])
}

/// Pairs as `application/x-www-form-urlencoded`; the names are ours and stand as they are.
fn encoded(pairs: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
                form.push(char::from(byte));
            } else {
                form.push('%');
                for nibble in [byte >> 4, byte & 15] {
                    form.extend(
                        char::from_digit(nibble.into(), 16).map(|c| c.to_ascii_uppercase()),
                    );
                }
            }
        }
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ReservationId;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    const fn minutes(minutes: u64) -> Millis {
        Millis::from_secs(minutes.saturating_mul(60))
    }

    #[test]
    fn a_session_is_open_for_what_stripe_allows_and_past_our_deadline() {
        let ends = |deadline: Millis| session_ends_at(NOW.plus(deadline), NOW).since(NOW);
        assert_eq!(ends(minutes(0)), minutes(31));
        assert_eq!(ends(minutes(10)), minutes(41));
        assert_eq!(ends(minutes(23 * 60)), minutes(23 * 60 + 31));
        // At most a day, which is as long as a payment may take.
        assert_eq!(ends(minutes(24 * 60)), minutes(24 * 60 - 1));
        // A deadline that is past leaves half an hour as well.
        assert_eq!(session_ends_at(NOW, NOW.plus(minutes(5))).since(NOW), minutes(36));
    }

    #[test]
    fn whenever_it_is_made_until_the_deadline_the_form_is_the_same() {
        let deadline = NOW.plus(minutes(10));
        for late in 0..=10 {
            let now = NOW.plus(minutes(late));
            let ends_at = session_ends_at(deadline, now);
            assert_eq!(ends_at, session_ends_at(deadline, NOW));
            assert!(ends_at.since(now) >= minutes(30));
        }
    }

    fn checkout<'c>(sale: &'c SaleId, sku: &'c Sku) -> Checkout<'c> {
        Checkout {
            payment: PaymentId::of(ReservationId::from_bytes([7; 16]), 2),
            sale,
            sku,
            title: "Sea mug & lid, 25 % off",
            quantity: 2,
            amount: Money::new(3_200, "EUR".parse().unwrap()).unwrap(),
            ships: false,
            ends_at: NOW.plus(minutes(41)),
            origin: "https://shop.example.com",
        }
    }

    #[test]
    fn the_form_is_unchanged() {
        let (sale, sku) = ("drop".parse().unwrap(), "MUG-SEA".parse().unwrap());
        let back = "https%3A%2F%2Fshop.example.com%2F";
        let of = "%3Fsale%3Ddrop%26sku%3DMUG-SEA%26reservation%3Drsv_BwcHBwcHBwcHBwcHBwcHBw";
        let expected = format!(
            "mode=payment&client_reference_id=pay_BwcHBwcHBwcHBwcHBwcHBw.2&expires_at=1700002460\
             &success_url={back}receipt{of}&cancel_url={back}checkout{of}\
             &line_items[0][quantity]=1&line_items[0][price_data][currency]=eur\
             &line_items[0][price_data][unit_amount]=3200\
             &line_items[0][price_data][product_data][name]=2%20%C3%97%20Sea%20mug%20%26%20lid%2C\
             %2025%20%25%20off&metadata[payment]=pay_BwcHBwcHBwcHBwcHBwcHBw.2&metadata[sale]=drop\
             &metadata[sku]=MUG-SEA&metadata[shop]=https%3A%2F%2Fshop.example.com\
             &payment_intent_data[metadata][payment]=pay_BwcHBwcHBwcHBwcHBwcHBw.2\
             &adaptive_pricing[enabled]=false"
        );
        assert_eq!(checkout(&sale, &sku).form().unwrap(), expected);
        let one = Checkout { quantity: 1, title: "Mug", ..checkout(&sale, &sku) };
        assert!(one.form().unwrap().contains("[name]=Mug&"));
        let sent = Checkout { ships: true, ..one };
        assert!(sent.form().unwrap().contains("[name]=Mug%2C%20with%20shipping&"));
    }

    #[test]
    fn what_cannot_be_charged_has_no_form() {
        let (sale, sku) = ("drop".parse().unwrap(), "MUG-SEA".parse().unwrap());
        let amount = Money::new(1_001, "KWD".parse().unwrap()).unwrap();
        assert!(Checkout { amount, ..checkout(&sale, &sku) }.form().is_err());
    }

    #[test]
    fn a_refund_gives_back_all_of_it() {
        let payment = PaymentId::of(ReservationId::from_bytes([7; 16]), 1);
        let expected = "payment_intent=pi_3&metadata[payment]=pay_BwcHBwcHBwcHBwcHBwcHBw.1";
        assert_eq!(refund("pi_3", payment), expected);
    }
}
