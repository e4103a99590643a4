//! One Inventory object, fed through a front door of its own: batches without HTTP between, and
//! what a poll asks of the objects.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use doorbuster_domain::sealed::Keyring;
use serde_json::Value;
use xtask::bundle::Build;
use xtask::workerd::{Server, StartOptions};

use crate::load::{self, Load, Stop};
use crate::subjects::{CORE, vars};

/// Reservations in a batch.
pub const BATCH: u32 = 256;
/// One round takes seconds; a stuck one is not waited for.
const ROUND_MAX: Duration = Duration::from_mins(2);

/// The bench's own Worker around the product's objects.
pub struct FrontDoor {
    server: Server,
}

impl FrontDoor {
    /// Starts it on the core of what is measured.
    pub fn start(dir: &Path, keyring: &Keyring) -> Result<Self> {
        let options = StartOptions {
            build: Build::Bench,
            vars: vars(keyring),
            core: Some(CORE),
            ..StartOptions::new(dir)
        };
        Ok(Self { server: Server::start(options)? })
    }

    /// Reservations a second that a fresh object decides and makes durable, in `batches` of 256.
    pub fn batches(&self, batches: u32, run: &str) -> Result<f64> {
        let path = format!("/v1/bench?batch={BATCH}&batches={batches}&run={run}");
        let reply = self.get(&path)?;
        let number = |name: &str| reply.get(name).and_then(Value::as_f64).unwrap_or_default();
        let (accepted, ms) = (number("accepted"), number("ms"));
        if accepted < f64::from(BATCH) * f64::from(batches) {
            bail!("only {accepted} of {batches} batches of {BATCH} were accepted");
        }
        Ok(accepted * 1000.0 / ms.max(1.0))
    }

    /// Calls of objects while `polls` people ask whether it is their turn.
    pub fn calls_of(&self, workload: &mut dyn load::Workload, polls: u64) -> Result<u64> {
        let before = self.calls()?;
        let mut load = Load { stop: Stop::Count(polls), ..Load::new(self.server.addr(), workload) };
        let ran = load::run(&mut load)?;
        if !ran.is_clean() {
            bail!("polls were answered wrongly: {:?}", ran.complaints);
        }
        Ok(self.calls()?.saturating_sub(before))
    }

    /// The server itself, to set up a sale.
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// Messages that the consumer of the orders has got so far.
    pub fn messages(&self) -> Result<u64> {
        self.count("messages")
    }

    fn calls(&self) -> Result<u64> {
        self.count("calls")
    }

    fn count(&self, what: &str) -> Result<u64> {
        let counts = self.get("/v1/bench?calls=1")?;
        counts.get(what).and_then(Value::as_u64).with_context(|| format!("no count of {what}"))
    }

    fn get(&self, path: &str) -> Result<Value> {
        let (status, body) = self.server.get(path, ROUND_MAX)?;
        if status != 200 {
            bail!("{path} was answered with {status}: {body}");
        }
        serde_json::from_str(&body).with_context(|| format!("{path}: no JSON: {body}"))
    }
}
