//! What a shopper may say of themselves for an order: e-mail, name and address.
//!
//! None of it ever comes into a journal, which is chained for good. It is kept apart, sealed, and can
//! be erased (see [`ContactKeys`]).

mod keys;

pub use keys::{ContactKeys, ContactKeysError};

use crate::inventory::{Rejection, ReservationState};
use crate::time::Millis;

/// A contact whose reservation has become no order is forgotten after so long. Not sooner: a bank may
/// take two weeks to say whether a payment is good, and its shopper is `paying` for as long.
pub const FORGOTTEN_AFTER: Millis = Millis::from_secs(30 * 24 * 60 * 60);

/// What a contact has to have.
const REQUIRED: &[&str] = &["/email"];
/// What it has to have if it has an address.
const REQUIRED_WITH_ADDRESS: &[&str] =
    &["/email", "/address/line1", "/address/city", "/address/country"];

/// So many parts are looked at, which is more than a contact has.
const PARTS_MAX: usize = 16;

/// What a part of a contact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The e-mail address.
    Email,
    /// A name, or a line of an address.
    Line,
    /// The postal code, as that country writes it.
    PostalCode,
    /// The country.
    Country,
}

/// Why a text cannot be this part of a contact, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// A contact has no such part.
    #[error("a contact has no such part")]
    Unknown,
    /// It is missing, or no text, or there is nothing but space in it.
    #[error("it has to be a text that says something")]
    Blank,
    /// It is too long.
    #[error("it has at most {max} characters")]
    TooLong {
        /// The most it may have.
        max: usize,
    },
    /// With a line break in it, a text is more than one line where it is written into a mail or a
    /// label: a header of its own, or another address.
    #[error("it has no line breaks and no other control characters")]
    Control,
    /// It is not written as an e-mail address.
    #[error("it has to be an e-mail address, such as ann@example.com")]
    Email,
    /// There is no such country.
    #[error("it has to be two capital letters of ISO 3166-1, such as DE")]
    Country,
}

/// What is wrong with a contact, and where. Its parts are given as JSON has them: each value as a
/// JSON pointer (RFC 6901) and its text, which is empty if it is no text.
pub fn mistakes(parts: &[(String, String)]) -> Vec<(String, PartError)> {
    let mut mistakes = Vec::new();
    let has_address = parts.iter().any(|(pointer, _)| pointer.starts_with("/address"));
    for pointer in if has_address { REQUIRED_WITH_ADDRESS } else { REQUIRED } {
        if !parts.iter().any(|(known, _)| known == pointer) {
            mistakes.push(((*pointer).to_owned(), PartError::Blank));
        }
    }
    for (pointer, text) in parts.iter().take(PARTS_MAX) {
        if let Err(error) = Part::check(pointer, text) {
            mistakes.push((pointer.clone(), error));
        }
    }
    mistakes
}

impl Part {
    /// The part at a place, if there is one.
    fn at(pointer: &str) -> Option<Self> {
        Some(match pointer {
            "/email" => Self::Email,
            "/name" | "/address/line1" | "/address/line2" | "/address/city" | "/address/region" => {
                Self::Line
            }
            "/address/postal_code" => Self::PostalCode,
            "/address/country" => Self::Country,
            _ => return None,
        })
    }

    /// The most characters it may have. An e-mail address that can be delivered to has 254 (RFC 5321,
    /// section 4.5.3.1.3, without the angle brackets).
    const fn len_max(self) -> usize {
        match self {
            Self::Email => 254,
            Self::Line => 100,
            Self::PostalCode => 16,
            Self::Country => 2,
        }
    }

    /// Whether a text can be the part at a place.
    fn check(pointer: &str, text: &str) -> Result<(), PartError> {
        let part = Self::at(pointer).ok_or(PartError::Unknown)?;
        if text.trim().is_empty() {
            return Err(PartError::Blank);
        }
        let max = part.len_max();
        if text.chars().count() > max {
            return Err(PartError::TooLong { max });
        }
        if text.contains(breaks) {
            return Err(PartError::Control);
        }
        match part {
            Self::Email if !is_email(text) => Err(PartError::Email),
            Self::Country if !is_country(text) => Err(PartError::Country),
            _ => Ok(()),
        }
    }
}

/// Whether a contact may be left for a reservation of this state: while there is an order, or may
/// still be one.
pub const fn may_be_left(state: ReservationState) -> Result<(), Rejection> {
    match state {
        ReservationState::Waiting
        | ReservationState::Held
        | ReservationState::Paying
        | ReservationState::Allocated => Ok(()),
        ReservationState::Cancelled => Err(Rejection::OrderCancelled),
        ReservationState::Released => Err(Rejection::ReservationReleased),
        ReservationState::Expired => Err(Rejection::ReservationExpired),
    }
}

/// Control characters, and what Unicode has for line breaks beside them.
fn breaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// The rule of `<input type=email>` (WHATWG, HTML, section 4.10.5.1.5, "valid e-mail address"): what a
/// page lets through is what the API takes. It is narrower than RFC 5322, on purpose of its authors:
/// no comments, no quoted strings, no letters beyond ASCII (a domain's are written as Punycode).
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_atom = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    !local.is_empty() && local.chars().all(is_atom) && domain.split('.').all(is_label)
}

/// A label of a domain (RFC 1034, section 3.5, as RFC 1123, section 2.1, has it).
fn is_label(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let (starts, ends) = (label.starts_with('-'), label.ends_with('-'));
    (1..=63).contains(&label.len()) && label.chars().all(inner) && !starts && !ends
}

fn is_country(text: &str) -> bool {
    COUNTRIES.split_ascii_whitespace().any(|country| country == text)
}

/// The codes of ISO 3166-1, and XK: Kosovo has none there, carriers and banks write it so.
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE \
    EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM \
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC \
    LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO \
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;

    fn said(part: Part, text: &str) -> Option<PartError> {
        let pointer = match part {
            Part::Email => "/email",
            Part::Line => "/name",
            Part::PostalCode => "/address/postal_code",
            Part::Country => "/address/country",
        };
        Part::check(pointer, text).err()
    }

    #[test]
    fn an_email_is_what_a_field_of_a_page_takes_for_one() {
        let longest = format!("{}@{}.de", "l".repeat(187), "d".repeat(63));
        let good = [
            "a@b",
            "ann@example.com",
            "o'neill+mugs@mail.example.co.uk",
            ".a..b.@example.com",
            "!#$%&'*+/=?^_`{|}~-@example.com",
            "ann@xn--mnchen-3ya.de",
            "7@1.2.3.4",
            &longest,
        ];
        for text in good {
            assert_eq!(said(Part::Email, text), None, "{text}");
        }
        let (long, label) = (format!("l{longest}"), format!("a@{}", "d".repeat(64)));
        assert_eq!(said(Part::Email, &long), Some(PartError::TooLong { max: 254 }));
        let bad = [
            "ann",
            "@example.com",
            "ann@",
            "a@b@c",
            "a b@c",
            "a@b c",
            "ann@-b",
            "ann@b-",
            "ann@b..c",
            "ann@.b",
            "ann@b.",
            "\"a\"@b",
            "a@[127.0.0.1]",
            "a(b)@c",
            "<a@b>",
            "a,b@c",
            "a@b,c@d",
            "j\u{f6}rg@example.com",
            "a@m\u{fc}nchen.de",
            "a@b_c",
            &label,
        ];
        for text in bad {
            assert_eq!(said(Part::Email, text), Some(PartError::Email), "{text}");
        }
    }

    #[test]
    fn no_part_has_a_line_break_in_it() {
        use Part::{Country, Email, Line, PostalCode};
        let parts = [Email, Line, PostalCode];
        for c in ['\n', '\r', '\0', '\t', '\u{b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}'] {
            for part in parts {
                let text = format!("a@b{c}c");
                assert_eq!(said(part, &text), Some(PartError::Control), "{part:?} {c:?}");
            }
            assert_eq!(said(Country, &format!("D{c}")), Some(PartError::Control));
        }
        // Also at the ends, where it would be easily trimmed.
        assert_eq!(said(Email, "a@b\r\nBcc: c@d"), Some(PartError::Control));
        assert_eq!(said(Email, "\na@b"), Some(PartError::Control));
        assert_eq!(said(Email, "a@b\n"), Some(PartError::Control));
    }

    #[test]
    fn a_text_has_something_in_it_and_not_too_much() {
        for (part, max) in [(Part::Line, 100), (Part::PostalCode, 16)] {
            assert_eq!(said(part, &"\u{5d0}".repeat(max)), None);
            assert_eq!(said(part, &"a".repeat(max + 1)), Some(PartError::TooLong { max }));
            assert_eq!(said(part, ""), Some(PartError::Blank));
            assert_eq!(said(part, " \u{a0}\n"), Some(PartError::Blank));
        }
    }

    #[test]
    fn a_country_is_one_of_the_standard() {
        let countries: Vec<&str> = COUNTRIES.split_ascii_whitespace().collect();
        assert_eq!(countries.len(), 250, "249 of ISO 3166-1, and Kosovo");
        assert!(countries.is_sorted_by(|one, next| one < next));
        for country in countries {
            assert_eq!(said(Part::Country, country), None);
        }
        for text in ["de", "UK", "EU", "XX", "ZZ", "D", "D ", " D", "\u{c9}E"] {
            assert_eq!(said(Part::Country, text), Some(PartError::Country), "{text}");
        }
        assert_eq!(said(Part::Country, "DEU"), Some(PartError::TooLong { max: 2 }));
    }

    fn found(parts: &[(&str, &str)]) -> Vec<(String, PartError)> {
        let parts = parts.iter().map(|(pointer, text)| ((*pointer).into(), (*text).into()));
        mistakes(&parts.collect::<Vec<_>>())
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        let email = ("/email", "ann@example.com");
        let whole = [
            email,
            ("/name", "Ann"),
            ("/address/line1", "1 Quay"),
            ("/address/line2", "Shed 7"),
            ("/address/city", "Cork"),
            ("/address/region", "Munster"),
            ("/address/postal_code", "T12"),
            ("/address/country", "IE"),
        ];
        assert_eq!(found(&whole), []);
        assert_eq!(found(&[email]), []);
        let of = |pointer: &str, error| (pointer.to_owned(), error);
        assert_eq!(found(&[]), [of("/email", PartError::Blank)]);
        let started = found(&[email, ("/address/line2", "Shed 7")]);
        assert_eq!(
            started,
            REQUIRED_WITH_ADDRESS[1..].iter().map(|p| of(p, PartError::Blank)).collect::<Vec<_>>()
        );
        let unknown =
            ["", "/", "/Email", "/email/", "/0", "/address/lines/0", "/phone", "/__proto__"];
        for pointer in unknown {
            assert!(found(&[email, (pointer, "a")]).contains(&of(pointer, PartError::Unknown)));
        }
        // An address that is a text, or empty.
        let flat = found(&[email, ("/address", "1 Quay, Cork")]);
        assert_eq!((flat.len(), &flat[3]), (4, &of("/address", PartError::Unknown)));
        let mut two = whole;
        (two[1].1, two[7].1) = ("Ann\nBcc: x", "XX");
        let two = found(&two);
        assert_eq!(
            two,
            [of("/name", PartError::Control), of("/address/country", PartError::Country)]
        );
        let many: Vec<String> = (0..99).map(|number| format!("/{number}")).collect();
        let many: Vec<_> = many.iter().map(|pointer| (pointer.as_str(), "a")).collect();
        assert_eq!(found(&many).len(), 1 + PARTS_MAX);
    }

    #[test]
    fn a_contact_may_be_left_while_there_may_be_an_order() {
        use ReservationState::{Allocated, Cancelled, Expired, Held, Paying, Released, Waiting};
        for state in [Waiting, Held, Paying, Allocated] {
            assert_eq!(may_be_left(state), Ok(()));
        }
        assert_eq!(may_be_left(Cancelled), Err(Rejection::OrderCancelled));
        assert_eq!(may_be_left(Released), Err(Rejection::ReservationReleased));
        assert_eq!(may_be_left(Expired), Err(Rejection::ReservationExpired));
    }
}
