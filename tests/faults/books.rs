//! What D1 is asked to write, as it stands there.

use doorbuster_domain::inventory::PlacedOrder;
use doorbuster_domain::time::Millis;
use doorbuster_tests::{Answer, SAMPLE_CATALOG, Sale, Shop, Shopper, now, rules};
use doorbuster_wire::merchant::ImportReply;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::ProductList;
use serde_json::{Value, json};

use crate::tests::alone;

/// The queue delivers a batch of messages; whether each is done with.
pub(crate) fn deliver(shop: &Shop, queue: &str, bodies: &[String]) -> Vec<bool> {
    let request = shop.request("POST", &format!("/__test/queue/{queue}"));
    request.json(&bodies).send().ok()
}

/// Runs a statement on the books; its rows.
pub(crate) fn books(shop: &Shop, statement: &str) -> Vec<Value> {
    let answer: Answer = shop.request("POST", "/__test/books").body("text/plain", statement).send();
    answer.ok()
}

/// An order as it leaves for the queue, and the same under the names of other reservations.
pub(crate) fn orders(sale: &Sale<'_>, others: usize) -> Vec<PlacedOrder> {
    let ann = Shopper::admitted(sale);
    let placed = ann.buy("placed", 1);
    let first = sale.verify().placed_order(placed.parse().unwrap()).unwrap();
    let mut orders = vec![first];
    for number in 0..others {
        let held = ann.hold(&format!("held-{number}"), 1).reservation;
        let order = held.replacen("rsv_", "ord_", 1).parse().unwrap();
        orders.push(PlacedOrder { order, ..orders[0].clone() });
    }
    orders
}

#[test]
fn an_order_that_the_books_refuse_does_not_hold_up_the_others_of_its_batch() {
    let (shop, _turn) = alone();
    let mut many = rules();
    many.per_shopper_max = 3;
    let sale = Sale::open(shop, 3, &many);
    let orders = orders(&sale, 2);
    let mut bodies: Vec<Value> = orders.iter().map(|order| json!(order)).collect();
    // Beyond what a column of whole numbers holds: SQLite refuses it, and so the transaction.
    bodies[1]["allocated_at"] = json!(u64::MAX);
    let bodies: Vec<String> = bodies.iter().map(Value::to_string).collect();
    assert_eq!(deliver(shop, "doorbuster-orders", &bodies), [true, false, true]);
    // Sent again with the others it is still the only one.
    assert_eq!(deliver(shop, "doorbuster-orders", &bodies), [true, false, true]);
    let mut settled: Vec<String> = sale.orders().into_iter().map(|known| known.order).collect();
    settled.sort();
    let mut good = [orders[0].order.to_string(), orders[2].order.to_string()];
    good.sort();
    assert_eq!(settled, good);
    let lines = format!("SELECT * FROM order_lines WHERE order_id = '{}'", orders[1].order);
    assert_eq!(books(shop, &lines), Vec::<Value>::new(), "half of the bad one was written");
}

#[test]
fn orders_come_again_when_the_books_take_none_of_them() {
    let (shop, _turn) = alone();
    let mut many = rules();
    many.per_shopper_max = 2;
    let sale = Sale::open(shop, 2, &many);
    let bodies: Vec<String> =
        orders(&sale, 1).iter().map(|order| json!(order).to_string()).collect();
    books(shop, "ALTER TABLE orders RENAME COLUMN payment TO hidden");
    let verdicts = deliver(shop, "doorbuster-orders", &bodies);
    books(shop, "ALTER TABLE orders RENAME COLUMN hidden TO payment");
    assert_eq!(verdicts, [false, false]);
    assert_eq!(deliver(shop, "doorbuster-orders", &bodies), [true, true]);
}

#[test]
fn what_cannot_be_a_product_is_not_found_whatever_the_books_do() {
    let (shop, _turn) = alone();
    books(shop, "ALTER TABLE catalog_versions RENAME COLUMN version TO hidden");
    // Who knows a catalog does not ask the books, and with the instance all it knows is gone.
    shop.request("POST", "/__test/panic").send();
    let look = |path: &str| shop.request("GET", path).send();
    let paths = ["", "/products/drift-mug", "/products/a%20b"];
    let [list, product, nonsense] = paths.map(|path| look(&format!("/v1/catalog{path}")));
    books(shop, "ALTER TABLE catalog_versions RENAME COLUMN hidden TO version");
    assert_eq!(list.problem(), ProblemKind::Unavailable);
    assert_eq!(product.problem(), ProblemKind::Unavailable);
    assert_eq!(nonsense.problem(), ProblemKind::ProductNotFound);
}

#[test]
fn a_dead_letter_that_comes_twice_is_kept_once() {
    let (shop, _turn) = alone();
    let dead = |queue: &str, body: &str| {
        assert_eq!(deliver(shop, queue, &[body.to_owned()]), [true]);
    };
    dead("doorbuster-orders-dead", "an order nobody can read");
    dead("doorbuster-orders-dead", "an order nobody can read");
    dead("doorbuster-orders-dead", "another order");
    dead("doorbuster-payments-dead", "an order nobody can read");
    let kept = books(
        shop,
        "SELECT queue, body FROM dead_letters
        WHERE body IN ('an order nobody can read', 'another order') ORDER BY number",
    );
    let kept: Vec<_> =
        kept.iter().map(|row| (row["queue"].as_str(), row["body"].as_str())).collect();
    let letter = |queue, body| (Some(queue), Some(body));
    assert_eq!(
        kept,
        [
            letter("doorbuster-orders-dead", "an order nobody can read"),
            letter("doorbuster-orders-dead", "another order"),
            letter("doorbuster-payments-dead", "an order nobody can read"),
        ]
    );
}

/// An import that began some time ago and has written one product so far.
fn begin_import(shop: &Shop, import: &str, ago: Millis) {
    let begun_at = now().as_millis().checked_sub(ago.get()).unwrap();
    books(shop, &format!("INSERT INTO catalog_imports VALUES ('{import}', {begun_at})"));
    books(shop, &format!("INSERT INTO catalog_products VALUES ('{import}', 0, '')"));
}

#[test]
fn the_books_keep_two_versions_of_the_catalog_and_the_imports_that_are_under_way() {
    let (shop, _turn) = alone();
    let import = || shop.import(SAMPLE_CATALOG).send().ok::<ImportReply>();
    let products = import().products;
    begin_import(shop, "under-way", Millis::from_secs(3500));
    begin_import(shop, "broken-off", Millis::from_secs(3700));
    import();
    let newest = import().version;
    let versions = "SELECT import FROM catalog_versions";
    let count = |of: &str| {
        let rows = books(shop, &format!("SELECT COUNT(*) AS n FROM catalog_products WHERE {of}"));
        rows[0]["n"].as_u64().unwrap()
    };
    let published = format!("import IN ({versions} WHERE version >= {})", newest.saturating_sub(1));
    assert_eq!(count(&published), 2 * products);
    assert_eq!(
        count(&format!("import IN ({versions} WHERE version < {})", newest.saturating_sub(1))),
        0
    );
    assert_eq!((count("import = 'under-way'"), count("import = 'broken-off'")), (1, 0));
    let under_way = books(shop, "SELECT import FROM catalog_imports");
    assert_eq!(under_way, [json!({ "import": "under-way" })]);
}

#[test]
fn an_import_whose_products_are_gone_is_not_published() {
    let (shop, _turn) = alone();
    let before: ProductList = shop.request("GET", "/v1/catalog").send().ok();
    // As if another import took this one for broken off: what it has written so far is deleted.
    books(
        shop,
        "CREATE TRIGGER taken AFTER INSERT ON catalog_products WHEN new.place = 1
         BEGIN DELETE FROM catalog_products WHERE import = new.import; END",
    );
    let refused = shop.import(SAMPLE_CATALOG).send();
    books(shop, "DROP TRIGGER taken");
    assert_eq!(refused.problem(), ProblemKind::Unavailable);
    let left = books(
        shop,
        "SELECT DISTINCT import FROM catalog_products
         WHERE import NOT IN (SELECT import FROM catalog_versions) AND import NOT LIKE 'under%'",
    );
    assert_eq!(left, Vec::<Value>::new());
    let after: ProductList = shop.request("GET", "/v1/catalog").send().ok();
    assert_eq!((after.version, after.products), (before.version, before.products));
}
