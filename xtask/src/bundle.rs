//! `build`: the Worker as a JS module and a wasm file, by worker-build.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{command, lock, run};
use crate::tools::{WASM_BINDGEN, WORKER_BUILD, npm_program};
use crate::{paths, setup};

/// Which build of the Worker. Each has its own folder, so that a release can never contain hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// What is deployed: `build/`.
    Release,
    /// With the cargo feature `test-hooks`, for the fault tests: `hooks/` in cargo's build folder.
    TestHooks,
    /// The release build behind the front door of `bench/inventory.mjs`: `bench/` in cargo's build
    /// folder.
    Bench,
}

impl Build {
    /// The folder that holds `entry.mjs` and, in `build/`, what it imports.
    pub fn folder(self) -> PathBuf {
        match self {
            Self::Release => paths::root().to_owned(),
            Self::TestHooks => paths::target_dir().join("hooks"),
            Self::Bench => paths::target_dir().join("bench"),
        }
    }

    /// File name of the main module.
    fn main_module(self) -> &'static str {
        if self == Self::Bench { "inventory.mjs" } else { "entry.mjs" }
    }
}

/// What worker-build makes, the main module first.
const BUILT: [&str; 2] = ["index.js", "index_bg.wasm"];

/// Set-up, then worker-build; cargo itself skips what has not changed.
pub fn build(build: Build) -> Result<()> {
    setup::setup()?;
    bundle(build)
}

/// worker-build alone, for a caller that has already set up.
pub fn bundle(build: Build) -> Result<()> {
    let _one_at_a_time = lock_builds()?;
    let folder = build.folder();
    let mut worker_build = worker_build(paths::root(), &folder.join("build"))?;
    if build == Build::TestHooks {
        worker_build.args(["--features", "test-hooks"]);
    }
    if build != Build::Release {
        copy_modules(paths::root(), &folder)?;
    }
    if build == Build::Bench {
        copy_modules(&paths::root().join("bench"), &folder)?;
    }
    run(&mut worker_build)?;
    if build == Build::TestHooks { Ok(()) } else { take_names_out(&folder.join("build")) }
}

/// Takes the names of functions out of a wasm file: they are a tenth of the upload. Who reads a
/// stack trace with `wasm-function[N]` finds the name in the file as it was, in `names/` of cargo’s
/// build folder.
fn take_names_out(folder: &Path) -> Result<()> {
    let (wasm, kept) = (folder.join(BUILT[1]), paths::target_dir().join("names"));
    fs::create_dir_all(&kept).with_context(|| format!("creating {}", kept.display()))?;
    let named = kept.join(BUILT[1]);
    fs::rename(&wasm, &named).with_context(|| format!("moving {}", wasm.display()))?;
    // Those that rustc and worker-build use, and the one that `.cargo/config.toml` adds.
    let features = [
        "simd",
        "mutable-globals",
        "sign-ext",
        "nontrapping-float-to-int",
        "bulk-memory",
        "multivalue",
        "reference-types",
        "exception-handling",
    ];
    let features = features.map(|feature| format!("--enable-{feature}"));
    let mut strip = command(npm_program("wasm-opt"));
    // Once more without the names: what was only told apart by them is then the same. The last is
    // also in `Cargo.toml`, which says why.
    let what =
        ["--strip-debug", "--strip-producers", "-O3", "--one-caller-inline-max-function-size=30"];
    run(strip.arg(&named).args(features).args(what).arg("-o").arg(&wasm))
}

/// Builds a Rust Worker that is not the product, a package of the workspace in the folder
/// `package`, and returns its modules, the main one first.
pub fn bundle_other(package: &Path, out_dir: &Path) -> Result<Vec<PathBuf>> {
    let _one_at_a_time = lock_builds()?;
    run(&mut worker_build(package, out_dir)?)?;
    built_other(out_dir)
}

/// The modules that [`bundle_other`] has put into `out_dir`, the main one first.
pub fn built_other(out_dir: &Path) -> Result<Vec<PathBuf>> {
    let modules = BUILT.map(|name| out_dir.join(name));
    if let Some(missing) = modules.iter().find(|module| !module.exists()) {
        bail!("{} has not been built", missing.display());
    }
    Ok(modules.into())
}

/// Copies the modules of a Worker into the folder `to`, and returns the place of the first.
pub(crate) fn stage_modules(modules: &[PathBuf], to: &Path) -> Result<PathBuf> {
    fs::create_dir_all(to).with_context(|| format!("creating {}", to.display()))?;
    let mut main = None;
    for module in modules {
        let name = module.file_name().context("a module is a file")?;
        let copy = to.join(name);
        fs::copy(module, &copy).with_context(|| format!("copying {}", module.display()))?;
        main.get_or_insert(copy);
    }
    main.context("a Worker has at least one module")
}

/// Copies a finished build into the folder `to` and returns its main module there.
///
/// workerd takes every module at or below the main one's folder into the Worker. At the root of
/// the repository that is all of cargo's build folder, the other builds among it, and costs
/// seconds at every start. A copy also lets a running server be restarted on what it was started
/// with.
pub fn stage(build: Build, to: &Path) -> Result<PathBuf> {
    let _no_build_meanwhile = lock_builds()?;
    let from = build.folder();
    if !from.join("build/index.js").exists() {
        let flag = match build {
            Build::Release => "",
            Build::TestHooks => " --test-hooks",
            Build::Bench => " --bench",
        };
        bail!("{} has no build of the Worker: run `cargo xtask build{flag}`", from.display());
    }
    copy_modules(&from, to)?;
    let modules = to.join("build");
    fs::create_dir_all(&modules).with_context(|| format!("creating {}", modules.display()))?;
    for name in BUILT {
        let file = from.join("build").join(name);
        fs::copy(&file, modules.join(name))
            .with_context(|| format!("copying {}", file.display()))?;
    }
    Ok(to.join(build.main_module()))
}

/// worker-build for the package in a folder.
fn worker_build(package: &Path, out_dir: &Path) -> Result<Command> {
    let mut worker_build = command(WORKER_BUILD.path()?);
    worker_build
        .env("WASM_BINDGEN_BIN", WASM_BINDGEN.path()?)
        .env("WASM_OPT_BIN", npm_program("wasm-opt"))
        .env("ESBUILD_BIN", npm_program("esbuild"))
        .arg("--release")
        .arg("--out-dir")
        .arg(out_dir)
        .current_dir(package);
    Ok(worker_build)
}

fn lock_builds() -> Result<File> {
    lock(&paths::target_dir().join("bundle.lock"))
}

/// Copies the JS modules around the build: `entry.mjs` imports `./build/index.js`, and the copy
/// finds the other build there.
fn copy_modules(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("creating {}", to.display()))?;
    for file in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let path = file?.path();
        if let (Some(name), true) = (path.file_name(), path.extension().is_some_and(|e| e == "mjs"))
        {
            fs::copy(&path, to.join(name))
                .with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_builds_share_a_folder() {
        let [release, hooks, bench] = [Build::Release, Build::TestHooks, Build::Bench]
            .map(|build| build.folder().join("build"));
        assert_ne!(release, hooks);
        assert_ne!(release, bench);
        assert_ne!(hooks, bench);
    }
}
