//! Amounts as Stripe counts them, which for some currencies is not as ISO 4217 does.
//!
//! <https://docs.stripe.com/currencies> ("Minor units in API amounts", "Special cases"): amounts
//! are in the currency's minor unit, but
//!
//! - ISK and UGX, which have no decimals, are given as if they had two, and those are zeros;
//! - MGA, which has two in ISO 4217 (a fifth each, in truth), is given without;
//! - currencies of three decimals are rounded to tens, as card networks have two;
//! - currencies of four decimals are units of account, and are not charged in.

use crate::money::{Currency, Money};

/// Why an amount cannot be charged by Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Nothing is charged in this currency.
    #[error("Stripe charges nothing in {0}")]
    Currency(Currency),
    /// The amount is finer than what Stripe charges.
    #[error("in {currency} Stripe charges multiples of {multiple} minor units only")]
    TooFine {
        /// The currency.
        currency: Currency,
        /// Of so many minor units.
        multiple: u64,
    },
}

/// How Stripe's number follows from minor units: which have to be a multiple of something, and are
/// divided and multiplied.
struct Scale {
    multiple: u64,
    divisor: u64,
    factor: u64,
}

impl Scale {
    fn of(currency: Currency) -> Result<Self, AmountError> {
        let (multiple, divisor, factor) = match (currency.as_str(), currency.exponent()) {
            ("ISK" | "UGX", _) => (1, 1, 100),
            ("MGA", _) => (100, 100, 1),
            (_, 3) => (10, 1, 1),
            (_, 0..=2) => (1, 1, 1),
            _ => return Err(AmountError::Currency(currency)),
        };
        Ok(Self { multiple, divisor, factor })
    }
}

/// The number that Stripe is told to charge.
pub fn charged(amount: Money) -> Result<u64, AmountError> {
    let Money { minor, currency } = amount;
    let Scale { multiple, divisor, factor } = Scale::of(currency)?;
    if !minor.is_multiple_of(multiple) {
        return Err(AmountError::TooFine { currency, multiple });
    }
    let number = minor.checked_div(divisor).and_then(|whole| whole.checked_mul(factor));
    number.ok_or(AmountError::Currency(currency))
}

/// What a payment of Stripe's number in a currency is worth to who is owed an amount: minor units
/// of the currency that is owed.
///
/// In another currency none of it was paid: 0. The same goes for a number that no amount leads to.
/// So only the amount owed itself is ever worth the amount owed; what else came goes back whole.
pub fn worth(number: u64, currency: &str, owed: Money) -> u64 {
    if !currency.eq_ignore_ascii_case(owed.currency.as_str()) {
        return 0;
    }
    let Ok(Scale { divisor, factor, .. }) = Scale::of(owed.currency) else { return 0 };
    let minor = number.checked_mul(divisor).and_then(|number| number.checked_div(factor));
    let paid = minor.and_then(|minor| Money::new(minor, owed.currency).ok());
    paid.filter(|paid| charged(*paid) == Ok(number)).map_or(0, |paid| paid.minor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(minor: u64, code: &str) -> Money {
        Money::new(minor, code.parse().unwrap()).unwrap()
    }

    #[test]
    fn an_amount_is_what_stripe_says_it_is() {
        for (minor, code, number) in [
            (1_999, "EUR", 1_999),
            (500, "JPY", 500),
            (500, "ISK", 50_000),
            (500, "UGX", 50_000),
            (17_500, "HUF", 17_500),
            (120_000, "MGA", 1_200),
            (5_120, "KWD", 5_120),
            (0, "USD", 0),
        ] {
            assert_eq!(charged(money(minor, code)), Ok(number), "{code}");
            assert_eq!(worth(number, &code.to_lowercase(), money(minor, code)), minor, "{code}");
        }
    }

    #[test]
    fn what_stripe_does_not_charge_is_refused_by_name() {
        let refused = |minor, code| charged(money(minor, code)).unwrap_err().to_string();
        assert_eq!(refused(5_123, "KWD"), "in KWD Stripe charges multiples of 10 minor units only");
        assert!(refused(150, "MGA").contains("multiples of 100 minor units"));
        assert_eq!(refused(10_000, "CLF"), "Stripe charges nothing in CLF");
        let most = Money::new(9_007_199_254_740_991, "UGX".parse().unwrap()).unwrap();
        assert!(charged(most).is_ok(), "it fits into a number");
    }

    #[test]
    fn of_another_currency_nothing_is_worth_anything() {
        assert_eq!(worth(1_600, "usd", money(1_600, "EUR")), 0);
        assert_eq!(worth(1_600, "", money(1_600, "EUR")), 0);
        assert_eq!(worth(1_601, "eur", money(1_600, "EUR")), 1_601);
        // Half a króna is no sum; were it rounded, it would buy.
        assert_eq!(worth(50_050, "isk", money(500, "ISK")), 0);
        assert_eq!(worth(u64::MAX, "mga", money(500, "MGA")), 0);
    }

    proptest! {
        #[test]
        fn only_the_number_that_was_charged_is_worth_the_amount(
            minor in 0_u64..1_000_000,
            number in 0_u64..1_000_000,
            code in prop::sample::select(vec!["EUR", "JPY", "ISK", "MGA", "KWD"]),
        ) {
            let owed = money(minor, code);
            if let Ok(charged) = charged(owed) {
                prop_assert_eq!(worth(charged, code, owed), minor);
                // What is free is bought by nothing, whatever the currency.
                if minor > 0 {
                    prop_assert_eq!(worth(number, code, owed) == minor, number == charged);
                }
            }
        }
    }
}
