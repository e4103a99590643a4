//! The workerd process, which never outlives the program that started it.

use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

/// A running workerd and its guard.
#[derive(Debug)]
pub(super) struct Workerd {
    process: Child,
    guard: Child,
}

impl Workerd {
    /// Starts `program` on the `wrangler.json` at `config`; its output is appended to `log`. It may
    /// be kept to one core, which then no other process is kept from.
    pub(super) fn spawn(
        program: &Path,
        config: &Path,
        port: u16,
        log: &Path,
        core: Option<usize>,
    ) -> Result<Self> {
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(log)
            .with_context(|| format!("opening {}", log.display()))?;
        let process = serve(program, config, port, &log, core)
            .spawn()
            .with_context(|| format!("could not start {}", program.display()))?;
        match guard(process.id(), "KILL").spawn() {
            Ok(guard) => Ok(Self { process, guard }),
            Err(error) => {
                let mut process = process;
                process.kill().and_then(|()| process.wait()).context("stopping workerd")?;
                Err(error).context("could not start the guard of workerd")
            }
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.try_wait().context("asking for the state of workerd")
    }

    /// Waits until it ends by itself.
    pub(super) fn wait(&mut self) -> Result<ExitStatus> {
        self.process.wait().context("waiting for workerd")
    }

    /// SIGKILL, then waits until the process is gone. Fine on one that has ended already.
    pub(super) fn kill(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        // The guard goes first: once workerd is waited for, its id may belong to somebody else.
        let guard = self.guard.kill().and_then(|()| self.guard.wait());
        let process = self.process.kill().and_then(|()| self.process.wait());
        guard.and(process).map(drop).context("stopping workerd")
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        // Whoever wants to know of a failure calls `kill`.
        drop(self.end());
    }
}

fn serve(program: &Path, config: &Path, port: u16, log: &File, core: Option<usize>) -> Command {
    let copy = || log.try_clone().map_or_else(|_| Stdio::null(), Stdio::from);
    let mut command = kept_to(core, program);
    command.args(["serve", "--experimental"]).arg(config);
    command.arg(format!("--socket-addr=http=127.0.0.1:{port}"));
    command.stdin(Stdio::null()).stdout(copy()).stderr(copy());
    command
}

/// `program`, or `taskset` that becomes it under the same process id.
fn kept_to(core: Option<usize>, program: &Path) -> Command {
    let Some(core) = core else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(core.to_string()).arg(program);
    command
}

/// A shell that sends process `id` a signal when its stdin closes, that is when we are gone,
/// however we went. (Linux's parent-death signal would be tied to the starting thread, and needs
/// `unsafe`.) In a process group of its own it also survives the Ctrl-C that ends us.
pub(crate) fn guard(id: u32, signal: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "read -r _; kill -s \"$1\" \"$0\"", &id.to_string(), signal]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_program_kept_to_a_core_is_on_no_other() {
        let mut shell = kept_to(Some(0), Path::new("sh"));
        let shell = shell.args(["-c", "grep Cpus_allowed_list /proc/$$/status; echo $$"]);
        let shell = shell.stdout(Stdio::piped()).spawn().unwrap();
        let id = shell.id();
        let output = String::from_utf8(shell.wait_with_output().unwrap().stdout).unwrap();
        assert_eq!(output, format!("Cpus_allowed_list:\t0\n{id}\n"));
    }

    #[test]
    fn the_guard_kills_its_process_when_its_stdin_closes() {
        let mut process = Command::new("sleep").arg("60").spawn().unwrap();
        let mut guard = guard(process.id(), "KILL").spawn().unwrap();
        assert!(process.try_wait().unwrap().is_none());
        drop(guard.stdin.take());
        assert!(!process.wait().unwrap().success());
        assert!(guard.wait().unwrap().success());
    }
}
