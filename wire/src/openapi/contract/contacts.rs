//! What the operations on contacts take and give.

use super::{Body, Contract};
use crate::contact::{Contact, ContactReply};
use crate::openapi::schema_of;
use crate::problem::ProblemKind as Kind;
use crate::route::Operation;

/// The contract of one of these operations; `None` for any other.
pub(super) fn contract(operation: Operation) -> Option<Contract> {
    let reply = || Body::Json(schema_of::<ContactReply>);
    let shopper = || {
        let contract = Contract::shopper(reply()).configured();
        contract.problems(&[Kind::SkuNotFound, Kind::ReservationNotFound])
    };
    let merchant = || Contract::merchant(reply()).problems(&[Kind::OrderNotFound]);
    Some(match operation {
        Operation::PutContact => shopper().takes_json(schema_of::<Contact>).problems(&[
            Kind::ReservationReleased,
            Kind::ReservationExpired,
            Kind::OrderCancelled,
        ]),
        Operation::ShowContact => shopper().problems(&[Kind::ContactUnreadable]),
        Operation::EraseContact => shopper(),
        Operation::ShowOrderContact => merchant().problems(&[Kind::ContactUnreadable]),
        Operation::EraseOrderContact => merchant(),
        _ => return None,
    })
}
