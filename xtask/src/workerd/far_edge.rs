//! The configuration of an edge whose objects are in another process.
//!
//! A `wrangler.json` cannot say where another process is, so this one is written in the language
//! that workerd itself speaks, Cap'n Proto. All but the objects is as in `wrangler.toml`: the
//! platform's date, the files in front of the Worker, the database. There are no queues, because
//! only objects send to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::paths;

/// An edge whose objects are in another process.
#[derive(Debug, Clone)]
pub struct FarEdge {
    /// Takes the database, the log, the configuration and a copy of the build. Made if absent.
    pub state_dir: PathBuf,
    /// Where the objects are asked, by what `bench/far-edge.mjs` sends.
    pub objects: SocketAddr,
    /// Added to, and stronger than, the secrets.
    pub vars: BTreeMap<String, String>,
    /// The only core it may run on, by `taskset`.
    pub core: Option<usize>,
}

/// The modules in the folder of the build, the main one first.
pub(super) const MODULES: [(&str, &str); 14] = [
    ("far-edge.mjs", "esModule"),
    ("entry.mjs", "esModule"),
    ("contacts.mjs", "esModule"),
    ("edge.mjs", "esModule"),
    ("incoming.mjs", "esModule"),
    ("instance.mjs", "esModule"),
    ("lane.mjs", "esModule"),
    ("objects.mjs", "esModule"),
    ("stripe.mjs", "esModule"),
    ("together.mjs", "esModule"),
    ("turns.mjs", "esModule"),
    ("webhooks.mjs", "esModule"),
    ("build/index.js", "esModule"),
    ("build/index_bg.wasm", "wasm"),
];

/// The text of the configuration; the modules lie in `worker/` beside it, the database in `d1/`.
pub(super) fn config(
    wrangler_toml: &str,
    state_dir: &Path,
    objects: SocketAddr,
    vars: &BTreeMap<String, String>,
) -> Result<String> {
    let table: toml::Table = wrangler_toml.parse().context("wrangler.toml is no TOML")?;
    let settings = serde_json::to_value(table)?;
    let date = settings.get("compatibility_date").cloned().context("compatibility_date")?;
    let date = text(date);
    let modules = MODULES.map(|(name, kind)| {
        format!("(name = {}, {kind} = embed {})", text(name), text(format!("worker/{name}")))
    });
    let texts = vars.iter().map(|(name, value)| {
        format!("(name = {}, text = {})", text(name.as_str()), text(value.as_str()))
    });
    let bindings = texts.chain([DATABASE.to_owned(), OBJECTS.to_owned()]);
    let services = [
        front(settings.get("assets").context("assets")?, "edge")?,
        format!(
            "(name = \"edge\", worker = (modules = [{}], compatibilityDate = {date}, \
             bindings = [{}]))",
            modules.join(", "),
            bindings.collect::<Vec<_>>().join(", ")
        ),
        format!(
            "(name = \"objects\", external = (address = {}, http = ()))",
            text(objects.to_string())
        ),
        format!("(name = \"d1\", worker = ({D1}, compatibilityDate = {date}))"),
        format!(
            "(name = \"disk\", disk = (path = {}, writable = true))",
            text(path(&state_dir.join("d1"))?)
        ),
    ];
    Ok(format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\n\
         const config :Workerd.Config = (\n  services = [\n    {}\n  ],\n  sockets = [(name = \
         \"http\", service = \"front\", http = ())],\n);\n",
        services.join(",\n    ")
    ))
}

pub(super) const DATABASE: &str = r#"(name = "DB", wrapped = (
      moduleName = "cloudflare-internal:d1-api",
      innerBindings = [(name = "fetcher", service = (name = "d1",
        props = (json = "{\"database\": \"books\"}")))]))"#;

const OBJECTS: &str = r#"(name = "OBJECTS", service = "objects")"#;

/// The database that workerd comes with, as its own source says it is to be configured.
pub(super) const D1: &str = r#"modules = [(name = "d1.js", bundled = "/workerd/d1.js")],
      bindings = [(name = "DATABASE", durableObjectNamespace = "D1Database")],
      durableObjectNamespaces = [(className = "D1Database", uniqueKey = "d1", enableSql = true)],
      durableObjectStorage = (localDisk = "disk")"#;

/// The files that the platform keeps in front of a Worker.
pub(super) fn front(assets: &Value, worker: &str) -> Result<String> {
    let directory = assets.get("directory").and_then(Value::as_str).context("assets.directory")?;
    let settings = json!({
        "not_found_handling": assets.get("not_found_handling"),
        "run_worker_first": assets.get("run_worker_first"),
    });
    Ok(format!(
        "(name = \"front\", assets = (path = {}, config = {}, userWorker = {}))",
        text(path(&paths::root().join(directory))?),
        text(settings.to_string()),
        text(worker),
    ))
}

pub(super) fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a path is no Unicode")
}

/// A text as Cap'n Proto spells it, which is as JSON does.
pub(super) fn text(value: impl Into<Value>) -> String {
    value.into().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_platform_of_wrangler_toml_and_texts_are_quoted() {
        let vars = [("A".to_owned(), "say \"b\"".to_owned())].into();
        let wrangler_toml = "compatibility_date = \"2026-11-01\"\n[assets]\n\
            directory = \"public\"\nrun_worker_first = [\"/v1/*\"]\n";
        let address = "127.0.0.1:9".parse().unwrap();
        let config = config(wrangler_toml, Path::new("/state"), address, &vars).unwrap();
        for part in [
            r#"external = (address = "127.0.0.1:9", http = ())"#,
            r#"compatibilityDate = "2026-11-01""#,
            r#"(name = "A", text = "say \"b\"")"#,
            r#"disk = (path = "/state/d1", writable = true)"#,
            r#"\"run_worker_first\":[\"/v1/*\"]"#,
        ] {
            assert!(config.contains(part), "{part} is not in {config}");
        }
    }
}
