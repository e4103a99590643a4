//! Tax and shipping: told before paying, charged, and in the books.

use doorbuster_tests::{SKU, Sale, Shopper, charged, eventually, rules};
use doorbuster_wire::merchant::SaleRequest;
use doorbuster_wire::problem::ProblemKind;
use serde_json::{Value, json};

use crate::shop;

#[test]
fn shipping_and_an_included_tax_are_told_before_paying_charged_and_in_the_books() {
    let sale = Sale::open(shop(), 2, &charged());
    let told: Value = shop().request("GET", &sale.path("")).send().ok();
    assert_eq!(
        (&told["shipping_minor"], &told["shipping_free_from_minor"]),
        (&json!(490), &json!(10_000))
    );
    assert_eq!((&told["tax_title"], &told["tax_ppm"]), (&json!("VAT"), &json!(190_000)));
    assert_eq!(told["tax_included"], json!(true));

    let ann = Shopper::admitted(&sale);
    let held = ann.hold("k", 2);
    // 2 x 16.00 and 4.90 are 36.90, and 36.90 - 36.90 / 1.19 are 5.89(1...).
    assert_eq!(held.amount.minor, 3_690);
    assert_eq!(held.shipping.as_ref().map(|money| money.minor), Some(490));
    assert_eq!(held.tax.as_ref().map(|money| money.minor), Some(589));
    let page = ann.begin_payment(&held.reservation);
    let shown = ann.request("GET", &page).send();
    assert!(shown.text().contains("36.90"), "{}", shown.text());
    assert_eq!(ann.decide(&page, "success").status, 303);

    let id = ann.show(&held.reservation).order.unwrap();
    let order = ann.order(&id);
    assert_eq!((&order.amount, &order.shipping), (&held.amount, &held.shipping));
    assert_eq!(order.tax, held.tax);
    eventually("the order is settled", || (ann.order(&id).status == "settled").then_some(()));
    let books = sale.orders();
    assert_eq!((&books[0].amount, &books[0].shipping), (&order.amount, &order.shipping));
    let tax = books[0].tax.clone().unwrap();
    assert_eq!((tax.title.as_str(), tax.rate_ppm, tax.included), ("VAT", 190_000, true));
    assert_eq!((books.len(), Some(tax.amount)), (1, held.tax));
    sale.verify();
}

#[test]
fn a_tax_that_is_added_is_paid_and_dear_goods_are_sent_for_nothing() {
    let added = SaleRequest {
        shipping_free_from_minor: Some(1_600),
        tax_ppm: Some(72_500),
        tax_included: false,
        ..charged()
    };
    let sale = Sale::open(shop(), 1, &added);
    let ann = Shopper::admitted(&sale);
    let id = ann.buy("k", 1);
    eventually("the order is settled", || (ann.order(&id).status == "settled").then_some(()));
    let order = sale.orders().remove(0);
    // 7.25 % of 16.00 are 1.16.
    assert_eq!((order.amount.minor, order.shipping.unwrap().minor), (1_716, 0));
    let tax = order.tax.unwrap();
    assert_eq!((tax.amount.minor, tax.included), (116, false));
    sale.verify();
}

#[test]
fn where_nothing_comes_on_top_no_line_says_so() {
    let sale = Sale::open(shop(), 1, &rules());
    let ann = Shopper::admitted(&sale);
    let id = ann.buy("k", 1);
    eventually("the order is settled", || (ann.order(&id).status == "settled").then_some(()));
    let books = shop().admin("GET", &format!("/v1/admin/orders?sale={}", sale.id)).send();
    let path = sale.sku_path(&format!("/orders/{id}"));
    for answer in
        [books, ann.request("GET", &path).send(), shop().request("GET", &sale.path("")).send()]
    {
        let text = answer.text();
        assert!(
            text.contains(SKU) && !text.contains("tax") && !text.contains("shipping"),
            "{text}"
        );
    }
}

#[test]
fn tax_and_shipping_that_cannot_be_are_named_and_make_no_sale() {
    let sale = Sale::unborn(shop());
    let wrong = [
        ("shipping_minor", json!(-1), "/shipping_minor"),
        ("shipping_minor", json!(9_007_199_254_740_992_u64), "/shipping_minor"),
        ("shipping_minor", json!(9_007_199_254_740_991_u64), "/skus/0"),
        ("shipping_minor", Value::Null, "/shipping_free_from_minor"),
        ("shipping_free_from_minor", json!(0), "/shipping_free_from_minor"),
        ("tax_title", json!("V\nT"), "/tax_title"),
        ("tax_title", Value::Null, "/tax_title"),
        ("tax_ppm", json!(0), "/tax_ppm"),
        ("tax_ppm", json!(19.5), "/tax_ppm"),
        ("tax_ppm", json!(1_000_001), "/tax_ppm"),
        ("tax_ppm", Value::Null, "/tax_title"),
        ("tax_included", json!("yes"), "/tax_included"),
    ];
    for (field, value, pointer) in wrong {
        let mut body = serde_json::to_value(charged()).unwrap();
        body[field] = value;
        let refused = shop().admin("PUT", &sale.admin_path("")).json(&body).send();
        let (kind, problem) = refused.problem_body();
        assert_eq!(kind, ProblemKind::BodyInvalid);
        assert_eq!(problem.errors[0].pointer, pointer, "{body}");
    }
    let missing = shop().admin("GET", &sale.admin_path("")).send();
    assert_eq!(missing.problem(), ProblemKind::SaleNotFound);
}
