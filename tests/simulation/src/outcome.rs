//! What came of a shape.

use crate::calendar::Ms;
use crate::inversions::{inversions, overtaken_max};
use crate::measures::most_within;
use crate::world::World;

/// Whoever comes so long after another has a number is to get a higher one: `LEASE_FOR`.
const LEASE_FOR: Ms = 1_000;
/// The longest that a lease is on its way to the room.
const LATENCY_MAX: Ms = 80;

/// What was measured in a shape.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub name: &'static str,
    pub people: u32,
    pub joined: usize,
    pub refused: u32,
    pub came: usize,
    pub turned_away: u32,
    pub lapsed: u32,
    pub polls: u64,
    /// From the opening until everything was sold, or nobody was left.
    pub sale_secs: f64,
    /// By how much more were admitted in a minute than may be, and were active than may be.
    pub minute_overshoot: f64,
    pub active_overshoot: f64,
    pub pressure_max: f64,
    pub unsold: u32,
    /// After the last unit was promised: until every edge says so, and until everybody heard.
    pub edges_know_secs: f64,
    pub people_know_secs: f64,
    pub hoping_know_secs: f64,
    pub inversions: u64,
    pub inversion_bound: u32,
    pub leased_max: u32,
    pub ranges: u64,
    pub coverage: f64,
    pub shorter: f64,
    pub longer: f64,
    pub writes_per_second: f64,
    pub leases_per_second: f64,
    pub trace: String,
}

fn over(most: usize, allowed: u32) -> f64 {
    (most as f64 / f64::from(allowed) - 1.0).max(0.0)
}

fn share(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

impl Outcome {
    /// What came of a shape that has run.
    pub fn of(mut world: World) -> Self {
        let minute_max = world.measures.minute_max();
        let (measures, shape) = (&world.measures, &world.shape);
        let sold_out_at = world.stock.sold_out_at;
        let ended_at = sold_out_at.unwrap_or(world.now);
        let sale_secs = f64::from(ended_at.saturating_sub(world.opens_at)) / 1_000.0;
        let after = |at: Ms| f64::from(at.saturating_sub(ended_at)) / 1_000.0;
        let know = |edge: &crate::edge::Edge| {
            after(if edge.learnt.is_some() { edge.wrong_until } else { edge.fresh_until() })
        };
        let entries = world.room.entries();
        let fifo: Vec<_> =
            measures.joins.iter().filter(|join| join.number > entries).copied().collect();
        let per_second = |now: u32, then: u32| f64::from(now - then) / sale_secs.max(1.0);
        let (room, before) = (&world.room, world.writes_at_opening);
        let others = |(writes, leases): (u32, u32)| writes - leases;
        let pressure_max = measures.pressure_max;
        Self {
            name: shape.name,
            people: shape.people(),
            joined: measures.joins.len(),
            refused: measures.refused,
            came: measures.sinces.len(),
            turned_away: measures.turned_away,
            lapsed: measures.lapsed,
            polls: measures.polls,
            sale_secs,
            minute_overshoot: over(minute_max, shape.admits_per_minute_max),
            active_overshoot: shape
                .active_users_max
                .map_or(0.0, |allowed| over(measures.active_max as usize, allowed)),
            pressure_max,
            unsold: world.stock.view().on_hand - world.stock.view().allocated,
            edges_know_secs: world.edges.iter().map(know).fold(0.0, f64::max),
            people_know_secs: after(measures.last_told),
            hoping_know_secs: after(measures.last_hoping_told),
            inversions: inversions(&fifo, LEASE_FOR),
            inversion_bound: overtaken_max(&fifo),
            leased_max: most_within(measures.leases.iter().copied(), LEASE_FOR + LATENCY_MAX),
            ranges: measures.ranges.told,
            coverage: measures.coverage(),
            shorter: share(measures.ranges.shorter, measures.ranges.told),
            longer: share(measures.ranges.longer, measures.ranges.told),
            writes_per_second: per_second(others((room.writes, room.lease_writes)), others(before)),
            leases_per_second: per_second(room.lease_writes, before.1),
            trace: world.trace.map(|trace| trace.end(&world.measures)).unwrap_or_default(),
        }
    }
}
