//! The rounds: every subject in each, group by group, so that what is compared meets the same
//! moments of the machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use doorbuster_domain::id::SaleId;
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::Timestamp;
use serde::Serialize;
use xtask::native::peer;
use xtask::{clock, paths};

use crate::dollars::{self, Dollars};
use crate::figures::Figure;
use crate::flood::{self, Flood};
use crate::growth::{self, Growth, Scale};
use crate::object::FrontDoor;
use crate::process;
use crate::ratios;
use crate::redis::{self, Aof, Redis};
use crate::subjects::{self, Act, CORE, SECRET, Subject};
use crate::turns::{self, Sample};
use crate::webhooks::{self, Webhooks};
use crate::workloads::shapes::{self, Place, Shapes};
use crate::workloads::{Poll, SALE};

/// How long and how often.
#[derive(Debug, Clone)]
pub struct Plan {
    pub rounds: u32,
    /// How long it runs before that: V8 has to have optimised what it will.
    pub warm_up: Duration,
    /// How long it is counted, in all of its turns.
    pub time: Duration,
    /// How far orders and people grow.
    pub growth: Scale,
    /// Only what has these names, with commas between; the name of a ratio is that of both sides.
    pub only: Option<String>,
}

impl Plan {
    /// Five rounds.
    pub const fn full() -> Self {
        Self {
            rounds: 5,
            // V8 compiles wasm anew as it is used: after some seconds a poll takes a fifth less.
            warm_up: Duration::from_secs(8),
            time: Duration::from_secs(5),
            growth: Scale::full(),
            only: None,
        }
    }

    /// Three short ones: whether it runs, not how fast.
    pub const fn quick() -> Self {
        Self {
            rounds: 3,
            warm_up: Duration::from_millis(500),
            time: Duration::from_millis(500),
            growth: Scale::quick(),
            only: None,
        }
    }

    /// Whether its figures are meant to be told.
    pub(crate) fn is_full(&self) -> bool {
        self.rounds >= Self::full().rounds
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        let names = |one: &str| one == name || ratios::compares(one, name);
        let is_named = |only: &String| only.split(',').any(names);
        self.only.as_ref().is_none_or(is_named)
    }
}

/// What the rounds gave, by subject.
#[derive(Debug, Default, Serialize)]
pub struct Measured {
    /// Right answers a second, all connections busy.
    pub per_second: BTreeMap<String, Figure>,
    /// CPU per answer, in microseconds, of all processes of the subject.
    pub cpu_us: BTreeMap<String, Figure>,
    /// The 99th percentile of an answer at that load, in microseconds.
    pub p99_us: BTreeMap<String, Figure>,
    /// Calls of objects in a thousand polls: the refresh of the status, once a second.
    pub object_calls_per_1000_polls: Option<u64>,
    /// What becomes of it as it grows.
    pub growth: Option<Growth>,
    /// The shapes that a sale's load can have.
    pub shapes: Option<Shapes>,
    /// Paying while another edge is flooded.
    pub flood: Option<Flood>,
    /// Reserving while the merchant's shop is down.
    pub webhooks: Option<Webhooks>,
    /// What a million shoppers cost.
    pub dollars: Option<Dollars>,
    /// What came to nothing, and why. The rest is told, and nothing is written.
    #[serde(skip)]
    pub lost: Vec<String>,
}

/// Values per round, before they are figures.
type Values = BTreeMap<String, Vec<f64>>;

#[derive(Default)]
struct Collected {
    per_second: Values,
    cpu_us: Values,
    p99_us: Values,
}

impl Collected {
    fn take(&mut self, round: u32, sample: &Sample) {
        let Sample { name, per_second, cpu_us, p99_us } = sample;
        eprintln!("round {round}  {name:32} {per_second:>9.0}/s {cpu_us:>7.1} us");
        let values = [&mut self.per_second, &mut self.cpu_us, &mut self.p99_us];
        for (values, value) in values.into_iter().zip([*per_second, *cpu_us, *p99_us]) {
            values.entry(name.clone()).or_default().push(value);
        }
    }
}

/// Measures everything that the plan wants.
pub fn run(plan: &Plan) -> Result<Measured> {
    let keyring = Keyring::new(SECRET.as_bytes(), None).context("the secret")?;
    let peer = peer::build(true)?;
    let dir = paths::target_dir().join("bench");
    process::pin_self(1);
    let mut collected = Collected::default();
    for round in 1..=plan.rounds {
        for group in Subject::GROUPS {
            let samples = turns::measure(group, plan, &dir, &keyring, &peer)
                .with_context(|| format!("round {round}"))?;
            for sample in samples {
                collected.take(round, &sample);
            }
        }
        hot_sku(plan, round, &dir, &keyring, &mut collected.per_second)?;
    }
    let figures =
        |values: Values| values.into_iter().map(|(name, all)| (name, Figure::of(all))).collect();
    let place = Place { dir: &dir, keyring: &keyring, peer: &peer };
    let mut lost = Vec::new();
    let shapes = or_lost(&mut lost, "shapes", shapes::run(plan, &place));
    let mut per_second: BTreeMap<_, _> = figures(collected.per_second);
    per_second.extend(shapes.iter().flat_map(Shapes::rates));
    let calls = or_lost(&mut lost, "calls of objects", count_calls(plan, &dir, &keyring));
    let growth = or_lost(&mut lost, "growth", growth::run(plan, &dir, &keyring));
    let flood = or_lost(&mut lost, "flood", flood::run(plan, &dir, &keyring));
    let webhooks = or_lost(&mut lost, "webhooks", webhooks::run(plan, &dir, &keyring));
    let dollars = or_lost(&mut lost, "dollars", dollars::run(plan, &dir, &keyring));
    Ok(Measured {
        per_second,
        cpu_us: figures(collected.cpu_us),
        p99_us: figures(collected.p99_us),
        object_calls_per_1000_polls: calls,
        growth,
        shapes,
        flood,
        webhooks,
        dollars,
        lost,
    })
}

/// What a part gave; nothing if it broke off, so that the others are not lost with it.
fn or_lost<T>(lost: &mut Vec<String>, part: &str, given: Result<Option<T>>) -> Option<T> {
    given.unwrap_or_else(|error| {
        eprintln!("{part}: {error:#}");
        lost.push(format!("{part}: {error:#}"));
        None
    })
}

/// The object fed with batches, and Redis fed with pipelines.
fn hot_sku(
    plan: &Plan,
    round: u32,
    dir: &Path,
    keyring: &Keyring,
    per_second: &mut Values,
) -> Result<()> {
    let (ours, theirs) = ("inventory_batches_of_256", "redis_always_pipelines_of_64");
    let batches = if plan.rounds < 5 { 100 } else { 600 };
    if plan.wants(ours) {
        let door = FrontDoor::start(&fresh(&dir.join(ours))?, keyring)?;
        door.batches(batches / 4, "warm")?;
        let rate = door.batches(batches, &round.to_string())?;
        eprintln!("round {round}  {ours:32} {rate:>9.0}/s");
        per_second.entry(ours.to_owned()).or_default().push(rate);
    }
    if plan.wants(theirs) {
        let redis = Redis::start(&fresh(&dir.join(theirs))?, CORE, Aof::Always)?;
        let reservations = u64::from(batches).saturating_mul(256);
        let rate = redis::lua_pipeline(redis.addr(), 64, 64, reservations)?;
        eprintln!("round {round}  {theirs:32} {rate:>9.0}/s");
        per_second.entry(theirs.to_owned()).or_default().push(rate);
    }
    Ok(())
}

fn count_calls(plan: &Plan, dir: &Path, keyring: &Keyring) -> Result<Option<u64>> {
    if !plan.wants("poll") {
        return Ok(None);
    }
    let door = FrontDoor::start(&fresh(&dir.join("calls"))?, keyring)?;
    let admin = (door.server().addr(), door.server().admin_token().to_owned());
    subjects::open_sale((admin.0, &admin.1), Act::Poll)?;
    let now = Timestamp::from_millis(clock::now_ms());
    let mut poll = Poll::new(keyring, &SALE.parse::<SaleId>()?, now);
    door.calls_of(&mut poll, 1_000).map(Some)
}

/// A folder without anything in it.
pub(crate) fn fresh(dir: &Path) -> Result<PathBuf> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).with_context(|| format!("clearing {}", dir.display()))?;
    }
    std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    Ok(dir.to_owned())
}
