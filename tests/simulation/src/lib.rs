//! Crowds before a sale, in virtual time.
//!
//! The waiting room, its admission, its forecast and its draw, the lanes of the edges, the status
//! that people are told their turn from, and the stock are those of the product. What is made up is
//! people, clocks, networks and the payment provider. A run follows from its seed.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a simulation that is wrong is to stop, not to go on"
)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "people, milliseconds and units fit in all of their types"
)]

pub mod calendar;
pub mod crowd;
pub mod draws;
pub mod edge;
pub mod inversions;
pub mod line;
pub mod matrix;
pub mod measures;
pub mod options;
pub mod outcome;
pub mod random;
pub mod report;
pub mod room;
pub mod shape;
pub mod shopping;
pub mod stock;
pub mod trace;
pub mod world;

use std::sync::Mutex;
use std::thread;

use xtask::clock::Stopwatch;

pub use options::Options;
pub use outcome::Outcome;
pub use report::{Summary, broken, table};

use shape::Shape;
use world::World;

/// Shapes run beside each other, each on one thread.
const THREADS: usize = 2;

/// What a run came to.
#[derive(Debug)]
pub struct Run {
    /// What came of each shape.
    pub outcomes: Vec<Outcome>,
    /// All of them together.
    pub summary: Summary,
    /// What should not have been.
    pub broken: Vec<String>,
}

/// Runs the shapes that are asked for; nothing if there is no such shape.
pub fn run(options: &Options) -> Run {
    let watch = Stopwatch::start();
    let is_wanted = |shape: &Shape| {
        options.shapes.is_empty() || options.shapes.iter().any(|name| name == shape.name)
    };
    let shapes: Vec<Shape> = shape::all().into_iter().filter(is_wanted).collect();
    let outcomes = Mutex::new(Vec::new());
    // The largest comes first, and takes as long as the others together.
    let waiting = Mutex::new(shapes.iter().enumerate());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some((index, shape)) = next else { return };
                    let shape = shape.clone().scaled(options.people_scale);
                    let mut world = World::new(shape, options.seed, options.trace_secs);
                    world.run();
                    outcomes.lock().unwrap().push((index, Outcome::of(world)));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.sort_by_key(|(index, _)| *index);
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    let p = draws::draw_p_value(options.seed);
    let summary = Summary::of(&outcomes, p, watch.elapsed().as_secs_f64());
    let broken = broken(&outcomes, p);
    Run { outcomes, summary, broken }
}
