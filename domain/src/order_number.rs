//! An order's number for people: short, and not to be misheard on the phone.
//!
//! Ten symbols and a check symbol in Crockford's Base32
//! (<https://www.crockford.com/base32.html>): no I, L, O or U, and whoever reads or writes these
//! for 1, 1 and 0 is understood. The check symbol is the number modulo 37, which finds every wrong
//! symbol and every two neighbours that changed places. It can be one of `* ~ $ = U`, which nobody
//! can read aloud: two bits of the ten symbols are free, and chosen so that it never is.
//!
//! It follows from the order's id, so it is known as soon as the order is: 48 bits of the half that
//! is a hash. Among 10,000 orders two share a number with a probability of 2 in 10 million, among
//! a million with 2 in 1,000. So a number is for looking an order up, and never a key.

use std::fmt;
use std::str::FromStr;

use crate::id::OrderId;

/// The symbols, each at the place of its value.
const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Without the check symbol.
const SYMBOLS_LEN: u32 = 10;
const CHECK_MODULUS: u64 = 37;
/// What is taken of the id: these of its bytes. They begin and end with a symbol of its base64.
const BYTES: std::ops::Range<usize> = 9..15;
/// Where they stand in the id's text.
const IN_TEXT: std::ops::Range<usize> = 16..24;
const BITS: u32 = 48;

/// An order's number for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderNumber(u64);

/// Why a text is no order number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderNumberError {
    /// It has too few or too many symbols.
    #[error("an order number has 11 letters and digits")]
    Length,
    /// It has a character that is none.
    #[error("an order number has no {0:?}")]
    Symbol(char),
    /// Its check symbol does not fit the others.
    #[error("a letter or digit of the number is wrong")]
    Check,
}

impl OrderNumber {
    /// The number of an order.
    pub fn of(order: OrderId) -> Self {
        let bytes = order.as_bytes().get(BYTES).unwrap_or_default();
        Self(bytes.iter().fold(0, |bits, byte| (bits << 8) | u64::from(*byte)))
    }

    /// What stands in the text of an id of this number, from its 17th character on.
    pub fn in_order_id(self) -> String {
        let mut id = [0; 16];
        let bytes = self.0.to_be_bytes();
        for (place, byte) in id.iter_mut().take(BYTES.end).skip(BYTES.start).zip(&bytes[2..]) {
            *place = *byte;
        }
        OrderId::from_bytes(id).to_string().get(IN_TEXT).unwrap_or_default().to_owned()
    }

    /// The same with the free bits chosen: 2^48 is 26 modulo 37, so if 0 gives one of the five
    /// remainders that have no plain symbol, 1 gives another one.
    const fn spelled(self) -> u64 {
        let is_plain = self.0 % CHECK_MODULUS < SYMBOLS.len() as u64;
        if is_plain { self.0 } else { self.0 | (1 << BITS) }
    }
}

impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, symbol) = (self.spelled(), |value: u64| {
            usize::try_from(value)
                .ok()
                .and_then(|place| SYMBOLS.get(place))
                .map_or('?', |s| (*s).into())
        });
        for shift in (0..50).step_by(5).rev() {
            write!(f, "{}", symbol((number >> shift) & 31))?;
            if matches!(shift, 30 | 10) {
                f.write_str("-")?;
            }
        }
        write!(f, "{}", symbol(number % CHECK_MODULUS))
    }
}

impl FromStr for OrderNumber {
    type Err = OrderNumberError;

    /// Hyphens, spaces and case do not count.
    fn from_str(text: &str) -> Result<Self, OrderNumberError> {
        let (mut number, mut check, mut len) = (0_u64, 0, 0_u32);
        for letter in text.chars().filter(|letter| !matches!(letter, '-' | ' ')) {
            let plain = match letter.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let known = SYMBOLS.iter().position(|symbol| char::from(*symbol) == plain);
            let value = known.ok_or(OrderNumberError::Symbol(letter))? as u64;
            if len == SYMBOLS_LEN {
                check = value;
            } else {
                number = (number << 5) | value;
            }
            len = len.saturating_add(1);
            if len > SYMBOLS_LEN + 1 {
                return Err(OrderNumberError::Length);
            }
        }
        if len <= SYMBOLS_LEN {
            return Err(OrderNumberError::Length);
        }
        let found = Self(number & ((1 << BITS) - 1));
        let fits = number % CHECK_MODULUS == check && found.spelled() == number;
        if fits { Ok(found) } else { Err(OrderNumberError::Check) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids whose bytes are as good as random.
    fn orders() -> impl Iterator<Item = OrderId> {
        (0..2_000_u32).map(|n| {
            let shopper = crate::id::ShopperId::of_secret(&n.to_be_bytes());
            OrderId::from_bytes(*shopper.as_bytes())
        })
    }

    #[test]
    fn the_number_of_an_order_is_unchanged() {
        let number = |bytes| OrderNumber::of(OrderId::from_bytes(bytes)).to_string();
        assert_eq!(number([0; 16]), "0000-0000-000");
        assert_eq!(number([0xA5; 16]), "55MP-JTB9-D5E");
        assert_eq!(number([0xFF; 16]), "7ZZZ-ZZZZ-ZZS");
    }

    #[test]
    fn a_number_is_read_back_however_it_is_written() {
        for order in orders() {
            let (number, text) = (OrderNumber::of(order), OrderNumber::of(order).to_string());
            assert_eq!(text.len(), 13);
            let misread = text.replace('0', "o").replace('1', "L").replace('-', " ");
            for spelling in [text.to_lowercase(), misread, text.replace('-', "")] {
                assert_eq!(spelling.parse(), Ok(number), "{spelling}");
            }
            assert_eq!(order.to_string()[16..24], number.in_order_id());
        }
    }

    #[test]
    fn one_wrong_symbol_or_two_that_changed_places_are_found() {
        for order in orders().take(50) {
            let text = OrderNumber::of(order).to_string().replace('-', "");
            for place in 0..text.len() {
                for symbol in SYMBOLS {
                    let mut wrong = text.clone().into_bytes();
                    wrong[place] = *symbol;
                    let wrong = String::from_utf8(wrong).unwrap();
                    assert_eq!(wrong.parse::<OrderNumber>().is_ok(), wrong == text, "{wrong}");
                }
                if place > 0 {
                    let mut swapped = text.clone().into_bytes();
                    swapped.swap(place, place - 1);
                    let swapped = String::from_utf8(swapped).unwrap();
                    assert_eq!(swapped.parse::<OrderNumber>().is_ok(), swapped == text);
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_is_told_why() {
        let error = |text: &str| text.parse::<OrderNumber>().unwrap_err();
        assert_eq!(error(""), OrderNumberError::Length);
        assert_eq!(error("0000-0000-00"), OrderNumberError::Length);
        assert_eq!(error("0000-0000-0000"), OrderNumberError::Length);
        assert_eq!(error("0000-0000-00U"), OrderNumberError::Symbol('U'));
        assert_eq!(error("0000-0000-001"), OrderNumberError::Check);
        // 2^49: no order has it, though its check symbol fits.
        assert_eq!(error("G000-0000-00F"), OrderNumberError::Check);
    }
}
