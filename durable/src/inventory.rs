//! The Inventory object: one per SKU of a sale.

use std::cell::RefCell;

use doorbuster_domain::inventory::{Command, Inventory};
use doorbuster_domain::outbox::{Item, Outbox};
use doorbuster_domain::time::{Millis, Timestamp};
use wasm_bindgen::prelude::*;
use worker::durable::State;

use crate::journaled::{Journaled, StoreError};
use crate::rpc::{Batch, BatchOutcome, Outcome, Outgoing, PaymentAction, PaymentTask};
use crate::{js_date, now};

/// Messages per `sendBatch`: the platform takes 100, of 256 KB together.
const MESSAGES_MAX: usize = 100;

/// When the alarm is to try again what failed.
const RETRY_AFTER: Millis = Millis::from_secs(1);

/// The object. Its methods are called by `entry.mjs` alone.
#[wasm_bindgen]
pub struct InventoryObject {
    storage: worker::durable::Storage,
    inner: RefCell<Inner>,
}

struct Inner {
    journaled: Journaled<Inventory>,
    outbox: Outbox,
    /// When the alarm goes off, as far as this instance has set it.
    armed: Option<Timestamp>,
}

#[wasm_bindgen]
impl InventoryObject {
    /// Infallible and without storage access: a throwing constructor would take the whole wasm
    /// instance with it.
    #[wasm_bindgen(constructor)]
    pub fn new(state: worker::worker_sys::DurableObjectState) -> Self {
        let storage = State::from(state).storage();
        let journaled = Journaled::new(storage.sql());
        let inner = Inner { journaled, outbox: Outbox::default(), armed: None };
        Self { storage, inner: RefCell::new(inner) }
    }

    /// Decides all calls that arrived in one turn of the event loop: one batch of commands per
    /// line in, one outcome per line out. All that happens is one row of the journal, and leaves
    /// with one commit, which the replies wait for.
    pub fn turn(&self, lines: &str) -> String {
        let now = now();
        let mut inner = self.inner.borrow_mut();
        let outcomes = match inner.turn(lines, now) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                worker::console_error!("inventory: {error}");
                inner.journaled.forget();
                lines.lines().map(|_| BatchOutcome::Unavailable).collect()
            }
        };
        inner.arm(&self.storage, now);
        to_lines(&outcomes)
    }

    /// What is due to be sent. Sends nothing itself, and counts on no confirmation: what is not
    /// confirmed by a command is due again later.
    pub fn outgoing(&self) -> String {
        let now = now();
        let mut inner = self.inner.borrow_mut();
        inner.armed = None;
        let outgoing = match inner.outgoing(now) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                worker::console_error!("inventory: {error}");
                inner.journaled.forget();
                Outgoing::default()
            }
        };
        inner.arm(&self.storage, now);
        serde_json::to_string(&outgoing).unwrap_or_default()
    }

    /// Up to 500 entries of the journal after number `after`, one per line.
    pub fn journal(&self, after: u32) -> Result<String, JsError> {
        Ok(to_lines(&self.inner.borrow_mut().journaled.entries(after.into(), 500)?))
    }
}

#[cfg(feature = "test-hooks")]
#[wasm_bindgen]
impl InventoryObject {
    /// Breaks the next write: `panic` or `error`, just after the row went in.
    pub fn break_next_write(&self, how: &str) {
        self.inner.borrow_mut().journaled.fault = crate::fault::Fault::parse(how);
    }
}

impl Inner {
    fn turn(&mut self, lines: &str, now: Timestamp) -> Result<Vec<BatchOutcome>, StoreError> {
        let batches: Vec<Option<Batch>> =
            lines.lines().map(|line| serde_json::from_str(line).ok()).collect();
        let commands = batches.iter().flatten().flatten();
        let mut answers = self.decide(commands, now)?.into_iter();
        let outcomes = batches
            .iter()
            .map(|batch| match batch {
                Some(batch) => Outcome::Done(answers.by_ref().take(batch.len()).collect()),
                None => Outcome::Unavailable,
            })
            .collect();
        Ok(outcomes)
    }

    /// Decides, applies and writes; nothing in between waits.
    fn decide<'a>(
        &mut self,
        commands: impl IntoIterator<Item = &'a Command>,
        now: Timestamp,
    ) -> Result<Vec<doorbuster_domain::inventory::Answer>, StoreError> {
        let inventory = self.load(now)?;
        let batch = inventory
            .decide_batch(commands, now)
            .map_err(|corrupt| StoreError::Broken(corrupt.to_string()))?;
        let len = inventory.reservations_len();
        self.journaled.append(&batch.events, batch.at)?;
        self.journaled.snapshot_if_due(len)?;
        for event in &batch.events {
            self.outbox.observe(event, batch.at);
        }
        Ok(batch.answers)
    }

    /// The inventory; with it, after it was read, the schedule of what it has to tell.
    fn load(&mut self, now: Timestamp) -> Result<&mut Inventory, StoreError> {
        if self.journaled.in_memory().is_none() {
            self.outbox = Outbox::rebuild(self.journaled.load()?, now);
        }
        self.journaled.load()
    }

    fn outgoing(&mut self, now: Timestamp) -> Result<Outgoing, StoreError> {
        self.decide([], now)?;
        let items = self.outbox.take_due(now, MESSAGES_MAX);
        let more = self.outbox.next_timeout().is_some_and(|at| at <= now);
        let inventory = self.load(now)?;
        let mut outgoing = Outgoing { more, ..Outgoing::default() };
        for item in items {
            if let Item::Order(order) = &item {
                outgoing.orders.extend(inventory.placed_order(*order).and_then(|o| to_line(&o)));
            } else {
                outgoing.payments.extend(payment_task(inventory, &item).and_then(|t| to_line(&t)));
            }
        }
        Ok(outgoing)
    }

    /// Sets the alarm if something is due before it goes off anyway.
    fn arm(&mut self, storage: &worker::durable::Storage, now: Timestamp) {
        let due = match self.journaled.in_memory() {
            Some(inventory) => [inventory.next_timeout(), self.outbox.next_timeout()],
            // What could not be read or written now may be a little later.
            None => [Some(now.plus(RETRY_AFTER)), None],
        };
        let Some(at) = due.into_iter().flatten().min() else { return };
        if self.armed.is_some_and(|armed| armed <= at) {
            return;
        }
        match storage.as_raw().set_alarm(js_date(at), js_sys::Object::new()) {
            // The promise need not be awaited: the write is part of this turn's commit.
            Ok(_) => self.armed = Some(at),
            Err(error) => worker::console_error!("inventory: alarm: {error:?}"),
        }
    }
}

fn payment_task(inventory: &Inventory, item: &Item) -> Option<PaymentTask> {
    let terms = inventory.terms()?;
    let (action, payment) = match item {
        Item::Order(_) => return None,
        Item::Void(reservation) => {
            (PaymentAction::Void, inventory.payment_under_way(*reservation)?)
        }
        Item::Refund(payment) => (PaymentAction::Refund, *payment),
    };
    let (sale, sku) = (terms.sale.clone(), terms.sku.clone());
    Some(PaymentTask { action, sale, sku, payment })
}

pub(crate) fn to_line<T: serde::Serialize>(value: &T) -> Option<String> {
    serde_json::to_string(value).ok()
}

pub(crate) fn to_lines<T: serde::Serialize>(values: &[T]) -> String {
    values.iter().filter_map(to_line).collect::<Vec<_>>().join("\n")
}
