//! What a webhook says, in the form of `CloudEvents` 1.0
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>).

use crate::id::{OrderId, SaleId};
use crate::time::Timestamp;

/// What can have happened. Its name is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// An order is in the books.
    OrderCreated,
    /// Its payment is complete. Here both happen at once: there is no order without a payment.
    OrderPaid,
}

impl EventKind {
    /// Every kind, in the order in which they are told of.
    pub const ALL: [Self; 2] = [Self::OrderCreated, Self::OrderPaid];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderCreated => "order.created",
            Self::OrderPaid => "order.paid",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Something that happened to an order.
#[derive(Debug, Clone, Copy)]
pub struct Event<'e> {
    /// What.
    pub kind: EventKind,
    /// The order.
    pub order: OrderId,
    /// Its sale.
    pub sale: &'e SaleId,
    /// When it happened.
    pub at: Timestamp,
}

impl Event<'_> {
    /// Its id, which is also the `webhook-id`: made of the order and the kind, so that telling of
    /// it again is known as such. It has no full stop, which parts what is signed.
    pub fn id(&self) -> String {
        let order = self.order.to_string();
        let tail = order.strip_prefix(OrderId::PREFIX).unwrap_or_default();
        let kind = match self.kind {
            EventKind::OrderCreated => "created",
            EventKind::OrderPaid => "paid",
        };
        format!("evt_{kind}_{tail}")
    }

    /// The body: JSON with `data`, which is JSON already, in it. Names of ours need no escaping.
    pub fn body(&self, data: &str) -> String {
        let Self { kind, order, sale, at } = self;
        format!(
            r#"{{"specversion":"1.0","id":"{}","source":"/v1/sales/{sale}","type":"{}","#,
            self.id(),
            kind.as_str()
        ) + &format!(
            r#""time":"{}","subject":"{order}","datacontenttype":"application/json","#,
            rfc_3339(*at)
        ) + &format!(r#""data":{data}}}"#)
    }
}

const DAY_MS: u64 = 86_400_000;

/// A moment as RFC 3339 has it, in UTC.
///
/// The date by Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>): years begin in March, so that the day
/// that only some have is their last.
fn rfc_3339(at: Timestamp) -> String {
    let (days, ms) = (at.as_millis() / DAY_MS, at.as_millis() % DAY_MS);
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = (day_of_era / 36_524).saturating_sub(day_of_era / 146_096);
    let year_of_era = day_of_era.saturating_sub(day_of_era / 1_460).saturating_add(leap_days) / 365;
    let before = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era / 4)
        .saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(before);
    let month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let first = month.saturating_mul(153).saturating_add(2) / 5;
    let day = day_of_year.saturating_sub(first).saturating_add(1);
    let month = if month < 10 { month.saturating_add(3) } else { month.saturating_sub(9) };
    let year = era.saturating_mul(400).saturating_add(year_of_era);
    let year = year.saturating_add(u64::from(month <= 2));
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    let (second, ms) = (ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ReservationId;

    fn event(sale: &SaleId) -> Event<'_> {
        let order = ReservationId::from_bytes([7; 16]).order();
        let at = Timestamp::from_millis(1_700_000_000_123);
        Event { kind: EventKind::OrderCreated, order, sale, at }
    }

    #[test]
    fn the_body_of_an_event_is_unchanged() {
        let sale = "drop".parse().unwrap();
        assert_eq!(
            event(&sale).body(r#"{"a":1}"#),
            r#"{"specversion":"1.0","id":"evt_created_BwcHBwcHBwcHBwcHBwcHBw","#.to_owned()
                + r#""source":"/v1/sales/drop","type":"order.created","#
                + r#""time":"2023-11-14T22:13:20.123Z","subject":"ord_BwcHBwcHBwcHBwcHBwcHBw","#
                + r#""datacontenttype":"application/json","data":{"a":1}}"#
        );
    }

    #[test]
    fn two_kinds_of_one_order_have_two_ids_without_a_full_stop() {
        let sale = "drop".parse().unwrap();
        let created = event(&sale);
        let paid = Event { kind: EventKind::OrderPaid, ..created };
        assert_ne!(created.id(), paid.id());
        assert!(!created.id().contains('.') && !paid.id().contains('.'));
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(EventKind::parse("order"), None);
    }

    #[test]
    fn moments_are_written_as_date_writes_them() {
        // date -u -d @SECONDS +%FT%T
        for (secs, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (68_169_599, "1972-02-28T23:59:59.000Z"),
            (68_169_600, "1972-02-29T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc_3339(Timestamp::from_millis(secs * 1000)), text);
        }
        // The end of time is not a date that anybody needs, and no panic either.
        assert!(rfc_3339(Timestamp::from_millis(u64::MAX)).ends_with('Z'));
    }
}
