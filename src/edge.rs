//! The edge as one object: what an isolate keeps in memory, and its two ways in.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use doorbuster_domain::breaker::Breaker;
use doorbuster_domain::time::Timestamp;
use js_sys::Function;
use wasm_bindgen::prelude::*;
use worker::{Delay, Env};

use crate::catalog::CatalogCache;
use crate::config::{self, Config};
use crate::http::{Head, Incoming, Reply, Request};
use crate::limits::Limits;
use crate::line::{GoodTickets, Lines};
use crate::problem::Problem;
use crate::statuses::StatusCache;
use crate::steps::{self, Waiting};
use crate::{at_once, contacts, router, together, webhooks};

/// The edge, as `entry.mjs` holds it.
#[wasm_bindgen]
pub struct EdgeEntry {
    edge: Rc<Edge>,
    waiting: Waiting,
}

/// What one isolate of the edge keeps. All of it can be lost at any moment.
pub(crate) struct Edge {
    /// What the platform binds: the same for all requests of an isolate.
    pub(crate) env: Env,
    config: RefCell<Option<Rc<Config>>>,
    pub(crate) catalog: CatalogCache,
    pub(crate) statuses: StatusCache,
    pub(crate) lines: Lines,
    pub(crate) tickets: GoodTickets,
    /// Why the request was refused that is asked for in this step.
    pub(crate) refused: Cell<Option<Problem>>,
    /// How the payment provider did lately.
    pub(crate) provider: Cell<Breaker>,
    limits: OnceCell<Limits>,
    /// Whether the platform has a limiter of its own.
    pub(crate) has_platform_limiter: OnceCell<bool>,
    /// Whether the tables are known to be there.
    pub(crate) schema_ready: RefCell<bool>,
}

#[wasm_bindgen]
impl EdgeEntry {
    /// An edge that knows nothing yet.
    #[wasm_bindgen(constructor)]
    pub fn new(env: Env) -> Self {
        Self { edge: Rc::new(Edge::new(env)), waiting: Waiting::default() }
    }

    /// Begins to answer a request: its head as lines of text, and its body if it is at hand. Asks
    /// for more by `doorbusterIncoming`. What comes of it is said at `Waiting::begin`.
    pub fn begin(&self, head: String, body: Option<Vec<u8>>) -> String {
        let edge = Rc::clone(&self.edge);
        let incoming = Incoming::current();
        self.waiting.begin(Box::pin(async move {
            let request = Request::new(Head::parse(&head), body, &incoming);
            let reply = router::answer(&edge, &request, &edge.env).await;
            reply.unwrap_or_else(Problem::into_reply)
        }))
    }

    /// What is told to a poll; see `at_once::poll`.
    #[expect(clippy::needless_pass_by_value, reason = "JavaScript hands over what is its own")]
    pub fn poll(
        &self,
        url: &str,
        shopper: Option<String>,
        ticket: Option<String>,
        cookies: Option<String>,
    ) -> Option<String> {
        let headers = [shopper.as_deref(), ticket.as_deref(), cookies.as_deref()];
        at_once::poll(&self.edge, self.waiting.heads(), url, headers)
    }

    /// The head that turns are sent with; see `at_once::turn_head`.
    pub fn turn_head() -> Option<String> {
        at_once::turn_head()
    }

    /// The code of a reply that others get, too; see `at_once::known`.
    pub fn known(&self, head: &str) -> u32 {
        at_once::known(&self.edge, &Head::parse(head))
    }

    /// The reply of a code that `known` gave in the same step.
    pub fn kept(&self, code: u32) -> Option<String> {
        let reply = at_once::kept(&self.edge, code)?;
        Some(reply.into_text(self.waiting.heads()))
    }

    /// The same as `begin` for reserves of one SKU that came at the same moment; see
    /// `together::begin`.
    pub fn reserve(&self, requests: &str) -> String {
        together::begin(&self.edge, &self.waiting, requests)
    }

    /// Goes on with what the object said; nothing if it did not answer.
    pub fn resume(&self, number: u32, said: Option<String>) -> String {
        self.waiting.resume(number, said).unwrap_or_else(Self::unavailable)
    }

    /// Goes on as a promise, to the reply in full: whoever it reaches, this instance may be gone.
    pub async fn finish(&self, number: u32) -> String {
        let reply = self.waiting.finish(number).await.map(Reply::into_full_text);
        reply.unwrap_or_else(Self::unavailable)
    }

    /// What a code at the beginning of a reply stands for: its status, and a line for each field.
    pub fn head(&self, code: u8) -> Option<String> {
        self.waiting.heads().head(code)
    }

    /// Handles a batch of queue messages, given their bodies as a JSON array: for each, in order,
    /// whether it is done with.
    pub async fn queue(&self, queue: String, bodies: String) -> String {
        #[cfg(feature = "test-hooks")]
        use crate::bad_queue::deliver as consume;
        #[cfg(not(feature = "test-hooks"))]
        use crate::settlement::consume;
        let verdicts = consume(&self.edge, &queue, &bodies, &self.edge.env).await;
        serde_json::to_string(&verdicts).unwrap_or_default()
    }

    /// Sends the webhooks that are due to an endpoint by `carry`; whether the wake-up is done with.
    pub async fn deliver(&self, endpoint: String, carry: Function) -> bool {
        webhooks::deliver(&self.edge, &self.edge.env, &endpoint, &carry).await.unwrap_or(false)
    }

    /// Wakes who sends webhooks, wherever some are due, and sees to contacts.
    pub async fn sweep(&self) {
        // What fails is logged where it does, and the next sweep is soon.
        let _ = webhooks::sweep(&self.edge, &self.edge.env).await;
        let _ = contacts::sweep(&self.edge, &self.edge.env).await;
    }

    /// The reply for a request whose instance is gone.
    pub fn unavailable() -> String {
        Problem::try_again().into_reply().into_full_text()
    }
}

impl Edge {
    pub(crate) fn new(env: Env) -> Self {
        Self {
            env,
            config: RefCell::default(),
            catalog: CatalogCache::default(),
            statuses: StatusCache::default(),
            lines: Lines::default(),
            tickets: GoodTickets::default(),
            refused: Cell::default(),
            provider: Cell::default(),
            limits: OnceCell::new(),
            has_platform_limiter: OnceCell::new(),
            schema_ready: RefCell::new(false),
        }
    }

    /// The rate limits of this deployment.
    pub(crate) fn limits(&self, env: &Env) -> &Limits {
        self.limits.get_or_init(|| Limits::new(config::rate_limit_factor(env)))
    }

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
    if let Some(moment) = steps::moment() {
        return moment;
    }
    Timestamp::from_millis(js_sys::Date::now() as u64)
}

/// What something comes to; nothing if it takes longer than this.
pub(crate) async fn within<T>(patience: Duration, what: impl Future<Output = T>) -> Option<T> {
    let (mut what, mut delay) = (pin!(what), pin!(Delay::from(patience)));
    poll_fn(|context| match what.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => delay.as_mut().poll(context).map(|()| None),
    })
    .await
}
