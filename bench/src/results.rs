//! What a run leaves behind: JSON to compare, a page to look at.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};
use xtask::{paths, size, tools};

use crate::growth::Size;
use crate::load::sink;
use crate::page;
use crate::postgres::Postgres;
use crate::process::{self, Machine};
use crate::ratios::{self, Ratio};
use crate::redis::Redis;
use crate::rounds::{Measured, Plan};

/// Everything that a run gave, and what is needed to judge it.
#[derive(Debug, Serialize)]
pub struct Results {
    pub date: String,
    pub commit: String,
    pub quick: bool,
    pub rounds: u32,
    /// The median of each ratio.
    pub ratios: BTreeMap<String, f64>,
    /// The same with every round, what they are of and what was promised.
    pub ratio_details: BTreeMap<String, Ratio>,
    pub sizes: Sizes,
    /// Those that grow, with every round, what they are of and what was promised.
    pub size_details: BTreeMap<String, Size>,
    pub measured: Measured,
    /// What the generator reaches against a server that does nothing, divided by the fastest rate
    /// of the run: below 3 it may have been the limit itself.
    pub generator_headroom: f64,
    pub machine: Machine,
    pub file_system: String,
    pub versions: BTreeMap<String, String>,
}

/// Sizes, as far as this run knows them.
#[derive(Debug, Serialize)]
pub struct Sizes {
    pub upload_gzip_bytes: f64,
    /// Calls of objects per poll, without the refresh of the status once a second.
    pub object_requests_per_poll: Option<f64>,
    /// The median of each that grows.
    #[serde(flatten)]
    pub grown: BTreeMap<String, f64>,
}

/// Polls that were counted.
const POLLS: f64 = 1_000.0;

impl Results {
    /// Gathers the results of a run.
    pub fn of(plan: &Plan, quick: bool, measured: Measured) -> Result<Self> {
        let details = ratios::of(&measured);
        let sizes: BTreeMap<_, _> =
            measured.growth.iter().flat_map(|growth| growth.sizes.clone()).collect();
        let fastest = measured.per_second.iter().filter(|(name, _)| !name.contains("_of_"));
        let fastest = fastest.map(|(_, figure)| figure.max).fold(1.0, f64::max);
        Ok(Self {
            date: output(Command::new("date").arg("+%F"))?,
            commit: output(Command::new("git").args(["rev-parse", "--short", "HEAD"]))?,
            quick,
            rounds: plan.rounds,
            ratios: details
                .iter()
                .map(|(name, ratio)| (name.clone(), ratio.figure.median))
                .collect(),
            ratio_details: details,
            sizes: Sizes {
                upload_gzip_bytes: (size::check()? * 1024.0).round(),
                object_requests_per_poll: measured.object_calls_per_1000_polls.map(per_poll),
                grown: sizes
                    .iter()
                    .map(|(name, size)| (name.clone(), size.figure.median))
                    .collect(),
            },
            size_details: sizes,
            measured,
            generator_headroom: sink::headroom(0, 1)?.times(fastest),
            machine: Machine::read()?,
            file_system: process::file_system(&paths::target_dir())?,
            versions: versions()?,
        })
    }

    /// Writes `bench/results/<date>.json` and `latest.json`, each with its page.
    pub fn write(&self) -> Result<()> {
        let folder = paths::root().join("bench/results");
        fs::create_dir_all(&folder)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        let page = page::of(self);
        for name in [self.date.as_str(), "latest"] {
            fs::write(folder.join(name).with_extension("json"), &json).context("the results")?;
            fs::write(folder.join(name).with_extension("html"), &page).context("the page")?;
        }
        Ok(())
    }

    /// Puts what a partial run measured into `latest.json`, and says there of which commit it is.
    /// The page stays that of the full run.
    pub fn update_latest(&self, only: &str) -> Result<()> {
        let path = paths::root().join("bench/results/latest.json");
        let mut latest: Value = serde_json::from_slice(&fs::read(&path).context("the latest")?)?;
        let ours = serde_json::to_value(self)?;
        for part in ["ratios", "ratio_details", "sizes", "size_details", "measured"] {
            if let (Some(old), Some(new)) = (latest.get_mut(part), ours.get(part)) {
                overlay(old, new);
            }
        }
        let names: Vec<_> = self.ratios.keys().chain(self.size_details.keys()).collect();
        let update = json!({
            "date": self.date, "commit": self.commit, "only": only, "rounds": self.rounds,
            "measured_anew": names,
        });
        if let Some(all) = latest.as_object_mut() {
            let updates = all.entry("updates").or_insert_with(|| json!([]));
            updates.as_array_mut().context("`updates` is no list")?.push(update);
        }
        Ok(fs::write(&path, serde_json::to_string_pretty(&latest)? + "\n")?)
    }

    /// Whether nothing was measured: what was asked for by name is not there.
    pub fn is_empty(&self) -> bool {
        let Measured { per_second, shapes, .. } = &self.measured;
        let figures = [self.ratios.is_empty(), self.size_details.is_empty(), per_second.is_empty()];
        figures.into_iter().all(|is_empty| is_empty) && shapes.is_none()
    }

    /// The table that is printed, and the sections that have none.
    pub fn print(&self) -> Result<()> {
        if let Some(shapes) = &self.measured.shapes {
            println!("{}", serde_json::to_string_pretty(shapes)?);
        }
        if let Some(flood) = &self.measured.flood {
            println!("{}", serde_json::to_string_pretty(flood)?);
        }
        if let Some(webhooks) = &self.measured.webhooks {
            println!("{}", serde_json::to_string_pretty(webhooks)?);
        }
        if let Some(dollars) = &self.measured.dollars {
            println!("{}", serde_json::to_string_pretty(dollars)?);
        }
        println!("\n{:38} {:>8}   {:>17}   promised", "ratio", "median", "least to most");
        for (name, Ratio { figure, at_least, at_most, holds, .. }) in &self.ratio_details {
            let promised = promised(*at_least, *at_most, *holds);
            let (median, min, max) = (figure.median, figure.min, figure.max);
            println!("{name:38} {median:>8.3}   {min:>7.3} - {max:>7.3}   {promised}");
        }
        for (name, Size { figure, at_most, holds, details, .. }) in &self.size_details {
            let promised = promised(None, *at_most, *holds);
            let (median, min, max) = (figure.median, figure.min, figure.max);
            println!("{name:34} {median:>12.1}   {min:>12.1} - {max:>12.1}   {promised}");
            for (name, value) in details {
                println!("    {name:34} {value:>12.1}");
            }
        }
        Ok(())
    }
}

/// Replaces what was measured anew; what was not is left.
fn overlay(old: &mut Value, new: &Value) {
    match (old, new) {
        (_, Value::Null) => {}
        // What came out differently has other figures.
        (Value::Object(old), Value::Object(new)) if old.get("outcome") == new.get("outcome") => {
            for (name, value) in new {
                overlay(old.entry(name).or_insert(Value::Null), value);
            }
        }
        (old, new) => *old = new.clone(),
    }
}

/// A promise and whether it holds.
pub(crate) fn promised(at_least: Option<f64>, at_most: Option<f64>, holds: Option<bool>) -> String {
    let bound = match (at_least, at_most) {
        (Some(least), _) => least.to_string(),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => return String::new(),
    };
    let verdict = if holds == Some(true) { "holds" } else { "DOES NOT HOLD" };
    format!("{bound}  {verdict}")
}

#[expect(clippy::cast_precision_loss, reason = "some thousand calls")]
fn per_poll(calls: u64) -> f64 {
    // Two looks of the room at its stock are each a call of it and of its one SKU.
    (calls as f64 / POLLS * 100.0).round() / 100.0
}

fn versions() -> Result<BTreeMap<String, String>> {
    let workerd = output(Command::new(tools::workerd()?).arg("--version"))?;
    let all =
        [("workerd", workerd), ("redis", Redis::version()?), ("postgres", Postgres::version()?)];
    Ok(all.map(|(name, version)| (name.to_owned(), version)).into())
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.current_dir(paths::root()).output();
    let output = output.with_context(|| format!("running {}", command.get_program().display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_anew_replaces_the_old_and_the_rest_stays() {
        let mut old = json!({ "a": { "median": 1, "rounds": [1, 2] }, "b": 2, "c": { "d": 3 } });
        overlay(&mut old, &json!({ "a": { "median": 5, "rounds": [5] }, "c": null, "e": 7 }));
        let wanted =
            json!({ "a": { "median": 5, "rounds": [5] }, "b": 2, "c": { "d": 3 }, "e": 7 });
        assert_eq!(old, wanted);
        let mut old = json!({ "outcome": "not_checked", "why": "it is not there" });
        let new = json!({ "outcome": "checked", "rate": 1 });
        overlay(&mut old, &new);
        assert_eq!(old, new);
    }

    #[test]
    fn all_sizes_are_plain_numbers_under_their_names() {
        let grown = [("wake_1e5_ms".to_owned(), 50.5)].into();
        let sizes = Sizes { upload_gzip_bytes: 500.0, object_requests_per_poll: Some(0.0), grown };
        let json = serde_json::to_string(&sizes).unwrap();
        let wanted =
            r#"{"upload_gzip_bytes":500.0,"object_requests_per_poll":0.0,"wake_1e5_ms":50.5}"#;
        assert_eq!(json, wanted);
    }

    #[test]
    fn a_promise_that_is_broken_is_told_as_such() {
        assert_eq!(promised(Some(0.7), None, Some(true)), "0.7  holds");
        assert_eq!(promised(None, Some(1.1), Some(false)), "at most 1.1  DOES NOT HOLD");
        assert_eq!(promised(None, None, None), "");
    }
}
