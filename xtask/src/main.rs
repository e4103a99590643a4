//! `cargo xtask`: the one entrance to set-up, build, demo and checks.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use xtask::bundle::{self, Build};
use xtask::checks;
use xtask::demo::{DemoOptions, demo};
use xtask::process::run;
use xtask::{bench, setup, simulate, size, tools, walk};

const HELP: &str = "\
cargo xtask COMMAND

  setup    make everything present that the build needs; safe to repeat
  build    set-up, then the Worker for release into build/
             --test-hooks     instead, the one for the fault tests, into target/hooks/
             --bench          instead, with the front doors of bench/, into target/bench/
  demo     set-up, build, and a whole sale rehearsed on this machine
             --catalog FILE   sell this catalog instead of the sample
             --shoppers N     with so many shoppers
             --keep           leave it running afterwards, until Ctrl-C
  bench    how fast it is, against floors and peers [--quick] [--only NAME [--keep]]
  simulate room   crowds before the waiting room, in virtual time, and what was promised them
             [--seed N] [--shape NAME] [--people-scale SHARE] [--trace SECS]
  simulate checkout   everything that can happen in a small checkout, and the invariants in it
  dev      set-up, then `wrangler dev`, which builds and serves
  test     set-up, then every check there is, cheapest first
  walk     the whole path through the pages in Chromium (after `build`)
  tidy     the rules of the house that rustfmt and clippy do not check
  size     what would be uploaded is under its limit (after `build`)
";

#[derive(Debug, PartialEq, Eq)]
enum Task {
    Help,
    Setup,
    Build(Build),
    Demo(DemoOptions),
    Bench(Vec<OsString>),
    Simulate(Vec<OsString>),
    Dev,
    Test,
    Tidy,
    Size,
    Walk,
}

fn main() -> ExitCode {
    let outcome = parse(std::env::args_os().skip(1)).and_then(perform);
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn perform(task: Task) -> Result<ExitCode> {
    match task {
        Task::Help => print!("{HELP}"),
        Task::Setup => setup::setup()?,
        Task::Build(build) => bundle::build(build)?,
        Task::Demo(options) => return demo(&options),
        Task::Bench(arguments) => bench::bench(&arguments)?,
        Task::Simulate(arguments) => simulate::simulate(&arguments)?,
        Task::Dev => {
            // wrangler builds through `[build]` of wrangler.toml, now and after every change.
            setup::setup()?;
            run(tools::wrangler().arg("dev"))?;
        }
        Task::Test => checks::checks()?,
        Task::Walk => walk::walk_if_possible()?,
        Task::Tidy => checks::check_tidy()?,
        Task::Size => {
            size::check()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Task> {
    let mut arguments = arguments;
    let command = arguments.next().unwrap_or_else(|| "help".into());
    let task = match command.to_str().unwrap_or_default() {
        "help" | "--help" | "-h" => Task::Help,
        "setup" => Task::Setup,
        "build" => Task::Build(parse_build(&mut arguments)?),
        "demo" => Task::Demo(parse_demo(&mut arguments)?),
        "bench" => Task::Bench(arguments.by_ref().collect()),
        "simulate" => Task::Simulate(arguments.by_ref().collect()),
        "dev" => Task::Dev,
        "test" => Task::Test,
        "tidy" => Task::Tidy,
        "size" => Task::Size,
        "walk" => Task::Walk,
        other => bail!("there is no command `{other}`\n\n{HELP}"),
    };
    match arguments.next() {
        Some(extra) => bail!("`{}` is not understood here\n\n{HELP}", extra.display()),
        None => Ok(task),
    }
}

fn parse_build(arguments: &mut impl Iterator<Item = OsString>) -> Result<Build> {
    match arguments.next() {
        None => Ok(Build::Release),
        Some(flag) if flag == "--test-hooks" => Ok(Build::TestHooks),
        Some(flag) if flag == "--bench" => Ok(Build::Bench),
        Some(other) => {
            bail!("build knows --test-hooks and --bench, not `{}`", other.display())
        }
    }
}

fn parse_demo(arguments: &mut impl Iterator<Item = OsString>) -> Result<DemoOptions> {
    let mut options = DemoOptions::default();
    while let Some(flag) = arguments.next() {
        let mut value =
            || arguments.next().with_context(|| format!("{} needs a value", flag.display()));
        match flag.to_str().unwrap_or_default() {
            "--keep" => options.keep = true,
            "--catalog" => options.catalog = Some(value()?.into()),
            "--shoppers" => {
                let shoppers = value()?.to_str().and_then(|text| text.parse().ok());
                options.shoppers = Some(shoppers.context("--shoppers needs a whole number")?);
            }
            _ => bail!("demo knows --catalog, --shoppers and --keep, not `{}`", flag.display()),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn demo_takes_its_options_in_any_order() {
        let task = parsed("demo --keep --shoppers 500 --catalog a.csv").unwrap();
        let catalog = Some("a.csv".into());
        assert_eq!(task, Task::Demo(DemoOptions { catalog, shoppers: Some(500), keep: true }));
    }

    #[test]
    fn build_is_for_release_unless_told_otherwise() {
        assert_eq!(parsed("build").unwrap(), Task::Build(Build::Release));
        assert_eq!(parsed("build --test-hooks").unwrap(), Task::Build(Build::TestHooks));
        assert_eq!(parsed("build --bench").unwrap(), Task::Build(Build::Bench));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in
            ["deploy", "build --fast", "setup now", "demo --shoppers many", "demo --catalog"]
        {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn nothing_asks_for_help() {
        assert_eq!(parsed("").unwrap(), Task::Help);
    }
}
