//! Every way an inventory says no, once.

use doorbuster_domain::inventory::Rejection;
use doorbuster_domain::time::Timestamp;

/// One of each. A new variant does not compile in [`rejection_name`] until it is known there, and
/// the test beside the list fails until it is listed here.
pub(crate) fn every_rejection() -> Vec<Rejection> {
    vec![
        Rejection::NotOpened,
        Rejection::TermsInvalid { reason: "a duration is zero".to_owned() },
        Rejection::ExistsWithDifferentTerms,
        Rejection::ExistsWithDifferentAdjustment,
        Rejection::ExistsWithDifferentQuantity { quantity: 2 },
        Rejection::ExistsWithDifferentCart,
        Rejection::QuantityZero,
        Rejection::QuantityTooLarge,
        Rejection::WithdrawExceedsAvailable { available: 1 },
        Rejection::ReservationNotFound,
        Rejection::ReservationReleased,
        Rejection::ReservationExpired,
        Rejection::ReservationAllocated,
        Rejection::OrderCancelled,
        Rejection::ReservationWaiting,
        Rejection::PaymentInProgress,
        Rejection::PaymentsMaxReached { payments_max: 20 },
        Rejection::ExtensionCapReached { expires_at: Timestamp::from_millis(250) },
        Rejection::SaleClosed,
        Rejection::SaleNotOpen,
        Rejection::SalePaused,
        Rejection::PerShopperMaxReached { per_shopper_max: 2, units: 1 },
        Rejection::ReservationsMaxReached { reservations_max: 20 },
        Rejection::SoldOut,
        Rejection::AllReserved,
        Rejection::ExceedsAvailable { available: 1 },
    ]
}

/// The name on the wire.
pub(crate) const fn rejection_name(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::NotOpened => "not_opened",
        Rejection::TermsInvalid { .. } => "terms_invalid",
        Rejection::ExistsWithDifferentTerms => "exists_with_different_terms",
        Rejection::ExistsWithDifferentAdjustment => "exists_with_different_adjustment",
        Rejection::ExistsWithDifferentQuantity { .. } => "exists_with_different_quantity",
        Rejection::ExistsWithDifferentCart => "exists_with_different_cart",
        Rejection::QuantityZero => "quantity_zero",
        Rejection::QuantityTooLarge => "quantity_too_large",
        Rejection::WithdrawExceedsAvailable { .. } => "withdraw_exceeds_available",
        Rejection::ReservationNotFound => "reservation_not_found",
        Rejection::ReservationReleased => "reservation_released",
        Rejection::ReservationExpired => "reservation_expired",
        Rejection::ReservationAllocated => "reservation_allocated",
        Rejection::OrderCancelled => "order_cancelled",
        Rejection::ReservationWaiting => "reservation_waiting",
        Rejection::PaymentsMaxReached { .. } => "payments_max_reached",
        Rejection::PaymentInProgress => "payment_in_progress",
        Rejection::ExtensionCapReached { .. } => "extension_cap_reached",
        Rejection::SaleClosed => "sale_closed",
        Rejection::SaleNotOpen => "sale_not_open",
        Rejection::SalePaused => "sale_paused",
        Rejection::PerShopperMaxReached { .. } => "per_shopper_max_reached",
        Rejection::ReservationsMaxReached { .. } => "reservations_max_reached",
        Rejection::SoldOut => "sold_out",
        Rejection::AllReserved => "all_reserved",
        Rejection::ExceedsAvailable { .. } => "exceeds_available",
    }
}
