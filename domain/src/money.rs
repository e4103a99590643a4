//! Money as whole minor units of an ISO 4217 currency.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The largest amount, in minor units: beyond it a JSON number is no longer exact (2^53 - 1).
pub const MINOR_MAX: u64 = (1 << 53) - 1;

/// How much of a refused text an error repeats, in characters.
const QUOTED_LEN_MAX: usize = 40;

/// Why a text is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The three letters are not a currency we know.
    #[error("{0:?} is not an ISO 4217 currency code")]
    UnknownCurrency(String),
    /// The text is not a plain decimal number.
    #[error("{0:?} is not a decimal number such as 12.50")]
    NotADecimal(String),
    /// More digits after the point than the currency has.
    #[error("{text:?} has {got} decimals, but {currency} has {exponent}")]
    TooManyDecimals {
        /// The amount as written.
        text: String,
        /// How many decimals it has.
        got: usize,
        /// The currency.
        currency: Currency,
        /// How many decimals the currency has.
        exponent: u8,
    },
    /// The amount does not fit.
    #[error("the amount is above {MINOR_MAX} minor units")]
    TooLarge,
}

/// An ISO 4217 currency, by its three letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// How many decimals an amount in this currency has: 2 for EUR, 0 for JPY (ISO 4217, "minor
    /// unit").
    pub fn exponent(self) -> u8 {
        if NO_DECIMALS.contains(&&self.0) {
            0
        } else if THREE_DECIMALS.contains(&&self.0) {
            3
        } else if FOUR_DECIMALS.contains(&&self.0) {
            4
        } else {
            2
        }
    }

    /// The three capital letters.
    pub fn as_str(&self) -> &str {
        // The letters come from the tables below and are ASCII, so the default is never taken.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        [TWO_DECIMALS, NO_DECIMALS, THREE_DECIMALS, FOUR_DECIMALS]
            .into_iter()
            .flatten()
            .find(|code| code.as_slice() == text.as_bytes())
            .map(|code| Self(**code))
            .ok_or_else(|| MoneyError::UnknownCurrency(shortened(text)))
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount of money: at most [`MINOR_MAX`] minor units of one currency, never negative.
///
/// Every way to make one out of something from outside checks the bound: [`Money::new`],
/// [`Money::parse_decimal`] and JSON, which is `{"minor":1999,"currency":"EUR"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawMoney")]
pub struct Money {
    /// The amount in minor units, such as cents.
    pub minor: u64,
    /// The currency.
    pub currency: Currency,
}

/// What JSON may say, before the bound is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMoney {
    minor: u64,
    currency: Currency,
}

impl TryFrom<RawMoney> for Money {
    type Error = MoneyError;

    fn try_from(raw: RawMoney) -> Result<Self, MoneyError> {
        Self::new(raw.minor, raw.currency)
    }
}

impl Money {
    /// `minor` minor units (cents) of `currency`; [`MoneyError::TooLarge`] above [`MINOR_MAX`].
    pub const fn new(minor: u64, currency: Currency) -> Result<Self, MoneyError> {
        if minor > MINOR_MAX {
            return Err(MoneyError::TooLarge);
        }
        Ok(Self { minor, currency })
    }

    /// The amount that a plain decimal such as `12.5` says in major units of `currency`.
    ///
    /// Digits with at most one point between them, and nothing else: no sign, exponent, blank or
    /// thousands separator. More decimals than the currency has are refused even if they are
    /// zeros, because then the file was probably written for another currency.
    pub fn parse_decimal(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        if !is_digits(whole) || !fraction.is_none_or(is_digits) {
            return Err(MoneyError::NotADecimal(shortened(text)));
        }
        let fraction = fraction.unwrap_or_default();
        let exponent = currency.exponent();
        if fraction.len() > usize::from(exponent) {
            return Err(MoneyError::TooManyDecimals {
                text: shortened(text),
                got: fraction.len(),
                currency,
                exponent,
            });
        }
        let digits = format!("{whole}{fraction:0<width$}", width = usize::from(exponent));
        let minor = digits.parse().map_err(|_| MoneyError::TooLarge)?;
        Self::new(minor, currency)
    }

    /// Both together, or nothing if that is above [`MINOR_MAX`] or the currencies differ.
    pub fn plus(self, other: Self) -> Option<Self> {
        let minor = self.minor.checked_add(other.minor)?;
        Self::new(minor, self.currency).ok().filter(|_| self.currency == other.currency)
    }

    /// All of them together, or nothing if there are none or [`Self::plus`] has nothing.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut amounts = amounts.into_iter();
        let first = amounts.next()?;
        amounts.try_fold(first, Self::plus)
    }

    /// This amount `quantity` times, or nothing if that is above [`MINOR_MAX`].
    pub fn times(self, quantity: u32) -> Option<Self> {
        let minor = self.minor.checked_mul(u64::from(quantity))?;
        Self::new(minor, self.currency).ok()
    }
}

/// As `19.99 EUR`, `1999 JPY`, `1.999 KWD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = usize::from(self.currency.exponent());
        let digits = format!("{:0>width$}", self.minor, width = exponent.saturating_add(1));
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(exponent));
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{whole}{point}{fraction} {}", self.currency)
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The beginning of a text from outside, short enough for an error message.
fn shortened(text: &str) -> String {
    text.chars().take(QUOTED_LEN_MAX).collect()
}

// The active codes of ISO 4217, lists one and two (as of January 2026), by minor unit. Codes that
// have none are left out (XAU, XDR, XTS, XXX and their like): nothing is priced in them.

const NO_DECIMALS: &[&[u8; 3]] = &[
    b"BIF", b"CLP", b"DJF", b"GNF", b"ISK", b"JPY", b"KMF", b"KRW", b"PYG", b"RWF", b"UGX", b"UYI",
    b"VND", b"VUV", b"XAF", b"XOF", b"XPF",
];

const THREE_DECIMALS: &[&[u8; 3]] = &[b"BHD", b"IQD", b"JOD", b"KWD", b"LYD", b"OMR", b"TND"];

const FOUR_DECIMALS: &[&[u8; 3]] = &[b"CLF", b"UYW"];

#[rustfmt::skip]
const TWO_DECIMALS: &[&[u8; 3]] = &[
    b"AED", b"AFN", b"ALL", b"AMD", b"AOA", b"ARS", b"AUD", b"AWG", b"AZN", b"BAM", b"BBD", b"BDT",
    b"BMD", b"BND", b"BOB", b"BOV", b"BRL", b"BSD", b"BTN", b"BWP", b"BYN", b"BZD", b"CAD", b"CDF",
    b"CHE", b"CHF", b"CHW", b"CNY", b"COP", b"COU", b"CRC", b"CUP", b"CVE", b"CZK", b"DKK", b"DOP",
    b"DZD", b"EGP", b"ERN", b"ETB", b"EUR", b"FJD", b"FKP", b"GBP", b"GEL", b"GHS", b"GIP", b"GMD",
    b"GTQ", b"GYD", b"HKD", b"HNL", b"HTG", b"HUF", b"IDR", b"ILS", b"INR", b"IRR", b"JMD", b"KES",
    b"KGS", b"KHR", b"KPW", b"KYD", b"KZT", b"LAK", b"LBP", b"LKR", b"LRD", b"LSL", b"MAD", b"MDL",
    b"MGA", b"MKD", b"MMK", b"MNT", b"MOP", b"MRU", b"MUR", b"MVR", b"MWK", b"MXN", b"MXV", b"MYR",
    b"MZN", b"NAD", b"NGN", b"NIO", b"NOK", b"NPR", b"NZD", b"PAB", b"PEN", b"PGK", b"PHP", b"PKR",
    b"PLN", b"QAR", b"RON", b"RSD", b"RUB", b"SAR", b"SBD", b"SCR", b"SDG", b"SEK", b"SGD", b"SHP",
    b"SLE", b"SOS", b"SRD", b"SSP", b"STN", b"SVC", b"SYP", b"SZL", b"THB", b"TJS", b"TMT", b"TOP",
    b"TRY", b"TTD", b"TWD", b"TZS", b"UAH", b"USD", b"USN", b"UYU", b"UZS", b"VED", b"VES", b"WST",
    b"XAD", b"XCD", b"XCG", b"YER", b"ZAR", b"ZMW", b"ZWG",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    fn minor(text: &str, code: &str) -> Result<u64, MoneyError> {
        Money::parse_decimal(text, currency(code)).map(|money| money.minor)
    }

    fn every_currency() -> Vec<Currency> {
        [TWO_DECIMALS, NO_DECIMALS, THREE_DECIMALS, FOUR_DECIMALS]
            .into_iter()
            .flatten()
            .map(|code| Currency(**code))
            .collect()
    }

    #[test]
    fn a_currency_is_one_of_the_active_codes_in_capitals() {
        assert_eq!(currency("EUR").to_string(), "EUR");
        for text in ["eur", "EU", "EURO", "", "XXX", "XAU", "ZZZ", "HRK", "ANG", "ÄÖ"] {
            let refused = Err(MoneyError::UnknownCurrency(text.to_owned()));
            assert_eq!(text.parse::<Currency>(), refused);
        }
    }

    #[test]
    fn no_currency_stands_in_the_tables_twice() {
        let mut all = every_currency();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(all.iter().all(|code| code.as_str().bytes().all(|b| b.is_ascii_uppercase())));
    }

    #[test]
    fn each_currency_has_the_decimals_of_iso_4217() {
        for (code, exponent) in [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("UYI", 0)] {
            assert_eq!(currency(code).exponent(), exponent, "{code}");
        }
    }

    #[test]
    fn fewer_decimals_than_the_currency_has_are_filled_with_zeros() {
        assert_eq!(minor("50", "EUR"), Ok(5000));
        assert_eq!(minor("50.0", "EUR"), Ok(5000));
        assert_eq!(minor("50.00", "EUR"), Ok(5000));
        assert_eq!(minor("007.5", "EUR"), Ok(750));
        assert_eq!(minor("50", "JPY"), Ok(50));
        assert_eq!(minor("1.2", "KWD"), Ok(1200));
        assert_eq!(minor("0", "EUR"), Ok(0));
    }

    #[test]
    fn more_decimals_than_the_currency_has_are_refused_even_as_zeros() {
        let refused = |text: &str, got, code, exponent| MoneyError::TooManyDecimals {
            text: text.to_owned(),
            got,
            currency: currency(code),
            exponent,
        };
        assert_eq!(minor("50.000", "EUR"), Err(refused("50.000", 3, "EUR", 2)));
        assert_eq!(minor("50.0", "JPY"), Err(refused("50.0", 1, "JPY", 0)));
    }

    #[test]
    fn anything_but_digits_and_one_point_between_them_is_refused() {
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,000", "1'000", " 1", "1 ", "1.2.3", "٣"]
        {
            assert_eq!(minor(text, "EUR"), Err(MoneyError::NotADecimal(text.to_owned())));
        }
        let long = "x".repeat(1000);
        assert_eq!(minor(&long, "EUR"), Err(MoneyError::NotADecimal("x".repeat(40))));
    }

    #[test]
    fn the_largest_amount_is_what_a_json_number_can_say() {
        assert_eq!(minor("90071992547409.91", "EUR"), Ok(MINOR_MAX));
        assert_eq!(minor("90071992547409.92", "EUR"), Err(MoneyError::TooLarge));
        assert_eq!(minor(&"9".repeat(100), "EUR"), Err(MoneyError::TooLarge));
        let most = Money::new(MINOR_MAX, currency("EUR")).unwrap();
        assert_eq!(most.times(1), Some(most));
        assert_eq!(most.times(2), None);
        assert_eq!(most.times(u32::MAX), None);
    }

    #[test]
    fn money_json_unchanged() {
        let money = Money::new(1999, currency("EUR")).unwrap();
        let json = r#"{"minor":1999,"currency":"EUR"}"#;
        assert_eq!(serde_json::to_string(&money).unwrap(), json);
        assert_eq!(serde_json::from_str::<Money>(json).unwrap(), money);
        for bad in [
            r#"{"minor":9007199254740992,"currency":"EUR"}"#,
            r#"{"minor":-1,"currency":"EUR"}"#,
            r#"{"minor":1.5,"currency":"EUR"}"#,
            r#"{"minor":1,"currency":"eur"}"#,
        ] {
            assert!(serde_json::from_str::<Money>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_amount_is_shown_with_the_decimals_of_its_currency() {
        let shown = |minor, code| Money::new(minor, currency(code)).unwrap().to_string();
        assert_eq!(shown(1999, "EUR"), "19.99 EUR");
        assert_eq!(shown(5, "EUR"), "0.05 EUR");
        assert_eq!(shown(0, "KWD"), "0.000 KWD");
        assert_eq!(shown(1999, "JPY"), "1999 JPY");
        assert_eq!(shown(12345, "CLF"), "1.2345 CLF");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_as_the_same_amount(
            minor in 0..=MINOR_MAX,
            currency in prop::sample::select(every_currency()),
        ) {
            let money = Money::new(minor, currency).unwrap();
            let shown = money.to_string();
            let (number, code) = shown.split_once(' ').unwrap();
            prop_assert_eq!(code, currency.as_str());
            prop_assert_eq!(Money::parse_decimal(number, currency), Ok(money));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let read = Money::parse_decimal(&text, currency("EUR"));
            prop_assert!(read.is_err() || text.starts_with(|c: char| c.is_ascii_digit()));
        }
    }
}
