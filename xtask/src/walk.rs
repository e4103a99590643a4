//! `walk`: the whole path through the pages in a real browser, against a workerd of its own.

use std::path::PathBuf;

use anyhow::Result;

use crate::bundle::Build;
use crate::process::{command, run, version_line};
use crate::secrets::ADMIN_TOKEN;
use crate::tools::npm_program;
use crate::workerd::{Server, StartOptions};
use crate::{paths, process};

/// Where the environment may name the browser.
const BROWSER: &str = "CHROMIUM";
/// The browser's usual names: Debian's, then others'.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Walks if there is a browser, and says plainly if there is none: it is no prerequisite, because
/// no registry that the set-up uses has one.
pub fn walk_if_possible() -> Result<()> {
    let Some(browser) = browser() else {
        eprintln!("    NOT RUN: no Chromium found; install one, or name it in {BROWSER}");
        return Ok(());
    };
    let state_dir = paths::target_dir().join("walk");
    let _one_at_a_time = process::lock(&paths::target_dir().join("walk.lock"))?;
    if state_dir.exists() {
        std::fs::remove_dir_all(&state_dir)?;
    }
    let server =
        Server::start(StartOptions { build: Build::Release, ..StartOptions::new(&state_dir) })?;
    run(command(npm_program("node"))
        // A page's scripts are modules by how pages load them; no file says so to Node.
        .arg("--disable-warning=MODULE_TYPELESS_PACKAGE_JSON")
        .arg(paths::root().join("tests/browser/walk.mjs"))
        .env("BASE_URL", server.url())
        .env(ADMIN_TOKEN, server.admin_token())
        .env(BROWSER, browser)
        .env("SCREENSHOTS", state_dir.join("screenshots")))
}

/// The browser that the environment names, else the first on the PATH.
fn browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(BROWSER) {
        return Some(named.into());
    }
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    NAMES
        .iter()
        .filter(|name| version_line(name).is_some())
        .find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()))
}
