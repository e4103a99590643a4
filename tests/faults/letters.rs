//! What becomes of messages that cannot be handled, as the merchant sees it.

use doorbuster_domain::id::{IdempotencyKey, PaymentId, ReservationId, SaleId, ShopperId};
use doorbuster_domain::inventory::PlacedOrder;
use doorbuster_tests::{SKU, Sale, Shop, Shopper, eventually, rules};
use doorbuster_wire::letters::{DeadLetter, DeadLetterPage};
use doorbuster_wire::merchant::{Check, Readiness};
use doorbuster_wire::problem::ProblemKind;
use serde_json::json;

use crate::books::{books, deliver, orders};
use crate::tests::alone;

const ORDERS: &str = "doorbuster-orders";
const PAYMENTS: &str = "doorbuster-payments";

fn page(shop: &Shop, after: &str) -> DeadLetterPage {
    shop.admin("GET", &format!("/v1/admin/dead-letters?after={after}")).send().ok()
}

/// All dead letters.
fn letters(shop: &Shop) -> Vec<DeadLetter> {
    let mut page_here = page(shop, "0");
    let mut letters = page_here.letters;
    while let Some(next) = page_here.next {
        page_here = page(shop, &next);
        letters.extend(page_here.letters);
    }
    letters
}

/// The newest one.
fn newest(shop: &Shop) -> DeadLetter {
    letters(shop).pop().expect("a dead letter")
}

fn open(shop: &Shop) -> u64 {
    page(shop, "0").open
}

/// A message is tried in vain for the last time, and dies.
fn dies(shop: &Shop, queue: &str, body: &str) {
    assert_eq!(deliver(shop, queue, &[body.to_owned()]), [false]);
    assert_eq!(deliver(shop, &format!("{queue}-dead"), &[body.to_owned()]), [true]);
}

fn replay(shop: &Shop, letter: &DeadLetter) -> DeadLetter {
    shop.admin("POST", &format!("/v1/admin/dead-letters/{}/replay", letter.number)).send().ok()
}

/// What the readiness check of a sale says of dead letters.
fn check(sale: &Sale<'_>) -> Check {
    let readiness: Readiness = sale.shop.admin("GET", &sale.admin_path("/readiness")).send().ok();
    readiness.checks.into_iter().find(|check| check.name == "dead letters").expect("the check")
}

/// The books refuse the orders of a sale, in words that are nobody's business.
fn refuse(sale: &Sale<'_>) {
    let trigger = format!(
        "CREATE TRIGGER refuses BEFORE INSERT ON orders WHEN new.sale = '{}'
         BEGIN SELECT RAISE(ABORT, 'internal words'); END",
        sale.id
    );
    books(sale.shop, &trigger);
}

fn allow(shop: &Shop) {
    books(shop, "DROP TRIGGER refuses");
}

#[test]
fn a_poisoned_order_dies_with_its_reason_and_replayed_without_the_poison_is_settled_once() {
    let (shop, _turn) = alone();
    let sale = Sale::open(shop, 2, &rules());
    let before = open(shop);
    refuse(&sale);
    let order = Shopper::admitted(&sale).buy("k", 1);
    let placed: PlacedOrder = sale.verify().placed_order(order.parse().unwrap()).unwrap();
    let body = json!(placed).to_string();
    dies(shop, ORDERS, &body);

    let kept = newest(shop);
    assert_eq!((kept.state.as_str(), kept.replayed_at_ms, kept.in_books), ("kept", None, false));
    assert_eq!(
        (kept.task.as_deref(), kept.queue.as_str()),
        (Some("settle"), "doorbuster-orders-dead")
    );
    assert_eq!(kept.order.as_ref(), Some(&order));
    assert_eq!((kept.sale.as_ref(), kept.sku.as_deref()), (Some(&sale.id), Some(SKU)));
    assert_eq!(kept.payment, Some(placed.payment.to_string()));
    assert_eq!(kept.kind, "unavailable");
    assert_eq!(kept.reason, "The books did not take the order.");
    assert!(kept.failed_at_ms.is_some() && kept.excerpt.is_none(), "{kept:?}");
    assert_eq!(open(shop), before + 1);
    let checked = check(&sale);
    assert!(!checked.ready && checked.detail.starts_with(&(before + 1).to_string()), "{checked:?}");

    allow(shop);
    let replayed = replay(shop, &kept);
    assert_eq!((replayed.state.as_str(), replayed.number), ("replayed", kept.number));
    assert!(replayed.replayed_at_ms.is_some());
    eventually("the order is settled", || (sale.stock().orders_unsettled == 0).then_some(()));
    let again = replay(shop, &kept);
    assert_eq!(again.replayed_at_ms, replayed.replayed_at_ms);
    assert!(again.in_books);
    assert_eq!(open(shop), before);

    // Also if the message comes once more.
    assert_eq!(deliver(shop, ORDERS, &[body]), [true]);
    let known = sale.orders();
    assert_eq!(known.iter().map(|known| &known.order).collect::<Vec<_>>(), [&order]);
    assert_eq!(known[0].lines.len(), 1);
    let journal: Vec<_> = sale.journal().into_iter().map(|entry| entry.events).collect();
    assert_eq!(journal.concat().matches("\"settled\"").count(), 1, "{journal:?}");
    sale.verify();
}

#[test]
fn what_is_replayed_goes_through_the_queue_and_is_sent_once() {
    let (shop, _turn) = alone();
    let sale = Sale::open(shop, 3, &rules());
    refuse(&sale);
    // No Inventory knows of the second order, so nobody sends it but the merchant.
    let made_up = orders(&sale, 1).pop().unwrap();
    dies(shop, ORDERS, &json!(made_up).to_string());
    let kept = newest(shop);
    allow(shop);
    let in_books = || sale.orders().iter().any(|known| known.order == made_up.order.to_string());
    assert!(!in_books());
    replay(shop, &kept);
    eventually("the order is in the books", || in_books().then_some(()));
    // What is replayed already is not sent again.
    books(shop, &format!("DELETE FROM orders WHERE order_id = '{}'", made_up.order));
    replay(shop, &kept);
    let other = Shopper::admitted(&sale).buy("other", 1);
    eventually("what was sent later is here", || {
        sale.orders().iter().any(|known| known.order == other).then_some(())
    });
    assert!(!in_books());
}

#[test]
fn a_letter_that_dies_again_is_kept_again_with_the_new_reason() {
    let (shop, _turn) = alone();
    let (sale, key): (SaleId, IdempotencyKey) = ("nowhere".parse().unwrap(), "k".parse().unwrap());
    let (sku, shopper) = (SKU.parse().unwrap(), ShopperId::of_secret(b"nobody"));
    let payment = PaymentId::of(ReservationId::derive(&sale, &sku, shopper, &key), 1);
    let task = json!({ "action": "refund", "sale": sale, "sku": SKU, "payment": payment });
    dies(shop, PAYMENTS, &task.to_string());
    let first = newest(shop);
    let named = (first.task.as_deref(), first.payment.clone(), first.order.as_deref());
    assert_eq!(named, (Some("refund"), Some(payment.to_string()), None));
    assert_eq!(first.kind, "unavailable");
    assert_eq!(replay(shop, &first).state, "replayed");
    // The provider has given it back now, and there is no stock to hear of it.
    books(
        shop,
        &format!("INSERT INTO sandbox_payments VALUES ('{payment}', 'refunded', 'EUR', 1600, 1)"),
    );
    dies(shop, PAYMENTS, &task.to_string());
    let again = newest(shop);
    assert_eq!((again.number, again.state.as_str()), (first.number, "kept"));
    assert_eq!(again.kind, "sku-not-found");
    assert_ne!(again.reason, first.reason);
    assert_eq!(replay(shop, &again).state, "replayed");
}

#[test]
fn what_nobody_can_read_says_so_and_is_not_sent_again() {
    let (shop, _turn) = alone();
    let before = open(shop);
    let long = format!("no order {}", "\u{e9}".repeat(20_000));
    for (queue, body) in [(ORDERS, long.as_str()), (PAYMENTS, "{\"action\":\"keep\"}")] {
        dies(shop, queue, body);
        let letter = newest(shop);
        assert_eq!((letter.kind.as_str(), letter.state.as_str()), ("unreadable", "kept"));
        assert!(letter.reason.starts_with("It cannot be read as "), "{letter:?}");
        assert_eq!((&letter.task, &letter.order, &letter.payment), (&None, &None, &None));
        let excerpt: String = body.chars().take(200).collect();
        assert_eq!(letter.excerpt, Some(excerpt));
        let path = format!("/v1/admin/dead-letters/{}/replay", letter.number);
        let refused = shop.admin("POST", &path).send();
        assert_eq!(refused.problem(), ProblemKind::DeadLetterUnreadable);
        assert_eq!(newest(shop), letter);
    }
    assert_eq!(open(shop), before);
}

#[test]
fn letters_of_which_nothing_is_noted_are_listed_all_the_same_in_pages() {
    let (shop, _turn) = alone();
    let before = open(shop);
    let mut bodies: Vec<String> = (0..101).map(|number| format!("page {number}")).collect();
    assert_eq!(deliver(shop, "doorbuster-orders-dead", &bodies), vec![true; 101]);
    // As a shop had it before reasons were noted.
    books(
        shop,
        "DELETE FROM failures WHERE letter IN (SELECT number FROM dead_letters
        WHERE body = 'page 7')",
    );
    assert_eq!(open(shop), before, "there is something to be done about what nobody can read");
    let first = page(shop, "0");
    assert_eq!((first.letters.len(), first.next.is_some()), (50, true));
    let all = letters(shop);
    assert!(all.windows(2).all(|two| two[0].number < two[1].number));
    let mut listed: Vec<String> = all.into_iter().filter_map(|letter| letter.excerpt).collect();
    listed.retain(|excerpt| excerpt.starts_with("page "));
    listed.sort();
    bodies.sort();
    assert_eq!(listed, bodies);
    assert_eq!(page(shop, &u64::MAX.to_string()).letters, []);
}
