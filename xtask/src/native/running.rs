//! A native program that runs on one core, and never outlives the program that started it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::clock::Stopwatch;
use crate::workerd::guard;

/// How long a program has to be ready, and how long to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(20);

/// A signal that ends a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Kill,
    Terminate,
    Interrupt,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
        }
    }
}

/// A loopback address nobody listens at. Another process may still take it first.
pub fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port")?;
    listener.local_addr().context("finding a free port")
}

/// A command that runs `program` on this core, with all it starts, under the command's own id.
///
/// What a shell without job control runs in the background ignores interrupts, and what it starts
/// ignores them too. A program that is ended by one would have to be killed.
pub fn pinned(core: usize, program: &Path) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", "taskset", "-c", &core.to_string()]).arg(program);
    command
}

/// A running program and its guard.
#[derive(Debug)]
pub struct Running {
    process: Child,
    guard: Child,
    ends_with: Signal,
    log: PathBuf,
}

impl Running {
    /// Starts a program whose id stays that of the command; its output goes to `log`.
    pub fn spawn(command: &mut Command, ends_with: Signal, log: &Path) -> Result<Self> {
        let output = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let errors = output.try_clone().with_context(|| format!("opening {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let program = command.get_program().to_owned();
        let mut process =
            command.spawn().with_context(|| format!("could not start {}", program.display()))?;
        match guard(process.id(), ends_with.name()).spawn() {
            Ok(guard) => Ok(Self { process, guard, ends_with, log: log.to_owned() }),
            Err(error) => {
                process.kill().and_then(|()| process.wait()).context("stopping a program")?;
                Err(error).context("could not start the guard of a program")
            }
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until `is_ready`; a program that ends before, or takes too long, is an error with
    /// what it wrote.
    pub fn wait_until(&mut self, what: &str, is_ready: impl Fn() -> bool) -> Result<()> {
        let watch = Stopwatch::start();
        while watch.elapsed() < PATIENCE {
            if let Some(status) = self.process.try_wait().context("asking for a program's state")? {
                bail!("{what} ended at once ({status}):\n{}", self.log());
            }
            if is_ready() {
                return Ok(());
            }
            thread::sleep(POLL_EVERY);
        }
        bail!("{what} was not ready after {PATIENCE:?}:\n{}", self.log())
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Ends it and waits until it is gone. Fine on one that has ended already.
    pub fn end(&mut self) -> Result<ExitStatus> {
        // The guard goes first: once the process is waited for, its id may be somebody else's.
        self.guard.kill().and_then(|()| self.guard.wait()).context("stopping a guard")?;
        if self.ends_with != Signal::Kill && self.process.try_wait()?.is_none() {
            let id = self.process.id().to_string();
            let script = ["-c", "kill -s \"$0\" \"$1\"", self.ends_with.name(), &id];
            Command::new("sh").args(script).status().context("sending a signal")?;
            let watch = Stopwatch::start();
            while watch.elapsed() < PATIENCE {
                if let Some(status) = self.process.try_wait()? {
                    return Ok(status);
                }
                thread::sleep(POLL_EVERY);
            }
        }
        self.process.kill().and_then(|()| self.process.wait()).context("stopping a program")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("process {}: {error:#}", self.process.id());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeping(ends_with: Signal, name: &str) -> Running {
        let log = std::env::temp_dir().join(format!("doorbuster-{name}-{}", std::process::id()));
        Running::spawn(pinned(0, Path::new("sleep")).arg("60"), ends_with, &log).unwrap()
    }

    #[test]
    fn a_program_ends_by_the_signal_it_is_to_end_with() {
        use std::os::unix::process::ExitStatusExt;
        for (signal, number) in [(Signal::Kill, 9), (Signal::Terminate, 15), (Signal::Interrupt, 2)]
        {
            let mut running = sleeping(signal, signal.name());
            // Before, an interrupt may still be ignored, and would be lost.
            let name = format!("/proc/{}/comm", running.id());
            let is_there = || fs::read_to_string(&name).is_ok_and(|name| name == "sleep\n");
            running.wait_until("sleep", is_there).unwrap();
            assert_eq!(running.end().unwrap().signal(), Some(number));
            fs::remove_file(&running.log).unwrap();
        }
    }

    #[test]
    fn a_program_runs_on_the_core_it_is_pinned_to() {
        let running = sleeping(Signal::Kill, "pinned");
        let status = format!("/proc/{}/status", running.id());
        let pinned = || fs::read_to_string(&status).unwrap().contains("Cpus_allowed_list:\t0\n");
        let watch = Stopwatch::start();
        while !pinned() {
            assert!(watch.elapsed() < PATIENCE, "taskset did not pin it");
            thread::sleep(POLL_EVERY);
        }
        fs::remove_file(&running.log).unwrap();
    }
}
