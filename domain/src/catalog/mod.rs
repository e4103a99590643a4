//! What is for sale: products, their variants and prices, and how they come out of a shop's file.

mod plain_text;
mod product;
pub mod shopify_csv;

pub use plain_text::plain_text_of_html;
pub use product::{Catalog, Image, Product, Variant};
