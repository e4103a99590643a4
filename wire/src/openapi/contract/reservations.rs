//! What the operations on a shopper's reservation take and give.

use schemars::SchemaGenerator;
use serde_json::Value;

use super::{Body, Contract, PASS};
use crate::cart::{Cart, CartPaymentReply, CartPaymentRequest, CartRequest};
use crate::openapi::schema_of;
use crate::problem::ProblemKind as Kind;
use crate::route::Operation;
use crate::shopper::{PaymentReply, Reservation, ReserveRequest};

pub(super) fn contract(operation: Operation) -> Contract {
    match operation {
        Operation::Reserve => reserve(schema_of::<ReserveRequest>).gives("Location"),
        Operation::ShowReservation => reservation(),
        Operation::ReleaseReservation => reservation().problems(&[Kind::ReservationAllocated]),
        Operation::ExtendReservation => over(reservation()).problems(&[Kind::ExtensionCap]),
        Operation::BeginPayment => {
            let begun = Contract { reply: Body::Json(schema_of::<PaymentReply>), ..reservation() };
            payable(over(begun))
        }
        Operation::ReserveCart => {
            Contract { reply: Body::Json(schema_of::<Cart>), ..reserve(schema_of::<CartRequest>) }
                .problems(&[Kind::CartUndone])
        }
        Operation::PayCart => {
            let paid = Contract::shopper(Body::Json(schema_of::<CartPaymentReply>))
                .problems(&[Kind::SkuNotFound, Kind::ReservationNotFound])
                .takes_json(schema_of::<CartPaymentRequest>);
            payable(over(paid))
        }
        // Without a reply, which the test of the document does not let pass.
        _ => Contract::open(Body::Nothing),
    }
}

/// Where a payment begins.
fn payable(contract: Contract) -> Contract {
    contract
        .problems(&[Kind::PaymentProviderDown, Kind::PaymentRefused, Kind::TooManyPayments])
        .configured()
        .gives("Location")
}

fn reserve(request: fn(&mut SchemaGenerator) -> Value) -> Contract {
    Contract::shopper(Body::Json(schema_of::<Reservation>))
        .configured()
        .takes_json(request)
        .keyed()
        .header(PASS)
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
