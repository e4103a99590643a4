//! The launcher against the real workerd; needs the release build of `cargo xtask build`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use xtask::workerd::{Server, StartOptions};

/// A folder that is removed with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("doorbuster-{name}-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The whole reply to `GET /healthz`.
fn health(server: &Server) -> std::io::Result<String> {
    let url = server.url();
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap())?;
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply)
}

fn vars_in(folder: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(folder.join("wrangler.json")).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["vars"].take()
}

#[test]
fn a_killed_server_is_gone_and_comes_back_at_the_same_address() {
    let folder = Folder::new("restart");
    let mut server = Server::start(StartOptions::new(&folder.0)).unwrap();
    assert!(health(&server).unwrap().starts_with("HTTP/1.1 200"));
    let (url, first) = (server.url(), server.pid());

    server.kill().unwrap();
    assert_eq!(server.pid(), None);
    assert!(health(&server).is_err());

    server.restart().unwrap();
    assert_eq!(server.url(), url);
    assert_ne!(server.pid(), first);
    assert!(health(&server).unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn dropping_one_server_leaves_the_other_alone() {
    let (one, two) = (Folder::new("one"), Folder::new("two"));
    let first = Server::start(StartOptions::new(&one.0)).unwrap();
    let second = Server::start(StartOptions::new(&two.0)).unwrap();
    assert_ne!(first.url(), second.url());
    assert_ne!(first.admin_token(), second.admin_token());

    let gone = first.url();
    drop(first);
    assert!(TcpStream::connect(gone.strip_prefix("http://").unwrap()).is_err());
    assert!(health(&second).unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn a_folder_keeps_its_secrets_from_one_server_to_the_next() {
    let folder = Folder::new("secrets");
    let first = Server::start(StartOptions::new(&folder.0)).unwrap();
    let (admin_token, vars) = (first.admin_token().to_owned(), vars_in(&folder.0));
    drop(first);

    let mut options = StartOptions::new(&folder.0);
    options.vars.insert("ADDED".to_owned(), "1".to_owned());
    let second = Server::start(options).unwrap();
    assert_eq!(second.admin_token(), admin_token);
    assert_eq!(vars_in(&folder.0)["DOORBUSTER_SECRET"], vars["DOORBUSTER_SECRET"]);
    assert_eq!(vars_in(&folder.0)["ADDED"], "1");
}

#[test]
fn workerd_is_given_the_modules_of_one_build_and_nothing_else() {
    let folder = Folder::new("modules");
    let _server = Server::start(StartOptions::new(&folder.0)).unwrap();
    let names = |path: PathBuf| {
        let files = std::fs::read_dir(path).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let modules = [
        "build",
        "contacts.mjs",
        "edge.mjs",
        "entry.mjs",
        "incoming.mjs",
        "instance.mjs",
        "lane.mjs",
        "objects.mjs",
        "stripe.mjs",
        "together.mjs",
        "turns.mjs",
        "webhooks.mjs",
    ];
    assert_eq!(names(folder.0.join("worker")), modules);
    assert_eq!(names(folder.0.join("worker/build")), ["index.js", "index_bg.wasm"]);
    let text = std::fs::read_to_string(folder.0.join("wrangler.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(config["main"], folder.0.join("worker/entry.mjs").to_str().unwrap());
}
