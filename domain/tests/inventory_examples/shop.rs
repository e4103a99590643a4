//! One SKU on sale, and short ways to ask it for something.

use doorbuster_domain::id::{PaymentId, ReservationId, ShopperId};
use doorbuster_domain::inventory::{
    AdjustmentReason, Answer, Command, Event, Inventory, OrderView, Rejection, Reply,
    ReservationState, ReservationView, Selling, StockView, Terms,
};
use doorbuster_domain::machine::Machine as _;
use doorbuster_domain::time::Timestamp;

use crate::support::{name, shopper, terms};

/// The moment at which the clock stands when nothing else is said, in milliseconds.
pub(crate) const START: u64 = 1_000;

/// An inventory, its clock, and what its last command led to.
pub(crate) struct Shop {
    pub(crate) inventory: Inventory,
    pub(crate) now: u64,
    pub(crate) events: Vec<Event>,
    pub(crate) phase_number: u64,
}

impl Shop {
    /// Not opened yet.
    pub(crate) fn unopened() -> Self {
        let inventory = Inventory::default();
        Self { inventory, now: START, events: Vec::new(), phase_number: 0 }
    }

    /// Opened with so many units, under `support::terms`, and selling.
    pub(crate) fn selling(on_hand: u32) -> Self {
        Self::selling_under(&terms(), on_hand)
    }

    /// The same, under other terms.
    pub(crate) fn selling_under(terms: &Terms, on_hand: u32) -> Self {
        let mut shop = Self::unopened();
        shop.stock(&Command::Open { terms: terms.clone(), on_hand });
        shop.set_selling(Selling::Open);
        shop
    }

    /// Lets milliseconds pass. Nothing looks at the inventory meanwhile: there is no alarm.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.now = self.now.checked_add(ms).unwrap();
    }

    /// Asks, and checks what must hold whatever is asked.
    pub(crate) fn ask(&mut self, command: &Command) -> Answer {
        let now = Timestamp::from_millis(self.now);
        let timeouts = self.inventory.decide_batch([], now).unwrap();
        let before = self.inventory.clone();
        let mut batch = self.inventory.decide_batch([command], now).unwrap();
        assert_eq!(self.inventory.check_invariants(), Ok(()));
        if matches!(batch.answers[0], Answer::Rejected(_)) {
            assert_eq!(self.inventory, before, "a refusal changes nothing");
        }
        self.events = timeouts.events;
        self.events.append(&mut batch.events);
        batch.answers.remove(0)
    }

    pub(crate) fn refused(&mut self, command: &Command) -> Rejection {
        match self.ask(command) {
            Answer::Rejected(rejection) => rejection,
            Answer::Accepted(reply) => panic!("{command:?} was accepted: {reply:?}"),
        }
    }

    pub(crate) fn accepted(&mut self, command: &Command) -> Reply {
        match self.ask(command) {
            Answer::Accepted(reply) => reply,
            Answer::Rejected(rejection) => panic!("{command:?} was refused: {rejection}"),
        }
    }

    pub(crate) fn stock(&mut self, command: &Command) -> StockView {
        match self.accepted(command) {
            Reply::Stock { view, .. } => *view,
            other => panic!("{command:?} gave {other:?}"),
        }
    }

    pub(crate) fn look(&mut self) -> StockView {
        self.stock(&Command::ShowStock)
    }

    pub(crate) fn set_selling(&mut self, selling: Selling) {
        self.phase_number = self.phase_number.checked_add(1).unwrap();
        let order = Command::SetSelling { selling, phase_number: self.phase_number };
        assert_eq!(self.stock(&order).selling, selling);
    }

    pub(crate) fn view(&mut self, command: &Command) -> ReservationView {
        match self.accepted(command) {
            Reply::Reservation { view, .. } => view,
            other => panic!("{command:?} gave {other:?}"),
        }
    }

    pub(crate) fn reserve(&mut self, who: &str, key: &str, quantity: u32) -> ReservationId {
        self.view(&reserve(who, key, quantity)).reservation
    }

    /// A reservation of one unit with a payment under way.
    pub(crate) fn paying(&mut self, who: &str) -> ReservationId {
        let id = self.reserve(who, "first", 1);
        assert_eq!(self.view(&begin(who, id)).state, ReservationState::Paying);
        id
    }

    /// An order of one unit.
    pub(crate) fn bought(&mut self, who: &str) -> OrderView {
        let id = self.paying(who);
        self.view(&allocate(id, 1, 1999)).order.unwrap()
    }

    /// An order of one unit, bought with the first payment while a second was under way at the
    /// provider.
    pub(crate) fn paid_twice(&mut self, who: &str) -> ReservationId {
        let id = self.paying(who);
        self.view(&decline(id, 1));
        self.view(&begin(who, id));
        self.view(&decline(id, 2));
        self.view(&allocate(id, 1, 1999));
        id
    }

    pub(crate) fn state(&mut self, who: &str, reservation: ReservationId) -> ReservationState {
        self.view(&Command::ShowReservation { shopper: shopper(who), reservation }).state
    }
}

pub(crate) fn reserve(who: &str, key: &str, quantity: u32) -> Command {
    Command::Reserve { shopper: shopper(who), key: name(key), quantity }
}

pub(crate) fn extend(who: &str, reservation: ReservationId) -> Command {
    Command::Extend { shopper: shopper(who), reservation }
}

pub(crate) fn release(who: &str, reservation: ReservationId) -> Command {
    Command::Release { shopper: shopper(who), reservation }
}

pub(crate) fn begin(who: &str, reservation: ReservationId) -> Command {
    Command::BeginPayment { shopper: shopper(who), reservation }
}

pub(crate) fn decline(reservation: ReservationId, attempt: u32) -> Command {
    Command::DeclinePayment { payment: PaymentId::of(reservation, attempt) }
}

pub(crate) fn void(reservation: ReservationId, attempt: u32) -> Command {
    Command::VoidPayment { payment: PaymentId::of(reservation, attempt) }
}

pub(crate) fn allocate(reservation: ReservationId, attempt: u32, amount_minor: u64) -> Command {
    Command::Allocate { payment: PaymentId::of(reservation, attempt), amount_minor }
}

pub(crate) fn restock(key: &str, units: u32) -> Command {
    Command::Restock { key: name(key), units, reason: reason() }
}

pub(crate) fn withdraw(key: &str, units: u32) -> Command {
    Command::Withdraw { key: name(key), units, reason: reason() }
}

fn reason() -> AdjustmentReason {
    AdjustmentReason::try_from("counted again".to_owned()).unwrap()
}

pub(crate) fn refund_due(reservation: ReservationId, attempt: u32) -> Reply {
    Reply::RefundDue { payment: PaymentId::of(reservation, attempt) }
}

pub(crate) fn not_theirs() -> ShopperId {
    shopper("mallory")
}
