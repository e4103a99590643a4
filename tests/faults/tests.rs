use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use doorbuster_tests::{Answer, SKU, Sale, Shop, Shopper, eventually, rules};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{Order, ProductList};
use xtask::bundle::Build;
use xtask::clock::Stopwatch;

/// Nobody waits longer for the answer that something broke.
const QUICK: Duration = Duration::from_secs(2);

/// The shop that breaks, for one test at a time: a panic takes all that an isolate has in flight.
pub(crate) fn alone() -> (&'static Shop, MutexGuard<'static, ()>) {
    static SHOP: OnceLock<Shop> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    (SHOP.get_or_init(|| Shop::start("faults", Build::TestHooks)), turn)
}

/// The next write of a sale's Inventory panics, or fails.
pub(crate) fn break_next_write(sale: &Sale<'_>, how: &str) {
    let path = format!("/__test/{}/{SKU}/{how}", sale.id);
    assert_eq!(sale.shop.request("POST", &path).send().status, 200);
}

fn quickly(act: impl FnOnce() -> Answer) -> Answer {
    let watch = Stopwatch::start();
    let answer = act();
    assert!(watch.elapsed() < QUICK, "it took {:?}", watch.elapsed());
    answer
}

/// One reserve meets the fault: it is told so at once, leaves no trace, and works when repeated.
fn a_reserve_meets(how: &str) {
    let (shop, _turn) = alone();
    let sale = Sale::open(shop, 2, &rules());
    let (ann, bob) = (Shopper::admitted(&sale), Shopper::admitted(&sale));
    ann.hold("before", 1);
    let (counts, journal) = (sale.counts(), sale.journal());
    break_next_write(&sale, how);
    let broken = quickly(|| bob.reserve("k", 1));
    assert_eq!(broken.problem(), ProblemKind::Unavailable);
    assert_eq!(broken.header("retry-after"), "1");
    assert_eq!((sale.counts(), sale.journal()), (counts, journal));
    sale.verify();
    bob.hold("k", 1);
    assert_eq!(sale.counts(), (2, 2, 0));
    assert_eq!(sale.verify().stock().unwrap().reserved, 2);
    assert_eq!(ann.reserve("before", 1).status, 201);
}

#[test]
fn a_panic_in_an_inventory_is_told_at_once_and_leaves_nothing_half_written() {
    a_reserve_meets("panic");
}

#[test]
fn a_failed_write_is_told_at_once_and_leaves_nothing_half_written() {
    a_reserve_meets("error");
}

/// Many reserves are on their way when the fault strikes.
fn a_crowd_meets(how: &str) {
    const CROWD: usize = 24;
    let (shop, _turn) = alone();
    let sale = Sale::open(shop, 100, &rules());
    let crowd: Vec<_> = (0..CROWD).map(|_| Shopper::admitted(&sale)).collect();
    break_next_write(&sale, how);
    let reserve = |shopper: &Shopper<'_>| quickly(|| shopper.reserve("k", 1)).status;
    let answers: Vec<u16> = thread::scope(|scope| {
        let asking: Vec<_> = crowd.iter().map(|who| scope.spawn(|| reserve(who))).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let of = |status| answers.iter().filter(|answer| **answer == status).count();
    assert!(of(503) > 0, "nobody met the fault: {answers:?}");
    assert!(answers.iter().all(|status| [201, 503].contains(status)), "{answers:?}");
    // Whoever was told yes has it; who was told no has nothing, and gets it by asking again.
    assert_eq!(sale.counts(), (100, u32::try_from(of(201)).unwrap(), 0));
    sale.verify();
    assert!(crowd.iter().all(|shopper| shopper.reserve("k", 1).status == 201));
    assert_eq!(sale.counts(), (100, u32::try_from(CROWD).unwrap(), 0));
    sale.verify();
}

#[test]
fn everybody_in_flight_is_answered_when_an_inventory_panics() {
    a_crowd_meets("panic");
}

#[test]
fn a_whole_batch_is_told_when_its_write_fails() {
    a_crowd_meets("error");
}

#[test]
fn a_panic_at_the_edge_costs_one_request() {
    let (shop, _turn) = alone();
    let sale = Sale::open(shop, 1, &rules());
    let ann = Shopper::admitted(&sale);
    let panicked = quickly(|| shop.request("POST", "/__test/panic").send());
    assert_eq!(panicked.problem(), ProblemKind::Unavailable);
    quickly(|| shop.request("GET", "/v1/catalog").send()).ok::<ProductList>();
    ann.buy("k", 1);
    assert_eq!(sale.counts(), (1, 0, 1));
    sale.verify();
}

#[test]
fn an_order_that_the_queue_delivers_twice_is_settled_once() {
    let (shop, _turn) = alone();
    let sale = Sale::open(shop, 1, &rules());
    let ann = Shopper::admitted(&sale);
    let order = ann.buy("k", 1);
    // The next write is the consumer's report, after it wrote the order into the books: the panic
    // takes both with it, and the message comes again.
    let panics = || shop.log().matches("a test asked for this panic").count();
    let before = panics();
    break_next_write(&sale, "panic");
    eventually("the order is settled", || {
        // Whoever asks while it panics is told to ask again.
        let answer = ann.request("GET", &sale.sku_path(&format!("/orders/{order}"))).send();
        (answer.status == 200 && answer.ok::<Order>().status == "settled").then_some(())
    });
    assert!(panics() > before, "the first report was not broken");
    let books = sale.orders();
    assert_eq!(books.iter().map(|known| &known.order).collect::<Vec<_>>(), [&order]);
    assert_eq!(books[0].lines.len(), 1);
    let settled: Vec<_> = sale.journal().into_iter().map(|entry| entry.events).collect();
    assert_eq!(settled.concat().matches("\"settled\"").count(), 1, "{settled:?}");
    sale.verify();
}

#[test]
fn an_inventory_wakes_from_its_snapshot_as_it_was() {
    wakes_as_it_was("snapshot", |_| {}, "snapshot after entry");
}

#[test]
fn a_snapshot_that_breaks_off_costs_nobody_anything() {
    wakes_as_it_was("half", |sale| break_next_write(sale, "snapshot"), "snapshot: ");
}

#[test]
fn an_inventory_that_is_quiet_writes_a_snapshot_before_it_may_be_put_to_sleep() {
    let mut shop = Shop::start("quiet", Build::TestHooks);
    let (before, id) = {
        let sale = Sale::open(&shop, 20, &rules());
        for _ in 0..4 {
            Shopper::admitted(&sale).hold("k", 1);
        }
        // The waiting room writes some too.
        let is_one = |line: &str| line.contains("snapshot after") && line.ends_with("::Inventory");
        let is_written = || shop.log().lines().any(is_one);
        assert!(!is_written(), "it was due in any case");
        eventually("it has become quiet", || is_written().then_some(()));
        (sale.counts(), sale.id.clone())
    };
    shop.kill();
    shop.restart();
    let sale = Sale { shop: &shop, id };
    assert_eq!((sale.counts(), before.1), (before, 4));
    sale.verify();
}

/// Twelve reserve and one pays, which is enough for a snapshot; then the power goes.
fn wakes_as_it_was(name: &str, prepare: impl FnOnce(&Sale<'_>), logged: &str) {
    let mut shop = Shop::start(name, Build::TestHooks);
    let (before, answers, id) = {
        let sale = Sale::open(&shop, 20, &rules());
        prepare(&sale);
        let crowd: Vec<_> = (0..12).map(|_| Shopper::admitted(&sale)).collect();
        let answers: Vec<_> = crowd
            .iter()
            .map(|who| (who.reserve_request("k"), who.reserve("k", 1).text().to_owned()))
            .collect();
        crowd[0].pay(&crowd[0].hold("k", 1).reservation);
        assert!(shop.log().contains(logged), "no snapshot was due");
        (sale.counts(), answers, sale.id.clone())
    };
    shop.kill();
    shop.restart();
    let sale = Sale { shop: &shop, id };
    assert_eq!(sale.counts(), before);
    for (request, answer) in answers {
        let repeated = request.json(&serde_json::json!({ "quantity": 1 })).send();
        assert_eq!((repeated.status, repeated.text()), (201, answer.as_str()));
    }
    assert_eq!(sale.verify().stock().unwrap().allocated, 1);
}

#[test]
fn a_name_that_somebody_made_up_wakes_no_waiting_room() {
    let shop = Shop::start("made-up", Build::TestHooks);
    Sale::open(&shop, 1, &rules());
    let rooms = shop.waiting_rooms();
    for number in 0..5 {
        let path = format!("/v1/sales/made-up-{number}");
        assert_eq!(shop.request("GET", &path).send().problem(), ProblemKind::SaleNotFound);
        let join = shop.request("POST", &format!("{path}/tickets"));
        assert_eq!(join.send().problem(), ProblemKind::SaleNotFound);
    }
    assert_eq!((rooms, shop.waiting_rooms()), (1, 1));
}

#[test]
fn an_order_is_sent_again_after_a_crash_though_an_auditor_asks_first() {
    let mut shop = Shop::start("auditor", Build::TestHooks);
    let id = {
        let sale = Sale::open(&shop, 1, &rules());
        Shopper::admitted(&sale).buy("k", 1);
        sale.id.clone()
    };
    // The process dies, and with it the queue and the message in it.
    shop.kill();
    shop.lose_queues();
    shop.restart();
    let sale = Sale { shop: &shop, id };
    let journal: Vec<_> = sale.journal().into_iter().map(|entry| entry.events).collect();
    assert!(!journal.concat().contains("settled"), "it was settled before the crash: {journal:?}");
    eventually("the order is settled", || (sale.orders().len() == 1).then_some(()));
}
