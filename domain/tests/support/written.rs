//! Journals as an Inventory object writes them.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use doorbuster_domain::id::PaymentId;
use doorbuster_domain::inventory::{Command, Event, Inventory, Selling};
use doorbuster_domain::journal::{Broken, ChainHash, Entry, verify};
use doorbuster_domain::time::Timestamp;

use crate::support::{name, shopper, terms};

#[derive(Default)]
pub(crate) struct Written {
    pub(crate) inventory: Inventory,
    pub(crate) entries: Vec<Entry>,
}

impl Written {
    /// Decides a batch and writes it down as the object does.
    pub(crate) fn write(&mut self, at: u64, commands: &[Command]) {
        let batch = self.inventory.decide_batch(commands, Timestamp::from_millis(at)).unwrap();
        self.append(batch.at, &serde_json::to_string(&batch.events).unwrap());
    }

    pub(crate) fn append(&mut self, committed_at_ms: Timestamp, events: &str) {
        let seq = self.entries.len() as u64 + 1;
        let hash = self.head().next(seq, committed_at_ms, events.as_bytes());
        self.entries.push(Entry { seq, committed_at_ms, events: events.to_owned(), hash });
    }

    pub(crate) fn head(&self) -> ChainHash {
        self.entries.last().map_or(ChainHash::ZERO, |entry| entry.hash)
    }
}

/// Five entries with seven kinds of events; two shoppers, one order.
pub(crate) fn written() -> Written {
    let mut written = Written::default();
    written.write(1_000, &[Command::Open { terms: terms(), on_hand: 2 }]);
    written.write(1_001, &[Command::SetSelling { selling: Selling::Open, phase_number: 1 }]);
    let reserve =
        |who, key| Command::Reserve { shopper: shopper(who), key: name(key), quantity: 1 };
    written.write(1_002, &[reserve("ann", "k1"), reserve("bob", "k1")]);
    let reserved: Vec<Event> = serde_json::from_str(&written.entries[2].events).unwrap();
    let Event::Reserved { reservation, .. } = reserved[0] else { panic!("{reserved:?}") };
    let ann = shopper("ann");
    written.write(1_050, &[Command::BeginPayment { shopper: ann, reservation }]);
    let amount_minor = terms().unit_price.minor;
    let allocate = Command::Allocate { payment: PaymentId::of(reservation, 1), amount_minor };
    written.write(1_102, &[allocate, reserve("bob", "k2")]);
    written
}

/// What is wrong with entries of which something is.
pub(crate) fn broken(entries: &[Entry]) -> Broken {
    verify::<Inventory>(entries).expect_err("what was changed is found")
}
