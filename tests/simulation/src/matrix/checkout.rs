//! One unit, somebody who pays for it, and perhaps somebody who waits for it.

use std::collections::{BTreeMap, BTreeSet};

use doorbuster_domain::id::{OrderId, PaymentId, ReservationId, ShopperId};
use doorbuster_domain::inventory::{
    Answer, Command, Inventory, PlacedOrder, RefundState, Reply, ReservationState, ReservationView,
    Selling, Terms,
};
use doorbuster_domain::journal::{self, ChainHash, Entry};
use doorbuster_domain::outbox::{Item, Outbox};
use doorbuster_domain::sandbox::{Act, Effect, Later, Outcome, Status, Voided};
use doorbuster_domain::time::Millis;

use super::{Cell, Ended};
use crate::calendar::{Calendar, Ms};
use crate::room::moment;

/// When the payment of the one who pays begins, and how long it may take.
const BEGINS: Ms = 1_000;
const WINDOW: Ms = 700_000;
/// A message of a queue comes after so long, and after so long once more.
const DELIVERED: [Ms; 2] = [1_000, 3_500];
/// How often people look whether something has changed.
const LOOKS: Ms = 2_000;
/// Everything is over long before.
const END: Ms = 3_000_000;

const PAYER: ShopperId = ShopperId::from_bytes([1; 16]);
const OTHER: ShopperId = ShopperId::from_bytes([2; 16]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    /// The payer decides at the provider.
    Decides,
    /// The payer looks at the reservation, and tries again if it came to nothing.
    PayerLooks,
    /// The other one asks for the unit, and pays at once.
    OtherAsks,
    /// What was put off at the provider.
    AtProvider(PaymentId, Later),
    /// The queue brings something.
    Delivered(Item),
    /// The object's alarm goes off.
    Alarm,
}

pub(super) struct Checkout {
    cell: Cell,
    now: Ms,
    calendar: Calendar<Happens>,
    inventory: Inventory,
    outbox: Outbox,
    journal: Vec<Entry>,
    terms: Terms,
    /// The provider's records.
    payments: BTreeMap<PaymentId, Status>,
    /// The books.
    orders: BTreeMap<OrderId, PlacedOrder>,
    written: u32,
    attempts: u32,
    mine: BTreeSet<ReservationId>,
}

impl Checkout {
    pub(super) fn go(cell: Cell) -> Ended {
        let mut checkout = Self::begin(cell);
        while let Some((at, happens)) = checkout.calendar.pop() {
            if at > END {
                break;
            }
            checkout.now = at;
            checkout.happen(happens);
        }
        Ended { cell, end: checkout.end(), broken: checkout.broken() }
    }

    fn begin(cell: Cell) -> Self {
        let terms: Terms = serde_json::from_value(serde_json::json!({
            "sale": "matrix", "sku": "ONE", "title": "The one",
            "unit_price": { "minor": 1_600, "currency": "EUR" },
            "per_shopper_max": 1,
            "reservation_ttl_ms": 60_000, "reservation_max_ms": 900_000,
            "payment_window_ms": WINDOW,
        }))
        .unwrap();
        let mut checkout = Self {
            cell,
            now: 0,
            calendar: Calendar::default(),
            inventory: Inventory::default(),
            outbox: Outbox::default(),
            journal: Vec::new(),
            terms: terms.clone(),
            payments: BTreeMap::new(),
            orders: BTreeMap::new(),
            written: 0,
            attempts: 0,
            mine: BTreeSet::new(),
        };
        checkout.act(&Command::Open { terms, on_hand: 1 });
        checkout.act(&Command::SetSelling { selling: Selling::Open, phase_number: 1 });
        checkout.now = BEGINS;
        checkout.reserve_and_begin(PAYER);
        checkout.calendar.push(cell.moment.of(BEGINS + WINDOW), Happens::Decides);
        checkout.calendar.push(BEGINS + LOOKS, Happens::PayerLooks);
        if cell.contended {
            checkout.calendar.push(BEGINS + 1, Happens::OtherAsks);
        }
        checkout
    }

    fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::Decides => {
                let payment = *self.payments.first_key_value().unwrap().0;
                let delay = self.cell.outcome.usual_delay();
                self.at_provider(payment, Act::Pay(self.cell.outcome, delay));
            }
            Happens::PayerLooks => self.payer_looks(),
            Happens::OtherAsks => {
                if self.reserve_and_begin(OTHER).is_none() {
                    self.calendar.push(self.now + LOOKS, Happens::OtherAsks);
                }
            }
            Happens::AtProvider(payment, later) => self.later(payment, later),
            Happens::Delivered(item) => self.delivered(item),
            Happens::Alarm => {
                self.act(&Command::ShowStock);
            }
        }
    }

    /// Reserves and goes to the provider; all but the first payment of the payer succeed at once.
    fn reserve_and_begin(&mut self, shopper: ShopperId) -> Option<()> {
        self.attempts += 1;
        let key = format!("attempt-{}", self.attempts).parse().unwrap();
        let reserved = self.act(&Command::Reserve { shopper, key, quantity: 1 });
        let Answer::Accepted(Reply::Reservation { view, .. }) = reserved else { return None };
        self.begin_payment(shopper, view.reservation);
        Some(())
    }

    fn begin_payment(&mut self, shopper: ShopperId, reservation: ReservationId) {
        if shopper == PAYER {
            self.mine.insert(reservation);
        }
        self.act(&Command::BeginPayment { shopper, reservation });
        let payment = self.inventory.payment_under_way(reservation).unwrap();
        let is_first = self.payments.is_empty();
        self.payments.insert(payment, Status::Open);
        if !is_first {
            self.at_provider(payment, Act::Pay(Outcome::Success, Millis::new(0)));
        }
    }

    /// Whoever is told that it came to nothing tries again, if they are of that kind. Who is told
    /// that money goes back does not.
    fn payer_looks(&mut self) {
        let views: Vec<_> = self.mine.iter().map(|id| self.view(*id)).collect();
        let over = |state| matches!(state, ReservationState::Expired | ReservationState::Held);
        if views.iter().any(|view| !over(view.state) || view.refund.is_some()) {
            if views.iter().any(|view| view.state == ReservationState::Paying) {
                self.calendar.push(self.now + LOOKS, Happens::PayerLooks);
            }
        } else if self.cell.tries_again {
            let held = views.iter().find(|view| view.state == ReservationState::Held);
            if let Some(held) = held {
                self.begin_payment(PAYER, held.reservation);
            } else if self.reserve_and_begin(PAYER).is_none() && self.now < END / 2 {
                self.calendar.push(self.now + LOOKS, Happens::PayerLooks);
            }
        }
    }

    /// Does something with a payment at the provider; what it says when it is told to end it.
    fn at_provider(&mut self, payment: PaymentId, act: Act) -> Option<Voided> {
        let status = self.payments.get(&payment).copied().unwrap_or(Status::Open);
        let Effect { after, said, later } = status.handle(act)?;
        self.payments.insert(payment, after);
        for (later, delay) in later {
            let at = self.now + Ms::try_from(delay.get()).unwrap();
            self.calendar.push(at, Happens::AtProvider(payment, later));
        }
        Some(said)
    }

    fn later(&mut self, payment: PaymentId, later: Later) {
        let amount_minor = self.terms.unit_price.minor;
        match later {
            Later::Authenticated => {
                self.at_provider(payment, Act::Authenticate);
            }
            Later::ReportCompleted => {
                self.act(&Command::Allocate { payment, amount_minor });
            }
            Later::ReportDeclined => {
                self.act(&Command::DeclinePayment { payment });
            }
        }
    }

    fn delivered(&mut self, item: Item) {
        let amount_minor = self.terms.unit_price.minor;
        match item {
            Item::Order(order) => {
                // As in the product, the message is the order as it was when it left.
                let Some(placed) = self.inventory.placed_order(order) else { return };
                self.written += u32::from(self.orders.insert(order, placed).is_none());
                self.act(&Command::Settle { orders: vec![order] });
            }
            Item::Void(reservation) => {
                let Some(payment) = self.inventory.payment_under_way(reservation) else { return };
                let command = match self.at_provider(payment, Act::Void) {
                    Some(Voided::TooLate) => Command::Allocate { payment, amount_minor },
                    _ => Command::VoidPayment { payment },
                };
                self.act(&command);
            }
            Item::Refund(payment) => {
                assert!(self.at_provider(payment, Act::Refund).is_some(), "no money to give back");
                self.act(&Command::ConfirmRefund { payment });
            }
        }
    }

    /// Has the object decide, write, and send what is due.
    fn act(&mut self, command: &Command) -> Answer {
        let now = moment(self.now);
        let mut batch = self.inventory.decide_batch([command], now).unwrap();
        if !batch.events.is_empty() {
            let events = serde_json::to_string(&batch.events).unwrap();
            let seq = self.journal.last().map_or(1, |entry| entry.seq + 1);
            let before = self.journal.last().map_or(ChainHash::ZERO, |entry| entry.hash);
            let hash = before.next(seq, batch.at, events.as_bytes());
            self.journal.push(Entry { seq, committed_at_ms: batch.at, events, hash });
        }
        for event in &batch.events {
            self.outbox.observe(event, batch.at);
        }
        for item in self.outbox.take_due(now, usize::MAX) {
            for delay in DELIVERED {
                self.calendar.push(self.now + delay, Happens::Delivered(item));
            }
        }
        let due = [self.inventory.next_timeout(), self.outbox.next_timeout()];
        if let Some(at) = due.into_iter().flatten().min() {
            let wait = Ms::try_from(at.since(now).get()).unwrap();
            self.calendar.push(self.now + wait.max(1), Happens::Alarm);
        }
        batch.answers.pop().unwrap()
    }

    fn view(&self, reservation: ReservationId) -> ReservationView {
        let show = Command::ShowReservation { shopper: PAYER, reservation };
        match self.inventory.handle(&show, moment(self.now)).map(|decision| decision.reply) {
            Ok(Reply::Reservation { view, .. }) => view,
            other => panic!("the reservation does not show itself: {other:?}"),
        }
    }

    /// How it ended for the one who pays.
    fn end(&self) -> String {
        let views: Vec<_> = self.mine.iter().map(|id| self.view(*id)).collect();
        let ordered = views.iter().any(|view| view.order.is_some());
        let refunded = views.iter().any(|view| view.refund == Some(RefundState::Done));
        let end = match (ordered, refunded) {
            (true, true) => "order, money back",
            (true, false) => "order",
            (false, true) => "money back",
            (false, false) => "nothing paid",
        };
        let mine = |payment: &&PaymentId| self.mine.contains(&payment.reservation());
        let tries = self.payments.keys().filter(mine).count();
        if tries > 1 { format!("{end} (again)") } else { end.into() }
    }

    /// What does not hold when everything is over.
    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut check = |holds: bool, what: &str| {
            if !holds {
                broken.push(what.to_owned());
            }
        };
        let stock = self.inventory.stock().unwrap();
        check(stock.reserved == 0, "units stay reserved");
        check(stock.allocated as usize == self.orders.len(), "allocated is not what was ordered");
        check(self.written as usize == self.orders.len(), "an order was written twice");
        check((stock.orders_unsettled, stock.refunds_due) == (0, 0), "something is still due");
        check(self.outbox.is_empty(), "something is still to be told");
        check(!self.cell.contended || stock.allocated == 1, "a unit is left that is wanted");
        for (payment, status) in &self.payments {
            let orders = self.orders.values().filter(|order| order.payment == *payment).count();
            let paid = *status == Status::Completed;
            check(orders == usize::from(paid), "money without an order, or an order without");
            check(
                !matches!(status, Status::Open | Status::Stubborn | Status::Authenticating),
                "it goes on",
            );
            let view = self.mine.get(&payment.reservation()).map(|id| self.view(*id));
            let Some(view) = view else { continue };
            let told = view.refund == Some(RefundState::Done);
            check(*status != Status::Refunded || told, "money went back and nobody says so");
            let ordered = self.orders.contains_key(&payment.reservation().order());
            check(view.order.is_some() == ordered, "the shopper is not told the truth");
        }
        match journal::verify::<Inventory>(&self.journal) {
            Ok(replay) => check(*replay.state() == self.inventory, "the journal says otherwise"),
            Err(error) => check(false, &error.to_string()),
        }
        broken
    }
}
