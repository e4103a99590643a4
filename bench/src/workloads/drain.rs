//! W8: all that was reserved is paid at once, and the orders go into the books.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use doorbuster_domain::id::OrderId;
use doorbuster_domain::inventory::Event;
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::{Millis, Timestamp};
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::json;
use xtask::clock;

use super::shapes::CONNECTIONS;
use super::shop;
use super::shoppers::{Shoppers, text_of};
use super::summing::{clean, float, per_second};
use crate::load::{self, Load, Ran, Reply, Stop, Workload, render_into};
use crate::merchant::{Journal, Merchant};
use crate::object::FrontDoor;

const SALE: &str = "w8";
const TTL: Millis = Millis::from_secs(3_600);

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Drain {
    pub orders: u64,
    /// How fast the crowd got there, all connections busy.
    pub reserved_per_second: f64,
    pub payments_begun_per_second: f64,
    pub allocated_per_second: f64,
    /// From the first order that was allocated to the last one that was in the books, and reported
    /// back as such.
    pub drained_after_ms: u64,
    pub settled_per_second: f64,
    /// Orders that were not in the books when the last one was allocated, and how fast they got
    /// there when nothing else was to be done.
    pub backlog: u64,
    pub backlog_per_second: f64,
    /// Between `allocated` and `settled` of an order, by its journal.
    pub lag_p50_ms: u64,
    pub lag_p99_ms: u64,
    pub lag_max_ms: u64,
    /// Messages that the consumer got, without one for each order.
    pub duplicate_messages: u64,
}

/// So many reservations, payments and orders.
pub fn run(orders: u32, dir: &Path, keyring: &Keyring) -> Result<Drain> {
    let door = FrontDoor::start(dir, keyring)?;
    let shop = Merchant::new(door.server().addr(), door.server().admin_token());
    shop::publish(&shop, 1)?;
    let sku = shop::sku(0);
    shop::open(&shop, SALE, &[(sku.clone(), orders)], TTL)?;
    let now = Timestamp::from_millis(clock::now_ms());
    let mut buyers = Buyers::new(Shoppers::new(keyring, SALE.parse()?, &sku, now), keyring);
    let addr = door.server().addr();
    let reserved = buyers.go(Step::Reserve, orders, addr).context("reserving")?;
    let begun = buyers.go(Step::Begin, orders, addr).context("beginning to pay")?;
    let allocated = buyers.go(Step::Report, orders, addr).context("hearing of payments")?;
    check_stock(&shop, orders)?;
    let journal = shop.journal(SALE, &sku)?;
    check_orders(&shop, &journal, &buyers)?;
    let mut drain = drain_of(&journal)?;
    let messages = door.messages()?;
    let duplicates = messages.checked_sub(drain.orders);
    drain.duplicate_messages = duplicates.context("there were fewer messages than orders")?;
    drain.reserved_per_second = reserved.per_second();
    drain.payments_begun_per_second = begun.per_second();
    drain.allocated_per_second = allocated.per_second();
    eprintln!(
        "w8_drain       {:>9.0}/s settled, lag {} ms (p50), {} ms (p99), {} duplicates",
        drain.settled_per_second, drain.lag_p50_ms, drain.lag_p99_ms, drain.duplicate_messages
    );
    Ok(drain)
}

/// That in the end every unit belongs to an order in the books.
fn check_stock(shop: &Merchant, orders: u32) -> Result<()> {
    let stock = shop.settled(SALE, &shop::sku(0))?;
    let found = (stock.on_hand, stock.allocated, stock.reserved, stock.reservations);
    ensure!(found == (orders, orders, 0, orders.into()), "in the end it is {stock:?}");
    ensure!(stock.refunds_due == 0, "money has to be given back: {stock:?}");
    Ok(())
}

/// That the orders which were acknowledged are those of the journal and those of the books.
fn check_orders(shop: &Merchant, journal: &Journal, buyers: &Buyers<'_>) -> Result<()> {
    let acknowledged: BTreeSet<String> =
        buyers.reservations.values().map(|id| id.replacen("rsv_", "ord_", 1)).collect();
    let journaled: BTreeSet<String> =
        journal.replay.state().orders().map(|order| order.to_string()).collect();
    ensure!(journaled == acknowledged, "the journal has {} orders", journaled.len());
    let booked = shop.orders(SALE)?;
    ensure!(booked.len() == acknowledged.len(), "{} orders are in the books", booked.len());
    let booked: BTreeSet<String> = booked.into_iter().map(|order| order.order).collect();
    ensure!(booked == acknowledged, "other orders are in the books than were paid");
    Ok(())
}

/// What the journal says of when orders came to be, and when they were in the books.
fn drain_of(journal: &Journal) -> Result<Drain> {
    let mut allocated: BTreeMap<OrderId, u64> = BTreeMap::new();
    let mut settled: BTreeMap<OrderId, u64> = BTreeMap::new();
    for entry in &journal.entries {
        let at = entry.committed_at_ms.as_millis();
        for event in serde_json::from_str::<Vec<Event>>(&entry.events)? {
            let earlier = match event {
                Event::Allocated { payment } => allocated.insert(payment.reservation().order(), at),
                Event::Settled { order } => settled.insert(order, at),
                _ => None,
            };
            ensure!(earlier.is_none(), "something happened twice to an order: {event:?}");
        }
    }
    let mut lags = Histogram::<u64>::new(3).context("making a histogram")?;
    for (order, at) in &allocated {
        let settled_at = settled.get(order).with_context(|| format!("{order} is not settled"))?;
        lags.record(settled_at.saturating_sub(*at))?;
    }
    let first = allocated.values().copied().min().context("there are no orders")?;
    let last = allocated.values().copied().max().unwrap_or(first);
    let end = settled.values().copied().max().unwrap_or(last);
    let backlog = settled.values().filter(|at| **at > last).count() as u64;
    let rate = |count, ms: u64| per_second(count, float(ms));
    Ok(Drain {
        orders: lags.len(),
        reserved_per_second: 0.0,
        payments_begun_per_second: 0.0,
        allocated_per_second: 0.0,
        drained_after_ms: end.saturating_sub(first),
        settled_per_second: rate(lags.len(), end.saturating_sub(first)),
        backlog,
        backlog_per_second: rate(backlog, end.saturating_sub(last)),
        lag_p50_ms: lags.value_at_quantile(0.5),
        lag_p99_ms: lags.value_at_quantile(0.99),
        lag_max_ms: lags.max(),
        duplicate_messages: 0,
    })
}

/// What all do before anybody does the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Reserve,
    Begin,
    /// The provider says that it has the money.
    Report,
}

/// People from number 0 on, who buy a unit each.
pub(crate) struct Buyers<'k> {
    shoppers: Shoppers<'k>,
    keyring: &'k Keyring,
    pub(crate) step: Step,
    /// By shopper.
    reservations: BTreeMap<u64, String>,
    /// Which payment the provider reports, sealed by the product.
    links: BTreeMap<u64, String>,
}

impl<'k> Buyers<'k> {
    pub(crate) fn new(shoppers: Shoppers<'k>, keyring: &'k Keyring) -> Self {
        let (reservations, links) = (BTreeMap::new(), BTreeMap::new());
        Self { shoppers, keyring, step: Step::Reserve, reservations, links }
    }

    /// So many of them do this, all connections busy.
    pub(crate) fn go(&mut self, step: Step, people: u32, target: SocketAddr) -> Result<Ran> {
        self.step = step;
        let load = Load {
            connections: CONNECTIONS,
            stop: Stop::Count(people.into()),
            ..Load::new(target, self)
        };
        clean(load::run(&mut { load })?)
    }
}

impl Workload for Buyers<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        match self.step {
            Step::Reserve => self.shoppers.reserve(out, number, "k", 1),
            Step::Begin => {
                let id = self.reservations.get(&number).map_or("", String::as_str);
                self.shoppers.begin_payment(out, number, id);
            }
            Step::Report => {
                let link = self.links.get(&number).map_or("", String::as_str);
                let body = json!({ "type": "payment.completed", "link": link }).to_string();
                let now = Timestamp::from_millis(clock::now_ms());
                let signature = self.keyring.sign_webhook(now, body.as_bytes());
                let headers = [
                    ("content-type", "application/json"),
                    ("doorbuster-signature", signature.as_str()),
                ];
                render_into(out, "POST", "/v1/webhooks/sandbox", &headers, body.as_bytes());
            }
        }
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        match (self.step, reply.status) {
            (Step::Reserve, 201) => {
                let id = text_of(reply.body, "reservation").ok_or("no reservation")?;
                self.reservations.insert(reply.number, id.to_owned());
            }
            (Step::Begin, 201) => {
                let page = text_of(reply.body, "redirect_to").ok_or("no page to pay at")?;
                let link = page.rsplit('/').next().unwrap_or_default();
                self.links.insert(reply.number, link.to_owned());
            }
            (Step::Report, 200) => {}
            _ => return Err(reply.unexpected()),
        }
        Ok(0)
    }
}
