//! PostgreSQL, started for a round in a folder of its own.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::native;
use xtask::native::peer::{Backend, PassKey, Peer};
use xtask::native::running::{Running, Signal, free_address, pinned};
use xtask::process::output_of;

/// Who runs the server if we are root, which it refuses to run as; the first that there is.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// Everything that is not as initdb leaves it. `fsync`, `synchronous_commit` and
/// `full_page_writes` are on: it survives a power cut.
const SETTINGS: [&str; 9] = [
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=256MB",
    "max_connections=100",
    "ssl=off",
    // Neither is of use to statements of microseconds.
    "jit=off",
    // No checkpoint has to come in the middle of a round.
    "max_wal_size=4GB",
    "unix_socket_directories=",
];

/// The design that the peer server uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Design {
    /// One row per SKU, which every reserve updates.
    HotRow,
    /// One row per unit, taken with `SKIP LOCKED`.
    SkipLocked,
}

/// A running PostgreSQL. Dropping it ends it and removes its data.
#[derive(Debug)]
pub struct Postgres {
    addr: SocketAddr,
    running: Running,
    folder: PathBuf,
}

impl Postgres {
    /// Starts PostgreSQL on this core, on a free loopback port, with a new folder for its data in
    /// `dir`, or in the temporary folder if its user cannot get into `dir`: see [`Self::data`].
    pub fn start(dir: &Path, core: usize) -> Result<Self> {
        let addr = free_address()?;
        let user = unprivileged_user()?;
        let folder = folder(dir, addr.port(), user)?;
        let started = Self::start_in(&folder, addr, user, core);
        let cleared = if started.is_err() { fs::remove_dir_all(&folder) } else { Ok(()) };
        let running = started?;
        cleared?;
        Ok(Self { addr, running, folder })
    }

    fn start_in(
        folder: &Path,
        addr: SocketAddr,
        user: Option<User>,
        core: usize,
    ) -> Result<Running> {
        let mut programs = native::postgres()?;
        if !may(user, "-x", &programs.program("postgres"))? {
            programs = programs.copied_to(folder)?;
        }
        let data = folder.join("data");
        let mut initdb = as_user(user, Command::new(programs.program("initdb")));
        initdb.env("LD_LIBRARY_PATH", programs.libraries()).env("LC_ALL", "C").current_dir(folder);
        initdb.args(["--auth=trust", "--username=bench", "--encoding=UTF8", "--locale=C"]);
        // What it says is only of interest if it fails; then it says it to stderr.
        output_of(initdb.arg("--no-instructions").arg("-D").arg(&data))?;
        let mut server = as_user(user, pinned(core, &programs.program("postgres")));
        server.env("LD_LIBRARY_PATH", programs.libraries()).env("LC_ALL", "C").current_dir(folder);
        server.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &addr.port().to_string()]);
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        // SIGINT is its fast shutdown.
        let log = folder.join("postgres.log");
        let mut running = Running::spawn(&mut server, Signal::Interrupt, &log)?;
        running.wait_until("PostgreSQL", || {
            let state = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            state.lines().any(|line| line.trim() == "ready")
        })?;
        Ok(running)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id: that of the postmaster, the parent of all its processes.
    pub fn pid(&self) -> u32 {
        self.running.id()
    }

    /// Where its data is.
    pub fn data(&self) -> &Path {
        &self.folder
    }

    /// What it says of its version.
    pub fn version() -> Result<String> {
        native::postgres()?.version("postgres")
    }

    /// Starts the peer server (`program`: see `xtask::native::peer::build`) on this core, over
    /// this PostgreSQL.
    pub fn serve(
        &self,
        program: &Path,
        core: usize,
        design: Design,
        pass: &PassKey,
    ) -> Result<Peer> {
        let backend = match design {
            Design::HotRow => Backend::PostgresHotRow,
            Design::SkipLocked => Backend::PostgresSkipLocked,
        };
        let (host, port) = (self.addr.ip(), self.addr.port());
        let store = format!("host={host} port={port} user=bench dbname=postgres");
        Peer::start(program, core, (backend, &store), pass, &self.folder)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.running.end().and_then(|_| Ok(fs::remove_dir_all(&self.folder)?)) {
            eprintln!("stopping PostgreSQL in {}: {error:#}", self.folder.display());
        }
    }
}

/// A user of this machine that the server runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct User {
    id: u32,
    group: u32,
}

/// The user to run as; `None` if we are not root, and are good enough ourselves.
fn unprivileged_user() -> Result<Option<User>> {
    if id_of(&["-u"])? != Some(0) {
        return Ok(None);
    }
    for name in USERS {
        if let (Some(id), Some(group)) = (id_of(&["-u", name])?, id_of(&["-g", name])?) {
            return Ok(Some(User { id, group }));
        }
    }
    bail!(
        "PostgreSQL does not run as root, and there is no user {} to run it as: add one with \
         `useradd --system postgres`.",
        USERS.join(" or ")
    )
}

/// What `id` prints; `None` if it knows no such user.
fn id_of(arguments: &[&str]) -> Result<Option<u32>> {
    let output = Command::new("id").args(arguments).output().context("could not start `id`")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}

/// The command's program and arguments, run as the user if there is one, under the command's own
/// process id.
fn as_user(user: Option<User>, command: Command) -> Command {
    let Some(User { id, group }) = user else { return command };
    let mut dropped = Command::new("setpriv");
    dropped.args(["--reuid", &id.to_string(), "--regid", &group.to_string(), "--clear-groups"]);
    dropped.arg(command.get_program()).args(command.get_args());
    dropped
}

/// A new folder that the user owns and can get into.
fn folder(dir: &Path, port: u16, user: Option<User>) -> Result<PathBuf> {
    for place in [std::path::absolute(dir)?, env::temp_dir()] {
        let folder = place.join(format!("doorbuster-postgres-{port}"));
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let Some(User { id, group }) = user else { return Ok(folder) };
        chown(&folder, Some(id), Some(group))
            .with_context(|| format!("giving {} away", folder.display()))?;
        if may(user, "-w", &folder)? {
            return Ok(folder);
        }
        fs::remove_dir(&folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    bail!(
        "PostgreSQL's user can get neither into {} nor into the temporary folder: set \
         CARGO_TARGET_DIR to a folder that everybody can get into.",
        dir.display()
    )
}

/// Whether the user may write (`-w`) or execute (`-x`) what is at `path`. `test` is asked, because
/// `setpriv` itself still may everything when it starts a program.
fn may(user: Option<User>, what: &str, path: &Path) -> Result<bool> {
    let mut test = Command::new("test");
    test.arg(what).arg(path);
    Ok(as_user(user, test).status().context("could not start `setpriv`")?.success())
}
