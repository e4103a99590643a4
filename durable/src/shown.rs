//! What a shopper who reserves is shown, made by the Inventory for the edge to pass on: where it is
//! read and written once, not three times.

use doorbuster_domain::inventory::{Answer, Reply, Terms};
use doorbuster_wire::json::ToJson as _;
use doorbuster_wire::shopper::Reservation;

/// Begins a line that asks for one command, and wants it shown, and the line that shows it.
pub(crate) const MARK: char = '!';

/// A reservation as its shopper is shown it. A line of it is `!`, id, units, whether it exists,
/// and the body, with a space between each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown<'l> {
    /// The reservation's id.
    pub reservation: &'l str,
    /// Units.
    pub quantity: u32,
    /// Whether this answers a repeat of an earlier act.
    pub exists: bool,
    /// The reservation, as the JSON of `Reservation` in `wire`.
    pub body: &'l str,
}

impl<'l> Shown<'l> {
    /// Reads a line; `None` if it is an answer in full, such as a rejection.
    pub fn parse(line: &'l str) -> Option<Self> {
        let mut parts = line.strip_prefix(MARK)?.splitn(4, ' ');
        let (reservation, quantity) = (parts.next()?, parts.next()?.parse().ok()?);
        let (exists, body) = (parts.next()? == "true", parts.next()?);
        Some(Self { reservation, quantity, exists, body })
    }
}

/// Appends the line for an answer; `false`, and nothing is appended, if it is no reservation.
pub(crate) fn write(answer: &Answer, terms: Option<&Terms>, to: &mut String) -> bool {
    let (Answer::Accepted(Reply::Reservation { view, exists }), Some(terms)) = (answer, terms)
    else {
        return false;
    };
    let body = Reservation::of(&terms.sale, &terms.sku, view);
    to.push(MARK);
    to.push_str(&body.reservation);
    to.push(' ');
    body.quantity.write_json(to);
    to.push_str(if *exists { " true " } else { " false " });
    body.write_json(to);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_in_its_parts_and_what_is_none_is_not() {
        let body = r#"{"reservation":"r 1"}"#;
        let line = format!("!rsv_1 2 true {body}");
        let shown = Shown { reservation: "rsv_1", quantity: 2, exists: true, body };
        assert_eq!(Shown::parse(&line), Some(shown));
        for other in ["", "!", "!rsv_1", "!rsv_1 x true {}", "!rsv_1 2 true", "{\"done\":[]}"] {
            assert_eq!(Shown::parse(other), None, "{other}");
        }
    }
}
