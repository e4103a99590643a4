//! The file as rows whose fields are asked for by meaning, whatever the dialect.

use std::collections::BTreeMap;

use csv::{ReaderBuilder, StringRecord};

use super::ROWS_MAX;
use super::error::{ImportError, ImportProblem};
use super::text::Lines;
use crate::catalog::plain_text::folded;

/// What a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Handle,
    Title,
    Description,
    Vendor,
    ProductType,
    Tags,
    Published,
    Status,
    Sku,
    Option1Name,
    Option1Value,
    Option2Name,
    Option2Value,
    Option3Name,
    Option3Value,
    Quantity,
    Price,
    CompareAt,
    ImageSrc,
    ImagePosition,
    ImageAlt,
    VariantImage,
}

/// Today's and the older name of every column that is read, as Shopify writes them
/// (help.shopify.com, "Product CSV file columns").
const NAMES: &[(Column, &str, &str)] = &[
    (Column::Handle, "URL handle", "Handle"),
    (Column::Title, "Title", "Title"),
    (Column::Description, "Description", "Body (HTML)"),
    (Column::Vendor, "Vendor", "Vendor"),
    (Column::ProductType, "Type", "Type"),
    (Column::Tags, "Tags", "Tags"),
    (Column::Published, "Published on online store", "Published"),
    (Column::Status, "Status", "Status"),
    (Column::Sku, "SKU", "Variant SKU"),
    (Column::Option1Name, "Option1 name", "Option1 Name"),
    (Column::Option1Value, "Option1 value", "Option1 Value"),
    (Column::Option2Name, "Option2 name", "Option2 Name"),
    (Column::Option2Value, "Option2 value", "Option2 Value"),
    (Column::Option3Name, "Option3 name", "Option3 Name"),
    (Column::Option3Value, "Option3 value", "Option3 Value"),
    (Column::Quantity, "Inventory quantity", "Variant Inventory Qty"),
    (Column::Price, "Price", "Variant Price"),
    (Column::CompareAt, "Compare-at price", "Variant Compare At Price"),
    (Column::ImageSrc, "Product image URL", "Image Src"),
    (Column::ImagePosition, "Image position", "Image Position"),
    (Column::ImageAlt, "Image alt text", "Image Alt Text"),
    (Column::VariantImage, "Variant image URL", "Variant Image"),
];

/// The columns without which nothing can be sold.
const REQUIRED: [Column; 3] = [Column::Handle, Column::Title, Column::Price];

/// The file's first row: which field has which meaning.
struct Header {
    names: StringRecord,
    index: BTreeMap<Column, usize>,
}

impl Header {
    fn parse(names: StringRecord, line: u64) -> Result<Self, ImportError> {
        let mut index = BTreeMap::new();
        for (at, name) in names.iter().enumerate() {
            let known = NAMES.iter().find(|(_, today, older)| {
                let name = name.trim();
                name.eq_ignore_ascii_case(today) || name.eq_ignore_ascii_case(older)
            });
            if let Some((column, _, _)) = known
                && index.insert(*column, at).is_some()
            {
                let column = Some(name.to_owned());
                return Err(ImportError { line, column, problem: ImportProblem::DuplicateColumn });
            }
        }
        for (column, today, older) in NAMES {
            if REQUIRED.contains(column) && !index.contains_key(column) {
                let other = names.iter().next().filter(|_| names.len() == 1);
                let separator = other.and_then(|all| all.chars().find(|c| matches!(c, ';' | '\t')));
                let problem = separator.map_or(
                    ImportProblem::MissingColumn { today, older },
                    ImportProblem::NotCommas,
                );
                return Err(ImportError { line, column: None, problem });
            }
        }
        Ok(Self { names, index })
    }
}

/// The rows of a file, one at a time; empty ones are left out.
pub(super) struct Rows<'a> {
    reader: csv::Reader<&'a [u8]>,
    lines: Lines<'a>,
    record: StringRecord,
    header: Header,
    count: usize,
}

impl<'a> Rows<'a> {
    /// The rows of `text`, whose first one, the header, is read at once.
    pub(super) fn of_text(text: &'a str) -> Result<Self, ImportError> {
        let reader =
            ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let header = Header { names: StringRecord::new(), index: BTreeMap::new() };
        let lines = Lines::new(text.as_bytes());
        let mut rows = Self { reader, lines, record: StringRecord::new(), header, count: 0 };
        let Some(line) = rows.advance()? else {
            return Err(ImportError { line: 1, column: None, problem: ImportProblem::NoHeader });
        };
        rows.header = Header::parse(std::mem::take(&mut rows.record), line)?;
        Ok(rows)
    }

    /// The next row that is not empty; nothing at the end of the file.
    pub(super) fn next_row(&mut self) -> Result<Option<Row<'_>>, ImportError> {
        let Some(line) = self.advance()? else { return Ok(None) };
        self.count = self.count.saturating_add(1);
        let row = Row { line, header: &self.header, record: &self.record };
        if self.count > ROWS_MAX {
            return Err(row.error(None, ImportProblem::TooManyRows));
        }
        let (expected, got) = (self.header.names.len(), self.record.len());
        if expected != got {
            return Err(row.error(None, ImportProblem::WrongFieldCount { expected, got }));
        }
        Ok(Some(row))
    }

    /// The line that the file ends on.
    pub(super) fn last_line(mut self) -> u64 {
        self.lines.at(usize::MAX)
    }

    /// Reads the next record in which something stands; tells its line.
    fn advance(&mut self) -> Result<Option<u64>, ImportError> {
        loop {
            let offset = usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX);
            // The reader counts lines too, but from where it stopped, not from where the row is.
            let line = self.lines.of_row_at(offset);
            match self.reader.read_record(&mut self.record) {
                Ok(false) => return Ok(None),
                Ok(true) if self.record.iter().all(|field| field.trim().is_empty()) => {}
                Ok(true) => return Ok(Some(line)),
                Err(_) => {
                    let problem = ImportProblem::Unreadable;
                    return Err(ImportError { line, column: None, problem });
                }
            }
        }
    }
}

/// One row of the file.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// The line it begins on, from 1.
    pub(super) line: u64,
    header: &'a Header,
    record: &'a StringRecord,
}

impl<'a> Row<'a> {
    /// The field, without blanks around it; empty if the file has no such column.
    pub(super) fn field(&self, column: Column) -> &'a str {
        let at = self.header.index.get(&column);
        at.and_then(|at| self.record.get(*at)).unwrap_or_default().trim()
    }

    /// The field, if anything stands in it.
    pub(super) fn filled(&self, column: Column) -> Option<&'a str> {
        Some(self.field(column)).filter(|field| !field.is_empty())
    }

    /// The field as written, refused if it has more than `max` characters.
    pub(super) fn bounded(&self, column: Column, max: usize) -> Result<&'a str, ImportError> {
        let field = self.field(column);
        // A character has at least one byte, so most fields need no counting.
        if field.len() > max && field.chars().count() > max {
            return Err(self.error(Some(column), ImportProblem::TooLong { max }));
        }
        Ok(field)
    }

    /// The field as one line of text of at most `max` characters.
    pub(super) fn text(&self, column: Column, max: usize) -> Result<String, ImportError> {
        self.bounded(column, max).map(folded)
    }

    /// What is wrong with this row, and in which column.
    pub(super) fn error(&self, column: Option<Column>, problem: ImportProblem) -> ImportError {
        let at = column.and_then(|column| self.header.index.get(&column));
        let name = at.and_then(|at| self.header.names.get(*at));
        ImportError { line: self.line, column: name.map(str::to_owned), problem }
    }
}
