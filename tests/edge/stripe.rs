//! Paying with Stripe, of which everything but Stripe itself is real.

use std::sync::OnceLock;

use doorbuster_domain::sealed::WebhookKey;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_tests::stripe::{
    Health, STRIPE_KEY, STRIPE_WEBHOOK_SECRET, StripeApi, event, form, stripe_signature,
};
use doorbuster_tests::{Answer, Received, Sale, Shop, Shopper, eventually, now, rules};
use doorbuster_wire::merchant::{Readiness, SaleRequest};
use doorbuster_wire::problem::ProblemKind as Kind;
use doorbuster_wire::shopper::PaymentReply;
use serde_json::{Value, json};
use xtask::bundle::Build;
use xtask::secrets::{PAYMENTS, SANDBOX};

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

fn window(payment_window_ms: u64) -> SaleRequest {
    SaleRequest { payment_window_ms, ..rules() }
}

/// Somebody who holds a unit, and Stripe's page for it.
fn at_the_provider<'s>(sale: &'s Sale<'s>) -> (Shopper<'s>, String, String) {
    let ann = Shopper::admitted(sale);
    let held = ann.hold("k", 1).reservation;
    let page = ann.begin_payment(&held);
    (ann, held, page)
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
    let (ann, held, page) = at_the_provider(&sale);
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
    let (ann, held, page) = at_the_provider(&sale);
    stripe.pay(&page);
    is_in(&ann, &held, "allocated");
    assert_eq!((sale.counts(), sale.stock().refunds_due), ((1, 0, 1), 0));
    sale.verify();
}

#[test]
fn a_bank_that_takes_its_time_is_waited_for_and_may_say_no() {
    let AtStripe { stripe, shop } = shared();
    let sale = Sale::open(shop, 2, &window(1_000));
    let (ann, anns, anns_page) = at_the_provider(&sale);
    let (bob, bobs, bobs_page) = at_the_provider(&sale);
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
        let (ann, held, page) = at_the_provider(&sale);
        stripe.pay(&page);
        let mut session = stripe.session(&page);
        session[name] = value;
        assert_eq!(shared().report(&event("completed", &session)).status, 200);
        let after = ann.show(&held);
        assert_eq!((after.state.as_str(), after.order), ("expired", None), "{name}");
        eventually("the money went back", || stripe.is_refunded(&page).then_some(()));
        let refund = stripe.asked(&session["payment_intent"].as_str().unwrap().to_owned());
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
    let (ann, held, page) = at_the_provider(&sale);
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

#[test]
fn a_webhook_that_stripe_did_not_sign_just_now_changes_nothing() {
    let AtStripe { stripe, shop } = shared();
    let sale = Sale::open(shop, 1, &rules());
    let (ann, held, page) = at_the_provider(&sale);
    let body = stripe.pay(&page).to_string();
    let key = WebhookKey::new(STRIPE_WEBHOOK_SECRET.as_bytes()).unwrap();
    let signed = |at: Timestamp| key.sign(at, body.as_bytes());
    let good = signed(now());
    let other = WebhookKey::new(b"whsec_of-another-endpoint-of-somebody-else").unwrap();
    let old = Timestamp::from_millis(now().as_millis() - 301_000);
    let refused = |signature: &str, body: &str| {
        let (kind, problem) = shared().report_signed(signature, body).problem_body();
        assert_eq!(kind, Kind::WebhookInvalid, "{signature}");
        problem.detail
    };
    for (signature, why) in [
        ("", "malformed"),
        ("t=1", "malformed"),
        (&good[..good.len() - 1], "not signed with a key in use"),
        (&other.sign(now(), body.as_bytes()), "not signed with a key in use"),
        (&good.replace("v1=", "v0="), "malformed"),
        (&signed(old), "not signed recently"),
        (&signed(now().plus(Millis::from_secs(310))), "not signed recently"),
    ] {
        let detail = refused(signature, &body);
        assert!(detail.contains(why), "{signature}: {detail}");
    }
    refused(&good, &body.replace("1600", "1"));
    refused(&good, &format!("{body} "));
    let no_event = r#"{"type":"checkout.session.completed"}"#;
    assert!(refused(&stripe_signature(no_event), no_event).contains("not an event"));
    let long = "x".repeat(300_000);
    let answer = shared().report_signed(&stripe_signature(&long), &long);
    assert_eq!(answer.problem(), Kind::BodyTooLarge);
    assert_eq!(ann.show(&held).state, "paying");
    // One good signature among several is what there is while a secret rotates.
    let (moment, v1) = good.split_once(',').unwrap();
    let both = format!("{moment},v1={},{v1},v0=00", "0".repeat(64));
    assert_eq!(shared().report_signed(&both, &body).status, 200);
    assert_eq!(ann.show(&held).state, "allocated");
}

#[test]
fn a_payment_that_is_not_ours_is_passed_over_and_one_that_should_be_is_a_problem() {
    let AtStripe { stripe, shop } = shared();
    let sale = Sale::open(shop, 1, &rules());
    let (ann, held, page) = at_the_provider(&sale);
    stripe.pay(&page);
    let session = stripe.session(&page);
    let with = |changes: &[(&str, Value)]| {
        let mut changed = session.clone();
        for (path, value) in changes {
            *changed.pointer_mut(path).unwrap() = value.clone();
        }
        shared().report(&event("completed", &changed))
    };
    let elsewhere = json!(payment_of(&held, 7));
    // Somebody's cart, and another shop on the same account.
    let cart = with(&[("/client_reference_id", json!("cart-17"))]);
    let other_shop = json!("https://other.example.com");
    let others =
        with(&[("/client_reference_id", elsewhere.clone()), ("/metadata/shop", other_shop)]);
    for answer in [cart, others] {
        assert_eq!((answer.status, answer.text()), (200, r#"{"received":true}"#));
    }
    let other_kind = json!({ "object": "event", "type": "charge.refunded", "data": {} });
    assert_eq!(shared().report(&other_kind).status, 200);
    // Ours by its own words, and not known; or known by another session.
    for changes in [("/client_reference_id", elsewhere), ("/id", json!("cs_test_other"))] {
        let (kind, problem) = with(&[changes]).problem_body();
        assert_eq!(kind, Kind::PaymentUnknown);
        assert!(problem.detail.contains("began no payment pay_"), "{}", problem.detail);
    }
    assert_eq!((ann.show(&held).state.as_str(), sale.counts()), ("paying", (1, 1, 0)));
}

#[test]
fn while_stripe_is_down_people_are_told_and_keep_what_they_hold() {
    let here = AtStripe::start("stripe-down");
    let AtStripe { stripe, shop } = &here;
    let sale = Sale::open(shop, 7, &rules());
    let people: Vec<_> = (0..6)
        .map(|_| {
            let shopper = Shopper::admitted(&sale);
            let held = shopper.hold("k", 1).reservation;
            (shopper, held)
        })
        .collect();
    let begin = |(shopper, held): &(Shopper<'_>, String)| shopper.act("POST", held, "/payment");
    for (health, person) in
        [Health::Down, Health::Failing(429), Health::Failing(503), Health::Failing(409)]
            .into_iter()
            .zip(&people)
    {
        stripe.is(health);
        assert_eq!(begin(person).problem(), Kind::Unavailable, "{health:?}");
        // It is asked a second and a third time, with the same key.
        let asked = stripe.asked(&payment_of(&person.1, 1));
        assert_eq!(asked.len(), 3, "{health:?}");
        let is_same = |one: &Received| {
            let key = |asked: &Received| asked.header("idempotency-key").to_owned();
            (key(one), &one.body) == (key(&asked[0]), &asked[0].body)
        };
        assert!(asked.iter().all(is_same), "{asked:?}");
    }
    // What Stripe would answer for a day is not asked again; the next payment has another name.
    stripe.is(Health::Failing(500));
    assert_eq!(begin(&people[4]).problem(), Kind::Unavailable);
    assert_eq!(stripe.asked(&payment_of(&people[4].1, 1)).len(), 1);
    let refused = begin(&people[5]);
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(refused.problem(), Kind::PaymentProviderDown);
    assert_eq!(sale.counts(), (7, 6, 0));
    stripe.is(Health::Up);
    for (number, person) in people.iter().enumerate() {
        let (shopper, held) = person;
        let state = if number < 4 { "paying" } else { "held" };
        assert_eq!(shopper.show(held).state, state);
        let page = eventually("Stripe is asked again", || {
            let begun = begin(person);
            (begun.status == 201).then(|| begun.header("location").to_owned())
        });
        assert_eq!(here.report(&stripe.pay(&page)).status, 200);
        let attempt = if number == 4 { 2 } else { 1 };
        assert_eq!(stripe.sessions_of(&payment_of(held, attempt)), 1);
        assert_eq!(shopper.show(held).state, "allocated");
    }
    assert_eq!((sale.counts(), sale.stock().refunds_due), ((7, 0, 6), 0));
    sale.verify();
}

#[test]
fn a_session_whose_making_nobody_heard_of_is_found_by_the_same_key_or_never_told() {
    let here = AtStripe::start("stripe-unheard");
    let AtStripe { stripe, shop } = &here;
    let sale = Sale::open(shop, 2, &window(1_500));
    stripe.is(Health::LosesOneAnswer);
    let (ann, anns, page) = at_the_provider(&sale);
    assert_eq!(stripe.sessions_of(&payment_of(&anns, 1)), 1);
    assert_eq!(here.report(&stripe.pay(&page)).status, 200);
    assert_eq!(ann.show(&anns).state, "allocated");
    // Of Bob's nobody ever heard: it is over without a word to Stripe, which is not there.
    stripe.is(Health::Down);
    let bob = Shopper::admitted(&sale);
    let bobs = bob.hold("k", 1).reservation;
    assert_eq!(bob.act("POST", &bobs, "/payment").problem(), Kind::Unavailable);
    is_in(&bob, &bobs, "expired");
    let asked = stripe.asked(&payment_of(&bobs, 1));
    assert!(asked.iter().all(|asked| asked.path == "/v1/checkout/sessions"), "{asked:?}");
    assert_eq!(sale.counts(), (2, 0, 1));
    sale.verify();
}

#[test]
fn what_stripe_refuses_is_a_problem_and_the_units_stay_with_who_holds_them() {
    let here = AtStripe::start("stripe-refuses");
    let AtStripe { stripe, shop } = &here;
    let sale = Sale::open(shop, 1, &rules());
    let ann = Shopper::admitted(&sale);
    let held = ann.hold("k", 1).reservation;
    stripe.is(Health::Failing(400));
    let (kind, problem) = ann.act("POST", &held, "/payment").problem_body();
    assert_eq!((kind, problem.retryable), (Kind::PaymentRefused, false));
    assert!(problem.detail.contains("is still yours"), "{}", problem.detail);
    assert_eq!(ann.show(&held).state, "held");
    // A key that Stripe does not take is the operator's to see to.
    stripe.is(Health::Failing(401));
    assert_eq!(ann.act("POST", &held, "/payment").problem(), Kind::NotConfigured);
    assert_eq!(ann.show(&held).state, "paying");
    stripe.is(Health::Up);
    let page = ann.begin_payment(&held);
    assert_eq!(here.report(&stripe.pay(&page)).status, 200);
    assert_eq!(ann.show(&held).state, "allocated");
    sale.verify();
}

#[test]
fn a_payment_goes_on_with_the_provider_it_was_begun_with() {
    let mut here = AtStripe::start("stripe-switched");
    let (id, page, held) = {
        let sale = Sale::open(&here.shop, 3, &window(8_000));
        let (_, held, page) = at_the_provider(&sale);
        at_the_provider(&sale);
        (sale.id.clone(), page, held)
    };
    here.shop.redeploy(PAYMENTS, SANDBOX);
    {
        let sale = Sale { shop: &here.shop, id: id.clone() };
        let bob = Shopper::admitted(&sale);
        let bobs = bob.hold("k", 1).reservation;
        let sandboxs = bob.begin_payment(&bobs);
        assert!(sandboxs.starts_with("/sandbox/"), "{sandboxs}");
        assert_eq!(here.report(&here.stripe.pay(&page)).status, 200);
        assert_eq!(sale.counts(), (3, 2, 1));
    }
    here.shop.redeploy(PAYMENTS, "stripe");
    let sale = Sale { shop: &here.shop, id };
    // Both who walked away are ended, each where they were.
    eventually("the units are offered again", || (sale.counts() == (3, 0, 1)).then_some(()));
    assert_eq!(here.stripe.sessions_of(&payment_of(&held, 1)), 1);
    sale.verify();
}

#[test]
fn without_all_of_its_settings_nobody_can_pay_with_stripe() {
    let stripe = StripeApi::start();
    let all = stripe.settings();
    let with = |name: &str, left_out: &str, value: &str| {
        let mut settings: Vec<_> = all.iter().map(|(name, value)| (*name, &**value)).collect();
        settings.retain(|(name, _)| *name != left_out);
        settings.push((left_out, value));
        Shop::calling_inside(name, Build::Release, &settings)
    };
    for (name, left_out, value) in [
        ("stripe-no-key", "STRIPE_SECRET_KEY", ""),
        ("stripe-short-secret", "STRIPE_WEBHOOK_SECRET", "whsec_short"),
        ("stripe-no-origin", "PUBLIC_ORIGIN", "http://shop.example.com/path"),
    ] {
        let shop = with(name, left_out, value);
        let sale = Sale::open(&shop, 1, &rules());
        let ann = Shopper::admitted(&sale);
        let held = ann.hold("k", 1).reservation;
        assert_eq!(ann.act("POST", &held, "/payment").problem(), Kind::NotConfigured);
        let webhook = shop.request("POST", "/v1/webhooks/stripe").send();
        assert_eq!(webhook.problem(), Kind::NotConfigured);
        let path = format!("/v1/admin/sales/{}/readiness", sale.id);
        let readiness: Readiness = shop.admin("GET", &path).send().ok();
        let check = readiness.checks.iter().find(|check| check.name == "payments").unwrap();
        assert!(!check.ready && check.detail.contains("The log says"), "{}", check.detail);
        assert!(shop.log().contains(&format!("{left_out}: ")), "{}", shop.log());
        assert_eq!(ann.show(&held).state, "held");
    }
}
