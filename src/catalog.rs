//! The published catalog: from D1 into this isolate's memory, and from there to everybody.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use doorbuster_domain::catalog::{Catalog, Product, shopify_csv};
use doorbuster_domain::id::Handle;
use doorbuster_domain::money::Currency;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_wire::merchant::ImportReply;
use doorbuster_wire::problem::{FieldError, ProblemKind};
use doorbuster_wire::shopper;
use serde::Deserialize;
use worker::Env;

use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::problem::Problem;
use crate::store::{Store, Value};

/// The largest catalog file: Shopify's own limit for a product CSV.
const CSV_LEN_MAX: u32 = 15_000_000;

/// How long an isolate serves what it knows before it asks which version is published.
const FRESH_FOR: Millis = Millis::from_secs(5);

/// Browsers and shared caches may keep a copy as long, and show it a minute more while they look.
const CACHE_CONTROL: &str = "public, max-age=5, stale-while-revalidate=60, stale-if-error=86400";

/// What an isolate knows of the catalog.
#[derive(Default)]
pub(crate) struct CatalogCache(RefCell<Known>);

#[derive(Default)]
struct Known {
    snapshot: Option<Rc<Snapshot>>,
    checked_at: Timestamp,
}

/// One published version, ready to be sent. Version 0, without a catalog, is what there is before
/// the first import.
pub(crate) struct Snapshot {
    version: u64,
    pub(crate) catalog: Option<Catalog>,
    list: String,
    products: BTreeMap<Handle, String>,
}

#[derive(Deserialize)]
struct VersionRow {
    version: u64,
    import: String,
    currency: Currency,
}

#[derive(Deserialize)]
struct ProductRow {
    body: String,
}

/// The published catalog, at most as old as it may be when shoppers look.
async fn snapshot(edge: &Edge, env: &Env) -> Result<Rc<Snapshot>, Problem> {
    if let Some(fresh) = edge.catalog.while_fresh(now()) {
        return Ok(fresh);
    }
    let read = read(edge, env).await;
    let mut known = edge.catalog.0.borrow_mut();
    match (read, &known.snapshot) {
        (Ok(snapshot), _) => {
            known.snapshot = Some(Rc::clone(&snapshot));
            Ok(snapshot)
        }
        // Open for browsing: what was known is better than nothing.
        (Err(_), Some(stale)) => Ok(Rc::clone(stale)),
        (Err(problem), None) => Err(problem),
    }
}

/// The catalog as it is published this moment, for what must not be decided on an old one.
pub(crate) async fn published_now(edge: &Edge, env: &Env) -> Result<Rc<Snapshot>, Problem> {
    read(edge, env).await
}

impl CatalogCache {
    /// What is known if it is fresh. Otherwise the caller looks, and others are served what is
    /// known meanwhile: a rush leads to one look.
    fn while_fresh(&self, now: Timestamp) -> Option<Rc<Snapshot>> {
        let mut known = self.0.borrow_mut();
        let snapshot = known.snapshot.clone()?;
        if now.since(known.checked_at) < FRESH_FOR {
            return Some(snapshot);
        }
        known.checked_at = now;
        None
    }

    fn has(&self, version: u64) -> Option<Rc<Snapshot>> {
        self.0.borrow().snapshot.clone().filter(|snapshot| snapshot.version == version)
    }

    fn forget(&self) {
        *self.0.borrow_mut() = Known::default();
    }
}

async fn read(edge: &Edge, env: &Env) -> Result<Rc<Snapshot>, Problem> {
    let store = Store::open(edge, env).await?;
    let published: Option<VersionRow> = store
        .first(
            "SELECT version, import, currency FROM catalog_versions ORDER BY version DESC LIMIT 1",
            &[],
        )
        .await?;
    let Some(published) = published else {
        return Ok(Rc::new(Snapshot::default()));
    };
    if let Some(same) = edge.catalog.has(published.version) {
        return Ok(same);
    }
    let rows: Vec<ProductRow> = store
        .all(
            "SELECT body FROM catalog_products WHERE import = ? ORDER BY place",
            &[Value::Text(&published.import)],
        )
        .await?;
    let products: Vec<Product> = rows
        .iter()
        .map(|row| serde_json::from_str(&row.body))
        .collect::<Result<_, _>>()
        .map_err(|error| Problem::unavailable("catalog", &error))?;
    let catalog = Catalog { currency: published.currency, products };
    Ok(Rc::new(Snapshot::new(published.version, catalog)))
}

impl Snapshot {
    fn new(version: u64, catalog: Catalog) -> Self {
        let list = shopper::ProductList {
            version,
            products: catalog.products.iter().filter_map(summary).collect(),
        };
        let products = catalog
            .products
            .iter()
            .filter_map(|p| Some((p.handle.clone(), serde_json::to_string(&product(p)).ok()?)))
            .collect();
        let list = serde_json::to_string(&list).unwrap_or_default();
        Self { version, catalog: Some(catalog), list, products }
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        let list = shopper::ProductList { version: 0, products: Vec::new() };
        let list = serde_json::to_string(&list).unwrap_or_default();
        Self { version: 0, catalog: None, list, products: BTreeMap::new() }
    }
}

/// `GET /v1/catalog`.
pub(crate) async fn list(edge: &Edge, request: &Request<'_>, env: &Env) -> Result<Reply, Problem> {
    let snapshot = snapshot(edge, env).await?;
    Ok(cached(request, snapshot.version, &snapshot.list))
}

/// `GET /v1/catalog/products/{handle}`.
pub(crate) async fn show(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    handle: &str,
) -> Result<Reply, Problem> {
    let kind = ProblemKind::ProductNotFound;
    let handle: Handle =
        handle.parse().map_err(|error| Problem::no_such(kind, "handle", &error))?;
    let snapshot = snapshot(edge, env).await?;
    let body = snapshot
        .products
        .get(&handle)
        .ok_or_else(|| Problem::new(kind, "The catalog has no product with this handle."))?;
    Ok(cached(request, snapshot.version, body))
}

/// A body that changes with the version alone.
fn cached(request: &Request<'_>, version: u64, body: &str) -> Reply {
    let etag = format!("\"catalog-{version}\"");
    let fresh = request
        .header(Header::IfNoneMatch)
        .is_some_and(|tags| tags.split(',').any(|tag| same_tag(tag, &etag)));
    let reply = if fresh {
        Reply::not_modified()
    } else {
        Reply::text("application/json", body.to_owned())
    };
    reply.field("etag", &etag).field("cache-control", CACHE_CONTROL).field("cache-tag", "catalog")
}

/// Weak comparison, as `If-None-Match` asks for (RFC 9110, 13.1.2).
fn same_tag(given: &str, ours: &str) -> bool {
    let given = given.trim();
    given == "*" || given.trim_start_matches("W/") == ours
}

/// `PUT /v1/admin/catalog`: all of the file or nothing.
pub(crate) async fn import(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
) -> Result<Reply, Problem> {
    let currency: Currency =
        request.query("currency").unwrap_or_default().parse().map_err(|error| {
            let detail = format!("Say the currency of the prices, such as ?currency=EUR: {error}.");
            Problem::new(ProblemKind::QueryInvalid, detail)
        })?;
    let bytes = request.body("text/csv", CSV_LEN_MAX).await?;
    let catalog = shopify_csv::import(&bytes, currency).map_err(|error| {
        let pointer = match &error.column {
            Some(column) => format!("line {}, column {column:?}", error.line),
            None => format!("line {}", error.line),
        };
        Problem::new(
            ProblemKind::CatalogInvalid,
            "Correct what `errors` names and send the whole file again. Nothing was imported.",
        )
        .at(FieldError { pointer, detail: error.problem.to_string() })
    })?;
    let version = publish(edge, env, &catalog).await?;
    let variants: usize = catalog.products.iter().map(|product| product.variants.len()).sum();
    let products = catalog.products.len() as u64;
    Ok(Reply::json(&ImportReply { version, products, variants: variants as u64 }))
}

/// Writes the products under a name of their own, and publishes them with the last statement.
async fn publish(edge: &Edge, env: &Env, catalog: &Catalog) -> Result<u64, Problem> {
    let store = Store::open(edge, env).await?;
    let import = crate::payment::random_id("imp_")?;
    let mut statements = Vec::new();
    for (place, product) in catalog.products.iter().enumerate() {
        let body = serde_json::to_string(product).unwrap_or_default();
        statements.push(store.prepare(
            "INSERT INTO catalog_products (import, place, body) VALUES (?, ?, ?)",
            &[Value::Text(&import), Value::Number(place as u64), Value::Text(&body)],
        )?);
    }
    store.run(statements).await?;
    let currency = catalog.currency.to_string();
    let published: Option<PublishedRow> = store
        .first(
            "INSERT INTO catalog_versions (import, published_at_ms, currency, products)
             VALUES (?, ?, ?, ?) RETURNING version",
            &[
                Value::Text(&import),
                Value::Number(now().as_millis()),
                Value::Text(&currency),
                Value::Number(catalog.products.len() as u64),
            ],
        )
        .await?;
    edge.catalog.forget();
    published
        .map(|row| row.version)
        .ok_or_else(|| Problem::unavailable("database", &"no version returned"))
}

#[derive(Deserialize)]
struct PublishedRow {
    version: u64,
}

fn summary(product: &Product) -> Option<shopper::ProductSummary> {
    let cheapest = product.variants.iter().map(|variant| variant.price).min_by_key(|p| p.minor)?;
    Some(shopper::ProductSummary {
        handle: product.handle.to_string(),
        title: product.title.clone(),
        price_from: cheapest.into(),
        image: product.images.first().map(image),
        skus: product.variants.iter().map(|variant| variant.sku.to_string()).collect(),
    })
}

fn product(product: &Product) -> shopper::Product {
    shopper::Product {
        handle: product.handle.to_string(),
        title: product.title.clone(),
        description: product.description.clone(),
        vendor: product.vendor.clone(),
        options: product.options.clone(),
        images: product.images.iter().map(image).collect(),
        variants: product
            .variants
            .iter()
            .map(|variant| shopper::Variant {
                sku: variant.sku.to_string(),
                title: variant.title.clone(),
                price: variant.price.into(),
                compare_at: variant.compare_at.map(Into::into),
            })
            .collect(),
    }
}

fn image(image: &doorbuster_domain::catalog::Image) -> shopper::Image {
    shopper::Image { src: image.src.clone(), alt: image.alt.clone() }
}
