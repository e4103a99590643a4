//! What a shopper may say of themselves for an order: e-mail, name and address.
//!
//! None of it ever comes into a journal, which is chained for good. It is kept apart, sealed, and
//! can be erased (see [`ContactKeys`]).

mod keys;

pub use keys::{ContactKeys, ContactKeysError};

use crate::inventory::{Rejection, ReservationState};
use crate::time::Millis;

/// A contact whose reservation has become no order is forgotten after so long. Not sooner: a bank
/// may take two weeks to say whether a payment is good, and its shopper is `paying` for as long.
pub const FORGOTTEN_AFTER: Millis = Millis::from_secs(30 * 24 * 60 * 60);

/// So many lines are looked at, which is 16 parts: more than a contact has.
const LINES_SEEN_MAX: usize = 32;

/// Of each part its place, what it is, how many characters it may have, and when it has to be
/// there.
///
/// An e-mail address that can be delivered to has at most 254 characters (RFC 5321, section
/// 4.5.3.1.3, without the angle brackets).
const PARTS: &[(&str, Part, usize, Needed)] = &[
    ("/email", Part::Email, 254, Needed::Always),
    ("/name", Part::Line, 100, Needed::Never),
    ("/address/line1", Part::Line, 100, Needed::InAddress),
    ("/address/line2", Part::Line, 100, Needed::Never),
    ("/address/city", Part::Line, 100, Needed::InAddress),
    ("/address/region", Part::Line, 100, Needed::Never),
    ("/address/postal_code", Part::Line, 16, Needed::Never),
    ("/address/country", Part::Country, 2, Needed::InAddress),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needed {
    Never,
    Always,
    /// If there is an address.
    InAddress,
}

/// What a part of a contact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// An e-mail address.
    Email,
    /// Any line of text.
    Line,
    /// A country.
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

/// Says what is wrong with a contact, and where. Its parts are given as lines in turn: a JSON
/// pointer (RFC 6901), and the text there, which is empty if it is no text. Each ends with a line
/// feed, and has none in it: where one was, NUL stands, which is refused as well.
// Inlined, as all of this is, into a crate that is compiled for size.
#[inline]
pub fn mistakes(parts: &str, mut say: impl FnMut(&str, PartError)) {
    let lines = || parts.split_terminator('\n').take(LINES_SEEN_MAX);
    let has_address = lines().step_by(2).any(|pointer| pointer.starts_with("/address"));
    for (place, _, _, needed) in PARTS {
        let is_needed = *needed == Needed::Always || *needed == Needed::InAddress && has_address;
        if is_needed && !lines().step_by(2).any(|pointer| pointer == *place) {
            say(place, PartError::Blank);
        }
    }
    let mut lines = lines();
    while let Some(pointer) = lines.next() {
        if let Err(error) = check(pointer, lines.next().unwrap_or_default()) {
            say(pointer, error);
        }
    }
}

/// Whether a text can be the part at a place.
#[inline]
fn check(pointer: &str, text: &str) -> Result<(), PartError> {
    let part = PARTS.iter().find(|(place, ..)| *place == pointer);
    let (_, part, max, _) = *part.ok_or(PartError::Unknown)?;
    let (mut len, mut is_blank, mut breaks) = (0_usize, true, false);
    for c in text.chars() {
        len = len.saturating_add(1);
        is_blank &= c.is_whitespace();
        // Control characters, and what Unicode has for line breaks beside them.
        breaks |= c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    }
    match part {
        _ if is_blank => Err(PartError::Blank),
        _ if len > max => Err(PartError::TooLong { max }),
        _ if breaks => Err(PartError::Control),
        Part::Email if !is_email(text.as_bytes()) => Err(PartError::Email),
        Part::Country if !is_country(text) => Err(PartError::Country),
        _ => Ok(()),
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

/// The rule of `<input type=email>` (WHATWG, HTML, section 4.10.5.1.5, "valid e-mail address"):
/// what a page lets through is what the API takes. It is narrower than RFC 5322, on purpose of its
/// authors: no comments, no quoted strings, no letters beyond ASCII (a domain's are written as
/// Punycode).
#[inline]
fn is_email(text: &[u8]) -> bool {
    let mut halves = text.splitn(2, |byte| *byte == b'@');
    let (local, domain) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let is_atom = |b: &u8| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(b);
    !local.is_empty() && local.iter().all(is_atom) && domain.split(|b| *b == b'.').all(is_label)
}

/// A label of a domain (RFC 1034, section 3.5, as RFC 1123, section 2.1, has it).
#[inline]
fn is_label(label: &[u8]) -> bool {
    let inner = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
    let ends_well = label.first() != Some(&b'-') && label.last() != Some(&b'-');
    (1..=63).contains(&label.len()) && label.iter().all(inner) && ends_well
}

#[inline]
fn is_country(text: &str) -> bool {
    let [first, second] = text.as_bytes() else { return false };
    let mut letters = COUNTRIES.split(|byte| *byte == b' ');
    letters.any(|word| word.first() == Some(first) && word.iter().skip(1).any(|b| b == second))
}

/// The codes of ISO 3166-1: a word for each first letter, with all the second ones after it. And
/// XK: Kosovo has none there, carriers and banks write it so.
const COUNTRIES: &[u8] = b"\
    ADEFGILMOQRSTUWXZ BABDEFGHIJLMNOQRSTVWYZ CACDFGHIKLMNORUVWXYZ DEJKMOZ ECEGHRST FIJKMOR \
    GABDEFGHILMNPQRSTUWY HKMNRTU IDELMNOQRST JEMOP KEGHIMNPRWYZ LABCIKRSTUVY \
    MACDEFGHKLMNOPQRSTUVWXYZ NACEFGILOPRUZ OM PAEFGHKLMNRSTWY QA REOSUW \
    SABCDEGHIJKLMNORSTVXYZ TCDFGHJKLMNORTVWZ UAGMSYZ VACEGINU WFS XK YET ZAMW";

#[cfg(test)]
mod tests {
    use super::*;

    fn said(part: Part, text: &str) -> Option<PartError> {
        let (place, ..) = PARTS.iter().find(|known| known.1 == part).unwrap();
        check(place, text).err()
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
        use Part::{Country, Email, Line};
        let parts = [Email, Line];
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
        for (place, _, max, _) in PARTS.iter().filter(|known| known.1 == Part::Line) {
            let (said, max) = (|text: &str| check(place, text).err(), *max);
            assert_eq!(said(&"\u{5d0}".repeat(max)), None);
            assert_eq!(said(&"a".repeat(max + 1)), Some(PartError::TooLong { max }));
            assert_eq!(said(""), Some(PartError::Blank));
            assert_eq!(said(" \u{a0}\n"), Some(PartError::Blank));
        }
    }

    #[test]
    fn a_country_is_one_of_the_standard() {
        let letters = || (b'A'..=b'Z').map(char::from);
        let countries = letters().flat_map(|one| letters().map(move |two| format!("{one}{two}")));
        let countries: Vec<String> =
            countries.filter(|text| said(Part::Country, text).is_none()).collect();
        assert_eq!(countries.len(), 250, "249 of ISO 3166-1, and Kosovo");
        for country in ["AD", "AZ", "DE", "GB", "IE", "OM", "US", "XK", "ZA", "ZW"] {
            assert!(countries.iter().any(|known| known == country), "{country}");
        }
        for text in ["de", "UK", "EU", "XX", "ZZ", "D", "D ", " D", "\u{c9}E"] {
            assert_eq!(said(Part::Country, text), Some(PartError::Country), "{text}");
        }
        assert_eq!(said(Part::Country, "DEU"), Some(PartError::TooLong { max: 2 }));
    }

    fn found(parts: &[(&str, &str)]) -> Vec<(String, PartError)> {
        let line = |(place, text): &(&str, &str)| [*place, *text, ""].join("\n");
        let lines = parts.iter().map(line).collect::<Vec<_>>().concat();
        let mut found = Vec::new();
        mistakes(&lines, |place, error| found.push((place.to_owned(), error)));
        found
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
        let lacking = ["/address/line1", "/address/city", "/address/country"];
        assert_eq!(started, lacking.map(|place| of(place, PartError::Blank)));
        let unknown =
            ["", "/", "/Email", "/email/", "/0", "/address/lines/0", "/phone", "/__proto__"];
        for pointer in unknown {
            assert!(found(&[email, (pointer, "a")]).contains(&of(pointer, PartError::Unknown)));
        }
        // An address that is a text, or empty.
        let flat = found(&[email, ("/address", "1 Quay, Cork")]);
        assert_eq!((flat.len(), &flat[3]), (4, &of("/address", PartError::Unknown)));
        let mut two = whole;
        (two[1].1, two[7].1) = ("Ann\0Bcc: x", "XX");
        let two = found(&two);
        assert_eq!(
            two,
            [of("/name", PartError::Control), of("/address/country", PartError::Country)]
        );
        let many: Vec<String> = (0..99).map(|number| format!("/{number}")).collect();
        let many: Vec<_> = many.iter().map(|pointer| (pointer.as_str(), "a")).collect();
        assert_eq!(found(&many).len(), 1 + LINES_SEEN_MAX / 2);
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
