//! Calls to the Durable Objects: a line there, a line back.

use doorbuster_domain::id::{SaleId, Sku};
use doorbuster_domain::inventory::{Answer, Command, Reply};
use doorbuster_domain::line::{Report, Status};
use doorbuster_durable::Shown;
use doorbuster_durable::rpc::{
    BatchOutcome, INVENTORY, Outcome, RoomCall, RoomOutcome, RoomReply, WAITING_ROOM,
    inventory_name, line_to_show, waiting_room_name,
};
use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::problem::Problem;
use crate::steps::{self, Question};

#[wasm_bindgen]
extern "C" {
    /// A namespace of objects, as the platform binds it.
    type Namespace;
    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name(this: &Namespace, name: &str) -> Result<ObjectStub, JsValue>;

    /// An object's stub; the methods are those of the classes in `objects.mjs`.
    type ObjectStub;
    #[wasm_bindgen(method, catch)]
    fn execute(this: &ObjectStub, line: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn status(this: &ObjectStub, report: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn journal(this: &ObjectStub, after: u32) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn told(this: &ObjectStub, up_to: u32) -> Result<Promise, JsValue>;
    #[cfg(feature = "test-hooks")]
    #[wasm_bindgen(method, catch, js_name = breakNextWrite)]
    fn break_next_write(this: &ObjectStub, how: &str) -> Result<Promise, JsValue>;
}

/// The Inventory object of a SKU in a sale.
pub(crate) struct InventoryStub<'e>(Object<'e>);

/// An object by its name. What is asked of it alone is carried by `entry.mjs` if it can be.
struct Object<'e> {
    env: &'e Env,
    binding: &'static str,
    name: String,
}

impl Object<'_> {
    /// Asks for one line with another.
    async fn execute(&self, line: String) -> Result<String, Problem> {
        let mut line = Some(line);
        let question = || Question {
            binding: self.binding,
            name: self.name.clone(),
            line: line.take().unwrap_or_default(),
        };
        match steps::carried(question).await {
            Some(said) => answered(said),
            None => text(self.stub()?.execute(&line.unwrap_or_default())).await,
        }
    }

    fn stub(&self) -> Result<ObjectStub, Problem> {
        Reflect::get(self.env, &JsValue::from_str(self.binding))
            .and_then(|namespace| namespace.unchecked_into::<Namespace>().get_by_name(&self.name))
            .map_err(|cause| unavailable(&cause))
    }
}

/// A batch on its way: called already, to be awaited.
pub(crate) struct Pending(Promise);

impl<'e> InventoryStub<'e> {
    pub(crate) fn of(env: &'e Env, sale: &SaleId, sku: &Sku) -> Self {
        Self(Object { env, binding: INVENTORY, name: inventory_name(sale, sku) })
    }

    /// Sends a batch off without waiting, so that several objects can work at once.
    pub(crate) fn send(&self, commands: &[Command]) -> Result<Pending, Problem> {
        let line = serde_json::to_string(commands).unwrap_or_default();
        self.0.stub()?.execute(&line).map(Pending).map_err(|cause| unavailable(&cause))
    }

    /// Has one command decided.
    pub(crate) async fn execute(&self, command: Command) -> Result<Reply, Problem> {
        let line = serde_json::to_string(&[command]).unwrap_or_default();
        decided(&self.0.execute(line).await?)
    }

    /// Has one command decided; the line of what its shopper is shown, for `shown`.
    pub(crate) async fn execute_to_show(&self, command: &Command) -> Result<String, Problem> {
        self.0.execute(line_to_show(command)).await
    }

    /// The same, for others to carry.
    pub(crate) fn question(self, command: &Command) -> Question {
        let Object { binding, name, .. } = self.0;
        Question { binding, name, line: line_to_show(command) }
    }

    /// Has two commands decided one after the other.
    pub(crate) async fn both(&self, commands: [Command; 2]) -> Result<[Answer; 2], Problem> {
        let line = serde_json::to_string(&commands).unwrap_or_default();
        let answers = answers_of(&self.0.execute(line).await?)?;
        answers.try_into().map_err(|_| Problem::unavailable("inventory", &"an answer is missing"))
    }

    /// A page of the journal after an entry, as NDJSON.
    pub(crate) async fn journal(&self, after: u32) -> Result<String, Problem> {
        text(self.0.stub()?.journal(after)).await
    }

    /// Breaks the object's next write on purpose.
    #[cfg(feature = "test-hooks")]
    pub(crate) async fn break_next_write(&self, how: &str) -> Result<(), Problem> {
        let promise = self.0.stub()?.break_next_write(how).map_err(|cause| unavailable(&cause))?;
        JsFuture::from(promise).await.map(|_| ()).map_err(|cause| unavailable(&cause))
    }
}

impl Pending {
    /// One answer per command.
    pub(crate) async fn answers(self) -> Result<Vec<Answer>, Problem> {
        answers_of(&text(Ok(self.0)).await?)
    }
}

/// What a shopper is shown of the reservation that came of their command.
pub(crate) fn shown(line: &str) -> Result<Shown<'_>, Problem> {
    match Shown::parse(line) {
        Some(shown) => Ok(shown),
        None => Err(match decided(line) {
            Ok(other) => Problem::unavailable("inventory", &other),
            Err(problem) => problem,
        }),
    }
}

/// What came of the one command of a line.
fn decided(line: &str) -> Result<Reply, Problem> {
    match answers_of(line)?.into_iter().next() {
        Some(Answer::Accepted(reply)) => Ok(reply),
        Some(Answer::Rejected(rejection)) => Err(rejection.into()),
        None => Err(Problem::unavailable("inventory", &"an answer is missing")),
    }
}

/// What an object said, if it answered.
pub(crate) fn answered<T>(said: Option<T>) -> Result<T, Problem> {
    said.ok_or_else(|| Problem::unavailable("object", &"no answer"))
}

/// The answers in a line.
fn answers_of(line: &str) -> Result<Vec<Answer>, Problem> {
    match serde_json::from_str::<BatchOutcome>(line) {
        Ok(Outcome::Done(answers)) => Ok(answers),
        Ok(Outcome::Unreadable) => Err(Problem::unavailable("inventory", &"unreadable")),
        Err(error) => Err(Problem::unavailable("inventory", &error)),
    }
}

/// The WaitingRoom object of a sale.
pub(crate) struct RoomStub<'e>(Object<'e>);

impl<'e> RoomStub<'e> {
    pub(crate) fn of(env: &'e Env, sale: &SaleId) -> Self {
        Self(Object { env, binding: WAITING_ROOM, name: waiting_room_name(sale) })
    }

    /// Has one call answered; a rejection is a problem.
    pub(crate) async fn execute(&self, call: &RoomCall) -> Result<RoomReply, Problem> {
        let line = serde_json::to_string(call).unwrap_or_default();
        let reply = self.0.execute(line).await?;
        match serde_json::from_str::<RoomOutcome>(&reply) {
            Ok(Outcome::Done(RoomReply::Rejected(rejection))) => Err(rejection.into()),
            Ok(Outcome::Done(reply)) => Ok(reply),
            Ok(Outcome::Unreadable) => Err(Problem::unavailable("room", &"unreadable")),
            Err(error) => Err(Problem::unavailable("room", &error)),
        }
    }

    /// The published status, in exchange for what was seen here; `None` if there is no such sale.
    pub(crate) async fn status(&self, report: &Report) -> Result<Option<Status>, Problem> {
        let report = serde_json::to_string(report).unwrap_or_default();
        let line = text(self.0.stub()?.status(&report)).await?;
        if line.is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&line).map(Some).map_err(|e| Problem::unavailable("room", &e))
    }
}

/// Tells an object that the books have what it told, up to this number.
pub(crate) async fn told(
    env: &Env,
    binding: &'static str,
    name: &str,
    up_to: u32,
) -> Result<(), Problem> {
    let object = Object { env, binding, name: name.to_owned() };
    text(object.stub()?.told(up_to)).await.map(drop)
}

async fn text(call: Result<Promise, JsValue>) -> Result<String, Problem> {
    let promise = call.map_err(|cause| unavailable(&cause))?;
    let value = JsFuture::from(promise).await.map_err(|cause| unavailable(&cause))?;
    value.as_string().ok_or_else(|| Problem::unavailable("object", &"no text"))
}

fn unavailable(cause: &JsValue) -> Problem {
    Problem::unavailable("object", cause)
}
