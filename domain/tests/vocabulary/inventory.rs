//! The events of an inventory, as they are stored.

use doorbuster_domain::cart::CartMark;
use doorbuster_domain::id::OrderId;
use doorbuster_domain::inventory::{Cancel, Event, Selling};

use crate::support::{name, shopper, terms};
use crate::{AT, payment, reason, reservation};

/// A number for each kind of event. A new one does not compile until it is given one, and has to
/// be pinned before the test above passes again.
pub(crate) const fn place(event: &Event) -> usize {
    match event {
        Event::Opened { .. } => 0,
        Event::Restocked { .. } => 1,
        Event::Withdrawn { .. } => 2,
        Event::SellingSet { .. } => 3,
        Event::Reserved { .. } => 4,
        Event::Extended { .. } => 5,
        Event::PaymentBegun { .. } => 6,
        Event::PaymentOverdue { .. } => 7,
        Event::PaymentDeclined { .. } => 8,
        Event::Allocated { .. } => 9,
        Event::RefundDue { .. } => 10,
        Event::Refunded { .. } => 11,
        Event::Released { .. } => 12,
        Event::Expired { .. } => 13,
        Event::Settled { .. } => 14,
        Event::PaymentVoided { .. } => 15,
        Event::OrderCancelled { .. } => 16,
        Event::Waitlisted { .. } => 17,
        Event::Called { .. } => 18,
        Event::PaymentGivenUp { .. } => 19,
        Event::ReservedInCart { .. } => 20,
    }
}

pub(crate) fn all_events() -> Vec<(Event, &'static str)> {
    [events_of_the_stock(), events_of_the_waitlist(), events_of_a_cart(), events_of_a_reservation()]
        .concat()
}

fn events_of_the_waitlist() -> Vec<(Event, &'static str)> {
    let reservation = reservation();
    vec![
        (
            Event::Waitlisted { reservation, shopper: shopper("ann"), quantity: 2 },
            concat!(
                r#"{"waitlisted":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ","#,
                r#""shopper":"shp_8WxggLcJyyTgEMy_fHpYwQ","quantity":2}}"#
            ),
        ),
        (
            Event::Called { reservation, expires_at: AT },
            concat!(
                r#"{"called":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ","#,
                r#""expires_at":1700000000123}}"#
            ),
        ),
    ]
}

fn events_of_the_stock() -> Vec<(Event, &'static str)> {
    vec![
        (
            Event::Opened { terms: terms(), on_hand: 7 },
            concat!(
                r#"{"opened":{"terms":{"sale":"drop","sku":"shirt","title":"Shirt","#,
                r#""unit_price":{"minor":1999,"currency":"EUR"},"per_shopper_max":2,"#,
                r#""reservation_ttl_ms":100,"reservation_max_ms":250,"payment_window_ms":60},"#,
                r#""on_hand":7}}"#
            ),
        ),
        (
            Event::Restocked { key: name("act-1"), units: 3, reason: reason() },
            r#"{"restocked":{"key":"act-1","units":3,"reason":"found a box"}}"#,
        ),
        (
            Event::Withdrawn { key: name("act-2"), units: 4, reason: reason() },
            r#"{"withdrawn":{"key":"act-2","units":4,"reason":"found a box"}}"#,
        ),
        (
            Event::SellingSet { selling: Selling::NotOpen, phase_number: 4 },
            r#"{"selling_set":{"selling":"not_open","phase_number":4}}"#,
        ),
        (
            Event::RefundDue { payment: payment(), amount_minor: 1999 },
            r#"{"refund_due":{"payment":"pay_paWlpaWlpaWlpaWlpaWlpQ.1","amount_minor":1999}}"#,
        ),
        (
            Event::Refunded { payment: payment() },
            r#"{"refunded":{"payment":"pay_paWlpaWlpaWlpaWlpaWlpQ.1"}}"#,
        ),
    ]
}

fn events_of_a_cart() -> Vec<(Event, &'static str)> {
    let reservation = reservation();
    vec![(
        Event::ReservedInCart {
            reservation,
            shopper: shopper("ann"),
            quantity: 2,
            expires_at: AT,
            cart: CartMark::of_number(63_123),
        },
        concat!(
            r#"{"reserved_in_cart":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ","#,
            r#""shopper":"shp_8WxggLcJyyTgEMy_fHpYwQ","quantity":2,"#,
            r#""expires_at":1700000000123,"cart":63123}}"#
        ),
    )]
}

fn events_of_a_reservation() -> Vec<(Event, &'static str)> {
    let reservation = reservation();
    let order = OrderId::from_bytes([0xA5; 16]);
    vec![
        (
            Event::Reserved { reservation, shopper: shopper("ann"), quantity: 2, expires_at: AT },
            concat!(
                r#"{"reserved":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ","#,
                r#""shopper":"shp_8WxggLcJyyTgEMy_fHpYwQ","quantity":2,"#,
                r#""expires_at":1700000000123}}"#
            ),
        ),
        (
            Event::Extended { reservation, expires_at: AT },
            concat!(
                r#"{"extended":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ","#,
                r#""expires_at":1700000000123}}"#
            ),
        ),
        (
            Event::PaymentBegun { payment: payment(), deadline: AT },
            concat!(
                r#"{"payment_begun":{"payment":"pay_paWlpaWlpaWlpaWlpaWlpQ.1","#,
                r#""deadline":1700000000123}}"#
            ),
        ),
        (
            Event::PaymentOverdue { reservation },
            r#"{"payment_overdue":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ"}}"#,
        ),
        (
            Event::PaymentGivenUp { reservation },
            r#"{"payment_given_up":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ"}}"#,
        ),
        (
            Event::PaymentDeclined { reservation, expires_at: AT },
            concat!(
                r#"{"payment_declined":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ","#,
                r#""expires_at":1700000000123}}"#
            ),
        ),
        (
            Event::PaymentVoided { reservation },
            r#"{"payment_voided":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ"}}"#,
        ),
        (
            Event::Allocated { payment: payment() },
            r#"{"allocated":{"payment":"pay_paWlpaWlpaWlpaWlpaWlpQ.1"}}"#,
        ),
        (
            Event::Released { reservation },
            r#"{"released":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ"}}"#,
        ),
        (
            Event::Expired { reservation },
            r#"{"expired":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ"}}"#,
        ),
        (
            Event::OrderCancelled(Cancel {
                order,
                restock: true,
                key: name("act-3"),
                reason: reason(),
            }),
            concat!(
                r#"{"order_cancelled":{"order":"ord_paWlpaWlpaWlpaWlpaWlpQ","restock":true,"#,
                r#""key":"act-3","reason":"found a box"}}"#
            ),
        ),
        (Event::Settled { order }, r#"{"settled":{"order":"ord_paWlpaWlpaWlpaWlpaWlpQ"}}"#),
    ]
}
