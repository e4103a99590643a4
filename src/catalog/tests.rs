//! Which replies of the catalog have which codes.

use std::collections::BTreeSet;

use doorbuster_domain::catalog::shopify_csv;

use super::*;

/// Version `version` of the sample catalog.
fn sample(version: u64) -> Snapshot {
    let csv = include_bytes!("../../sample/catalog.csv");
    Snapshot::new(version, shopify_csv::import(csv, "EUR".parse().unwrap()).unwrap())
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
            assert_eq!(snapshot.reply_of(code), Some(snapshot.reply(handle, None).unwrap()));
            let current = snapshot.code(handle, Some(&etag)).unwrap();
            let not_modified = snapshot.reply(handle, Some(&etag)).unwrap();
            assert_eq!(snapshot.reply_of(current), Some(not_modified));
            assert_ne!(current, code);
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
fn a_product_is_found_by_its_own_handle() {
    let snapshot = sample(1);
    for (handle, body) in &snapshot.products {
        assert!(body.starts_with(&format!("{{\"handle\":\"{handle}\"")), "{body}");
        let code = snapshot.code(Some(handle.as_str()), None).unwrap();
        let expected = Reply::text("application/json", body.clone());
        let expected =
            expected.field("etag", "\"catalog-1\"").field("cache-control", CACHE_CONTROL);
        assert_eq!(snapshot.reply_of(code), Some(expected.field("cache-tag", "catalog")));
    }
}
