//! `tidy`: the rules of the house that neither rustfmt nor clippy checks.
//!
//! Each rule is a function from text to complaints; [`complaints`] applies them to the repository.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::paths;
use crate::process::{cargo, output_of};

const FILE_LINES_MAX: usize = 400;
const LINE_COLUMNS_MAX: usize = 100;

/// Spelled apart, so that this file does not complain about itself. The third is banned as a mark
/// only: ISO 4217 has a currency of that code.
const BANNED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX:"),
    concat!("// X", "XX"),
    concat!("db", "g!"),
];

/// What the domain must never depend on: a platform, a clock, or randomness of its own.
const IMPURE: [&str; 8] =
    ["worker", "wasm-bindgen", "js-sys", "web-sys", "getrandom", "rand", "chrono", "tokio"];

/// Folders whose Rust files each say at their top what they are.
const DOCUMENTED: [&str; 4] = ["src", "durable", "domain", "wire"];

/// The module that worker-build makes, where there is a build.
const BUILT: &str = "build/index.js";

/// Folders that hold what others wrote or what is generated.
const FOREIGN: [&str; 3] = ["target", "build", "node_modules"];

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// File, with a line number where there is one, or package.
    pub place: String,
    pub what: String,
}

impl Complaint {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Applies all rules to the repository.
pub fn complaints() -> Result<Vec<Complaint>> {
    let root = paths::root();
    let mut found = Vec::new();
    for path in own_files(root)? {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        found.extend(in_file(&name, &text));
    }
    let read =
        |name: &str| fs::read_to_string(root.join(name)).with_context(|| format!("reading {name}"));
    let wrangler_toml = read("wrangler.toml")?;
    let entry = read("entry.mjs")?;
    found.extend(unexported_classes(&wrangler_toml, "entry.mjs", &entry)?);
    if root.join(BUILT).exists() {
        found.extend(unexported_parts(&entry, &read(BUILT)?));
    }
    let tree = output_of(cargo().args([
        "tree",
        "--package=doorbuster-domain",
        "--edges=normal",
        "--target=wasm32-unknown-unknown",
        "--prefix=none",
    ]))?;
    found.extend(impure_dependencies("doorbuster-domain", &tree));
    Ok(found)
}

/// The rules for the text of one file; `name` is its path below the root.
pub fn in_file(name: &str, text: &str) -> Vec<Complaint> {
    let is_rust = has_extension(name, &["rs"]);
    let is_code = is_rust || has_extension(name, &["mjs", "js"]);
    let mut found = Vec::new();
    let lines = text.lines().count();
    if is_code && lines > FILE_LINES_MAX {
        found.push(Complaint::new(name, format!("{lines} lines, at most {FILE_LINES_MAX}")));
    }
    for (number, line) in (1_usize..).zip(text.lines()) {
        let place = || format!("{name}:{number}");
        let columns = line.chars().count();
        if is_rust && columns > LINE_COLUMNS_MAX {
            let what = format!("{columns} columns, at most {LINE_COLUMNS_MAX}");
            found.push(Complaint::new(place(), what));
        }
        for banned in BANNED.into_iter().filter(|banned| line.contains(banned)) {
            found.push(Complaint::new(place(), format!("`{banned}` is banned")));
        }
    }
    let folder = name.split('/').next().unwrap_or_default();
    if is_rust && DOCUMENTED.contains(&folder) && !text.trim_start().starts_with("//!") {
        found.push(Complaint::new(name, "does not say at its top, with `//!`, what it is"));
    }
    found
}

/// Every `class_name` in the configuration must be an export of the module `name`.
pub fn unexported_classes(wrangler_toml: &str, name: &str, js: &str) -> Result<Vec<Complaint>> {
    let config: toml::Table = wrangler_toml.parse().context("wrangler.toml is no TOML")?;
    let mut classes = Vec::new();
    collect_classes(&toml::Value::Table(config), &mut classes);
    let missing = classes.iter().filter(|class| !exports(js, class)).map(|class| {
        Complaint::new(name, format!("does not export the class {class} of wrangler.toml"))
    });
    Ok(missing.collect())
}

/// The values of all keys named `class_name`, at whatever depth.
fn collect_classes(value: &toml::Value, classes: &mut Vec<String>) {
    match value {
        toml::Value::Array(items) => items.iter().for_each(|item| collect_classes(item, classes)),
        toml::Value::Table(table) => {
            let named = table.get("class_name").and_then(toml::Value::as_str);
            classes.extend(named.map(str::to_owned));
            table.values().for_each(|item| collect_classes(item, classes));
        }
        _ => {}
    }
}

/// Every `rs.Name` in `entry`, which imports the built module as `rs`, must be an export of it.
pub fn unexported_parts(entry: &str, built: &str) -> Vec<Complaint> {
    let mut used: Vec<&str> = entry
        .match_indices("rs.")
        .filter(|(at, _)| {
            !entry.get(..*at).is_some_and(|before| before.ends_with(is_word_character))
        })
        .filter_map(|(at, prefix)| entry.get(at..)?.strip_prefix(prefix))
        .filter_map(|rest| rest.split(|c| !is_word_character(c)).next())
        .filter(|name| !name.is_empty())
        .collect();
    used.sort_unstable();
    used.dedup();
    let missing = used.into_iter().filter(|name| !exports(built, name));
    missing.map(|name| Complaint::new(BUILT, format!("does not export {name}"))).collect()
}

/// Whether an ES module exports `class`, by declaration or in an export list.
fn exports(js: &str, class: &str) -> bool {
    let declared = ["class", "const", "let"].into_iter().any(|keyword| {
        let start = format!("export {keyword} {class}");
        js.match_indices(&start).any(|(at, _)| {
            let after = js.get(at..).and_then(|rest| rest.strip_prefix(&start));
            !after.is_some_and(|rest| rest.starts_with(is_word_character))
        })
    });
    declared || exported_names(js).any(|name| name == class)
}

/// The outside names in `export { a, b as c }` and its minified form.
fn exported_names(js: &str) -> impl Iterator<Item = &str> {
    js.split("export")
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix('{')?.split('}').next())
        .flat_map(|list| list.split(','))
        .filter_map(|item| item.split_whitespace().next_back())
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Lines of `cargo tree --prefix=none` for `package` that name an impure crate.
pub fn impure_dependencies(package: &str, tree: &str) -> Vec<Complaint> {
    let mut impure: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| IMPURE.contains(name))
        .collect();
    impure.sort_unstable();
    impure.dedup();
    impure.into_iter().map(|name| Complaint::new(package, format!("depends on {name}"))).collect()
}

/// Our text files, in a stable order.
fn own_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() && !name.starts_with('.') && !FOREIGN.contains(&name.as_str()) {
                folders.push(entry.path());
            } else if kind.is_file()
                && has_extension(&name, &["rs", "mjs", "js", "css", "html", "toml"])
            {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn has_extension(name: &str, extensions: &[&str]) -> bool {
    Path::new(name).extension().is_some_and(|found| extensions.iter().any(|one| found == *one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(found: &[Complaint]) -> Vec<String> {
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_may_have_400_lines_and_no_more() {
        assert_eq!(in_file("cli/a.rs", &"x\n".repeat(400)), []);
        let long = in_file("public/a.js", &"x\n".repeat(401));
        assert_eq!(whats(&long), ["public/a.js: 401 lines, at most 400"]);
        assert_eq!(in_file("public/a.css", &"x\n".repeat(401)), []);
    }

    #[test]
    fn a_rust_line_may_have_100_columns_counted_in_characters() {
        assert_eq!(in_file("cli/a.rs", &"é".repeat(100)), []);
        let wide = in_file("cli/a.rs", &format!("x\n{}", "y".repeat(101)));
        assert_eq!(whats(&wide), ["cli/a.rs:2: 101 columns, at most 100"]);
        assert_eq!(in_file("public/a.js", &"y".repeat(101)), []);
    }

    #[test]
    fn every_banned_word_is_found() {
        for word in BANNED {
            let found = in_file("public/a.css", &format!("fine\n/* {word} */\n"));
            assert_eq!(whats(&found), [format!("public/a.css:2: `{word}` is banned")]);
        }
    }

    #[test]
    fn rust_files_of_the_product_say_what_they_are() {
        for folder in DOCUMENTED {
            let name = format!("{folder}/a.rs");
            assert_eq!(in_file(&name, "//! The a.\n"), []);
            assert_eq!(in_file(&name, "fn a() {}\n").len(), 1);
        }
        assert_eq!(in_file("cli/src/a.rs", "fn a() {}\n"), []);
    }

    #[test]
    fn a_class_counts_as_exported_by_declaration_or_by_list() {
        assert!(exports("export class Sku extends DurableObject {", "Sku"));
        assert!(exports("export const Sku = guarded(rs.Sku);", "Sku"));
        assert!(exports("export { Lane, Sku };", "Sku"));
        assert!(exports("var a;export{qt as Lane,jt as Sku,Et as default}", "Sku"));
    }

    #[test]
    fn a_class_is_not_exported_by_a_similar_name_or_an_import() {
        assert!(!exports("export class SkuLane {}", "Sku"));
        assert!(!exports("export{Sku as Lane}", "Sku"));
        assert!(!exports("import { Sku } from './a.js';", "Sku"));
    }

    #[test]
    fn every_class_of_the_configuration_must_be_exported() {
        let config = "[[durable_objects.bindings]]\nname = 'SKU'\nclass_name = 'Sku'\n\
                      [[durable_objects.bindings]]\nname = 'LANE'\nclass_name = 'Lane'\n";
        let found = unexported_classes(config, "entry.mjs", "export class Sku {}").unwrap();
        let expected = "entry.mjs: does not export the class Lane of wrangler.toml";
        assert_eq!(whats(&found), [expected]);
    }

    #[test]
    fn what_the_entry_uses_must_be_exported_by_the_build() {
        let entry = "import * as rs from './build/index.js';\n// All of rs.\n\
                     new rs.Sku(); rs.Edge.unavailable(); headers.get('a'); new rs.Sku();";
        assert_eq!(unexported_parts(entry, "export{a as Sku,b as Edge}"), []);
        let found = unexported_parts(entry, "export{b as Edge}");
        assert_eq!(whats(&found), ["build/index.js: does not export Sku"]);
    }

    #[test]
    fn a_currency_code_is_no_mark() {
        let code = concat!("let none = \"X", "XX\";");
        assert_eq!(in_file("cli/a.rs", code), []);
    }

    #[test]
    fn an_impure_dependency_is_named_once() {
        let tree = "doorbuster-domain v0.1.0 (/repo/domain)\nserde v1.0.229\nrand v0.9.0\n\
                    rand v0.9.0 (*)\nrand_core v0.9.0\n";
        let found = impure_dependencies("doorbuster-domain", tree);
        assert_eq!(whats(&found), ["doorbuster-domain: depends on rand"]);
    }
}
