//! Importing a catalog into the books: all of it or nothing.

use std::rc::Rc;

use doorbuster_domain::catalog::{Catalog, shopify_csv};
use doorbuster_domain::money::Currency;
use doorbuster_domain::time::Millis;
use doorbuster_wire::merchant::ImportReply;
use doorbuster_wire::problem::{FieldError, ProblemKind};
use serde::Deserialize;
use worker::{D1PreparedStatement, Env};

use super::Snapshot;
use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::problem::Problem;
use crate::store::{Store, Value};

/// The largest catalog file: Shopify's own limit for a product CSV.
const CSV_LEN_MAX: u32 = 15_000_000;

/// An import that began so long ago and is not published has broken off.
const BROKEN_OFF_AFTER: Millis = Millis::from_secs(3600);

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
    // Whoever imported sees it at once, and nobody has to read it from the books for that.
    edge.catalog.keep(&Rc::new(Snapshot::new(version, catalog)), now());
    Ok(Reply::json(&ImportReply { version, products, variants: variants as u64 }))
}

/// Writes the products under a name of their own, and publishes them all at once.
async fn publish(edge: &Edge, env: &Env, catalog: &Catalog) -> Result<u64, Problem> {
    let store = Store::open(edge, env).await?;
    let import = crate::payment::random_id("imp_")?;
    let mut statements = vec![store.prepare(
        "INSERT INTO catalog_imports (import, begun_at_ms) VALUES (?, ?)",
        &[Value::Text(&import), Value::Number(now().as_millis())],
    )?];
    for (place, product) in catalog.products.iter().enumerate() {
        let body = serde_json::to_string(product).unwrap_or_default();
        statements.push(store.prepare(
            "INSERT INTO catalog_products (import, place, body) VALUES (?, ?, ?)",
            &[Value::Text(&import), Value::Number(place as u64), Value::Text(&body)],
        )?);
    }
    store.run(statements).await?;
    store.run(publication(&store, &import, catalog)?.into()).await?;
    let published: Option<PublishedRow> = store
        .first("SELECT version FROM catalog_versions WHERE import = ?", &[Value::Text(&import)])
        .await?;
    published
        .map(|row| row.version)
        .ok_or_else(|| Problem::unavailable("catalog", &"the import took too long"))
}

/// Publishes an import, and deletes what nobody reads any more: the products of all versions but
/// the last two, because who has just asked which is published may still read the one before, and
/// those of imports that broke off. An import that is still being written is left alone.
fn publication(
    store: &Store,
    import: &str,
    catalog: &Catalog,
) -> Result<[D1PreparedStatement; 3], Problem> {
    let products = catalog.products.len() as u64;
    let currency = catalog.currency.to_string();
    let now = now().as_millis();
    // Nothing if its products are not all there: it took so long that it passed for broken off.
    let publish = store.prepare(
        "INSERT INTO catalog_versions (import, published_at_ms, currency, products)
         SELECT ?1, ?2, ?3, ?4
         WHERE ?4 = (SELECT COUNT(*) FROM catalog_products WHERE import = ?1)",
        &[Value::Text(import), Value::Number(now), Value::Text(&currency), Value::Number(products)],
    )?;
    let end_imports = store.prepare(
        "DELETE FROM catalog_imports WHERE import = ? OR begun_at_ms < ?",
        &[Value::Text(import), Value::Number(now.saturating_sub(BROKEN_OFF_AFTER.get()))],
    )?;
    let delete_products = store.prepare(
        "DELETE FROM catalog_products
         WHERE import NOT IN (SELECT import FROM catalog_versions ORDER BY version DESC LIMIT 2)
           AND import NOT IN (SELECT import FROM catalog_imports)",
        &[],
    )?;
    Ok([publish, end_imports, delete_products])
}

#[derive(Deserialize)]
struct PublishedRow {
    version: u64,
}
