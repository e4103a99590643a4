//! The configuration of a Worker that may call hosts inside, such as this machine itself.
//!
//! workerd lets a Worker of a `wrangler.json` call public hosts only, and knows no setting for it.
//! So this one is written in the language that workerd itself speaks, Cap'n Proto: the same
//! objects, database and queues, on the services that workerd comes with, as their sources say they
//! are to be configured, and an `internet` with everything in it. It has no cron.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::far_edge::{D1, DATABASE, MODULES, front, path, text};

/// Where each service keeps what it stores, below the folder that [`config`] is given.
pub(super) const FOLDERS: [&str; 3] = ["objects", "d1", "queues"];

/// The text of the configuration of the Worker in `worker/` beside it, which keeps its state below
/// `storage`.
pub(super) fn config(
    wrangler_toml: &str,
    storage: &Path,
    vars: &BTreeMap<String, String>,
) -> Result<String> {
    let table: toml::Table = wrangler_toml.parse().context("wrangler.toml is no TOML")?;
    let settings = serde_json::to_value(table)?;
    let date = text(settings.get("compatibility_date").context("compatibility_date")?.clone());
    // The first is the front door of far edges; the product's own main module comes next.
    let modules = MODULES.iter().skip(1).map(|(name, kind)| {
        format!("(name = {}, {kind} = embed {})", text(*name), text(format!("worker/{name}")))
    });
    let texts = vars.iter().map(|(name, value)| {
        format!("(name = {}, text = {})", text(name.as_str()), text(value.as_str()))
    });
    let objects = list(&settings, "/durable_objects/bindings")?;
    let namespaces = objects.iter().map(|object| {
        let class = text(field(object, "class_name"));
        format!("(className = {class}, uniqueKey = {class}, enableSql = true)")
    });
    let stubs = objects.iter().map(|object| {
        let (name, class) = (text(field(object, "name")), text(field(object, "class_name")));
        format!("(name = {name}, durableObjectNamespace = {class})")
    });
    let producers = list(&settings, "/queues/producers")?.iter().map(|producer| {
        let props = text(json!({ "queue": field(producer, "queue") }).to_string());
        let name = text(field(producer, "binding"));
        format!("(name = {name}, queue = (name = \"queues\", props = (json = {props})))")
    });
    let bindings = texts.chain([DATABASE.to_owned()]).chain(stubs).chain(producers);
    let worker = format!(
        "(name = \"main\", worker = (modules = [{}], compatibilityDate = {date}, bindings = [{}], \
         durableObjectNamespaces = [{}], durableObjectStorage = (localDisk = \"objects-disk\")))",
        join(modules),
        join(bindings),
        join(namespaces),
    );
    let disks = FOLDERS.iter().map(|name| {
        let path = path(&storage.join(name)).map(text)?;
        Ok(format!("(name = \"{name}-disk\", disk = (path = {path}, writable = true))"))
    });
    let disks = disks.collect::<Result<Vec<String>>>()?;
    Ok(format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\nconst config :Workerd.Config = (\n  \
         services = [\n    {},\n    {},\n    {},\n    {},\n    {},\n    {INTERNET}\n  ],\n  \
         sockets = [(name = \"http\", service = \"front\", http = ())],\n);\n",
        front(settings.get("assets").context("assets")?, "main")?,
        worker,
        d1(&date),
        queues(&settings, &date)?,
        disks.join(",\n    "),
    ))
}

const INTERNET: &str = r#"(name = "internet", network = (allow = ["public", "private"]))"#;

fn d1(date: &str) -> String {
    let d1 = D1.replace("\"disk\"", "\"d1-disk\"");
    format!("(name = \"d1\", worker = ({d1}, compatibilityDate = {date}))")
}

/// The queues that workerd comes with. The names of settings are those of `wrangler.toml`, in camel
/// case.
fn queues(settings: &Value, date: &str) -> Result<String> {
    let names = [
        ("max_batch_size", "maxBatchSize"),
        ("max_batch_timeout", "maxBatchTimeout"),
        ("max_retries", "maxRetries"),
        ("dead_letter_queue", "deadLetterQueue"),
    ];
    let mut consumers = Map::new();
    for consumer in list(settings, "/queues/consumers")? {
        let set = names.iter().filter_map(|(ours, theirs)| {
            Some(((*theirs).to_owned(), consumer.get(*ours)?.clone()))
        });
        let mut set: Map<String, Value> = set.collect();
        set.insert("consumer".to_owned(), json!("MAIN"));
        consumers
            .insert(field(consumer, "queue").as_str().unwrap_or_default().to_owned(), json!(set));
    }
    let consumers = text(Value::Object(consumers).to_string());
    Ok(format!(
        "(name = \"queues\", worker = (modules = [(name = \"queues.js\", bundled = \
         \"/workerd/queues.js\")], compatibilityDate = {date}, compatibilityFlags = \
         [\"service_binding_extra_handlers\"], bindings = [(name = \"SHARD\", \
         durableObjectNamespace = \"QueueShard\"), (name = \"CONSUMERS\", json = {consumers}), \
         (name = \"MAIN\", service = \"main\")], durableObjectNamespaces = [(className = \
         \"QueueShard\", uniqueKey = \"queues\", enableSql = true)], durableObjectStorage = \
         (localDisk = \"queues-disk\")))"
    ))
}

fn list<'s>(settings: &'s Value, pointer: &str) -> Result<&'s Vec<Value>> {
    settings.pointer(pointer).and_then(Value::as_array).with_context(|| pointer.to_owned())
}

/// A setting; `null`, which workerd refuses, if it is not there.
fn field(settings: &Value, name: &str) -> Value {
    settings.get(name).cloned().unwrap_or_default()
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_what_wrangler_toml_has_and_may_call_this_machine() {
        let wrangler_toml = r#"
            compatibility_date = "2026-11-01"
            [assets]
            directory = "public"
            [[durable_objects.bindings]]
            name = "ROOM"
            class_name = "Room"
            [[queues.producers]]
            queue = "orders"
            binding = "ORDERS"
            [[queues.consumers]]
            queue = "orders"
            max_batch_size = 7
        "#;
        let vars = [("A".to_owned(), "b".to_owned())].into();
        let config = config(wrangler_toml, Path::new("/state"), &vars).unwrap();
        for part in [
            r#"(name = "ROOM", durableObjectNamespace = "Room")"#,
            r#"(className = "Room", uniqueKey = "Room", enableSql = true)"#,
            r#"(name = "ORDERS", queue = (name = "queues", props"#,
            r#"(json = "{\"queue\":\"orders\"}")"#,
            r#"{\"orders\":{\"consumer\":\"MAIN\",\"maxBatchSize\":7}}"#,
            r#"(name = "A", text = "b")"#,
            r#"disk = (path = "/state/queues", writable = true)"#,
            r#"userWorker = "main""#,
            r#"allow = ["public", "private"]"#,
        ] {
            assert!(config.contains(part), "{part} is not in {config}");
        }
    }
}
