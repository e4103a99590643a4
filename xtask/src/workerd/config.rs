//! The `wrangler.json` that plain workerd serves, derived from `wrangler.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// The keys workerd reads; it refuses a file with any other. What is left out has no counterpart
/// there, and the Worker does without it.
const KEYS: [&str; 13] = [
    "name",
    "compatibility_date",
    "compatibility_flags",
    "vars",
    "durable_objects",
    "exports",
    "migrations",
    "kv_namespaces",
    "triggers",
    "queues",
    "workflows",
    "d1_databases",
    "assets",
];

/// Turns the text of `wrangler.toml` into workerd's `wrangler.json`.
///
/// `main` is the Worker's main module and `root` the folder that relative paths in
/// `wrangler.toml` start from; both absolute. `vars` are added to those of the file.
pub(super) fn derive(
    wrangler_toml: &str,
    main: &Path,
    root: &Path,
    vars: &BTreeMap<String, String>,
) -> Result<Value> {
    let table: toml::Table = wrangler_toml.parse().context("wrangler.toml is no TOML")?;
    let Value::Object(whole) = serde_json::to_value(table)? else {
        bail!("wrangler.toml is no table");
    };
    let mut config: Map<String, Value> =
        whole.into_iter().filter(|(key, _)| KEYS.contains(&key.as_str())).collect();
    config.insert("main".to_owned(), json!(main));
    // The entry and what it imports are ES modules already; bundling would need esbuild's help.
    config.insert("no_bundle".to_owned(), json!(true));
    if let Some(directory) = config.get_mut("assets").and_then(|assets| assets.get_mut("directory"))
    {
        *directory = json!(root.join(directory.as_str().context("assets.directory is no text")?));
    }
    let all_vars = config.entry("vars").or_insert_with(|| json!({}));
    let all_vars = all_vars.as_object_mut().context("vars is no table")?;
    all_vars.extend(vars.iter().map(|(name, value)| (name.clone(), json!(value))));
    Ok(Value::Object(config))
}

/// The `wrangler.json` of a Worker that is not the product: with objects of its own, and on the
/// platform of the same date and flags.
///
/// `objects` are pairs of a binding and its class; each class keeps SQLite.
pub(super) fn of_another(
    wrangler_toml: &str,
    main: &Path,
    objects: &[(&str, &str)],
    vars: &BTreeMap<String, String>,
) -> Result<Value> {
    let table: toml::Table = wrangler_toml.parse().context("wrangler.toml is no TOML")?;
    let platform = ["compatibility_date", "compatibility_flags"].into_iter();
    let mut config: Map<String, Value> =
        platform.filter_map(|key| Some((key.to_owned(), json!(table.get(key)?.clone())))).collect();
    let bindings: Vec<Value> = objects
        .iter()
        .map(|(binding, class)| json!({"name": binding, "class_name": class}))
        .collect();
    let classes: Vec<&str> = objects.iter().map(|(_, class)| *class).collect();
    config.insert("name".to_owned(), json!("bench"));
    config.insert("main".to_owned(), json!(main));
    config.insert("no_bundle".to_owned(), json!(true));
    config.insert("vars".to_owned(), json!(vars));
    if !objects.is_empty() {
        config.insert("durable_objects".to_owned(), json!({"bindings": bindings}));
        let migration = json!({"tag": "v1", "new_sqlite_classes": classes});
        config.insert("migrations".to_owned(), json!([migration]));
    }
    Ok(Value::Object(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRANGLER_TOML: &str = r#"
        name = "doorbuster"
        main = "entry.mjs"
        compatibility_date = "2026-11-01"
        [build]
        command = "cargo xtask build"
        [observability]
        enabled = true
        [vars]
        KEPT = "a"
        REPLACED = "a"
        [assets]
        directory = "public"
        run_worker_first = ["/v1/*"]
    "#;

    fn derived() -> Value {
        let vars = [("REPLACED", "b"), ("ADDED", "c")];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        derive(WRANGLER_TOML, Path::new("/hooks/entry.mjs"), Path::new("/repo"), &vars).unwrap()
    }

    #[test]
    fn only_what_workerd_reads_is_kept() {
        let config = derived();
        let keys: Vec<_> = config.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["assets", "compatibility_date", "main", "name", "no_bundle", "vars"]);
    }

    #[test]
    fn paths_are_absolute() {
        let config = derived();
        assert_eq!(config["main"], "/hooks/entry.mjs");
        assert_eq!(config["assets"]["directory"], "/repo/public");
        assert_eq!(config["assets"]["run_worker_first"], json!(["/v1/*"]));
    }

    #[test]
    fn another_worker_shares_the_platform_and_nothing_else() {
        let main = Path::new("/worker/main.mjs");
        let config = of_another(WRANGLER_TOML, main, &[("A", "B")], &BTreeMap::new()).unwrap();
        let expected = json!({
            "name": "bench", "main": "/worker/main.mjs", "no_bundle": true, "vars": {},
            "compatibility_date": "2026-11-01",
            "durable_objects": {"bindings": [{"name": "A", "class_name": "B"}]},
            "migrations": [{"tag": "v1", "new_sqlite_classes": ["B"]}],
        });
        assert_eq!(config, expected);
    }

    #[test]
    fn given_vars_win_over_those_of_the_file() {
        assert_eq!(derived()["vars"], json!({"KEPT": "a", "REPLACED": "b", "ADDED": "c"}));
    }
}
