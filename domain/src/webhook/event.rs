//! What a webhook says, in the form of `CloudEvents` 1.0
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>).

use crate::id::{OrderId, ReservationId, SaleId, Sku, digest_text};
use crate::time::Timestamp;

/// What can have happened. Its name is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// An order is in the books.
    OrderCreated,
    /// Its payment is complete. Here both happen at once: there is no order without a payment.
    OrderPaid,
    /// The merchant cancelled it.
    OrderCancelled,
    /// Its money was given back.
    OrderRefunded,
    /// A reservation's units went back to the sale: its time ran out, or that of its payment.
    ReservationExpired,
    /// Every unit of a SKU is promised to an order.
    SkuSoldOut,
    /// A sale opened, for the first time.
    SaleOpened,
    /// A sale ended.
    SaleClosed,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::OrderCreated,
        Self::OrderPaid,
        Self::OrderCancelled,
        Self::OrderRefunded,
        Self::ReservationExpired,
        Self::SkuSoldOut,
        Self::SaleOpened,
        Self::SaleClosed,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderCreated => "order.created",
            Self::OrderPaid => "order.paid",
            Self::OrderCancelled => "order.cancelled",
            Self::OrderRefunded => "order.refunded",
            Self::ReservationExpired => "reservation.expired",
            Self::SkuSoldOut => "sku.sold_out",
            Self::SaleOpened => "sale.opened",
            Self::SaleClosed => "sale.closed",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// Something that happened to an order, a reservation, a SKU or a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'e> {
    kind: EventKind,
    /// To what.
    subject: String,
    /// What its id ends with: as much as tells it from all others of its kind.
    tail: String,
    sale: &'e SaleId,
    at: Timestamp,
}

impl<'e> Event<'e> {
    /// It happened to an order, once.
    pub fn of_order(kind: EventKind, order: OrderId, sale: &'e SaleId, at: Timestamp) -> Self {
        Self::of_id(kind, order.to_string(), OrderId::PREFIX, sale, at)
    }

    /// It happened to a reservation, once.
    pub fn of_reservation(
        kind: EventKind,
        reservation: ReservationId,
        sale: &'e SaleId,
        at: Timestamp,
    ) -> Self {
        Self::of_id(kind, reservation.to_string(), ReservationId::PREFIX, sale, at)
    }

    /// It happened to a SKU in a sale, with this entry of its journal: it may happen again.
    pub fn of_sku(kind: EventKind, sku: &Sku, entry: u64, sale: &'e SaleId, at: Timestamp) -> Self {
        let number = entry.to_be_bytes();
        let tail = digest_text(&[sale.as_str().as_bytes(), sku.as_str().as_bytes(), &number]);
        Self { kind, subject: sku.to_string(), tail, sale, at }
    }

    /// It happened to a sale, once.
    pub fn of_sale(kind: EventKind, sale: &'e SaleId, at: Timestamp) -> Self {
        let tail = digest_text(&[sale.as_str().as_bytes()]);
        Self { kind, subject: sale.to_string(), tail, sale, at }
    }

    fn of_id(
        kind: EventKind,
        subject: String,
        prefix: &str,
        sale: &'e SaleId,
        at: Timestamp,
    ) -> Self {
        let tail = subject.strip_prefix(prefix).unwrap_or_default().to_owned();
        Self { kind, subject, tail, sale, at }
    }

    /// What happened.
    pub const fn kind(&self) -> EventKind {
        self.kind
    }

    /// Its id, which is also the `webhook-id`: made of what happened to what, so that telling of
    /// it again is known as such. It has no full stop, which parts what is signed.
    pub fn id(&self) -> String {
        let kind = self.kind.as_str().split_once('.').map_or("", |(_, kind)| kind);
        format!("evt_{kind}_{}", self.tail)
    }

    /// The body: JSON with `data` in it. Names of ours need no escaping.
    pub fn body(&self, data: &Data) -> String {
        let mut body = Data::default();
        body.put("specversion", "1.0");
        body.put("id", &self.id());
        body.put("source", &format!("/v1/sales/{}", self.sale.as_str()));
        body.put("type", self.kind.as_str());
        body.put("time", &self.at.rfc_3339());
        body.put("subject", &self.subject);
        body.put("datacontenttype", "application/json");
        body.put_json("data", &data.to_json());
        body.to_json()
    }
}

/// An object of JSON in the making.
#[derive(Debug, Clone, Default)]
pub struct Data(String);

impl Data {
    /// An object that is made already.
    pub fn from_json(object: &str) -> Self {
        Self(object.strip_suffix('}').unwrap_or_default().to_owned())
    }

    /// Puts a text in that needs no escaping.
    pub(super) fn put(&mut self, name: &str, text: &str) {
        self.put_json(name, "\"");
        self.0.push_str(text);
        self.0.push('"');
    }

    /// Puts a value in that is JSON already.
    pub(super) fn put_json(&mut self, name: &str, value: &str) {
        self.0.push_str(if self.0.is_empty() { "{\"" } else { ",\"" });
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(value);
    }

    fn to_json(&self) -> String {
        format!("{}}}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_700_000_000_123);

    fn reservation() -> ReservationId {
        ReservationId::from_bytes([7; 16])
    }

    fn sale() -> SaleId {
        "drop.v2".parse().unwrap()
    }

    #[test]
    fn the_body_of_an_event_is_unchanged() {
        let sale = "drop".parse().unwrap();
        let event = Event::of_order(EventKind::OrderCreated, reservation().order(), &sale, AT);
        assert_eq!(
            event.body(&Data::from_json(r#"{"a":1}"#)),
            r#"{"specversion":"1.0","id":"evt_created_BwcHBwcHBwcHBwcHBwcHBw","#.to_owned()
                + r#""source":"/v1/sales/drop","type":"order.created","#
                + r#""time":"2023-11-14T22:13:20.123Z","subject":"ord_BwcHBwcHBwcHBwcHBwcHBw","#
                + r#""datacontenttype":"application/json","data":{"a":1}}"#
        );
    }

    #[test]
    fn the_ids_of_events_are_unchanged_and_have_no_full_stop() {
        let (sale, sku) = (sale(), "TEE.RED".parse().unwrap());
        let sold_out = |entry| Event::of_sku(EventKind::SkuSoldOut, &sku, entry, &sale, AT).id();
        let ids = [
            Event::of_order(EventKind::OrderPaid, reservation().order(), &sale, AT).id(),
            Event::of_reservation(EventKind::ReservationExpired, reservation(), &sale, AT).id(),
            sold_out(1),
            sold_out(2),
            Event::of_sale(EventKind::SaleOpened, &sale, AT).id(),
            Event::of_sale(EventKind::SaleClosed, &sale, AT).id(),
        ];
        assert_eq!(
            ids.each_ref().map(String::as_str),
            [
                "evt_paid_BwcHBwcHBwcHBwcHBwcHBw",
                "evt_expired_BwcHBwcHBwcHBwcHBwcHBw",
                "evt_sold_out_jFJuaiy7acMR-NqmFahl1w",
                "evt_sold_out_e2GZGNbTOpHTko5jC-sQXw",
                "evt_opened_QPE7wN3TYdr04FYX3AqHHw",
                "evt_closed_QPE7wN3TYdr04FYX3AqHHw",
            ]
        );
        assert!(ids.iter().all(|id| !id.contains('.')));
        assert_eq!(BTreeSet::from(ids).len(), 6);
    }

    #[test]
    fn no_two_kinds_have_the_same_word_in_their_ids() {
        let (sale, order) = (sale(), reservation().order());
        let ids = EventKind::ALL.map(|kind| Event::of_order(kind, order, &sale, AT).id());
        assert_eq!(BTreeSet::from(ids).len(), EventKind::ALL.len());
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(EventKind::parse("order"), None);
    }
}
