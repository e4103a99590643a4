//! Paying, and what becomes of it.

use doorbuster_tests::{Answer, SKU, Sale, Shop, Shopper, eventually, now, rules};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{PaymentReply, Reservation};
use serde_json::json;
use xtask::bundle::Build;
use xtask::secrets::PAYMENTS;

use crate::shop;

#[test]
fn who_pays_gets_an_order_and_its_receipt() {
    let sale = Sale::open(shop(), 3, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("k", 2);
    let begun = ann.act("POST", &held.reservation, "/payment");
    assert_eq!(begun.status, 201);
    let reply: PaymentReply = begun.ok();
    assert_eq!(begun.header("location"), reply.redirect_to);
    assert_eq!(reply.reservation.state, "paying");
    let page = ann.request("GET", &reply.redirect_to).send();
    assert_eq!(page.status, 200);
    assert!(page.text().contains("32.00") && page.text().contains(SKU), "{}", page.text());

    let decided = ann.decide(&reply.redirect_to, "success");
    let receipt = format!("/receipt?sale={}&sku={SKU}&reservation={}", sale.id, held.reservation);
    assert_eq!((decided.status, decided.header("location")), (303, receipt.as_str()));
    let paid = ann.show(&held.reservation);
    assert_eq!((&*paid.state, paid.refund), ("allocated", None));
    let id = paid.order.unwrap();
    let nobodys = ann.request("GET", &sale.sku_path("/orders/ord_AAAAAAAAAAAAAAAAAAAAAA")).send();
    assert_eq!(nobodys.problem(), ProblemKind::OrderNotFound);
    let order = ann.order(&id);
    assert!(["placed", "settled"].contains(&order.status.as_str()), "{}", order.status);
    assert_eq!((order.order.as_str(), order.amount.minor), (id.as_str(), 3200));
    let line = &order.lines[0];
    assert_eq!((order.lines.len(), line.sku.as_str(), line.quantity), (1, SKU, 2));
    assert_eq!((line.unit_price.minor, line.unit_price.currency.as_str()), (1600, "EUR"));
    assert!(line.title.contains("Mug"), "{}", line.title);
    assert_eq!(sale.counts(), (3, 0, 2));

    eventually("the order is settled", || (ann.order(&id).status == "settled").then_some(()));
    let books = sale.orders();
    assert_eq!(books.len(), 1);
    assert_eq!((&books[0].order, &books[0].lines), (&id, &order.lines));
    assert_eq!((&books[0].amount, books[0].placed_at_ms), (&order.amount, order.placed_at_ms));
    assert_eq!(sale.stock().orders_unsettled, 0);
    let release = ann.act("DELETE", &held.reservation, "");
    assert_eq!(release.problem(), ProblemKind::ReservationAllocated);
    let other = Shopper::new(&sale).request("GET", &sale.sku_path(&format!("/orders/{id}"))).send();
    assert_eq!(other.status, 404);
    sale.verify();
}

#[test]
fn who_is_declined_can_try_again() {
    let sale = Sale::open(shop(), 1, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("k", 1);
    let first = ann.begin_payment(&held.reservation);
    assert_eq!(ann.decide(&first, "decline").status, 303);
    let back = ann.show(&held.reservation);
    assert_eq!((&*back.state, back.order), ("held", None));
    assert_eq!(sale.counts(), (1, 1, 0));
    let second = ann.begin_payment(&held.reservation);
    assert_ne!(second, first);
    // The page of the payment that was declined is over.
    assert_eq!(ann.decide(&first, "success").status, 303);
    assert_eq!(ann.show(&held.reservation).state, "paying");
    assert_eq!(ann.decide(&second, "success").status, 303);
    assert_eq!(ann.show(&held.reservation).state, "allocated");
    assert_eq!(sale.counts(), (1, 0, 1));
    sale.verify();
}

#[test]
fn coming_back_to_pay_leads_to_the_payment_under_way() {
    let sale = Sale::open(shop(), 1, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("k", 1);
    let first: PaymentReply = ann.act("POST", &held.reservation, "/payment").ok();
    let again: PaymentReply = ann.act("POST", &held.reservation, "/payment").ok();
    assert_eq!(again, first);
}

#[test]
fn who_gives_back_while_paying_is_free_once_the_provider_has_ended_the_payment() {
    let sale = Sale::open(shop(), 1, &rules());
    let (ann, bob) = (Shopper::admitted(&sale), Shopper::admitted(&sale));
    let held = ann.hold("k", 1);
    let page = ann.begin_payment(&held.reservation);
    let given_up: Reservation = ann.act("DELETE", &held.reservation, "").ok();
    assert_eq!(given_up.state, "paying", "the provider is asked first");
    eventually("the payment has ended", || {
        (ann.show(&held.reservation).state == "released").then_some(())
    });
    ann.decide(&page, "success");
    let again = ann.hold("again", 1);
    ann.act("DELETE", &again.reservation, "").ok::<Reservation>();
    assert_eq!(bob.hold("k", 1).state, "held");
    sale.verify();
}

#[test]
fn who_walks_away_from_paying_is_voided_before_the_units_are_offered_again() {
    let mut short = rules();
    short.payment_window_ms = 400;
    let sale = Sale::open(shop(), 1, &short);
    let (ann, bob) = (Shopper::admitted(&sale), Shopper::admitted(&sale));
    let held = ann.hold("k", 1);
    let page = ann.begin_payment(&held.reservation);
    assert_eq!(bob.reserve("k", 1).problem(), ProblemKind::AllReserved);
    eventually("the units are offered again", || (bob.reserve("k", 1).status == 201).then_some(()));
    assert_eq!(ann.show(&held.reservation).state, "expired");
    // The provider was told first: nothing can be paid on that page any more.
    assert!(ann.request("GET", &page).send().text().contains("voided"));
    assert_eq!(ann.decide(&page, "success").status, 303);
    assert_eq!(ann.show(&held.reservation).order, None);
    assert_eq!(sale.counts(), (1, 1, 0));
    sale.verify();
}

/// The provider reports of the payment whose page this is, signed as only the provider can.
fn report(shop: &Shop, page: &str, kind: &str) -> Answer {
    let webhook = json!({ "type": kind, "link": page.rsplit('/').next() });
    let body = webhook.to_string();
    let signature = shop.keyring().sign_webhook(now(), body.as_bytes());
    let request = shop.request("POST", "/v1/webhooks/sandbox");
    request.header("doorbuster-signature", signature).body("application/json", body).send()
}

#[test]
fn money_that_comes_too_late_goes_back() {
    let mut short = rules();
    short.reservation_ttl_ms = 300;
    let sale = Sale::open(shop(), 1, &short);
    let (ann, bob) = (Shopper::admitted(&sale), Shopper::admitted(&sale));
    let held = ann.hold("k", 1);
    let page = ann.begin_payment(&held.reservation);
    // The provider says no, changes its mind, and meanwhile Bob has got the units.
    assert_eq!(report(shop(), &page, "payment.declined").status, 200);
    eventually("Bob gets the units", || (bob.reserve("k", 1).status == 201).then_some(()));
    assert_eq!(ann.decide(&page, "success").status, 303);
    let after = ann.show(&held.reservation);
    assert_eq!((&*after.state, after.order), ("expired", None));
    assert!(after.refund.is_some());
    eventually("the money went back", || {
        (ann.show(&held.reservation).refund.as_deref() == Some("done")).then_some(())
    });
    assert!(ann.request("GET", &page).send().text().contains("refunded"));
    // Heard again it changes nothing.
    assert_eq!(report(shop(), &page, "payment.completed").status, 200);
    let stock = sale.stock();
    assert_eq!((stock.refunds_due, stock.allocated), (0, 0));
    sale.verify();
}

#[test]
fn a_replayed_webhook_is_harmless() {
    let sale = Sale::open(shop(), 2, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("k", 1);
    let page = ann.begin_payment(&held.reservation);
    for _ in 0..3 {
        assert_eq!(report(shop(), &page, "payment.completed").status, 200);
    }
    // Nor does it help to say the opposite afterwards.
    assert_eq!(report(shop(), &page, "payment.declined").status, 200);
    assert_eq!(ann.show(&held.reservation).state, "allocated");
    assert_eq!((sale.counts(), sale.stock().refunds_due), ((2, 0, 1), 0));
    let events: Vec<_> = sale.journal().into_iter().map(|entry| entry.events).collect();
    assert_eq!(events.concat().matches("\"allocated\"").count(), 1, "{events:?}");
}

/// Anybody who has the address decides on the provider's page.
fn decide(shop: &Shop, page: &str, outcome: &str) -> Answer {
    let form = format!("outcome={outcome}");
    shop.request("POST", page).body("application/x-www-form-urlencoded", form).send()
}

#[test]
fn switching_payments_off_refuses_new_ones_and_strands_none_that_was_begun() {
    let mut shop = Shop::start("payments-off", Build::Release);
    let (mut late, mut short) = (rules(), rules());
    late.reservation_ttl_ms = 1_000;
    short.payment_window_ms = 1_000;
    let (open, late, short, paid_page, late_page) = {
        let open = Sale::open(&shop, 2, &rules());
        let ann = Shopper::admitted(&open);
        let paid_page = ann.begin_payment(&ann.hold("k", 1).reservation);
        // Declined and expired, and the unit is another's: money for it would come too late.
        let late = Sale::open(&shop, 1, &late);
        let (bob, cat) = (Shopper::admitted(&late), Shopper::admitted(&late));
        let late_page = bob.begin_payment(&bob.hold("k", 1).reservation);
        assert_eq!(report(&shop, &late_page, "payment.declined").status, 200);
        let held = eventually("the unit comes back", || {
            let answer = cat.reserve("k", 1);
            (answer.status == 201).then(|| answer.ok::<Reservation>())
        });
        cat.pay(&held.reservation);
        // Last, so that it is overdue only when payments are off.
        let short = Sale::open(&shop, 1, &short);
        let dan = Shopper::admitted(&short);
        dan.begin_payment(&dan.hold("k", 1).reservation);
        (open.id, late.id, short.id, paid_page, late_page)
    };
    shop.redeploy(PAYMENTS, "off");
    let [open, late, short] = [open, late, short].map(|id| Sale { shop: &shop, id });

    let eve = Shopper::admitted(&open);
    let refused = eve.act("POST", &eve.hold("k", 1).reservation, "/payment");
    assert_eq!(refused.problem(), ProblemKind::NotConfigured);
    // Ann pays what she had begun; the provider reports it once more.
    assert!(shop.request("GET", &paid_page).send().text().contains("16.00"));
    assert_eq!(decide(&shop, &paid_page, "success").status, 303);
    assert_eq!(report(&shop, &paid_page, "payment.completed").status, 200);
    assert_eq!(open.counts(), (2, 1, 1));
    eventually("who walked away is voided", || (short.counts() == (1, 0, 0)).then_some(()));
    // Bob pays what he cannot get any more, and gets his money back.
    assert_eq!(decide(&shop, &late_page, "success").status, 303);
    eventually("the money went back", || {
        let page = shop.request("GET", &late_page).send();
        (page.text().contains("refunded") && late.stock().refunds_due == 0).then_some(())
    });
    assert_eq!(late.counts(), (1, 0, 1));
    for sale in [open, late, short] {
        sale.verify();
    }
}
