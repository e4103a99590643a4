//! `simulate`: crowds before the real waiting room, in virtual time, and everything that can happen
//! in a small checkout, by `doorbuster-simulation`.

use std::ffi::OsString;

use anyhow::Result;

use crate::process::{cargo, run};

/// Runs the simulation with these arguments; a promise that does not hold is an error.
pub fn simulate(arguments: &[OsString]) -> Result<()> {
    let simulation = ["run", "--release", "-q", "-p", "doorbuster-simulation", "--"];
    run(cargo().args(simulation).args(arguments))
}
