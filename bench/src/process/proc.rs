//! What `/proc` says about processes, see proc(5).

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

/// `utime` and its like are counted in `USER_HZ`, which is 100 on every Linux that Rust runs on.
const NS_PER_TICK: u64 = 10_000_000;
const BYTES_PER_KIB: u64 = 1024;

/// A process, told apart from a later one of the same id by when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) id: u32,
    parent: u32,
    started: u64,
    zombie: bool,
    /// CPU of all its threads, those that have ended included.
    own_ticks: u64,
    /// CPU of the children it has waited for, and theirs.
    reaped_ticks: u64,
}

impl Process {
    pub(super) fn of(id: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{id}/stat"))
            .with_context(|| format!("there is no process {id}"))?;
        parse_stat(&text).with_context(|| format!("/proc/{id}/stat is not as expected"))
    }

    pub(super) fn is_alive(&self) -> bool {
        Self::of(self.id).is_ok_and(|now| now.started == self.started && !now.zombie)
    }
}

/// The name of the program stands in parentheses and may contain anything, so what follows is read
/// from the last one.
fn parse_stat(text: &str) -> Option<Process> {
    let (head, tail) = text.rsplit_once(')')?;
    let id = head.split_whitespace().next()?.parse().ok()?;
    // proc(5) counts from 1, and the state is number 3.
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let field = |number: usize| fields.get(number.checked_sub(3)?).copied();
    let ticks = |number: usize| field(number)?.parse::<u64>().ok();
    Some(Process {
        id,
        parent: field(4)?.parse().ok()?,
        started: ticks(22)?,
        zombie: field(3)? == "Z",
        own_ticks: ticks(14)?.saturating_add(ticks(15)?),
        reaped_ticks: ticks(16)?.saturating_add(ticks(17)?),
    })
}

/// Children, their children and so on, as far as they live.
pub(super) fn descendants(id: u32) -> Vec<Process> {
    let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for process in all() {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut parents = vec![id];
    while let Some(parent) = parents.pop() {
        let of_parent = children.remove(&parent).unwrap_or_default();
        parents.extend(of_parent.iter().map(|child| child.id));
        found.extend(of_parent);
    }
    found
}

/// Every process that can be read. Some end while we look.
fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|id| Process::of(id).ok())
        .collect()
}

/// CPU nanoseconds that process `id`, all its threads and all its descendants have used.
///
/// Two sources, and neither overstates. `schedstat` of each thread is exact, but says nothing of
/// threads that have ended. `utime + stime` of the process includes those (the kernel scales the
/// two so that their sum is what the scheduler has counted), but in steps of 10 ms each. So for a
/// process the larger of the two is taken: exact while its threads live, at most 20 ms short
/// otherwise. Children that have ended and were waited for are in their parent's `cutime + cstime`.
pub fn cpu_ns(id: u32) -> Result<u64> {
    let root = Process::of(id)?;
    let mut sum = 0_u64;
    for process in std::iter::once(root).chain(descendants(id)) {
        let by_ticks = process.own_ticks.saturating_mul(NS_PER_TICK);
        let own = by_ticks.max(threads_ns(process.id));
        let reaped = process.reaped_ticks.saturating_mul(NS_PER_TICK);
        sum = sum.saturating_add(own).saturating_add(reaped);
    }
    Ok(sum)
}

fn threads_ns(id: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .fold(0, u64::saturating_add)
}

/// Bytes of memory that process `id` and its descendants occupy.
///
/// It is the proportional size: a page that several of them share is counted once, as is right for
/// a database of many processes over one cache. Where that may not be read, the resident size.
pub fn rss_bytes(id: u32) -> Result<u64> {
    let mut sum = memory(id).with_context(|| format!("there is no process {id}"))?;
    for process in descendants(id) {
        sum = sum.saturating_add(memory(process.id).unwrap_or(0));
    }
    Ok(sum)
}

/// Bytes that process `id` alone has in memory, shared ones included, and the most it ever had.
///
/// To compare two processes of one program: the proportional size of each depends on how many
/// others run it at the moment.
pub fn resident_bytes(id: u32) -> Result<(u64, u64)> {
    let of = |name| field_bytes(id, "status", name);
    of("VmRSS:").zip(of("VmHWM:")).with_context(|| format!("there is no process {id}"))
}

fn memory(id: u32) -> Option<u64> {
    field_bytes(id, "smaps_rollup", "Pss:").or_else(|| field_bytes(id, "status", "VmRSS:"))
}

fn field_bytes(id: u32, file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(kib.saturating_mul(BYTES_PER_KIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let text = "42 (a) b) S 7 1 1 0 -1 0 0 0 0 0 11 12 13 14 20 0 1 0 999 0 0";
        let wanted = Process {
            id: 42,
            parent: 7,
            started: 999,
            zombie: false,
            own_ticks: 23,
            reaped_ticks: 27,
        };
        assert_eq!(parse_stat(text), Some(wanted));
        assert_eq!(parse_stat("42 (a) S 7"), None);
    }
}
