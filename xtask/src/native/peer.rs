//! The peer server of the bench: the product's contract over Redis or PostgreSQL.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::running::{Running, Signal, free_address, pinned};
use crate::paths;
use crate::process::{cargo, run};

const PACKAGE: &str = "doorbuster-bench-peer";
const PATIENCE: Duration = Duration::from_secs(5);

/// What the peer server keeps stock in, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// One Lua script per command.
    Redis,
    /// One row per SKU, which every reserve updates.
    PostgresHotRow,
    /// One row per unit, taken with `SKIP LOCKED`.
    PostgresSkipLocked,
}

impl Backend {
    /// As the peer server's `--backend` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::PostgresHotRow => "postgres-hot-row",
            Self::PostgresSkipLocked => "postgres-skip-locked",
        }
    }
}

/// How the peer server knows a pass.
#[derive(Clone)]
pub struct PassKey {
    /// The key of the HMAC, in hexadecimal digits.
    pub key_hex: String,
    /// The first part of every pass.
    pub header: String,
}

/// Builds the peer server, for release or for tests, and says where it is.
pub fn build(release: bool) -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--quiet", "--package", PACKAGE]);
    if release {
        build.arg("--release");
    }
    run(&mut build)?;
    Ok(paths::target_dir().join(if release { "release" } else { "debug" }).join(PACKAGE))
}

/// A running peer server. Dropping it ends it.
#[derive(Debug)]
pub struct Peer {
    addr: SocketAddr,
    running: Running,
}

impl Peer {
    /// Starts `program` on this core over the `store`, whose address is as its client takes it.
    /// Its log goes into the folder `dir`.
    pub fn start(
        program: &Path,
        core: usize,
        (backend, store): (Backend, &str),
        pass: &PassKey,
        dir: &Path,
    ) -> Result<Self> {
        let addr = free_address()?;
        let mut command = pinned(core, program);
        command.args(["--backend", backend.name(), "--store", store]);
        command.args(["--addr", &addr.to_string()]);
        command.env("PASS_KEY", &pass.key_hex).env("PASS_HEADER", &pass.header);
        let log = dir.join(format!("peer-{}.log", addr.port()));
        let mut running = Running::spawn(&mut command, Signal::Kill, &log)?;
        running.wait_until("the peer server", || is_healthy(addr))?;
        Ok(Self { addr, running })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.id()
    }
}

fn is_healthy(addr: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /healthz HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n")?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply.starts_with("HTTP/1.1 200 "))
    };
    ask().unwrap_or(false)
}
