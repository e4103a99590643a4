//! A second opinion on our latencies, by [oha](https://github.com/hatoo/oha).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;
use xtask::paths;
use xtask::process::{cargo, lock, run as run_command};
use xtask::tools::CargoTool;

use super::{Arrivals, Load, Pace, Repeat, Stop, Summary, render, run};
use crate::process;

pub const OHA: CargoTool = CargoTool { package: "oha", version: "1.16.0", program: "oha" };

const CONNECTIONS: usize = 64;
/// Ours warms the server up for so long; oha comes second.
const WARMUP_SECONDS: f64 = 1.0;
const US_PER_SECOND: f64 = 1e6;

/// A request that does the same however often it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a str,
}

/// The same constant rate at the same target, by both.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum CrossCheck {
    Checked { per_second: f64, ours: Summary, oha: OhaSummary },
    NotChecked { why: String },
}

/// What oha says; microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OhaSummary {
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
}

/// Asks `question` for as long by us, on this thread, and then by oha on `core`. That this cannot
/// be done is a result and not an error: the bench does without.
pub fn cross_check(
    target: SocketAddr,
    question: Question<'_>,
    per_second: f64,
    time: Duration,
    core: usize,
) -> CrossCheck {
    let check = || -> Result<CrossCheck> {
        let program = install()?;
        let ours = ask(target, question, per_second, time)?;
        let command = oha(program, target, question, per_second, time);
        let oha = understand(&process::output_on(command, core)?)?;
        Ok(CrossCheck::Checked { per_second, ours, oha })
    };
    check().unwrap_or_else(|error| CrossCheck::NotChecked { why: format!("{error:#}") })
}

/// Builds oha into the tool cache, which takes minutes, if it is not there. Its path.
pub fn install() -> Result<PathBuf> {
    let path = OHA.path()?;
    let cache = paths::tool_cache()?;
    let _one_at_a_time = lock(&cache.join("oha.lock"))?;
    if !path.exists() {
        let mut install = cargo();
        install.args(["install", OHA.package, "--version", OHA.version, "--locked", "--root"]);
        // It is no member of this workspace: neither its configuration nor its build folder.
        install.arg(OHA.folder()?).current_dir(&cache).env_remove("CARGO_TARGET_DIR");
        run_command(&mut install)?;
    }
    Ok(path)
}

fn ask(
    target: SocketAddr,
    question: Question<'_>,
    per_second: f64,
    time: Duration,
) -> Result<Summary> {
    let Question { method, path, headers, body } = question;
    let mut requests = Repeat(render(method, path, headers, body.as_bytes()));
    let ran = run(&mut Load {
        connections: CONNECTIONS,
        pace: Pace::PerSecond(per_second, Arrivals::Constant),
        stop: Stop::After(time),
        warmup: operations_in(WARMUP_SECONDS, per_second),
        ..Load::new(target, &mut requests)
    })?;
    if ran.errors > 0 || ran.unsent > 0 {
        bail!(
            "at {per_second}/s there were {} errors, and {} operations were not sent",
            ran.errors,
            ran.unsent
        );
    }
    Ok(ran.summary())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates, and a pace below zero is refused by the schedule"
)]
fn operations_in(seconds: f64, per_second: f64) -> u64 {
    (seconds * per_second) as u64
}

fn oha(
    program: PathBuf,
    target: SocketAddr,
    question: Question<'_>,
    per_second: f64,
    time: Duration,
) -> Command {
    let mut command = Command::new(program);
    command.args(["--no-tui", "--output-format", "json", "--latency-correction"]);
    command.args(["--disable-compression", "--redirect", "0"]);
    command.args(["-c", &CONNECTIONS.to_string(), "-q", &per_second.round().to_string()]);
    command.args(["-z", &format!("{}ms", time.as_millis()), "-w", "-m", question.method]);
    for (name, value) in question.headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    if !question.body.is_empty() {
        command.args(["-d", question.body]);
    }
    command.arg(format!("http://{target}{}", question.path));
    command
}

fn understand(json: &str) -> Result<OhaSummary> {
    let report: Value = serde_json::from_str(json).context("oha wrote no JSON")?;
    let number = |pointer: &str| {
        let value = report.pointer(pointer).and_then(Value::as_f64);
        value.with_context(|| format!("oha's report has no {pointer}"))
    };
    let success = number("/summary/successRate")?;
    if success < 1.0 {
        bail!("only {:.2} % of what oha sent was answered", success * 100.0);
    }
    Ok(OhaSummary {
        per_second: number("/summary/requestsPerSec")?,
        p50_us: number("/latencyPercentiles/p50")? * US_PER_SECOND,
        p99_us: number("/latencyPercentiles/p99")? * US_PER_SECOND,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sink::Sink;
    use super::*;

    #[test]
    fn its_report_is_in_seconds_and_ours_in_microseconds() {
        let report = r#"{
            "summary": {"successRate": 1.0, "requestsPerSec": 1998.5},
            "latencyPercentiles": {"p50": 0.000125, "p99": 0.004, "p99.9": 0.008}
        }"#;
        let wanted = OhaSummary { per_second: 1998.5, p50_us: 125.0, p99_us: 4000.0 };
        assert_eq!(understand(report).unwrap(), wanted);
        let error = understand("{}").unwrap_err().to_string();
        assert_eq!(error, "oha's report has no /summary/successRate");
        let failed = report.replace("1.0", "0.5");
        let error = understand(&failed).unwrap_err().to_string();
        assert_eq!(error, "only 50.00 % of what oha sent was answered");
    }

    /// oha itself runs where it is installed; elsewhere a test would build for minutes.
    #[test]
    fn both_ask_the_same_and_are_understood() {
        let sink = Sink::start(None).unwrap();
        let question = Question {
            method: "POST",
            path: "/a?b=c",
            headers: &[("content-type", "application/json")],
            body: "{}",
        };
        let time = Duration::from_millis(500);
        assert_eq!(ask(sink.address(), question, 1_000.0, time).unwrap().count, 500);
        if OHA.path().unwrap().exists() {
            let checked = cross_check(sink.address(), question, 1_000.0, time, 0);
            let CrossCheck::Checked { oha, .. } = checked else { panic!("{checked:?}") };
            assert!(oha.p50_us > 0.0 && oha.p50_us <= oha.p99_us, "{oha:?}");
        }
    }
}
