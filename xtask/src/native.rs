//! Programs of Debian that the bench compares with: Redis and PostgreSQL.
//!
//! They are taken from where the machine has them, or else from Debian's packages, which are
//! unpacked into the tool cache and not installed: no service starts, and no root is needed.

pub mod peer;
pub mod running;

use std::env::consts::ARCH;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::paths;
use crate::process::{command, lock, output_of, run, version_line};

/// A package of Debian, and what is wanted of it.
struct Package {
    name: &'static str,
    what: &'static str,
    /// Where its programs are, in a machine's root folder as in the unpacked package.
    bin: &'static str,
    programs: &'static [&'static str],
    /// What the first program says of the version that is wanted, with `--version`.
    version: &'static str,
}

const REDIS: Package = Package {
    name: "redis-server",
    what: "Redis 7",
    bin: "usr/bin",
    programs: &["redis-server"],
    version: " v=7.",
};

const POSTGRES: Package = Package {
    name: "postgresql-15",
    what: "PostgreSQL 15",
    bin: "usr/lib/postgresql/15/bin",
    programs: &["postgres", "initdb"],
    version: " 15.",
};

/// Packages that would be installed with them and are of no use to the bench: a compiler for
/// queries, which is switched off, is ten times as large as all else.
const UNUSED: &str = "libllvm";

/// Programs that can be run from where they lie.
#[derive(Debug, Clone)]
pub struct Native {
    root: PathBuf,
    bin: &'static str,
}

impl Native {
    /// Where a program is.
    pub fn program(&self, name: &str) -> PathBuf {
        self.root.join(self.bin).join(name)
    }

    /// The folders of the libraries that came with the programs: for `LD_LIBRARY_PATH`.
    pub fn libraries(&self) -> OsString {
        let mut folders = OsString::new();
        if self.root != Path::new("/") {
            for folder in ["usr/lib", "lib"] {
                let folder = self.root.join(folder).join(format!("{ARCH}-linux-gnu"));
                if !folders.is_empty() {
                    folders.push(":");
                }
                folders.push(folder);
            }
        }
        folders
    }

    /// The same programs, copied to below `folder` unless they belong to the machine.
    pub fn copied_to(&self, folder: &Path) -> Result<Self> {
        if self.root == Path::new("/") {
            return Ok(self.clone());
        }
        let root = folder.join("programs");
        run(command("cp").arg("-a").arg(&self.root).arg(&root))?;
        Ok(Self { root, bin: self.bin })
    }

    /// What a program says of its version.
    pub fn version(&self, name: &str) -> Result<String> {
        let mut ask = command(self.program(name));
        let text = output_of(ask.arg("--version").env("LD_LIBRARY_PATH", self.libraries()))?;
        Ok(text.trim().to_owned())
    }
}

/// Redis 7, as `redis-server`.
pub fn redis() -> Result<Native> {
    find(&REDIS)
}

/// PostgreSQL 15, as `postgres` and `initdb`.
pub fn postgres() -> Result<Native> {
    find(&POSTGRES)
}

fn find(package: &Package) -> Result<Native> {
    let machine = Native { root: PathBuf::from("/"), bin: package.bin };
    if is_wanted(&machine, package) {
        return Ok(machine);
    }
    let folder = paths::tool_cache()?.join(format!("debian-{}", package.name));
    let _one_at_a_time = lock(&folder.with_extension("lock"))?;
    let unpacked = Native { root: folder.clone(), bin: package.bin };
    if !folder.exists() {
        eprintln!("fetching {} ({})", package.what, package.name);
        fetch(package, &folder)?;
    }
    if !is_wanted(&unpacked, package) {
        let (what, folder) = (package.what, folder.display());
        bail!("{what}, a peer of the bench, was unpacked to {folder} but does not run from there.");
    }
    Ok(unpacked)
}

/// Whether all programs are there, and the first one runs and is of the wanted version.
fn is_wanted(native: &Native, package: &Package) -> bool {
    let present = package.programs.iter().all(|name| native.program(name).exists());
    let of_version =
        |name: &&str| native.version(name).is_ok_and(|version| version.contains(package.version));
    present && package.programs.first().is_some_and(of_version)
}

/// Unpacks the package, and those it needs that the machine lacks, to `folder`.
fn fetch(package: &Package, folder: &Path) -> Result<()> {
    let Package { name, what, .. } = package;
    if version_line("apt-get").is_none() || version_line("dpkg-deb").is_none() {
        bail!(
            "{what} is missing; the bench compares with it and fetches it with apt-get, which is \
             not here either: install {what} with your package manager, or run the bench on Debian."
        );
    }
    let staging = folder.with_extension("part");
    if staging.exists() {
        fs::remove_dir_all(&staging).with_context(|| format!("removing {}", staging.display()))?;
    }
    let archives = staging.join("archives");
    fs::create_dir_all(&archives).with_context(|| format!("creating {}", archives.display()))?;
    if download(name, &archives).is_err() {
        if output_of(command("id").arg("-u"))?.trim() != "0" {
            bail!(
                "{what} is missing; the bench compares with it, but apt-get did not get {name}: \
                 run `sudo apt-get update` and try again, or install {what}."
            );
        }
        run(command("apt-get").args(["-qq", "update"]))?;
        download(name, &archives).with_context(|| {
            format!("{what} is missing, and this machine's package sources do not have it")
        })?;
    }
    let root = staging.join("root");
    for archive in fs::read_dir(&archives)? {
        run(command("dpkg-deb").arg("-x").arg(archive?.path()).arg(&root))?;
    }
    fs::rename(&root, folder).with_context(|| format!("creating {}", folder.display()))?;
    fs::remove_dir_all(&staging).with_context(|| format!("removing {}", staging.display()))
}

/// Downloads the package, and those it needs that the machine lacks, into `folder`.
fn download(name: &str, folder: &Path) -> Result<()> {
    let mut plan = apt_get();
    plan.args(["--simulate", "--no-install-recommends", "install", name]);
    let plan = output_of(&mut plan)?;
    // As root it would step down to a user who cannot write here, and warn that it did not.
    let quietly = ["-qq", "-o", "APT::Sandbox::User=root", "download"];
    run(apt_get().args(quietly).args(to_unpack(&plan)).current_dir(folder))
}

fn apt_get() -> Command {
    let mut apt_get = command("apt-get");
    apt_get.env("LC_ALL", "C");
    apt_get
}

/// The names of the packages that a simulated installation would unpack.
fn to_unpack(plan: &str) -> Vec<&str> {
    plan.lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next())
        .filter(|name| !name.starts_with(UNUSED))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_installation_would_unpack_is_read_from_its_simulation() {
        let plan = "Reading package lists...\n\
                    Inst liblzf1 (3.6-3 Debian:12.15/oldstable [amd64])\n\
                    Inst libllvm14:amd64 (1:14.0.6-12 Debian:12.15/oldstable [amd64])\n\
                    Inst redis-tools [5:7.0.11] (5:7.0.15 Debian:12 [amd64]) []\n\
                    Conf liblzf1 (3.6-3 Debian:12.15/oldstable [amd64])\n";
        assert_eq!(to_unpack(plan), ["liblzf1", "redis-tools"]);
    }

    #[test]
    fn what_belongs_to_the_machine_needs_no_libraries_of_its_own() {
        let machine = Native { root: PathBuf::from("/"), bin: "usr/bin" };
        assert_eq!(machine.libraries(), "");
        assert_eq!(machine.program("redis-server"), Path::new("/usr/bin/redis-server"));
        let unpacked = Native { root: PathBuf::from("/cache/redis"), bin: "usr/bin" };
        let folder = format!("/cache/redis/usr/lib/{ARCH}-linux-gnu:");
        assert!(unpacked.libraries().to_string_lossy().starts_with(&folder));
    }
}
