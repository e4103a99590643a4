//! `setup`: makes everything present that the build needs. Idempotent; seconds when all is there.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::clock::Stopwatch;
use crate::paths;
use crate::process::{cargo, command, lock, output_of, run, version_line};
use crate::secrets::ensure_dev_vars;
use crate::tools::{CargoTool, WASM_BINDGEN, WORKER_BUILD, npm_program, workerd};

/// A program the machine itself must have.
struct Prerequisite {
    program: &'static str,
    /// Lowest major and minor version that works.
    at_least: (u32, u32),
    why: &'static str,
    how: &'static str,
}

const PREREQUISITES: [Prerequisite; 4] = [
    Prerequisite {
        program: "rustc",
        at_least: (1, 95),
        why: "compiles the Worker and its tools",
        how: "install rustup from https://rustup.rs, then run `rustup update stable`",
    },
    Prerequisite {
        program: "node",
        at_least: (20, 0),
        why: "runs the installers of wrangler and workerd",
        how: "install Node from https://nodejs.org or your package manager",
    },
    Prerequisite {
        program: "npm",
        at_least: (9, 0),
        why: "fetches wrangler, workerd, esbuild and binaryen",
        how: "it comes with Node from https://nodejs.org",
    },
    Prerequisite {
        program: "git",
        at_least: (2, 0),
        why: "is how the source is obtained and stamped",
        how: "install it with your package manager",
    },
];

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// What a step did, for its line of progress.
type Done = Result<String>;

/// A title and its work.
type Step = (&'static str, fn() -> Done);

/// Makes everything present. Progress goes to stderr.
pub fn setup() -> Result<()> {
    let _one_at_a_time = lock(&paths::tool_cache()?.join("setup.lock"))?;
    let steps: [Step; 6] = [
        ("programs of this machine", prerequisites),
        ("Rust target wasm32-unknown-unknown", wasm_target),
        ("npm packages (half a minute the first time)", npm_packages),
        ("worker-build (about four minutes the first time)", || cargo_tool(WORKER_BUILD)),
        ("wasm-bindgen (about four minutes the first time)", || cargo_tool(WASM_BINDGEN)),
        ("secrets for local runs", local_secrets),
    ];
    let count = steps.len();
    for (number, (title, work)) in (1_usize..).zip(steps) {
        eprintln!("setup {number}/{count}: {title}");
        let watch = Stopwatch::start();
        let done = work()?;
        eprintln!("           {done} ({:.1} s)", watch.elapsed().as_secs_f64());
    }
    Ok(())
}

/// rustfmt and clippy, which only the checks need.
pub fn lint_components() -> Result<()> {
    for (component, program) in [("rustfmt", "cargo-fmt"), ("clippy", "cargo-clippy")] {
        if version_line(program).is_none() {
            run(command("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}

fn prerequisites() -> Done {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for prerequisite in &PREREQUISITES {
        match check(prerequisite, version_line(prerequisite.program).as_deref()) {
            Ok(version) => found.push(version),
            Err(sentence) => missing.push(sentence),
        }
    }
    if !missing.is_empty() {
        bail!("{}", missing.join("\n"));
    }
    Ok(found.join(", "))
}

/// `Ok("rustc 1.95")`, or `Err` with one sentence: what is missing, why, how to get it.
fn check(wanted: &Prerequisite, version_line: Option<&str>) -> Result<String, String> {
    let Prerequisite { program, at_least: (major, minor), why, how } = wanted;
    match version_line.map(|line| (line, version_in(line))) {
        Some((_, Some(found))) if found >= wanted.at_least => {
            Ok(format!("{program} {}.{}", found.0, found.1))
        }
        Some((line, _)) => Err(format!(
            "{program} {major}.{minor} or later is needed ({why}), but this is {line}: {how}."
        )),
        None => Err(format!("{program} {major}.{minor} or later is missing; it {why}: {how}.")),
    }
}

/// Major and minor version in a line such as `rustc 1.95.0 (59807616e 2026-04-14)` or `v20.20.2`.
fn version_in(line: &str) -> Option<(u32, u32)> {
    line.split_whitespace().find_map(|word| {
        let mut numbers = word.trim_start_matches('v').split('.');
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        Some((major, minor))
    })
}

fn wasm_target() -> Done {
    let libraries = ["--print", "target-libdir", "--target", WASM_TARGET];
    let folder = output_of(command("rustc").args(libraries))?;
    if Path::new(folder.trim()).is_dir() {
        return Ok("present".to_owned());
    }
    if version_line("rustup").is_none() {
        bail!(
            "rustup is missing; it installs the Rust target {WASM_TARGET} the Worker is compiled \
             for: install it from https://rustup.rs."
        );
    }
    run(command("rustup").args(["target", "add", WASM_TARGET]))?;
    Ok("added".to_owned())
}

fn npm_packages() -> Done {
    let root = paths::root();
    let read =
        |name: &str| fs::read_to_string(root.join(name)).with_context(|| format!("reading {name}"));
    let wanted = format!("{}{}", read("package.json")?, read("package-lock.json")?);
    // npm itself has no quick answer to "is everything installed as locked?".
    let stamp = root.join("node_modules/.installed-for");
    let programs =
        [npm_program("node"), npm_program("wasm-opt"), npm_program("esbuild"), workerd()?];
    let complete = programs.iter().all(|program| program.exists());
    if complete && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok("present".to_owned());
    }
    // The quiet level hides that wrangler wants a newer Node than the system's; it gets one.
    run(command("npm").args(["ci", "--include=dev", "--loglevel=error"]))?;
    if let Some(absent) = programs.iter().find(|program| !program.exists()) {
        bail!(
            "npm has not installed {}: it may have been told to skip install scripts \
             (`npm config get ignore-scripts`).",
            absent.display()
        );
    }
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))?;
    Ok("installed".to_owned())
}

fn cargo_tool(tool: CargoTool) -> Done {
    if tool.path()?.exists() {
        return Ok(format!("{} present", tool.version));
    }
    let mut install = cargo();
    install.args(["install", tool.package, "--version", tool.version, "--locked", "--root"]);
    install.arg(tool.folder()?);
    // The tools are no members of this workspace: its configuration must not reach them, and
    // their build must not wait for, or grow, its build folder.
    run(install.current_dir(paths::tool_cache()?).env_remove("CARGO_TARGET_DIR"))?;
    Ok(format!("{} built", tool.version))
}

fn local_secrets() -> Done {
    let written = ensure_dev_vars(&paths::root().join(".dev.vars"))?;
    Ok(if written { "written to .dev.vars" } else { "present" }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &Prerequisite = &PREREQUISITES[1];

    #[test]
    fn versions_are_read_from_what_programs_print() {
        assert_eq!(version_in("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert_eq!(version_in("v20.20.2"), Some((20, 20)));
        assert_eq!(version_in("git version 2.39.5"), Some((2, 39)));
        assert_eq!(version_in("no version here"), None);
    }

    #[test]
    fn a_missing_program_is_one_sentence_with_what_why_and_how() {
        assert_eq!(
            check(NODE, None).unwrap_err(),
            "node 20.0 or later is missing; it runs the installers of wrangler and workerd: \
             install Node from https://nodejs.org or your package manager."
        );
    }

    #[test]
    fn an_old_program_is_told_apart_from_a_new_enough_one() {
        assert!(check(NODE, Some("v18.19.0")).unwrap_err().contains("but this is v18.19.0"));
        assert_eq!(check(NODE, Some("v20.0.0")).unwrap(), "node 20.0");
    }
}
