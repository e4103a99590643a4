//! An Inventory with so many orders, made the way orders come about.

use std::ops::Range;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use doorbuster_domain::id::{IdempotencyKey, PaymentId, ReservationId, SaleId, ShopperId, Sku};
use doorbuster_domain::inventory::{Command, PAYMENTS_MAX, Selling, Terms};
use doorbuster_domain::money::Money;
use doorbuster_domain::time::Millis;
use xtask::clock::Stopwatch;

use super::door::{Door, PLENTY, PRICE_MINOR, TTL_MS, text_of};
use crate::workloads::SALE;

/// Orders of one batch, each from reserving to settling, and batches in one request.
#[derive(Debug, Clone, Copy)]
struct Portion {
    orders: u64,
    batches: usize,
}

/// As many as go into a row of the journal.
const LARGE: Portion = Portion { orders: 250, batches: 8 };
/// As they come when a busy edge brings them: a row has some hundred events.
const USUAL: Portion = Portion { orders: 64, batches: 1 };
/// What happens to each: reserved, payment begun, allocated, settled.
const EVENTS_PER_ORDER: u64 = 4;
/// One held reservation more per so many orders, whose payments are declined again and again: so
/// the journal can grow while the state does not.
const ORDERS_PER_DECLINED: u64 = 1_000;
/// The fewest of them.
const DECLINED_MIN: u64 = 50;
/// A snapshot is written when it is quiet and there are so many events to replay, or this share of
/// the orders, whichever is more.
const QUIET_EVENTS_MIN: u32 = 1_024;
const QUIET_SHARE: u64 = 64;
/// So often it is seen whether that was done, and so long is waited between.
const LOOKS_MAX: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Snapshots that were waited for so long do not come.
const STEPS_MAX: u64 = 10_000;

/// One Inventory behind a door, and who has bought of it so far.
pub(super) struct Stock<'d> {
    door: &'d Door,
    /// The name of the object.
    object: String,
    sale: SaleId,
    sku: Sku,
    key: IdempotencyKey,
    orders: u64,
    declined: Vec<(ShopperId, ReservationId)>,
    /// Payments begun for each of those.
    attempts: u32,
    /// How many were declined before them, and have given back what they held.
    gone: u64,
}

/// A snapshot that came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snapshot {
    /// After more events than this, since the one before.
    pub(super) after_events: u64,
    /// How much longer the turn took that wrote it than the others, in milliseconds.
    pub(super) ms: f64,
}

impl<'d> Stock<'d> {
    /// The stock of a SKU of the sale, which has sold nothing yet.
    pub(super) fn new(door: &'d Door, sku: &str) -> Result<Self> {
        Ok(Self {
            door,
            object: format!("{SALE}:{sku}"),
            sale: SALE.parse()?,
            sku: sku.parse()?,
            key: "k".parse()?,
            orders: 0,
            declined: Vec::new(),
            attempts: 0,
            gone: 0,
        })
    }

    /// The same of a SKU that the sale does not have, so that the edge knows nothing of it.
    pub(super) fn beside_the_sale(door: &'d Door, sku: &str) -> Result<Self> {
        let stock = Self::new(door, sku)?;
        let terms = Terms {
            sale: stock.sale.clone(),
            sku: stock.sku.clone(),
            title: "Unit".to_owned(),
            unit_price: Money { minor: PRICE_MINOR, currency: "EUR".parse()? },
            per_shopper_max: 1,
            reservation_ttl_ms: Millis::new(TTL_MS),
            reservation_max_ms: Millis::new(TTL_MS),
            payment_window_ms: Millis::new(TTL_MS),
            charges: Box::default(),
        };
        let open = Command::Open { terms, on_hand: PLENTY };
        let sell = Command::SetSelling { selling: Selling::Open, phase_number: 1 };
        door.feed(&stock.object, &[vec![open, sell]])?;
        Ok(stock)
    }

    /// The name of the object.
    pub(super) fn object(&self) -> &str {
        &self.object
    }

    /// Grows to so many orders, so that what is to be read on waking is as much as it can be: the
    /// newest snapshot was written so long ago that the next one is nearly due. Tells of that.
    pub(super) fn grow(&mut self, orders: u64) -> Result<Snapshot> {
        let half = orders / 2;
        self.sell_in(LARGE, half)?;
        let early = self.until_snapshot()?;
        // How many events lead to a snapshot may depend on how much there is.
        let due = early.after_events.saturating_mul(2);
        let last = (due / EVENTS_PER_ORDER).min(orders.saturating_sub(half));
        self.sell_in(LARGE, orders.saturating_sub(half).saturating_sub(last))?;
        let late = self.until_snapshot()?;
        self.sell_in(USUAL, last)?;
        self.rest(orders)?;
        let view = self.door.show(&self.object)?;
        let (allocated, unsettled) =
            view.map_or((0, 0), |view| (u64::from(view.allocated), view.orders_unsettled));
        ensure!((allocated, unsettled) == (orders, 0), "{allocated} orders, {unsettled} unsettled");
        Ok(late)
    }

    /// Waits until it has become quiet enough for a snapshot, as before it is put to sleep, and
    /// goes on until the next such one is nearly due.
    fn rest(&mut self, orders: u64) -> Result<()> {
        for _ in 0..LOOKS_MAX {
            if self.door.to_read(&self.object)?.tail_events < f64::from(QUIET_EVENTS_MIN) {
                break;
            }
            sleep(LOOK_EVERY);
        }
        self.reserve_declined()?;
        let much = (orders / QUIET_SHARE).saturating_mul(9) / 10;
        let of_step = 2_u64.saturating_mul(self.declined.len() as u64);
        for _ in 0..much.checked_div(of_step).unwrap_or_default() {
            let step = self.decline();
            self.door.feed(&self.object, &[step])?;
        }
        Ok(())
    }

    /// Sells so many units more, each to another shopper, from reserving to settling.
    pub(super) fn sell(&mut self, orders: u64) -> Result<()> {
        self.sell_in(LARGE, orders)
    }

    fn sell_in(&mut self, portion: Portion, orders: u64) -> Result<()> {
        let end = self.orders.saturating_add(orders);
        while self.orders < end {
            let mut batches = Vec::new();
            while self.orders < end && batches.len() < portion.batches {
                let last = self.orders.saturating_add(portion.orders).min(end);
                batches.push(self.batch(self.orders..last));
                self.orders = last;
            }
            self.door.feed(&self.object, &batches)?;
        }
        Ok(())
    }

    /// Declines payments until a snapshot is written.
    pub(super) fn until_snapshot(&mut self) -> Result<Snapshot> {
        self.reserve_declined()?;
        let before = self.door.snapshot_after(&self.object)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of events is whole and small"
        )]
        let mut after_events = self.door.to_read(&self.object)?.tail_events as u64;
        let mut steps = Vec::new();
        for _ in 0..STEPS_MAX {
            let step = self.decline();
            let watch = Stopwatch::start();
            self.door.feed(&self.object, &[step])?;
            let ms = watch.elapsed().as_secs_f64() * 1_000.0;
            if self.door.snapshot_after(&self.object)? != before {
                steps.sort_by(f64::total_cmp);
                let usual = steps.get(steps.len() / 2).copied().unwrap_or_default();
                return Ok(Snapshot { after_events, ms: (ms - usual).max(0.0) });
            }
            steps.push(ms);
            let events = 2_u64.saturating_mul(self.declined.len() as u64);
            after_events = after_events.saturating_add(events);
        }
        bail!("{} writes no snapshot", self.object)
    }

    /// What so many shoppers and their payment providers say, in one batch.
    fn batch(&self, numbers: Range<u64>) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut orders = Vec::new();
        for number in numbers {
            let (shopper, id) = self.ids(&format!("buyer-{number}"));
            let payment = PaymentId::of(id, 1);
            commands.push(self.reserve(shopper));
            commands.push(Command::BeginPayment { shopper, reservation: id });
            commands.push(Command::Allocate { payment, amount_minor: PRICE_MINOR });
            orders.push(id.order());
        }
        commands.push(Command::Settle { orders });
        commands
    }

    fn reserve_declined(&mut self) -> Result<()> {
        if !self.declined.is_empty() {
            return Ok(());
        }
        let wanted = (self.orders / ORDERS_PER_DECLINED).max(DECLINED_MIN);
        let reserve = self.next_declined(wanted);
        self.door.feed(&self.object, &[reserve])
    }

    /// So many others, who reserve.
    fn next_declined(&mut self, wanted: u64) -> Vec<Command> {
        let ids = |number| self.ids(&format!("declined-{number}"));
        self.declined = (self.gone..self.gone.saturating_add(wanted)).map(ids).collect();
        self.declined.iter().map(|(shopper, _)| self.reserve(*shopper)).collect()
    }

    /// A payment of each of those, begun and declined. Who may not pay any more makes room.
    fn decline(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.attempts == u32::from(PAYMENTS_MAX) {
            let release = |(shopper, reservation): &(ShopperId, ReservationId)| Command::Release {
                shopper: *shopper,
                reservation: *reservation,
            };
            commands.extend(self.declined.iter().map(release));
            let wanted = self.declined.len() as u64;
            self.gone = self.gone.saturating_add(wanted);
            commands.extend(self.next_declined(wanted));
            self.attempts = 0;
        }
        self.attempts = self.attempts.saturating_add(1);
        let pair = |(shopper, reservation): &(ShopperId, ReservationId)| {
            let payment = PaymentId::of(*reservation, self.attempts);
            let begin = Command::BeginPayment { shopper: *shopper, reservation: *reservation };
            [begin, Command::DeclinePayment { payment }]
        };
        commands.extend(self.declined.iter().flat_map(pair));
        commands
    }

    fn reserve(&self, shopper: ShopperId) -> Command {
        Command::Reserve { shopper, key: self.key.clone(), quantity: 1 }
    }

    fn ids(&self, secret: &str) -> (ShopperId, ReservationId) {
        let shopper = ShopperId::of_secret(secret.as_bytes());
        (shopper, ReservationId::derive(&self.sale, &self.sku, shopper, &self.key))
    }
}

/// Batches of reservations, as text, by shoppers of a kind who are counted on from `first`.
pub(super) fn reservations(kind: &str, first: u64, batches: u64, length: u64) -> Result<String> {
    let key: IdempotencyKey = "k".parse()?;
    let reserve = |number: u64| {
        let shopper = ShopperId::of_secret(format!("{kind}-{number}").as_bytes());
        Command::Reserve { shopper, key: key.clone(), quantity: 1 }
    };
    let batch = |number: u64| {
        let from = first.saturating_add(number.saturating_mul(length));
        (from..from.saturating_add(length)).map(reserve).collect()
    };
    text_of(&(0..batches).map(batch).collect::<Vec<_>>())
}
