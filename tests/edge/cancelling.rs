//! The merchant cancels orders.

use doorbuster_tests::{Answer, Receiver, Sale, Shop, Shopper, eventually, now, rules};
use doorbuster_wire::merchant::{OrderPage, SettledOrder};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::webhook::Webhook;
use serde_json::{Value, json};
use xtask::bundle::Build;

use crate::shop;

/// The merchant cancels an order.
fn cancel(shop: &Shop, order: &str, key: &str, body: &Value) -> Answer {
    let path = format!("/v1/admin/orders/{order}/cancel");
    shop.admin("POST", &path).header("idempotency-key", key).json(body).send()
}

fn torn(restock: bool) -> Value {
    json!({ "reason": "torn", "restock": restock })
}

/// Somebody buys one unit; the order, once it is in the books.
fn bought(sale: &Sale<'_>, shopper: &Shopper<'_>) -> String {
    let order = shopper.buy("k", 1);
    let is_known = || sale.orders().iter().any(|known| known.order == order).then_some(());
    eventually("the order is settled", is_known);
    order
}

#[test]
fn a_cancelled_order_gives_the_money_back_and_its_units_to_the_sale() {
    let sale = Sale::open(shop(), 1, &rules());
    let (ann, bob) = (Shopper::admitted(&sale), Shopper::admitted(&sale));
    let order = bought(&sale, &ann);
    assert_eq!(bob.reserve("k", 1).problem(), ProblemKind::SoldOut);
    let done = cancel(shop(), &order, "c", &torn(true));
    assert_eq!(done.status, 200);
    let done: SettledOrder = done.ok();
    assert_eq!((done.order.as_str(), done.cancel_reason.as_deref()), (&*order, Some("torn")));
    assert!(done.cancelled_at_ms.unwrap() >= done.placed_at_ms);
    assert!(["cancelled", "refunded"].contains(&done.status.as_str()), "{}", done.status);
    assert!(["cancelled", "refunded"].contains(&ann.order(&order).status.as_str()));
    let told = eventually("the money is back", || {
        Some(ann.order(&order)).filter(|order| order.status == "refunded")
    });
    assert_eq!(told.cancelled_at_ms, done.cancelled_at_ms);
    let reservation = order.replacen("ord_", "rsv_", 1);
    let shown = ann.show(&reservation);
    assert_eq!((&*shown.state, shown.refund.as_deref()), ("cancelled", Some("done")));
    let listed = sale.orders().remove(0);
    assert_eq!(
        (listed.status.as_str(), listed.cancelled_at_ms),
        ("refunded", done.cancelled_at_ms)
    );
    assert!(listed.refunded_at_ms >= listed.cancelled_at_ms);
    assert_eq!((sale.counts(), sale.stock().withdrawn_with_orders), ((1, 0, 0), 0));
    eventually("bob can have it", || (bob.reserve("k2", 1).status == 201).then_some(()));
    assert_eq!(sale.verify().cancelled_orders().count(), 1);
}

#[test]
fn an_order_is_found_by_its_number_however_it_is_written() {
    let sale = Sale::open(shop(), 1, &rules());
    let ann = Shopper::admitted(&sale);
    let order = bought(&sale, &ann);
    let number = ann.order(&order).number;
    let find = |text: &str| shop().admin("GET", &format!("/v1/admin/orders?number={text}")).send();
    for spelling in [number.clone(), number.to_lowercase().replace('-', "").replace('0', "o")] {
        let found: OrderPage = find(&spelling).ok();
        assert_eq!((&found.orders, found.next), (&sale.orders(), None), "{spelling}");
    }
    let other = if number.starts_with('0') { "1" } else { "0" };
    let wrong =
        [other.to_owned() + &number[1..], number[1..].to_owned(), "U".repeat(11), String::new()];
    for text in wrong {
        assert_eq!(find(&text).problem(), ProblemKind::QueryInvalid, "{text}");
    }
    assert_eq!(find("0000-0000-000").ok::<OrderPage>().orders, []);
}

#[test]
fn what_leaves_the_sale_with_a_cancelled_order_can_be_seen_in_its_stock() {
    let sale = Sale::open(shop(), 2, &rules());
    let order = bought(&sale, &Shopper::admitted(&sale));
    cancel(shop(), &order, "c", &torn(false)).ok::<SettledOrder>();
    let stock = sale.stock();
    assert_eq!((stock.on_hand, stock.available, stock.allocated), (1, 1, 0));
    assert_eq!(stock.withdrawn_with_orders, 1);
    sale.verify();
}

#[test]
fn an_order_is_cancelled_once_whatever_is_sent_again() {
    let sale = Sale::open(shop(), 1, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("k", 1).reservation;
    let page = ann.begin_payment(&held);
    ann.decide(&page, "success");
    let order = ann.show(&held).order.unwrap();
    eventually("the order is settled", || (!sale.orders().is_empty()).then_some(()));
    let first: SettledOrder = cancel(shop(), &order, "c", &torn(true)).ok();
    let again = cancel(shop(), &order, "c", &torn(true));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.ok::<SettledOrder>().cancelled_at_ms, first.cancelled_at_ms);
    let other = cancel(shop(), &order, "c", &torn(false));
    assert_eq!(other.problem(), ProblemKind::IdempotencyKeyReused);
    assert_eq!(cancel(shop(), &order, "d", &torn(true)).problem(), ProblemKind::OrderCancelled);
    // The provider reports the payment once more, before and after it gave the money back.
    let report = || {
        let body = json!({ "type": "payment.completed", "link": page.rsplit('/').next() });
        let body = body.to_string();
        let signature = shop().keyring().sign_webhook(now(), body.as_bytes());
        let request = shop().request("POST", "/v1/webhooks/sandbox");
        request.header("doorbuster-signature", signature).body("application/json", body).send()
    };
    report();
    eventually("the money is back", || (ann.order(&order).status == "refunded").then_some(()));
    report();
    assert_eq!((sale.counts(), sale.stock().refunds_due), ((1, 0, 0), 0));
    let journal = sale.journal();
    let due = journal.iter().map(|entry| entry.events.matches("\"refund_due\"").count());
    assert_eq!(due.sum::<usize>(), 1);
    sale.verify();
}

#[test]
fn a_cancellation_that_says_something_wrong_is_refused_and_changes_nothing() {
    let sale = Sale::open(shop(), 1, &rules());
    let order = bought(&sale, &Shopper::admitted(&sale));
    let path = format!("/v1/admin/orders/{order}/cancel");
    let keyless = shop().admin("POST", &path).json(&torn(true)).send();
    assert_eq!(keyless.problem(), ProblemKind::IdempotencyKeyMissing);
    let wrong = [
        (json!({ "reason": " ", "restock": true }), "/reason"),
        (json!({ "reason": "a".repeat(201), "restock": true }), "/reason"),
        (json!({ "reason": 7, "restock": true }), "/reason"),
        (json!({ "reason": "torn", "restock": "yes" }), "/restock"),
    ];
    for (body, pointer) in wrong {
        let (kind, problem) = cancel(shop(), &order, "c", &body).problem_body();
        assert_eq!((kind, &*problem.errors[0].pointer), (ProblemKind::BodyInvalid, pointer));
    }
    for unknown in ["ord_AAAAAAAAAAAAAAAAAAAAAA", "7", "rsv_AAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = cancel(shop(), unknown, "c", &torn(true));
        assert_eq!(answer.problem(), ProblemKind::OrderNotFound, "{unknown}");
    }
    let nobody = shop().request("POST", &path).header("idempotency-key", "c");
    assert_eq!(nobody.json(&torn(true)).send().problem(), ProblemKind::Unauthorized);
    assert_eq!((sale.counts(), sale.orders()[0].status.as_str()), ((1, 0, 1), "settled"));
}

#[test]
fn the_shop_is_told_that_an_order_was_cancelled_and_that_its_money_went_back() {
    let reach = [("WEBHOOK_REACH", "anywhere")];
    let shop = Shop::calling_inside("cancelling", Build::Release, &reach);
    let receiver = Receiver::answering(204);
    let body = json!({ "address": receiver.address("/"),
        "events": ["order.cancelled", "order.refunded"] });
    let endpoint = shop.admin("PUT", "/v1/admin/webhooks/cancelling").json(&body).send();
    let secret = endpoint.ok::<Webhook>().secret.unwrap();
    let sale = Sale::open(&shop, 1, &rules());
    let order = bought(&sale, &Shopper::admitted(&sale));
    for _ in 0..2 {
        cancel(&shop, &order, "c", &torn(true)).ok::<SettledOrder>();
    }
    let told = eventually("the shop is told of both", || {
        Some(receiver.received()).filter(|received| received.len() >= 2)
    });
    let mut kinds = Vec::new();
    for event in told.iter().map(|webhook| webhook.verified(&secret)) {
        let data: SettledOrder = serde_json::from_value(event["data"].clone()).unwrap();
        assert_eq!((&data.order, data.amount.minor), (&order, 1600));
        let status = event["type"].as_str().unwrap().replace("order.", "");
        assert_eq!(data.status, status);
        kinds.push(status);
    }
    kinds.sort();
    assert_eq!(kinds, ["cancelled", "refunded"]);
}
