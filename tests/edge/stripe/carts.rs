//! Carts at Stripe: one session, and what is given back of it.

use doorbuster_tests::cart::{Buyer, CAP, MUG, counts, open};
use doorbuster_tests::stripe::form;
use doorbuster_tests::{eventually, rules};
use doorbuster_wire::cart::Cart;
use serde_json::json;

use super::{AtStripe, payment_of, shared};

#[test]
fn a_cart_is_one_session_and_a_line_that_is_cancelled_goes_back_alone() {
    let AtStripe { stripe, shop } = shared();
    let sale = open(shop, [2, 2, 2], &rules());
    let ann = Buyer::admitted(&sale);
    let cart: Cart = ann.reserve("k", &[(MUG, 2), (CAP, 1)]).ok();
    let page = ann.page(&cart);
    assert_eq!(ann.page(&cart), page, "coming back leads to the session that is open");
    let payments: Vec<_> = cart.lines.iter().map(|l| payment_of(&l.reservation, 1)).collect();
    assert_eq!(stripe.sessions_of(&payments[0]) + stripe.sessions_of(&payments[1]), 1);
    let asked = form(&stripe.asked(&payments[0])[0].body);
    let amount = |line: u32| &asked[&format!("line_items[{line}][price_data][unit_amount]")];
    assert_eq!((amount(0).as_str(), amount(1).as_str()), ("1990", "3200"));
    assert_eq!(stripe.session(&page)["amount_total"], 5_190);

    assert_eq!(shared().report(&stripe.pay(&page)).status, 200);
    ann.are(&cart, &["allocated", "allocated"]);
    let books = eventually("both orders are settled", || {
        Some(sale.orders()).filter(|orders| orders.len() == 2)
    });
    let mugs = books.iter().find(|order| order.lines[0].sku == MUG).unwrap();
    let cancel = shop.admin("POST", &format!("/v1/admin/orders/{}/cancel", mugs.order));
    let why = json!({ "reason": "torn", "restock": true });
    assert_eq!(cancel.header("idempotency-key", "c").json(&why).send().status, 200);
    eventually("the money for the mugs is back", || {
        (stripe.refunded(&page) == 3_200).then_some(())
    });
    ann.are(&cart, &["allocated", "cancelled"]);
    let refund = stripe.asked(&payments[1]).into_iter().find(|asked| asked.path == "/v1/refunds");
    let refund = refund.expect("a refund");
    assert_eq!(refund.header("idempotency-key"), format!("{}.refund", payments[1]));
    assert_eq!(form(&refund.body)["amount"], "3200");
    assert_eq!(counts(&sale), [(0, 1), (0, 0), (0, 0)]);
}

#[test]
fn another_sum_than_all_of_it_buys_nothing_of_a_cart_and_goes_back_whole() {
    let AtStripe { stripe, shop } = shared();
    let sale = open(shop, [2, 2, 2], &rules());
    let ann = Buyer::admitted(&sale);
    let cart: Cart = ann.reserve("k", &[(MUG, 1), (CAP, 1)]).ok();
    let page = ann.page(&cart);
    stripe.is_worth(&page, 3_589);
    assert_eq!(shared().report(&stripe.pay(&page)).status, 200);
    // The first line is over with the session; the other is held, and can be paid.
    ann.are(&cart, &["expired", "held"]);
    eventually("all of it is back", || stripe.is_refunded(&page).then_some(()));
    assert_eq!((stripe.refunded(&page), counts(&sale)), (3_589, [(0, 0), (1, 0), (0, 0)]));
}
