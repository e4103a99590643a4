//! `demo`: a whole sale rehearsed on this machine, from nothing.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::bundle::{self, Build};
use crate::process::{cargo, command, lock, run, step};
use crate::secrets::ADMIN_TOKEN;
use crate::workerd::{Server, StartOptions};
use crate::{paths, setup};

/// What the command line asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DemoOptions {
    /// A catalog to sell instead of the sample.
    pub catalog: Option<PathBuf>,
    pub shoppers: Option<u64>,
    /// Leave the server running, and its state in place, until Ctrl-C.
    pub keep: bool,
}

/// Builds everything, starts workerd on an empty state folder and rehearses a sale against it.
/// The rehearsal's last line is the last one on stdout, and its exit code is ours.
pub fn demo(options: &DemoOptions) -> Result<ExitCode> {
    let _one_at_a_time = lock(&paths::target_dir().join("demo.lock"))?;
    // `cargo xtask` can be called from any folder, and a relative path is meant from there.
    let catalog = options.catalog.as_deref().map(std::path::absolute).transpose()?;
    setup::setup()?;
    step("building the Worker", || bundle::bundle(Build::Release))?;
    step("building the CLI", || {
        run(cargo().args(["build", "--release", "--package", "doorbuster-cli"]))
    })?;
    let state_dir = paths::target_dir().join("demo");
    empty(&state_dir)?;
    let mut server = step("starting workerd", || Server::start(calling_inside(&state_dir)))?;
    let status = command(paths::target_dir().join("release/doorbuster"))
        .args(rehearse_arguments(&server.url(), catalog.as_deref(), options))
        .env(ADMIN_TOKEN, server.admin_token())
        .status()
        .context("could not start the CLI")?;
    if options.keep {
        announce(&server, &state_dir)?;
        server.wait()?;
    } else {
        server.kill()?;
        empty(&state_dir)?;
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The merchant's shop of a demo is on this machine, so the product may call it.
fn calling_inside(state_dir: &Path) -> StartOptions {
    let vars = [("WEBHOOK_REACH".to_owned(), "anywhere".to_owned())].into();
    StartOptions { calls_inside: true, vars, ..StartOptions::new(state_dir) }
}

fn rehearse_arguments(url: &str, catalog: Option<&Path>, options: &DemoOptions) -> Vec<OsString> {
    let arguments = ["rehearse", "--url", url, "--webhook-receiver", "127.0.0.1:0"];
    let mut arguments: Vec<OsString> = arguments.map(OsString::from).into();
    if let Some(catalog) = catalog {
        arguments.extend(["--catalog".into(), catalog.into()]);
    }
    if let Some(shoppers) = options.shoppers {
        arguments.extend(["--shoppers".into(), shoppers.to_string().into()]);
    }
    arguments
}

fn announce(server: &Server, state_dir: &Path) -> Result<()> {
    eprintln!("\nStill running; Ctrl-C ends it. Pages:");
    for page in pages(&paths::root().join("public"))? {
        eprintln!("  {}/{page}", server.url());
    }
    eprintln!("Admin token: {}", server.admin_token());
    eprintln!("State and log: {}", state_dir.display());
    Ok(())
}

/// The addresses, below the root, of the HTML files in `folder`; the index page's is empty.
fn pages(folder: &Path) -> Result<Vec<String>> {
    let mut pages = Vec::new();
    for file in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let name = file?.file_name().to_string_lossy().into_owned();
        match name.strip_suffix(".html") {
            Some("404") | None => {}
            Some("index") => pages.push(String::new()),
            Some(page) => pages.push(page.to_owned()),
        }
    }
    pages.sort();
    Ok(pages)
}

fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rehearsal_is_told_where_and_what() {
        let options = DemoOptions { shoppers: Some(500), ..DemoOptions::default() };
        let catalog = Path::new("/shop/products.csv");
        let arguments = rehearse_arguments("http://127.0.0.1:1", Some(catalog), &options);
        let expected = "rehearse --url http://127.0.0.1:1 --webhook-receiver 127.0.0.1:0 \
                        --catalog /shop/products.csv --shoppers 500";
        assert_eq!(arguments.join(" ".as_ref()).to_str().unwrap(), expected);
    }

    #[test]
    fn without_options_the_cli_decides() {
        let arguments = rehearse_arguments("u", None, &DemoOptions::default());
        assert_eq!(arguments, ["rehearse", "--url", "u", "--webhook-receiver", "127.0.0.1:0"]);
    }
}
