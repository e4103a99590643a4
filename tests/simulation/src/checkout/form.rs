//! What makes two states the same: that everything which can happen from them on is.
//!
//! Of moments only their distance from now counts, and only while it can still matter; and it does
//! not matter which of two shoppers is called ann. What is left of a state is hashed here. The
//! check looks at one state of each form.

use std::hash::{DefaultHasher, Hash, Hasher};

use doorbuster_domain::id::{PaymentId, ReservationId};
use doorbuster_domain::inventory::{Command, Reply, ReservationState, ReservationView};
use doorbuster_domain::outbox::Item;

use super::bounds::{EXTENSION_MAX, Visitor};
use super::model::{Checkout, State};
use super::object::{Due, Waking};
use super::outside::{Message, Payment, Record, Status, Visit, Word};

/// The form of a state, as a number.
pub fn of(model: &Checkout, state: &State) -> u64 {
    let mut shoppers: Vec<(&str, Vec<u64>)> = Vec::new();
    let schedule = state.object.schedule(state.now());
    for (visit, Visitor { name, .. }) in model.visitors.iter().enumerate() {
        let form = of_visit(model, state, &schedule, visit);
        match shoppers.iter_mut().find(|(known, _)| known == name) {
            Some((_, forms)) => forms.push(form),
            None => shoppers.push((name, vec![form])),
        }
    }
    let sorted = |(_, mut forms): (&str, Vec<u64>)| {
        forms.sort_unstable();
        forms
    };
    let mut forms: Vec<Vec<u64>> = shoppers.into_iter().map(sorted).collect();
    forms.sort_unstable();
    let left = (state.crashes_left, state.duplicates_left, state.lates_left);
    hash(&(forms, left, of_waking(model, state, &schedule), &state.defect))
}

/// When the object has to be called by itself, and when it will be. An alarm that is early enough
/// is as good as another, as long as nobody can lose the memory of what it is for.
fn of_waking(model: &Checkout, state: &State, schedule: &[Due]) -> impl Hash + use<> {
    let now = state.now();
    let alarm = state.object.alarm().map(|at| at.since(now));
    let waking = state.object.waking(schedule, |item| is_sent(model, state, item));
    let is_early = match waking {
        Waking::At(at) => alarm.is_some_and(|alarm| alarm <= at.since(now)),
        Waking::Never => true,
        Waking::Asleep => false,
    };
    let alarm = alarm.filter(|_| state.crashes_left > 0 || !is_early);
    let needed = match waking {
        Waking::Asleep => (0, None),
        Waking::Never => (1, None),
        Waking::At(at) => (2, Some(at.since(now))),
    };
    (alarm, is_early, needed)
}

/// Whether a message of this item lies in its queue.
pub fn is_sent(model: &Checkout, state: &State, item: &Item) -> bool {
    let is_of = |message: &Message| match (message, item) {
        (Message::Order(of), Item::Order(order)) => {
            model.reservation(of.payment.visit).order() == *order
        }
        (Message::Void(payment), Item::Void(reservation)) => {
            let under_way = state.object.inventory().payment_under_way(*reservation);
            under_way == Some(model.payment_id(*payment))
        }
        (Message::Refund(payment, _), Item::Refund(due)) => model.payment_id(*payment) == *due,
        _ => false,
    };
    state.queue.iter().any(is_of)
}

/// The provider's record of a payment. Who was declined and tries no further is as who was voided;
/// and what was not completed will not be, if nothing can be completed late any more.
fn of_record(model: &Checkout, state: &State, payment: Payment) -> Option<Record> {
    let record = state.provider.record(payment)?;
    let ended = matches!(record.status, Status::Declined | Status::Voided);
    if !ended || payment.attempt < model.bounds.attempts {
        return Some(record);
    }
    let amount_minor = if state.lates_left > 0 { record.amount_minor } else { 0 };
    Some(Record { status: Status::Voided, amount_minor, ..record })
}

/// A reservation, its payments, and everything said of them.
fn of_visit(model: &Checkout, state: &State, schedule: &[Due], visit: usize) -> u64 {
    let told = &state.visits[visit];
    let mut hasher = DefaultHasher::new();
    (told.asked, told.answer.is_some(), told.begun).hash(&mut hasher);
    (told.gave, told.noted, told.came_back, told.called.is_some()).hash(&mut hasher);
    state.merchant.of_visit(visit).hash(&mut hasher);
    if let Some(view) = model.view(state, visit) {
        of_reservation(model, state, (visit, &view)).hash(&mut hasher);
    }
    let attempts = model.attempts(state, visit);
    attempts.hash(&mut hasher);
    for attempt in 1..=model.bounds.attempts {
        let payment = Payment { visit, attempt };
        let is_due = is_refund_due(state, model.payment_id(payment));
        (of_record(model, state, payment), is_due).hash(&mut hasher);
    }
    // What is on its way need not be sent again, as long as it cannot get lost.
    let matters = |item: &Item| state.crashes_left > 0 || !is_sent(model, state, item);
    for Due { item, at, again_after } in schedule.iter().filter(|due| matters(&due.item)) {
        let (reservation, what) = match item {
            Item::Order(order) => (order.reservation(), (0, 0)),
            Item::Void(reservation) => (*reservation, (1, 0)),
            Item::Refund(payment) => (payment.reservation(), (2, payment.attempt())),
        };
        if reservation == model.reservation(visit) {
            (3, what, at.since(state.now()), again_after).hash(&mut hasher);
        }
    }
    let here = |payment: &Payment| payment.visit == visit;
    for row in state.books.iter().filter(|row| here(&row.payment)) {
        (0, row.payment.attempt, row.quantity, row.amount_minor).hash(&mut hasher);
    }
    for message in state.queue.iter().filter(|message| here(&message.payment())) {
        (1, plain_message(message)).hash(&mut hasher);
    }
    for word in state.words.iter().filter(|word| here(&word.payment())) {
        (2, plain_word(word)).hash(&mut hasher);
    }
    hasher.finish()
}

fn of_reservation(
    model: &Checkout,
    state: &State,
    (visit, view): (usize, &ReservationView),
) -> impl Hash + use<> {
    let now = state.now();
    let at_first = first_answer(model, state, visit);
    let first = at_first.as_ref().and_then(|view| view.expires_at);
    let Visit { answer: told, called, .. } = &state.visits[visit];
    let told = told.as_ref();
    // That it is answered as it was at first.
    let as_told =
        told.is_none_or(|told| told.expires_at == first && told.quantity == view.quantity);
    let is_live = matches!(view.state, ReservationState::Held | ReservationState::Paying);
    let until = view.expires_at.map(|at| at.since(now));
    // From its beginning the longest that it may last is counted. After that it cannot get older.
    let age = called
        .or(first)
        .filter(|_| is_live)
        .map(|at| (at.since(now), now.since(at).min(EXTENSION_MAX)));
    let overdue = is_overdue(state, model.reservation(visit));
    let settled = view.order.as_ref().map(|order| order.settled);
    let attempt = view.payment.map(PaymentId::attempt);
    let refund = view.refund.map(|refund| refund as u8);
    let ahead = view.waitlist.map(|waitlist| waitlist.ahead);
    let waited = at_first.is_some_and(|view| view.state == ReservationState::Waiting);
    let standing = (view.state as u8, view.quantity, waited, ahead);
    (standing, until, age, overdue, settled, attempt, refund, as_told)
}

/// What a reservation was answered at first: its deadline tells when it was made.
fn first_answer(model: &Checkout, state: &State, visit: usize) -> Option<ReservationView> {
    let Visitor { shopper, key, .. } = model.visitors[visit].clone();
    let quantity = model.view(state, visit)?.quantity;
    let repeat = Command::RepeatReserve { shopper, key, quantity };
    match state.object.inventory().handle(&repeat, state.now()).ok()?.reply {
        Reply::Reservation { view, .. } => Some(view),
        _ => None,
    }
}

fn is_overdue(state: &State, reservation: ReservationId) -> bool {
    state.object.inventory().ending_payments().any(|due| due.reservation() == reservation)
}

fn is_refund_due(state: &State, payment: PaymentId) -> bool {
    state.object.inventory().refunds_due().any(|due| due == payment)
}

/// A message without whose it is.
fn plain_message(message: &Message) -> (u8, u32, u32, u64) {
    match message {
        Message::Order(order) => (0, order.payment.attempt, order.quantity, order.amount_minor),
        Message::Void(payment) => (1, payment.attempt, 0, 0),
        Message::Refund(payment, restock) => {
            (2, payment.attempt, restock.map_or(0, |restock| 1 + u32::from(restock)), 0)
        }
    }
}

fn plain_word(word: &Word) -> impl Hash {
    match word {
        Word::Completed(payment) => (0, payment.attempt, None),
        Word::Declined(payment) => (1, payment.attempt, None),
        Word::Report(message, said) => (2, 0, Some((plain_message(message), *said))),
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
