//! The product with everything counted that the platform bills.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use doorbuster_domain::sealed::Keyring;
use serde::{Deserialize, Serialize};
use xtask::bundle::Build;
use xtask::workerd::{Server, StartOptions};

use crate::process;
use crate::subjects::{CORE, vars};

const PATIENCE: Duration = Duration::from_secs(10);

/// The bench's own Worker around the product, see `bench/metered.mjs`.
pub(super) struct Metered {
    pub(super) server: Server,
}

/// Things counted, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<String, u64>);

/// The name under which the CPU of workerd is counted, in nanoseconds.
pub(super) const CPU_NS: &str = "cpu_ns";

impl Metered {
    pub(super) fn start(dir: &Path, keyring: &Keyring) -> Result<Self> {
        let server = Server::start(StartOptions {
            build: Build::Bench,
            main: Some("metered.mjs"),
            vars: vars(keyring),
            core: Some(CORE),
            ..StartOptions::new(dir)
        })?;
        Ok(Self { server })
    }

    /// What was counted so far, and the CPU of the process so far.
    pub(super) fn read(&self) -> Result<Counts> {
        let (status, body) = self.server.get("/v1/bench/meter", PATIENCE)?;
        if status != 200 {
            bail!("the meter was answered with {status}: {body}");
        }
        let mut counts: Counts = serde_json::from_str(&body).context("the meter")?;
        let cpu_ns = process::cpu_ns(self.server.pid().context("workerd does not run")?)?;
        counts.0.insert(CPU_NS.to_owned(), cpu_ns);
        Ok(counts)
    }
}

impl Counts {
    pub(super) fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// What came since, without what stayed as it was.
    pub(super) fn since(&self, before: &Self) -> Self {
        let change = |(name, count): (&String, &u64)| {
            let more = count.saturating_sub(before.get(name));
            (more > 0).then(|| (name.clone(), more))
        };
        Self(self.0.iter().filter_map(change).collect())
    }

    pub(super) fn plus(mut self, other: &Self) -> Self {
        for (name, count) in &other.0 {
            let sum = self.0.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        Counts(pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect())
    }

    #[test]
    fn what_came_since_is_what_is_more() {
        let (before, after) = (counts(&[("a", 2), ("b", 1)]), counts(&[("a", 5), ("b", 1)]));
        let since = after.since(&before);
        assert_eq!(since, counts(&[("a", 3)]));
        assert_eq!(since.plus(&before), counts(&[("a", 5), ("b", 1)]));
    }
}
