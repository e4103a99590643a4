//! What the operations on a shopper's reservation take and give.

use super::{Body, Contract, PASS};
use crate::openapi::schema_of;
use crate::problem::ProblemKind as Kind;
use crate::route::Operation;
use crate::shopper::{PaymentReply, Reservation, ReserveRequest};

pub(super) fn contract(operation: Operation) -> Contract {
    match operation {
        Operation::Reserve => reserve(),
        Operation::ShowReservation => reservation(),
        Operation::ReleaseReservation => reservation().problems(&[Kind::ReservationAllocated]),
        Operation::ExtendReservation => over(reservation()).problems(&[Kind::ExtensionCap]),
        Operation::BeginPayment => {
            let begun = Contract { reply: Body::Json(schema_of::<PaymentReply>), ..reservation() };
            over(begun)
                .problems(&[Kind::PaymentProviderDown, Kind::PaymentRefused, Kind::TooManyPayments])
                .configured()
                .gives("Location")
        }
        // Without a reply, which the test of the document does not let pass.
        _ => Contract::open(Body::Nothing),
    }
}

fn reserve() -> Contract {
    Contract::shopper(Body::Json(schema_of::<Reservation>))
        .configured()
        .takes_json(schema_of::<ReserveRequest>)
        .keyed()
        .header(PASS)
        .gives("Location")
        .gives("Idempotent-Replayed")
        .problems(&[Kind::PassRequired, Kind::PassInvalid, Kind::PassExpired, Kind::SkuNotFound])
        .problems(&[Kind::SaleNotOpen, Kind::SalePaused, Kind::SaleClosed, Kind::PerShopperMax])
        .problems(&[Kind::TooManyReservations])
        .problems(&[Kind::SoldOut, Kind::AllReserved, Kind::ExceedsAvailable])
}

fn reservation() -> Contract {
    Contract::shopper(Body::Json(schema_of::<Reservation>))
        .problems(&[Kind::SkuNotFound, Kind::ReservationNotFound])
}

/// What a reservation that is not held any more is answered with.
fn over(contract: Contract) -> Contract {
    contract.problems(&[
        Kind::ReservationWaiting,
        Kind::ReservationReleased,
        Kind::ReservationExpired,
        Kind::ReservationAllocated,
        Kind::PaymentInProgress,
    ])
}
