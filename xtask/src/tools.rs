//! The build tools: their versions and their places.
//!
//! The wasm-bindgen CLI must be of exactly the version of the crate in the workspace's
//! `Cargo.toml`; wrangler, workerd, esbuild, binaryen and Node come from `package.json`.

use std::env::consts::{ARCH, OS};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{paths, process};

/// A program built with `cargo install` into the tool cache.
#[derive(Debug, Clone, Copy)]
pub struct CargoTool {
    /// Package name on crates.io.
    pub package: &'static str,
    pub version: &'static str,
    /// File name of the program.
    pub program: &'static str,
}

pub const WORKER_BUILD: CargoTool =
    CargoTool { package: "worker-build", version: "0.8.7", program: "worker-build" };

pub const WASM_BINDGEN: CargoTool =
    CargoTool { package: "wasm-bindgen-cli", version: "0.2.129", program: "wasm-bindgen" };

impl CargoTool {
    /// The folder given to `cargo install --root`.
    pub fn folder(&self) -> Result<PathBuf> {
        Ok(paths::tool_cache()?.join(format!("{}-{}", self.package, self.version)))
    }

    pub fn path(&self) -> Result<PathBuf> {
        Ok(self.folder()?.join("bin").join(self.program))
    }
}

/// A program that npm installed.
pub fn npm_program(name: &str) -> PathBuf {
    paths::root().join("node_modules/.bin").join(name)
}

/// wrangler under the Node of `package.json`: it refuses Node before 22.12, and the system's may
/// be older.
pub fn wrangler() -> Command {
    let mut command = process::command(npm_program("node"));
    command
        .arg(paths::root().join("node_modules/wrangler/bin/wrangler.js"))
        .env("WRANGLER_SEND_METRICS", "false");
    command
}

/// The workerd program itself. `node_modules/.bin/workerd` may be a script that starts it, and then
/// its process id would be the wrong one to kill.
pub fn workerd() -> Result<PathBuf> {
    let package = match (OS, ARCH) {
        ("linux", "x86_64") => "workerd-linux-64",
        ("linux", "aarch64") => "workerd-linux-arm64",
        ("macos", "x86_64") => "workerd-darwin-64",
        ("macos", "aarch64") => "workerd-darwin-arm64",
        _ => bail!("workerd is not published for {OS} on {ARCH}"),
    };
    Ok(paths::root().join("node_modules/@cloudflare").join(package).join("bin/workerd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_tools_are_of_the_versions_of_the_pinned_crates() {
        let manifest = std::fs::read_to_string(paths::root().join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let dependencies = &manifest["workspace"]["dependencies"];
        let exactly = |tool: CargoTool| format!("={}", tool.version);
        assert_eq!(dependencies["wasm-bindgen"].as_str().unwrap(), exactly(WASM_BINDGEN));
        assert_eq!(dependencies["worker"]["version"].as_str().unwrap(), exactly(WORKER_BUILD));
    }
}
