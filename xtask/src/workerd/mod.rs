//! Plain workerd serving the built Worker on a loopback port, its state in a folder of its own.
//!
//! ```no_run
//! use xtask::workerd::{Server, StartOptions};
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut server = Server::start(StartOptions::new("target/a-sale"))?;
//! println!("{} is process {:?}", server.url(), server.pid());
//! server.kill()?; // SIGKILL, as a power cut would
//! server.restart()?; // the same address, state and secrets
//! # Ok(())
//! # }
//! ```

mod child;
mod config;
mod far_edge;
mod inside;
mod probe;

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::child::Workerd;
pub(crate) use self::child::guard;
pub use self::far_edge::FarEdge;
use crate::bundle::{self, Build};
use crate::clock::Stopwatch;
use crate::secrets::{
    ADMIN_TOKEN, CONTACT_KEYS, PAYMENTS, SANDBOX, SECRET, Secrets, write_private,
};
use crate::{paths, tools};

/// How long workerd has to answer `GET /healthz` with 200.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// For one step of one request: a first request compiles the wasm module.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL_EVERY: Duration = Duration::from_millis(20);
const PORT_ATTEMPTS: u32 = 5;

/// What [`Server::start`] needs to know.
#[derive(Debug, Clone)]
pub struct StartOptions {
    /// Takes the state, the log, the configuration and a copy of the build. Made if absent; a
    /// folder of an earlier server continues its state, with its secrets.
    pub state_dir: PathBuf,
    pub build: Build,
    /// The main module, if it is not the usual one of the build.
    pub main: Option<&'static str>,
    /// Added to, and stronger than, the `[vars]` of `wrangler.toml` and the secrets.
    pub vars: BTreeMap<String, String>,
    /// The only core it may run on, by `taskset`; all of them by default.
    pub core: Option<usize>,
    /// Whether it may call hosts inside, such as this machine. Then it has no cron.
    pub calls_inside: bool,
}

impl StartOptions {
    /// The release build, without further vars.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        let (build, vars) = (Build::Release, BTreeMap::new());
        let state_dir = state_dir.into();
        Self { state_dir, build, main: None, vars, core: None, calls_inside: false }
    }
}

/// A Worker that is not the product, for comparison.
#[derive(Debug, Clone)]
pub struct OtherWorker<'a> {
    /// Takes the state, the log, the configuration and a copy of the modules. Made if absent.
    pub state_dir: PathBuf,
    /// Its modules, the main one first. They find each other in one folder.
    pub modules: Vec<PathBuf>,
    /// Pairs of a binding and the class of its objects.
    pub objects: &'a [(&'a str, &'a str)],
    pub vars: BTreeMap<String, String>,
    /// The only core it may run on, by `taskset`.
    pub core: Option<usize>,
}

/// A workerd process. Dropping it kills that process and no other; the state folder stays.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    port: u16,
    admin_token: String,
    core: Option<usize>,
    running: Option<Workerd>,
}

impl Server {
    /// Starts workerd on a free loopback port and waits, at most 20 s, until it is ready.
    /// Fails if `cargo xtask build` has not made the wanted build.
    pub fn start(options: StartOptions) -> Result<Self> {
        let StartOptions { state_dir, build, main, vars, core, calls_inside } = options;
        let state_dir = made(&state_dir)?;
        let config = state_dir.join("wrangler.json");
        let vars = with_secrets(&config, vars)?;
        let admin_token = vars.get(ADMIN_TOKEN).cloned().unwrap_or_default();
        let usual = bundle::stage(build, &state_dir.join("worker"))?;
        if calls_inside {
            let storage = state_dir.join(".wrangler/state/workerd");
            for folder in inside::FOLDERS {
                made(&storage.join(folder))?;
            }
            let content = inside::config(&wrangler_toml()?, &storage, &vars)?;
            let config = state_dir.join("inside.capnp");
            return Self::serve(config, &content, admin_token, core);
        }
        let main = main.map_or_else(|| usual.clone(), |name| usual.with_file_name(name));
        let content = config::derive(&wrangler_toml()?, &main, paths::root(), &vars)?;
        Self::serve(config, &serde_json::to_string_pretty(&content)?, admin_token, core)
    }

    /// Starts an edge whose objects are in another process.
    pub fn start_far_edge(edge: FarEdge) -> Result<Self> {
        let state_dir = made(&edge.state_dir)?;
        let config = state_dir.join("edge.capnp");
        let vars = with_secrets(&state_dir.join("wrangler.json"), edge.vars)?;
        let admin_token = vars.get(ADMIN_TOKEN).cloned().unwrap_or_default();
        bundle::stage(Build::Bench, &state_dir.join("worker"))?;
        made(&state_dir.join("d1"))?;
        let content = far_edge::config(&wrangler_toml()?, &state_dir, edge.objects, &vars)?;
        Self::serve(config, &content, admin_token, edge.core)
    }

    /// Starts another Worker than the product, which has to answer `GET /healthz` with 200 too.
    pub fn start_other(other: OtherWorker<'_>) -> Result<Self> {
        let OtherWorker { state_dir, modules, objects, vars, core } = other;
        let state_dir = made(&state_dir)?;
        let main = bundle::stage_modules(&modules, &state_dir.join("worker"))?;
        let content = config::of_another(&wrangler_toml()?, &main, objects, &vars)?;
        let content = serde_json::to_string_pretty(&content)?;
        Self::serve(state_dir.join("wrangler.json"), &content, String::new(), core)
    }

    /// Writes `content` into the file `config` and starts workerd on it.
    fn serve(
        config: PathBuf,
        content: &str,
        admin_token: String,
        core: Option<usize>,
    ) -> Result<Self> {
        write_private(&config, content)?;
        let mut server = Self {
            program: tools::workerd()?,
            log: config.with_file_name("workerd.log"),
            config,
            port: 0,
            admin_token,
            core,
            running: None,
        };
        server.launch_on_a_free_port()?;
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end. A restart keeps it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it listens. A restart keeps it.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Status and body of one `GET`, each step of which takes at most `patience`.
    pub fn get(&self, path: &str, patience: Duration) -> Result<(u16, String)> {
        Ok(probe::get(self.port, path, patience)?)
    }

    /// Bearer token of the admin API.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// Process id of workerd; `None` while it is killed.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Workerd::id)
    }

    /// What workerd wrote to stdout and stderr, over all its lives.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// SIGKILL, then waits until the process is gone. Nothing happens if it is already.
    pub fn kill(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), Workerd::kill)
    }

    /// Kills workerd if it runs, and starts it on the same port, state and vars.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.launch()
    }

    /// Waits until workerd ends by itself.
    pub fn wait(&mut self) -> Result<()> {
        if let Some(workerd) = &mut self.running {
            workerd.wait()?;
        }
        Ok(())
    }

    /// Between the choice of a port and its use somebody else may take it.
    fn launch_on_a_free_port(&mut self) -> Result<()> {
        for _ in 0..PORT_ATTEMPTS {
            self.port = probe::free_port()?;
            match self.launch() {
                Err(error) if port_was_taken(&error) => {}
                outcome => return outcome,
            }
        }
        bail!("{PORT_ATTEMPTS} times another process took the port chosen for workerd")
    }

    fn launch(&mut self) -> Result<()> {
        let log_before = fs::metadata(&self.log).map_or(0, |log| log.len());
        let mut workerd = self.spawn()?;
        let watch = Stopwatch::start();
        let mut last = "no answer".to_owned();
        while watch.elapsed() < READY_WITHIN {
            if let Some(status) = workerd.ended()? {
                bail!("workerd ended at once ({status}):\n{}", self.log_since(log_before));
            }
            match probe::get(self.port, "/healthz", PATIENCE) {
                Ok((200, _)) => {
                    self.running = Some(workerd);
                    return Ok(());
                }
                Ok((status, _)) => last = format!("status {status}"),
                Err(error) => last = error.to_string(),
            }
            thread::sleep(POLL_EVERY);
        }
        let log = self.log_since(log_before);
        bail!("workerd was not ready after {READY_WITHIN:?} (/healthz: {last}):\n{log}")
    }

    fn spawn(&self) -> Result<Workerd> {
        Workerd::spawn(&self.program, &self.config, self.port, &self.log, self.core)
    }

    fn log_since(&self, length: u64) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let from = usize::try_from(length).unwrap_or(usize::MAX);
        String::from_utf8_lossy(log.get(from..).unwrap_or_default()).into_owned()
    }
}

fn port_was_taken(error: &anyhow::Error) -> bool {
    error.to_string().contains("Address already in use")
}

/// Adds what a local run needs: the sandbox for payments, and the secrets, those of an earlier
/// server in the same folder or else new ones.
fn with_secrets(
    config: &Path,
    given: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let earlier: Option<Value> = match fs::read_to_string(config) {
        Ok(text) => Some(
            serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged", config.display()))?,
        ),
        Err(_) => None,
    };
    let kept = |name: &str| -> Option<String> {
        Some(earlier.as_ref()?.get("vars")?.get(name)?.as_str()?.to_owned())
    };
    let Secrets { secret, admin_token, contact_keys } = Secrets::random()?;
    let mut vars = BTreeMap::from([
        (SECRET.to_owned(), kept(SECRET).unwrap_or(secret)),
        (ADMIN_TOKEN.to_owned(), kept(ADMIN_TOKEN).unwrap_or(admin_token)),
        (CONTACT_KEYS.to_owned(), kept(CONTACT_KEYS).unwrap_or(contact_keys)),
        (PAYMENTS.to_owned(), SANDBOX.to_owned()),
    ]);
    vars.extend(given);
    Ok(vars)
}

/// The folder, absolute, made if it was not there.
fn made(folder: &Path) -> Result<PathBuf> {
    let folder = std::path::absolute(folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

fn wrangler_toml() -> Result<String> {
    let source = paths::root().join("wrangler.toml");
    fs::read_to_string(&source).with_context(|| format!("reading {}", source.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_secrets_and_given_vars_win() {
        let folder = std::env::temp_dir().join(format!("doorbuster-kept-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let config = folder.join("wrangler.json");
        let first = with_secrets(&config, BTreeMap::new()).unwrap();
        let text = serde_json::json!({ "vars": first }).to_string();
        fs::write(&config, text).unwrap();
        assert_eq!(with_secrets(&config, BTreeMap::new()).unwrap(), first);
        let given = BTreeMap::from([(ADMIN_TOKEN.to_owned(), "given".to_owned())]);
        let third = with_secrets(&config, given).unwrap();
        assert_eq!(third[ADMIN_TOKEN], "given");
        assert_eq!(third[SECRET], first[SECRET]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn folders_do_not_share_secrets() {
        let nowhere = Path::new("/nonexistent/wrangler.json");
        let first = with_secrets(nowhere, BTreeMap::new()).unwrap();
        let second = with_secrets(nowhere, BTreeMap::new()).unwrap();
        assert_ne!(first[SECRET], second[SECRET]);
        assert_ne!(first[ADMIN_TOKEN], second[ADMIN_TOKEN]);
    }
}
