//! What Stripe is asked, as the form that its API takes.

use crate::cart::also;
use crate::id::{PaymentId, SaleId, Sku};
use crate::money::Money;
use crate::time::{Millis, Timestamp};

use super::{AmountError, charged};

/// Stripe lets no session end sooner after its making, and a minute more, for clocks that differ
/// and calls that take a while.
const OPEN_MIN: Millis = Millis::from_secs(31 * 60);
/// Nor later; and again a minute.
const OPEN_MAX: Millis = Millis::from_secs((24 * 60 - 1) * 60);
/// The longest value in Stripe's metadata, in characters; SKUs are ASCII.
const METADATA_LEN_MAX: usize = 500;

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

/// One session, as it is shown on Stripe's page and found again in what Stripe reports.
#[derive(Debug, Clone)]
pub struct Checkout<'c> {
    /// The payment by which the session is known.
    pub payment: PaymentId,
    /// The sale, for people who look at Stripe's pages.
    pub sale: &'c SaleId,
    /// What is bought: at least one line.
    pub lines: Vec<CheckoutLine<'c>>,
    /// When Stripe ends the session; see [`session_ends_at`].
    pub ends_at: Timestamp,
    /// Our own origin. Only there do shoppers come back to.
    pub origin: &'c str,
}

/// One line of it.
#[derive(Debug, Clone)]
pub struct CheckoutLine<'c> {
    /// The payment of this line.
    pub payment: PaymentId,
    /// What is bought.
    pub sku: &'c Sku,
    /// What the shopper reads on Stripe's page.
    pub title: &'c str,
    /// How many.
    pub quantity: u32,
    /// All that is to be paid for it: goods, and what comes on top.
    pub amount: Money,
}

impl Checkout<'_> {
    /// The body of `POST /v1/checkout/sessions`.
    ///
    /// A line with its whole amount, so that what is paid is what is owed, whatever it is made of.
    /// The price is never converted (`adaptive_pricing`): only the amount owed, in its currency,
    /// buys the units. The same payment has the same form, as its `Idempotency-Key` asks for.
    pub fn form(&self) -> Result<String, AmountError> {
        let payment = self.payment.to_string();
        let mut lines = self.lines.iter();
        let first = |line: &CheckoutLine<'_>| {
            format!("&sku={}&reservation={}", line.sku, line.payment.reservation())
        };
        let first = lines.next().map(first).unwrap_or_default();
        let others: String = lines.map(|line| also(line.sku, line.payment)).collect();
        let back = |page| format!("{}/{page}?sale={}{first}{others}", self.origin, self.sale);
        let mut form = encoded(&[
            ("mode", "payment"),
            ("client_reference_id", &payment),
            ("expires_at", &self.ends_at.as_secs().to_string()),
            ("success_url", &back("receipt")),
            ("cancel_url", &back("checkout")),
        ]);
        for (place, line) in self.lines.iter().enumerate() {
            form.push('&');
            form.push_str(&line.fields(place)?);
        }
        form.push('&');
        let skus: Vec<&str> = self.lines.iter().map(|line| line.sku.as_str()).collect();
        form.push_str(&encoded(&[
            ("metadata[payment]", &payment),
            ("metadata[sale]", self.sale.as_str()),
            ("metadata[sku]", &joined(&skus)),
            ("metadata[shop]", self.origin),
            ("payment_intent_data[metadata][payment]", &payment),
            ("adaptive_pricing[enabled]", "false"),
        ]));
        Ok(form)
    }
}

impl CheckoutLine<'_> {
    fn fields(&self, place: usize) -> Result<String, AmountError> {
        let number = charged(self.amount)?.to_string();
        let currency = self.amount.currency.as_str().to_ascii_lowercase();
        let name = match self.quantity {
            1 => self.title.to_owned(),
            several => format!("{several} × {}", self.title),
        };
        let of = |rest| format!("line_items[{place}]{rest}");
        Ok(encoded(&[
            (&of("[quantity]"), "1"),
            (&of("[price_data][currency]"), &currency),
            (&of("[price_data][unit_amount]"), &number),
            (&of("[price_data][product_data][name]"), &name),
        ]))
    }
}

/// Names in one text that is no longer than a value of Stripe's metadata may be: 500 characters
/// (<https://docs.stripe.com/api/metadata>).
fn joined(skus: &[&str]) -> String {
    let mut text = skus.join(",");
    text.truncate(METADATA_LEN_MAX);
    text
}

/// The body of `POST /v1/refunds`: all that was paid, or so much of it.
pub fn refund(
    payment_intent: &str,
    payment: PaymentId,
    part: Option<Money>,
) -> Result<String, AmountError> {
    let payment = payment.to_string();
    let all = encoded(&[("payment_intent", payment_intent), ("metadata[payment]", &payment)]);
    Ok(match part {
        None => all,
        Some(part) => all + &format!("&amount={}", charged(part)?),
    })
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

    fn line<'c>(sku: &'c Sku, title: &'c str, quantity: u32, minor: u64) -> CheckoutLine<'c> {
        let payment = PaymentId::of(ReservationId::from_bytes([7; 16]), 2);
        let amount = Money::new(minor, "EUR".parse().unwrap()).unwrap();
        CheckoutLine { payment, sku, title, quantity, amount }
    }

    fn checkout<'c>(sale: &'c SaleId, lines: Vec<CheckoutLine<'c>>) -> Checkout<'c> {
        Checkout {
            payment: lines[0].payment,
            sale,
            lines,
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
        let mugs = line(&sku, "Sea mug & lid, 25 % off", 2, 3_200);
        assert_eq!(checkout(&sale, vec![mugs]).form().unwrap(), expected);
        let one = checkout(&sale, vec![line(&sku, "Mug", 1, 1_600)]);
        assert!(one.form().unwrap().contains("[name]=Mug&"));
    }

    #[test]
    fn a_cart_is_one_session_with_a_line_for_each_sku_and_leads_back_to_all_of_them() {
        let (sale, mug, tee) = name("drop", "MUG", "TEE");
        let lines = vec![line(&mug, "Mug", 1, 1_600), line(&tee, "Tee", 1, 2_000)];
        let form = checkout(&sale, lines).form().unwrap();
        for part in [
            "&line_items[0][price_data][unit_amount]=1600&",
            "&line_items[1][price_data][unit_amount]=2000&",
            "&line_items[1][price_data][product_data][name]=Tee&",
            "%26also%3DTEE%3Arsv_BwcHBwcHBwcHBwcHBwcHBw&",
            "&metadata[sku]=MUG%2CTEE&",
        ] {
            assert!(form.contains(part), "{part}: {form}");
        }
        let long = "X".repeat(64).parse().unwrap();
        let lines = vec![line(&long, "Long", 1, 100); 20];
        let form = checkout(&sale, lines).form().unwrap();
        let (_, skus) = form.split_once("metadata[sku]=").unwrap();
        assert_eq!(skus.split('&').next().unwrap().replace("%2C", ",").len(), 500);
    }

    fn name(sale: &str, first: &str, second: &str) -> (SaleId, Sku, Sku) {
        (sale.parse().unwrap(), first.parse().unwrap(), second.parse().unwrap())
    }

    #[test]
    fn what_cannot_be_charged_has_no_form() {
        let (sale, sku) = ("drop".parse().unwrap(), "MUG-SEA".parse().unwrap());
        let amount = Money::new(1_001, "KWD".parse().unwrap()).unwrap();
        let line = CheckoutLine { amount, ..line(&sku, "Mug", 1, 1) };
        assert!(checkout(&sale, vec![line]).form().is_err());
    }

    #[test]
    fn a_refund_gives_back_all_of_it_or_what_one_line_cost() {
        let payment = PaymentId::of(ReservationId::from_bytes([7; 16]), 1);
        let expected = "payment_intent=pi_3&metadata[payment]=pay_BwcHBwcHBwcHBwcHBwcHBw.1";
        assert_eq!(refund("pi_3", payment, None).unwrap(), expected);
        let part = Money::new(1_600, "EUR".parse().unwrap()).ok();
        let expected = format!("{expected}&amount=1600");
        assert_eq!(refund("pi_3", payment, part).unwrap(), expected);
    }
}
