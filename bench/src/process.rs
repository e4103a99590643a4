//! Processes pinned to a core, and what CPU and memory they used.

mod facts;
mod proc;

use std::fmt;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use core_affinity::CoreId;

pub use self::facts::{Machine, Steal, file_system};
pub use self::proc::{cpu_ns, resident_bytes, rss_bytes};

/// Whether something has a core for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    Pinned(usize),
    /// It goes where the scheduler puts it, for this reason.
    Free(String),
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned(core) => write!(f, "core {core}"),
            Self::Free(why) => write!(f, "any core: {why}"),
        }
    }
}

/// Pins this thread, and what it will start, to `core`. Where that is impossible it stays free.
pub fn pin_self(core: usize) -> Placement {
    if core_affinity::set_for_current(CoreId { id: core }) {
        return Placement::Pinned(core);
    }
    let count = facts::cores();
    Placement::Free(if count == 1 {
        "there is one core only, so what is measured shares it with the generator".to_owned()
    } else {
        format!("the system refused core {core} of {count}")
    })
}

/// Runs `work` on a thread of its own that is pinned to `core`. Whatever it starts inherits that:
/// so a server is pinned from its first instruction, whoever starts it (`taskset` would have to
/// stand before its command, and cannot pass on what is set for its stdin and stdout).
pub fn on_core<T: Send>(
    core: usize,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<(T, Placement)> {
    thread::scope(|scope| {
        let pinned = scope.spawn(|| {
            let placement = pin_self(core);
            work().map(|made| (made, placement))
        });
        pinned.join().map_err(|_| anyhow!("the thread on core {core} has panicked"))?
    })
}

/// A process on one core. Dropping it kills that process and its descendants, and no other.
#[derive(Debug)]
pub struct Pinned {
    process: Child,
    guard: Child,
    placement: Placement,
}

impl Pinned {
    pub fn spawn(mut command: Command, core: usize) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let ((mut process, guard), placement) = on_core(core, || {
            let process = command.spawn().with_context(|| format!("could not start {program}"))?;
            let guard = guard(process.id()).spawn();
            Ok((process, guard))
        })?;
        match guard {
            Ok(guard) => Ok(Self { process, guard, placement }),
            Err(error) => {
                process.kill().and_then(|()| process.wait()).context("stopping it again")?;
                Err(error).with_context(|| format!("could not start the guard of {program}"))
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.try_wait().context("asking for the state of a process")
    }

    /// See [`cpu_ns`].
    pub fn cpu_ns(&self) -> Result<u64> {
        cpu_ns(self.id())
    }

    /// See [`rss_bytes`].
    pub fn rss_bytes(&self) -> Result<u64> {
        rss_bytes(self.id())
    }

    /// SIGKILL for it and its descendants, then waits until it is gone. Fine on one that has ended.
    pub fn kill(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        // The guard goes first: once the process is waited for, its id may be somebody else's.
        let guard = self.guard.kill().and_then(|()| self.guard.wait());
        let descendants = proc::descendants(self.process.id());
        let process = self.process.kill().and_then(|()| self.process.wait());
        let left: Vec<_> = descendants.iter().filter(|process| process.is_alive()).collect();
        if !left.is_empty() {
            kill_all(left.iter().map(|process| process.id))?;
        }
        guard.and(process).map(drop).context("stopping a process")
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Whoever wants to know of a failure calls `kill`.
        drop(self.end());
    }
}

/// SIGKILL through the shell's `kill`: the system call itself would need `unsafe`.
fn kill_all(ids: impl Iterator<Item = u32>) -> Result<()> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "kill -9 \"$@\"", "kill"]).args(ids.map(|id| id.to_string()));
    // One that has ended meanwhile makes `kill` fail, and that is fine.
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.status().context("could not start sh to stop processes").map(drop)
}

/// A shell that kills process `id` when its stdin closes, that is when we are gone, however we
/// went. In a process group of its own it also survives the Ctrl-C that ends us.
fn guard(id: u32) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "read -r _; kill -9 \"$0\"", &id.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command
}

/// Runs `command` to its end on `core` and returns its stdout; anything but success is an error.
pub fn output_on(mut command: Command, core: usize) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (output, _) = on_core(core, || {
        command.stdin(Stdio::null()).output().with_context(|| format!("could not start {program}"))
    })?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{program} failed ({}): {}", output.status, stderr.trim());
    }
    String::from_utf8(output.stdout)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        .with_context(|| format!("{program} wrote no UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_process_runs_on_its_core_only() {
        let command = shell("grep Cpus_allowed_list /proc/self/status");
        assert_eq!(output_on(command, 0).unwrap().trim(), "Cpus_allowed_list:\t0");
    }

    #[test]
    fn a_core_that_does_not_exist_is_told_and_does_no_harm() {
        let ((), placement) = on_core(1000, || Ok(())).unwrap();
        assert!(matches!(placement, Placement::Free(_)), "{placement}");
    }

    #[test]
    fn dropping_a_process_kills_its_descendants_too() {
        let mut command = shell("sh -c 'sleep 60 & echo $!; wait'; true");
        command.stdout(Stdio::piped());
        let mut pinned = Pinned::spawn(command, 0).unwrap();
        let mut line = String::new();
        BufReader::new(pinned.process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let sleeper = proc::Process::of(line.trim().parse().unwrap()).unwrap();
        assert!(sleeper.is_alive());
        drop(pinned);
        // The orphan is reaped by whoever adopts it; killed it is at once.
        while sleeper.is_alive() {
            thread::yield_now();
        }
    }

    #[test]
    fn the_cpu_of_threads_and_children_that_have_ended_is_counted() {
        // The inner shell burns CPU, ends and is waited for; then the outer one stays.
        let burn = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        let mut command = shell(&format!("sh -c '{burn}'; echo done; read -r _"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut pinned = Pinned::spawn(command, 0).unwrap();
        let mut line = String::new();
        BufReader::new(pinned.process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let used = pinned.cpu_ns().unwrap();
        assert!(used >= 20_000_000, "{used} ns");
        assert!(pinned.rss_bytes().unwrap() > 100_000);
    }

    #[test]
    fn the_cpu_of_this_process_grows_with_its_work() {
        let id = std::process::id();
        let before = cpu_ns(id).unwrap();
        let watch = xtask::clock::Stopwatch::start();
        let mut sum = 0_u64;
        while watch.elapsed().as_millis() < 200 {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(1));
        }
        assert!(cpu_ns(id).unwrap() > before);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(cpu_ns(u32::MAX).is_err());
        assert!(rss_bytes(u32::MAX).is_err());
    }
}
