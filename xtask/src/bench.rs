//! `bench`: how fast the product is, against floors and peers. `doorbuster-bench` measures; here is
//! built what it needs.

use std::ffi::OsString;

use anyhow::Result;

use crate::bundle::{self, Build};
use crate::process::{cargo, run, step};
use crate::setup;

/// Builds both Workers and runs the bench with these arguments.
pub fn bench(arguments: &[OsString]) -> Result<()> {
    setup::setup()?;
    step("building the Worker", || bundle::bundle(Build::Release))?;
    step("building the Worker for the bench", || bundle::bundle(Build::Bench))?;
    run(cargo().args(["run", "--release", "-q", "-p", "doorbuster-bench", "--"]).args(arguments))
}
