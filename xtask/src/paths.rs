//! Where things lie.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The repository's root folder, absolute.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Cargo's build folder, which also takes everything generated here: `CARGO_TARGET_DIR`, else
/// `target/` at the root. Absolute.
pub fn target_dir() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target")))
}

/// Where the tools built from crates.io are kept, shared by all clones of the repository:
/// `$XDG_CACHE_HOME/doorbuster`, else `~/.cache/doorbuster`.
pub fn tool_cache() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set, so there is no place for build tools")?;
    Ok(cache.join("doorbuster"))
}
