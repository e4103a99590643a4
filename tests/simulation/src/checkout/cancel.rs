//! The merchant cancels an order: what is asked, what the books hear of it, and what has to hold.

use std::hash::Hash;

use doorbuster_domain::inventory::{
    Answer, Batch, Cancel, Command, RefundState, Rejection, Reply, ReservationState,
    ReservationView,
};

use stateright::Property;

use super::bounds::Flaw;
use super::model::{Action, Checkout, How, State, ends};
use super::object::Defect;
use super::outside::{Status, Word};
use super::steps::call;

/// What the merchant asked for, and what the books have of it. One order is cancelled at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Merchant {
    pub asked: Option<Asked>,
    pub row: Option<Row>,
}

/// An order that the merchant wants cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Asked {
    pub visit: usize,
    pub restock: bool,
    pub answered: bool,
}

/// A row of `order_cancellations`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    pub visit: usize,
    pub restock: bool,
    pub refunded: bool,
}

impl Merchant {
    /// The same as far as it is about a visit, without whose that is.
    pub fn of_visit(&self, visit: usize) -> impl Hash + use<> {
        let asked = self.asked.filter(|asked| asked.visit == visit);
        let row = self.row.filter(|row| row.visit == visit);
        (asked.map(|a| (a.restock, a.answered)), row.map(|row| (row.restock, row.refunded)))
    }

    /// The books hear of a cancellation before its money goes back, as in `src/payment/mod.rs`.
    pub fn note(&mut self, visit: usize, restock: bool) {
        self.row.get_or_insert(Row { visit, restock, refunded: false });
    }

    /// And of the money after that.
    pub fn note_refund(&mut self) {
        if let Some(row) = &mut self.row {
            row.refunded = true;
        }
    }
}

/// Any order that is in the books may be cancelled, whether or not its Inventory knows that it is.
/// Who got no answer asks again.
pub fn actions(model: &Checkout, state: &State, actions: &mut Vec<Action>) {
    let mut cancel = |visit, restock| {
        actions.extend(ends(state).iter().map(|how| Action::Cancel { visit, restock, how: *how }));
    };
    match state.merchant.asked {
        Some(Asked { answered: true, .. }) => {}
        Some(Asked { visit, restock, .. }) => cancel(visit, restock),
        None => {
            for visit in (0..model.visitors.len()).filter(|visit| state.books_have(*visit)) {
                model.bounds.cancels.iter().for_each(|restock| cancel(visit, *restock));
            }
        }
    }
}

/// Takes the step. Whoever is answered writes it into the books at once, as in
/// `src/admin/orders.rs`.
pub fn take(
    model: &Checkout,
    state: &mut State,
    (visit, restock, how): (usize, bool, How),
) -> Result<(), Defect> {
    let carried = restock || model.flaw == Some(Flaw::RestocksUnasked);
    let answer = call(model, state, &command(model, visit, carried, "cancel"), how)?;
    if let Some(Answer::Rejected(why)) = &answer {
        return Err(format!("an order is not cancelled: {why}"));
    }
    let answered = answer.is_some();
    state.merchant.asked = Some(Asked { visit, restock, answered });
    if answered {
        state.merchant.note(visit, restock);
    }
    Ok(())
}

fn command(model: &Checkout, visit: usize, restock: bool, key: &str) -> Command {
    let order = model.reservation(visit).order();
    let (key, reason) = (key.parse().unwrap(), "damaged".to_owned().try_into().unwrap());
    Command::CancelOrder(Cancel { order, restock, key, reason })
}

/// Whether a reservation's order was cancelled.
pub fn is_cancelled(view: &ReservationView) -> bool {
    view.state == ReservationState::Cancelled
}

/// Units that left the sale because the merchant said so.
pub fn withdrawn(model: &Checkout, state: &State) -> u32 {
    let left = state.merchant.asked.filter(|asked| !asked.restock);
    let view = left.and_then(|asked| model.view(state, asked.visit));
    view.filter(is_cancelled).map_or(0, |view| view.quantity)
}

/// Only the order that the merchant meant is cancelled, for ever; its shopper, the provider and
/// the books say the same of it, and its units went where they were sent.
pub fn is_as_said(model: &Checkout, state: &State) -> bool {
    let Merchant { asked, row } = state.merchant;
    let quiescent = model.is_quiescent(state);
    let views = (0..model.visitors.len()).map(|visit| (visit, model.view(state, visit)));
    let each = views.into_iter().all(|(visit, view)| {
        let asked = asked.filter(|asked| asked.visit == visit);
        let row = row.filter(|row| row.visit == visit);
        let was_refunded = refunded(model, state, visit);
        let Some(view) = view else { return asked.is_none() && row.is_none() };
        let at = view.order.as_ref().and_then(|order| order.cancelled_at);
        if !is_cancelled(&view) {
            return at.is_none() && row.is_none() && asked.is_none_or(|asked| !asked.answered);
        }
        at.is_some()
            && view.refund.is_some_and(|told| told == RefundState::Due || was_refunded)
            && asked.is_some_and(|asked| row.is_none_or(|row| row.restock == asked.restock))
            && row.is_none_or(|row| !row.refunded || was_refunded)
            && (!quiescent || (was_refunded && row.is_some_and(|row| row.refunded)))
    });
    let stock = state.object.inventory().stock();
    each && stock.is_some_and(|s| s.on_hand + withdrawn(model, state) == model.bounds.units)
}

/// Whether the provider gave back what bought the order.
fn refunded(model: &Checkout, state: &State, visit: usize) -> bool {
    let placed = state.object.inventory().placed_order(model.reservation(visit).order());
    let record = placed.and_then(|placed| state.provider.record(model.payment(placed.payment)));
    record.is_some_and(|record| record.status == Status::Refunded)
}

/// Asked again, the product says the same of a cancellation, and changes nothing; also not for
/// whoever wants another order's key or another end of the same.
pub fn has_one_answer(model: &Checkout, state: &State) -> bool {
    let Some(Asked { visit, restock, answered: true }) = state.merchant.asked else { return true };
    let mut inventory = state.object.inventory().clone();
    let Ok(due) = inventory.decide_batch([], state.now()) else { return false };
    let asked = [(restock, "cancel"), (!restock, "cancel"), (restock, "another")];
    let asked = asked.map(|(restock, key)| command(model, visit, restock, key));
    let Ok(Batch { events, answers, .. }) = inventory.decide_batch(&asked, due.at) else {
        return false;
    };
    let [
        Answer::Accepted(Reply::Reservation { view, exists: true }),
        Answer::Rejected(Rejection::ExistsWithDifferentAdjustment),
        Answer::Rejected(Rejection::OrderCancelled),
    ] = &answers[..]
    else {
        return false;
    };
    is_cancelled(view) && events.is_empty()
}

/// What has to be seen of it.
pub fn seen() -> [Property<Checkout>; 5] {
    [
        Property::sometimes("what was cancelled is bought by another", bought_by_another),
        Property::sometimes("who waited is called by a cancellation", called_by_it),
        Property::sometimes("an order is cancelled before it is settled", before_it_settles),
        Property::sometimes("a cancellation is answered only after a crash", after_a_crash),
        Property::sometimes("the payment of a cancelled order comes once more", paid_again),
    ]
}

fn any(model: &Checkout, state: &State, is: impl Fn(usize, &ReservationView) -> bool) -> bool {
    let views = (0..model.visitors.len()).map(|visit| (visit, model.view(state, visit)));
    views.into_iter().any(|(visit, view)| view.is_some_and(|view| is(visit, &view)))
}

fn bought_by_another(model: &Checkout, state: &State) -> bool {
    let allocated = |view: &ReservationView| view.state == ReservationState::Allocated;
    let stock = state.object.inventory().stock();
    any(model, state, |_, view| is_cancelled(view))
        && any(model, state, |_, view| allocated(view))
        && stock.is_some_and(|stock| stock.allocated == model.bounds.units)
        && model.is_quiescent(state)
}

/// There is no other way to a unit: the only one was an order.
fn called_by_it(model: &Checkout, state: &State) -> bool {
    let called = |visit: usize| state.visits[visit].called.is_some();
    any(model, state, |visit, view| is_cancelled(view) && !called(visit))
        && any(model, state, |visit, view| {
            called(visit) && view.state == ReservationState::Allocated
        })
}

fn before_it_settles(model: &Checkout, state: &State) -> bool {
    let unsettled = |view: &ReservationView| view.order.as_ref().is_some_and(|o| !o.settled);
    any(model, state, |_, view| is_cancelled(view) && unsettled(view))
}

fn after_a_crash(model: &Checkout, state: &State) -> bool {
    state.merchant.asked.is_some_and(|asked| !asked.answered)
        && any(model, state, |_, view| is_cancelled(view))
}

fn paid_again(model: &Checkout, state: &State) -> bool {
    state.duplicates_left < model.bounds.duplicates
        && any(model, state, |visit, view| {
            let of_it = |word: &Word| matches!(word, Word::Completed(p) if p.visit == visit);
            is_cancelled(view) && state.words.iter().any(of_it)
        })
}
