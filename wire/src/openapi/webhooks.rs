//! What each operation about webhooks takes and gives.

use super::contract::{Body, Contract};
use super::schema_of;
use crate::problem::ProblemKind as Kind;
use crate::route::Operation;
use crate::webhook::{Delivery, DeliveryPage, Webhook, WebhookList, WebhookRequest};

/// The contract of one of these operations; `None` for any other.
pub(super) fn webhook_contract(operation: Operation) -> Option<Contract> {
    let webhook = || Contract::merchant(Body::Json(schema_of::<Webhook>));
    let known = |contract: Contract| contract.problems(&[Kind::WebhookNotFound]);
    Some(match operation {
        Operation::PutWebhook => known(webhook())
            .takes_json(schema_of::<WebhookRequest>)
            .problems(&[Kind::TooManyWebhooks]),
        Operation::RotateWebhook => known(webhook()).keyed(),
        Operation::DeleteWebhook => known(webhook()),
        Operation::ListWebhooks => Contract::merchant(Body::Json(schema_of::<WebhookList>)),
        Operation::ListDeliveries => {
            known(Contract::merchant(Body::Json(schema_of::<DeliveryPage>)))
                .query(("before", false, "What `next` of the page before said."))
                .problems(&[Kind::QueryInvalid])
        }
        Operation::ResendDelivery => known(Contract::merchant(Body::Json(schema_of::<Delivery>)))
            .problems(&[Kind::DeliveryNotFound, Kind::WebhookDisabled]),
        _ => return None,
    })
}
