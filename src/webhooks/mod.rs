//! Webhooks to the merchant's shop. D1 is their outbox; the queue only wakes who sends.

mod deliver;
mod happened;
mod outbox;

use doorbuster_domain::time::Millis;
use wasm_bindgen::prelude::*;
use worker::Env;

pub(crate) use deliver::deliver;
pub(crate) use happened::happened;
pub(crate) use outbox::{deliveries, listeners};

use crate::edge::{Edge, now};
use crate::problem::Problem;
use crate::store::{Row, Store, Value};

#[wasm_bindgen]
extern "C" {
    /// Sends a wake-up into the queue; see `webhooks.mjs`.
    #[wasm_bindgen(js_name = doorbusterWake)]
    fn send_wake_up(env: &Env, endpoint: &str, delay_secs: f64);
}

/// Wakes who sends to an endpoint, now or later. A wake-up that gets lost is made good for by the
/// next one, or by the sweep.
#[expect(clippy::cast_precision_loss, reason = "delays are bounded by the schedule")]
pub(crate) fn wake(env: &Env, endpoint: &str, delay: Millis) {
    send_wake_up(env, endpoint, delay.ceil_secs() as f64);
}

/// Wakes who sends to every endpoint for which something is due.
pub(crate) async fn sweep(edge: &Edge, env: &Env) -> Result<(), Problem> {
    let store = Store::open(edge, env).await?;
    let now = [Value::Number(now().as_millis())];
    let due = store.rows(
        "SELECT endpoint FROM webhook_endpoints e
         WHERE enabled = 1 AND open_until_ms <= ?1 AND leased_until_ms <= ?1 AND EXISTS (
             SELECT 1 FROM webhook_deliveries d
             WHERE d.endpoint = e.endpoint AND d.state = 'pending' AND d.next_at_ms <= ?1)",
        &now,
    );
    wake_all(env, &due.await?);
    Ok(())
}

/// Wakes who sends to the endpoints whose names are in the first column.
pub(crate) fn wake_all(env: &Env, endpoints: &[Row]) {
    for row in endpoints {
        wake(env, &row.text(0), Millis::default());
    }
}
