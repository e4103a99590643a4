//! Calls to the Durable Objects: a line of JSON there, a line of JSON back.

use doorbuster_domain::id::{SaleId, Sku};
use doorbuster_domain::inventory::{Answer, Command, Reply};
use doorbuster_domain::line::Status;
use doorbuster_durable::rpc::{
    BatchOutcome, Outcome, RoomCall, RoomOutcome, RoomReply, inventory_name, waiting_room_name,
};
use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::problem::Problem;

#[wasm_bindgen]
extern "C" {
    /// A namespace of objects, as the platform binds it.
    type Namespace;
    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name(this: &Namespace, name: &str) -> Result<ObjectStub, JsValue>;

    /// An object's stub; the methods are those of the classes in `entry.mjs`.
    type ObjectStub;
    #[wasm_bindgen(method, catch)]
    fn execute(this: &ObjectStub, line: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn status(this: &ObjectStub) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn journal(this: &ObjectStub, after: u32) -> Result<Promise, JsValue>;
    #[cfg(feature = "test-hooks")]
    #[wasm_bindgen(method, catch, js_name = breakNextWrite)]
    fn break_next_write(this: &ObjectStub, how: &str) -> Result<Promise, JsValue>;
}

/// The Inventory object of a SKU in a sale.
pub(crate) struct InventoryStub(ObjectStub);

/// A batch on its way: called already, to be awaited.
pub(crate) struct Pending(Promise);

impl InventoryStub {
    pub(crate) fn of(env: &Env, sale: &SaleId, sku: &Sku) -> Result<Self, Problem> {
        stub(env, "INVENTORY", &inventory_name(sale, sku)).map(Self)
    }

    /// Sends a batch off without waiting, so that several objects can work at once.
    pub(crate) fn send(&self, commands: &[Command]) -> Result<Pending, Problem> {
        let line = serde_json::to_string(commands).unwrap_or_default();
        self.0.execute(&line).map(Pending).map_err(|cause| unavailable(&cause))
    }

    /// Has one command decided.
    pub(crate) async fn execute(&self, command: Command) -> Result<Reply, Problem> {
        let answers = self.send(&[command])?.answers().await?;
        match answers.into_iter().next() {
            Some(Answer::Accepted(reply)) => Ok(reply),
            Some(Answer::Rejected(rejection)) => Err(rejection.into()),
            None => Err(Problem::unavailable("inventory", &"an answer is missing")),
        }
    }

    /// A page of the journal after an entry, as NDJSON.
    pub(crate) async fn journal(&self, after: u32) -> Result<String, Problem> {
        text(self.0.journal(after)).await
    }

    /// Breaks the object's next write on purpose.
    #[cfg(feature = "test-hooks")]
    pub(crate) async fn break_next_write(&self, how: &str) -> Result<(), Problem> {
        let promise = self.0.break_next_write(how).map_err(|cause| unavailable(&cause))?;
        JsFuture::from(promise).await.map(|_| ()).map_err(|cause| unavailable(&cause))
    }
}

impl Pending {
    /// One answer per command.
    pub(crate) async fn answers(self) -> Result<Vec<Answer>, Problem> {
        let line = text(Ok(self.0)).await?;
        match serde_json::from_str::<BatchOutcome>(&line) {
            Ok(Outcome::Done(answers)) => Ok(answers),
            Ok(Outcome::Unreadable) => Err(Problem::unavailable("inventory", &"unreadable")),
            Err(error) => Err(Problem::unavailable("inventory", &error)),
        }
    }
}

/// The WaitingRoom object of a sale.
pub(crate) struct RoomStub(ObjectStub);

impl RoomStub {
    pub(crate) fn of(env: &Env, sale: &SaleId) -> Result<Self, Problem> {
        stub(env, "WAITING_ROOM", &waiting_room_name(sale)).map(Self)
    }

    /// Has one call answered; a rejection is a problem.
    pub(crate) async fn execute(&self, call: &RoomCall) -> Result<RoomReply, Problem> {
        let line = serde_json::to_string(call).unwrap_or_default();
        let reply = text(self.0.execute(&line)).await?;
        match serde_json::from_str::<RoomOutcome>(&reply) {
            Ok(Outcome::Done(RoomReply::Rejected(rejection))) => Err(rejection.into()),
            Ok(Outcome::Done(reply)) => Ok(reply),
            Ok(Outcome::Unreadable) => Err(Problem::unavailable("room", &"unreadable")),
            Err(error) => Err(Problem::unavailable("room", &error)),
        }
    }

    /// The published status; `None` if there is no such sale.
    pub(crate) async fn status(&self) -> Result<Option<Status>, Problem> {
        let line = text(self.0.status()).await?;
        if line.is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&line).map(Some).map_err(|e| Problem::unavailable("room", &e))
    }
}

fn stub(env: &Env, binding: &str, name: &str) -> Result<ObjectStub, Problem> {
    Reflect::get(env, &JsValue::from_str(binding))
        .and_then(|namespace| namespace.unchecked_into::<Namespace>().get_by_name(name))
        .map_err(|cause| unavailable(&cause))
}

async fn text(call: Result<Promise, JsValue>) -> Result<String, Problem> {
    let promise = call.map_err(|cause| unavailable(&cause))?;
    let value = JsFuture::from(promise).await.map_err(|cause| unavailable(&cause))?;
    value.as_string().ok_or_else(|| Problem::unavailable("object", &"no text"))
}

fn unavailable(cause: &JsValue) -> Problem {
    Problem::unavailable("object", cause)
}
