//! Stripe when it is down, refuses, or is not set up.

use doorbuster_tests::stripe::{Health, StripeApi};
use doorbuster_tests::{Received, Sale, Shop, Shopper, eventually, rules, window};
use doorbuster_wire::merchant::Readiness;
use doorbuster_wire::problem::ProblemKind as Kind;
use xtask::bundle::Build;
use xtask::secrets::{PAYMENTS, SANDBOX};

use super::{AtStripe, is_in, payment_of};

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
            let answer = begin(person);
            (answer.status == 201).then(|| answer.header("location").to_owned())
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
    let (ann, anns, page) = Shopper::at_the_provider(&sale);
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
        let (_, held, page) = Shopper::at_the_provider(&sale);
        Shopper::at_the_provider(&sale);
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
