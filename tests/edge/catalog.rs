//! Publishing the catalog, and showing it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use doorbuster_tests::{Answer, SAMPLE_CATALOG, Shop, eventually};
use doorbuster_wire::merchant::ImportReply;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{Product, ProductList};
use xtask::bundle::Build;

use crate::shop;

/// Only one test at a time publishes or relies on what is published.
fn alone() -> MutexGuard<'static, ()> {
    static PUBLISHED: Mutex<()> = Mutex::new(());
    PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look(path: &str, etag: &str) -> Answer {
    shop().request("GET", path).header("if-none-match", etag).send()
}

fn published_version() -> u64 {
    shop().request("GET", "/v1/catalog").send().ok::<ProductList>().version
}

#[test]
fn an_imported_catalog_is_what_shoppers_see() {
    let _alone = alone();
    let reply: ImportReply = shop().import(SAMPLE_CATALOG).send().ok();
    let list: ProductList = eventually("the new version is served", || {
        let list: ProductList = shop().request("GET", "/v1/catalog").send().ok();
        (list.version == reply.version).then_some(list)
    });
    assert_eq!(list.products.len() as u64, reply.products);
    let skus: usize = list.products.iter().map(|product| product.skus.len()).sum();
    assert_eq!(skus as u64, reply.variants);
    let mug = list.products.iter().find(|product| product.handle == "drift-mug").unwrap();
    assert_eq!((mug.title.as_str(), mug.price_from.minor), ("Drift Mug", 1600));
    let product: Product = shop().request("GET", "/v1/catalog/products/drift-mug").send().ok();
    let sold: Vec<_> = product.variants.iter().map(|variant| &variant.sku).collect();
    assert_eq!(sold, mug.skus.iter().collect::<Vec<_>>());
    assert!(!product.description.contains('<'), "{}", product.description);
}

/// The sample with another text in the row of `MUG-SEA`, and the number of that line.
fn sample_with(from: &str, to: &str) -> (Vec<u8>, usize) {
    let sample = std::str::from_utf8(SAMPLE_CATALOG).unwrap();
    let row = sample.lines().find(|row| row.contains(",MUG-SEA,")).unwrap();
    let line = sample.lines().position(|other| other == row).unwrap() + 1;
    let changed = row.replacen(from, to, 1);
    assert_ne!(changed, row);
    (sample.replacen(row, &changed, 1).into_bytes(), line)
}

#[test]
fn a_file_with_one_mistake_is_not_imported_and_the_place_is_named() {
    let _alone = alone();
    let before = published_version();
    let mistakes = [
        ("16.00", "16.-", ", column \"Price\""),
        ("16.00", "-16.00", ", column \"Price\""),
        ("16.00", "16.001", ", column \"Price\""),
        ("16.00", "99999999999999999999.00", ", column \"Price\""),
        ("MUG-SEA", "MUG-SAND", ", column \"SKU\""),
        ("MUG-SEA", "MUG SEA", ", column \"SKU\""),
        ("drift-mug", "drift/mug", ", column \"URL handle\""),
        ("MUG-SEA", "\"MUG-SEA", ""),
        ("MUG-SEA", "MUG-\0SEA", ", column \"SKU\""),
        ("16.00", "16.00,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,", ""),
    ];
    for (from, to, column) in mistakes {
        let (file, line) = sample_with(from, to);
        let (kind, body) = shop().import(&file).send().problem_body();
        assert_eq!(kind, ProblemKind::CatalogInvalid, "{to}");
        let places: Vec<_> = body.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(places, [format!("line {line}{column}")], "{to}");
    }
    let (mut file, line) = sample_with("MUG-SEA", "MUG-S\u{1}A");
    let at = file.iter().position(|byte| *byte == 1).unwrap();
    file[at] = 0xe9;
    let (kind, body) = shop().import(&file).send().problem_body();
    assert_eq!(kind, ProblemKind::CatalogInvalid);
    assert_eq!(body.errors[0].pointer, format!("line {line}"));
    assert_eq!(shop().import(b"").send().problem(), ProblemKind::CatalogInvalid);

    assert_eq!(published_version(), before);
    let again: ImportReply = shop().import(SAMPLE_CATALOG).send().ok();
    assert_eq!(again.version, before + 1, "a broken file took a version");
}

#[test]
fn an_import_says_its_currency_and_is_a_csv_of_a_length_that_can_be() {
    let path = "/v1/admin/catalog";
    for query in ["", "?currency=", "?currency=euro", "?currency=EUR%00", "?Currency=EUR"] {
        let request = shop().admin("PUT", &format!("{path}{query}"));
        let answer = request.body("text/csv", SAMPLE_CATALOG).send();
        assert_eq!(answer.problem(), ProblemKind::QueryInvalid, "{query}");
    }
    let path = "/v1/admin/catalog?currency=EUR";
    let json = shop().admin("PUT", path).body("application/json", SAMPLE_CATALOG).send();
    assert_eq!(json.problem(), ProblemKind::UnsupportedMediaType);
    let large = vec![b'a'; 15_000_001];
    assert_eq!(shop().import(&large).chunked().send().problem(), ProblemKind::BodyTooLarge);
    let stranger = shop().request("PUT", path).body("text/csv", SAMPLE_CATALOG).send();
    assert_eq!(stranger.problem(), ProblemKind::Unauthorized);
}

#[test]
fn a_catalog_that_did_not_change_is_not_sent_again() {
    let _alone = alone();
    for path in ["/v1/catalog", "/v1/catalog/products/drift-mug"] {
        let first = shop().request("GET", path).send();
        let etag = first.header("etag");
        assert!(first.status == 200 && etag.starts_with('"'), "{path}: {etag}");
        let keep = first.header("cache-control");
        assert!(keep.contains("public") && keep.contains("max-age="), "{path}: {keep}");
        for tags in [etag.to_owned(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()]
        {
            let again = look(path, &tags);
            assert_eq!((again.status, again.body.len()), (304, 0), "{path} {tags}");
            assert_eq!((again.header("etag"), again.header("cache-control")), (etag, keep));
        }
        assert_eq!(look(path, "\"another\"").body, first.body);
        let head = shop().request("HEAD", path).send();
        assert_eq!((head.status, head.header("etag"), head.body.len()), (200, etag, 0));
    }
    let etag = shop().request("GET", "/v1/catalog").send().header("etag").to_owned();
    shop().import(SAMPLE_CATALOG).send().ok::<ImportReply>();
    eventually("the new version has another tag", || {
        (look("/v1/catalog", &etag).status == 200).then_some(())
    });
}

#[test]
fn whoever_imported_sees_the_new_version_at_once_whoever_else_looks() {
    let _alone = alone();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    published_version();
                }
            });
        }
        let seen = |_| {
            let reply: ImportReply = shop().import(SAMPLE_CATALOG).send().ok();
            (reply.version, published_version())
        };
        let seen: Vec<_> = (0..10).map(seen).collect();
        over.store(true, Ordering::Relaxed);
        assert!(seen.iter().all(|(imported, shown)| imported == shown), "{seen:?}");
    });
}

#[test]
fn a_rush_reads_the_catalog_from_the_books_once() {
    const RUSH: usize = 24;
    let mut shop = Shop::start("rush", Build::Release);
    // Nobody has read it yet: whoever imported has it from the import.
    assert!(!shop.log().contains("catalog: version"), "{}", shop.log());
    shop.kill();
    shop.restart();
    let versions: Vec<u64> = thread::scope(|scope| {
        let look = || shop.request("GET", "/v1/catalog").send().ok::<ProductList>().version;
        let looking: Vec<_> = (0..RUSH).map(|_| scope.spawn(look)).collect();
        looking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(versions, [1; RUSH]);
    assert_eq!(shop.log().matches("catalog: version 1 read").count(), 1, "{}", shop.log());
}
