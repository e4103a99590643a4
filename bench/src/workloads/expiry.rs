//! W5: many of those who reserve never pay, and their units come back until all are sold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::{Millis, Timestamp};
use serde::Serialize;
use xtask::clock;

use super::agenda::{Agenda, Next};
use super::shapes::CONNECTIONS;
use super::shop;
use super::shoppers::{Shoppers, is_problem, is_retryable, text_of};
use super::summing::{clean, first_due, last_done, latencies, ms_between, per_second};
use crate::load::{
    self, Arrivals, Load, Op, Pace, Reply, SplitMix64, Stop, Summary, Workload, render_into,
};
use crate::merchant::Merchant;

const SALE: &str = "w5";
/// A run that takes longer has lost units.
const RUN_MAX: Duration = Duration::from_mins(2);
const NS_PER_MS: u64 = 1_000_000;
/// So many people come as there are units, times this: enough that those who pay want them all.
const PEOPLE_PER_UNIT: u64 = 2;
/// Of a hundred people, so many reserve and never pay.
const WALK_AWAY: u64 = 40;
const OF: u64 = 100;
/// Whoever is told "all reserved", or was too slow, tries again after 250 to 750 ms.
const RETRY_MS: (u64, u64) = (250, 501);

/// What an answer was.
const RESERVED: u8 = 1;
const ALL_RESERVED: u8 = 2;
const SOLD_OUT: u8 = 3;
const PAYING: u8 = 4;
const TOO_LATE: u8 = 5;
const PAID: u8 = 6;
const ORDER: u8 = 7;

/// How large a run is.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub units: u32,
    /// How fast people come.
    pub per_second: f64,
    /// The rules allow a millisecond, in which nobody can pay.
    pub reservation_ttl: Millis,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Churn {
    pub units: u32,
    pub people: u64,
    pub reservation_ttl_ms: u64,
    /// From the first who came until the last unit had an order that was acknowledged.
    pub sold_after_ms: f64,
    /// Orders that were acknowledged in a second of that time, and answers of any kind.
    pub orders_per_second: f64,
    pub answers_per_second: f64,
    /// Reservations that were made, and those of them that ran out.
    pub reserved: u64,
    pub expired: u64,
    /// People whose reservation had run out when they wanted to pay.
    pub too_late: u64,
    /// "All reserved", after which somebody tried again, and "sold out", after which nobody did.
    pub all_reserved: u64,
    pub sold_out: u64,
    /// From the moment a request was due, of reserves and of payments.
    pub reserve: Summary,
    pub pay: Summary,
}

/// Sells all units, and checks the shoppers' history against the product's own figures, its journal
/// and the books.
pub fn run(sizes: &Sizes, dir: &Path, keyring: &Keyring) -> Result<Churn> {
    let (running, shop) = shop::start(dir, keyring, 1)?;
    let sku = shop::sku(0);
    shop::open(&shop, SALE, &[(sku.clone(), sizes.units)], sizes.reservation_ttl)?;
    let people = u64::from(sizes.units).saturating_mul(PEOPLE_PER_UNIT);
    let now = Timestamp::from_millis(clock::now_ms());
    let mut crowd = Crowd {
        shoppers: Shoppers::new(keyring, SALE.parse()?, &sku, now),
        agenda: Agenda::new(Pace::PerSecond(sizes.per_second, Arrivals::Poisson(5)), people)?,
        random: SplitMix64(5),
        came: 0,
        under_way: BTreeMap::new(),
        orders: BTreeSet::new(),
    };
    let ran = clean(load::run(&mut Load {
        connections: CONNECTIONS,
        pace: Pace::Scripted,
        stop: Stop::After(RUN_MAX),
        patience: Duration::from_secs(30),
        history: true,
        ..Load::new(running.addr(), &mut crowd)
    })?)?;
    ensure!(crowd.agenda.due().is_none(), "not all were sold within {RUN_MAX:?}");
    let ops = ran.history.ops;
    let churn = churn_of(&ops, sizes, people, check(&ops, sizes.units, &crowd.orders, &shop)?)?;
    eprintln!(
        "w5_expiry      {} units sold after {:.1} s, {} reservations ran out",
        churn.units,
        churn.sold_after_ms / 1_000.0,
        churn.expired
    );
    Ok(churn)
}

fn of(ops: &[Op], class: u8) -> impl Iterator<Item = &Op> {
    ops.iter().filter(move |op| op.class == class)
}

/// That every unit has one order which was acknowledged, and no other. How many reservations ran
/// out.
fn check(ops: &[Op], units: u32, orders: &BTreeSet<String>, shop: &Merchant) -> Result<u64> {
    let acknowledged = of(ops, ORDER).count();
    ensure!(acknowledged == orders.len(), "{acknowledged} acknowledged orders have the same name");
    ensure!(acknowledged as u64 == u64::from(units), "{acknowledged} orders for {units} units");
    let sku = shop::sku(0);
    let stock = shop.settled(SALE, &sku)?;
    let found = (stock.on_hand, stock.allocated, stock.reserved, stock.available);
    ensure!(found == (units, units, 0, 0), "in the end it is {stock:?}");
    let reserved = of(ops, RESERVED).count() as u64;
    ensure!(stock.reservations == reserved, "{reserved} were acknowledged, but {stock:?}");
    ensure!(stock.refunds_due == 0, "money has to be given back: {stock:?}");
    let ran_out = reserved.saturating_sub(units.into());
    ensure!(stock.expired == ran_out, "{ran_out} reservations were not paid, but {stock:?}");
    let journal = shop.journal(SALE, &sku)?;
    let journaled: BTreeSet<String> =
        journal.replay.state().orders().map(|order| order.to_string()).collect();
    ensure!(journaled == *orders, "the journal has {} orders", journaled.len());
    let booked = shop.orders(SALE)?;
    ensure!(booked.len() == orders.len(), "{} orders are in the books", booked.len());
    let booked: BTreeSet<String> = booked.into_iter().map(|order| order.order).collect();
    ensure!(booked == *orders, "other orders are in the books than were acknowledged");
    Ok(ran_out)
}

fn churn_of(ops: &[Op], sizes: &Sizes, people: u64, expired: u64) -> Result<Churn> {
    let count = |class: u8| of(ops, class).count() as u64;
    let sold_at = last_done(of(ops, ORDER));
    let sold_after_ms = ms_between(first_due(ops), sold_at);
    let answers = ops.iter().filter(|op| op.done_ns <= sold_at).count() as u64;
    let asked = |steps: &'static [u8]| ops.iter().filter(|op| steps.contains(&op.tag));
    Ok(Churn {
        units: sizes.units,
        people,
        reservation_ttl_ms: sizes.reservation_ttl.get(),
        sold_after_ms,
        orders_per_second: per_second(count(ORDER), sold_after_ms),
        answers_per_second: per_second(answers, sold_after_ms),
        reserved: count(RESERVED),
        expired,
        too_late: count(TOO_LATE),
        all_reserved: count(ALL_RESERVED),
        sold_out: count(SOLD_OUT),
        reserve: latencies(asked(&[Step::RESERVE]))?,
        pay: latencies(asked(&[Step::BEGIN, Step::PAY]))?,
    })
}

/// What a shopper does next. A reservation is named by its id, a payment by its page.
#[derive(Debug, Clone)]
enum Step {
    Reserve,
    Begin(String),
    Pay { reservation: String, page: String },
    Look(String),
}

impl Step {
    const RESERVE: u8 = 0;
    const BEGIN: u8 = 1;
    const PAY: u8 = 2;

    const fn tag(&self) -> u8 {
        match self {
            Self::Reserve => Self::RESERVE,
            Self::Begin(_) => Self::BEGIN,
            Self::Pay { .. } => Self::PAY,
            Self::Look(_) => 3,
        }
    }
}

/// A shopper, whether this one pays, and how often a reservation has run out meanwhile: each
/// reserve after that is another act, with another key.
#[derive(Debug, Clone, Copy)]
struct Shopper {
    number: u64,
    pays: bool,
    act: u32,
}

struct Crowd<'k> {
    shoppers: Shoppers<'k>,
    agenda: Agenda<(Shopper, Step)>,
    random: SplitMix64,
    came: u64,
    /// By the number of the operation.
    under_way: BTreeMap<u64, (Shopper, Step)>,
    /// Those that were acknowledged.
    orders: BTreeSet<String>,
}

impl Crowd<'_> {
    fn try_again(&mut self, shopper: Shopper, now_ns: u64) {
        let (least, more) = RETRY_MS;
        let ms = least.saturating_add(self.random.next().checked_rem(more).unwrap_or(0));
        let at = now_ns.saturating_add(ms.saturating_mul(NS_PER_MS));
        self.agenda.add(at, (shopper, Step::Reserve));
    }

    /// Whoever may succeed later tries again later; whoever may not leaves.
    fn reserved(&mut self, shopper: Shopper, reply: &Reply<'_>) -> Result<u8, String> {
        match reply.status {
            201 => {
                let id = text(reply, "reservation")?;
                if shopper.pays {
                    self.agenda.add(reply.done_ns, (shopper, Step::Begin(id)));
                }
                Ok(RESERVED)
            }
            409 if is_problem(reply.body, "all-reserved") && is_retryable(reply.body) => {
                self.try_again(shopper, reply.done_ns);
                Ok(ALL_RESERVED)
            }
            409 if is_problem(reply.body, "sold-out") && !is_retryable(reply.body) => Ok(SOLD_OUT),
            _ => Err(reply.unexpected()),
        }
    }

    fn begun(&mut self, shopper: Shopper, id: String, reply: &Reply<'_>) -> Result<u8, String> {
        match reply.status {
            201 => {
                let page = text(reply, "redirect_to")?;
                let pay = Step::Pay { reservation: id, page };
                self.agenda.add(reply.done_ns, (shopper, pay));
                Ok(PAYING)
            }
            410 if is_problem(reply.body, "reservation-expired") => {
                let shopper = Shopper { act: shopper.act.saturating_add(1), ..shopper };
                self.try_again(shopper, reply.done_ns);
                Ok(TOO_LATE)
            }
            _ => Err(reply.unexpected()),
        }
    }

    fn looked(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        if reply.status != 200 || text(reply, "state")? != "allocated" {
            return Err(reply.unexpected());
        }
        let order = text(reply, "order")?;
        if self.orders.insert(order.clone()) { Ok(ORDER) } else { Err(format!("{order} again")) }
    }
}

/// Whether a shopper pays. The place in a hundred is mixed, so that those who do not are among the
/// others.
fn pays(shopper: u64) -> bool {
    shopper.wrapping_mul(617).checked_rem(OF).unwrap_or(0) >= WALK_AWAY
}

fn text(reply: &Reply<'_>, field: &str) -> Result<String, String> {
    text_of(reply.body, field).map(str::to_owned).ok_or_else(|| reply.unexpected())
}

impl Workload for Crowd<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        let (shopper, step) = match self.agenda.take() {
            Some(Next::FollowUp(what)) => what,
            // Only what is due is asked for, so there is something.
            Some(Next::Arrival(_)) | None => {
                let number = self.came;
                self.came = number.saturating_add(1);
                let pays = pays(number);
                (Shopper { number, pays, act: 0 }, Step::Reserve)
            }
        };
        match &step {
            Step::Reserve => {
                self.shoppers.reserve(out, shopper.number, &format!("act-{}", shopper.act), 1);
            }
            Step::Begin(id) => self.shoppers.begin_payment(out, shopper.number, id),
            Step::Pay { page, .. } => {
                let form = [("content-type", "application/x-www-form-urlencoded")];
                render_into(out, "POST", page, &form, b"outcome=success");
            }
            Step::Look(id) => self.shoppers.look(out, shopper.number, id),
        }
        let tag = step.tag();
        self.under_way.insert(number, (shopper, step));
        tag
    }

    fn due(&self) -> Option<u64> {
        self.agenda.due()
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        let (shopper, step) = self.under_way.remove(&reply.number).ok_or("nobody sent that")?;
        match step {
            Step::Reserve => self.reserved(shopper, reply),
            Step::Begin(id) => self.begun(shopper, id, reply),
            Step::Pay { reservation, .. } if reply.status == 303 => {
                self.agenda.add(reply.done_ns, (shopper, Step::Look(reservation)));
                Ok(PAID)
            }
            Step::Pay { .. } => Err(reply.unexpected()),
            Step::Look(_) => self.looked(reply),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hundred_people_sixty_pay_wherever_one_begins_to_count() {
        for first in [0, 100, 1_200] {
            let payers = (first..first + OF).filter(|shopper| pays(*shopper)).count() as u64;
            assert_eq!(payers, OF - WALK_AWAY);
        }
    }
}
