//! The ways an inventory says no.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// An expected "no", in order of precedence: of two that apply, the earlier one is given.
///
/// A refusal changes nothing and is not remembered, so a later attempt with the same key is judged
/// anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// No units of this SKU were ever given to this sale.
    #[error("this SKU is not part of the sale")]
    NotOpened,
    /// Under these terms nothing could be sold.
    #[error("under these terms nothing could be sold: {reason}")]
    TermsInvalid {
        /// What is wrong with them.
        reason: String,
    },
    /// The SKU was opened before, under other terms.
    #[error("this SKU was already opened with other terms")]
    ExistsWithDifferentTerms,
    /// The same key changed the stock before, by another act.
    #[error("this key was already used for another change of stock")]
    ExistsWithDifferentAdjustment,
    /// The same key reserved before, with another quantity.
    #[error("this key was already used for a reservation of {quantity}")]
    ExistsWithDifferentQuantity {
        /// What it reserved.
        quantity: u32,
    },
    /// The same key reserved before, in another cart or in none.
    #[error("this key was already used for something else than this cart")]
    ExistsWithDifferentCart,
    /// The number of units is zero.
    #[error("the quantity is zero")]
    QuantityZero,
    /// The result would not fit: `on_hand` is at most 2^32 - 1.
    #[error("the number of units does not fit")]
    QuantityTooLarge,
    /// Fewer units are available than should be taken back.
    #[error("only {available} units can be withdrawn; the others are reserved or allocated")]
    WithdrawExceedsAvailable {
        /// Units neither reserved nor allocated.
        available: u32,
    },
    /// The shopper has no such reservation.
    #[error("there is no such reservation")]
    ReservationNotFound,
    /// The reservation was given back.
    #[error("the reservation was released")]
    ReservationReleased,
    /// The reservation's time ran out.
    #[error("the reservation expired")]
    ReservationExpired,
    /// The reservation is an order by now.
    #[error("the reservation is already an order")]
    ReservationAllocated,
    /// The reservation was an order, and that was cancelled.
    #[error("the order was cancelled")]
    OrderCancelled,
    /// The shopper waits for units; none are set aside yet.
    #[error("no units are set aside for this reservation yet")]
    ReservationWaiting,
    /// The payment is under way; only the provider's word ends it.
    #[error("a payment for this reservation is under way")]
    PaymentInProgress,
    /// So many payments of one reservation failed that trying another card is no longer shopping.
    #[error("one reservation may be paid for at most {payments_max} times")]
    PaymentsMaxReached {
        /// The limit.
        payments_max: u16,
    },
    /// The reservation has been extended as far as its terms allow.
    #[error("the reservation cannot be extended any further")]
    ExtensionCapReached {
        /// When it ends.
        expires_at: Timestamp,
    },
    /// Selling has ended.
    #[error("the sale is closed")]
    SaleClosed,
    /// Selling has not started.
    #[error("the sale is not open yet")]
    SaleNotOpen,
    /// Selling is paused.
    #[error("the sale is paused")]
    SalePaused,
    /// With this the shopper would have more than one shopper may.
    #[error("one shopper may have at most {per_shopper_max} units; you have {units}")]
    PerShopperMaxReached {
        /// The limit.
        per_shopper_max: u32,
        /// Units the shopper has reserved or bought.
        units: u32,
    },
    /// The shopper has reserved and given back so often that it cannot be shopping.
    #[error("one shopper may make at most {reservations_max} reservations")]
    ReservationsMaxReached {
        /// The limit.
        reservations_max: u32,
    },
    /// Every unit is promised to an order. Nothing comes back.
    #[error("sold out")]
    SoldOut,
    /// Every unit left is reserved by somebody else. Some may come back.
    #[error("all remaining units are reserved; some may come back")]
    AllReserved,
    /// Some units are available, but fewer than asked for.
    #[error("only {available} units are available")]
    ExceedsAvailable {
        /// Units available now.
        available: u32,
    },
}

impl Rejection {
    /// Whether the same command is worth sending again later: whether time, or what others do,
    /// may make a yes of it. What only the sender could change is not transient.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::PaymentInProgress
            | Self::ReservationWaiting
            | Self::WithdrawExceedsAvailable { .. }
            | Self::SaleNotOpen
            | Self::SalePaused
            | Self::AllReserved
            | Self::ExceedsAvailable { .. } => true,
            Self::NotOpened
            | Self::TermsInvalid { .. }
            | Self::ExistsWithDifferentTerms
            | Self::ExistsWithDifferentAdjustment
            | Self::ExistsWithDifferentQuantity { .. }
            | Self::ExistsWithDifferentCart
            | Self::QuantityZero
            | Self::QuantityTooLarge
            | Self::ReservationNotFound
            | Self::ReservationReleased
            | Self::ReservationExpired
            | Self::ReservationAllocated
            | Self::PaymentsMaxReached { .. }
            | Self::OrderCancelled
            | Self::ExtensionCapReached { .. }
            | Self::SaleClosed
            | Self::PerShopperMaxReached { .. }
            | Self::ReservationsMaxReached { .. }
            | Self::SoldOut => false,
        }
    }
}
