//! What each step does to the state.

use doorbuster_domain::inventory::{Answer, Command, PlacedOrder, Reply, ReservationState};
use doorbuster_domain::outbox::Item;

use super::bounds::{Flaw, PRICE_MINOR, Visitor};
use super::cancel;
use super::model::{Action, Checkout, How, State};
use super::object::Defect;
use super::outside::{Gave, Message, Order, Payment, Record, Said, Status, Word};

/// Takes a step.
pub fn take(model: &Checkout, state: &mut State, action: Action) -> Result<(), Defect> {
    match action {
        Action::Reserve { visit, quantity, how } => reserve(model, state, (visit, quantity, how)),
        Action::Extend { visit } => {
            let Visitor { shopper, reservation, .. } = model.visitors[visit];
            call(model, state, &Command::Extend { shopper, reservation }, How::Answered).map(drop)
        }
        Action::Release { visit, how } => {
            let Visitor { shopper, reservation, .. } = model.visitors[visit];
            let answer = call(model, state, &Command::Release { shopper, reservation }, how)?;
            if let Some(Answer::Accepted(Reply::Reservation { view, .. })) = answer {
                let pays = view.state == ReservationState::Paying;
                state.visits[visit].gave = if pays { Gave::Up } else { Gave::Back };
            }
            Ok(())
        }
        Action::BeginPayment { visit, how } => begin_payment(model, state, (visit, how)),
        Action::OpenPage { payment } => {
            let view = model.view(state, payment.visit);
            state.provider.open(payment, view.map_or(0, |view| view.amount.minor));
            Ok(())
        }
        Action::Pay { payment } => {
            state.provider.decide(payment, Status::Completed);
            state.words.insert(Word::Completed(payment));
            Ok(())
        }
        Action::Decline { payment } => {
            state.provider.decide(payment, Status::Declined);
            state.words.insert(Word::Declined(payment));
            Ok(())
        }
        Action::CompleteLate { payment } => {
            state.lates_left -= 1;
            state.provider.complete_late(payment);
            state.words.insert(Word::Completed(payment));
            Ok(())
        }
        Action::Deliver { word, how } => deliver(model, state, word, how),
        Action::Lose { word } => {
            state.words.remove(&word);
            Ok(())
        }
        Action::Consume { message } => {
            consume(model, state, message);
            Ok(())
        }
        Action::Cancel { visit, restock, how } => cancel::take(model, state, (visit, restock, how)),
        Action::Alarm { how } => alarm(model, state, how),
        Action::Wait => {
            state.tick += 1;
            Ok(())
        }
        Action::Crash { queues } => {
            if queues {
                state.queue.clear();
                state.words.retain(|word| word.message().is_none());
            }
            crash(model, state)
        }
    }
}

/// Whoever waited before a step and holds units after it was called by it.
pub fn note_called(model: &Checkout, last: &State, next: &mut State) {
    for visit in 0..model.visitors.len() {
        let state_in = |state: &State| model.view(state, visit).map(|view| view.state);
        if state_in(last) == Some(ReservationState::Waiting)
            && state_in(next) == Some(ReservationState::Held)
        {
            next.visits[visit].called = model.view(next, visit).and_then(|v| v.expires_at);
        }
    }
}

/// Calls the object; nothing if no answer came.
pub fn call(
    model: &Checkout,
    state: &mut State,
    command: &Command,
    how: How,
) -> Result<Option<Answer>, Defect> {
    let now = state.now();
    let answers = state.object.turn(std::slice::from_ref(command), now, model.flaw)?;
    if how == How::Crashing {
        crash(model, state)?;
        return Ok(None);
    }
    Ok(answers.into_iter().next())
}

fn crash(model: &Checkout, state: &mut State) -> Result<(), Defect> {
    state.crashes_left -= 1;
    state.object.crash(model.flaw)
}

fn reserve(
    model: &Checkout,
    state: &mut State,
    (visit, quantity, how): (usize, u32, How),
) -> Result<(), Defect> {
    let Visitor { shopper, key, .. } = model.visitors[visit].clone();
    let command = if model.bounds.waits {
        Command::ReserveOrWait { shopper, key, quantity }
    } else {
        Command::Reserve { shopper, key, quantity }
    };
    let answer = call(model, state, &command, how)?;
    let visit = &mut state.visits[visit];
    match answer {
        None => visit.asked = Some(quantity),
        Some(Answer::Accepted(Reply::Reservation { view, .. })) => {
            (visit.asked, visit.answer) = (None, Some(view));
        }
        // A refusal is not an act: whoever was refused may ask for something else.
        Some(_) => visit.asked = None,
    }
    Ok(())
}

fn begin_payment(
    model: &Checkout,
    state: &mut State,
    (visit, how): (usize, How),
) -> Result<(), Defect> {
    let Visitor { shopper, reservation, .. } = model.visitors[visit];
    let answer = call(model, state, &Command::BeginPayment { shopper, reservation }, how)?;
    if let Some(Answer::Accepted(Reply::Reservation { view, .. })) = answer {
        let payment = view.payment.ok_or("a payment was begun that has no name")?;
        state.visits[visit].begun = payment.attempt();
    }
    Ok(())
}

fn deliver(model: &Checkout, state: &mut State, word: Word, how: How) -> Result<(), Defect> {
    let amount_of = |payment: Payment| state.provider.record(payment).map(|r| r.amount_minor);
    let command = match word {
        Word::Completed(payment) => Command::Allocate {
            payment: model.payment_id(payment),
            amount_minor: amount_of(payment).unwrap_or_default(),
        },
        Word::Declined(payment) => Command::DeclinePayment { payment: model.payment_id(payment) },
        Word::Report(message, said) => report(model, message, said),
    };
    let visit = word.payment().visit;
    let was_over = is_over(model, state, visit);
    let answer = call(model, state, &command, how)?;
    if let Some(Answer::Accepted(Reply::Reservation { view, .. })) = &answer {
        state.visits[visit].noted |= view.order.is_some();
        state.visits[visit].came_back |= view.order.is_some() && was_over;
    }
    if how == How::Twice {
        state.duplicates_left -= 1;
    }
    match word.message() {
        // What is not acknowledged comes again; so does what comes twice.
        Some(message) => {
            state.words.remove(&word);
            if how == How::Answered && matches!(answer, Some(Answer::Accepted(_))) {
                state.queue.remove(&message);
            }
        }
        None if how == How::Answered => {
            state.words.remove(&word);
        }
        None => {}
    }
    Ok(())
}

/// Whether the units of a reservation were given back.
fn is_over(model: &Checkout, state: &State, visit: usize) -> bool {
    model.view(state, visit).is_some_and(|view| {
        matches!(view.state, ReservationState::Released | ReservationState::Expired)
    })
}

/// What the consumer of a message tells the object.
fn report(model: &Checkout, message: Message, said: Said) -> Command {
    match (message, said) {
        (Message::Order(order), _) => {
            let orders = vec![model.reservation(order.payment.visit).order()];
            Command::Settle { orders }
        }
        (Message::Void(payment), Said::Done) => {
            Command::VoidPayment { payment: model.payment_id(payment) }
        }
        (Message::Void(payment), Said::TooLate { amount_minor }) => {
            Command::Allocate { payment: model.payment_id(payment), amount_minor }
        }
        (Message::Refund(payment, _), _) => {
            Command::ConfirmRefund { payment: model.payment_id(payment) }
        }
    }
}

/// What the consumer of a message does outside; its report is then on its way.
fn consume(model: &Checkout, state: &mut State, message: Message) {
    let flaw = model.flaw;
    let said = match message {
        Message::Order(order) => {
            let known = state.books_have(order.payment.visit);
            let repeats = flaw == Some(Flaw::BooksKeepRepeats) && state.books.len() < 3;
            if !known || repeats {
                state.books.push(order);
                state.books.sort_unstable();
            }
            Said::Done
        }
        Message::Void(_) if flaw == Some(Flaw::VoidsUnasked) => Said::Done,
        Message::Void(payment) => match state.provider.void(payment) {
            Record { status: Status::Completed | Status::Refunded, amount_minor, .. } => {
                Said::TooLate { amount_minor }
            }
            _ => Said::Done,
        },
        Message::Refund(..) if flaw == Some(Flaw::RefundsUnasked) => Said::Done,
        Message::Refund(payment, cancelled) => {
            let cancelled = cancelled.filter(|_| flaw != Some(Flaw::CancelNotWritten));
            if let Some(restock) = cancelled {
                state.merchant.note(payment.visit, restock);
            }
            if !state.provider.refund(payment, flaw == Some(Flaw::RefundsRepeat)) {
                // The consumer fails, and the message stays.
                return;
            }
            if cancelled.is_some() {
                state.merchant.note_refund();
            }
            Said::Done
        }
    };
    state.words.insert(Word::Report(message, said));
}

fn alarm(model: &Checkout, state: &mut State, how: How) -> Result<(), Defect> {
    let (orders, items) = state.object.outgoing(state.now(), model.flaw)?;
    if how == How::Crashing {
        return crash(model, state);
    }
    let order = |placed: &PlacedOrder| {
        let PlacedOrder { payment, quantity, amount, .. } = placed;
        let payment = model.payment(*payment);
        Message::Order(Order { payment, quantity: *quantity, amount_minor: amount.minor })
    };
    let task = |item: &Item| match item {
        Item::Order(_) => None,
        Item::Void(reservation) => {
            let payment = state.object.inventory().payment_under_way(*reservation)?;
            Some(Message::Void(model.payment(payment)))
        }
        Item::Refund(payment) => {
            let cancelled = state.object.inventory().cancelled_with(*payment);
            let restock = cancelled.map(|cancelled| cancelled.restock);
            Some(Message::Refund(model.payment(*payment), restock))
        }
    };
    let tasks: Vec<Message> = items.iter().filter_map(task).collect();
    state.queue.extend(orders.iter().map(order).chain(tasks));
    Ok(())
}

/// What one pays for so many units.
pub const fn owed(quantity: u32) -> u64 {
    PRICE_MINOR * quantity as u64
}

/// A step as a sentence.
pub fn in_words(model: &Checkout, action: &Action) -> String {
    let who =
        |visit: usize| format!("{} ({})", model.visitors[visit].name, model.visitors[visit].key);
    let of = |payment: &Payment| format!("{}, payment {}", who(payment.visit), payment.attempt);
    let end = |how: &How| match how {
        How::Answered => "",
        How::Twice => ", and it comes once more",
        How::Crashing => ": committed, then a crash, no answer",
    };
    let message = |message: &Message| match message {
        Message::Order(order) => format!("order of {}", of(&order.payment)),
        Message::Void(payment) => format!("void of {}", of(payment)),
        Message::Refund(payment, _) => format!("refund of {}", of(payment)),
    };
    let spoken = |word: &Word| match word {
        Word::Completed(payment) => format!("webhook completed, {}", of(payment)),
        Word::Declined(payment) => format!("webhook declined, {}", of(payment)),
        Word::Report(of, Said::Done) => format!("report on {}", message(of)),
        Word::Report(of, Said::TooLate { .. }) => format!("report on {}: too late", message(of)),
    };
    match action {
        Action::Reserve { visit, quantity, how } => {
            format!("{} asks for {quantity}{}", who(*visit), end(how))
        }
        Action::Extend { visit } => format!("{} extends", who(*visit)),
        Action::Release { visit, how } => format!("{} gives back{}", who(*visit), end(how)),
        Action::BeginPayment { visit, how } => format!("{} goes to pay{}", who(*visit), end(how)),
        Action::OpenPage { payment } => format!("the provider's page opens: {}", of(payment)),
        Action::Pay { payment } => format!("the provider completes {}", of(payment)),
        Action::Decline { payment } => format!("the provider declines {}", of(payment)),
        Action::CompleteLate { payment } => {
            format!("the provider completes late, against its word, {}", of(payment))
        }
        Action::Deliver { word, how } => format!("arrives: {}{}", spoken(word), end(how)),
        Action::Lose { word } => format!("is lost: {}", spoken(word)),
        Action::Consume { message: taken } => format!("the consumer does {}", message(taken)),
        Action::Cancel { visit, restock, how } => {
            let units = if *restock { "come back" } else { "leave the sale" };
            format!("the merchant cancels for {}, units {units}{}", who(*visit), end(how))
        }
        Action::Alarm { how } => format!("the alarm goes off{}", end(how)),
        Action::Wait => "a tick passes".to_owned(),
        Action::Crash { queues: false } => "the object loses its memory".to_owned(),
        Action::Crash { queues: true } => {
            "the object loses its memory, the queues what is in them".to_owned()
        }
    }
}
