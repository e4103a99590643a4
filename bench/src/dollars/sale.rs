//! A whole sale, as it goes on for shoppers: in stages, of each of which is counted what it cost.
//!
//! Everybody joins while there is something to be had, polls once, is let in and asks for one unit.
//! The first get one. They begin to pay, and until the provider has told that they have paid, those
//! who ask are refused by the object; afterwards the edge refuses.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::Timestamp;
use serde_json::{Value, json};
use xtask::clock;

use super::meter::{Counts, Metered};
use crate::load::{self, Load, Reply, Stop, Workload, render_into};
use crate::merchant::{ADMITS_PER_MINUTE, Merchant};
use crate::subjects::TTL;
use crate::workloads::shoppers::secret_of;
use crate::workloads::{SALE, SKU};

/// How many come, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd {
    pub(super) shoppers: u64,
    pub(super) units: u64,
    /// How many of those who come too late come before the winners have paid.
    pub(super) early: u64,
    /// How many can ask at the same moment. With one, nobody shares a call, a turn or a row.
    pub(super) connections: usize,
}

/// What a stage of the sale cost.
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) counts: Counts,
}

/// An edge may know what it knows for two seconds.
const UNTIL_HEARD: Duration = Duration::from_millis(2_500);
/// Orders are on their way through the queue for a second or so. A minute is too long.
const LOOKS_MAX: u32 = 120;
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs a sale from announcing it to its last order in the books.
pub(super) fn run(metered: &Metered, keyring: &Keyring, crowd: Crowd) -> Result<Vec<Stage>> {
    let merchant = Merchant::new(metered.server.addr(), metered.server.admin_token());
    let last = metered.read()?;
    let mut stages = Stages { metered, addr: metered.server.addr(), crowd, last, done: Vec::new() };
    stages.begin("setup", || {
        merchant.publish_sample()?;
        // Everybody is let in and asks for a unit: that is the most that a shopper costs.
        merchant.announce(SALE, &[SKU], TTL, "passthrough", ADMITS_PER_MINUTE)?;
        merchant.give(SALE, SKU, u32::try_from(crowd.units)?)?;
        merchant.open(SALE)?;
        merchant.until_band_is_told(SALE, SKU, "in_stock")
    })?;
    let all = crowd.shoppers;
    let tickets = stages.ask("join", all, &mut Join, "ticket", 201)?;
    std::thread::sleep(UNTIL_HEARD);
    let passes = stages.ask("poll", all, &mut Turn { tickets }, "pass", 200)?;
    let mut reserve = Reserve { passes, first: 0 };
    let reservations = stages.ask("reserve", crowd.units, &mut reserve, "reservation", 201)?;
    reserve.first = crowd.units;
    stages.ask("refused_by_the_object", crowd.early, &mut reserve, "#all-reserved", 409)?;
    let mut pay = Pay { reservations };
    let links = stages.ask("begin_payment", crowd.units, &mut pay, "redirect_to", 201)?;
    let mut paid = Paid { keyring, links };
    stages.ask("webhook", crowd.units, &mut paid, "\"received\":true", 200)?;
    stages.begin("settle", || settled(metered, crowd.units))?;
    let mut show = Show { reservations: pay.reservations };
    stages.ask("receipt", crowd.units, &mut show, "\"allocated\"", 200)?;
    stages.uncounted(|| merchant.until_band_is_told(SALE, SKU, "sold_out"))?;
    reserve.first = crowd.units.saturating_add(crowd.early);
    let late = all.saturating_sub(reserve.first);
    stages.ask("refused_at_the_edge", late, &mut reserve, "#sold-out", 409)?;
    let stock = merchant.stock(SALE, SKU)?;
    let sold = u64::from(stock.allocated) == crowd.units && stock.orders_unsettled == 0;
    ensure!(sold, "not everything is sold and settled: {stock:?}");
    Ok(stages.done)
}

/// Waits until the orders have come through the queue, and nothing happens any more.
fn settled(metered: &Metered, orders: u64) -> Result<()> {
    let mut before = Counts::default();
    for _ in 0..LOOKS_MAX {
        std::thread::sleep(LOOK_EVERY);
        let now = metered.read()?;
        let is_quiet = ["alarms", "queue_batches", "inventory_requests", "d1_rows_written"]
            .iter()
            .all(|name| now.get(name) == before.get(name));
        if is_quiet && now.get("messages_delivered") >= orders {
            return Ok(());
        }
        before = now;
    }
    bail!("of {orders} orders only {} came", before.get("messages_delivered"))
}

/// The stages so far.
struct Stages<'m> {
    metered: &'m Metered,
    addr: SocketAddr,
    crowd: Crowd,
    /// Where the next stage begins to count: what objects and queues go on with between two stages
    /// belongs to the next.
    last: Counts,
    done: Vec<Stage>,
}

impl Stages<'_> {
    fn begin<T>(&mut self, name: &'static str, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = act().context(name)?;
        let now = self.metered.read()?;
        self.done.push(Stage { name, counts: now.since(&self.last) });
        self.last = now;
        Ok(result)
    }

    /// Does something that is the bench's own business.
    fn uncounted(&mut self, act: impl FnOnce() -> Result<()>) -> Result<()> {
        act()?;
        self.last = self.metered.read()?;
        Ok(())
    }

    /// Has so many shoppers ask, each once, who all have to be told something: a text that has to
    /// be in the reply, or a field of it, whose values are returned in the shoppers' order.
    fn ask(
        &mut self,
        name: &'static str,
        shoppers: u64,
        asks: &mut dyn Asks,
        told: &'static str,
        status: u16,
    ) -> Result<Vec<String>> {
        let Self { addr, crowd, .. } = *self;
        let len = usize::try_from(shoppers).context("the shoppers")?;
        let said = vec![String::new(); len];
        let mut workload = Asking { asks, told, status, said };
        self.begin(name, || {
            let stop = Stop::Count(shoppers);
            let connections = crowd.connections;
            let ran = load::run(&mut Load { connections, stop, ..Load::new(addr, &mut workload) })?;
            ensure!(ran.is_clean(), "{} errors: {:?}", ran.errors, ran.complaints);
            Ok(())
        })?;
        Ok(workload.said)
    }
}

/// What shoppers ask in a stage.
trait Asks {
    /// Appends the request of shopper `number` of the stage.
    fn write(&self, number: u64, out: &mut Vec<u8>);
}

/// Shoppers who ask, and what they were told.
struct Asking<'a> {
    asks: &'a mut dyn Asks,
    told: &'static str,
    status: u16,
    said: Vec<String>,
}

impl Workload for Asking<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        self.asks.write(number, out);
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        if reply.status != self.status {
            return Err(reply.unexpected());
        }
        let body = std::str::from_utf8(reply.body).unwrap_or_default();
        if self.told.contains(|c: char| !c.is_ascii_lowercase() && c != '_') {
            return if body.contains(self.told) { Ok(0) } else { Err(reply.unexpected()) };
        }
        let value: Value = serde_json::from_str(body).unwrap_or_default();
        let place = usize::try_from(reply.number).ok().and_then(|at| self.said.get_mut(at));
        match (value.get(self.told).and_then(Value::as_str), place) {
            (Some(text), Some(place)) => {
                text.clone_into(place);
                Ok(0)
            }
            _ => Err(reply.unexpected()),
        }
    }
}

struct Join;
struct Turn {
    tickets: Vec<String>,
}
struct Reserve {
    passes: Vec<String>,
    /// The shopper who is the first of the stage.
    first: u64,
}
struct Pay {
    reservations: Vec<String>,
}
struct Paid<'k> {
    keyring: &'k Keyring,
    links: Vec<String>,
}
struct Show {
    reservations: Vec<String>,
}

impl Asks for Join {
    fn write(&self, number: u64, out: &mut Vec<u8>) {
        let path = format!("/v1/sales/{SALE}/tickets");
        render_into(out, "POST", &path, &[("doorbuster-shopper", &secret_of(number))], b"");
    }
}

impl Asks for Turn {
    fn write(&self, number: u64, out: &mut Vec<u8>) {
        let headers = [
            ("doorbuster-shopper", &*secret_of(number)),
            ("doorbuster-ticket", of(&self.tickets, number)),
        ];
        render_into(out, "GET", &format!("/v1/sales/{SALE}/turn"), &headers, b"");
    }
}

impl Asks for Reserve {
    fn write(&self, number: u64, out: &mut Vec<u8>) {
        let shopper = self.first.saturating_add(number);
        let headers = [
            ("doorbuster-shopper", &*secret_of(shopper)),
            ("doorbuster-pass", of(&self.passes, shopper)),
            ("idempotency-key", "k"),
        ];
        let path = format!("/v1/sales/{SALE}/skus/{SKU}/reservations");
        render_into(out, "POST", &path, &headers, b"");
    }
}

impl Asks for Pay {
    fn write(&self, number: u64, out: &mut Vec<u8>) {
        let reservation = of(&self.reservations, number);
        let path = format!("/v1/sales/{SALE}/skus/{SKU}/reservations/{reservation}/payment");
        render_into(out, "POST", &path, &[("doorbuster-shopper", &secret_of(number))], b"");
    }
}

/// The provider's word. It is ours to say, with the secret that we gave the product.
impl Asks for Paid<'_> {
    fn write(&self, number: u64, out: &mut Vec<u8>) {
        let link = of(&self.links, number).rsplit('/').next().unwrap_or_default();
        let body = json!({ "type": "payment.completed", "link": link }).to_string();
        let now = Timestamp::from_millis(clock::now_ms());
        let signature = self.keyring.sign_webhook(now, body.as_bytes());
        let headers = [("doorbuster-signature", &*signature), ("content-type", "application/json")];
        render_into(out, "POST", "/v1/webhooks/sandbox", &headers, body.as_bytes());
    }
}

impl Asks for Show {
    fn write(&self, number: u64, out: &mut Vec<u8>) {
        let reservation = of(&self.reservations, number);
        let path = format!("/v1/sales/{SALE}/skus/{SKU}/reservations/{reservation}");
        render_into(out, "GET", &path, &[("doorbuster-shopper", &secret_of(number))], b"");
    }
}

fn of(texts: &[String], number: u64) -> &str {
    usize::try_from(number).ok().and_then(|at| texts.get(at)).map_or("", String::as_str)
}
