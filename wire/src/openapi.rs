//! The OpenAPI 3.1 document, made from the table of routes and the wire types.
//!
//! Only native tools are built with it; the Worker serves its result as a static file.

mod contract;
mod values;
mod webhooks;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use self::contract::{Body, Contract, Credential, Parameter, contract};
use crate::problem::{ProblemBody, ProblemKind};
use crate::route::{Method, ROUTES, Route, RouteClass};

/// The document as text: pretty, in a fixed order, with a line break at its end.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The document.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut schemas = settings.into_generator();
    let problem = schemas.subschema_for::<ProblemBody>().to_value();
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(methods) = item.as_object_mut() {
            let method = route.method.as_str().to_lowercase();
            methods.insert(method, operation(route, &problem, &mut schemas));
        }
    }
    let mut schemas = schemas.take_definitions(true);
    values::bound(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Doorbuster",
            "description": "A flash sale at the edge: catalog, waiting room, stock, orders.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": credentials(),
        },
    })
}

fn tags() -> Value {
    let described = [
        (RouteClass::Free, "Health, and what providers call."),
        (RouteClass::Browse, "What there is. Cached."),
        (RouteClass::Join, "Taking a place in the line."),
        (RouteClass::Poll, "Asking whether it is one's turn."),
        (RouteClass::Buy, "Reserving and paying."),
        (RouteClass::Admin, "The merchant's side."),
    ];
    described
        .iter()
        .map(|(class, text)| json!({ "name": class.as_str(), "description": text }))
        .collect()
}

fn credentials() -> Value {
    json!({
        "merchant": {
            "type": "http",
            "scheme": "bearer",
            "description": "The merchant's token.",
        },
        "shopperSecret": {
            "type": "apiKey",
            "in": "header",
            "name": "Doorbuster-Shopper",
            "description": "An app's own secret for its shopper: 22 to 128 printable characters.",
        },
        "shopperCookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "doorbuster",
            "description": "Set when a browser joins; over TLS it is named __Host-doorbuster.",
        },
    })
}

fn operation(route: &Route, problem: &Value, schemas: &mut SchemaGenerator) -> Value {
    let contract = contract(route.operation);
    let name = route.operation.name();
    let (first, rest) = name.split_at(1);
    let mut operation = json!({
        "operationId": format!("{}{rest}", first.to_lowercase()),
        "summary": route.summary,
        "tags": [route.class.as_str()],
        "responses": responses(route, &contract, problem, schemas),
    });
    let parameters = parameters(route, &contract);
    if let Some(fields) = operation.as_object_mut() {
        if !parameters.is_empty() {
            fields.insert("parameters".to_owned(), Value::Array(parameters));
        }
        if contract.request != Body::Nothing {
            let content = content(&contract.request, schemas);
            let body = json!({ "required": true, "content": content });
            fields.insert("requestBody".to_owned(), body);
        }
        let security = match contract.credential {
            Credential::None => json!([]),
            Credential::Merchant => json!([{ "merchant": [] }]),
            Credential::Shopper => json!([{ "shopperCookie": [] }, { "shopperSecret": [] }]),
            Credential::MaybeShopper => {
                json!([{}, { "shopperCookie": [] }, { "shopperSecret": [] }])
            }
        };
        fields.insert("security".to_owned(), security);
    }
    operation
}

fn parameters(route: &Route, contract: &Contract) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({
            "name": name,
            "in": "path",
            "required": true,
            "schema": values::in_path(name),
        }))
    });
    let named = |place: &str, (name, required, description): &Parameter, schema: Value| {
        json!({
            "name": name,
            "in": place,
            "required": required,
            "description": description,
            "schema": schema,
        })
    };
    let in_query = contract
        .query
        .iter()
        .map(|query| named("query", query, values::in_query(query.0, route.operation)));
    let in_headers =
        contract.headers.iter().map(|header| named("header", header, values::in_header(header.0)));
    in_path.chain(in_query).chain(in_headers).collect()
}

fn responses(
    route: &Route,
    contract: &Contract,
    problem: &Value,
    schemas: &mut SchemaGenerator,
) -> Value {
    let mut responses = Map::new();
    let mut success = json!({ "description": route.summary });
    if let Some(fields) = success.as_object_mut() {
        if contract.reply != Body::Nothing {
            fields.insert("content".to_owned(), content(&contract.reply, schemas));
        }
        let mut names = contract.reply_headers.clone();
        if !matches!(route.class, RouteClass::Free | RouteClass::Browse) {
            names.extend(["RateLimit", "RateLimit-Policy"]);
        }
        if !names.is_empty() {
            fields.insert("headers".to_owned(), headers(&names));
        }
    }
    responses.insert(route.status.to_string(), success);
    if contract.cached {
        let description = "What you have is current.";
        let current = json!({ "description": description, "headers": headers(&["ETag"]) });
        responses.insert("304".to_owned(), current);
    }
    let mut kinds = contract.problems.clone();
    kinds.push(ProblemKind::Unavailable);
    if route.path.contains('{') {
        kinds.push(ProblemKind::NotFound);
    }
    if route.method != Method::Get {
        kinds.push(ProblemKind::CrossOrigin);
    }
    if route.class != RouteClass::Free {
        kinds.push(ProblemKind::QuotaExceeded);
    }
    kinds.sort_by_key(|kind| (kind.status(), kind.slug()));
    kinds.dedup();
    for kind in kinds {
        let line = format!("`{}`: {}.", kind.slug(), kind.title());
        let response = responses.entry(kind.status().to_string()).or_insert_with(|| {
            json!({
                "description": "",
                "content": { "application/problem+json": { "schema": problem } },
            })
        });
        let known = response.get("description").and_then(Value::as_str).unwrap_or_default();
        let description = [known, &line].join(if known.is_empty() { "" } else { " " });
        if let Some(fields) = response.as_object_mut() {
            fields.insert("description".to_owned(), Value::String(description));
            let names: &[&str] = match kind {
                kind if kind.status() == 401 => &["WWW-Authenticate"],
                ProblemKind::QuotaExceeded => &["Retry-After", "RateLimit", "RateLimit-Policy"],
                ProblemKind::Unavailable => &["Retry-After"],
                ProblemKind::MethodNotAllowed => &["Allow"],
                _ => &[],
            };
            if !names.is_empty() {
                fields.insert("headers".to_owned(), headers(names));
            }
        }
    }
    Value::Object(responses)
}

fn headers(names: &[&str]) -> Value {
    let header = |name: &&str| ((*name).to_owned(), json!({ "schema": values::replied(name) }));
    Value::Object(names.iter().map(header).collect())
}

fn content(body: &Body, schemas: &mut SchemaGenerator) -> Value {
    let text = json!({ "type": "string" });
    let (media_type, schema) = match body {
        Body::Nothing => return json!({}),
        Body::Json(schema) => ("application/json", schema(schemas)),
        Body::Csv => ("text/csv", text),
        Body::Ndjson => ("application/x-ndjson", text),
        Body::Html => ("text/html", text),
        Body::Form => (
            "application/x-www-form-urlencoded",
            json!({
                "type": "object",
                "properties": { "outcome": { "enum": ["success", "decline"] } },
                "required": ["outcome"],
                "additionalProperties": false,
            }),
        ),
    };
    json!({ media_type: { "schema": schema } })
}

/// The schema of a wire type, as a reference.
fn schema_of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}
