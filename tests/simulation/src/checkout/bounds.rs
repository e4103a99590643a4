//! How far the check goes, and what may be wrong on purpose.

use doorbuster_domain::id::{IdempotencyKey, ReservationId, ShopperId};
use doorbuster_domain::inventory::Terms;
use doorbuster_domain::money::Money;
use doorbuster_domain::time::{Millis, Timestamp};

/// The clock goes in steps of this: the outbox repeats for the first time after one, a payment has
/// one, a reservation two, and with all its extensions three. So there is a moment before each
/// deadline, one at it, and one after it.
const TICK: Millis = Millis::from_secs(10);
/// By so much extensions can move a reservation's first deadline in all.
pub const EXTENSION_MAX: Millis = TICK;
/// What a unit costs.
pub const PRICE_MINOR: u64 = 1_999;

/// The moment after so many ticks.
pub fn moment(tick: u64) -> Timestamp {
    Timestamp::from_millis(TICK.get() * (tick + 1))
}

/// Something that can happen, exhaustively, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// What this case is called.
    pub name: &'static str,
    /// Units given to the sale.
    pub units: u32,
    /// Who comes, by name: a name that stands here twice may come back with a second key.
    pub visits: &'static [&'static str],
    /// How many units somebody may ask for.
    pub quantities: &'static [u32],
    /// Whether they wait if all units are reserved.
    pub waits: bool,
    /// Payments that may be begun for one reservation.
    pub attempts: u32,
    /// Whether the units of an order come back if the merchant cancels it, which happens once at
    /// most; no order is cancelled where this is empty.
    pub cancels: &'static [bool],
    /// How often the object may lose its memory.
    pub crashes: u8,
    /// How many messages may come twice.
    pub duplicates: u8,
    /// How often the provider may complete what it had said could not be completed any more.
    pub lates: u8,
}

/// Two units; two shoppers who ask for one or both of them, and may try to pay once; everything
/// that may go wrong, once.
pub const TWO_SHOPPERS: Bounds = Bounds {
    name: "two shoppers, everything goes wrong",
    units: 2,
    visits: &["ann", "bob"],
    quantities: &[1, 2],
    waits: false,
    attempts: 1,
    cancels: &[],
    crashes: 1,
    duplicates: 1,
    lates: 1,
};

/// One shopper, who may try to pay a second time.
pub const TWO_PAYMENTS: Bounds = Bounds {
    name: "two payments, everything goes wrong",
    visits: &["ann"],
    attempts: 2,
    ..TWO_SHOPPERS
};

/// Two shoppers who may try to pay a second time; messages only get lost, late or out of order.
pub const NO_FAULTS: Bounds = Bounds {
    name: "two shoppers, two payments each",
    attempts: 2,
    crashes: 0,
    duplicates: 0,
    lates: 0,
    ..TWO_SHOPPERS
};

/// Two shoppers who want the one unit that there is, and wait for it.
pub const WAITLIST: Bounds = Bounds {
    name: "two shoppers, one unit, a waitlist",
    units: 1,
    quantities: &[1],
    waits: true,
    ..TWO_SHOPPERS
};

/// One shopper, whose order the merchant cancels, with everything that may go wrong.
pub const CANCELS: Bounds = Bounds {
    name: "two payments, the order is cancelled",
    cancels: &[true, false],
    ..TWO_PAYMENTS
};

/// Two shoppers at one unit, of whom the one gets what the other's order was.
pub const CANCELS_AND_CALLS: Bounds = Bounds {
    name: "two shoppers, a waitlist, one cancelled",
    cancels: &[true, false],
    duplicates: 0,
    lates: 0,
    ..WAITLIST
};

/// The cases of the command. They are exhausted.
pub const CASES: [Bounds; 6] =
    [TWO_SHOPPERS, TWO_PAYMENTS, NO_FAULTS, WAITLIST, CANCELS, CANCELS_AND_CALLS];

/// A part of the surroundings that does not do what it has to. Each is there to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The consumer reports a payment as voided without having asked the provider.
    VoidsUnasked,
    /// The consumer reports money as given back without having asked the provider.
    RefundsUnasked,
    /// The books take an order as often as it comes.
    BooksKeepRepeats,
    /// Waking does not see what is still to be told.
    OutboxNotRebuilt,
    /// The object is not woken when something becomes due.
    AlarmNotSet,
    /// Answers leave before anything is committed: a crash takes all but the opening.
    AnswersBeforeCommit,
    /// A crash takes a row out of the journal.
    RowMissing,
    /// The units of a cancelled order come back, whatever the merchant said.
    RestocksUnasked,
    /// The provider gives money back as often as it is asked to.
    RefundsRepeat,
    /// The consumer does not write into the books that an order was cancelled.
    CancelNotWritten,
}

/// Somebody's attempt to buy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    pub name: &'static str,
    pub shopper: ShopperId,
    pub key: IdempotencyKey,
    pub reservation: ReservationId,
}

/// The terms of the one SKU.
pub fn terms() -> Terms {
    Terms {
        sale: "drop".parse().unwrap(),
        sku: "shirt".parse().unwrap(),
        title: "Shirt".to_owned(),
        unit_price: Money::new(PRICE_MINOR, "EUR".parse().unwrap()).unwrap(),
        per_shopper_max: 2,
        reservation_ttl_ms: TICK.twice(),
        reservation_max_ms: Millis::new(TICK.twice().get() + EXTENSION_MAX.get()),
        payment_window_ms: TICK,
        charges: Box::default(),
    }
}

/// Who comes.
pub fn visitors(bounds: &Bounds) -> Vec<Visitor> {
    let terms = terms();
    let visit = |(number, name): (usize, &&'static str)| {
        let shopper = ShopperId::of_secret(name.as_bytes());
        let key: IdempotencyKey = format!("visit-{number}").parse().unwrap();
        let reservation = ReservationId::derive(&terms.sale, &terms.sku, shopper, &key);
        Visitor { name, shopper, key, reservation }
    };
    bounds.visits.iter().enumerate().map(visit).collect()
}
