//! Reads the product CSV that Shopify exports, in today's dialect and the older one.
//!
//! One row is one variant, one more image, or both; the rows of a product share its handle and
//! need not follow each other. The first of them also says what belongs to the product. Products
//! that are unpublished, unlisted, drafts or archived are left out, and their rows are not judged:
//! a draft may be unfinished.
//!
//! Nothing is imported from a file that has any problem. The first one is told: first what keeps
//! the file from being read as CSV at all, then by row.

mod draft;
mod error;
mod rows;
mod sku;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use self::draft::Draft;
pub use self::error::{ImportError, ImportProblem};
use self::rows::{Column, Row, Rows};
use self::sku::SkuNames;
use super::Catalog;
use crate::id::Handle;
use crate::money::Currency;

/// The largest file, in bytes: Shopify's own bound for a product CSV, 15 MB.
///
/// An isolate has 128 MB. The file (15 MB), the texts taken from it (at most as much again) and
/// the catalog around them (`ROWS_MAX` x about 400 bytes of structs = 20 MB) leave more than half.
pub const FILE_BYTES_MAX: usize = 15_000_000;

/// The most rows with something in them: 15 MB / 300 bytes, the length of a short real row.
pub const ROWS_MAX: usize = 50_000;

/// The most products: a published catalog of 10,000 x about 1 kB is 10 MB, and fits a value of the
/// key-value store (25 MiB).
pub const PRODUCTS_MAX: usize = 10_000;

/// The most variants of one product: Shopify's own bound.
pub const VARIANTS_PER_PRODUCT_MAX: usize = 2_048;

/// The most images of one product: Shopify's own bound.
pub const IMAGES_PER_PRODUCT_MAX: usize = 250;

/// The highest inventory quantity of a variant: Shopify's own bound.
pub const QUANTITY_MAX: i64 = 1_000_000_000;

/// The most characters of a title, a vendor, a type, an option's name or value, and an image's
/// description: Shopify's own bound for titles and options (a column of 255).
const TEXT_LEN_MAX: usize = 255;

/// The most characters of all tags: more than 50 of 80 characters each, with their commas.
const TAGS_LEN_MAX: usize = 4_096;

/// The most characters of an address: what browsers and proxies are sure to carry.
const URL_LEN_MAX: usize = 2_048;

/// The most characters of a description with its HTML, of which the text is kept: about ten pages.
const DESCRIPTION_LEN_MAX: usize = 65_535;

/// The catalog that a shop's product CSV describes, with every price in `currency`, which the file
/// itself does not tell.
///
/// The file is UTF-8, with or without a byte order mark. Header names are matched whatever their
/// case, and columns that are not known are ignored. A variant without a SKU gets one that is
/// derived from the handle and its options, the same for the same file.
pub fn import(bytes: &[u8], currency: Currency) -> Result<Catalog, ImportError> {
    let mut rows = Rows::of_text(text::of_file(bytes)?)?;
    let mut drafts = Drafts::default();
    while let Some(row) = rows.next_row()? {
        drafts.add(row, currency)?;
    }
    let catalog = drafts.finish(currency)?;
    if catalog.products.is_empty() {
        let line = rows.last_line();
        return Err(ImportError { line, column: None, problem: ImportProblem::NoProducts });
    }
    Ok(catalog)
}

/// All products of a file while it is being read.
#[derive(Default)]
struct Drafts {
    /// Nothing for a product that shoppers may not see.
    by_handle: BTreeMap<Handle, Option<Draft>>,
    skus: SkuNames,
}

impl Drafts {
    fn add(&mut self, row: Row<'_>, currency: Currency) -> Result<(), ImportError> {
        let handle = row.field(Column::Handle).parse::<Handle>();
        let handle =
            handle.map_err(|e| row.error(Some(Column::Handle), ImportProblem::BadHandle(e)))?;
        let is_full = self.by_handle.len() >= PRODUCTS_MAX;
        let draft = match self.by_handle.entry(handle) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if is_full => {
                return Err(row.error(None, ImportProblem::TooManyProducts));
            }
            Entry::Vacant(new) => {
                let seen = is_published(row)?;
                let handle = new.key().clone();
                let draft = if seen { Some(Draft::open(handle, row)?) } else { None };
                new.insert(draft)
            }
        };
        match draft {
            Some(draft) => draft.add(row, currency, &mut self.skus),
            None => Ok(()),
        }
    }

    fn finish(self, currency: Currency) -> Result<Catalog, ImportError> {
        let mut drafts: Vec<Draft> = self.by_handle.into_values().flatten().collect();
        drafts.sort_by_key(|draft| draft.line);
        let mut skus = self.skus;
        let products: Result<_, _> =
            drafts.into_iter().map(|draft| draft.finish(&mut skus)).collect();
        Ok(Catalog { currency, products: products? })
    }
}

/// Whether shoppers may see the product whose first row this is. As in Shopify, a file that does
/// not say so means yes.
fn is_published(row: Row<'_>) -> Result<bool, ImportError> {
    let published = row.field(Column::Published);
    let published = match published.to_ascii_lowercase().as_str() {
        "" | "true" => true,
        "false" => false,
        _ => {
            let problem = ImportProblem::BadPublished(error::excerpt(published));
            return Err(row.error(Some(Column::Published), problem));
        }
    };
    let status = row.field(Column::Status);
    match status.to_ascii_lowercase().as_str() {
        "" | "active" => Ok(published),
        "draft" | "archived" | "unlisted" => Ok(false),
        _ => {
            let problem = ImportProblem::BadStatus(error::excerpt(status));
            Err(row.error(Some(Column::Status), problem))
        }
    }
}
