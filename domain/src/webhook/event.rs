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
    /// The merchant cancelled it.
    OrderCancelled,
    /// Its money was given back.
    OrderRefunded,
}

impl EventKind {
    /// Every kind, in the order in which they are told of.
    pub const ALL: [Self; 4] =
        [Self::OrderCreated, Self::OrderPaid, Self::OrderCancelled, Self::OrderRefunded];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderCreated => "order.created",
            Self::OrderPaid => "order.paid",
            Self::OrderCancelled => "order.cancelled",
            Self::OrderRefunded => "order.refunded",
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
            EventKind::OrderCancelled => "cancelled",
            EventKind::OrderRefunded => "refunded",
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
            at.rfc_3339()
        ) + &format!(r#""data":{data}}}"#)
    }
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
}
