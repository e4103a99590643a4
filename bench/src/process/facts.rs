//! The machine, for the report, and whether it was quiet.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

/// What figures depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    pub cores: usize,
    pub cpu: String,
    pub kernel: String,
    pub memory_bytes: u64,
}

impl Machine {
    pub fn read() -> Result<Self> {
        let cpu = read("/proc/cpuinfo")?;
        let memory = read("/proc/meminfo")?;
        let kib = value(&memory, "MemTotal").and_then(|text| text.strip_suffix("kB"));
        let kib: u64 = kib.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Ok(Self {
            cores: count_cores(&cpu),
            cpu: value(&cpu, "model name").unwrap_or("unknown").to_owned(),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            memory_bytes: kib.saturating_mul(1024),
        })
    }
}

/// How many cores there are. (What `available_parallelism` says shrinks with pinning.)
pub(super) fn cores() -> usize {
    fs::read_to_string("/proc/cpuinfo").map_or(1, |text| count_cores(&text))
}

fn count_cores(cpuinfo: &str) -> usize {
    cpuinfo.lines().filter(|line| line.starts_with("processor")).count().max(1)
}

/// The kind of file system that `path` is on, such as `ext4`.
pub fn file_system(path: &Path) -> Result<String> {
    let path = fs::canonicalize(path).with_context(|| format!("looking at {}", path.display()))?;
    let mounts = read("/proc/self/mountinfo")?;
    let kind = kind_of(&mounts, &path);
    kind.with_context(|| format!("no file system is mounted above {}", path.display()))
}

/// The longest mount point above `path` is the one it is on; of two at the same place, the later.
fn kind_of(mounts: &str, path: &Path) -> Option<String> {
    let mounted = mounts.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        // proc(5) escapes the space in a path so.
        let point = place.split(' ').nth(4)?.replace("\\040", " ");
        Some((PathBuf::from(point), kind.split(' ').next()?.to_owned()))
    });
    let above = mounted.filter(|(point, _)| path.starts_with(point));
    above.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind)
}

/// Measures what the hypervisor took away from this machine: a round in which it took much says
/// little.
#[derive(Debug, Clone, Copy)]
pub struct Steal {
    before: Ticks,
}

/// Since the start of the machine, over all cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    all: u64,
    stolen: u64,
}

impl Steal {
    pub fn start() -> Result<Self> {
        Ok(Self { before: Ticks::read()? })
    }

    /// The part, from 0 to 1, of all CPU time since the start that was stolen.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
    pub fn share(&self) -> Result<f64> {
        let now = Ticks::read()?;
        let all = now.all.saturating_sub(self.before.all);
        let stolen = now.stolen.saturating_sub(self.before.stolen);
        Ok(if all == 0 { 0.0 } else { stolen as f64 / all as f64 })
    }
}

impl Ticks {
    fn read() -> Result<Self> {
        Self::parse(&read("/proc/stat")?).context("/proc/stat is not as expected")
    }

    /// The first line: user, nice, system, idle, iowait, irq, softirq, steal. What follows is part
    /// of the first two.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let fields: Vec<u64> =
            line.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        let stolen = *fields.get(7)?;
        Some(Self { all: fields.iter().fold(0, |sum, ticks| sum.saturating_add(*ticks)), stolen })
    }
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {path}"))
}

/// What follows `name` and a colon in a text of such lines.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| Some(line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_facts() {
        let machine = Machine::read().unwrap();
        assert!(machine.cores >= 1 && machine.memory_bytes > 1 << 20, "{machine:?}");
        assert!(!machine.kernel.is_empty());
        assert_eq!(file_system(Path::new("/proc/self")).unwrap(), "proc");
    }

    #[test]
    fn a_path_is_on_the_nearest_mount() {
        let mounts = "1 0 8:1 / / rw - ext4 /dev/vda rw\n\
            2 1 0:5 / /run rw - tmpfs tmpfs rw\n\
            3 1 0:6 / /my\\040disk rw shared:1 - xfs /dev/vdb rw\n";
        let kind = |path| kind_of(mounts, Path::new(path)).unwrap();
        assert_eq!([kind("/srv"), kind("/run/a"), kind("/runner")], ["ext4", "tmpfs", "ext4"]);
        assert_eq!(kind("/my disk/a"), "xfs");
    }

    #[test]
    fn steal_is_the_eighth_figure_of_the_first_line() {
        let text = "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(Ticks::parse(text), Some(Ticks { all: 360, stolen: 80 }));
        let share = Steal::start().unwrap().share().unwrap();
        assert!((0.0..=1.0).contains(&share));
    }
}
