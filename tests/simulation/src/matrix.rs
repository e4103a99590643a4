//! Every outcome at the payment provider, at every moment: what becomes of units and money.
//!
//! The Inventory, its schedule of what is to be told and the provider's rules are those of the
//! product. Every message of a queue comes twice.

mod checkout;

use std::fmt::Write as _;

use doorbuster_domain::sandbox::Outcome;

use self::checkout::Checkout;
use crate::calendar::Ms;

/// When the person decides at the provider, by the payment's deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So early that what takes a while is over before it.
    Early,
    /// A moment before, so that what takes a while is over after it.
    Before,
    /// In the same millisecond.
    At,
    /// When the provider has ended the payment.
    After,
}

impl Moment {
    const ALL: [Self; 4] = [Self::Early, Self::Before, Self::At, Self::After];

    const fn of(self, deadline: Ms) -> Ms {
        match self {
            Self::Early => deadline - 690_000,
            Self::Before => deadline - 5_000,
            Self::At => deadline,
            Self::After => deadline + 30_000,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Before => "before",
            Self::At => "at",
            Self::After => "after",
        }
    }
}

/// One combination.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// What happens at the provider.
    pub outcome: Outcome,
    /// When.
    pub moment: Moment,
    /// Whether the person tries again when told that it came to nothing.
    pub tries_again: bool,
    /// Whether somebody else takes the unit as soon as it can be had.
    pub contended: bool,
}

/// How a combination ended.
#[derive(Debug)]
pub struct Ended {
    /// Which one.
    pub cell: Cell,
    /// In a few words.
    pub end: String,
    /// What does not hold.
    pub broken: Vec<String>,
}

/// Goes through all combinations.
pub fn run() -> Vec<Ended> {
    let mut all = Vec::new();
    for outcome in Outcome::ALL {
        for moment in Moment::ALL {
            for (tries_again, contended) in
                [(false, false), (false, true), (true, false), (true, true)]
            {
                all.push(Checkout::go(Cell { outcome, moment, tries_again, contended }));
            }
        }
    }
    all
}

/// The table, and what does not hold below it.
pub fn table(all: &[Ended]) -> String {
    let columns = ["alone", "contended", "tries again", "tries again, contended"];
    let row = |cells: [&str; 4], of: (&str, &str)| {
        let [a, b, c, d] = cells;
        format!("{:<21} {:<7} {a:<22} {b:<22} {c:<22} {d}\n", of.0, of.1)
    };
    let mut text = row(columns, ("outcome", "when"));
    for four in all.chunks(columns.len()) {
        let cell = four[0].cell;
        let ends = [0, 1, 2, 3].map(|index| four[index].end.as_str());
        text += &row(ends, (cell.outcome.name(), cell.moment.name()));
    }
    for ended in all {
        for broken in &ended.broken {
            let _ = writeln!(text, "broken: {:?}: {broken}", ended.cell);
        }
    }
    text
}
