//! Many who ask one object at the same time, for longer than V8 takes to optimise what they run.

use std::time::Duration;

use doorbuster_bench::load::{Load, Reply, Stop, Workload, render_into, run};
use doorbuster_tests::{Sale, Shop, Shopper, rules};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::Reservation;

use crate::load::counts;

/// Whom the limiter of `bench/limited.mjs` refuses: a client of this address.
const REFUSED: (&str, &str) = ("cf-connecting-ip", "192.0.2.99");

/// Some seconds of load. When those who wait did so by `new Promise`, answers went wrong after
/// 12,000 to 17,000.
const REQUESTS: u64 = 50_000;
const PEOPLE: u32 = 64;

/// People who repeat their reserve, which is answered by the object each time. They send it as an
/// app or as a page does, and some send what is refused.
struct Repeating<'s> {
    path: String,
    people: Vec<(Shopper<'s>, String)>,
}

/// What is asked in turn.
const KINDS: [Kind; 5] = [Kind::App, Kind::Page, Kind::Foreign, Kind::Stolen, Kind::Two];

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// One unit, by headers alone.
    App,
    /// One unit, said in a body, by somebody whose secret is in a cookie.
    Page,
    /// The same from another site's page, which can send the cookie and no pass.
    Foreign,
    /// With the pass of somebody else.
    Stolen,
    /// Another quantity with the same key.
    Two,
}

impl Kind {
    /// In every round over all people each of them is of another kind: they are no multiple of the
    /// kinds.
    fn of(number: u64) -> Self {
        KINDS[usize::try_from(number).unwrap() % KINDS.len()]
    }

    /// What it is refused for, if it is.
    fn refused(self) -> Option<ProblemKind> {
        match self {
            Self::App | Self::Page => None,
            Self::Foreign => Some(ProblemKind::CrossOrigin),
            Self::Stolen => Some(ProblemKind::PassInvalid),
            Self::Two => Some(ProblemKind::IdempotencyKeyReused),
        }
    }
}

impl Repeating<'_> {
    fn person(&self, number: u64) -> &(Shopper<'_>, String) {
        let index = usize::try_from(number).unwrap() % self.people.len();
        &self.people[index]
    }
}

impl Workload for Repeating<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        let kind = Kind::of(number);
        let secret = self.person(number).0.secret.as_str();
        let cookie = format!("doorbuster={secret}");
        let passes = self.person(number + u64::from(matches!(kind, Kind::Stolen)));
        let pass = passes.0.pass.as_deref().unwrap_or_default();
        let mut headers = vec![("idempotency-key", "k")];
        if !matches!(kind, Kind::Foreign) {
            headers.push(("doorbuster-pass", pass));
        }
        let is_page = matches!(kind, Kind::Page | Kind::Foreign);
        headers.push(if is_page { ("cookie", &*cookie) } else { ("doorbuster-shopper", secret) });
        let site = if matches!(kind, Kind::Foreign) { "cross-site" } else { "same-origin" };
        headers.push(("sec-fetch-site", site));
        let body: &[u8] = match kind {
            Kind::App | Kind::Stolen => b"",
            Kind::Page | Kind::Foreign => br#"{"quantity":1,"wait":true}"#,
            Kind::Two => br#"{"quantity":2}"#,
        };
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        render_into(out, "POST", &self.path, &headers, body);
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        if let Some(refused) = Kind::of(reply.number).refused() {
            let told = String::from_utf8_lossy(reply.body);
            let is_right = reply.status == refused.status() && told.contains(refused.slug());
            return if is_right { Ok(1) } else { Err(reply.unexpected()) };
        }
        reply.success()?;
        let theirs: Reservation =
            serde_json::from_slice(reply.body).map_err(|error| error.to_string())?;
        let (_, own) = self.person(reply.number);
        if theirs.reservation == *own { Ok(0) } else { Err("it is somebody else's".to_owned()) }
    }
}

/// Has everybody repeat their reserve so many times in all.
fn all_are_answered_with_their_own(shop: &Shop) {
    let sale = Sale::open(shop, PEOPLE, &rules());
    let people = (0..PEOPLE).map(|_| {
        let shopper = Shopper::admitted(&sale);
        let reservation = shopper.hold("k", 1).reservation;
        (shopper, reservation)
    });
    let people = people.collect();
    let mut repeating = Repeating { path: sale.sku_path("/reservations"), people };
    let load = Load::new(shop.address(), &mut repeating);
    let ran = run(&mut Load { stop: Stop::Count(REQUESTS), ..load }).unwrap();
    assert!(ran.is_clean(), "{} errors, {} wrong: {:?}", ran.errors, ran.wrong, ran.complaints);
    assert_eq!(sale.counts(), (PEOPLE, PEOPLE, 0));
}

#[test]
fn who_shares_a_call_of_an_object_is_answered_and_with_their_own_however_long_it_goes_on() {
    all_are_answered_with_their_own(&Shop::behind("metered.mjs", "line-lanes"));
}

#[test]
fn who_passes_the_platforms_limiter_shares_a_call_and_who_does_not_is_refused() {
    let shop = Shop::behind("limited.mjs", "line-limited");
    let sale = Sale::open(&shop, PEOPLE, &rules());
    let calls = || counts(&shop).get("inventory_requests").copied().unwrap_or(0);
    let calls_before = calls();
    let people: Vec<_> = (0..PEOPLE).map(|_| Shopper::admitted(&sale)).collect();
    std::thread::scope(|scope| {
        for shopper in &people {
            scope.spawn(|| {
                // The limiter of this shop refuses who says so.
                let limited = shopper.reserve_request("k").header(REFUSED.0, REFUSED.1).send();
                assert_eq!(limited.problem(), ProblemKind::QuotaExceeded);
                assert_eq!(limited.header("retry-after"), "60");
                shopper.hold("k", 1);
            });
        }
    });
    assert_eq!(sale.counts(), (PEOPLE, PEOPLE, 0));
    let calls = calls() - calls_before;
    assert!(calls < u64::from(PEOPLE), "{calls} calls of the object for {PEOPLE} people");
    let limiter_asked = || shop.request("GET", "/v1/bench/limiter").send().ok::<u32>();
    assert_eq!(limiter_asked(), 3 * PEOPLE, "of each person, to join and to reserve twice");
    // The object refuses first, and the edge when it knows; nobody is counted twice.
    let gone = Sale::open(&shop, 1, &rules());
    let late = Shopper::admitted(&gone);
    assert_eq!(gone.adjust("withdrawn", -1).status, 200);
    let asked = limiter_asked();
    for _ in 0..20 {
        assert_eq!(late.reserve("k", 1).problem(), ProblemKind::SoldOut);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(limiter_asked() - asked, 20);
}

#[test]
fn who_shares_a_call_is_answered_also_when_the_object_is_far_away() {
    let home = Shop::behind("home.mjs", "line-lanes-home");
    let far = home.far_edge("line-lanes-far", home.address());
    all_are_answered_with_their_own(&far);
}
