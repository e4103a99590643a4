//! What can be asked of an inventory, and what it answers.

use serde::{Deserialize, Serialize};

use super::cancel::Cancel;
use super::event::AdjustmentReason;
use super::reservation::ReservationView;
use super::terms::{Selling, StockView, Terms};
use crate::cart::CartMark;
use crate::id::{IdempotencyKey, OrderId, PaymentId, ReservationId, ShopperId};

/// One thing asked of an inventory. A batch of one is still a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Give units of a SKU to a sale, under these terms.
    Open {
        /// The terms of the SKU in this sale.
        terms: Terms,
        /// Units given.
        on_hand: u32,
    },
    /// Add units.
    Restock {
        /// Marks this act, so that a repeat is known as such.
        key: IdempotencyKey,
        /// Units added, at least 1.
        units: u32,
        /// Why.
        reason: AdjustmentReason,
    },
    /// Take units back; never more than are available.
    Withdraw {
        /// Marks this act, so that a repeat is known as such.
        key: IdempotencyKey,
        /// Units taken, at least 1.
        units: u32,
        /// Why.
        reason: AdjustmentReason,
    },
    /// Start, pause or end selling, as the sale's phase wants it.
    SetSelling {
        /// What holds from now on.
        selling: Selling,
        /// How often the sale's phase was set when this was ordered. Of two orders the one with
        /// the higher number counts, whichever comes first.
        phase_number: u64,
    },
    /// Set units aside for a shopper, with a deadline.
    Reserve {
        /// Who asks.
        shopper: ShopperId,
        /// Marks this act, so that a repeat is known as such.
        key: IdempotencyKey,
        /// Units wanted, at least 1.
        quantity: u32,
    },
    /// Set units aside for a shopper, or, while all are reserved, put them on the waitlist.
    ReserveOrWait {
        /// Who asks.
        shopper: ShopperId,
        /// Marks this act, so that a repeat is known as such.
        key: IdempotencyKey,
        /// Units wanted, at least 1.
        quantity: u32,
    },
    /// The same as `Reserve`, for one line of a cart.
    ReserveInCart {
        /// Who asks.
        shopper: ShopperId,
        /// Marks this act, so that a repeat is known as such.
        key: IdempotencyKey,
        /// Units wanted, at least 1.
        quantity: u32,
        /// Which cart.
        cart: CartMark,
    },
    /// Ask again for what a `ReserveInCart` was answered, without the right to a new one.
    RepeatInCart {
        /// Who asks.
        shopper: ShopperId,
        /// What marked the act.
        key: IdempotencyKey,
        /// Units wanted then.
        quantity: u32,
        /// Which cart.
        cart: CartMark,
    },
    /// Ask again for what a `Reserve` was answered, without the right to a new one.
    RepeatReserve {
        /// Who asks.
        shopper: ShopperId,
        /// What marked the act.
        key: IdempotencyKey,
        /// Units wanted then.
        quantity: u32,
    },
    /// Move the deadline of a held reservation as far as the terms allow.
    Extend {
        /// Who asks.
        shopper: ShopperId,
        /// Which reservation.
        reservation: ReservationId,
    },
    /// The shopper goes to the payment provider; from here only the provider's word counts.
    BeginPayment {
        /// Who asks.
        shopper: ShopperId,
        /// Which reservation.
        reservation: ReservationId,
    },
    /// The provider says that the payment was declined.
    DeclinePayment {
        /// Which payment.
        payment: PaymentId,
    },
    /// The provider confirms that the payment can no longer be completed.
    VoidPayment {
        /// Which payment.
        payment: PaymentId,
    },
    /// The provider says that the money is there: promise the units to an order.
    Allocate {
        /// Which payment.
        payment: PaymentId,
        /// What was paid, in minor units of the terms' currency.
        amount_minor: u64,
    },
    /// The provider confirms that money which came too late, or twice, was given back.
    ConfirmRefund {
        /// Which payment.
        payment: PaymentId,
    },
    /// Give the units of a held reservation back.
    Release {
        /// Who asks.
        shopper: ShopperId,
        /// Which reservation.
        reservation: ReservationId,
    },
    /// The merchant cancels an order: the money goes back.
    CancelOrder(Cancel),
    /// The queue consumer reports orders settled.
    Settle {
        /// Which orders; repeats are harmless.
        orders: Vec<OrderId>,
    },
    /// Look at one's own reservation.
    ShowReservation {
        /// Who asks.
        shopper: ShopperId,
        /// Which reservation.
        reservation: ReservationId,
    },
    /// Look at the stock.
    ShowStock,
}

/// The answer to a command that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// A reservation as it is after the command, or, for a repeated `Reserve`, as it was first
    /// answered.
    Reservation {
        /// The reservation.
        view: ReservationView,
        /// Whether this answers a repeat of an earlier act.
        exists: bool,
    },
    /// The stock as it is after the command.
    Stock {
        /// The stock: rare, and several times as large as all else.
        view: Box<StockView>,
        /// Whether this answers a repeat of an earlier act.
        exists: bool,
    },
    /// The payment will be given back: its units went before it came.
    RefundDue {
        /// Which payment.
        payment: PaymentId,
    },
    /// Taken note of; nothing to show.
    Noted,
}

/// Accepted or refused, as it travels between the edge and the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The command was accepted, and is durable.
    Accepted(Reply),
    /// The command was refused, and nothing changed.
    Rejected(super::Rejection),
}

impl From<Result<Reply, super::Rejection>> for Answer {
    fn from(result: Result<Reply, super::Rejection>) -> Self {
        match result {
            Ok(reply) => Self::Accepted(reply),
            Err(rejection) => Self::Rejected(rejection),
        }
    }
}
