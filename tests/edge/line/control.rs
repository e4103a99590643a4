//! What the merchant does with a line while people stand in it.

use doorbuster_domain::time::Millis;
use doorbuster_tests::{Sale, Shopper, eventually, fifo, now};
use doorbuster_wire::merchant::{LineState, Readiness, SaleState, Stock};
use doorbuster_wire::problem::ProblemKind;
use serde_json::{Value, json};

use crate::shop;

/// So few are admitted that only the first gets in while a test looks.
fn slow() -> doorbuster_wire::merchant::SaleRequest {
    doorbuster_wire::merchant::SaleRequest { admits_per_minute_max: 20, ..fifo() }
}

fn set_phase(sale: &Sale<'_>, phase: &str, why: &str) -> SaleState {
    let body = json!({ "phase": phase, "why": why });
    shop().admin("POST", &sale.admin_path("/phase")).json(&body).send().ok()
}

#[test]
fn a_pause_keeps_every_place_says_why_and_goes_on_where_it_stopped() {
    let sale = Sale::open(shop(), 9, &slow());
    let people: Vec<_> = (0..3).map(|_| Shopper::joined(&sale)).collect();
    let places: Vec<Option<u64>> = people.iter().map(|one| one.poll().position).collect();
    set_phase(&sale, "paused", "The lorry is late.");
    for (one, place) in people.iter().zip(&places) {
        let told = one.wait_until("paused");
        assert_eq!((told.position, told.pass), (*place, None));
        assert_eq!(told.why.as_deref(), Some("The lorry is late."));
        assert!(told.next_poll_ms.is_some());
    }
    assert_eq!(sale.shown().why.as_deref(), Some("The lorry is late."));
    // The line can be joined, and stands.
    let late = Shopper::joined(&sale);
    let began = now();
    let before = sale.state().line.frontier;
    while now().since(began) < Millis::from_secs(3) {
        assert_eq!(late.poll().state, "paused");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(sale.state().line.frontier, before);
    sale.set_phase("open").ok::<SaleState>();
    let goes_on = eventually("it goes on", || {
        let turn = people[0].poll();
        turn.pass.is_some().then_some(turn)
    });
    assert_eq!(goes_on.why, None, "there is nothing to explain any more");
    assert_eq!(people.iter().map(|one| one.poll().position).collect::<Vec<_>>(), places);
}

#[test]
fn who_closes_a_sale_ends_every_wait() {
    let sale = Sale::open(shop(), 9, &slow());
    let people: Vec<_> = (0..3).map(|_| Shopper::joined(&sale)).collect();
    set_phase(&sale, "closed", "Until next year.");
    for one in &people {
        let told = one.wait_until("closed");
        assert_eq!((told.pass, told.next_poll_ms), (None, None));
        assert_eq!(told.why.as_deref(), Some("Until next year."));
    }
    assert_eq!(Shopper::new(&sale).join().problem(), ProblemKind::SaleClosed);
}

#[test]
fn a_message_reaches_everybody_and_disappears_again() {
    let sale = Sale::open(shop(), 9, &slow());
    let people: Vec<_> = (0..3).map(|_| Shopper::joined(&sale)).collect();
    let all_told = |message: Option<&str>| {
        eventually("everybody is told", || {
            let told = |one: &Shopper<'_>| one.poll().message.as_deref() == message;
            (people.iter().all(told) && sale.shown().message.as_deref() == message).then_some(())
        });
    };
    all_told(None);
    let said = "Tea is on us.\nTake a cup \u{2615}, <b>please</b>.";
    let state: SaleState = sale.put("/message", &json!({ "message": said })).ok();
    assert_eq!(state.line.message, said);
    all_told(Some(said));
    sale.put("/message", &json!({ "message": " " })).ok::<SaleState>();
    all_told(None);
    assert_eq!(sale.state().line.message, "");
}

/// Waits until the merchant reads this, while somebody polls: a line nobody asks of stands still.
fn line_until(
    sale: &Sale<'_>,
    asking: &Shopper<'_>,
    what: &str,
    is_so: impl Fn(&LineState) -> bool,
) -> LineState {
    eventually(what, || {
        asking.poll();
        let line = sale.state().line;
        is_so(&line).then_some(line)
    })
}

#[test]
fn other_limits_change_the_rate_at_once_and_the_merchant_reads_why() {
    let sale = Sale::open(shop(), 10_000, &slow());
    let crowd: Vec<_> = (0..5).map(|_| Shopper::joined(&sale)).collect();
    let last = crowd.last().unwrap();
    let first = line_until(&sale, last, "the limit holds", |l| l.reason == "admits_per_minute");
    assert!((1..=20).contains(&first.positions_per_minute), "{first:?}");
    assert_eq!(first.admits_per_minute_max, 20);
    assert!(first.waiting > 0, "{first:?}");

    let state: SaleState = sale.put("/limits", &json!({ "admits_per_minute_max": 6_000 })).ok();
    let limits = (state.line.admits_per_minute_max, state.line.active_users_max);
    assert_eq!(limits, (6_000, 10_000_000), "what was not said stays");
    let faster = line_until(&sale, last, "the line goes faster", |line| {
        line.positions_per_minute > first.positions_per_minute
    });
    assert!(last.wait_until("admitted").pass.is_some());
    let newest = faster.changes.last().unwrap();
    assert_eq!(
        (newest.positions_per_minute, &newest.reason),
        (faster.positions_per_minute, &faster.reason)
    );
    assert!(faster.changes.is_sorted_by_key(|change| change.at_ms), "{:?}", faster.changes);

    sale.put("/limits", &json!({ "active_users_max": 1 })).ok::<SaleState>();
    let few = line_until(&sale, last, "few may be inside", |line| line.reason == "active_users");
    assert_eq!((few.positions_per_minute, few.admits_per_minute_max), (0, 6_000));
    assert_eq!(few.active_users_max, 1);
    assert!(few.with_pass >= 1, "{few:?}");
}

fn readiness(sale: &Sale<'_>) -> Readiness {
    shop().admin("GET", &sale.admin_path("/readiness")).send().ok()
}

fn missing(sale: &Sale<'_>) -> Vec<String> {
    let Readiness { ready, checks } = readiness(sale);
    assert_eq!(ready, checks.iter().all(|check| check.ready));
    assert!(checks.iter().all(|check| !check.detail.is_empty()));
    checks.into_iter().filter(|check| !check.ready).map(|check| check.name).collect()
}

#[test]
fn readiness_names_what_is_missing_until_nothing_is() {
    let sale = Sale::unborn(shop());
    let unknown = shop().admin("GET", &sale.admin_path("/readiness")).send();
    assert_eq!(unknown.problem(), ProblemKind::SaleNotFound);
    sale.create(&fifo()).ok::<SaleState>();
    assert_eq!(missing(&sale), ["opening", "stock of MUG-SEA"]);
    sale.set_stock(0).ok::<Stock>();
    assert_eq!(missing(&sale), ["opening", "stock of MUG-SEA"]);
    sale.adjust("came-in", 5).ok::<Stock>();
    assert_eq!(missing(&sale), ["opening"]);
    sale.set_phase("prequeue").ok::<SaleState>();
    assert_eq!(missing(&sale), ["opening"], "nobody said when it opens");
    let opens_at = now().plus(Millis::from_secs(600)).as_millis();
    sale.put("/schedule", &json!({ "opens_at_ms": opens_at })).ok::<SaleState>();
    assert!(readiness(&sale).ready, "{:?}", readiness(&sale));
    sale.set_phase("open").ok::<SaleState>();
    assert!(readiness(&sale).ready);
    sale.set_phase("paused").ok::<SaleState>();
    assert_eq!(missing(&sale), ["opening"]);
    sale.set_phase("closed").ok::<SaleState>();
    assert_eq!(missing(&sale), ["opening"]);
}

#[test]
fn what_a_line_is_like_says_nothing_of_the_draws_secret_before_it_is_drawn() {
    let opens_at = now().plus(Millis::from_secs(600));
    let sale = Sale::opening_at(shop(), 9, &fifo(), opens_at);
    Shopper::joined(&sale);
    let draw: Value = sale.draw().ok();
    for field in ["secret", "seed", "drawn_at_ms", "entries", "beacon_signature"] {
        assert_eq!(draw[field], Value::Null, "{field}");
    }
    let seen = [sale.shown().draw_commitment, Some(draw["commitment"].as_str().unwrap().into())];
    assert_eq!(seen[0], seen[1]);
}
