//! Ways to break the product on purpose. A release build does not contain this file.

use worker::Env;

use crate::http::{Reply, Request};
use crate::problem::Problem;
use crate::reservations::Place;

/// `POST /__test/panic` panics at the edge; `POST /__test/{sale}/{sku}/{panic|error}` lets the next
/// write of that Inventory fail.
#[expect(clippy::panic, reason = "to panic is what it is for")]
pub(crate) async fn answer(request: &Request<'_>, env: &Env) -> Option<Result<Reply, Problem>> {
    let rest = request.path.strip_prefix("/__test/")?;
    match rest.split('/').collect::<Vec<_>>().as_slice() {
        ["panic"] => panic!("a test asked for this panic"),
        [sale, sku, how] => Some(break_next_write(env, sale, sku, how).await),
        _ => None,
    }
}

async fn break_next_write(env: &Env, sale: &str, sku: &str, how: &str) -> Result<Reply, Problem> {
    Place::parse(sale, sku)?.stub(env)?.break_next_write(how).await?;
    Ok(Reply::json(&serde_json::json!({ "broken": how })))
}
