//! The Inventory object as `durable/src/inventory.rs` keeps it: the domain's state machine and
//! outbox in memory; the journal and the alarm in storage, which a crash leaves as they were.

use std::sync::Arc;

use doorbuster_domain::id::OrderId;
use doorbuster_domain::inventory::{Answer, Batch, Command, Inventory, PlacedOrder, Selling};
use doorbuster_domain::journal::{ChainHash, Entry, Replay, verify};
use doorbuster_domain::outbox::{Item, Outbox};
use doorbuster_domain::time::{Millis, Timestamp};

use super::bounds::{Flaw, terms};

/// What should be impossible, in words.
pub type Defect = String;

/// An entry of the journal, and those before it.
#[derive(Debug)]
struct Link {
    entry: Entry,
    before: Option<Arc<Self>>,
}

/// The object.
///
/// The journal is no part of what makes two states the same (`form.rs`): every entry is read back
/// as it is written, onto the state before it, and has to give the state after it. So two journals
/// that led to the same state give the same state again.
#[derive(Debug, Clone)]
pub struct Object {
    inventory: Arc<Inventory>,
    outbox: Outbox,
    /// Whether the object has its memory; after a crash not until it is called.
    awake: bool,
    journal: Option<Arc<Link>>,
    /// When the platform will call it.
    alarm: Option<Timestamp>,
    /// The same, as far as this instance has set it.
    armed: Option<Timestamp>,
}

/// When the object has to do something next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waking {
    /// It does not know until it is called.
    Asleep,
    /// Never, as far as it knows.
    Never,
    /// Then.
    At(Timestamp),
}

/// When something is to be told, and after how long once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub item: Item,
    pub at: Timestamp,
    pub again_after: Option<Millis>,
}

impl Object {
    /// A sale with so many units, open at `now`.
    pub fn selling(on_hand: u32, now: Timestamp) -> Result<Self, Defect> {
        let mut object = Self {
            inventory: Arc::default(),
            outbox: Outbox::default(),
            awake: false,
            journal: None,
            alarm: None,
            armed: None,
        };
        let commands = [
            Command::Open { terms: terms(), on_hand },
            Command::SetSelling { selling: Selling::Open, phase_number: 1 },
        ];
        object.turn(&commands, now, None)?;
        Ok(object)
    }

    /// Decides commands, and answers after the commit.
    pub fn turn(
        &mut self,
        commands: &[Command],
        now: Timestamp,
        flaw: Option<Flaw>,
    ) -> Result<Vec<Answer>, Defect> {
        self.wake(now, flaw);
        let answers = self.decide(commands, now)?;
        self.arm(flaw);
        Ok(answers)
    }

    /// What the alarm finds due: orders, and the others as they stand in the outbox.
    pub fn outgoing(
        &mut self,
        now: Timestamp,
        flaw: Option<Flaw>,
    ) -> Result<(Vec<PlacedOrder>, Vec<Item>), Defect> {
        (self.alarm, self.armed) = (None, None);
        self.wake(now, flaw);
        self.decide(&[], now)?;
        let (mut orders, mut payments) = (Vec::new(), Vec::new());
        for item in self.outbox.take_due(now, usize::MAX) {
            match item {
                Item::Order(order) => orders.extend(self.inventory.placed_order(order)),
                Item::Void(_) | Item::Refund(_) => payments.push(item),
            }
        }
        self.arm(flaw);
        Ok((orders, payments))
    }

    /// Loses the memory: what is left is what replaying the journal gives.
    pub fn crash(&mut self, flaw: Option<Flaw>) -> Result<(), Defect> {
        let mut entries = Vec::new();
        let mut link = self.journal.as_ref();
        while let Some(Link { entry, before }) = link.map(AsRef::as_ref) {
            entries.push(entry);
            link = before.as_ref();
        }
        match flaw {
            // The newest comes first here; the two oldest are the opening.
            Some(Flaw::AnswersBeforeCommit) => drop(entries.drain(..entries.len() - 1)),
            Some(Flaw::RowMissing) if entries.len() > 2 => drop(entries.remove(1)),
            _ => {}
        }
        let replay = verify::<Inventory>(entries.into_iter().rev()).map_err(|e| e.to_string())?;
        if flaw.is_none() && replay.state() != &*self.inventory {
            return Err("the journal gives another state than it was written from".to_owned());
        }
        let (inventory, _, _) = replay.into_parts();
        (self.outbox, self.awake, self.armed) = (Outbox::default(), false, None);
        self.inventory = Arc::new(inventory);
        Ok(())
    }

    /// The inventory: in memory, or as it would be read.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// When the object will be called by itself.
    pub const fn alarm(&self) -> Option<Timestamp> {
        self.alarm
    }

    /// Whether the object has its memory.
    pub const fn is_awake(&self) -> bool {
        self.awake
    }

    /// When it has to do something next. Repeating what `is_sent` says is on its way is nothing.
    pub fn waking(&self, schedule: &[Due], is_sent: impl Fn(&Item) -> bool) -> Waking {
        if !self.awake {
            return Waking::Asleep;
        }
        let unsent = schedule.iter().filter(|due| !is_sent(&due.item)).map(|due| due.at).min();
        let next = [unsent, self.inventory.next_timeout()].into_iter().flatten().min();
        next.map_or(Waking::Never, Waking::At)
    }

    /// The schedule of the outbox, read by letting the time go on in a copy of it until everything
    /// was due twice.
    pub fn schedule(&self, now: Timestamp) -> Vec<Due> {
        let (mut outbox, mut schedule) = (self.outbox.clone(), Vec::<Due>::new());
        let mut waiting = outbox.len();
        while waiting > 0
            && let Some(at) = outbox.next_timeout().map(|at| at.max(now))
        {
            for item in outbox.take_due(at, usize::MAX) {
                match schedule.iter_mut().find(|due| due.item == item) {
                    None => schedule.push(Due { item, at, again_after: None }),
                    Some(Due { at: first, again_after: again @ None, .. }) => {
                        *again = Some(at.since(*first));
                        waiting -= 1;
                    }
                    Some(_) => {}
                }
            }
        }
        schedule
    }

    /// Whether nothing becomes due any more, as far as the object knows.
    pub fn is_at_rest(&self) -> bool {
        self.awake && self.outbox.is_empty() && self.inventory.next_timeout().is_none()
    }

    /// Whether an order was placed.
    pub fn has_order(&self, order: OrderId) -> bool {
        self.inventory.orders().any(|placed| placed == order)
    }

    fn wake(&mut self, now: Timestamp, flaw: Option<Flaw>) {
        if !self.awake {
            self.awake = true;
            if flaw != Some(Flaw::OutboxNotRebuilt) {
                self.outbox = Outbox::rebuild(&self.inventory, now);
            }
        }
    }

    fn decide(&mut self, commands: &[Command], now: Timestamp) -> Result<Vec<Answer>, Defect> {
        let mut after = Inventory::clone(&self.inventory);
        let batch = after.decide_batch(commands, now).map_err(|corrupt| corrupt.to_string())?;
        if !batch.events.is_empty() {
            self.append(&batch, &after)?;
            self.inventory = Arc::new(after);
        }
        for event in &batch.events {
            self.outbox.observe(event, batch.at);
        }
        Ok(batch.answers)
    }

    /// Writes a row, and reads it back onto the state before.
    fn append(&mut self, batch: &Batch, after: &Inventory) -> Result<(), Defect> {
        let end = self.journal.as_ref().map(|link| (link.entry.seq, link.entry.hash));
        let (seq, hash) = end.unwrap_or((0, ChainHash::ZERO));
        let events = serde_json::to_string(&batch.events).map_err(|e| e.to_string())?;
        let next = hash.next(seq + 1, batch.at, events.as_bytes());
        let entry = Entry { seq: seq + 1, committed_at_ms: batch.at, events, hash: next };
        let mut replay = Replay::resume(Inventory::clone(&self.inventory), seq, hash);
        replay.read_own(&entry).map_err(|broken| broken.to_string())?;
        if replay.state() != after {
            return Err(format!("{} gives another state when it is read", entry.events));
        }
        let before = self.journal.take();
        self.journal = Some(Arc::new(Link { entry, before }));
        Ok(())
    }

    fn arm(&mut self, flaw: Option<Flaw>) {
        let due = [self.inventory.next_timeout(), self.outbox.next_timeout()];
        let Some(at) = due.into_iter().flatten().min() else { return };
        if flaw != Some(Flaw::AlarmNotSet) && self.armed.is_none_or(|armed| at < armed) {
            (self.alarm, self.armed) = (Some(at), Some(at));
        }
    }
}
