//! What is served beside the API.

use std::collections::BTreeSet;

use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::route::ROUTES;
use serde_json::Value;

use crate::shop;

#[test]
fn the_address_of_every_kind_of_problem_leads_to_a_place_on_a_page() {
    let page = shop().request("GET", "/problems").send();
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"), "{:?}", page.headers);
    let missing: Vec<_> = ProblemKind::ALL
        .iter()
        .map(|kind| kind.slug())
        .filter(|slug| page.text().matches(&format!("id=\"{slug}\"")).count() != 1)
        .collect();
    assert_eq!(missing, [""; 0], "missing, or there twice");
}

#[test]
fn the_openapi_document_names_every_route() {
    let document = shop().request("GET", "/openapi.json").send();
    assert_eq!(document.status, 200);
    let media_type = document.header("content-type");
    assert!(media_type.starts_with("application/json"), "{media_type}");
    let document: Value = document.ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let missing: BTreeSet<_> = ROUTES
        .iter()
        .filter(|route| {
            let method = route.method.as_str().to_ascii_lowercase();
            let described = &document["paths"][route.path][method];
            described["responses"][route.status.to_string()].is_null()
        })
        .map(|route| route.operation.name())
        .collect();
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn the_shop_says_that_it_runs_and_can_sell() {
    assert_eq!(shop().request("GET", "/healthz").send().status, 200);
    assert_eq!(shop().request("GET", "/readyz").send().status, 200);
}

#[test]
fn a_release_has_no_test_hooks() {
    for path in ["/__test/panic", "/__test/sale/MUG-SEA/panic", "/__test/sale/MUG-SEA/error"] {
        let answer = shop().request("POST", path).send();
        assert_eq!(answer.problem(), ProblemKind::NotFound, "{path}");
    }
}
