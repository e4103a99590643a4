//! Ways past the line, for staff.

use doorbuster_domain::sealed::{Bypass, Keyring};
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_tests::{Answer, Sale, Shopper, fifo, now};
use doorbuster_wire::merchant::{BypassReply, SaleState};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::TurnReply;
use serde_json::json;

use crate::shop;

fn make(sale: &Sale<'_>, name: &str, uses_max: u32, expires_at: Timestamp) -> BypassReply {
    let body = json!({ "uses_max": uses_max, "expires_at_ms": expires_at.as_millis() });
    sale.put(&format!("/bypasses/{name}"), &body).ok()
}

fn in_an_hour() -> Timestamp {
    now().plus(Millis::from_secs(3_600))
}

fn go_past(who: &Shopper<'_>, sale: &Sale<'_>, bypass: &str) -> Answer {
    who.request("POST", &sale.path("/bypass")).header("doorbuster-bypass", bypass).send()
}

/// A sale whose line nobody gets through.
fn crowded() -> Sale<'static> {
    let mut slow = fifo();
    slow.admits_per_minute_max = 1;
    let sale = Sale::open(shop(), 9, &slow);
    (0..5).for_each(|_| drop(Shopper::joined(&sale)));
    sale
}

#[test]
fn a_bypass_lets_as_many_people_past_the_line_as_it_says() {
    let sale = crowded();
    let made = make(&sale, "press", 2, in_an_hour());
    assert_eq!((made.name.as_str(), made.uses_max, made.uses), ("press", 2, 0));
    let (mut ann, bob, cem) = (Shopper::new(&sale), Shopper::new(&sale), Shopper::new(&sale));
    for who in [&ann, &ann, &bob, &ann] {
        let turn: TurnReply = go_past(who, &sale, &made.bypass).ok();
        assert!(turn.state == "admitted" && turn.pass.is_some(), "{turn:?}");
    }
    assert_eq!(go_past(&cem, &sale, &made.bypass).problem(), ProblemKind::BypassInvalid);
    let known = sale.state().line.bypasses;
    let known: Vec<_> =
        known.iter().map(|one| (one.name.as_str(), one.uses, one.uses_max)).collect();
    assert_eq!(known, [("press", 2, 2)]);

    let turn: TurnReply = go_past(&ann, &sale, &made.bypass).ok();
    ann.pass = turn.pass;
    ann.buy("k", 1);
    assert_eq!(sale.counts(), (9, 0, 1));
    // For more people it can be made again, under the same name.
    let wider = make(&sale, "press", 3, in_an_hour());
    assert_eq!((wider.uses, wider.uses_max), (2, 3));
    go_past(&cem, &sale, &made.bypass).ok::<TurnReply>();
}

#[test]
fn a_pass_from_a_bypass_is_for_the_one_who_took_it() {
    let sale = crowded();
    let made = make(&sale, "press", 1, in_an_hour());
    let browser = shop().request("POST", &sale.path("/bypass"));
    let answer = browser.header("doorbuster-bypass", made.bypass.as_str()).send();
    let cookies = answer.cookies();
    let pass = answer.ok::<TurnReply>().pass.unwrap();
    let path = sale.sku_path("/reservations");
    let reserve = |cookie: &str| {
        let request = shop().request("POST", &path).header("cookie", cookie);
        let request = request.header("doorbuster-pass", pass.as_str());
        request.header("idempotency-key", "k").json(&json!({ "quantity": 1 })).send()
    };
    let thief = "doorbuster=a-thief-with-a-good-secret";
    assert_eq!(reserve(thief).problem(), ProblemKind::PassInvalid);
    assert_eq!(reserve(&cookies[0]).status, 201);
}

#[test]
fn a_bypass_that_does_not_hold_lets_nobody_past() {
    let (sale, other) = (crowded(), crowded());
    let good = make(&sale, "press", 9, in_an_hour());
    let elsewhere = make(&other, "press", 9, in_an_hour());
    let ann = Shopper::new(&sale);
    let short = make(&sale, "short", 9, now().plus(Millis::new(400)));
    let id = sale.id.parse().unwrap();
    let (name, expires_at) = ("press".parse().unwrap(), in_an_hour());
    let claims = Bypass { sale: id, name, expires_at };
    let foreign = Keyring::new(&[7; 32], None).unwrap().seal(&claims);
    let unmade = Bypass { name: "nobody-made-it".parse().unwrap(), ..claims };
    let unmade = shop().keyring().seal(&unmade);
    let half = good.bypass.split_at(good.bypass.len() / 2);
    let changed = format!("{}A{}", half.0, &half.1[1..]);
    let ticket = Shopper::joined(&sale).ticket.unwrap();
    while now().as_millis() <= short.expires_at_ms {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let texts = [&elsewhere.bypass, &short.bypass, &foreign, &unmade, &changed, &ticket, "", "x"];
    for text in texts {
        assert_eq!(go_past(&ann, &sale, text).problem(), ProblemKind::BypassInvalid, "{text}");
    }
    let without = ann.request("POST", &sale.path("/bypass")).send();
    assert_eq!(without.problem(), ProblemKind::BypassInvalid);
    let state: SaleState = sale.state();
    assert!(state.line.bypasses.iter().all(|bypass| bypass.uses == 0), "{state:?}");
    go_past(&ann, &sale, &good.bypass).ok::<TurnReply>();
}
