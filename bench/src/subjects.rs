//! What is measured: a system under a workload.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use doorbuster_domain::id::{SaleId, Sku};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::{Millis, Timestamp};
use xtask::clock;
use xtask::native::peer::{PassKey, Peer};

use crate::load::{Repeat, Workload, render};
use crate::merchant::{ADMITS_PER_MINUTE, Merchant};
use crate::postgres::{Design, Postgres};
use crate::redis::{Aof, Redis};
use crate::systems::{self, Running, System, contract};
use crate::workloads::{CLIENT, Poll, Reserve, SALE, SKU};

/// The core of whatever is measured; the generator has the other.
pub const CORE: usize = 0;
/// Units enough for any run.
const PLENTY: u32 = 4_000_000;
/// No reservation of a run expires in it.
pub(crate) const TTL: Millis = Millis::from_secs(3_600);
/// The secret of every run: it guards nothing.
pub const SECRET: &str = "a-secret-of-the-bench-that-guards-nothing-at-all";

/// One thing that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A floor, asked with the shortest request there is.
    Floor(System),
    /// A floor, asked with the very request of a reserve or a poll.
    FloorAsked(System, Act),
    /// The product.
    Product(Act),
    /// A peer on workerd; all of them reserve.
    Peer(System),
    /// The native server over Redis.
    Redis(Aof),
    /// The native server over PostgreSQL.
    Postgres(Design),
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    Reserve,
    SoldOut,
    Poll,
    Catalog,
}

impl Subject {
    /// All of them. Those of a group take turns; so what is divided stands in one group with what
    /// it is divided by, except for native servers, which go on in the background.
    pub const GROUPS: [&[Self]; 3] = [
        &[
            Self::Floor(System::HelloJs),
            Self::FloorAsked(System::HelloJs, Act::Poll),
            Self::Product(Act::Poll),
            Self::Product(Act::SoldOut),
            Self::Product(Act::Catalog),
            Self::Floor(System::HelloRust),
        ],
        &[
            Self::Floor(System::NoopObject),
            Self::FloorAsked(System::NoopObject, Act::Reserve),
            Self::Product(Act::Reserve),
            Self::Peer(System::JsTuned),
            Self::Floor(System::RowObject),
            Self::FloorAsked(System::RowObject, Act::Reserve),
            Self::Peer(System::JsIdiomatic),
        ],
        &[
            Self::Redis(Aof::Always),
            Self::Redis(Aof::Everysec),
            Self::Postgres(Design::HotRow),
            Self::Postgres(Design::SkipLocked),
        ],
    ];

    /// Its name in results.
    pub fn name(self) -> String {
        match self {
            Self::Floor(system) | Self::Peer(system) => system.name().to_owned(),
            Self::FloorAsked(system, act) => format!("{}_as_{}", system.name(), act.name()),
            Self::Product(act) => act.name().to_owned(),
            Self::Redis(Aof::Always) => "p2_redis_always".to_owned(),
            Self::Redis(Aof::Everysec) => "p2_redis_everysec".to_owned(),
            Self::Redis(Aof::Off) => "p2_redis_off".to_owned(),
            Self::Postgres(Design::HotRow) => "p3_postgres_hot_row".to_owned(),
            Self::Postgres(Design::SkipLocked) => "p3_postgres_skip_locked".to_owned(),
        }
    }
}

impl Act {
    const fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::SoldOut => "sold_out",
            Self::Poll => "poll",
            Self::Catalog => "catalog",
        }
    }
}

/// A subject that runs.
pub struct Ready {
    process: Process,
    act: Option<Act>,
}

enum Process {
    Workerd(Running),
    // The store is dropped, and so ended, after the server over it.
    Redis(Peer, Redis),
    Postgres(Peer, Postgres),
}

/// Starts a subject in a folder of its own and gives it what it needs.
pub fn start(subject: Subject, dir: &Path, keyring: &Keyring, peer: &Path) -> Result<Ready> {
    let (system, act) = match subject {
        Subject::Floor(system) => (system, None),
        Subject::FloorAsked(system, act) => (system, Some(act)),
        Subject::Product(act) => (System::Product, Some(act)),
        Subject::Peer(system) => (system, Some(Act::Reserve)),
        Subject::Redis(aof) => {
            let redis = Redis::start(dir, CORE, aof)?;
            let server = redis.serve(peer, CORE, &pass_key(keyring))?;
            stock_peer(server.addr())?;
            let process = Process::Redis(server, redis);
            return Ok(Ready { process, act: Some(Act::Reserve) });
        }
        Subject::Postgres(design) => {
            let postgres = Postgres::start(dir, CORE)?;
            let server = postgres.serve(peer, CORE, design, &pass_key(keyring))?;
            stock_peer(server.addr())?;
            let process = Process::Postgres(server, postgres);
            return Ok(Ready { process, act: Some(Act::Reserve) });
        }
    };
    let running = systems::start(system, dir, Some(CORE), &vars(keyring))?;
    match subject {
        Subject::Product(act) => open_sale((running.addr(), running.admin_token()), act)?,
        Subject::Peer(_) => stock_peer(running.addr())?,
        _ => {}
    }
    Ok(Ready { process: Process::Workerd(running), act })
}

impl Ready {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        match &self.process {
            Process::Workerd(running) => running.addr(),
            Process::Redis(server, _) | Process::Postgres(server, _) => server.addr(),
        }
    }

    /// The processes whose CPU counts.
    pub fn pids(&self) -> Vec<u32> {
        match &self.process {
            Process::Workerd(running) => running.pid().into_iter().collect(),
            Process::Redis(server, redis) => vec![server.pid(), redis.pid()],
            Process::Postgres(server, postgres) => vec![server.pid(), postgres.pid()],
        }
    }

    /// Bearer token of the product's admin API; the others have none.
    pub fn admin_token(&self) -> &str {
        match &self.process {
            Process::Workerd(running) => running.admin_token(),
            Process::Redis(..) | Process::Postgres(..) => "",
        }
    }

    /// What it is asked, by shoppers counted on from `first`.
    pub fn workload<'k>(
        &self,
        keyring: &'k Keyring,
        first: u64,
        is_floor: bool,
    ) -> Result<Box<dyn Workload + 'k>> {
        let (sale, now) = (SALE.parse::<SaleId>()?, Timestamp::from_millis(clock::now_ms()));
        Ok(match self.act {
            None => Box::new(Repeat(render("GET", "/", &[], b""))),
            Some(Act::Reserve) if is_floor => {
                let mut reserve = Reserve::new(keyring, sale, now, first);
                Box::new(move |number: u64, out: &mut Vec<u8>| reserve.write(number, out))
            }
            Some(Act::Poll) if is_floor => {
                let mut poll = Poll::new(keyring, &sale, now);
                Box::new(move |number: u64, out: &mut Vec<u8>| poll.write(number, out))
            }
            Some(Act::Reserve) => Box::new(Reserve::new(keyring, sale, now, first)),
            Some(Act::SoldOut) => Box::new(Reserve::new(keyring, sale, now, first).refused()),
            Some(Act::Poll) => Box::new(Poll::new(keyring, &sale, now)),
            Some(Act::Catalog) => {
                Box::new(Repeat(render("GET", "/v1/catalog/products/drift-mug", &[CLIENT], b"")))
            }
        })
    }
}

/// What the product and the peers are told by the operator.
pub fn vars(keyring: &Keyring) -> BTreeMap<String, String> {
    let mut vars = systems::pass_vars(keyring);
    // All load comes from one address here. The limits are counted all the same. Where the address
    // stands is said as on Cloudflare; on plain workerd the product would have to ask for it.
    let ours = [
        ("DOORBUSTER_SECRET", SECRET),
        ("RATE_LIMIT_FACTOR", "1000000"),
        ("CLIENT_ADDRESS_HEADER", CLIENT.0),
    ];
    vars.extend(ours.map(|(name, value)| (name.to_owned(), value.to_owned())));
    vars
}

fn pass_key(keyring: &Keyring) -> PassKey {
    let mut vars = systems::pass_vars(keyring);
    let mut of = |name: &str| vars.remove(name).unwrap_or_default();
    PassKey { key_hex: of("PASS_KEY"), header: of("PASS_HEADER") }
}

fn stock_peer(addr: SocketAddr) -> Result<()> {
    contract::set_stock(addr, &SALE.parse::<SaleId>()?, &SKU.parse::<Sku>()?, PLENTY.into(), TTL)
}

/// A sale of the product, open, with plenty of units or none at all.
pub fn open_sale((addr, token): (SocketAddr, &str), act: Act) -> Result<()> {
    let merchant = Merchant::new(addr, token);
    merchant.publish_sample()?;
    merchant.announce(SALE, &[SKU], TTL, "fifo", ADMITS_PER_MINUTE)?;
    merchant.give(SALE, SKU, if act == Act::SoldOut { 0 } else { PLENTY })?;
    merchant.open(SALE)?;
    merchant.until_stock_is_told(SALE)
}
