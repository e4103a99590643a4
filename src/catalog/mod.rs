//! The published catalog: from D1 into this isolate's memory, and from there to everybody.

mod publish;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use doorbuster_domain::catalog::{Catalog, Product};
use doorbuster_domain::id::Handle;
use doorbuster_domain::money::Currency;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper;
use serde::Deserialize;
use worker::{Delay, Env};

pub(crate) use self::publish::import;

use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::problem::Problem;
use crate::store::{Store, Value};

/// How long an isolate serves what it knows before it asks which version is published.
const FRESH_FOR: Millis = Millis::from_secs(5);

/// A first look that has not ended after so long may have been broken off with its client.
const LOOK_FOR: Millis = Millis::new(500);

/// Browsers and shared caches may keep a copy as long, and show it a minute more while they look.
const CACHE_CONTROL: &str = "public, max-age=5, stale-while-revalidate=60, stale-if-error=86400";

/// How often whoever waits for another's first look sees whether it is done.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// What an isolate knows of the catalog.
#[derive(Default)]
pub(crate) struct CatalogCache(RefCell<Known>);

#[derive(Default)]
struct Known {
    snapshot: Option<Rc<Snapshot>>,
    /// When somebody began to look, or what is known was published.
    checked_at: Timestamp,
    /// First looks that came to nothing.
    failed: u64,
}

/// What a request for the catalog comes to.
enum Looked {
    Known(Rc<Snapshot>),
    /// The caller is to look; others need not meanwhile.
    Look,
    /// Nothing is known yet, and another request is looking.
    Wait,
}

/// One published version, ready to be sent. Version 0, without a catalog, is what there is before
/// the first import.
pub(crate) struct Snapshot {
    version: u64,
    pub(crate) catalog: Option<Catalog>,
    /// The code of the first of its replies (`Snapshot::code`).
    first_code: u32,
    list: String,
    /// In the order of their handles.
    products: Vec<(Handle, String)>,
}

/// The codes before this one stand for other replies.
const CODES_FROM: u32 = 1 << 8;

thread_local! {
    /// The next code that no snapshot has.
    static NEXT_CODE: Cell<u32> = const { Cell::new(CODES_FROM) };
}

#[derive(Deserialize)]
struct VersionRow {
    version: u64,
    import: String,
    currency: Currency,
    products: u64,
}

#[derive(Deserialize)]
struct ProductRow {
    body: String,
}

/// The published catalog, at most as old as it may be when shoppers look.
///
/// Whoever comes before anything is known waits for the one that looks, by looking into memory now
/// and then. Its promise cannot be shared: a request must not await what another's IO leads to, and
/// if that other were broken off by its client, it would await for ever.
async fn snapshot(edge: &Edge, env: &Env) -> Result<Rc<Snapshot>, Problem> {
    let cache = &edge.catalog;
    let failed = cache.failed();
    loop {
        match cache.look(now()) {
            Looked::Known(snapshot) => return Ok(snapshot),
            Looked::Look => break,
            Looked::Wait => Delay::from(LOOK_AGAIN_AFTER).await,
        }
        // As many as may be waiting, D1 is not asked again for each.
        if cache.failed() != failed {
            return Err(Problem::try_again());
        }
    }
    match read(edge, env).await {
        Ok(snapshot) => Ok(snapshot),
        // Open for browsing: what was known is better than nothing.
        Err(problem) => cache.failed_to_look().ok_or(problem),
    }
}

/// The catalog as it is published this moment, for what must not be decided on an old one.
pub(crate) async fn published_now(edge: &Edge, env: &Env) -> Result<Rc<Snapshot>, Problem> {
    read(edge, env).await
}

impl CatalogCache {
    /// What is known if it is fresh. Otherwise the caller looks, and others are served what is
    /// known meanwhile: a rush leads to one look. A look that has not ended in that time may have
    /// been broken off, so another begins.
    fn look(&self, now: Timestamp) -> Looked {
        if let Some(snapshot) = self.fresh(now) {
            return Looked::Known(snapshot);
        }
        let mut known = self.0.borrow_mut();
        let looking = now.since(known.checked_at) < LOOK_FOR;
        match &known.snapshot {
            None if looking => Looked::Wait,
            _ => {
                known.checked_at = now;
                Looked::Look
            }
        }
    }

    /// What is known, if it is fresh.
    pub(crate) fn fresh(&self, now: Timestamp) -> Option<Rc<Snapshot>> {
        let known = self.0.borrow();
        let fresh = now.since(known.checked_at) < FRESH_FOR;
        known.snapshot.as_ref().filter(|_| fresh).map(Rc::clone)
    }

    /// What is known, however old.
    pub(crate) fn known(&self) -> Option<Rc<Snapshot>> {
        self.0.borrow().snapshot.clone()
    }

    /// Keeps what was read or imported, unless what is known is newer by now.
    fn keep(&self, snapshot: &Rc<Snapshot>, now: Timestamp) {
        let mut known = self.0.borrow_mut();
        if known.snapshot.as_ref().is_none_or(|known| known.version <= snapshot.version) {
            known.snapshot = Some(Rc::clone(snapshot));
            known.checked_at = now;
        }
    }

    /// A look came to nothing; what is known, however old. If that is nothing, who comes next looks
    /// again.
    fn failed_to_look(&self) -> Option<Rc<Snapshot>> {
        let mut known = self.0.borrow_mut();
        if known.snapshot.is_none() {
            known.checked_at = Timestamp::from_millis(0);
            known.failed = known.failed.saturating_add(1);
        }
        known.snapshot.clone()
    }

    fn failed(&self) -> u64 {
        self.0.borrow().failed
    }

    fn has(&self, version: u64) -> Option<Rc<Snapshot>> {
        self.0.borrow().snapshot.clone().filter(|snapshot| snapshot.version == version)
    }
}

/// Looks into the books, and keeps what is there.
async fn read(edge: &Edge, env: &Env) -> Result<Rc<Snapshot>, Problem> {
    let looked_at = now();
    let snapshot = read_books(edge, env).await?;
    edge.catalog.keep(&snapshot, looked_at);
    Ok(snapshot)
}

async fn read_books(edge: &Edge, env: &Env) -> Result<Rc<Snapshot>, Problem> {
    let store = Store::open(edge, env).await?;
    let published: Option<VersionRow> = store
        .first(
            "SELECT version, import, currency, products FROM catalog_versions
             ORDER BY version DESC LIMIT 1",
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
    if rows.len() as u64 != published.products {
        // Two imports were published since, and the second deletes what this one had.
        return Err(Problem::unavailable("catalog", &"it was replaced while it was read"));
    }
    worker::console_log!("catalog: version {} read", published.version);
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
            .filter_map(|p| Some((p.handle.clone(), serde_json::to_string(&product(p)).ok()?)));
        let products: BTreeMap<_, _> = products.collect();
        let list = serde_json::to_string(&list).unwrap_or_default();
        Self::of(version, Some(catalog), list, products.into_iter().collect())
    }

    fn of(
        version: u64,
        catalog: Option<Catalog>,
        list: String,
        products: Vec<(Handle, String)>,
    ) -> Self {
        let first_code = NEXT_CODE.get();
        let replies = u32::try_from(products.len()).unwrap_or_default().saturating_add(2);
        NEXT_CODE.set(first_code.checked_add(replies).unwrap_or(CODES_FROM));
        Self { version, catalog, first_code, list, products }
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        let list = shopper::ProductList { version: 0, products: Vec::new() };
        let list = serde_json::to_string(&list).unwrap_or_default();
        Self::of(0, None, list, Vec::new())
    }
}

/// `GET /v1/catalog`.
pub(crate) async fn list(edge: &Edge, request: &Request<'_>, env: &Env) -> Result<Reply, Problem> {
    snapshot(edge, env).await?.reply(None, request.header(Header::IfNoneMatch))
}

/// `GET /v1/catalog/products/{handle}`.
pub(crate) async fn show(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    handle: &str,
) -> Result<Reply, Problem> {
    // What cannot be a handle costs no look into the books.
    require_handle(handle)?;
    snapshot(edge, env).await?.reply(Some(handle), request.header(Header::IfNoneMatch))
}

fn require_handle(text: &str) -> Result<(), Problem> {
    let handle = text.parse::<Handle>();
    let kind = ProblemKind::ProductNotFound;
    handle.map(drop).map_err(|error| Problem::no_such(kind, "handle", &error))
}

impl Snapshot {
    /// The reply to who asks for all of it, or for one product, and has what these tags name. It
    /// changes with the version alone.
    fn reply(&self, handle: Option<&str>, tags: Option<&str>) -> Result<Reply, Problem> {
        let reply = self.code(handle, tags).and_then(|code| self.reply_of(code));
        reply.ok_or_else(|| no_product(handle.unwrap_or_default()))
    }

    /// The code of that reply, which no other of this isolate has; nothing if there is no such
    /// product.
    pub(crate) fn code(&self, handle: Option<&str>, tags: Option<&str>) -> Option<u32> {
        let at = match handle {
            Some(handle) => self.find(handle)?.checked_add(2)?,
            None => 1,
        };
        let has_it = tags.is_some_and(|tags| {
            let etag = self.etag();
            tags.split(',').any(|tag| same_tag(tag, &etag))
        });
        self.first_code.checked_add(if has_it { 0 } else { u32::try_from(at).ok()? })
    }

    fn find(&self, handle: &str) -> Option<usize> {
        self.products.binary_search_by(|(known, _)| known.as_str().cmp(handle)).ok()
    }

    /// The reply of a code: not modified, all of it, or one product.
    pub(crate) fn reply_of(&self, code: u32) -> Option<Reply> {
        let at = usize::try_from(code.checked_sub(self.first_code)?).ok()?;
        let body = match at {
            0 => None,
            1 => Some(&self.list),
            _ => Some(&self.products.get(at.checked_sub(2)?)?.1),
        };
        let reply = body.map(|body| Reply::text("application/json", body.to_owned()));
        let reply = reply.unwrap_or_else(Reply::not_modified).field("etag", &self.etag());
        Some(reply.field("cache-control", CACHE_CONTROL).field("cache-tag", "catalog"))
    }

    fn etag(&self) -> String {
        format!("\"catalog-{}\"", self.version)
    }
}

/// Why the catalog has no such product.
fn no_product(handle: &str) -> Problem {
    let none = "The catalog has no product with this handle.";
    let valid = require_handle(handle);
    valid.err().unwrap_or_else(|| Problem::new(ProblemKind::ProductNotFound, none))
}

/// Weak comparison, as `If-None-Match` asks for (RFC 9110, 13.1.2).
fn same_tag(given: &str, ours: &str) -> bool {
    let given = given.trim();
    given == "*" || given.trim_start_matches("W/") == ours
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

#[cfg(test)]
mod tests;
