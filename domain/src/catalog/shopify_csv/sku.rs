//! The SKUs of a file: those it says, and names for the variants that have none.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{ImportError, ImportProblem};
use super::rows::{Column, Row};
use crate::id::{Handle, IdError, Sku};

/// All SKUs of a file so far, so that none is given twice.
#[derive(Default)]
pub(super) struct SkuNames {
    /// The line of each SKU that the file says.
    said: BTreeMap<String, u64>,
    /// What was derived.
    derived: BTreeSet<String>,
    /// The last number given to each name that was wanted more than once.
    numbers: BTreeMap<String, u64>,
}

impl SkuNames {
    /// The SKU that the row says, if any.
    pub(super) fn of_row(&mut self, row: Row<'_>) -> Result<Option<Sku>, ImportError> {
        let Some(text) = row.filled(Column::Sku) else { return Ok(None) };
        let problem = |problem| row.error(Some(Column::Sku), problem);
        let sku: Sku = text.parse().map_err(|e| problem(ImportProblem::BadSku(e)))?;
        match self.said.insert(text.to_owned(), row.line) {
            None => Ok(Some(sku)),
            Some(first_line) => Err(problem(ImportProblem::DuplicateSku { first_line })),
        }
    }

    /// A SKU that no other variant has, from the handle and the options: the same file always
    /// gives the same. To be asked only when all rows are read, so that no SKU of the file is
    /// taken away.
    ///
    /// No error is known: a handle has only characters that a SKU can have, of one byte each, the
    /// rest is made here, and the length is bounded.
    pub(super) fn derive(&mut self, handle: &Handle, options: &[String]) -> Result<Sku, IdError> {
        let mut wanted = handle.as_str().to_ascii_lowercase();
        for slug in options.iter().map(|option| slug(option)).filter(|slug| !slug.is_empty()) {
            wanted.push('-');
            wanted.push_str(&slug);
        }
        let wanted = cut(&wanted, Sku::LEN_MAX).to_owned();
        let mut name = wanted.clone();
        // Ends, because every round has another number and only finitely many names are taken.
        while self.said.contains_key(&name) || !self.derived.insert(name.clone()) {
            let number = self.numbers.entry(wanted.clone()).or_insert(1);
            *number = number.saturating_add(1);
            let suffix = format!("-{number}");
            let room = Sku::LEN_MAX.saturating_sub(suffix.len());
            name = format!("{}{suffix}", cut(&wanted, room));
        }
        name.parse()
    }
}

/// The first `max` bytes of an ASCII name, not ending with a dash unless it has nothing else.
fn cut(name: &str, max: usize) -> &str {
    let short = name.get(..max).unwrap_or(name);
    Some(short.trim_end_matches('-')).filter(|trimmed| !trimmed.is_empty()).unwrap_or(short)
}

/// The ASCII letters and digits of a text in lower case, with one dash for whatever is between.
fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word.to_ascii_lowercase());
    }
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derive(names: &mut SkuNames, handle: &str, options: &[&str]) -> String {
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        names.derive(&handle.parse().unwrap(), &options).unwrap().to_string()
    }

    #[test]
    fn a_derived_sku_is_a_slug_of_the_handle_and_the_options() {
        let names = &mut SkuNames::default();
        assert_eq!(
            derive(names, "Tee", &["Extra Large", "Blue/White (new)"]),
            "tee-extra-large-blue-white-new"
        );
        assert_eq!(derive(names, "cap", &[]), "cap");
    }

    #[test]
    fn names_wanted_twice_are_numbered() {
        let names = &mut SkuNames::default();
        let wanted = ["M", "m", "M!", "赤", "青"];
        let got: Vec<String> =
            wanted.iter().map(|option| derive(names, "tee", &[option])).collect();
        assert_eq!(got, ["tee-m", "tee-m-2", "tee-m-3", "tee", "tee-2"]);
        assert_eq!(derive(names, "tee-m-2", &[]), "tee-m-2-2");
    }

    #[test]
    fn a_sku_that_the_file_says_is_not_derived() {
        let names = &mut SkuNames::default();
        names.said.insert("tee-m".to_owned(), 2);
        names.said.insert("tee-m-2".to_owned(), 3);
        assert_eq!(derive(names, "tee", &["M"]), "tee-m-3");
    }

    #[test]
    fn a_long_name_is_cut_and_stays_unique() {
        let names = &mut SkuNames::default();
        let handle = "h".repeat(Handle::LEN_MAX);
        assert_eq!(derive(names, &handle, &["S"]), "h".repeat(64));
        assert_eq!(derive(names, &handle, &["M"]), format!("{}-2", "h".repeat(62)));
        let edge = format!("{}-x", "e".repeat(63));
        assert_eq!(derive(names, &edge, &[]), "e".repeat(63));
        assert_eq!(derive(names, &"-".repeat(100), &[]), "-".repeat(64));
    }
}
