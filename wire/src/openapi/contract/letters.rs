//! What the operations on dead letters take and give.

use super::{Body, Contract};
use crate::letters::{DeadLetter, DeadLetterPage};
use crate::openapi::schema_of;
use crate::problem::ProblemKind as Kind;
use crate::route::Operation;

pub(super) fn contract(operation: Operation) -> Contract {
    match operation {
        Operation::ListDeadLetters => Contract::merchant(Body::Json(schema_of::<DeadLetterPage>))
            .query(("after", false, "What `next` of the page before said."))
            .problems(&[Kind::QueryInvalid]),
        Operation::ReplayDeadLetter => Contract::merchant(Body::Json(schema_of::<DeadLetter>))
            .problems(&[Kind::DeadLetterNotFound, Kind::DeadLetterUnreadable]),
        // Without a reply, which the test of the document does not let pass.
        _ => Contract::open(Body::Nothing),
    }
}
