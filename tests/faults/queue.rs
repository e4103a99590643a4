//! The settlement, by a queue at its worst.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::thread::sleep;
use std::time::Duration;

use doorbuster_tests::{SKU, Sale, Shop, rules};
use doorbuster_wire::merchant::SaleState;
use xtask::bundle::Build;
use xtask::clock::Stopwatch;

const ORDERS: u32 = 10_000;
/// Orders that are placed at once.
const TOGETHER: u32 = 500;
/// Bad deliveries after that: more crashes, and nobody gets to do anything.
const BAD_TOGETHER: u32 = 16;
/// Each fault strikes at least so often.
const STRIKES_MIN: u64 = 3;
/// What was lost is sent again after 10 s, 20 s and 40 s.
const PATIENCE: Duration = Duration::from_secs(100);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Lets so many deliveries be bad ones, of one kind or of `each` in turn; how often each fault has
/// struck.
fn bad_deliveries(shop: &Shop, left: u32, fault: &str) -> BTreeMap<String, u64> {
    patiently("the hook answers", || {
        let answer = shop.request("POST", &format!("/__test/bad-queue/{left}/{fault}")).send();
        (answer.status == 200).then(|| answer.ok())
    })
}

/// Looks until there is something to see. Whoever asks while the consumer crashes is told to ask
/// again.
fn patiently<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let watch = Stopwatch::start();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(watch.elapsed() < PATIENCE, "within {PATIENCE:?} it did not happen that {what}");
        sleep(LOOK_EVERY);
    }
}

/// Allocated units and orders that are not settled, unless a crash took the answer.
fn counts(sale: &Sale<'_>) -> Option<(u32, u64)> {
    let answer = sale.shop.admin("GET", &sale.admin_path("")).send();
    let state: Option<SaleState> = (answer.status == 200).then(|| answer.ok());
    state.map(|state| (state.skus[0].allocated, state.skus[0].orders_unsettled))
}

#[test]
fn ten_thousand_orders_are_settled_once_each_whatever_the_queue_and_the_consumer_do() {
    let shop = Shop::start("bad-queue", Build::TestHooks);
    let sale = Sale::open(&shop, ORDERS, &rules());
    let watch = Stopwatch::start();
    let faults: Vec<String> = bad_deliveries(&shop, 0, "each").into_keys().collect();
    for (round, first) in (1..=ORDERS).step_by(TOGETHER as usize).enumerate() {
        // Each fault for itself, then all in turn.
        let fault = faults.get(round).map_or("each", String::as_str);
        let deliver = || bad_deliveries(&shop, BAD_TOGETHER, fault);
        deliver();
        place(&sale, first..=first.saturating_add(TOGETHER).saturating_sub(1));
        patiently("it strikes", || {
            let struck = deliver();
            let often = |times: &u64| *times >= STRIKES_MIN;
            struck.get(fault).is_none_or(often).then_some(())
        });
    }
    let placed = watch.elapsed();
    patiently("all are settled", || (counts(&sale)? == (ORDERS, 0)).then_some(()));
    let struck = bad_deliveries(&shop, 0, "each");
    println!("{ORDERS} placed in {placed:?}, settled in {:?}: {struck:?}", watch.elapsed());
    assert!(struck.values().all(|times| *times >= STRIKES_MIN), "{struck:?}");
    is_settled_once_each(&sale, ORDERS);
}

#[test]
fn orders_that_the_queue_loses_are_sent_again_though_nothing_crashed() {
    const LOST: u32 = 300;
    let shop = Shop::start("lossy-queue", Build::TestHooks);
    let sale = Sale::open(&shop, LOST, &rules());
    bad_deliveries(&shop, u32::MAX, "lost");
    place(&sale, 1..=LOST);
    // No batch is larger than 100.
    patiently("all are lost", || {
        let struck = bad_deliveries(&shop, u32::MAX, "lost");
        (struck["lost"] >= 3).then_some(())
    });
    assert_eq!(counts(&sale), Some((LOST, LOST.into())));
    bad_deliveries(&shop, 0, "lost");
    patiently("all are settled", || (counts(&sale)? == (LOST, 0)).then_some(()));
    assert!(!shop.log().contains("a test asked for this panic"));
    is_settled_once_each(&sale, LOST);
}

/// Shoppers of these numbers buy one unit each.
fn place(sale: &Sale<'_>, shoppers: RangeInclusive<u32>) {
    let (first, last) = shoppers.into_inner();
    let path = format!("/__test/{}/{SKU}/orders/{first}/{last}", sale.id);
    patiently("they are placed", || {
        (sale.shop.request("POST", &path).send().status == 200).then_some(())
    });
}

/// The books and the journal say the same of so many orders.
fn is_settled_once_each(sale: &Sale<'_>, orders: u32) {
    let orders = orders as usize;
    let inventory = sale.verify();
    let placed: BTreeSet<String> = inventory.orders().map(|order| order.to_string()).collect();
    let books = sale.orders();
    let known: BTreeSet<String> = books.iter().map(|order| order.order.clone()).collect();
    assert_eq!((books.len(), placed.len()), (orders, orders));
    assert!(known == placed, "the books have other orders than the stock");
    let is_whole = |lines: usize, minor: u64| lines == 1 && minor == 1_600;
    assert!(books.iter().all(|order| is_whole(order.lines.len(), order.amount.minor)));
    let journal: Vec<_> = sale.journal().into_iter().map(|entry| entry.events).collect();
    assert_eq!(journal.concat().matches("\"settled\"").count(), orders);
    assert_eq!(inventory.unsettled().count(), 0);
}
