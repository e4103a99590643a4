//! What Stripe's webhook is believed, and what it is not.

use doorbuster_domain::sealed::WebhookKey;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_tests::stripe::{STRIPE_WEBHOOK_SECRET, event, stripe_signature};
use doorbuster_tests::{Sale, Shopper, now, rules};
use doorbuster_wire::problem::ProblemKind as Kind;
use serde_json::{Value, json};

use super::{AtStripe, payment_of, shared};

#[test]
fn a_webhook_that_stripe_did_not_sign_just_now_changes_nothing() {
    let AtStripe { stripe, shop } = shared();
    let sale = Sale::open(shop, 1, &rules());
    let (ann, held, page) = Shopper::at_the_provider(&sale);
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
    let (ann, held, page) = Shopper::at_the_provider(&sale);
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
    assert_eq!((&*ann.show(&held).state, sale.counts()), ("paying", (1, 1, 0)));
}
