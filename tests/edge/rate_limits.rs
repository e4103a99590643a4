//! Too many requests from one address.

use std::net::IpAddr;
use std::thread::sleep;
use std::time::Duration;

use doorbuster_tests::{Answer, Sale, Shop, Shopper, eventually, rules};
use doorbuster_wire::problem::ProblemKind;
use xtask::bundle::Build;

use crate::shop;

/// More than any class lets through at once.
const MANY: usize = 400;

/// Somebody at an address joins a sale, with a header that a proxy would set.
fn join(sale: &Sale<'_>, source: IpAddr, header: (&str, &str)) -> Answer {
    shop().request("POST", &sale.path("/tickets")).from(source).header(header.0, header.1).send()
}

#[test]
fn too_many_requests_are_refused_and_told_when_to_come_back() {
    let sale = Sale::open(shop(), 1, &rules());
    let here = Shopper::new(&sale).source;
    let plain = ("accept", "*/*");
    let first = join(&sale, here, plain);
    assert_eq!((first.status, first.header("ratelimit")), (201, ""), "there is plenty left");
    let told =
        (0..MANY).map(|_| join(&sale, here, plain)).find(|a| !a.header("ratelimit").is_empty());
    let told = told.expect("told in time");
    assert_eq!((told.status, told.header("ratelimit-policy")), (201, "\"join\";q=120;w=60"));
    assert!(told.header("ratelimit").starts_with("\"join\";r="), "{}", told.header("ratelimit"));
    let refused = (0..MANY).map(|_| join(&sale, here, plain)).find(|answer| answer.status != 201);
    let refused = refused.expect("an end to it");
    assert_eq!(refused.problem(), ProblemKind::QuotaExceeded);
    assert_eq!(refused.header("ratelimit-policy"), "\"join\";q=120;w=60");
    assert!(refused.header("ratelimit").starts_with("\"join\";r=0;t="));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");

    // Refused requests take no place (time goes by, so one or another is let in again), and an
    // address is refused alone.
    let places = || usize::try_from(sale.state().line.handed_out).unwrap();
    let before = places();
    let joined = (0..MANY).filter(|_| join(&sale, here, plain).status == 201).count();
    let taken = places() - before;
    assert!(joined.max(taken) < MANY / 2, "of {MANY} {joined} were let in, {taken} places gone");
    assert_eq!(join(&sale, Shopper::new(&sale).source, plain).status, 201);
    // What is limited is joining; looking is another matter.
    assert_eq!(shop().request("GET", &sale.path("")).from(here).send().status, 200);

    sleep(Duration::from_secs(wait));
    assert_eq!(join(&sale, here, plain).status, 201);
}

#[test]
fn too_many_reserves_of_what_is_gone_are_refused_as_any_others() {
    let sale = Sale::open(shop(), 1, &rules());
    let ann = Shopper::admitted(&sale);
    ann.buy("k", 1);
    let late = Shopper::new(&sale);
    // Who has no pass is told so as long as the edge has not heard of it.
    eventually("the edge has heard of it", || {
        let told = Shopper::new(&sale).reserve("k", 1).problem();
        (told == ProblemKind::SoldOut).then_some(())
    });
    let told: Vec<_> = (0..MANY).map(|_| late.reserve("k", 1).problem()).collect();
    assert_eq!(told[0], ProblemKind::SoldOut);
    assert!(told.contains(&ProblemKind::QuotaExceeded), "there is no end to it");
}

#[test]
fn a_client_cannot_choose_the_address_it_is_known_by() {
    let sale = Sale::open(shop(), 1, &rules());
    let here = Shopper::new(&sale).source;
    let names = ["cf-connecting-ip", "x-forwarded-for", "x-real-ip", "true-client-ip", "forwarded"];
    let refused = (0..MANY).find(|number| {
        let name = names[number % names.len()];
        let value = format!("203.0.113.{}", number % 250);
        let value = if name == "forwarded" { format!("for={value}") } else { value };
        join(&sale, here, (name, &value)).status == 429
    });
    assert!(refused.is_some(), "it was somebody else with every request");
    // Nor can it use up the allowance of somebody it names.
    let victim = Shopper::new(&sale).source;
    for _ in 0..MANY {
        join(&sale, here, ("cf-connecting-ip", &victim.to_string()));
    }
    assert_eq!(join(&sale, victim, ("accept", "*/*")).status, 201);
}

#[test]
fn behind_a_proxy_clients_are_told_apart_by_the_header_that_it_sets() {
    let mut shop = Shop::start("edge-behind-a-proxy", Build::TestHooks);
    shop.redeploy("CLIENT_ADDRESS_HEADER", "x-real-ip");
    let look =
        |client: &str| shop.request("GET", "/v1/catalog").header("x-real-ip", client).send().status;
    assert!((0..MANY).any(|_| look("198.51.100.1") == 429), "one client has no limit");
    assert_eq!(look("198.51.100.2"), 200, "another client is another one");
    // One subscriber to IPv6 is one client, whatever the rest of the address.
    assert!((0..MANY).any(|n| look(&format!("2001:db8:0:1::{n:x}")) == 429));
    assert_eq!(look("2001:db8:0:2::1"), 200);
}

#[test]
fn a_flood_of_polls_from_one_client_is_told_when_to_come_back_and_harms_nobody_else() {
    let sale = Sale::open(shop(), 1, &rules());
    let (ann, bob) = (Shopper::joined(&sale), Shopper::joined(&sale));
    let poll = ann.request("GET", &sale.path("/turn"));
    let refused = (0..MANY).map(|_| poll.clone().send()).find(|answer| answer.status != 200);
    let refused = refused.expect("an end to it");
    assert_eq!(refused.problem(), ProblemKind::QuotaExceeded);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(bob.poll().pass.is_some());
    sleep(Duration::from_secs(wait));
    assert!(ann.poll().pass.is_some(), "a flood costs nobody the place");
}

#[test]
fn however_many_share_an_address_they_poll_side_by_side() {
    let sale = Sale::open(shop(), 1, &rules());
    let here = Shopper::new(&sale).source;
    let people: Vec<_> = (0..8)
        .map(|_| {
            let mut one = Shopper::new(&sale);
            one.source = here;
            one.take_place();
            one
        })
        .collect();
    // Together more than one address may at once.
    for _ in 0..30 {
        for one in &people {
            let answer = one.request("GET", &sale.path("/turn")).send();
            assert_eq!((answer.status, answer.header("ratelimit")), (200, ""), "{}", answer.text());
        }
    }
    let poll = people[0].request("GET", &sale.path("/turn"));
    let refused = (0..MANY).map(|_| poll.clone().send()).find(|answer| answer.status != 200);
    let refused = refused.expect("an end to it");
    assert_eq!(refused.header("ratelimit-policy"), "\"ticket\";q=300;w=60");
    assert!(refused.text().contains("with this ticket"), "{}", refused.text());
    assert_eq!(people[1].request("GET", &sale.path("/turn")).send().status, 200);
}

#[test]
fn every_limited_class_has_its_own_allowance() {
    let sale = Sale::open(shop(), 1, &rules());
    let ann = Shopper::admitted(&sale);
    let classes = [
        ("ticket", ann.request("GET", &sale.path("/turn"))),
        ("poll", ann.request("GET", &sale.path("/turn?a=b"))),
        ("buy", ann.request("GET", &sale.sku_path("/reservations/rsv_nothing"))),
        ("admin", shop().request("GET", &sale.admin_path("")).from(ann.source)),
        ("browse", ann.request("GET", &sale.path(""))),
    ];
    for (class, request) in classes {
        let mut answers = (0..MANY).map(|_| request.clone().send());
        let refused = answers.find(|answer| answer.status == 429);
        let refused = refused.unwrap_or_else(|| panic!("{class} has no limit"));
        assert_eq!(refused.problem(), ProblemKind::QuotaExceeded);
        let policy = refused.header("ratelimit-policy");
        assert!(policy.starts_with(&format!("\"{class}\";q=")), "{policy}");
    }
    let health = shop().request("GET", "/healthz").from(ann.source);
    assert!((0..MANY).all(|_| health.clone().send().status == 200));
}
