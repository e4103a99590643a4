//! Every operation of a run, for whoever checks afterwards what happened in which order.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context, Result};

/// One operation. Moments are nanoseconds since the start of the run; loads that run together share
/// their clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op {
    pub number: u64,
    /// When it was due.
    pub intended_ns: u64,
    pub sent_ns: u64,
    /// When it was answered, or had failed.
    pub done_ns: u64,
    /// 0 if there was no answer that could be understood: what it did is then unknown.
    pub status: u16,
    /// What the workload said when it wrote the request.
    pub tag: u8,
    /// What the workload said of the reply; [`Op::NO_CLASS`] if that was wrong or missing.
    pub class: u8,
}

impl Op {
    pub const NO_CLASS: u8 = u8::MAX;
}

/// The operations of a run in the order in which they ended, warm-up included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    pub ops: Vec<Op>,
}

impl History {
    /// Writes it as CSV with a heading.
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        let written = || -> std::io::Result<()> {
            let mut out = BufWriter::new(File::create(path)?);
            writeln!(out, "number,intended_ns,sent_ns,done_ns,status,tag,class")?;
            for op in &self.ops {
                let Op { number, intended_ns, sent_ns, done_ns, status, tag, class } = op;
                writeln!(out, "{number},{intended_ns},{sent_ns},{done_ns},{status},{tag},{class}")?;
            }
            out.flush()
        };
        written().with_context(|| format!("writing the history to {}", path.display()))
    }
}
