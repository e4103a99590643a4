//! Cancelling, when the books do not take it.

use doorbuster_tests::{Sale, Shopper, eventually, rules};
use doorbuster_wire::problem::ProblemKind;
use serde_json::json;

use crate::books::books;
use crate::tests::alone;

#[test]
fn a_cancellation_that_the_books_did_not_take_reaches_them_though_nobody_asks_again() {
    let (shop, _turn) = alone();
    let sale = Sale::open(shop, 1, &rules());
    let ann = Shopper::admitted(&sale);
    let order = ann.buy("k", 1);
    eventually("the order is settled", || (!sale.orders().is_empty()).then_some(()));
    let no = "BEFORE INSERT ON order_cancellations BEGIN SELECT RAISE(ABORT, 'no'); END";
    books(shop, &format!("CREATE TRIGGER refuse {no}"));
    let path = format!("/v1/admin/orders/{order}/cancel");
    let request = shop.admin("POST", &path).header("idempotency-key", "c");
    let broken = request.json(&json!({ "reason": "torn", "restock": true })).send();
    assert_eq!(broken.problem(), ProblemKind::Unavailable);
    // Decided it is: the shopper is told so, and no money is lost.
    assert_eq!(ann.order(&order).status, "cancelled");
    books(shop, "DROP TRIGGER refuse");
    let known = eventually("the books know it", || {
        Some(sale.orders().remove(0)).filter(|known| known.status == "refunded")
    });
    assert_eq!(known.cancel_reason.as_deref(), Some("torn"));
    assert_eq!(ann.order(&order).status, "refunded");
    assert_eq!((sale.counts(), sale.stock().refunds_due), ((1, 0, 0), 0));
    sale.verify();
}
