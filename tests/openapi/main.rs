//! The OpenAPI document is what the code says it is.

use std::collections::BTreeSet;
use std::fs;

use doorbuster_wire::openapi;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::route::ROUTES;
use serde_json::Value;

#[test]
fn the_served_document_is_the_one_that_the_code_makes() {
    let served = fs::read_to_string(xtask::paths::root().join("public/openapi.json")).unwrap();
    assert!(
        served == openapi::text(),
        "renew it with `cargo run -q -p doorbuster-wire --features openapi --example openapi \
         > public/openapi.json`"
    );
}

#[test]
fn it_has_every_route_and_no_other() {
    let document = openapi::document();
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(|method| (path.clone(), method.to_uppercase()))
        })
        .collect();
    let routes: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|route| (route.path.to_owned(), route.method.as_str().to_owned()))
        .collect();
    assert_eq!(described, routes);
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = openapi::document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > ROUTES.len(), "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn every_kind_of_problem_is_an_answer_to_something() {
    let text = openapi::text();
    for kind in ProblemKind::ALL {
        assert!(text.contains(&format!("`{}`", kind.slug())), "{}", kind.slug());
    }
}

#[test]
fn every_success_says_what_it_answers() {
    let document = openapi::document();
    for route in ROUTES.iter().filter(|route| route.status != 303) {
        let method = route.method.as_str().to_lowercase();
        let success = &document["paths"][route.path][method]["responses"];
        let success = &success[route.status.to_string()];
        assert!(success["content"].is_object(), "{}", route.operation.name());
    }
}
