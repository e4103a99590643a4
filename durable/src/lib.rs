//! The Durable Objects, which hold what must be exact.
//!
//! Each is a thin shell around a state machine of the domain: load, decide, persist, reply. No
//! rule lives here, and nothing here waits: every exported method is synchronous. What has to wait
//! (timers, queues, other objects) is carried by `objects.mjs`, which hands in text and carries
//! text away. So there is no `await` between reading the state and deciding, and a panic is an
//! exception in the call that caused it, never a request that hangs.

#[cfg(feature = "test-hooks")]
mod fault;
mod happened;
mod inventory;
mod journaled;
pub mod rpc;
mod shown;
mod snapshot;
mod stock;
mod waiting_room;

use doorbuster_domain::time::Timestamp;
use wasm_bindgen::JsValue;

pub use inventory::InventoryObject;
pub use shown::Shown;
pub use waiting_room::WaitingRoomObject;

/// The moment, as the platform's clock has it. It stands still while an event is handled.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "JavaScript's clock counts whole milliseconds since 1970, far below 2^53"
)]
fn now() -> Timestamp {
    Timestamp::from_millis(js_sys::Date::now() as u64)
}

/// A moment as JavaScript has it.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 ms, the year 287396")]
fn js_date(at: Timestamp) -> js_sys::Date {
    js_sys::Date::new(&JsValue::from_f64(at.as_millis() as f64))
}
