//! What can be wrong with a file, in words for the merchant who made it.

use super::{
    FILE_BYTES_MAX, IMAGES_PER_PRODUCT_MAX, PRODUCTS_MAX, QUANTITY_MAX, ROWS_MAX,
    VARIANTS_PER_PRODUCT_MAX,
};
use crate::id::IdError;
use crate::money::MoneyError;

/// The first problem of a file, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {problem}", in_column(column.as_deref()))]
pub struct ImportError {
    /// The line of the file, counted from 1 as an editor shows it: a row can span several lines,
    /// and this is the one it begins on.
    pub line: u64,
    /// The header of the column as the file writes it, if the problem is in one.
    pub column: Option<String>,
    /// What is wrong.
    pub problem: ImportProblem,
}

fn in_column(column: Option<&str>) -> String {
    column.map(|name| format!(", column {name:?}")).unwrap_or_default()
}

/// The beginning of a field, short enough for a message.
pub(super) fn excerpt(field: &str) -> String {
    field.chars().take(40).collect()
}

/// What is wrong with a file or a row of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportProblem {
    /// The file has too many bytes.
    #[error("the file is larger than {FILE_BYTES_MAX} bytes; please split it")]
    FileTooLarge,
    /// A byte that is no part of UTF-8; the line is the one it stands on.
    #[error("this line is not UTF-8 text; please save the file as \"CSV UTF-8\"")]
    NotUtf8,
    /// A quoted field has no end; the line is the one its opening quote stands on.
    #[error("a quote is opened here and never closed")]
    UnclosedQuote,
    /// A quoted field goes on after its end; the line is the one its opening quote stands on.
    #[error(
        "the quoted field that begins here has text right after its closing quote; a quote inside \
         a field is written twice (\"\")"
    )]
    TextAfterQuote,
    /// The file has no line with anything in it.
    #[error("the file is empty; its first line should name the columns")]
    NoHeader,
    /// The columns are separated by something else.
    #[error("the columns are separated by {0:?}; please save the file with commas")]
    NotCommas(char),
    /// A column that every file needs is not there.
    #[error("there is no {today:?} column (named {older:?} in older files)")]
    MissingColumn {
        /// Its name in today's dialect.
        today: &'static str,
        /// Its name in the older dialect.
        older: &'static str,
    },
    /// Two columns say the same thing, perhaps one in each dialect.
    #[error("this column is there twice")]
    DuplicateColumn,
    /// A row has more or fewer fields than the header.
    #[error("this row has {got} fields, but the first line names {expected} columns")]
    WrongFieldCount {
        /// The number of columns.
        expected: usize,
        /// The number of fields.
        got: usize,
    },
    /// The handle is missing or cannot be one.
    #[error("the handle {0}")]
    BadHandle(IdError),
    /// The first row of a product has no title.
    #[error("the first row of a product needs a title")]
    MissingTitle,
    /// A text has too many characters.
    #[error("this is longer than {max} characters")]
    TooLong {
        /// The most it may have.
        max: usize,
    },
    /// The word for "published" is not one.
    #[error("{0:?} is neither TRUE nor FALSE")]
    BadPublished(String),
    /// The word for the status is not one.
    #[error("{0:?} is not a status: Active, Draft, Archived or Unlisted")]
    BadStatus(String),
    /// An option has a value but no name in the first row of its product.
    #[error("this option has a value, but no name in the first row of the product")]
    MissingOptionName,
    /// An option has a name but no value.
    #[error("this variant has no value for the option {0:?}")]
    MissingOptionValue(String),
    /// Two variants of one product have the same options.
    #[error("the variant on line {first_line} has the same options")]
    DuplicateVariant {
        /// The line of the first of them.
        first_line: u64,
    },
    /// The SKU cannot be one.
    #[error("the SKU {0}")]
    BadSku(IdError),
    /// The SKU is another variant's.
    #[error("the variant on line {first_line} has the same SKU")]
    DuplicateSku {
        /// The line of the first of them.
        first_line: u64,
    },
    /// A variant has no price.
    #[error("this variant has no price")]
    MissingPrice,
    /// A price is not an amount of the file's currency.
    #[error("{0}")]
    BadPrice(MoneyError),
    /// An inventory quantity is not a count.
    #[error("{0:?} is not a whole number up to {QUANTITY_MAX}")]
    BadQuantity(String),
    /// An image is at an address that we do not show.
    #[error("an image needs an https:// address, or a path such as /images/shirt.svg")]
    BadImage,
    /// An image's place is not a count.
    #[error("{0:?} is not the place of an image: 1, 2, 3 and so on")]
    BadImagePosition(String),
    /// The file has too many rows.
    #[error("the file has more than {ROWS_MAX} rows; please split it")]
    TooManyRows,
    /// The file has too many products.
    #[error("the file has more than {PRODUCTS_MAX} products; please split it")]
    TooManyProducts,
    /// A product has too many variants.
    #[error("this product has more than {VARIANTS_PER_PRODUCT_MAX} variants")]
    TooManyVariants,
    /// A product has too many images.
    #[error("this product has more than {IMAGES_PER_PRODUCT_MAX} images")]
    TooManyImages,
    /// The file has no product that shoppers may see.
    #[error("the file has no product that is published and active")]
    NoProducts,
    /// The CSV reader gave up for a reason that none of the above covers.
    #[error("this row cannot be read")]
    Unreadable,
}
