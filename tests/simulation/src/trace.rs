//! What goes on, line by line.

use std::fmt::Write as _;

use crate::calendar::Ms;
use crate::measures::{Measures, WAITS};
use crate::room::{Room, moment};
use crate::stock::Stock;

/// Lines.
#[derive(Debug)]
pub struct Trace {
    /// After so long comes the next line.
    pub every: Ms,
    text: String,
    came: usize,
}

impl Trace {
    /// One with a line every so many seconds.
    pub const fn new(secs: u32) -> Self {
        Self { every: secs * 1_000, text: String::new(), came: 0 }
    }

    /// Writes down what is the case now.
    pub fn line(&mut self, now: Ms, room: &Room, stock: &Stock, measures: &Measures) {
        let (rate, view) = room.view(now);
        let status = room.status_at(now);
        let units = stock.view();
        let came = measures.sinces.len();
        let _written = writeln!(
            self.text,
            "{:>5} s {:?} frontier {} rate {:>6} {:?}, reach {:?}; handed out {}, came {} (+{}), \
             shown {} %, buy {} %; with pass {} / {}, {} want; available {}, reserved {}, \
             allocated {}; {} writes, {} polls",
            now / 1_000,
            room.phase().0,
            status.frontier.at(moment(now)),
            rate.per_minute,
            rate.reason,
            status.reach,
            room.handed_out(),
            came,
            came - self.came,
            view.show_up_percent,
            view.conversion_percent,
            view.with_pass,
            measures.active,
            measures.wanting,
            units.available,
            units.reserved,
            units.allocated,
            room.writes - room.lease_writes,
            measures.polls,
        );
        self.came = came;
    }

    /// All lines, and how ranges held.
    pub fn end(mut self, measures: &Measures) -> String {
        for (secs, ranges) in WAITS.into_iter().zip(measures.ranges_by_wait) {
            let percent = |part: u64| part * 100 / ranges.told.max(1);
            let _written = writeln!(
                self.text,
                "waits below {secs} s: {} ranges told, {} % held, {} % less, {} % longer",
                ranges.told,
                percent(ranges.held),
                percent(ranges.shorter),
                percent(ranges.longer),
            );
        }
        self.text
    }
}
