//! What a merchant does with a sale.

use doorbuster_tests::{SKU, Sale, Shopper, eventually, rules};
use doorbuster_wire::merchant::{SaleState, Stock};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{SaleList, TicketReply};
use serde_json::{Value, json};

use crate::shop;

#[test]
fn creating_a_sale_again_changes_nothing_and_other_rules_are_refused() {
    let sale = Sale::unborn(shop());
    let first: SaleState = sale.create(&rules()).ok();
    assert_eq!((first.sale.as_str(), first.phase.as_str()), (sale.id.as_str(), "draft"));
    assert_eq!(sale.create(&rules()).ok::<SaleState>(), first);
    let mut other = rules();
    other.per_shopper_max = 3;
    assert_eq!(sale.create(&other).problem(), ProblemKind::SaleExists);
    assert_eq!(sale.state(), first);
    let listed: SaleList = shop().request("GET", "/v1/sales").send().ok();
    assert_eq!(listed.sales.iter().filter(|known| known.sale == sale.id).count(), 1);
}

#[test]
fn stock_is_set_once_and_only_then_the_sale_opens() {
    let sale = Sale::unborn(shop());
    sale.create(&rules()).ok::<SaleState>();
    assert_eq!(sale.set_phase("open").problem(), ProblemKind::StockMissing);
    assert_eq!(sale.state().phase, "draft");
    let first: Stock = sale.set_stock(5).ok();
    assert_eq!((first.on_hand, first.available, first.selling.as_str()), (5, 5, "not_open"));
    assert_eq!(sale.set_stock(5).ok::<Stock>(), first);
    assert_eq!(sale.set_stock(6).problem(), ProblemKind::StockExists);
    assert_eq!(sale.stock(), first);
    let opened: SaleState = sale.set_phase("open").ok();
    assert_eq!((opened.phase.as_str(), opened.skus[0].selling.as_str()), ("open", "open"));
}

#[test]
fn a_pause_stops_reserving_but_not_paying() {
    let sale = Sale::open(shop(), 3, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("before", 1);
    let page = ann.begin_payment(&held.reservation);
    sale.set_phase("paused").ok::<SaleState>();
    assert_eq!(ann.reserve("meanwhile", 1).problem(), ProblemKind::SalePaused);
    let told = eventually("shoppers are told", || {
        let turn = ann.poll();
        (turn.state == "paused").then_some(turn)
    });
    assert_eq!(told.pass, None);
    assert_eq!(ann.decide(&page, "success").status, 303);
    assert_eq!(ann.show(&held.reservation).state, "allocated");
    sale.set_phase("open").ok::<SaleState>();
    ann.hold("meanwhile", 1);
    sale.verify();
}

#[test]
fn a_closed_sale_stays_closed_but_who_holds_units_may_pay() {
    let sale = Sale::open(shop(), 3, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("before", 1);
    sale.set_phase("closed").ok::<SaleState>();
    assert_eq!(ann.reserve("after", 1).problem(), ProblemKind::SaleClosed);
    assert_eq!(Shopper::new(&sale).join().problem(), ProblemKind::SaleClosed);
    assert_eq!(sale.set_phase("open").problem(), ProblemKind::PhaseOrder);
    ann.pay(&held.reservation);
    assert_eq!(sale.counts(), (3, 0, 1));
}

#[test]
fn of_two_phases_set_at_the_same_moment_one_holds_everywhere() {
    let sale = Sale::open(shop(), 3, &rules());
    for _ in 0..10 {
        std::thread::scope(|scope| {
            for phase in ["open", "paused", "open", "paused"] {
                let sale = &sale;
                scope.spawn(move || sale.set_phase(phase).ok::<SaleState>());
            }
        });
        let state = sale.state();
        assert_eq!(state.skus[0].selling, state.phase);
    }
}

#[test]
fn a_sale_of_which_a_sku_has_no_stock_opens_nothing() {
    let mut two = rules();
    two.skus.push("MUG-SAND".to_owned());
    let sale = Sale::unborn(shop());
    sale.create(&two).ok::<SaleState>();
    sale.set_stock(3).ok::<Stock>();
    let refused = sale.set_phase("open");
    assert_eq!(refused.problem(), ProblemKind::StockMissing);
    let state = sale.state();
    assert_eq!((state.phase.as_str(), state.skus[0].selling.as_str()), ("draft", "not_open"));
}

#[test]
fn a_late_comer_with_a_pass_is_told_that_it_is_sold_out_and_of_a_restock() {
    let sale = Sale::open(shop(), 1, &rules());
    let (ann, bob) = (Shopper::admitted(&sale), Shopper::admitted(&sale));
    ann.buy("k", 1);
    let told = || bob.reserve("k", 1);
    eventually("the edge has heard of it", || {
        let sold_out = told().problem() == ProblemKind::SoldOut;
        (sold_out && Shopper::new(&sale).join().status == 409).then_some(())
    });
    assert_eq!(told().problem(), ProblemKind::SoldOut);
    // There is no pass to be had, so who has none is not sent to get one.
    assert_eq!(Shopper::new(&sale).reserve("k", 1).problem(), ProblemKind::SoldOut);
    sale.adjust("found-one", 1).ok::<Stock>();
    eventually("the edge has heard of it", || (told().status == 201).then_some(()));
    assert_eq!(sale.counts(), (2, 1, 1));
}

#[test]
fn a_restock_opens_what_was_sold_out() {
    let sale = Sale::open(shop(), 1, &rules());
    Shopper::admitted(&sale).buy("k", 1);
    eventually("the line ends", || {
        let joined = Shopper::new(&sale).join();
        (joined.status == 409).then(|| assert_eq!(joined.problem(), ProblemKind::SoldOut))
    });
    let more: Stock = sale.adjust("found-one", 1).ok();
    assert_eq!((more.on_hand, more.available), (2, 1));
    assert_eq!(sale.adjust("found-one", 1).ok::<Stock>(), more);
    assert_eq!(sale.adjust("found-one", 2).problem(), ProblemKind::IdempotencyKeyReused);
    let mut bob = Shopper::new(&sale);
    let ticket = eventually("the line opens again", || {
        let joined = bob.join();
        (joined.status == 201).then(|| joined.ok::<TicketReply>().ticket)
    });
    bob.ticket = Some(ticket);
    bob.wait_for_turn();
    bob.buy("k", 1);
    assert_eq!(sale.counts(), (2, 0, 2));
    sale.verify();
}

#[test]
fn units_that_are_reserved_or_allocated_cannot_be_withdrawn() {
    let sale = Sale::open(shop(), 5, &rules());
    let ann = Shopper::admitted(&sale);
    ann.buy("bought", 1);
    ann.hold("held", 1);
    assert_eq!(sale.adjust("much", -4).problem(), ProblemKind::WithdrawExceedsAvailable);
    assert_eq!(sale.counts(), (5, 1, 1));
    let rest: Stock = sale.adjust("rest", -3).ok();
    assert_eq!((rest.on_hand, rest.available), (2, 0));
    assert_eq!(sale.adjust("one", -1).problem(), ProblemKind::WithdrawExceedsAvailable);
    assert_eq!(sale.verify().stock().unwrap().on_hand, 2);
}

#[test]
fn only_the_merchants_token_opens_the_merchants_side() {
    let sale = Sale::open(shop(), 1, &rules());
    let token = &shop().secrets().admin_token;
    let shorter = token.split_at(token.len() - 1).0;
    let wrong = ["", "Bearer", "Bearer ", &format!("Bearer {shorter}"), &format!("Basic {token}")];
    for path in ["", "/phase", &format!("/skus/{SKU}/stock"), &format!("/skus/{SKU}/journal")] {
        let method = if path == "/phase" { "POST" } else { "GET" };
        let method = if path.ends_with("stock") { "PUT" } else { method };
        for authorization in wrong {
            let request = shop().request(method, &sale.admin_path(path));
            let answer = request.header("authorization", authorization).send();
            assert_eq!(answer.problem(), ProblemKind::Unauthorized, "{path} {authorization}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    let scheme = format!("bEARER {token}");
    let right = shop().request("GET", &sale.admin_path("")).header("authorization", scheme).send();
    assert_eq!(right.ok::<SaleState>(), sale.state());
}

#[test]
fn a_sale_of_many_orders_is_listed_and_exported_in_pages() {
    const ORDERS: u32 = 201;
    let mut many = rules();
    many.per_shopper_max = ORDERS;
    let sale = Sale::open(shop(), ORDERS, &many);
    let mut first = Shopper::admitted(&sale);
    // The same person on the move: one address may not ask so often.
    let mut ids: Vec<String> = (0..ORDERS)
        .map(|number| {
            first.source = Shopper::new(&sale).source;
            first.buy(&format!("k{number}"), 1)
        })
        .collect();
    eventually("all orders are settled", || (sale.stock().orders_unsettled == 0).then_some(()));

    let page = sale.orders_after("0");
    let next = page.next.expect("a second page");
    assert_eq!(page.orders.len(), 200);
    let rest = sale.orders_after(&next);
    assert_eq!((rest.orders.len(), rest.next), (1, None));
    let mut listed: Vec<String> = sale.orders().into_iter().map(|order| order.order).collect();
    listed.sort();
    ids.sort();
    assert_eq!(listed, ids);

    let entries = sale.journal_after(0);
    assert_eq!(entries.len(), 500);
    assert_eq!(sale.journal_after(entries[499].seq)[0].seq, 501);
    let replayed = sale.verify().stock().unwrap();
    assert_eq!((replayed.on_hand, replayed.allocated), (ORDERS, ORDERS));
    assert_eq!(sale.counts(), (ORDERS, 0, ORDERS));
}

#[test]
fn a_wrong_part_of_a_body_is_named_by_its_json_pointer() {
    let sale = Sale::unborn(shop());
    let named = |field: &str, value: Value| {
        let mut body = serde_json::to_value(rules()).unwrap();
        body[field] = value;
        let refused = shop().admin("PUT", &sale.admin_path("")).json(&body).send();
        let (kind, problem) = refused.problem_body();
        assert_eq!(kind, ProblemKind::BodyInvalid);
        problem.errors[0].pointer.clone()
    };
    assert_eq!(named("skus", json!([SKU, 1])), "/skus/1");
    assert_eq!(named("skus", json!(["NOTHING"])), "/skus/0");
    assert_eq!(named("pass_ttl_ms", json!(-1)), "/pass_ttl_ms");
    assert_eq!(named("pass_ttl_ms", json!(0)), "/pass_ttl_ms");
    assert_eq!(named("skus", json!([SKU, SKU])), "/skus/1");
}
