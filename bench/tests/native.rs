//! The native peers keep the contract, each started for real.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic"
)]

#[path = "native/client.rs"]
mod client;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use doorbuster_bench::postgres::{Design, Postgres};
use doorbuster_bench::redis::{Aof, Redis, lua_pipeline};
use serde_json::json;
use xtask::native;

use self::client::{Reply, Shop, Shopper, pass_key};

/// Long enough for any number of requests.
const LONG_MS: u64 = 600_000;
/// Long enough for a few requests, and short enough to wait for.
const SHORT_MS: u64 = 1_500;

/// A folder of its own for each test.
fn folder(name: &str) -> PathBuf {
    let folder = xtask::paths::target_dir().join("native-tests").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn peer_server() -> PathBuf {
    native::peer::build(false).unwrap()
}

/// Whether the programs can be had; if not, says so where it is seen.
fn can_be_had<T>(found: &Result<T>) -> bool {
    if let Err(error) = found {
        // Not by `eprintln`, which the test harness keeps to itself.
        let mut stderr = std::io::stderr();
        writeln!(stderr, "NOT TESTED: {error:#}").unwrap();
    }
    found.is_ok()
}

#[test]
fn redis_keeps_the_contract() {
    if can_be_had(&native::redis()) {
        let redis = Redis::start(&folder("redis"), 0, Aof::Always).unwrap();
        let peer = redis.serve(&peer_server(), 0, &pass_key()).unwrap();
        keeps_the_contract(Shop { addr: peer.addr() });
    }
}

#[test]
fn postgres_keeps_the_contract_with_a_hot_row() {
    postgres_keeps_the_contract(Design::HotRow, &folder("hot-row"));
}

#[test]
fn postgres_keeps_the_contract_with_a_row_per_unit() {
    postgres_keeps_the_contract(Design::SkipLocked, &folder("skip-locked"));
}

fn postgres_keeps_the_contract(design: Design, dir: &Path) {
    if can_be_had(&native::postgres()) {
        let postgres = Postgres::start(dir, 0).unwrap();
        let peer = postgres.serve(&peer_server(), 0, design, &pass_key()).unwrap();
        keeps_the_contract(Shop { addr: peer.addr() });
    }
}

#[test]
fn the_reserve_script_is_driven_without_http() {
    if can_be_had(&native::redis()) {
        for aof in [Aof::Always, Aof::Everysec, Aof::Off] {
            let redis = Redis::start(&folder("lua"), 0, aof).unwrap();
            for (clients, pipeline, reservations) in [(1, 1, 10), (8, 16, 1_000), (4, 64, 5)] {
                let per_second = lua_pipeline(redis.addr(), clients, pipeline, reservations);
                assert!(per_second.unwrap() > 0.0);
            }
            let data = redis.data().to_owned();
            assert!(data.exists());
            drop(redis);
            assert!(!data.exists());
        }
    }
}

fn keeps_the_contract(shop: Shop) {
    refuses_whoever_has_no_pass(shop);
    sells_out(shop);
    offers_again_what_was_not_bought(shop);
    never_sells_a_unit_twice(shop);
    gives_a_shopper_one_unit(shop);
}

fn refuses_whoever_has_no_pass(shop: Shop) {
    shop.open("guarded", 1, LONG_MS);
    let (alice, bob) = (Shopper::new("alice"), Shopper::new("bob"));
    let with = |pass: &str| shop.reserve_with(&alice, "guarded", "k", Some(pass));
    shop.reserve_with(&alice, "guarded", "k", None).is(401, "pass-required");
    with(&bob.pass("drop", 600)).is(403, "pass-invalid");
    with(&alice.pass("other", 600)).is(403, "pass-invalid");
    with(&alice.pass("drop", 600).replacen('.', ".e", 1)).is(403, "pass-invalid");
    with(&alice.pass("drop", -1)).is(403, "pass-expired");
    shop.reserve(&alice, "never-opened", "k").is(404, "sku-not-found");
    let path = "/v1/sales/drop/skus/guarded/reservations";
    shop.ask("POST", path, &[], r#"{"quantity":1}"#).is(401, "shopper-unknown");
    shop.stock("guarded", (1, 0, 0, 0));
}

fn sells_out(shop: Shop) {
    shop.open("shirt", 2, LONG_MS);
    let (alice, bob, carol) = (Shopper::new("alice"), Shopper::new("bob"), Shopper::new("carol"));
    let first = shop.reserve(&alice, "shirt", "k1");
    let body = first.held();
    assert_eq!(body["reservation"], alice.reservation("shirt", "k1").to_string());
    assert_eq!(first.header("idempotent-replayed"), None);
    let again = shop.reserve(&alice, "shirt", "k1");
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    shop.reserve(&alice, "shirt", "k2").is(409, "per-shopper-max");
    shop.reserve(&bob, "shirt", "k1").held();
    shop.reserve(&carol, "shirt", "k1").is(409, "all-reserved");
    shop.stock("shirt", (2, 2, 0, 0));

    let order = alice.reservation("shirt", "k1").order();
    for _ in 0..2 {
        let confirmed = shop.confirm(&alice, "shirt", "k1");
        assert_eq!((confirmed.status, confirmed.json()), (200, json!({ "order": order })));
    }
    shop.stock("shirt", (2, 1, 1, 1));
    assert_eq!(shop.confirm(&bob, "shirt", "k1").status, 200);
    shop.stock("shirt", (2, 0, 2, 2));
    shop.reserve(&carol, "shirt", "k1").is(409, "sold-out");
    assert_eq!(shop.reserve(&alice, "shirt", "k1").body, first.body);
    shop.confirm(&carol, "shirt", "k1").is(404, "reservation-not-found");
}

fn offers_again_what_was_not_bought(shop: Shop) {
    shop.open("bag", 1, SHORT_MS);
    let (alice, bob) = (Shopper::new("alice"), Shopper::new("bob"));
    let first = shop.reserve(&alice, "bag", "k1");
    shop.reserve(&bob, "bag", "k1").is(409, "all-reserved");
    shop.stock("bag", (1, 1, 0, 0));
    let until_due = || thread::sleep(Duration::from_millis(SHORT_MS));
    until_due();
    let taken_over = shop.reserve(&bob, "bag", "k1").held();
    assert!(taken_over["expires_at_ms"].as_u64() > first.held()["expires_at_ms"].as_u64());
    shop.confirm(&alice, "bag", "k1").is(410, "reservation-expired");
    assert_eq!(shop.reserve(&alice, "bag", "k1").body, first.body);
    shop.reserve(&alice, "bag", "k2").is(409, "all-reserved");
    until_due();
    shop.confirm(&bob, "bag", "k1").is(410, "reservation-expired");
    shop.stock("bag", (1, 0, 0, 0));
    // A deadline also frees the limit of the shopper whose it was.
    shop.reserve(&alice, "bag", "k3").held();
    until_due();
    shop.reserve(&alice, "bag", "k4").held();
    assert_eq!(shop.confirm(&alice, "bag", "k4").status, 200);
    shop.stock("bag", (1, 0, 1, 1));
}

/// What all of these requests, sent at once, were answered.
fn at_once(count: usize, request: impl Fn(usize) -> Reply + Sync) -> Vec<Reply> {
    let request = &request;
    thread::scope(|scope| {
        let started: Vec<_> =
            (0..count).map(|number| scope.spawn(move || request(number))).collect();
        started.into_iter().map(|request| request.join().unwrap()).collect()
    })
}

fn never_sells_a_unit_twice(shop: Shop) {
    shop.open("mug", 10, LONG_MS);
    let shopper = |number: usize| Shopper::new(&format!("shopper-{number}"));
    let replies = at_once(40, |number| shop.reserve(&shopper(number), "mug", "k"));
    let won: Vec<_> = (0..40).filter(|number| replies[*number].status == 201).collect();
    assert_eq!(won.len(), 10);
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        reply.is(409, "all-reserved");
    }
    shop.stock("mug", (10, 10, 0, 0));
    // Each confirmation is sent twice.
    let confirmed = at_once(20, |number| shop.confirm(&shopper(won[number / 2]), "mug", "k"));
    assert!(confirmed.iter().all(|reply| reply.status == 200));
    shop.stock("mug", (10, 0, 10, 10));
}

fn gives_a_shopper_one_unit(shop: Shop) {
    shop.open("cap", 30, LONG_MS);
    let (alice, bob) = (Shopper::new("alice"), Shopper::new("bob"));
    let replies = at_once(20, |number| shop.reserve(&alice, "cap", &format!("k{number}")));
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        reply.is(409, "per-shopper-max");
    }
    let repeats = at_once(20, |_| shop.reserve(&bob, "cap", "k"));
    let first = repeats.iter().filter(|reply| reply.header("idempotent-replayed").is_none());
    assert_eq!(first.count(), 1);
    assert!(repeats.iter().all(|reply| (reply.status, &reply.body) == (201, &repeats[0].body)));
    shop.stock("cap", (30, 2, 0, 0));
}
