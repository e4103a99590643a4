//! The checkout as a machine that can do any of several things next.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use doorbuster_domain::id::{PaymentId, ReservationId};
use doorbuster_domain::inventory::{Command, Reply, ReservationState, ReservationView};
use doorbuster_domain::time::Timestamp;
use stateright::{Model, Property};

use super::bounds::{Bounds, Flaw, Visitor, moment, visitors};
use super::cancel::Merchant;
use super::object::{Defect, Object, Waking};
use super::outside::{Message, Order, Payment, Provider, Status, Visit, Word};
use super::{cancel, form, properties, steps};

/// Everything there is at one moment.
#[derive(Debug, Clone)]
pub struct State {
    /// Ticks since the beginning.
    pub tick: u64,
    pub object: Object,
    /// What each visitor was told.
    pub visits: Vec<Visit>,
    pub provider: Provider,
    pub queue: BTreeSet<Message>,
    pub words: BTreeSet<Word>,
    /// The rows of the books.
    pub books: Vec<Order>,
    pub merchant: Merchant,
    /// What may still go wrong.
    pub crashes_left: u8,
    pub duplicates_left: u8,
    pub lates_left: u8,
    /// What should be impossible, and happened.
    pub defect: Option<Defect>,
    /// What of all this makes a difference: see `form.rs`.
    pub form: u64,
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.form == other.form
    }
}

impl Eq for State {}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.form.hash(state);
    }
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A visitor asks for units, or asks again after no answer came.
    Reserve {
        visit: usize,
        quantity: u32,
        how: How,
    },
    Extend {
        visit: usize,
    },
    Release {
        visit: usize,
        how: How,
    },
    /// The visitor goes to pay; the page at the provider is the next step.
    BeginPayment {
        visit: usize,
        how: How,
    },
    OpenPage {
        payment: Payment,
    },
    /// The visitor decides on the provider's page.
    Pay {
        payment: Payment,
    },
    Decline {
        payment: Payment,
    },
    /// The provider completes what it had said could not be completed any more.
    CompleteLate {
        payment: Payment,
    },
    /// A webhook or a report reaches the object.
    Deliver {
        word: Word,
        how: How,
    },
    /// A report gets lost; its message comes again.
    Lose {
        word: Word,
    },
    /// A consumer does what a message says, and its report is on its way.
    Consume {
        message: Message,
    },
    /// The merchant cancels an order, or does so again after no answer came.
    Cancel {
        visit: usize,
        restock: bool,
        how: How,
    },
    /// The platform wakes the object, which sends what is due.
    Alarm {
        how: How,
    },
    /// A tick passes.
    Wait,
    /// The object loses its memory, and perhaps the queues what is in them.
    Crash {
        queues: bool,
    },
}

/// How a call of the object ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// With an answer.
    Answered,
    /// With an answer, and what was said comes once more.
    Twice,
    /// After the commit, without an answer: the object loses its memory.
    Crashing,
}

/// How a call may end that comes once.
pub const fn ends(state: &State) -> &'static [How] {
    if state.crashes_left > 0 { &[How::Answered, How::Crashing] } else { &[How::Answered] }
}

/// The checkout within bounds, perhaps with a flaw.
#[derive(Debug, Clone)]
pub struct Checkout {
    pub bounds: Bounds,
    pub flaw: Option<Flaw>,
    pub visitors: Vec<Visitor>,
}

impl Checkout {
    /// As it is.
    pub fn new(bounds: Bounds) -> Self {
        let visitors = visitors(&bounds);
        Self { bounds, flaw: None, visitors }
    }

    /// With something broken in it.
    #[must_use]
    pub fn with(mut self, flaw: Flaw) -> Self {
        self.flaw = Some(flaw);
        self
    }

    /// The reservation of a visit.
    pub fn reservation(&self, visit: usize) -> ReservationId {
        self.visitors[visit].reservation
    }

    /// A payment's name in the product.
    pub fn payment_id(&self, payment: Payment) -> PaymentId {
        PaymentId::of(self.reservation(payment.visit), payment.attempt)
    }

    /// A payment by its name in the product.
    pub fn payment(&self, id: PaymentId) -> Payment {
        let of = |visitor: &Visitor| visitor.reservation == id.reservation();
        let visit = self.visitors.iter().position(of).unwrap();
        Payment { visit, attempt: id.attempt() }
    }

    /// The reservation of a visit as its shopper would see it.
    pub fn view(&self, state: &State, visit: usize) -> Option<ReservationView> {
        let Visitor { shopper, reservation, .. } = self.visitors[visit];
        let command = Command::ShowReservation { shopper, reservation };
        match state.object.inventory().handle(&command, state.now()).ok()?.reply {
            Reply::Reservation { view, .. } => Some(view),
            _ => None,
        }
    }

    /// How many payments were begun for a reservation, whether or not somebody was told.
    pub fn attempts(&self, state: &State, visit: usize) -> u32 {
        let begun = |attempt: &u32| {
            let payment = self.payment_id(Payment { visit, attempt: *attempt });
            let known = Command::VoidPayment { payment };
            state.object.inventory().handle(&known, state.now()).is_ok()
        };
        (1..=self.bounds.attempts).take_while(begun).count().try_into().unwrap()
    }

    /// Whether anything can still happen by itself. A webhook of what was completed in time may get
    /// lost for good, so nothing waits for it; one of what was completed late may not, because
    /// nothing else would tell.
    pub fn is_quiescent(&self, state: &State) -> bool {
        let is_waited_for = |word: &Word| match word {
            Word::Report(..) => true,
            Word::Completed(payment) => state.provider.record(*payment).is_some_and(|r| r.late),
            Word::Declined(_) => false,
        };
        state.queue.is_empty()
            && !state.words.iter().any(is_waited_for)
            && (state.object.alarm().is_none() || state.object.is_at_rest())
    }

    fn visit_actions(&self, state: &State, visit: usize, actions: &mut Vec<Action>) {
        let Visit { asked, answer, begun, .. } = &state.visits[visit];
        let ends = ends(state);
        if answer.is_none() {
            let quantities = asked.as_ref().map_or(self.bounds.quantities, std::slice::from_ref);
            for quantity in quantities {
                let reserve = |how: &How| Action::Reserve { visit, quantity: *quantity, how: *how };
                actions.extend(ends.iter().map(reserve));
            }
            return;
        }
        let payment = Payment { visit, attempt: *begun };
        if *begun > 0 && state.provider.record(payment).is_none() {
            actions.push(Action::OpenPage { payment });
        }
        match self.view(state, visit).map(|view| view.state) {
            Some(ReservationState::Held) => {
                actions.push(Action::Extend { visit });
                actions.extend(ends.iter().map(|how| Action::Release { visit, how: *how }));
                if self.attempts(state, visit) < self.bounds.attempts {
                    let begin = |how: &How| Action::BeginPayment { visit, how: *how };
                    actions.extend(ends.iter().map(begin));
                }
            }
            Some(ReservationState::Waiting) => {
                actions.extend(ends.iter().map(|how| Action::Release { visit, how: *how }));
            }
            Some(ReservationState::Paying) => {
                actions.push(Action::Release { visit, how: How::Answered });
                actions.push(Action::BeginPayment { visit, how: How::Answered });
            }
            _ => {}
        }
    }

    fn provider_actions(state: &State, actions: &mut Vec<Action>) {
        for (payment, record) in state.provider.records() {
            match record.status {
                Status::Open => {
                    actions.extend([Action::Pay { payment }, Action::Decline { payment }]);
                }
                Status::Declined | Status::Voided
                    if state.lates_left > 0 && record.amount_minor > 0 =>
                {
                    actions.push(Action::CompleteLate { payment });
                }
                _ => {}
            }
        }
    }

    fn message_actions(state: &State, actions: &mut Vec<Action>) {
        for word in state.words.iter().copied() {
            let mut deliver = |how| actions.push(Action::Deliver { word, how });
            deliver(How::Answered);
            if state.duplicates_left > 0 {
                deliver(How::Twice);
            }
            if state.crashes_left > 0 {
                deliver(How::Crashing);
            }
            if word.message().is_some() {
                actions.push(Action::Lose { word });
            }
        }
        for message in state.queue.iter().copied() {
            if !state.words.iter().any(|word| word.message() == Some(message)) {
                actions.push(Action::Consume { message });
            }
        }
    }

    /// Time passes while it can bring something about: not only for repeating what is on its way.
    /// It does not pass an alarm that something waits for.
    fn time_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let Some(at) = state.object.alarm() else { return };
        let now = state.now();
        let rings = at <= now;
        if rings {
            actions.push(Action::Alarm { how: How::Answered });
            if state.crashes_left > 0 {
                actions.push(Action::Alarm { how: How::Crashing });
            }
        }
        let schedule = state.object.schedule(now);
        let is_sent = |item: &_| form::is_sent(self, state, item);
        let passes = match state.object.waking(&schedule, is_sent) {
            Waking::Asleep => !rings,
            Waking::At(needed) => needed > now || !rings,
            Waking::Never => false,
        };
        if passes {
            actions.push(Action::Wait);
        }
    }
}

impl State {
    /// The moment it is.
    pub fn now(&self) -> Timestamp {
        moment(self.tick)
    }

    /// Whether the books have an order.
    pub fn books_have(&self, visit: usize) -> bool {
        self.books.iter().any(|order| order.payment.visit == visit)
    }
}

impl Model for Checkout {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let object = Object::selling(self.bounds.units, moment(0)).unwrap();
        vec![State {
            tick: 0,
            object,
            visits: vec![Visit::default(); self.visitors.len()],
            provider: Provider::default(),
            queue: BTreeSet::new(),
            words: BTreeSet::new(),
            books: Vec::new(),
            merchant: Merchant::default(),
            crashes_left: self.bounds.crashes,
            duplicates_left: self.bounds.duplicates,
            lates_left: self.bounds.lates,
            defect: None,
            form: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.defect.is_some() {
            return;
        }
        for visit in 0..self.visitors.len() {
            self.visit_actions(state, visit, actions);
        }
        cancel::actions(self, state, actions);
        Self::provider_actions(state, actions);
        Self::message_actions(state, actions);
        self.time_actions(state, actions);
        if state.crashes_left > 0 && state.object.is_awake() {
            actions.push(Action::Crash { queues: false });
            if !state.queue.is_empty() {
                actions.push(Action::Crash { queues: true });
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        if let Err(defect) = steps::take(self, &mut next, action) {
            next.defect = Some(defect);
        }
        steps::note_called(self, last, &mut next);
        next.form = form::of(self, &next);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }

    fn format_action(&self, action: &Action) -> String {
        steps::in_words(self, action)
    }
}
