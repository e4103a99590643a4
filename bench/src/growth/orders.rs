//! An Inventory with few orders and one with many: what a reservation costs, how long they take to
//! wake, and how much memory they have.

use std::path::Path;

use anyhow::Result;
use doorbuster_domain::sealed::Keyring;
use xtask::clock::Stopwatch;

use super::cost::{Shoppers, Spent};
use super::door::{Door, ToRead, sku};
use super::stock::{Snapshot, Stock};
use super::{Growth, Scale, Size, in_short, ratio_name, wake};
use crate::figures::Figure;
use crate::load::Stop;
use crate::rounds::{Plan, fresh};

/// What shoppers do through the edge, and straight into the object.
const THROUGH_THE_EDGE: &str = "reserve";
const IN_BATCHES: &str = "reserve_in_batches";
/// What the CPU of the first may grow by.
const GROWTH_AT_MOST: f64 = 1.25;
/// What waking may take with so many orders, in milliseconds.
const WAKES_AT_MOST: [(u64, f64); 2] = [(100_000, 100.0), (1_000_000, 1_000.0)];
/// What an Inventory of so many orders may have in memory, in bytes.
const BYTES_AT_MOST: (u64, f64) = (1_000_000, 100_000_000.0);

/// SKUs of the sale: what both processes warm up with, what has so many orders, and then those of
/// which each is asked in one slice only, or it would not be small any more.
const WARM: usize = 0;
const GROWN: usize = 1;
const ONCE: usize = 2;
/// Everybody is let in.
const ADMITS_PER_MINUTE: u32 = 10_000_000;

/// In one slice straight into the object, batches and reservations in each. Together they are about
/// as many events as there are between two snapshots of a small Inventory.
const BATCHES: (u64, u64) = (16, 256);
/// A round in batches lasts for a snapshot of the large Inventory, or for so many slices.
const SLICES_MAX: u32 = 128;
/// Such rounds, at most: in each the large one grows by an eighth or more.
const ROUNDS_IN_BATCHES_MAX: u32 = 3;

/// The names of all that can be measured here.
pub(super) fn names(scale: &Scale) -> Vec<String> {
    let ratios = [THROUGH_THE_EDGE, IN_BATCHES].map(ratio_name);
    let woken = scale.orders_between.into_iter().chain([scale.orders.1]);
    ratios.into_iter().chain(woken.map(wake_name)).chain([bytes_name(scale)]).collect()
}

fn wake_name(orders: u64) -> String {
    format!("wake_{}_ms", in_short(orders))
}

fn bytes_name(scale: &Scale) -> String {
    format!("inventory_{}_bytes", in_short(scale.orders.1))
}

/// Fills the Inventories once, and measures what is wanted.
pub(super) fn measure(
    plan: &Plan,
    dir: &Path,
    keyring: &Keyring,
    wants: &dyn Fn(&str) -> bool,
    growth: &mut Growth,
) -> Result<()> {
    let scale = &plan.growth;
    let start = |orders: u64| Grown::of(orders, &dir.join(in_short(orders)), keyring, plan);
    if let Some(orders) = scale.orders_between
        && wants(&wake_name(orders))
    {
        let mut between = start(orders)?;
        growth.sizes.insert(wake_name(orders), between.wakes(scale.wakes)?);
    }
    let (few, many) = scale.orders;
    let of_both = [ratio_name(THROUGH_THE_EDGE), ratio_name(IN_BATCHES), bytes_name(scale)];
    let both = of_both.iter().any(|name| wants(name));
    if !both && !wants(&wake_name(many)) {
        return Ok(());
    }
    let mut large = start(many)?;
    if wants(&wake_name(many)) {
        growth.sizes.insert(wake_name(many), large.wakes(scale.wakes)?);
    }
    if !both {
        return Ok(());
    }
    let mut small = start(few)?;
    if wants(&bytes_name(scale)) {
        growth.sizes.insert(bytes_name(scale), memory(scale, &mut small, &mut large)?);
    }
    let mut pair = Pair { small, large, shoppers: Shoppers::new(keyring) };
    if wants(&ratio_name(THROUGH_THE_EDGE)) {
        let rounds = pair.through_the_edge(plan)?;
        growth.note(THROUGH_THE_EDGE, Some(GROWTH_AT_MOST), scale.orders, rounds);
    }
    if wants(&ratio_name(IN_BATCHES)) {
        let (rounds, between_snapshots) = pair.in_batches(plan)?;
        growth.note(IN_BATCHES, None, scale.orders, rounds);
        if !between_snapshots.is_empty() {
            let name = format!("{IN_BATCHES}_{}_between_snapshots", in_short(many));
            growth.cpu_us.insert(name, Figure::of(between_snapshots));
        }
    }
    Ok(())
}

/// A process in which one Inventory has so many orders.
struct Grown {
    door: Door,
    object: String,
    orders: u64,
    /// The last snapshot on the way there.
    snapshot: Snapshot,
    to_read: ToRead,
    /// How long all of that took.
    seconds: f64,
    /// The most bytes it had in memory meanwhile.
    peak_bytes: u64,
}

impl Grown {
    fn of(orders: u64, dir: &Path, keyring: &Keyring, plan: &Plan) -> Result<Self> {
        let slices = plan.rounds.saturating_mul(plan.growth.slices);
        let skus = usize::try_from(slices)?.saturating_add(ONCE);
        let door = Door::start(&fresh(dir)?, keyring, skus, ADMITS_PER_MINUTE)?;
        let watch = Stopwatch::start();
        let mut stock = Stock::new(&door, &sku(GROWN))?;
        let snapshot = stock.grow(orders)?;
        let seconds = watch.elapsed().as_secs_f64();
        let object = stock.object().to_owned();
        let (to_read, (_, peak_bytes)) = (door.to_read(&object)?, door.resident_bytes()?);
        eprintln!("{orders} orders in {seconds:.1} s");
        Ok(Self { door, object, orders, snapshot, to_read, seconds, peak_bytes })
    }

    /// How long it takes to wake, so often.
    fn wakes(&mut self, times: u32) -> Result<Size> {
        let (mut all, mut cpu, mut of_nothing) = (vec![], vec![], vec![]);
        for _ in 0..times {
            let woken = wake::wake(&mut self.door, &self.object, self.orders)?;
            all.push(woken.ms);
            cpu.push(woken.cpu_ms);
            of_nothing.push(woken.ms_of_nothing);
        }
        let (again, more_bytes) = wake::wake_again(&self.door, &self.object, self.orders)?;
        let at_most = WAKES_AT_MOST.iter().find(|(orders, _)| *orders == self.orders);
        let read = self.to_read;
        let details = [
            ("cpu_ms", median(cpu)),
            ("ms_of_an_empty_object", median(of_nothing)),
            ("ms_after_sleep", again.ms),
            ("cpu_ms_after_sleep", again.cpu_ms),
            ("more_bytes_after_sleep", precise(more_bytes)),
            ("tail_events", read.tail_events),
            ("tail_entries", read.tail_entries),
            ("tail_bytes", read.tail_bytes),
            ("snapshot_bytes", read.snapshot_bytes),
            ("snapshot_after_events", precise(self.snapshot.after_events)),
            ("snapshot_ms", self.snapshot.ms),
            ("filling_seconds", self.seconds),
        ];
        let of = "the first request to an Inventory that a fresh process has to read, the next \
                  snapshot nearly due";
        Ok(Size::new(all, of, at_most.map(|(_, ms)| *ms), &details))
    }
}

/// Memory of a fresh process that woke the large Inventory, less that of one that woke the small.
fn memory(scale: &Scale, small: &mut Grown, large: &mut Grown) -> Result<Size> {
    let (mut more, mut peaks, mut of_small, mut of_large) = (vec![], vec![], vec![], vec![]);
    for number in 0..scale.wakes {
        let look = |grown: &mut Grown| {
            wake::memory(&mut grown.door, &grown.object, grown.orders, number.into())
        };
        let ((few, few_peak), (many, many_peak)) = (look(small)?, look(large)?);
        more.push(precise(many) - precise(few));
        peaks.push(precise(many_peak) - precise(few_peak));
        of_small.push(precise(few));
        of_large.push(precise(many));
    }
    let filling = precise(large.peak_bytes) - precise(small.peak_bytes);
    let details = [
        ("peak_bytes", median(peaks)),
        ("peak_bytes_while_filling", filling),
        ("process_bytes_small", median(of_small)),
        ("process_bytes_large", median(of_large)),
    ];
    let at_most = (BYTES_AT_MOST.0 == large.orders).then_some(BYTES_AT_MOST.1);
    let of = "memory of a process that woke it and reserved, less that of one with few orders";
    Ok(Size::new(more, of, at_most, &details))
}

/// Both processes, in turn.
struct Pair<'k> {
    small: Grown,
    large: Grown,
    shoppers: Shoppers<'k>,
}

/// Microseconds per answer in every round, of the small and of the large one.
type Rounds = (Vec<f64>, Vec<f64>);

impl Pair<'_> {
    fn through_the_edge(&mut self, plan: &Plan) -> Result<Rounds> {
        let Self { small, large, shoppers } = self;
        for grown in [&*small, large] {
            shoppers.reserve(&grown.door, &sku(WARM), Stop::After(plan.warm_up))?;
        }
        let mut rounds = Rounds::default();
        let mut skus = (ONCE..).map(sku);
        for round in 1..=plan.rounds {
            let (mut few, mut many) = (Spent::default(), Spent::default());
            for unit in skus.by_ref().take(usize::try_from(plan.growth.slices)?) {
                Stock::new(&small.door, &unit)?.sell(small.orders)?;
                let stop = Stop::Count(plan.growth.reserves);
                few.add(shoppers.reserve(&small.door, &unit, stop)?);
                many.add(shoppers.reserve(&large.door, &sku(GROWN), stop)?);
            }
            push(&mut rounds, round, THROUGH_THE_EDGE, (few, many));
        }
        Ok(rounds)
    }

    /// Every round ends with a snapshot of the large Inventory, so that what it costs is counted
    /// once for the reservations between two of them, as it is in the small ones. Tells also what
    /// the large one takes without.
    fn in_batches(&mut self, plan: &Plan) -> Result<(Rounds, Vec<f64>)> {
        let (mut rounds, mut between_snapshots) = (Rounds::default(), Vec::new());
        // The first warms up and is not counted: it begins anywhere between two snapshots.
        for round in 0..=plan.rounds.min(ROUNDS_IN_BATCHES_MAX) {
            let (few, many, between) = self.round_in_batches(round)?;
            if round == 0 {
                continue;
            }
            push(&mut rounds, round, IN_BATCHES, (few, many));
            if !between.is_nothing() {
                eprintln!("round {round}  {:45} {:>9.1} us", "between snapshots", between.us());
                between_snapshots.push(between.us());
            }
        }
        Ok((rounds, between_snapshots))
    }

    /// CPU of the small one, of the large one, and of that in slices without a snapshot.
    fn round_in_batches(&mut self, round: u32) -> Result<(Spent, Spent, Spent)> {
        let Self { small, large, shoppers } = self;
        let [mut few, mut many, mut between] = [Spent::default(); 3];
        let before = large.door.snapshot_after(&large.object)?;
        for slice in 0..SLICES_MAX {
            let name = format!("once-{round}-{slice}");
            let mut stock = Stock::beside_the_sale(&small.door, &name)?;
            stock.sell(small.orders)?;
            few.add(shoppers.reserve_in_batches(&small.door, stock.object(), BATCHES)?);
            let spent = shoppers.reserve_in_batches(&large.door, &large.object, BATCHES)?;
            many.add(spent);
            if large.door.snapshot_after(&large.object)? != before {
                break;
            }
            between.add(spent);
        }
        Ok((few, many, between))
    }
}

fn push(rounds: &mut Rounds, round: u32, act: &str, (few, many): (Spent, Spent)) {
    let (few, many) = (few.us(), many.us());
    eprintln!("round {round}  {:32} {few:>9.1} us {many:>9.1} us", format!("{act}, few and many"));
    rounds.0.push(few);
    rounds.1.push(many);
}

fn median(values: Vec<f64>) -> f64 {
    Figure::of(values).median
}

#[expect(clippy::cast_precision_loss, reason = "bytes and events of one process are below 2^53")]
fn precise(number: u64) -> f64 {
    number as f64
}
