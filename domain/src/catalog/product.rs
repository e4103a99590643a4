//! The catalog as the rest of the system knows it, whatever file it came from.

use serde::{Deserialize, Serialize};

use crate::id::{Handle, Sku};
use crate::money::{Currency, Money};

/// All products of a shop, in the order of its file.
///
/// Handles are unique in it, and so are SKUs across all products. It says nothing about the stock
/// of a sale, which changes while the catalog is cached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// The currency of every price.
    pub currency: Currency,
    /// The products that shoppers may see.
    pub products: Vec<Product>,
}

/// One product, with at least one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its name in addresses.
    pub handle: Handle,
    /// Its name for people.
    pub title: String,
    /// What it is, as plain text on one line.
    ///
    /// A shop's file has HTML here, written by people and apps we do not know. HTML from a file is
    /// never served to shoppers: it could carry a script into the page where they pay. So only its
    /// text is kept, and whoever shows it escapes it like any other text.
    pub description: String,
    /// Who makes or sells it; may be empty.
    pub vendor: String,
    /// The shop's own word for its kind; may be empty.
    pub product_type: String,
    /// The shop's own labels, each once.
    pub tags: Vec<String>,
    /// The names of what a shopper chooses, such as `Size` and `Color`: at most three, none for a
    /// product that comes in one form only.
    pub options: Vec<String>,
    /// Pictures, the first one first.
    pub images: Vec<Image>,
    /// The forms it is sold in.
    pub variants: Vec<Variant>,
}

/// A picture of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its address: `https://...`, or a path of our own site such as `/images/shirt.svg`.
    pub src: String,
    /// What it shows, for those who do not see it; may be empty.
    pub alt: String,
}

/// One form of a product: what a shopper buys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The stock keeping unit.
    pub sku: Sku,
    /// Its choices, joined: `Small / Blue`; empty for a product that comes in one form only.
    pub title: String,
    /// Its choices, one for each of the product's options.
    pub options: Vec<String>,
    /// What one unit costs.
    pub price: Money,
    /// The price it is compared with, struck through beside the price; always above the price.
    pub compare_at: Option<Money>,
    /// How many units the shop's file said there are. A sale sets its own stock; this is only
    /// what to suggest.
    pub quantity: u64,
    /// The address of the picture of this form, if it has its own.
    pub image: Option<String>,
}

impl Catalog {
    /// The product with this handle. Looks through all products.
    pub fn product(&self, handle: &Handle) -> Option<&Product> {
        self.products.iter().find(|product| product.handle == *handle)
    }

    /// The variant with this SKU and the product it belongs to. Looks through all variants.
    pub fn variant(&self, sku: &Sku) -> Option<(&Product, &Variant)> {
        self.products
            .iter()
            .flat_map(|product| product.variants.iter().map(move |variant| (product, variant)))
            .find(|(_, variant)| variant.sku == *sku)
    }
}
