//! The Inventory object: one per SKU of a sale.

use std::cell::RefCell;
use std::slice;

use doorbuster_domain::inventory::{Command, Inventory};
use doorbuster_domain::outbox::{Item, Outbox};
use doorbuster_domain::time::Timestamp;
use doorbuster_domain::webhook;
use wasm_bindgen::prelude::*;
use worker::durable::{State, Storage};

use crate::happened::Happened;
use crate::journaled::{Journaled, StoreError};
use crate::rpc::{
    Batch, BatchOutcome, INVENTORY, Outcome, Outgoing, PaymentAction, PaymentTask, inventory_name,
};
use crate::{js_date, now, shown};

/// Messages per `sendBatch`: the platform takes 256 KB together, and an order with the longest
/// title there can be (two texts of 255 characters of 4 bytes, and names) is below 4 KB.
const MESSAGES_MAX: usize = 50;

/// The object. Its methods are called by `objects.mjs` alone.
#[wasm_bindgen]
pub struct InventoryObject {
    storage: Storage,
    inner: RefCell<Inner>,
}

struct Inner {
    journaled: Journaled<Inventory>,
    outbox: Outbox,
    happened: Happened,
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
        let inner = RefCell::new(Inner::asleep(&storage));
        Self { storage, inner }
    }

    /// Gives back what is in memory. It is read again by whoever calls next.
    pub fn forget(&self) {
        self.inner.replace(Inner::asleep(&self.storage));
    }

    /// Decides all calls that arrived in one turn of the event loop: one batch of commands per
    /// line in, one outcome per line out; or one command, as `line_to_show` has it, and what its
    /// shopper is shown. All that happens is one row of the journal, and leaves
    /// with one commit, which the replies wait for. If something is due to be sent then, and it
    /// may be, that is one line more, as `outgoing` has it; else the alarm goes off for it.
    ///
    /// Throws if it cannot be read or written. The caller then undoes what was written, and what
    /// is in memory is forgotten here.
    pub fn turn(&self, lines: &str, may_send: bool) -> Result<String, JsError> {
        let (mut said, due) = self.attempt(|inner, now| {
            let said = inner.turn(lines, now)?;
            let due = if may_send { inner.due(now)? } else { None };
            Ok((said, due))
        })?;
        if let Some(due) = due.and_then(|due| to_line(&due)) {
            said.push('\n');
            said.push_str(&due);
        }
        Ok(said)
    }

    /// What is due to be sent. Sends nothing itself, and counts on no confirmation: what is not
    /// confirmed by a command is due again later. Throws as `turn` does.
    pub fn outgoing(&self) -> Result<String, JsError> {
        self.inner.borrow_mut().armed = None;
        let outgoing = self.attempt(Inner::outgoing)?;
        Ok(to_line(&outgoing).unwrap_or_default())
    }

    /// The books have what was told up to this number. Throws as `turn` does.
    pub fn told(&self, up_to: u32) -> Result<(), JsError> {
        self.attempt(|inner, now| {
            inner.load(now)?;
            inner.happened.confirm(up_to, now)
        })
    }

    /// A page of the journal after entry number `after`, one per line.
    pub fn journal(&self, after: u32) -> Result<String, JsError> {
        let entries = self.attempt(|inner, now| {
            inner.load(now)?;
            inner.journaled.entries(after.into())
        })?;
        Ok(to_lines(&entries, 0))
    }
}

impl InventoryObject {
    /// Does something that leaves memory and storage in step, or memory empty.
    fn attempt<T>(
        &self,
        act: impl FnOnce(&mut Inner, Timestamp) -> Result<T, StoreError>,
    ) -> Result<T, JsError> {
        let now = now();
        let mut inner = self.inner.borrow_mut();
        let result = act(&mut inner, now).and_then(|done| {
            inner.arm(&self.storage, now)?;
            Ok(done)
        });
        result.map_err(|error| {
            inner.journaled.forget();
            inner.happened.forget();
            inner.armed = None;
            error.into()
        })
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
    /// As it is before anything is read.
    fn asleep(storage: &Storage) -> Self {
        let (journaled, happened) = (Journaled::new(storage.sql()), Happened::new(storage.sql()));
        Self { journaled, outbox: Outbox::default(), happened, armed: None }
    }

    /// Decides lines of commands; the lines of their answers.
    fn turn(&mut self, lines: &str, now: Timestamp) -> Result<String, StoreError> {
        let asked: Vec<_> = lines.lines().map(Asked::parse).collect();
        let commands = asked.iter().flat_map(Asked::commands);
        let mut answers = self.decide(commands, now)?.into_iter();
        let terms = self.journaled.load()?.terms();
        // What is shown has about three times the length of its command.
        let mut said = String::with_capacity(lines.len().saturating_mul(3));
        for asked in &asked {
            if !said.is_empty() {
                said.push('\n');
            }
            let outcome: BatchOutcome = match asked {
                Asked::Unreadable => Outcome::Unreadable,
                Asked::Batch(batch) => Outcome::Done(answers.by_ref().take(batch.len()).collect()),
                Asked::ToShow(_) => {
                    let answer = answers.next();
                    if answer.as_ref().is_some_and(|a| shown::write(a, terms, &mut said)) {
                        continue;
                    }
                    Outcome::Done(answer.into_iter().collect())
                }
            };
            said.push_str(&to_line(&outcome).unwrap_or_default());
        }
        Ok(said)
    }

    /// Decides, applies and writes; nothing in between waits.
    fn decide<'a>(
        &mut self,
        commands: impl IntoIterator<Item = &'a Command>,
        now: Timestamp,
    ) -> Result<Vec<doorbuster_domain::inventory::Answer>, StoreError> {
        let inventory = self.load(now)?;
        let was_sold_out = inventory.is_sold_out();
        let batch = inventory
            .decide_batch(commands, now)
            .map_err(|corrupt| StoreError::Broken(corrupt.to_string()))?;
        let len = inventory.reservations_len();
        self.journaled.append(&batch.events, batch.at)?;
        self.journaled.snapshot_if_due(len);
        for event in &batch.events {
            self.outbox.observe(event, batch.at);
        }
        let entry = self.journaled.seq();
        let inventory = self.load(now)?;
        let told = webhook::of_stock(inventory, was_sold_out, &batch.events, entry, batch.at);
        self.happened.write(told, now)?;
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
        let mut outgoing = self.due(now)?.unwrap_or_default();
        let len = self.load(now)?.reservations_len();
        self.journaled.snapshot_if_quiet(len, now);
        if let Some(terms) = self.journaled.load()?.terms() {
            let name = inventory_name(&terms.sale, &terms.sku);
            outgoing.happened = self.happened.take_due(INVENTORY, &name, now)?;
        }
        Ok(outgoing)
    }

    /// What the queues are to be told now, if anything.
    fn due(&mut self, now: Timestamp) -> Result<Option<Outgoing>, StoreError> {
        let is_due = |outbox: &Outbox| outbox.next_timeout().is_some_and(|at| at <= now);
        if !is_due(&self.outbox) {
            return Ok(None);
        }
        let items = self.outbox.take_due(now, MESSAGES_MAX);
        let mut outgoing = Outgoing { more: is_due(&self.outbox), ..Outgoing::default() };
        let inventory = self.journaled.load()?;
        for item in items {
            if let Item::Order(order) = &item {
                outgoing.orders.extend(inventory.placed_order(*order).and_then(|o| to_line(&o)));
            } else {
                outgoing.payments.extend(payment_task(inventory, &item).and_then(|t| to_line(&t)));
            }
        }
        Ok(Some(outgoing))
    }

    /// Sets the alarm if something is due before it goes off anyway.
    fn arm(&mut self, storage: &Storage, now: Timestamp) -> Result<(), StoreError> {
        let inventory = self.journaled.load()?;
        let (machine, len) = (inventory.next_timeout(), inventory.reservations_len());
        let quiet_at = self.journaled.quiet_at(len);
        let happened = self.happened.next_timeout(now)?;
        let all = [machine, self.outbox.next_timeout(), quiet_at, happened];
        let Some(at) = all.into_iter().flatten().min() else { return Ok(()) };
        if self.armed.is_none_or(|armed| at < armed) {
            // Not awaited: the write is part of this turn's commit.
            let _set = storage
                .as_raw()
                .set_alarm(js_date(at), js_sys::Object::new())
                .map_err(worker::Error::from)?;
            self.armed = Some(at);
        }
        Ok(())
    }
}

/// A line of commands.
enum Asked {
    Batch(Batch),
    /// One command, whose shopper is shown what comes of it.
    ToShow(Command),
    Unreadable,
}

impl Asked {
    fn parse(line: &str) -> Self {
        let read = match line.strip_prefix(shown::MARK) {
            Some(command) => serde_json::from_str(command).map(Self::ToShow),
            None => serde_json::from_str(line).map(Self::Batch),
        };
        read.unwrap_or(Self::Unreadable)
    }

    fn commands(&self) -> &[Command] {
        match self {
            Self::Batch(batch) => batch,
            Self::ToShow(command) => slice::from_ref(command),
            Self::Unreadable => &[],
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
    let cancelled = inventory.cancelled_with(payment);
    Some(PaymentTask { action, sale, sku, payment, cancelled })
}

pub(crate) fn to_line<T: serde::Serialize>(value: &T) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// The values as JSON, a line each, in a text that has room for `len` bytes from the start.
pub(crate) fn to_lines<T: serde::Serialize>(values: &[T], len: usize) -> String {
    let mut lines = Vec::with_capacity(len);
    for value in values {
        if !lines.is_empty() {
            lines.push(b'\n');
        }
        // These are plain data with string keys: serde_json cannot fail on them.
        let _ = serde_json::to_writer(&mut lines, value);
    }
    String::from_utf8(lines).unwrap_or_default()
}
