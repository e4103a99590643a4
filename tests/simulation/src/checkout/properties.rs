//! What has to hold in every state, and what has to be seen at all.
//!
//! The first are the invariants 1 to 6 of the design. The second say that the checked states have
//! in them what is hard: without these the first would be empty words.

use doorbuster_domain::inventory::{
    Answer, Command, OrderView, RefundState, Reply, ReservationState, ReservationView,
};
use doorbuster_domain::machine::Machine as _;
use stateright::Property;

use super::bounds::Visitor;
use super::cancel;
use super::model::{Checkout, State};
use super::outside::{Gave, Message, Order, Payment, Status, Visit, Word};
use super::steps::owed;

pub const NO_OVERSELL: &str = "no oversell";
pub const NOTHING_LOST: &str = "no acknowledged act is lost";
pub const ONE_ANSWER: &str = "one answer per act";
pub const SETTLED_ONCE: &str = "every order is settled once in effect";
pub const NO_UNDERSELL: &str = "no undersell";
pub const NOT_ROBBED: &str = "who is paying is not robbed";
pub const MONEY: &str = "money never comes in vain";
pub const CANCELLED: &str = "what is cancelled is undone as was said";
pub const FITS: &str = "what is decided fits, and replays to the same";

/// All of them, those that have to hold first.
pub fn all() -> Vec<Property<Checkout>> {
    let mut all = vec![
        Property::always(NO_OVERSELL, no_oversell),
        Property::always(NOTHING_LOST, nothing_acknowledged_is_lost),
        Property::always(ONE_ANSWER, one_answer_per_act),
        Property::always(SETTLED_ONCE, settled_once),
        Property::always(NO_UNDERSELL, no_undersell),
        Property::always(NOT_ROBBED, not_robbed),
        Property::always(MONEY, money_is_not_in_vain),
        Property::always(CANCELLED, cancel::is_as_said),
        Property::always(FITS, |_, state: &State| state.defect.is_none()),
        Property::sometimes("everything is sold, settled and at rest", everything_is_sold),
        Property::sometimes("a reservation is extended", is_extended),
        Property::sometimes("who was declined pays with the second payment", second_pays),
        Property::sometimes("a lost webhook is found out by the void", webhook_found_out),
        Property::sometimes("a late payment is reserved again", reserved_again),
        Property::sometimes("a late payment finds nothing and goes back", late_goes_back),
        Property::sometimes("a second payment of one order goes back", second_goes_back),
        Property::sometimes("a crash between the books and the report", crash_before_report),
        Property::sometimes("a crash while an order is in no queue", order_in_no_queue),
        Property::sometimes("who gave a payment up has bought", gave_up_and_bought),
        Property::sometimes("who gave a payment up is free of it", gave_up_and_free),
        Property::sometimes("who waited is called, and buys", waited_and_bought),
        Property::sometimes("who waited is called, and lets it go", waited_in_vain),
        Property::sometimes("an act is answered only after a crash", answered_after_crash),
        Property::sometimes("a settled order comes once more", order_comes_again),
        Property::sometimes("a payment that bought comes once more", payment_comes_again),
    ];
    all.extend(cancel::seen());
    all
}

/// The visits, with what each was told and how its reservation looks now.
fn visits<'s>(
    model: &'s Checkout,
    state: &'s State,
) -> impl Iterator<Item = (usize, &'s Visit, Option<ReservationView>)> {
    let view = move |(visit, told)| (visit, told, model.view(state, visit));
    state.visits.iter().enumerate().map(view)
}

fn any_view(model: &Checkout, state: &State, is: impl Fn(usize, &ReservationView) -> bool) -> bool {
    visits(model, state).any(|(visit, _, view)| view.is_some_and(|view| is(visit, &view)))
}

fn no_oversell(model: &Checkout, state: &State) -> bool {
    let Some(stock) = state.object.inventory().stock() else { return false };
    let sold = |order: &&Order| {
        let view = model.view(state, order.payment.visit);
        !view.as_ref().is_some_and(cancel::is_cancelled)
    };
    let in_books: u32 = state.books.iter().filter(sold).map(|order| order.quantity).sum();
    stock.reserved + stock.allocated <= stock.on_hand
        && stock.on_hand + cancel::withdrawn(model, state) == model.bounds.units
        && in_books <= stock.on_hand
        && state.object.inventory().check_invariants().is_ok()
}

fn nothing_acknowledged_is_lost(model: &Checkout, state: &State) -> bool {
    visits(model, state).all(|(visit, told, view)| {
        let known = |first: &ReservationView| {
            view.as_ref().is_some_and(|view| view.quantity == first.quantity)
        };
        let is = |states: &[ReservationState]| {
            view.as_ref().is_some_and(|view| states.contains(&view.state))
        };
        let over = [
            ReservationState::Released,
            ReservationState::Expired,
            ReservationState::Allocated,
            ReservationState::Cancelled,
        ];
        let gave = match told.gave {
            Gave::Nothing => true,
            Gave::Up => is(&over) || is(&[ReservationState::Paying]),
            Gave::Back => is(&over),
        };
        told.answer.as_ref().is_none_or(known)
            && told.begun <= model.attempts(state, visit)
            && gave
            && (!told.noted || state.object.has_order(model.reservation(visit).order()))
    })
}

/// Asked again, now and with the same key, the product says what it said first; asked for another
/// number with it, it refuses and changes nothing.
fn one_answer_per_act(model: &Checkout, state: &State) -> bool {
    let mut inventory = state.object.inventory().clone();
    // What is due happens first, whatever is asked.
    let Ok(due) = inventory.decide_batch([], state.now()) else { return false };
    state.visits.iter().zip(&model.visitors).all(|(told, Visitor { shopper, key, .. })| {
        let Some(first) = &told.answer else { return true };
        let ask = |quantity| Command::Reserve { shopper: *shopper, key: key.clone(), quantity };
        let asked = [ask(first.quantity), ask(first.quantity + 1)];
        let Ok(batch) = inventory.decide_batch(&asked, due.at) else { return false };
        let same = Reply::Reservation { view: first.clone(), exists: true };
        batch.answers.first() == Some(&Answer::Accepted(same))
            && matches!(batch.answers.last(), Some(Answer::Rejected(_)))
            && batch.events.is_empty()
    }) && cancel::has_one_answer(model, state)
}

fn settled_once(model: &Checkout, state: &State) -> bool {
    let once = state.books.windows(2).all(|two| two[0].payment.visit != two[1].payment.visit);
    let true_rows = state.books.iter().all(|row| {
        let placed =
            state.object.inventory().placed_order(model.reservation(row.payment.visit).order());
        placed.is_some_and(|placed| {
            let told = (placed.payment, placed.quantity, placed.amount.minor);
            told == (model.payment_id(row.payment), row.quantity, row.amount_minor)
        })
    });
    let settled = visits(model, state).all(|(visit, _, view)| {
        let order = view.and_then(|view| view.order);
        let in_books = state.books_have(visit);
        match order {
            Some(OrderView { settled: true, .. }) => in_books,
            Some(OrderView { settled: false, .. }) => !model.is_quiescent(state),
            None => !in_books,
        }
    });
    once && true_rows && settled
}

/// When nothing can happen any more, what is not an order is there for who comes next.
fn no_undersell(model: &Checkout, state: &State) -> bool {
    if !model.is_quiescent(state) {
        return true;
    }
    let mut inventory = state.object.inventory().clone();
    let Some(stock) = inventory.stock() else { return false };
    let free = stock.on_hand - stock.allocated;
    if free == 0 {
        return stock.reserved == 0;
    }
    let shopper = doorbuster_domain::id::ShopperId::of_secret(b"who comes next");
    let ask = Command::Reserve { shopper, key: "next".parse().unwrap(), quantity: free };
    let batch = inventory.decide_batch([&ask], state.now());
    stock.reserved == 0
        && batch.is_ok_and(|batch| matches!(batch.answers[..], [Answer::Accepted(_)]))
}

/// A payment is under way, or the provider has said what became of it. As long as it could still be
/// completed, its units are its shopper's.
fn not_robbed(model: &Checkout, state: &State) -> bool {
    visits(model, state).all(|(visit, _, view)| {
        let Some(view) = view else { return true };
        (1..=model.attempts(state, visit)).map(|attempt| Payment { visit, attempt }).all(
            |payment| {
                let is_under_way = view.state == ReservationState::Paying
                    && view.payment == Some(model.payment_id(payment));
                let record = state.provider.record(payment);
                is_under_way || record.is_some_and(|record| record.status != Status::Open)
            },
        )
    })
}

/// What was paid bought an order, or was given back once, or is being dealt with.
fn money_is_not_in_vain(model: &Checkout, state: &State) -> bool {
    let quiescent = model.is_quiescent(state);
    let inventory = state.object.inventory();
    let goes_back = |payment: Payment| {
        model.view(state, payment.visit).as_ref().is_some_and(cancel::is_cancelled)
    };
    let bought = |payment: Payment| {
        let order = inventory.placed_order(model.reservation(payment.visit).order());
        order.filter(|order| order.payment == model.payment_id(payment))
    };
    let records = state.provider.records().all(|(payment, record)| match record.status {
        Status::Completed => match bought(payment) {
            Some(order) => {
                record.amount_minor == owed(order.quantity) && !(quiescent && goes_back(payment))
            }
            None => !quiescent,
        },
        Status::Refunded => {
            record.given_back == 1 && (bought(payment).is_none() || goes_back(payment))
        }
        Status::Open | Status::Declined | Status::Voided => bought(payment).is_none(),
    });
    let orders = inventory.orders().count();
    let paid = state.provider.records().filter(|(payment, _)| bought(*payment).is_some()).count();
    records && orders == paid && (!quiescent || inventory.refunds_due().next().is_none())
}

fn everything_is_sold(model: &Checkout, state: &State) -> bool {
    let stock = state.object.inventory().stock();
    stock.is_some_and(|stock| stock.allocated == stock.on_hand && stock.orders_unsettled == 0)
        && model.is_quiescent(state)
}

fn is_extended(model: &Checkout, state: &State) -> bool {
    any_view(model, state, |visit, view| {
        let first = state.visits[visit].answer.as_ref();
        view.state == ReservationState::Held
            && state.visits[visit].begun == 0
            && first.is_some_and(|first| view.expires_at > first.expires_at)
    })
}

fn second_pays(model: &Checkout, state: &State) -> bool {
    any_view(model, state, |visit, view| {
        let first = state.provider.record(Payment { visit, attempt: 1 });
        first.is_some_and(|first| first.status == Status::Declined) && view.order.is_some()
    })
}

fn webhook_found_out(model: &Checkout, state: &State) -> bool {
    let of_order = |word: &Word| match word {
        Word::Completed(payment) => {
            let order = model.reservation(payment.visit).order();
            state.object.has_order(order) && state.books_have(payment.visit)
        }
        _ => false,
    };
    state.duplicates_left == model.bounds.duplicates
        && state.crashes_left == model.bounds.crashes
        && state.lates_left == model.bounds.lates
        && state.words.iter().any(of_order)
        && model.is_quiescent(state)
}

fn reserved_again(model: &Checkout, state: &State) -> bool {
    state.visits.iter().any(|told| told.came_back) && model.is_quiescent(state)
}

fn late_goes_back(model: &Checkout, state: &State) -> bool {
    let late_and_back =
        |(_, record): (_, super::outside::Record)| record.late && record.status == Status::Refunded;
    state.provider.records().any(late_and_back)
        && any_view(model, state, |_, view| {
            view.refund == Some(RefundState::Done) && view.order.is_none()
        })
        && model.is_quiescent(state)
}

fn second_goes_back(model: &Checkout, state: &State) -> bool {
    any_view(model, state, |_, view| view.refund == Some(RefundState::Done) && view.order.is_some())
        && model.is_quiescent(state)
}

fn gave_up_and_bought(model: &Checkout, state: &State) -> bool {
    any_view(model, state, |visit, view| {
        state.visits[visit].gave == Gave::Up && view.order.is_some()
    })
}

fn gave_up_and_free(model: &Checkout, state: &State) -> bool {
    any_view(model, state, |visit, view| {
        state.visits[visit].gave == Gave::Up && view.state == ReservationState::Released
    })
}

fn waited_and_bought(model: &Checkout, state: &State) -> bool {
    any_view(model, state, |visit, view| {
        state.visits[visit].called.is_some() && view.order.is_some()
    })
}

fn waited_in_vain(model: &Checkout, state: &State) -> bool {
    any_view(model, state, |visit, view| {
        state.visits[visit].called.is_some() && view.state == ReservationState::Expired
    })
}

fn is_unsettled(view: &ReservationView) -> bool {
    view.order.as_ref().is_some_and(|order| !order.settled)
}

fn crash_before_report(model: &Checkout, state: &State) -> bool {
    !state.object.is_awake()
        && any_view(model, state, |visit, view| is_unsettled(view) && state.books_have(visit))
}

/// Only the journal knows of the order. That it is settled all the same is [`settled_once`].
fn order_in_no_queue(model: &Checkout, state: &State) -> bool {
    let sent = |visit: usize| {
        let is_order = |message: &&Message| matches!(message, Message::Order(_));
        state.queue.iter().filter(is_order).any(|message| message.payment().visit == visit)
    };
    !state.object.is_awake()
        && any_view(model, state, |visit, view| is_unsettled(view) && !sent(visit))
}

fn answered_after_crash(model: &Checkout, state: &State) -> bool {
    visits(model, state).any(|(_, told, view)| told.asked.is_some() && view.is_some())
}

fn order_comes_again(model: &Checkout, state: &State) -> bool {
    let settled = |visit: usize| {
        let view = model.view(state, visit);
        view.and_then(|view| view.order).is_some_and(|order| order.settled)
    };
    state.duplicates_left < model.bounds.duplicates
        && state
            .queue
            .iter()
            .any(|message| matches!(message, Message::Order(order) if settled(order.payment.visit)))
}

fn payment_comes_again(model: &Checkout, state: &State) -> bool {
    state.duplicates_left < model.bounds.duplicates
        && state.words.iter().any(|word| match word {
            Word::Completed(payment) => {
                any_view(model, state, |visit, view| visit == payment.visit && view.order.is_some())
            }
            _ => false,
        })
}
