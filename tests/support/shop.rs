//! A shop on real workerd, with the sample catalog published.

use std::collections::BTreeMap;
use std::fs;
use std::mem;
use std::net::SocketAddr;
use std::path::PathBuf;

use doorbuster_domain::sealed::Keyring;
use xtask::bundle::Build;
use xtask::secrets::{ADMIN_TOKEN, CONTACT_KEYS, SECRET, Secrets};
use xtask::workerd::{FarEdge, Server, StartOptions};
use xtask::{paths, process};

use crate::client::Request;

/// The catalog that everybody gets to try things with.
pub const SAMPLE_CATALOG: &[u8] = include_bytes!("../../sample/catalog.csv");

/// A new workerd with a state of its own, which ends with this process at the latest. A name is
/// for one server of one process: another process waits for its end.
pub fn start_server(name: &str, build: Build) -> Server {
    start(name, build, &Secrets::random().unwrap())
}

fn start(name: &str, build: Build, secrets: &Secrets) -> Server {
    let mut options = StartOptions::new(fresh(name));
    options.build = build;
    options.vars = vars(secrets);
    Server::start(options).unwrap()
}

/// An empty folder for a server of this name.
fn fresh(name: &str) -> PathBuf {
    let folder = folder(name);
    // Held until the process ends.
    mem::forget(process::lock(&folder.with_extension("lock")).unwrap());
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    folder
}

fn vars(secrets: &Secrets) -> BTreeMap<String, String> {
    let Secrets { secret, admin_token, contact_keys } = secrets;
    let vars = [(SECRET, secret), (ADMIN_TOKEN, admin_token), (CONTACT_KEYS, contact_keys)];
    vars.map(|(name, value)| (name.to_owned(), value.clone())).into()
}

fn folder(name: &str) -> PathBuf {
    paths::target_dir().join("black-box").join(name)
}

/// A shop of its own.
#[derive(Debug)]
pub struct Shop {
    name: String,
    build: Build,
    server: Server,
    address: SocketAddr,
    secrets: Secrets,
    /// What it was started with, if it may call this machine.
    inside: Option<BTreeMap<String, String>>,
}

impl Shop {
    /// A new shop; see [`start_server`].
    pub fn start(name: &str, build: Build) -> Self {
        let secrets = Secrets::random().unwrap();
        Self::opened(name, build, start(name, build, &secrets), secrets)
    }

    /// A new shop behind one of the front doors of `bench/`, into which any number of people may
    /// come from one address.
    pub fn behind(front_door: &'static str, name: &str) -> Self {
        let (secrets, build) = (Secrets::random().unwrap(), Build::Bench);
        let mut options = StartOptions::new(fresh(name));
        options.build = build;
        options.main = Some(front_door);
        options.vars = vars(&secrets);
        options.vars.insert("RATE_LIMIT_FACTOR".to_owned(), "1000000".to_owned());
        Self::opened(name, build, Server::start(options).unwrap(), secrets)
    }

    /// A new shop that may call this machine, with these settings.
    pub fn calling_inside(name: &str, build: Build, settings: &[(&str, &str)]) -> Self {
        let secrets = Secrets::random().unwrap();
        let mut options = StartOptions::new(fresh(name));
        options.build = build;
        options.calls_inside = true;
        options.vars = vars(&secrets);
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        options.vars.extend(settings);
        let inside = Some(options.vars.clone());
        let server = Server::start(options).unwrap();
        Self { inside, ..Self::opened(name, build, server, secrets) }
    }

    /// Another edge of the same shop, with caches of its own, which asks for the objects at this
    /// address. Any number of people may come into it from one address.
    #[must_use = "it ends when it is dropped"]
    pub fn far_edge(&self, name: &str, objects: SocketAddr) -> Self {
        let mut vars = vars(&self.secrets);
        vars.insert("EDGE_NAME".to_owned(), name.to_owned());
        vars.insert("RATE_LIMIT_FACTOR".to_owned(), "1000000".to_owned());
        let edge = FarEdge { state_dir: fresh(name), objects, vars, core: None };
        let server = Server::start_far_edge(edge).unwrap();
        Self::opened(name, Build::Bench, server, self.secrets.clone())
    }

    fn opened(name: &str, build: Build, server: Server, secrets: Secrets) -> Self {
        let address = address(&server);
        let inside = None;
        let shop = Self { name: name.to_owned(), build, server, address, secrets, inside };
        let published = shop.import(SAMPLE_CATALOG).send();
        assert_eq!(published.status, 200, "{}", published.text());
        shop
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request of somebody nobody knows.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.address, method, path)
    }

    /// A request of the merchant.
    pub fn admin(&self, method: &str, path: &str) -> Request {
        let token = &self.secrets.admin_token;
        self.request(method, path).header("authorization", format!("Bearer {token}"))
    }

    /// The merchant publishing a catalog in euros.
    pub fn import(&self, csv: &[u8]) -> Request {
        self.admin("PUT", "/v1/admin/catalog?currency=EUR").body("text/csv", csv)
    }

    /// The keys the shop seals with.
    pub fn keyring(&self) -> Keyring {
        Keyring::new(self.secrets.secret.as_bytes(), None).unwrap()
    }

    /// What nobody but the operator may ever read.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// All that was logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.server.log_path()).unwrap()).into_owned()
    }

    /// The power goes.
    pub fn kill(&mut self) {
        self.server.kill().unwrap();
    }

    /// Everything that was in a queue is lost. Only while the power is gone.
    pub fn lose_queues(&self) {
        let queues = self.state().join("queues");
        fs::remove_dir_all(&queues).unwrap();
        fs::create_dir(&queues).unwrap();
    }

    /// How many waiting rooms have left something on disk.
    pub fn waiting_rooms(&self) -> usize {
        let files = fs::read_dir(self.state().join("doorbuster-WaitingRoom"));
        let names = files.unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".sqlite") && name != "metadata.sqlite").count()
    }

    /// All that is stored, as it lies on disk.
    pub fn stored(&self) -> Vec<u8> {
        let (mut all, mut folders) = (Vec::new(), vec![self.state()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    all.extend(fs::read(path).unwrap());
                }
            }
        }
        all
    }

    fn state(&self) -> PathBuf {
        self.server.log_path().parent().unwrap().join(".wrangler/state/workerd")
    }

    /// The power comes back.
    pub fn restart(&mut self) {
        self.server.restart().unwrap();
    }

    /// The operator deploys again with another setting; what is stored stays.
    pub fn redeploy(&mut self, var: &str, value: &str) {
        self.kill();
        let mut options = StartOptions::new(folder(&self.name));
        options.build = self.build;
        if let Some(vars) = &mut self.inside {
            vars.insert(var.to_owned(), value.to_owned());
            options.calls_inside = true;
            options.vars = vars.clone();
        }
        options.vars.insert(var.to_owned(), value.to_owned());
        self.server = Server::start(options).unwrap();
        self.address = address(&self.server);
    }
}

fn address(server: &Server) -> SocketAddr {
    server.url().strip_prefix("http://").unwrap().parse().unwrap()
}
