//! `size`: what would be uploaded stays small enough to start fast.

use anyhow::{Context, Result, bail};

use crate::process::output_of;
use crate::{paths, tools};

/// Compressed size of the upload, wasm and JS together. Cloudflare takes far more; the limit keeps
/// the start of an isolate short and makes a heavy new dependency a decision.
const LIMIT_KIB: f64 = 600.0;

/// Lets wrangler pack the release build as for a deployment, without sending it, and fails if the
/// upload is over the limit. Returns its compressed size in KiB.
pub fn check() -> Result<f64> {
    let output = output_of(
        tools::wrangler()
            .args(["deploy", "--dry-run", "--outdir"])
            .arg(paths::target_dir().join("dry-run")),
    )?;
    let kib = compressed_kib(&output)
        .with_context(|| format!("wrangler's output names no upload size:\n{output}"))?;
    if kib > LIMIT_KIB {
        bail!("the upload is {kib} KiB compressed, more than the limit of {LIMIT_KIB} KiB");
    }
    eprintln!("    upload: {kib} KiB compressed, limit {LIMIT_KIB} KiB");
    Ok(kib)
}

/// The second figure of wrangler's line `Total Upload: 231.30 KiB / gzip: 88.12 KiB`.
fn compressed_kib(output: &str) -> Option<f64> {
    let line = output.lines().find(|line| line.contains("Total Upload:"))?;
    let (_, figure) = line.split_once("gzip:")?;
    figure.trim().strip_suffix("KiB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compressed_size_is_read_from_wranglers_line() {
        let output = "Uploading\nTotal Upload: 231.30 KiB / gzip: 88.12 KiB\n--dry-run: exiting\n";
        assert_eq!(compressed_kib(output), Some(88.12));
        assert_eq!(compressed_kib("Total Upload: 231.30 KiB"), None);
    }
}
