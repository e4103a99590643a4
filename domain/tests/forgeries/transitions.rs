//! A reservation in every state, and everything that could be said to have happened to it: what a
//! journal may tell is what a command, or time, would have led to, and nothing else.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use doorbuster_domain::id::{IdempotencyKey, PaymentId, ReservationId, ShopperId};
use doorbuster_domain::inventory::{AdjustmentReason, Cancel, Command, Event, Inventory, Selling};
use doorbuster_domain::journal::verify;
use doorbuster_domain::machine::Machine as _;
use doorbuster_domain::time::Timestamp;

use crate::support::{name, shopper, terms};
use crate::written::{Written, broken};

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn ann() -> ShopperId {
    shopper("ann")
}

fn anns() -> ReservationId {
    ReservationId::derive(&name("drop"), &name("shirt"), ann(), &name("k"))
}

fn payment(attempt: u32) -> PaymentId {
    PaymentId::of(anns(), attempt)
}

fn reserve(who: &str, key: &str, quantity: u32) -> Command {
    Command::Reserve { shopper: shopper(who), key: name(key), quantity }
}

fn begin() -> Command {
    Command::BeginPayment { shopper: ann(), reservation: anns() }
}

fn decline(attempt: u32) -> Command {
    Command::DeclinePayment { payment: payment(attempt) }
}

fn void(attempt: u32) -> Command {
    Command::VoidPayment { payment: payment(attempt) }
}

fn allocate(attempt: u32) -> Command {
    Command::Allocate { payment: payment(attempt), amount_minor: terms().unit_price.minor }
}

fn release() -> Command {
    Command::Release { shopper: ann(), reservation: anns() }
}

fn cancel(restock: bool) -> Command {
    let (order, reason) = (anns().order(), reason());
    Command::CancelOrder(Cancel { order, key: name("c"), restock, reason })
}

fn cancelled(restock: bool) -> Event {
    let (order, reason) = (anns().order(), reason());
    Event::OrderCancelled(Cancel { order, restock, key: name("c"), reason })
}

fn settle() -> Command {
    Command::Settle { orders: vec![anns().order()] }
}

/// A state, by how Ann's one unit of two came to it, and how many of the events below may follow.
struct Standing {
    called: &'static str,
    steps: Vec<(u64, Command)>,
    may_follow: usize,
}

impl Standing {
    fn of(called: &'static str, may_follow: usize, steps: &[(u64, Command)]) -> Self {
        Self { called, steps: steps.to_vec(), may_follow }
    }

    fn journal(&self) -> Written {
        let mut written = Written::default();
        let open = Command::Open { terms: terms(), on_hand: 2 };
        let selling = Command::SetSelling { selling: Selling::Open, phase_number: 1 };
        written.write(1_000, &[open, selling, reserve("ann", "k", 1)]);
        for (moment, command) in &self.steps {
            written.write(*moment, std::slice::from_ref(command));
        }
        written
    }
}

fn standings() -> Vec<Standing> {
    vec![
        Standing::of("held", 4, &[]),
        Standing::of("paying", 5, &[(1_010, begin())]),
        Standing::of("overdue", 4, &[(1_010, begin()), (1_070, Command::ShowStock)]),
        Standing::of("given up", 2, &[(1_010, begin()), (1_020, release())]),
        Standing::of("held again", 5, &[(1_010, begin()), (1_040, decline(1))]),
        Standing::of("paying again", 5, &[(1_010, begin()), (1_020, decline(1)), (1_030, begin())]),
        Standing::of("allocated", 3, &[(1_010, begin()), (1_020, allocate(1))]),
        Standing::of("settled", 2, &[(1_010, begin()), (1_020, allocate(1)), (1_030, settle())]),
        Standing::of(
            "cancelled",
            1,
            &[(1_010, begin()), (1_020, allocate(1)), (1_030, cancel(true))],
        ),
        Standing::of(
            "settled and cancelled",
            0,
            &[(1_010, begin()), (1_020, allocate(1)), (1_030, settle()), (1_040, cancel(false))],
        ),
        Standing::of("released", 0, &[(1_010, release())]),
        Standing::of("expired", 0, &[(1_100, Command::ShowStock)]),
        Standing::of("voided", 1, &[(1_010, begin()), (1_020, void(1))]),
        Standing::of(
            "voided, and the units are gone",
            0,
            &[(1_010, begin()), (1_020, void(1)), (1_030, reserve("bob", "k", 2))],
        ),
        Standing::of(
            "voided, and the limit is reached",
            0,
            &[
                (1_010, begin()),
                (1_020, void(1)),
                (1_030, Command::Restock { key: name("r"), units: 9, reason: reason() }),
                (1_030, reserve("ann", "other", 2)),
            ],
        ),
    ]
}

/// What could be said, at a moment at which it could be so, and the command that would lead to it.
fn claims(now: u64, timeout: u64) -> Vec<(u64, Event, Command)> {
    let reservation = anns();
    // As the terms have it: 100 ms from now, never beyond 250 ms in all; 60 ms to pay.
    let expires_at = at((now + 100).min(1_250));
    let extend = Command::Extend { shopper: ann(), reservation };
    let mut claims = vec![
        (now, Event::Extended { reservation, expires_at }, extend),
        (now, Event::Called { reservation, expires_at: at(now + 100) }, Command::ShowStock),
        (timeout, Event::PaymentOverdue { reservation }, Command::ShowStock),
        (timeout, Event::Expired { reservation }, Command::ShowStock),
        (now, Event::Released { reservation }, release()),
        (now, Event::PaymentGivenUp { reservation }, release()),
        (now, Event::Settled { order: reservation.order() }, settle()),
        (now, cancelled(true), cancel(true)),
        (now, cancelled(false), cancel(false)),
    ];
    for attempt in 1..=3 {
        let payment = payment(attempt);
        let begun = Event::PaymentBegun { payment, deadline: at(now + 60) };
        claims.push((now, begun, begin()));
        claims.push((now, Event::Allocated { payment }, allocate(attempt)));
    }
    claims
}

/// The two that name no payment: what the provider says of the one that is under way.
fn provider_claims(now: u64, inventory: &Inventory) -> Vec<(u64, Event, Command)> {
    let reservation = anns();
    let expires_at = at((now + 100).min(1_250));
    let attempt = inventory.payment_under_way(reservation).map_or(1, PaymentId::attempt);
    vec![
        (now, Event::PaymentDeclined { reservation, expires_at }, decline(attempt)),
        (now, Event::PaymentVoided { reservation }, void(attempt)),
    ]
}

#[test]
fn a_journal_may_tell_of_a_reservation_what_a_command_or_time_leads_to_and_nothing_else() {
    for standing in standings() {
        let written = standing.journal();
        let inventory = &written.inventory;
        let now = written.entries.last().unwrap().committed_at_ms.as_millis() + 15;
        let timeout = inventory.next_timeout().map_or(now, Timestamp::as_millis);
        let mut followed = 0;
        for (moment, event, command) in
            claims(now, timeout).into_iter().chain(provider_claims(now, inventory))
        {
            let batch = inventory.clone().decide_batch([&command], at(moment)).unwrap();
            let decided = batch.events.contains(&event);
            // At once, and not only by the invariants at a journal's end: what follows may hide
            // what was broken.
            let applied = inventory.clone().apply(&event, at(moment));
            assert_eq!(applied.is_ok(), decided, "{}: {event:?}: {applied:?}", standing.called);
            let mut told = standing.journal();
            told.append(at(moment), &serde_json::to_string(&[&event]).unwrap());
            let verified = verify::<Inventory>(&told.entries).map(|_| ());
            assert_eq!(verified.is_ok(), decided, "{}: {event:?}: {verified:?}", standing.called);
            followed += usize::from(decided);
        }
        assert_eq!(followed, standing.may_follow, "{}", standing.called);
    }
}

fn reason() -> AdjustmentReason {
    AdjustmentReason::try_from("found a box".to_owned()).unwrap()
}

fn restocked(key: &IdempotencyKey) -> Event {
    Event::Restocked { key: key.clone(), units: 1, reason: reason() }
}

fn withdrawn(key: &IdempotencyKey) -> Event {
    Event::Withdrawn { key: key.clone(), units: 1, reason: reason() }
}

#[test]
fn nothing_at_all_happens_before_the_sku_was_opened() {
    let mut events = vec![
        restocked(&name("a")),
        withdrawn(&name("a")),
        Event::SellingSet { selling: Selling::Open, phase_number: 3 },
        Event::RefundDue { payment: payment(1), amount_minor: 1 },
        Event::Refunded { payment: payment(1) },
        Event::Reserved { reservation: anns(), shopper: ann(), quantity: 1, expires_at: at(1_100) },
    ];
    events.extend(claims(1_000, 1_000).into_iter().map(|(_, event, _)| event));
    let by_provider = provider_claims(1_000, &Inventory::default());
    events.extend(by_provider.into_iter().map(|(_, event, _)| event));
    for event in events {
        let mut unopened = Written::default();
        unopened.append(at(1_000), &serde_json::to_string(&[&event]).unwrap());
        let reason = format!("event {} cannot follow: opening comes first, and once", event.name());
        assert_eq!(broken(&unopened.entries).reason, reason);
    }
}

#[test]
fn nothing_is_reserved_while_the_sale_is_paused_or_after_it_was_closed() {
    for selling in [Selling::Paused, Selling::Closed] {
        let held =
            Standing::of("held", 0, &[(1_001, Command::SetSelling { selling, phase_number: 2 })]);
        let mut written = held.journal();
        let reserved = Event::Reserved {
            reservation: ReservationId::from_bytes([7; 16]),
            shopper: shopper("eve"),
            quantity: 1,
            expires_at: at(1_102),
        };
        written.append(at(1_002), &serde_json::to_string(&[reserved]).unwrap());
        let reason = "event reserved cannot follow: the sale is not open";
        assert_eq!(broken(&written.entries).reason, reason, "{selling:?}");
    }
}

#[test]
fn one_key_changes_the_stock_once_in_whichever_direction() {
    let plenty = Command::Restock { key: name("plenty"), units: 9, reason: reason() };
    let standing = Standing::of("held", 0, &[(1_001, plenty)]);
    for first in [restocked(&name("act")), withdrawn(&name("act"))] {
        for second in [restocked, withdrawn] {
            let mut good = standing.journal();
            let events = serde_json::to_string(&[&first, &second(&name("other"))]).unwrap();
            good.append(at(1_002), &events);
            verify::<Inventory>(&good.entries).unwrap();
            let mut bad = standing.journal();
            let again = second(&name("act"));
            bad.append(at(1_002), &serde_json::to_string(&[&first, &again]).unwrap());
            let reason = format!("event {} cannot follow: the act happened before", again.name());
            assert_eq!(broken(&bad.entries).reason, reason);
        }
    }
}
