//! What happened to a SKU: the only thing that is stored.

use serde::{Deserialize, Serialize};

use super::cancel::Cancel;
use super::terms::{Selling, Terms};
use crate::cart::CartMark;
use crate::id::{IdempotencyKey, OrderId, PaymentId, ReservationId, ShopperId};
use crate::time::Timestamp;

/// Why a merchant changed the stock, in the merchant's words (at most 200 characters).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AdjustmentReason(String);

impl AdjustmentReason {
    /// The longest reason, in characters.
    pub const LEN_MAX: usize = 200;

    /// The reason as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AdjustmentReason {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err("a reason has at least one character");
        }
        if trimmed.chars().count() > Self::LEN_MAX {
            return Err("a reason has at most 200 characters");
        }
        Ok(Self(trimmed.to_owned()))
    }
}

impl From<AdjustmentReason> for String {
    fn from(reason: AdjustmentReason) -> Self {
        reason.0
    }
}

/// One thing that happened. Stored in the journal: names and shapes are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Units were given to the sale.
    Opened {
        /// The terms.
        terms: Terms,
        /// Units given.
        on_hand: u32,
    },
    /// Units were added.
    Restocked {
        /// The act.
        key: IdempotencyKey,
        /// Units added.
        units: u32,
        /// Why.
        reason: AdjustmentReason,
    },
    /// Units were taken back.
    Withdrawn {
        /// The act.
        key: IdempotencyKey,
        /// Units taken.
        units: u32,
        /// Why.
        reason: AdjustmentReason,
    },
    /// Selling started, paused or ended.
    SellingSet {
        /// What holds from here on.
        selling: Selling,
        /// How often the sale's phase was set when this was ordered.
        phase_number: u64,
    },
    /// Units were set aside.
    Reserved {
        /// The reservation.
        reservation: ReservationId,
        /// For whom.
        shopper: ShopperId,
        /// How many.
        quantity: u32,
        /// Until when.
        expires_at: Timestamp,
    },
    /// Units were set aside for a line of a cart.
    ReservedInCart {
        /// The reservation.
        reservation: ReservationId,
        /// For whom.
        shopper: ShopperId,
        /// How many.
        quantity: u32,
        /// Until when.
        expires_at: Timestamp,
        /// Which cart.
        cart: CartMark,
    },
    /// All units were reserved, and the shopper waits for some.
    Waitlisted {
        /// The reservation, for which nothing is set aside yet.
        reservation: ReservationId,
        /// For whom.
        shopper: ShopperId,
        /// How many are wanted.
        quantity: u32,
    },
    /// Units came back, and were set aside for the first who waits for so many.
    Called {
        /// The reservation.
        reservation: ReservationId,
        /// Until when.
        expires_at: Timestamp,
    },
    /// The deadline moved.
    Extended {
        /// The reservation.
        reservation: ReservationId,
        /// Until when.
        expires_at: Timestamp,
    },
    /// The shopper went to the payment provider.
    PaymentBegun {
        /// The payment, and with it the reservation.
        payment: PaymentId,
        /// When we ask the provider to end it.
        deadline: Timestamp,
    },
    /// The payment's deadline passed: the provider is being asked to end it.
    PaymentOverdue {
        /// The reservation.
        reservation: ReservationId,
    },
    /// The shopper wants to give the units back: the provider is being asked to end the payment.
    PaymentGivenUp {
        /// The reservation.
        reservation: ReservationId,
    },
    /// The provider declined; the units are held again.
    PaymentDeclined {
        /// The reservation.
        reservation: ReservationId,
        /// Until when. May have passed already: then the reservation expires next.
        expires_at: Timestamp,
    },
    /// The provider confirmed that the payment cannot be completed any more: the units are free.
    PaymentVoided {
        /// The reservation.
        reservation: ReservationId,
    },
    /// The money is there: the units belong to an order. Also from `released` or `expired`, when
    /// a late payment found units left.
    Allocated {
        /// The payment, and with it the reservation and the order.
        payment: PaymentId,
    },
    /// Money came whose units were gone, or twice, or not as much as was owed, or its order was
    /// cancelled: it has to be given back.
    RefundDue {
        /// The payment, and with it the reservation it was meant for.
        payment: PaymentId,
        /// How much, in minor units of the terms' currency.
        amount_minor: u64,
    },
    /// It was given back.
    Refunded {
        /// The payment.
        payment: PaymentId,
    },
    /// The shopper gave the units back.
    Released {
        /// The reservation.
        reservation: ReservationId,
    },
    /// The deadline passed while the units were held.
    Expired {
        /// The reservation.
        reservation: ReservationId,
    },
    /// The merchant cancelled the order. The money goes back by the `refund_due` that follows.
    OrderCancelled(Cancel),
    /// The queue consumer has written the order down.
    Settled {
        /// The order.
        order: OrderId,
    },
}
