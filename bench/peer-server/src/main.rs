//! A peer: the same HTTP contract over Redis or PostgreSQL.
//!
//! ```text
//! doorbuster-bench-peer --backend redis|postgres-hot-row|postgres-skip-locked
//!                       --addr 127.0.0.1:PORT --store ADDRESS
//! ```
//!
//! `ADDRESS` is `redis://...` or what libpq takes. `PASS_KEY` (hexadecimal) and `PASS_HEADER` in
//! the environment say what a pass is sealed with.

mod http;
mod pass;
mod postgres;
mod problem;
mod redis;
mod store;

use std::env;

use anyhow::{Context, Result, bail};
use tokio::runtime;

use crate::pass::Passes;
use crate::postgres::{Design, Postgres};
use crate::redis::Redis;
use crate::store::Store;

/// What the command line says.
struct Options {
    backend: String,
    addr: String,
    store: String,
}

fn main() -> Result<()> {
    let options = options(env::args().skip(1))?;
    let variable = |name| env::var(name).with_context(|| format!("{name} is not set"));
    let passes = Passes::new(&variable("PASS_KEY")?, variable("PASS_HEADER")?)?;
    // One thread: the server and its store share one core.
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let store = store(&options).await?;
        http::serve(&options.addr, passes, store).await
    })
}

async fn store(options: &Options) -> Result<Store> {
    let Options { backend, store, .. } = options;
    let store = match backend.as_str() {
        "redis" => Store::Redis(Redis::connect(store).await?),
        "postgres-hot-row" => Store::Postgres(Postgres::connect(store, Design::HotRow).await?),
        "postgres-skip-locked" => {
            Store::Postgres(Postgres::connect(store, Design::SkipLocked).await?)
        }
        other => bail!("there is no backend `{other}`"),
    };
    Ok(store)
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let (mut backend, mut addr, mut store) = (None, None, None);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--backend" => backend = Some(value),
            "--addr" => addr = Some(value),
            "--store" => store = Some(value),
            other => bail!("`{other}` is not understood: use --backend, --addr and --store"),
        }
    }
    Ok(Options {
        backend: backend.context("--backend is missing")?,
        addr: addr.context("--addr is missing")?,
        store: store.context("--store is missing")?,
    })
}
