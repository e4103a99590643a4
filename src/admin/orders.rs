//! What the merchant does with an order that is in the books.

use doorbuster_domain::id::OrderId;
use doorbuster_domain::inventory::{
    AdjustmentReason, Cancel, Cancelled, Command, Reply as Answered,
};
use doorbuster_wire::merchant::CancelRequest;
use doorbuster_wire::problem::ProblemKind;
use worker::Env;

use crate::books;
use crate::edge::Edge;
use crate::http::{Reply, Request};
use crate::problem::{Problem, sentence};
use crate::reservations::{Place, idempotency_key};
use crate::store::Store;

/// `POST /v1/admin/orders/{order}/cancel`.
///
/// The Inventory decides. The books are told here, and once more by who gives the money back: so
/// what breaks off in between is made good for without anybody asking again.
pub(crate) async fn cancel(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    order: &str,
) -> Result<Reply, Problem> {
    let key = idempotency_key(request)?;
    let CancelRequest { reason, restock } = request.json().await?;
    let reason = AdjustmentReason::try_from(reason)
        .map_err(|error| Problem::invalid("/reason", sentence(error)))?;
    let order: OrderId = order.parse().map_err(|_| not_found())?;
    let store = Store::open(edge, env).await?;
    let known = books::find(&store, order).await?.ok_or_else(not_found)?;
    let place = Place::parse(&known.text(1), &known.text(2))?;
    let command = Command::CancelOrder(Cancel { order, key, restock, reason: reason.clone() });
    let answered = place.stub(env).execute(command).await.map_err(|problem| {
        if problem.is(ProblemKind::ReservationNotFound) { not_found() } else { problem }
    })?;
    let Answered::Reservation { view, exists } = &answered else {
        return Err(Problem::unavailable("inventory", &answered));
    };
    let at = view.order.as_ref().and_then(|order| order.cancelled_at).unwrap_or_default();
    let cancelled = Cancelled { at, restock, reason };
    books::cancel(env, &store, (&place.sale, order), &cancelled).await?;
    let after = books::find(&store, order).await?.ok_or_else(not_found)?;
    let reply = Reply::text("application/json", books::opening(order) + &after.text(0));
    Ok(if *exists { reply.field("idempotent-replayed", "true") } else { reply })
}

fn not_found() -> Problem {
    let detail = "No order of this id is in the books. One that was just placed is there soon.";
    Problem::new(ProblemKind::OrderNotFound, detail)
}
