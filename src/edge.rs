//! The edge as one object: what an isolate keeps in memory, and its two ways in.

use std::cell::RefCell;
use std::rc::Rc;

use doorbuster_domain::time::Timestamp;
use js_sys::Function;
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::catalog::CatalogCache;
use crate::config::Config;
use crate::http::Request;
use crate::limits::Limits;
use crate::problem::Problem;
use crate::room::StatusCache;
use crate::{router, settlement};

/// What one isolate of the edge keeps. All of it can be lost at any moment.
#[wasm_bindgen]
pub struct Edge {
    config: RefCell<Option<Rc<Config>>>,
    pub(crate) catalog: CatalogCache,
    pub(crate) statuses: StatusCache,
    pub(crate) limits: Limits,
    /// Whether the tables are known to be there.
    pub(crate) schema_ready: RefCell<bool>,
}

impl Default for Edge {
    fn default() -> Self {
        Self::new()
    }
}

#[wasm_bindgen]
impl Edge {
    /// An edge that knows nothing yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self {
            config: RefCell::default(),
            catalog: CatalogCache::default(),
            statuses: StatusCache::default(),
            limits: Limits::new(),
            schema_ready: RefCell::new(false),
        }
    }

    /// Answers a request: its head as lines of text, and a function that reads the body up to a
    /// length; the reply as text.
    pub async fn fetch(&self, head: String, read_body: Function, env: Env) -> String {
        let request = Request::parse(&head, &read_body);
        router::answer(self, &request, &env).await.unwrap_or_else(Problem::into_reply).into_text()
    }

    /// Handles a batch of queue messages, given their bodies as a JSON array: for each, in order,
    /// whether it is done with.
    pub async fn queue(&self, queue: String, bodies: String, env: Env) -> String {
        let verdicts = settlement::consume(self, &queue, &bodies, &env).await;
        serde_json::to_string(&verdicts).unwrap_or_default()
    }

    /// The reply for a request whose instance is gone.
    pub fn unavailable() -> String {
        Problem::try_again().into_reply().into_text()
    }
}

impl Edge {
    /// The settings of this deployment.
    pub(crate) fn config(&self, env: &Env) -> Result<Rc<Config>, Problem> {
        if let Some(config) = &*self.config.borrow() {
            return Ok(Rc::clone(config));
        }
        let config = Rc::new(Config::read(env)?);
        *self.config.borrow_mut() = Some(Rc::clone(&config));
        Ok(config)
    }
}

/// The moment, as the platform's clock has it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "JavaScript's clock counts whole milliseconds since 1970, far below 2^53"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(js_sys::Date::now() as u64)
}
