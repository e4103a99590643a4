//! The floors and peers that run on workerd, and the product itself, started the same way.
//!
//! A floor says what the platform can do at most; a peer keeps the product's HTTP contract (see
//! [`contract`]) in another way.

pub mod contract;
pub(crate) mod http;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use doorbuster_domain::sealed::Keyring;
use xtask::workerd::{OtherWorker, Server, StartOptions};
use xtask::{bundle, paths};

/// What can be measured on workerd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// F1: a JavaScript Worker that answers a small JSON.
    HelloJs,
    /// F2: a Rust Worker that answers the same.
    HelloRust,
    /// F3: a JavaScript Worker that calls an object, which does nothing.
    NoopObject,
    /// F4: the same, with a durable row per call.
    RowObject,
    /// P1a: the contract, as a good JavaScript developer writes it first.
    JsIdiomatic,
    /// P1b: the contract, as fast as JavaScript was found to be. With the var `TOGETHER=off` every
    /// request calls the object by itself.
    JsTuned,
    /// The release build of the product.
    Product,
}

/// The modules of a Worker in `bench/workers`, the main one first, and its objects.
struct Sources {
    modules: &'static [&'static str],
    objects: &'static [(&'static str, &'static str)],
}

impl System {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 7] = [
        Self::HelloJs,
        Self::HelloRust,
        Self::NoopObject,
        Self::RowObject,
        Self::JsIdiomatic,
        Self::JsTuned,
        Self::Product,
    ];

    /// Its name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HelloJs => "f1_hello_js",
            Self::HelloRust => "f2_hello_rust",
            Self::NoopObject => "f3_noop_object",
            Self::RowObject => "f4_row_object",
            Self::JsIdiomatic => "p1a_js_idiomatic",
            Self::JsTuned => "p1b_js_tuned",
            Self::Product => "product",
        }
    }

    /// Whether it keeps the contract as [`contract::check`] asks for it.
    pub const fn is_peer(self) -> bool {
        matches!(self, Self::JsIdiomatic | Self::JsTuned)
    }

    /// What it is made of, if that is JavaScript.
    const fn sources(self) -> Option<Sources> {
        let (modules, objects): (&[_], &[_]) = match self {
            Self::HelloJs => (&["hello.mjs"], &[]),
            Self::NoopObject => (&["noop.mjs"], &[("NOOP", "Noop")]),
            Self::RowObject => (&["row.mjs"], &[("ROW", "Row")]),
            Self::JsIdiomatic => (&["idiomatic.mjs", "problems.mjs"], &[("SKU", "Sku")]),
            Self::JsTuned => (
                &["tuned.mjs", "tuned-object.mjs", "together.mjs", "problems.mjs", "sha256.mjs"],
                &[("SKU", "Sku")],
            ),
            Self::HelloRust | Self::Product => return None,
        };
        Some(Sources { modules, objects })
    }
}

/// A system that runs. Dropping it kills its process; what it stored stays.
#[derive(Debug)]
pub struct Running {
    server: Server,
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Process id of workerd, which has no children; `None` while it is killed.
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// Bearer token of the product's admin API; the others have none.
    pub fn admin_token(&self) -> &str {
        self.server.admin_token()
    }

    /// SIGKILL, as a power cut would, and a start on the same address and state.
    pub fn restart(&mut self) -> Result<()> {
        self.server.restart()
    }
}

/// Builds what only the bench needs: F2, which does not start without. The product is built by
/// `cargo xtask build`.
pub fn build() -> Result<()> {
    bundle::bundle_other(&workers().join("hello-rust"), &hello_rust()).map(drop)
}

/// Starts a system with its state in `state_dir`, on `core` alone if one is given, and waits until
/// it is ready.
///
/// A folder of an earlier start continues its state. Peers verify passes with [`pass_vars`]; the
/// product takes its secret as `DOORBUSTER_SECRET`, and both ignore the vars of the other.
pub fn start(
    system: System,
    state_dir: &Path,
    core: Option<usize>,
    vars: &BTreeMap<String, String>,
) -> Result<Running> {
    let vars = vars.clone();
    let server = if system == System::Product {
        Server::start(StartOptions { vars, core, ..StartOptions::new(state_dir) })
    } else {
        let sources = system.sources();
        let objects = sources.as_ref().map_or(&[][..], |sources| sources.objects);
        let modules = match &sources {
            Some(sources) => sources.modules.iter().map(|name| workers().join(name)).collect(),
            None => bundle::built_other(&hello_rust())?,
        };
        let state_dir = state_dir.to_owned();
        Server::start_other(OtherWorker { state_dir, modules, objects, vars, core })
    };
    Ok(Running { server: server.with_context(|| format!("starting {}", system.name()))? })
}

/// The vars with which a peer verifies the passes that `keyring` seals: `PASS_KEY`, the key of
/// HMAC-SHA256 in hexadecimal, and `PASS_HEADER`, the first part of every pass.
pub fn pass_vars(keyring: &Keyring) -> BTreeMap<String, String> {
    let key = keyring.pass_key();
    let mut hex = String::new();
    for byte in key.hmac_sha256() {
        // Writing into a text does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    [("PASS_KEY", hex), ("PASS_HEADER", key.header().to_owned())]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

fn workers() -> PathBuf {
    paths::root().join("bench/workers")
}

/// Where F2 is built.
fn hello_rust() -> PathBuf {
    paths::target_dir().join("bench-hello-rust")
}
