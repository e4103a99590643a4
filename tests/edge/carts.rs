//! Carts: several SKUs, reserved all or none, and paid for at once.

use doorbuster_tests::cart::{Buyer, CAP, MUG, TOTE, counts, open};
use doorbuster_tests::{Shopper, eventually, rules};
use doorbuster_wire::cart::{Cart, CartPaymentReply};
use doorbuster_wire::merchant::SaleRequest;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{PaymentReply, Reservation};
use serde_json::{Value, json};

use crate::shop;

#[test]
fn a_cart_is_reserved_and_paid_at_once_and_each_sku_is_an_order() {
    let sale = open(shop(), [5, 5, 5], &rules());
    let ann = Buyer::admitted(&sale);
    let wanted = [(TOTE, 1), (CAP, 1), (TOTE, 1)];
    let reserved = ann.reserve("k", &wanted);
    assert_eq!(reserved.status, 201);
    let cart: Cart = reserved.ok();
    let lines: Vec<_> = cart.lines.iter().map(|l| (&*l.sku, l.quantity, &*l.state)).collect();
    assert_eq!(lines, [(CAP, 1, "held"), (TOTE, 2, "held")]);
    assert_eq!((cart.amount.minor, counts(&sale)), (6_390, [(1, 0), (0, 0), (2, 0)]));

    let begun = ann.pay(&cart.lines);
    assert_eq!(begun.status, 201);
    let reply: CartPaymentReply = begun.ok();
    assert_eq!(begun.header("location"), reply.redirect_to);
    assert_eq!((reply.cart.amount.minor, &*reply.cart.lines[1].state), (6_390, "paying"));
    let page = ann.shopper.request("GET", &reply.redirect_to).send();
    assert!(page.text().contains("63.90") && page.text().contains("CAP-STONE, TOTE-RUST"));
    // Who comes back, by all of them or by one, comes back to the same payment.
    let back: Vec<Reservation> = cart.lines.iter().rev().cloned().collect();
    let again = ann.pay(&back).ok::<CartPaymentReply>().redirect_to;
    let mut pages = vec![again];
    pages.extend(
        cart.lines.iter().map(|l| ann.act("POST", l, "/payment").ok::<PaymentReply>().redirect_to),
    );
    for page in pages {
        assert!(ann.shopper.request("GET", &page).send().text().contains("63.90"));
    }
    let repeat = ann.reserve("k", &wanted);
    assert_eq!(repeat.header("idempotent-replayed"), "true");
    assert_eq!(repeat.text(), reserved.text());

    let decided = ann.shopper.decide(&reply.redirect_to, "success");
    let [cap, tote] = [0, 1].map(|line| &cart.lines[line].reservation);
    let receipt =
        format!("/receipt?sale={}&sku={CAP}&reservation={cap}&also={TOTE}:{tote}", sale.id);
    assert_eq!((decided.status, decided.header("location")), (303, receipt.as_str()));
    assert_eq!(ann.states(&cart), ["allocated"; 2]);
    assert_eq!(counts(&sale), [(0, 1), (0, 0), (0, 2)]);
    let books = eventually("both orders are settled", || {
        Some(sale.orders()).filter(|orders| orders.len() == 2)
    });
    let mut paid: Vec<u64> = books.iter().map(|order| order.amount.minor).collect();
    paid.sort_unstable();
    assert_eq!(paid, [1_990, 4_400]);
}

#[test]
fn of_a_cart_that_cannot_be_had_whole_nothing_is_kept() {
    let sale = open(shop(), [5, 1, 5], &rules());
    let (ann, bob) = (Buyer::admitted(&sale), Buyer::admitted(&sale));
    let bobs: Cart = bob.reserve("k", &[(MUG, 1)]).ok();
    let all = [(TOTE, 1), (MUG, 1), (CAP, 1)];
    let (kind, body) = ann.reserve("k", &all).problem_body();
    assert_eq!((kind, &*body.errors[0].pointer), (ProblemKind::AllReserved, "/lines/1"));
    assert!(body.errors[0].detail.starts_with(MUG), "{}", body.errors[0].detail);
    assert_eq!(counts(&sale), [(0, 0), (1, 0), (0, 0)]);
    bob.act("DELETE", &bobs.lines[0], "").ok::<Reservation>();
    assert_eq!(ann.reserve("k", &all).problem(), ProblemKind::CartUndone);
    assert_eq!(counts(&sale), [(0, 0); 3]);
    assert_eq!(ann.reserve("k2", &all).status, 201);
    assert_eq!(counts(&sale), [(1, 0); 3]);
}

#[test]
fn a_cart_that_is_declined_is_held_again_and_can_be_paid() {
    let sale = open(shop(), [1, 1, 1], &rules());
    let ann = Buyer::admitted(&sale);
    let cart: Cart = ann.reserve("k", &[(CAP, 1), (MUG, 1)]).ok();
    assert_eq!(ann.shopper.decide(&ann.page(&cart), "decline").status, 303);
    assert_eq!(ann.states(&cart), ["held"; 2]);
    assert_eq!(ann.shopper.decide(&ann.page(&cart), "success").status, 303);
    assert_eq!(ann.states(&cart), ["allocated"; 2]);
}

#[test]
fn who_gives_one_line_back_while_paying_ends_the_payment_and_holds_the_others() {
    let sale = open(shop(), [1, 1, 1], &rules());
    let ann = Buyer::admitted(&sale);
    let cart: Cart = ann.reserve("k", &[(CAP, 1), (MUG, 1), (TOTE, 1)]).ok();
    let page = ann.page(&cart);
    ann.act("DELETE", &cart.lines[1], "").ok::<Reservation>();
    ann.are(&cart, &["held", "released", "held"]);
    ann.shopper.decide(&page, "success");
    assert_eq!(ann.states(&cart), ["held", "released", "held"], "that payment is over");
    let rest = Cart { lines: vec![cart.lines[0].clone(), cart.lines[2].clone()], ..cart };
    assert_eq!(ann.shopper.decide(&ann.page(&rest), "success").status, 303);
    assert_eq!(ann.states(&rest), ["allocated"; 2]);
    assert_eq!(counts(&sale), [(0, 1), (0, 0), (0, 1)]);
}

#[test]
fn a_cart_whose_payment_never_ends_is_ended_and_all_of_it_is_offered_again() {
    let rules = SaleRequest {
        payment_window_ms: 1_000,
        reservation_max_ms: 1_000,
        reservation_ttl_ms: 1_000,
        ..rules()
    };
    let sale = open(shop(), [1, 1, 1], &rules);
    let ann = Buyer::admitted(&sale);
    let cart: Cart = ann.reserve("k", &[(CAP, 1), (MUG, 1)]).ok();
    ann.page(&cart);
    ann.are(&cart, &["expired", "expired"]);
    assert_eq!(counts(&sale), [(0, 0); 3]);
}

#[test]
fn of_a_cart_that_is_paid_after_all_each_line_is_had_or_its_money_goes_back() {
    let sale = open(shop(), [1, 1, 1], &rules());
    let (ann, bob) = (Buyer::admitted(&sale), Buyer::admitted(&sale));
    let cart: Cart = ann.reserve("k", &[(CAP, 1), (MUG, 1)]).ok();
    ann.shopper.decide(&ann.page(&cart), "success_after_expiry");
    ann.act("DELETE", &cart.lines[0], "").ok::<Reservation>();
    // The provider says that it is over, and is paid; before it tells so, bob is faster.
    let bobs: Cart = eventually("bob gets the cap", || {
        let answer = bob.reserve("k", &[(CAP, 1)]);
        (answer.status == 201).then(|| answer.ok())
    });
    assert_eq!(bob.shopper.decide(&bob.page(&bobs), "success").status, 303);
    ann.are(&cart, &["released", "allocated"]);
    let refund = |line: &Reservation| ann.act("GET", line, "").ok::<Reservation>().refund;
    eventually("the money for the cap is back", || {
        (refund(&cart.lines[0]).as_deref() == Some("done")).then_some(())
    });
    assert_eq!((refund(&cart.lines[1]), counts(&sale)), (None, [(0, 1), (0, 1), (0, 0)]));
}

#[test]
fn a_payment_of_several_that_cannot_begin_leaves_each_as_it_was() {
    let sale = open(shop(), [2, 2, 2], &rules());
    let (ann, bob) = (Buyer::admitted(&sale), Buyer::admitted(&sale));
    let cart: Cart = ann.reserve("k", &[(CAP, 1), (MUG, 1), (TOTE, 1)]).ok();
    ann.act("DELETE", &cart.lines[2], "").ok::<Reservation>();
    let (kind, body) = ann.pay(&cart.lines).problem_body();
    assert_eq!(kind, ProblemKind::ReservationReleased);
    assert_eq!(body.errors[0].pointer, "/lines/2");
    assert_eq!(ann.states(&cart), ["held", "held", "released"]);
    assert_eq!(bob.pay(&cart.lines[..2]).problem(), ProblemKind::ReservationNotFound);
    // One of them is being paid for by itself.
    let alone: PaymentReply = ann.act("POST", &cart.lines[1], "/payment").ok();
    assert_eq!(ann.pay(&cart.lines[..2]).problem(), ProblemKind::PaymentInProgress);
    assert_eq!(ann.states(&cart), ["held", "paying", "released"]);
    assert_eq!(ann.shopper.decide(&alone.redirect_to, "success").status, 303);
    assert_eq!(ann.states(&cart), ["held", "allocated", "released"]);
    assert_eq!(ann.pay(&cart.lines[..2]).problem(), ProblemKind::ReservationAllocated);
    assert_eq!(ann.pay(&cart.lines[..1]).status, 201);
}

#[test]
fn what_is_no_cart_is_told_where_and_changes_nothing() {
    let sale = open(shop(), [5, 5, 5], &rules());
    let ann = Buyer::admitted(&sale);
    let line = |sku: &str, quantity: Value| json!({ "sku": sku, "quantity": quantity });
    for (lines, kind, pointer) in [
        (json!([]), ProblemKind::BodyInvalid, "/lines"),
        (json!(vec![line(CAP, json!(1)); 21]), ProblemKind::BodyInvalid, "/lines"),
        (json!([line(CAP, json!(0))]), ProblemKind::BodyInvalid, "/lines/0/quantity"),
        (json!([line(CAP, json!(-1))]), ProblemKind::BodyInvalid, "/lines/0/quantity"),
        (json!([line("no such", json!(1))]), ProblemKind::BodyInvalid, "/lines/0/sku"),
        (
            json!([line(CAP, json!(1)), line("NONE", json!(1))]),
            ProblemKind::SkuNotFound,
            "/lines/1",
        ),
        (json!([{ "sku": CAP }]), ProblemKind::BodyInvalid, "/lines/0"),
        (
            json!([{ "sku": CAP, "quantity": 1, "price": 1 }]),
            ProblemKind::BodyInvalid,
            "/lines/0/price",
        ),
        // The limit is for the sum.
        (
            json!([line(CAP, json!(2)), line(MUG, json!(1)), line(CAP, json!(1))]),
            ProblemKind::PerShopperMax,
            "/lines/0",
        ),
    ] {
        let (told, body) = ann.post("", "k", &json!({ "lines": lines })).problem_body();
        assert_eq!((told, &*body.errors[0].pointer), (kind, pointer), "{lines}");
    }
    let cart: Cart = ann.reserve("k", &[(CAP, 1), (MUG, 1)]).ok();
    for other in [&[(CAP, 1)][..], &[(CAP, 1), (MUG, 2)], &[(CAP, 1), (MUG, 1), (TOTE, 1)]] {
        let reused = ann.reserve("k", other).problem();
        assert_eq!(reused, ProblemKind::IdempotencyKeyReused, "{other:?}");
    }
    let one = &cart.lines[0];
    let named = json!({ "sku": one.sku, "reservation": one.reservation });
    for (lines, pointer) in [
        (json!([]), "/lines"),
        (json!([named, named]), "/lines/1/reservation"),
        (json!([{ "sku": CAP, "reservation": "rsv_x" }]), "/lines/0/reservation"),
    ] {
        let (kind, body) = ann.post("/payment", "k", &json!({ "lines": lines })).problem_body();
        assert_eq!((kind, &*body.errors[0].pointer), (ProblemKind::BodyInvalid, pointer));
    }
    let nobody = Shopper::new(&sale);
    let body = json!({ "lines": [line(CAP, json!(1))] });
    let request = |shopper: &Shopper<'_>| shopper.request("POST", &sale.path("/carts")).json(&body);
    assert_eq!(request(&nobody).send().problem(), ProblemKind::PassRequired);
    assert_eq!(request(&ann.shopper).send().problem(), ProblemKind::IdempotencyKeyMissing);
    assert_eq!(counts(&sale), [(1, 0), (1, 0), (0, 0)]);
}
