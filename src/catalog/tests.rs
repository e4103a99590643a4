//! Which replies of the catalog have which codes.

use std::collections::BTreeSet;

use doorbuster_domain::catalog::shopify_csv;

use super::*;

/// Version `version` of the sample catalog.
fn sample(version: u64) -> Snapshot {
    let csv = include_bytes!("../../sample/catalog.csv");
    Snapshot::new(version, shopify_csv::import(csv, "EUR".parse().unwrap()).unwrap())
}

/// The reply with the fields of a version.
fn of_version(reply: Reply, version: u64) -> Reply {
    let etag = format!("\"catalog-{version}\"");
    let kept = "public, max-age=5, stale-while-revalidate=60, stale-if-error=86400";
    reply.field("etag", &etag).field("cache-control", kept).field("cache-tag", "catalog")
}

#[test]
fn each_reply_of_each_version_has_a_code_of_its_own() {
    let versions = [Snapshot::default(), sample(1), sample(2)];
    let mut codes = BTreeSet::new();
    let mut replies = 0;
    for snapshot in &versions {
        let etag = snapshot.etag();
        let handles = snapshot.products.iter().map(|(handle, _)| Some(handle.as_str()));
        for handle in handles.clone().chain([None]) {
            let code = snapshot.code(handle, None).unwrap();
            assert!(code >= CODES_FROM && codes.insert(code), "{code} is another's");
            assert_eq!(snapshot.code(handle, Some("\"other\"")), Some(code));
            let body = handle.map_or(&snapshot.list, |handle| {
                let product = snapshot.products.iter().find(|(known, _)| known.as_str() == handle);
                &product.unwrap().1
            });
            let whole = Reply::text("application/json", body.clone());
            assert_eq!(snapshot.reply_of(code), Some(of_version(whole, snapshot.version)));
            let current = snapshot.code(handle, Some(&etag)).unwrap();
            let not_modified = of_version(Reply::not_modified(), snapshot.version);
            assert_eq!(snapshot.reply_of(current), Some(not_modified));
        }
        codes.insert(snapshot.first_code);
        replies += handles.count() + 2;
        assert_eq!(snapshot.code(Some("no-such-product"), Some(&etag)), None);
    }
    assert_eq!(codes.len(), replies);
    for (snapshot, other) in versions.iter().zip(versions.iter().skip(1)) {
        assert_eq!(other.reply_of(snapshot.code(None, None).unwrap()), None);
        assert_eq!(snapshot.reply_of(other.code(None, None).unwrap()), None);
    }
}

#[test]
fn each_product_is_kept_under_its_own_handle() {
    let snapshot = sample(1);
    for (handle, body) in &snapshot.products {
        assert!(body.starts_with(&format!("{{\"handle\":\"{handle}\"")), "{body}");
    }
    assert!(snapshot.list.starts_with("{\"version\":1,"), "{}", snapshot.list);
}
