//! What the document says of each operation is complete and strict.
#![cfg(feature = "openapi")]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in its helpers"
)]

use std::collections::BTreeSet;

use doorbuster_wire::openapi;
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::route::{ROUTES, Route, RouteClass};
use serde_json::Value;

fn operation<'d>(document: &'d Value, route: &Route) -> &'d Value {
    &document["paths"][route.path][route.method.as_str().to_lowercase()]
}

/// The slugs that the responses of an operation list, each with the status it stands under.
fn slugs(operation: &Value) -> BTreeSet<(&str, &str)> {
    let mut slugs = BTreeSet::new();
    for (status, response) in operation["responses"].as_object().unwrap() {
        if response["content"].get("application/problem+json").is_some() {
            let quoted = response["description"].as_str().unwrap().split('`').skip(1).step_by(2);
            slugs.extend(quoted.map(|slug| (slug, status.as_str())));
        }
    }
    slugs
}

#[test]
fn every_problem_is_in_some_response_and_under_its_own_status() {
    let document = openapi::document();
    let listed: BTreeSet<_> =
        ROUTES.iter().flat_map(|route| slugs(operation(&document, route))).collect();
    let statuses: Vec<_> =
        ProblemKind::ALL.iter().map(|kind| (kind.slug(), kind.status().to_string())).collect();
    let known: BTreeSet<_> =
        statuses.iter().map(|(slug, status)| (*slug, status.as_str())).collect();
    assert_eq!(listed, known);
}

#[test]
fn the_merchants_operations_are_the_merchants_alone_and_every_operation_says_who_may_call() {
    let document = openapi::document();
    for route in ROUTES {
        let operation = operation(&document, route);
        let schemes = operation["security"].as_array().unwrap();
        let merchant = schemes.iter().any(|scheme| scheme.get("merchant").is_some());
        let name = route.operation.name();
        assert_eq!(merchant, route.class == RouteClass::Admin, "{name}");
        assert_eq!(merchant, slugs(operation).contains(&("unauthorized", "401")), "{name}");
    }
}

#[test]
fn no_schema_takes_everything() {
    fn check(value: &Value, at: &str) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let says = value.as_object().is_some_and(|schema| !schema.is_empty());
                    assert!(name != "schema" || says, "{at}");
                    check(value, &format!("{at}/{name}"));
                }
            }
            Value::Array(items) => items.iter().for_each(|value| check(value, at)),
            _ => {}
        }
    }
    check(&openapi::document()["paths"], "");
}

#[test]
fn every_segment_in_braces_is_a_required_parameter_with_a_pattern() {
    let document = openapi::document();
    for route in ROUTES {
        let parameters = operation(&document, route)["parameters"].as_array();
        let described: Vec<&str> = parameters
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .filter(|parameter| parameter["required"] == true)
            .filter(|parameter| parameter["schema"]["pattern"].is_string())
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let braces: Vec<&str> =
            route.path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(described, braces, "{}", route.path);
    }
}

#[test]
fn the_bounds_of_requests_stand_in_their_schemas() {
    let document = openapi::document();
    let bound = |at: &str, keyword: &str| {
        document["components"]["schemas"].pointer(at).unwrap().get(keyword).cloned()
    };
    for (at, keyword) in [
        ("/SaleRequest/properties/title", "maxLength"),
        ("/SaleRequest/properties/skus", "maxItems"),
        ("/SaleRequest/properties/admits_per_minute_max", "maximum"),
        ("/SaleRequest/properties/per_shopper_max", "maximum"),
        ("/SaleRequest/properties/pass_ttl_ms", "maximum"),
        ("/SaleRequest/properties/reservation_ttl_ms", "maximum"),
        ("/SaleRequest/properties/reservation_max_ms", "maximum"),
        ("/SaleRequest/properties/payment_window_ms", "maximum"),
        ("/PhaseRequest/properties/phase", "enum"),
        ("/AdjustRequest/properties/reason", "minLength"),
        ("/AdjustRequest/properties/units", "not"),
        ("/StockRequest/properties/on_hand", "maximum"),
    ] {
        assert!(bound(at, keyword).is_some(), "{at} {keyword}");
    }
    assert_eq!(bound("/ReserveRequest/properties/quantity", "minimum"), Some(1.into()));
}
