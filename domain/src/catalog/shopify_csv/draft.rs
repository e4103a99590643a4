//! One product while its rows are being read.

use std::collections::BTreeMap;

use super::error::{ImportError, ImportProblem, excerpt};
use super::rows::{Column, Row};
use super::sku::SkuNames;
use super::{
    DESCRIPTION_LEN_MAX, IMAGES_PER_PRODUCT_MAX, QUANTITY_MAX, TAGS_LEN_MAX, TEXT_LEN_MAX,
    URL_LEN_MAX, VARIANTS_PER_PRODUCT_MAX,
};
use crate::catalog::plain_text::folded;
use crate::catalog::{Image, Product, Variant, plain_text_of_html};
use crate::id::{Handle, Sku};
use crate::money::{Currency, Money};

const OPTIONS: [(Column, Column); 3] = [
    (Column::Option1Name, Column::Option1Value),
    (Column::Option2Name, Column::Option2Value),
    (Column::Option3Name, Column::Option3Value),
];

/// The columns that make a row a variant; a row with none of them only adds an image.
const OF_VARIANT: [Column; 8] = [
    Column::Sku,
    Column::Option1Value,
    Column::Option2Value,
    Column::Option3Value,
    Column::Price,
    Column::CompareAt,
    Column::Quantity,
    Column::VariantImage,
];

/// How Shopify writes a product without options: one option of this name with this value.
const NO_OPTION: (&str, &str) = ("Title", "Default Title");

/// A product whose rows have been read so far.
pub(super) struct Draft {
    /// The line of its first row.
    pub(super) line: u64,
    /// Everything but the images, the variants and their SKUs.
    product: Product,
    /// The name of each option, by its number in the file.
    option_names: [Option<String>; 3],
    /// By their positions, those that have the same in the order of the file.
    images: Vec<(u64, Image)>,
    variants: Vec<(Option<Sku>, VariantRow)>,
    /// The line on which each choice of options stands.
    lines: BTreeMap<Vec<String>, u64>,
}

/// A variant whose SKU is not settled.
struct VariantRow {
    options: Vec<String>,
    price: Money,
    compare_at: Option<Money>,
    quantity: u64,
    image: Option<String>,
}

impl Draft {
    /// The product that begins in `row`, without what `add` takes from every row.
    pub(super) fn open(handle: Handle, row: Row<'_>) -> Result<Self, ImportError> {
        let title = row.text(Column::Title, TEXT_LEN_MAX)?;
        if title.is_empty() {
            return Err(row.error(Some(Column::Title), ImportProblem::MissingTitle));
        }
        let mut option_names = [const { None }; 3];
        for (name, (column, _)) in option_names.iter_mut().zip(OPTIONS) {
            *name = Some(row.text(column, TEXT_LEN_MAX)?).filter(|name| !name.is_empty());
        }
        if names_no_option(row) {
            option_names = [const { None }; 3];
        }
        let product = Product {
            handle,
            title,
            description: plain_text_of_html(row.bounded(Column::Description, DESCRIPTION_LEN_MAX)?),
            vendor: row.text(Column::Vendor, TEXT_LEN_MAX)?,
            product_type: row.text(Column::ProductType, TEXT_LEN_MAX)?,
            tags: tags(row.bounded(Column::Tags, TAGS_LEN_MAX)?),
            options: option_names.iter().flatten().cloned().collect(),
            images: Vec::new(),
            variants: Vec::new(),
        };
        let (images, variants, lines) = (Vec::new(), Vec::new(), BTreeMap::new());
        Ok(Self { line: row.line, product, option_names, images, variants, lines })
    }

    /// Adds the variant and the image of a row.
    pub(super) fn add(
        &mut self,
        row: Row<'_>,
        currency: Currency,
        skus: &mut SkuNames,
    ) -> Result<(), ImportError> {
        // The first row is a variant even if it says nothing about it, so its price is asked for.
        if row.line == self.line || OF_VARIANT.iter().any(|column| row.filled(*column).is_some()) {
            self.add_variant(row, currency, skus)?;
        }
        self.add_image(row)
    }

    /// The product, with a name for every variant that had none in the file.
    pub(super) fn finish(self, skus: &mut SkuNames) -> Result<Product, ImportError> {
        let mut product = self.product;
        product.images = self.images.into_iter().map(|(_, image)| image).collect();
        for (sku, row) in self.variants {
            let sku = match sku {
                Some(sku) => sku,
                None => skus.derive(&product.handle, &row.options).map_err(|e| ImportError {
                    line: self.line,
                    column: None,
                    problem: ImportProblem::BadSku(e),
                })?,
            };
            product.variants.push(Variant {
                sku,
                title: row.options.join(" / "),
                options: row.options,
                price: row.price,
                compare_at: row.compare_at,
                quantity: row.quantity,
                image: row.image,
            });
        }
        Ok(product)
    }

    fn add_variant(
        &mut self,
        row: Row<'_>,
        currency: Currency,
        skus: &mut SkuNames,
    ) -> Result<(), ImportError> {
        if self.variants.len() >= VARIANTS_PER_PRODUCT_MAX {
            return Err(row.error(None, ImportProblem::TooManyVariants));
        }
        let sku = skus.of_row(row)?;
        let options = self.options(row)?;
        if let Some(first_line) = self.lines.insert(options.clone(), row.line) {
            return Err(row.error(None, ImportProblem::DuplicateVariant { first_line }));
        }
        let price = amount(row, Column::Price, currency)?
            .ok_or_else(|| row.error(Some(Column::Price), ImportProblem::MissingPrice))?;
        // A price struck through that is not above the price would announce a false discount.
        let compare_at = amount(row, Column::CompareAt, currency)?
            .filter(|compare_at| compare_at.minor > price.minor);
        let quantity = quantity(row)?;
        let image = image_url(row, Column::VariantImage)?;
        self.variants.push((sku, VariantRow { options, price, compare_at, quantity, image }));
        Ok(())
    }

    /// What the row chooses for each option that the product has.
    fn options(&self, row: Row<'_>) -> Result<Vec<String>, ImportError> {
        let mut options = Vec::with_capacity(self.product.options.len());
        for (name, (_, column)) in self.option_names.iter().zip(OPTIONS) {
            let value = row.text(column, TEXT_LEN_MAX)?;
            let is_default =
                self.product.options.is_empty() && value.eq_ignore_ascii_case(NO_OPTION.1);
            match (name, value.is_empty() || is_default) {
                (Some(_), false) => options.push(value),
                (None, true) => {}
                (None, false) => {
                    return Err(row.error(Some(column), ImportProblem::MissingOptionName));
                }
                (Some(name), true) => {
                    let problem = ImportProblem::MissingOptionValue(name.clone());
                    return Err(row.error(Some(column), problem));
                }
            }
        }
        Ok(options)
    }

    fn add_image(&mut self, row: Row<'_>) -> Result<(), ImportError> {
        let Some(src) = image_url(row, Column::ImageSrc)? else { return Ok(()) };
        // Some exports repeat the first picture on every row.
        if self.images.iter().any(|(_, image)| image.src == src) {
            return Ok(());
        }
        if self.images.len() >= IMAGES_PER_PRODUCT_MAX {
            return Err(row.error(None, ImportProblem::TooManyImages));
        }
        let position = match row.filled(Column::ImagePosition) {
            None => u64::MAX,
            Some(text) => text.parse().map_err(|_| {
                let problem = ImportProblem::BadImagePosition(excerpt(text));
                row.error(Some(Column::ImagePosition), problem)
            })?,
        };
        let alt = row.text(Column::ImageAlt, TEXT_LEN_MAX)?;
        // Put in place at once, and not sorted at the end: sorting is a kilobyte of the upload.
        let at = self.images.partition_point(|(known, _)| *known <= position);
        self.images.insert(at, (position, Image { src, alt }));
        Ok(())
    }
}

/// Whether the first row of a product says that it has no options.
fn names_no_option(row: Row<'_>) -> bool {
    let (name, value) = NO_OPTION;
    row.field(Column::Option1Name).eq_ignore_ascii_case(name)
        && row.field(Column::Option1Value).eq_ignore_ascii_case(value)
}

/// Each label once, in the order of the file.
fn tags(list: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in list.split(',').map(folded) {
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

fn amount(row: Row<'_>, column: Column, currency: Currency) -> Result<Option<Money>, ImportError> {
    let read = row.filled(column).map(|text| Money::parse_decimal(text, currency));
    read.transpose().map_err(|e| row.error(Some(column), ImportProblem::BadPrice(e)))
}

fn quantity(row: Row<'_>) -> Result<u64, ImportError> {
    let Some(text) = row.filled(Column::Quantity) else { return Ok(0) };
    let count = text.parse::<i64>().ok().filter(|count| *count <= QUANTITY_MAX);
    let problem = || ImportProblem::BadQuantity(excerpt(text));
    let count = count.ok_or_else(|| row.error(Some(Column::Quantity), problem()))?;
    // A shop that sells beyond its stock counts below zero: there is nothing to sell.
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The address of an image, if the row has one there.
///
/// It ends up in the pages that shoppers see, so only what names an image by HTTPS or on our own
/// site is taken: no `javascript:` or `data:`, no `//host` (nor `/\host`, which browsers read as
/// the same), and no character that could end the attribute it stands in.
fn image_url(row: Row<'_>, column: Column) -> Result<Option<String>, ImportError> {
    let url = row.bounded(column, URL_LEN_MAX)?;
    if url.is_empty() {
        return Ok(None);
    }
    let unsafe_char = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>\\".contains(c);
    let of_our_site = url.starts_with('/') && !url.starts_with("//");
    let by_https =
        url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    if url.contains(unsafe_char) || !(of_our_site || by_https) {
        return Err(row.error(Some(column), ImportProblem::BadImage));
    }
    Ok(Some(url.to_owned()))
}
