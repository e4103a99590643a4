//! What the merchant's operations on orders take and give.

use super::{Body, Contract};
use crate::openapi::schema_of;
use crate::orders::{CancelRequest, OrderPage, SettledOrder};
use crate::problem::ProblemKind as Kind;
use crate::route::Operation;

/// The contract of one of these operations; `None` for any other.
pub(super) fn contract(operation: Operation) -> Option<Contract> {
    Some(match operation {
        Operation::ListOrders => Contract::merchant(Body::Json(schema_of::<OrderPage>))
            .query(("sale", false, "The sale; needed unless a number is looked up."))
            .query(("number", false, "An order number, however it is written."))
            .query(("after", false, "What `next` of the page before said."))
            .problems(&[Kind::QueryInvalid]),
        Operation::CancelOrder => Contract::merchant(Body::Json(schema_of::<SettledOrder>))
            .takes_json(schema_of::<CancelRequest>)
            .keyed()
            .problems(&[Kind::OrderNotFound, Kind::OrderCancelled]),
        _ => return None,
    })
}
