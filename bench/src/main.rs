//! `doorbuster-bench`: run by `cargo xtask bench`, which builds what it needs.

use std::process::ExitCode;

use anyhow::{Result, bail};
use doorbuster_bench::results::Results;
use doorbuster_bench::rounds::{self, Plan};
use doorbuster_bench::systems;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let (mut plan, mut quick, mut only, mut keep) = (Plan::full(), false, None, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => (plan, quick) = (Plan::quick(), true),
            "--only" => only = arguments.next(),
            "--keep" => keep = true,
            other => bail!("the bench knows --quick, --only NAME and --keep, not `{other}`"),
        }
    }
    plan.only = only;
    systems::build()?;
    let measured = rounds::run(&plan)?;
    let lost = measured.lost.join("; ");
    let results = Results::of(&plan, quick, measured)?;
    if let Some(only) = plan.only.as_ref().filter(|_| results.is_empty()) {
        bail!("there is no subject, figure or ratio of the name `{only}`");
    }
    results.print()?;
    if !lost.is_empty() {
        bail!("not written, because parts broke off: {lost}");
    }
    // What was left out would look like something that was not reached.
    match &plan.only {
        None if !quick => results.write()?,
        Some(only) if !quick && keep => results.update_latest(only)?,
        _ => {}
    }
    Ok(())
}
