//! Redis, started for a round in a folder of its own.

mod pipeline;
mod resp;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use xtask::native;
use xtask::native::peer::{Backend, PassKey, Peer};
use xtask::native::running::{Running, Signal, free_address, pinned};

pub use self::pipeline::lua_pipeline;

const PATIENCE: Duration = Duration::from_secs(5);

/// When Redis syncs its append-only file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aof {
    /// Before it answers: survives a power cut.
    Always,
    /// Once a second: survives the end of the process.
    Everysec,
    /// There is no such file: survives nothing.
    Off,
}

impl Aof {
    const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Always => &["--appendonly", "yes", "--appendfsync", "always"],
            Self::Everysec => &["--appendonly", "yes", "--appendfsync", "everysec"],
            Self::Off => &["--appendonly", "no"],
        }
    }
}

/// A running Redis. Dropping it ends it and removes its data.
#[derive(Debug)]
pub struct Redis {
    addr: SocketAddr,
    running: Running,
    data: PathBuf,
}

impl Redis {
    /// Starts Redis on this core, on a free loopback port, with a new folder for its data in
    /// `dir`.
    pub fn start(dir: &Path, core: usize, aof: Aof) -> Result<Self> {
        let programs = native::redis()?;
        let addr = free_address()?;
        let data = std::path::absolute(dir)?.join(format!("redis-{}", addr.port()));
        fs::create_dir_all(&data).with_context(|| format!("creating {}", data.display()))?;
        let mut command = pinned(core, &programs.program("redis-server"));
        command.env("LD_LIBRARY_PATH", programs.libraries()).arg("--dir").arg(&data);
        command.args(["--bind", "127.0.0.1", "--port", &addr.port().to_string()]);
        // No snapshots, and the file is not rewritten in the middle of a round.
        command.args(["--save", "", "--auto-aof-rewrite-percentage", "0"]).args(aof.settings());
        let log = data.join("redis.log");
        let running = Running::spawn(&mut command, Signal::Terminate, &log)?;
        let mut redis = Self { addr, running, data };
        redis.running.wait_until("Redis", || answers(addr))?;
        Ok(redis)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.id()
    }

    /// Where its data is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What it says of its version.
    pub fn version() -> Result<String> {
        native::redis()?.version("redis-server")
    }

    /// Starts the peer server (`program`: see `xtask::native::peer::build`) on this core, over
    /// this Redis.
    pub fn serve(&self, program: &Path, core: usize, pass: &PassKey) -> Result<Peer> {
        let store = format!("redis://{}/", self.addr);
        Peer::start(program, core, (Backend::Redis, &store), pass, &self.data)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Err(error) = self.running.end().and_then(|_| Ok(fs::remove_dir_all(&self.data)?)) {
            eprintln!("stopping Redis in {}: {error:#}", self.data.display());
        }
    }
}

fn answers(addr: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"PING\r\n")?;
        let mut reply = [0; 7];
        stream.read_exact(&mut reply)?;
        Ok(reply == *b"+PONG\r\n")
    };
    ask().unwrap_or(false)
}
