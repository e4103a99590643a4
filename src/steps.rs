//! A request in steps: as far as it gets in one crossing from JavaScript, and on from there.
//!
//! A promise that Rust awaits costs closures, a microtask and several crossings. Most requests
//! need none: what they ask about is in memory, or is one object's to say. So a request's future
//! is polled here, by hand. If it is not done then, it has asked an object, and `entry.mjs` carries
//! the question there and the answer back; or it waits for something else, such as the database,
//! and goes on as a promise.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use doorbuster_domain::time::{Millis, Timestamp};

use crate::edge::now;
use crate::http::{Heads, Reply};

/// A request on its way to its reply.
type Future = Pin<Box<dyn core::future::Future<Output = Reply>>>;

/// A question to an object, for `entry.mjs` to carry; or to the platform's limiter.
pub(crate) struct Question {
    /// The binding of the object's namespace, or of the limiter.
    pub(crate) binding: &'static str,
    /// The object's name, or whom the limiter counts.
    pub(crate) name: String,
    /// What it is asked: a line as `rpc.rs` has it, or several; nothing of the limiter.
    pub(crate) line: String,
}

/// What an object said; nothing if it did not answer.
pub(crate) type Said = Option<String>;

thread_local! {
    /// Whether questions are carried at the moment: only while a future is polled here.
    static CARRYING: Cell<bool> = const { Cell::new(false) };
    static QUESTION: RefCell<Option<Question>> = const { RefCell::new(None) };
    static ANSWER: RefCell<Option<Said>> = const { RefCell::new(None) };
    /// The moment at which the step began.
    static BEGAN_AT: Cell<Timestamp> = const { Cell::new(Timestamp::from_millis(0)) };
}

/// The moment at which the step began; nothing outside of one. The platform's clock stands still
/// while no IO happens, so within a step it is always the same, and asking again only costs.
pub(crate) fn moment() -> Option<Timestamp> {
    CARRYING.get().then(|| BEGAN_AT.get())
}

/// Has a question carried, and waits for what is said; nothing if nobody carries it now.
pub(crate) async fn carried(question: impl FnOnce() -> Question) -> Option<Said> {
    if !CARRYING.get() {
        return None;
    }
    QUESTION.set(Some(question()));
    let mut said = None;
    poll_fn(|_| {
        said = ANSWER.take();
        if said.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    said
}

/// Wakes whoever polls at the time. A future may keep the waker of its first poll for good; that
/// one comes from here, and the later ones come from a promise.
#[derive(Default)]
struct Relay(Mutex<Option<Waker>>);

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        if let Ok(to) = self.0.lock()
            && let Some(to) = &*to
        {
            to.wake_by_ref();
        }
    }
}

/// A request that waits.
struct Waits {
    since: Timestamp,
    next: Next,
}

/// How it goes on.
enum Next {
    /// Wherever it leads.
    Future(Future, Arc<Relay>),
    /// With what the object says, to the text of the reply, or of several.
    Text(Box<Then>),
}

/// Makes text of what an object said.
type Then = dyn FnOnce(Said, &Heads) -> String;

/// How long a request that waits for an object is kept. Longer than any call of one; whose client
/// has gone is never asked for again.
const KEPT_FOR: Millis = Millis::from_secs(60);

/// The requests that wait.
#[derive(Default)]
pub(crate) struct Waiting {
    last: Cell<u32>,
    all: RefCell<BTreeMap<u32, Waits>>,
    heads: Heads,
}

impl Waiting {
    /// The heads of replies that have codes.
    pub(crate) const fn heads(&self) -> &Heads {
        &self.heads
    }

    /// Takes a request as far as it gets: its reply; or `@`, the number under which it waits, and
    /// what it asks of which object, a line each; or `~` and the number, if it waits for something
    /// else and has to go on as a promise.
    pub(crate) fn begin(&self, future: Future) -> String {
        let since = now();
        self.step(self.next_number(), since, (future, Arc::default()), None)
    }

    /// Waits for an object, and for nothing else: what `begin` says then. Whatever request goes on
    /// with it, it may be another than this.
    pub(crate) fn ask(
        &self,
        question: &Question,
        since: Timestamp,
        then: impl FnOnce(Said, &Heads) -> String + 'static,
    ) -> String {
        let number = self.next_number();
        self.keep(number, Waits { since, next: Next::Text(Box::new(then)) });
        asks(number, question)
    }

    /// Goes on with what the object said; nothing if nobody waits under this number.
    pub(crate) fn resume(&self, number: u32, said: Said) -> Option<String> {
        let Waits { since, next } = self.all.borrow_mut().remove(&number)?;
        Some(match next {
            Next::Future(future, relay) => self.step(number, since, (future, relay), Some(said)),
            Next::Text(then) => then(said, &self.heads),
        })
    }

    fn next_number(&self) -> u32 {
        let number = self.last.get().wrapping_add(1);
        self.last.set(number);
        number
    }

    /// Goes on as a promise, to the reply; nothing if nobody waits under this number.
    pub(crate) async fn finish(&self, number: u32) -> Option<Reply> {
        let Next::Future(mut future, relay) = self.all.borrow_mut().remove(&number)?.next else {
            return None;
        };
        let waker = Waker::from(Arc::clone(&relay));
        let reply = poll_fn(|context| {
            if let Ok(mut to) = relay.0.lock() {
                *to = Some(context.waker().clone());
            }
            future.as_mut().poll(&mut Context::from_waker(&waker))
        });
        Some(reply.await)
    }

    fn step(
        &self,
        number: u32,
        since: Timestamp,
        (mut future, relay): (Future, Arc<Relay>),
        said: Option<Said>,
    ) -> String {
        let waker = Waker::from(Arc::clone(&relay));
        BEGAN_AT.set(if said.is_some() { now() } else { since });
        ANSWER.set(said);
        CARRYING.set(true);
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        CARRYING.set(false);
        if let Poll::Ready(reply) = polled {
            return reply.into_text(&self.heads);
        }
        let step = match QUESTION.take() {
            Some(question) => asks(number, &question),
            None => format!("~{number}"),
        };
        self.keep(number, Waits { since, next: Next::Future(future, relay) });
        step
    }

    fn keep(&self, number: u32, waits: Waits) {
        let mut all = self.all.borrow_mut();
        while let Some(oldest) = all.first_entry()
            && waits.since.since(oldest.get().since) > KEPT_FOR
        {
            drop(oldest.remove());
        }
        all.insert(number, waits);
    }
}

fn asks(number: u32, Question { binding, name, line }: &Question) -> String {
    format!("@{number}\n{binding}\n{name}\n{line}")
}
