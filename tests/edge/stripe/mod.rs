//! Paying with Stripe, of which everything but Stripe itself is real.

mod carts;
mod down;
mod webhook;

use std::sync::OnceLock;

use doorbuster_tests::stripe::{STRIPE_KEY, StripeApi, event, form, stripe_signature};
use doorbuster_tests::{Answer, Received, Sale, Shop, Shopper, eventually, rules, window};
use doorbuster_wire::merchant::SaleRequest;
use doorbuster_wire::shopper::PaymentReply;
use serde_json::{Value, json};
use xtask::bundle::Build;

/// A shop whose payments go to something in Stripe's place.
struct AtStripe {
    stripe: StripeApi,
    shop: Shop,
}

impl AtStripe {
    fn start(name: &str) -> Self {
        let stripe = StripeApi::start();
        let settings = stripe.settings();
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
        let shop = Shop::calling_inside(name, Build::Release, &settings);
        Self { stripe, shop }
    }

    /// Stripe reports this.
    fn report(&self, event: &Value) -> Answer {
        let body = event.to_string();
        self.report_signed(&stripe_signature(&body), &body)
    }

    fn report_signed(&self, signature: &str, body: &str) -> Answer {
        let request = self.shop.request("POST", "/v1/webhooks/stripe");
        let request = request.header("stripe-signature", signature);
        request.body("application/json; charset=utf-8", body).send()
    }
}

/// The one that tests share which leave it up.
fn shared() -> &'static AtStripe {
    static SHARED: OnceLock<AtStripe> = OnceLock::new();
    SHARED.get_or_init(|| AtStripe::start("stripe"))
}

fn payment_of(held: &str, attempt: u32) -> String {
    format!("{}.{attempt}", held.replace("rsv_", "pay_"))
}

fn is_in(ann: &Shopper<'_>, held: &str, state: &str) {
    eventually(&format!("it is {state}"), || (ann.show(held).state == state).then_some(()));
}

#[test]
fn who_pays_at_stripe_gets_an_order() {
    let AtStripe { stripe, shop } = shared();
    let sale = Sale::open(shop, 3, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("k", 2);
    let begun = ann.act("POST", &held.reservation, "/payment");
    let reply: PaymentReply = begun.ok();
    assert_eq!(begun.header("location"), reply.redirect_to);
    assert_eq!(reply.reservation.state, "paying");
    let (page, payment) = (reply.redirect_to, payment_of(&held.reservation, 1));
    let again = ann.begin_payment(&held.reservation);
    assert_eq!(again, page, "coming back leads to the session that is open");
    let [asked] = &stripe.asked(&payment)[..] else { panic!("{:?}", stripe.asked(&payment)) };
    is_the_recorded_shape(asked, &payment, &sale, reply.reservation.expires_at_ms.unwrap());

    let paid = stripe.pay(&page);
    assert_eq!(shared().report(&paid).text(), r#"{"received":true}"#);
    let order = ann.show(&held.reservation).order.expect("an order");
    assert_eq!(ann.order(&order).amount.minor, 3_200);
    // Told again, or the opposite, it is the one order.
    for told in [paid, stripe.event("async_payment_succeeded", &page)] {
        assert_eq!(shared().report(&told).status, 200);
    }
    let mut ended = stripe.session(&page);
    (ended["status"], ended["payment_status"]) = (json!("expired"), json!("unpaid"));
    assert_eq!(shared().report(&event("expired", &ended)).status, 200);
    assert_eq!((sale.counts(), sale.stock().refunds_due), ((3, 0, 2), 0));
    sale.verify();
    assert!(!shop.log().contains(STRIPE_KEY) && !shop.log().contains("whsec_"));
}

/// What Stripe is asked, field by field.
fn is_the_recorded_shape(asked: &Received, payment: &str, sale: &Sale<'_>, deadline_ms: u64) {
    assert_eq!((&*asked.method, &*asked.path), ("POST", "/v1/checkout/sessions"));
    for (name, value) in [
        ("authorization", format!("Bearer {STRIPE_KEY}")),
        ("idempotency-key", payment.to_owned()),
        ("stripe-version", "2026-10-28.endive".to_owned()),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
    ] {
        assert_eq!(asked.header(name), value, "{name}");
    }
    let sku = doorbuster_tests::SKU;
    let reservation = payment.replace("pay_", "rsv_").replace(".1", "");
    let back = format!("sale={}&sku={sku}&reservation={reservation}", sale.id);
    let mut form = form(&asked.body);
    let title = form.remove("line_items[0][price_data][product_data][name]").unwrap();
    assert!(title.starts_with("2 × ") && title.contains("Mug"), "{title}");
    let expected = [
        ("mode", "payment".to_owned()),
        ("client_reference_id", payment.to_owned()),
        ("expires_at", (deadline_ms / 1_000 + 31 * 60).to_string()),
        ("success_url", format!("https://shop.example.com/receipt?{back}")),
        ("cancel_url", format!("https://shop.example.com/checkout?{back}")),
        ("line_items[0][quantity]", "1".to_owned()),
        ("line_items[0][price_data][currency]", "eur".to_owned()),
        ("line_items[0][price_data][unit_amount]", "3200".to_owned()),
        ("metadata[payment]", payment.to_owned()),
        ("metadata[sale]", sale.id.clone()),
        ("metadata[sku]", sku.to_owned()),
        ("metadata[shop]", "https://shop.example.com".to_owned()),
        ("payment_intent_data[metadata][payment]", payment.to_owned()),
        ("adaptive_pricing[enabled]", "false".to_owned()),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value)).into();
    assert_eq!(form, expected);
}

#[test]
fn who_walks_away_from_stripe_is_ended_there_before_the_units_are_offered_again() {
    let AtStripe { stripe, shop } = shared();
    let sale = Sale::open(shop, 1, &window(1_000));
    let (ann, held, page) = Shopper::at_the_provider(&sale);
    let bob = Shopper::admitted(&sale);
    eventually("the unit is offered again", || (bob.reserve("k", 1).status == 201).then_some(()));
    assert_eq!(stripe.session(&page)["status"], "expired");
    assert_eq!(ann.show(&held).state, "expired");
    assert_eq!(shared().report(&stripe.event("expired", &page)).status, 200);
    let asked = stripe.asked(&payment_of(&held, 1));
    let expired = asked.last().unwrap();
    assert!(expired.path.ends_with("/expire") && expired.body.is_empty(), "{expired:?}");
    assert_eq!((expired.header("idempotency-key"), sale.counts()), ("", (1, 1, 0)));
    sale.verify();
}

#[test]
fn a_payment_of_which_no_report_came_is_found_when_it_is_to_be_ended() {
    let AtStripe { stripe, shop } = shared();
    let sale = Sale::open(shop, 1, &window(1_000));
    let (ann, held, page) = Shopper::at_the_provider(&sale);
    stripe.pay(&page);
    is_in(&ann, &held, "allocated");
    assert_eq!((sale.counts(), sale.stock().refunds_due), ((1, 0, 1), 0));
    sale.verify();
}

#[test]
fn a_bank_that_takes_its_time_is_waited_for_and_may_say_no() {
    let AtStripe { stripe, shop } = shared();
    let sale = Sale::open(shop, 2, &window(1_000));
    let (ann, anns, anns_page) = Shopper::at_the_provider(&sale);
    let (bob, bobs, bobs_page) = Shopper::at_the_provider(&sale);
    for page in [&anns_page, &bobs_page] {
        stripe.complete(page, "unpaid");
        // Complete, but not paid: that buys nothing.
        assert_eq!(shared().report(&stripe.event("completed", page)).status, 200);
    }
    for held in [&anns, &bobs] {
        eventually("Stripe was told to end it, and asked how it stands", || {
            let asked = stripe.asked(&payment_of(held, 1));
            (asked.last().unwrap().method == "GET").then_some(())
        });
    }
    assert_eq!((ann.show(&anns).state, bob.show(&bobs).state), ("paying".into(), "paying".into()));
    stripe.settle(&anns_page);
    let settled = stripe.event("async_payment_succeeded", &anns_page);
    assert_eq!(shared().report(&settled).status, 200);
    assert_eq!(shared().report(&stripe.event("async_payment_failed", &bobs_page)).status, 200);
    assert_eq!((ann.show(&anns).state, bob.show(&bobs).state), ("allocated".into(), "held".into()));
    assert_eq!(sale.counts(), (2, 1, 1));
    sale.verify();
}

#[test]
fn another_sum_another_currency_or_late_money_goes_back_whole() {
    let AtStripe { stripe, shop } = shared();
    let sale = Sale::open(shop, 3, &rules());
    for (name, value) in [("amount_total", json!(1_599)), ("currency", json!("usd"))] {
        let (ann, held, page) = Shopper::at_the_provider(&sale);
        stripe.pay(&page);
        let mut session = stripe.session(&page);
        session[name] = value;
        assert_eq!(shared().report(&event("completed", &session)).status, 200);
        let after = ann.show(&held);
        assert_eq!((&*after.state, after.order), ("expired", None), "{name}");
        eventually("the money went back", || stripe.is_refunded(&page).then_some(()));
        let refund = stripe.asked(session["payment_intent"].as_str().unwrap());
        let refund = refund.iter().find(|asked| asked.path == "/v1/refunds").unwrap();
        let payment = payment_of(&held, 1);
        assert_eq!(refund.header("idempotency-key"), format!("{payment}.refund"));
        let fields = form(&refund.body);
        assert_eq!(fields["metadata[payment]"], payment);
        assert_eq!(fields.len(), 2, "all of it, whatever it is: {fields:?}");
    }
    assert_eq!(sale.counts(), (3, 0, 0));
    eventually("nothing is due", || (sale.stock().refunds_due == 0).then_some(()));
    sale.verify();
}

#[test]
fn money_that_comes_after_the_unit_has_gone_goes_back() {
    let AtStripe { stripe, shop } = shared();
    let short = SaleRequest { reservation_ttl_ms: 300, ..rules() };
    let sale = Sale::open(shop, 1, &short);
    let (ann, held, page) = Shopper::at_the_provider(&sale);
    stripe.complete(&page, "unpaid");
    assert_eq!(shared().report(&stripe.event("async_payment_failed", &page)).status, 200);
    let bob = Shopper::admitted(&sale);
    eventually("Bob gets the unit", || (bob.reserve("k", 1).status == 201).then_some(()));
    stripe.settle(&page);
    let late = stripe.event("async_payment_succeeded", &page);
    for _ in 0..2 {
        assert_eq!(shared().report(&late).status, 200);
    }
    eventually("the money went back", || {
        (ann.show(&held).refund.as_deref() == Some("done")).then_some(())
    });
    assert!(stripe.is_refunded(&page));
    sale.verify();
}
