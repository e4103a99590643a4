//! `test`: everything that must hold before a change is taken, cheapest first.

use anyhow::{Result, bail};

use crate::bundle::{self, Build};
use crate::process::{cargo, run, step};
use crate::{setup, size, tidy, walk};

/// The crates that exist only as wasm.
const WASM_CRATES: [&str; 3] = ["doorbuster", "doorbuster-durable", "doorbuster-bench-hello-rust"];

/// Runs all checks and stops at the first that fails.
pub fn checks() -> Result<()> {
    setup::setup()?;
    setup::lint_components()?;
    step("format", || run(cargo().args(["fmt", "--all", "--check"])))?;
    step("tidy", check_tidy)?;
    step("clippy, native crates", clippy_native)?;
    step("clippy, wasm crates", || clippy_wasm(&[]))?;
    step("clippy, wasm crates with test hooks", || {
        clippy_wasm(&["--features", "doorbuster/test-hooks"])
    })?;
    step("build", || bundle::bundle(Build::Release))?;
    step("size", || size::check().map(drop))?;
    step("build with test hooks", || bundle::bundle(Build::TestHooks))?;
    step("build with the front doors of bench/", || bundle::bundle(Build::Bench))?;
    step("tests", tests)?;
    step("a walk through the pages in a browser", walk::walk_if_possible)
}

/// Fails with every complaint that tidy has.
pub fn check_tidy() -> Result<()> {
    let complaints = tidy::complaints()?;
    if complaints.is_empty() {
        return Ok(());
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    bail!("tidy has {} complaint(s)", complaints.len())
}

fn clippy_native() -> Result<()> {
    let mut clippy = cargo();
    clippy.args(["clippy", "--quiet", "--workspace", "--all-targets"]);
    for package in WASM_CRATES {
        clippy.args(["--exclude", package]);
    }
    run(clippy.args(["--", "-D", "warnings"]))
}

fn clippy_wasm(features: &[&str]) -> Result<()> {
    let mut clippy = cargo();
    clippy.args(["clippy", "--quiet", "--target", "wasm32-unknown-unknown"]);
    for package in WASM_CRATES {
        clippy.args(["--package", package]);
    }
    run(clippy.args(features).args(["--", "-D", "warnings"]))
}

fn tests() -> Result<()> {
    let mut test = cargo();
    test.args(["test", "--workspace"]);
    for package in WASM_CRATES {
        test.args(["--exclude", package]);
    }
    run(&mut test)
}
