//! One case: the inventory, a twin that gets the commands one by one, and the naive one.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use std::collections::BTreeMap;

use doorbuster_domain::cart::CartMark;
use doorbuster_domain::id::{IdempotencyKey, ShopperId};
use doorbuster_domain::inventory::{
    Answer, Batch, Cancel, Command, Event, Inventory, Reply, Selling,
};
use doorbuster_domain::machine::Machine as _;
use doorbuster_domain::time::Timestamp;

use crate::generator::{Cast, Chance, Standing};
use crate::naive::Naive;
use crate::rejections::rejection_name;
use crate::support::{name, shopper};

/// What was asked for, and the answer as text.
type FirstAnswer = ((u32, CartMark), String);

/// What occurred in all cases together, so that the test notices if it tests nothing.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) steps: u64,
    pub(crate) repeats: u64,
    pub(crate) offered_again: u64,
    pub(crate) called: u64,
    pub(crate) backwards: u64,
    pub(crate) rejections: BTreeMap<&'static str, u64>,
    pub(crate) events: BTreeMap<&'static str, u64>,
}

/// Prints how to see a failure again.
struct Trace {
    seed: u64,
    lines: Vec<String>,
}

impl Drop for Trace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let shown = self.lines.len().saturating_sub(30);
            eprintln!("... {}", self.lines[shown..].join("\n"));
            eprintln!("again with DOORBUSTER_SEED={}", self.seed);
        }
    }
}

pub(crate) struct Case {
    chance: Chance,
    cast: Cast,
    clock: u64,
    batched: Inventory,
    twin: Inventory,
    naive: Naive,
    /// Each batch's moment and events, as stored.
    journal: Vec<(Timestamp, String)>,
    snapshot: (usize, Vec<u8>),
    /// What each key was first answered: quantity and view.
    first_answers: BTreeMap<(ShopperId, IdempotencyKey), FirstAnswer>,
    standing: Standing,
    trace: Trace,
}

impl Case {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let cast = Cast::new(&mut chance);
        Self {
            chance,
            cast,
            clock: 1_000_000,
            batched: Inventory::default(),
            twin: Inventory::default(),
            naive: Naive::default(),
            journal: Vec::new(),
            snapshot: (0, snapshot_of(&Inventory::default())),
            first_answers: BTreeMap::new(),
            standing: Standing::default(),
            trace: Trace { seed, lines: Vec::new() },
        }
    }

    pub(crate) fn run(mut self, steps: u64, seen: &mut Seen) {
        let end = seen.steps + steps;
        while seen.steps < end {
            self.pass_time(seen);
            self.batch(seen);
            if self.chance.happens(2) {
                self.snapshot = (self.journal.len(), snapshot_of(&self.batched));
            }
        }
        self.replay();
    }

    fn pass_time(&mut self, seen: &mut Seen) {
        self.clock = match self.chance.below(100) {
            0..30 => self.clock,
            30..85 => self.clock + self.chance.below(15),
            85..93 => self.clock + self.chance.below(100),
            93..96 => self.clock + self.chance.below(1_000),
            _ => {
                seen.backwards += 1;
                self.clock - self.chance.below(300)
            }
        };
    }

    /// Up to eight commands: at once to one inventory, one by one to its twin and the naive one.
    fn batch(&mut self, seen: &mut Seen) {
        let clock = Timestamp::from_millis(self.clock);
        let moment = self.naive.pass_time(self.clock);
        let timeouts = self.twin.decide_batch([], clock).unwrap();
        assert_eq!(timeouts.at.as_millis(), moment);
        self.only_held_ones_expire(&timeouts.events);
        let mut expected = timeouts;
        self.note(&expected.events.clone(), seen);
        let size = if self.chance.happens(60) { 1 } else { 1 + self.chance.below(8) };
        let mut commands = Vec::new();
        for _ in 0..size {
            self.standing.selling = self.naive.stock().map(|view| view.selling);
            let command = self.cast.command(&mut self.chance, &self.standing);
            self.trace.lines.push(format!("at {moment}: {command:?}"));
            let step = self.step(&command, clock, moment, seen);
            expected.events.extend(step.events);
            expected.answers.extend(step.answers);
            commands.push(command);
            seen.steps += 1;
        }
        let batch = self.batched.decide_batch(&commands, clock).unwrap();
        assert_eq!(batch, expected, "together as one by one");
        assert_eq!(self.batched, self.twin, "together as one by one");
        if !batch.events.is_empty() {
            let stored = serde_json::to_string(&batch.events).unwrap();
            self.journal.push((Timestamp::from_millis(moment), stored));
        }
    }

    fn step(&mut self, command: &Command, clock: Timestamp, moment: u64, seen: &mut Seen) -> Batch {
        let before = self.twin.clone();
        let can_be_had = self.can_be_had(command);
        let expected = self.naive.answer(command, moment);
        let step = self.twin.decide_batch([command], clock).unwrap();
        assert_eq!(step.answers, [expected], "to {command:?}");
        if let Answer::Rejected(rejection) = &step.answers[0] {
            *seen.rejections.entry(rejection_name(rejection)).or_default() += 1;
            assert!(step.events.is_empty(), "a refusal has no events");
            assert_eq!(self.twin, before, "a refusal changes nothing");
            assert!(!can_be_had, "what is there was refused: {rejection}");
        }
        self.same_key_same_answer(command, &step, seen);
        self.what_came_back_is_offered(&step.events, clock, seen);
        self.note(&step.events, seen);
        self.looks_as_the_naive_one();
        step
    }

    /// Whether nothing stands between the shopper and the units.
    fn can_be_had(&self, command: &Command) -> bool {
        let Command::Reserve { shopper, key, quantity } = command else { return false };
        let Some(stock) = self.twin.stock() else { return false };
        let below_limit = self
            .naive
            .units_of(*shopper)
            .checked_add(*quantity)
            .is_some_and(|units| units <= stock.terms.per_shopper_max);
        let made = self.first_answers.keys().filter(|(who, _)| who == shopper).count();
        let max = usize::try_from(stock.terms.per_shopper_max).unwrap();
        let fresh = !self.first_answers.contains_key(&(*shopper, key.clone()));
        let there = (1..=stock.available).contains(quantity);
        stock.selling == Selling::Open
            && fresh
            && there
            && below_limit
            && made < max.saturating_add(20)
    }

    /// The same key gets the same view, byte for byte; with another quantity it is refused.
    fn same_key_same_answer(&mut self, command: &Command, step: &Batch, seen: &mut Seen) {
        let (shopper, key, quantity, cart) = match command {
            Command::Reserve { shopper, key, quantity }
            | Command::ReserveOrWait { shopper, key, quantity }
            | Command::RepeatReserve { shopper, key, quantity } => {
                (shopper, key, quantity, CartMark::NONE)
            }
            Command::ReserveInCart { shopper, key, quantity, cart }
            | Command::RepeatInCart { shopper, key, quantity, cart } => {
                (shopper, key, quantity, *cart)
            }
            _ => return,
        };
        let repeats =
            matches!(command, Command::RepeatReserve { .. } | Command::RepeatInCart { .. });
        let first = self.first_answers.get(&(*shopper, key.clone()));
        match (&step.answers[0], first) {
            (Answer::Accepted(Reply::Reservation { view, exists }), None) => {
                assert!(!exists && !repeats, "the first is no repeat");
                let stored = ((*quantity, cart), serde_json::to_string(view).unwrap());
                self.first_answers.insert((*shopper, key.clone()), stored);
            }
            (Answer::Accepted(Reply::Reservation { view, exists }), Some((known, text))) => {
                seen.repeats += 1;
                assert!(exists, "a repeat is known as one");
                let (text_now, wanted) = (serde_json::to_string(view).unwrap(), (*quantity, cart));
                assert_eq!((&wanted, &text_now), (known, text));
                assert!(step.events.is_empty(), "a repeat changes nothing");
            }
            (Answer::Accepted(other), _) => panic!("no answer to a reserve: {other:?}"),
            (Answer::Rejected(rejection), Some((known, _))) => {
                assert_ne!((*quantity, cart), *known);
                let differs = if *quantity == known.0 { "cart" } else { "quantity" };
                assert_eq!(rejection_name(rejection), format!("exists_with_different_{differs}"));
            }
            (Answer::Rejected(_), None) => {}
        }
    }

    /// Keeps what the events say, for later steps to be checked against.
    fn note(&mut self, events: &[Event], seen: &mut Seen) {
        for event in events {
            *seen.events.entry(event.name()).or_default() += 1;
            let standing = &mut self.standing;
            match event {
                Event::ReservedInCart { reservation, quantity, cart, .. } => {
                    standing.carts.insert(*reservation, *cart);
                    standing.quantities.insert(*reservation, *quantity);
                    standing.held.insert(*reservation);
                }
                Event::Reserved { reservation, quantity, .. } => {
                    standing.quantities.insert(*reservation, *quantity);
                    standing.held.insert(*reservation);
                }
                Event::Waitlisted { reservation, quantity, .. } => {
                    standing.quantities.insert(*reservation, *quantity);
                    standing.waiting.insert(*reservation);
                }
                Event::Called { reservation, .. } => {
                    standing.waiting.remove(reservation);
                    standing.held.insert(*reservation);
                }
                Event::PaymentBegun { payment, .. } => {
                    standing.held.remove(&payment.reservation());
                    standing.paying.insert(payment.reservation());
                }
                Event::Allocated { payment } => {
                    standing.held.remove(&payment.reservation());
                    standing.paying.remove(&payment.reservation());
                    standing.bought.insert(payment.reservation());
                }
                Event::PaymentDeclined { reservation, .. } => {
                    standing.paying.remove(reservation);
                    standing.held.insert(*reservation);
                }
                Event::SellingSet { phase_number, .. } => standing.orders = *phase_number,
                Event::PaymentVoided { reservation }
                | Event::Released { reservation }
                | Event::Expired { reservation } => {
                    standing.held.remove(reservation);
                    standing.paying.remove(reservation);
                    standing.waiting.remove(reservation);
                }
                _ => {}
            }
        }
    }

    /// A shopper who is paying is never robbed by time alone, however much of it passes.
    fn only_held_ones_expire(&self, events: &[Event]) {
        let by_the_end_of_time = self.twin.handle_timeout(Timestamp::from_millis(u64::MAX));
        let mut held = self.standing.held.clone();
        for event in events.iter().chain(&by_the_end_of_time) {
            match event {
                Event::Expired { reservation } => {
                    assert!(held.contains(reservation), "robbed: {reservation}");
                }
                Event::Called { reservation, .. } => {
                    assert!(self.standing.waiting.contains(reservation), "it did not wait");
                    held.insert(*reservation);
                }
                Event::PaymentOverdue { reservation } => {
                    assert!(self.standing.paying.contains(reservation), "not paying");
                }
                other => panic!("time alone did {other:?}"),
            }
        }
    }

    /// What was released or expired can be had at once by somebody who never had any, unless
    /// somebody waited for it.
    fn what_came_back_is_offered(&self, events: &[Event], clock: Timestamp, seen: &mut Seen) {
        for event in events {
            let reservation = match event {
                Event::Released { reservation }
                | Event::PaymentVoided { reservation }
                | Event::Expired { reservation } => *reservation,
                Event::OrderCancelled(Cancel { order, restock: true, .. }) => order.reservation(),
                _ => continue,
            };
            let nothing_came = self.standing.waiting.contains(&reservation);
            if self.naive.selling != Selling::Open || nothing_came {
                continue;
            }
            if events.iter().any(|event| matches!(event, Event::Called { .. })) {
                seen.called += 1;
                continue;
            }
            seen.offered_again += 1;
            let quantity = self.standing.quantities[&reservation];
            let next = Command::Reserve { shopper: shopper("next"), key: name("first"), quantity };
            let answer = self.twin.clone().decide_batch([&next], clock).unwrap().answers.remove(0);
            assert!(matches!(answer, Answer::Accepted(_)), "not offered again: {answer:?}");
        }
    }

    fn looks_as_the_naive_one(&self) {
        let (inventory, naive) = (&self.twin, &self.naive);
        assert_eq!(inventory.check_invariants(), Ok(()));
        let stock = inventory.stock();
        if let Some(view) = &stock {
            assert!(view.reserved + view.allocated <= view.on_hand, "oversold");
        }
        assert_eq!(stock, naive.stock());
        assert_eq!(inventory.next_timeout(), naive.next_timeout());
        assert_eq!(inventory.orders().collect::<Vec<_>>(), naive.orders(|_| true));
        assert_eq!(sorted(inventory.unsettled()), naive.orders(|settled| !settled));
        assert_eq!(sorted(inventory.ending_payments()), naive.overdue());
        assert_eq!(inventory.refunds_due().collect::<Vec<_>>(), naive.refunds_due());
        for order in inventory.orders() {
            let placed = inventory.placed_order(order).unwrap();
            assert_eq!(placed.amount, naive.price(placed.quantity, placed.cart));
        }
    }

    /// The events alone carry the state, from the start and from a snapshot.
    fn replay(&self) {
        assert_eq!(self.read(Inventory::default(), 0), self.batched, "replayed from the start");
        let (from, snapshot) = &self.snapshot;
        let woken = Inventory::read_snapshot(&mut snapshot.as_slice()).unwrap();
        assert_eq!(self.read(woken, *from), self.batched, "replayed from a snapshot");
    }

    fn read(&self, mut inventory: Inventory, from: usize) -> Inventory {
        for (at, stored) in &self.journal[from..] {
            for event in serde_json::from_str::<Vec<Event>>(stored).unwrap() {
                inventory.apply(&event, *at).unwrap();
            }
        }
        inventory
    }
}

fn sorted<T: Ord>(found: impl Iterator<Item = T>) -> Vec<T> {
    let mut sorted: Vec<_> = found.collect();
    sorted.sort();
    sorted
}

fn snapshot_of(inventory: &Inventory) -> Vec<u8> {
    let mut bytes = Vec::new();
    inventory.write_snapshot(&mut bytes).unwrap();
    bytes
}
