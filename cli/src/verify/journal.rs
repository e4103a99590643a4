//! `doorbuster verify FILE`: the domain's own code over an exported journal, without a server.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use doorbuster_domain::inventory::Inventory;
use doorbuster_domain::journal::{self, Entry, Replay};

/// Reads a journal as NDJSON.
///
/// # Errors
///
/// If a line is not an entry; the line is named.
pub fn parse(text: &str) -> Result<Vec<Entry>> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("line {} is not an entry", index.saturating_add(1)))
        })
        .collect()
}

/// Verifies the journal of a SKU.
///
/// # Errors
///
/// What is wrong with it, and where.
pub fn verify(entries: &[Entry]) -> Result<Replay<Inventory>> {
    Ok(journal::verify::<Inventory>(entries)?)
}

/// Verifies a file and prints what it came to; whether it holds.
///
/// # Errors
///
/// If the file cannot be read.
#[expect(clippy::print_stdout, reason = "it is a command's output")]
pub fn run(file: &Path, head: Option<&str>) -> Result<bool> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let entries = parse(&text)?;
    let replay = match verify(&entries) {
        Ok(replay) => replay,
        Err(broken) => {
            println!("broken: {broken:#}");
            return Ok(false);
        }
    };
    let hash = replay.hash().to_string();
    if head.is_some_and(|head| head != hash) {
        println!("broken: the chain ends with {hash}, not with the hash you gave");
        return Ok(false);
    }
    if let Some(stock) = replay.state().stock() {
        println!(
            "{} of sale {}: on_hand {}, reserved {}, allocated {}, available {}",
            stock.terms.sku,
            stock.terms.sale,
            stock.on_hand,
            stock.reserved,
            stock.allocated,
            stock.available
        );
    }
    println!("verified: {} entries, chain ends with {hash}", replay.seq());
    Ok(true)
}
