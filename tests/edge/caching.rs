//! What caches may keep.

use doorbuster_tests::{Sale, Shopper, rules};

use crate::shop;

#[test]
fn what_is_personal_or_the_merchants_is_never_kept() {
    let sale = Sale::open(shop(), 3, &rules());
    let ann = Shopper::admitted(&sale);
    let reserved = ann.reserve("k", 1);
    let id = ann.hold("other", 1).reservation;
    let page = ann.begin_payment(&id);
    let order = ann.pay(&id);
    for change in [ann.join(), reserved] {
        assert_eq!((change.status, change.header("cache-control")), (201, ""), "nobody keeps it");
    }
    let answers = [
        ann.request("GET", &sale.path("/turn")).send(),
        ann.act("GET", &id, ""),
        ann.request("GET", &page).send(),
        ann.request("GET", &sale.sku_path(&format!("/orders/{order}"))).send(),
        shop().admin("GET", &sale.admin_path("")).send(),
        shop().admin("GET", &format!("/v1/admin/orders?sale={}", sale.id)).send(),
        shop().admin("GET", &sale.admin_path("/skus/MUG-SEA/journal")).send(),
    ];
    for (at, answer) in answers.iter().enumerate() {
        assert!(answer.status < 300, "{at}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), "private, no-store", "answer {at}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "answer {at}");
    }
}

#[test]
fn what_everybody_sees_of_a_sale_may_be_kept_for_a_moment() {
    let sale = Sale::open(shop(), 1, &rules());
    for path in ["/v1/sales", &sale.path("")] {
        let answer = shop().request("GET", path).send();
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("cache-control").starts_with("public, max-age="), "{path}");
        // They would be another client's.
        assert_eq!((answer.header("ratelimit"), answer.header("set-cookie")), ("", ""), "{path}");
    }
}
