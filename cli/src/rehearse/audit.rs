//! Counting again, from two sources that know nothing of each other: the orders in the books, and
//! the journals, verified offline by the domain's own code.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use doorbuster_domain::id::PaymentId;
use doorbuster_domain::inventory::Event;
use doorbuster_domain::journal::Entry;
use doorbuster_domain::webhook::EventKind;
use doorbuster_wire::merchant::SettledOrder;

use super::merchant::{FREE_FROM_MINOR, Merchant, SHIPPING_MINOR, SaleSetup, TAX_PERCENT};
use super::shopper::Seen;
use crate::verify::{draw, journal};

/// What the two sources say.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// Orders in the books; an order that is there twice is here twice.
    pub(super) booked: Vec<String>,
    /// Orders that are cancelled in the books.
    booked_cancelled: BTreeSet<String>,
    /// Orders that are cancelled by the journals.
    pub(super) cancelled: BTreeSet<String>,
    /// Those of them whose money went back, by the books.
    pub(super) booked_back: BTreeSet<String>,
    /// The same by the journals.
    pub(super) journaled_back: BTreeSet<String>,
    /// Units in the books, by SKU; those of cancelled orders belong to nobody any more.
    pub(super) booked_units: BTreeMap<String, u64>,
    /// Units that a shopper has of a SKU, by the books.
    pub(super) shopper_units: BTreeMap<(String, String), u64>,
    /// Orders by the journals.
    pub(super) journaled: BTreeSet<String>,
    /// By the journals, by SKU.
    pub(super) stock: BTreeMap<String, JournaledStock>,
    /// Reservations that expired, by the journals.
    pub(super) expired: BTreeSet<String>,
    /// How many numbers were in the draw, if it is as it was committed to, and everybody was told
    /// the position that it gives.
    pub(super) drawn: Option<u64>,
    /// What is wrong with a journal, or with the draw.
    pub(super) broken: Vec<String>,
}

/// What a journal says of its SKU.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct JournaledStock {
    pub(super) on_hand: u32,
    pub(super) reserved: u32,
    pub(super) allocated: u32,
    pub(super) reservations: u64,
    pub(super) expired: u64,
    /// Units of orders that were cancelled.
    pub(super) cancelled: u32,
    /// Units that left the sale with such orders.
    pub(super) withdrawn: u64,
    /// Payments that bought nothing and were given back.
    pub(super) refunded_late: u64,
    pub(super) entries: u64,
}

impl JournaledStock {
    /// Whether every unit was an order's, also if that was cancelled since.
    fn was_sold_out(&self) -> bool {
        let given = u64::from(self.on_hand).saturating_add(self.withdrawn);
        u64::from(self.sold()) == given
    }

    /// Units of all orders, also of those that were cancelled since.
    pub(super) const fn sold(&self) -> u32 {
        self.allocated.saturating_add(self.cancelled)
    }
}

impl Audit {
    pub(super) async fn take(merchant: &Merchant, setup: &SaleSetup) -> Result<Self> {
        let mut audit = Self::default();
        for order in merchant.orders(&setup.sale).await? {
            if let Some(wrong) = wrongly_charged(&order) {
                audit.broken.push(format!("order {}: {wrong}", order.order));
            }
            if order.cancelled_at_ms.is_some() {
                audit.booked_cancelled.insert(order.order.clone());
                if order.refunded_at_ms.is_some() {
                    audit.booked_back.insert(order.order.clone());
                }
                audit.booked.push(order.order);
                continue;
            }
            for line in &order.lines {
                let units = u64::from(line.quantity);
                let booked = audit.booked_units.entry(line.sku.clone()).or_default();
                *booked = booked.saturating_add(units);
                let key = (order.shopper.clone(), line.sku.clone());
                let had = audit.shopper_units.entry(key).or_default();
                *had = had.saturating_add(units);
            }
            audit.booked.push(order.order);
        }
        for sku in setup.stock.keys() {
            let entries = merchant.journal(&setup.sale, sku).await?;
            match journal::verify(&entries) {
                Ok(replay) => {
                    audit.expired.extend(expired_in(&entries));
                    audit.enter(sku, &replay, &entries);
                }
                Err(error) => audit.broken.push(format!("journal of {sku}: {error:#}")),
            }
        }
        if audit.booked_cancelled != audit.cancelled {
            audit.broken.push("books and journals have other orders cancelled".to_owned());
        }
        Ok(audit)
    }

    /// What the merchant's shop has to be told of, by books and journals: kinds and their subjects.
    pub(super) fn to_tell(&self, sale: &str) -> BTreeSet<(&'static str, String)> {
        let of_each = |order: &String| {
            [EventKind::OrderCreated, EventKind::OrderPaid].map(|kind| (kind, order.clone()))
        };
        let orders = self.booked.iter().flat_map(of_each);
        let expired = self.expired.iter().map(|id| (EventKind::ReservationExpired, id.clone()));
        let of_cancelled = |order: &String| {
            [EventKind::OrderCancelled, EventKind::OrderRefunded].map(|kind| (kind, order.clone()))
        };
        let orders = orders.chain(self.booked_cancelled.iter().flat_map(of_cancelled));
        let sold_out = self.stock.iter().filter(|(_, stock)| stock.was_sold_out());
        let sold_out = sold_out.map(|(sku, _)| (EventKind::SkuSoldOut, sku.clone()));
        let opened = [(EventKind::SaleOpened, sale.to_owned())];
        let all = orders.chain(expired).chain(sold_out).chain(opened);
        all.map(|(kind, subject)| (kind.as_str(), subject)).collect()
    }

    /// Verifies the published draw against what shoppers have in hand.
    pub(super) fn check_draw(&mut self, published: &str, seen: &[Seen]) {
        let with_ticket = || seen.iter().filter(|seen| seen.ticket.is_some());
        let tickets: Vec<String> = with_ticket()
            .filter_map(|seen| seen.ticket.clone())
            .chain(seen.iter().filter_map(|seen| seen.pass.clone()))
            .collect();
        let verdict = draw::verify(published, &draw::Witness { tickets, position: None });
        if let Some(problem) = verdict.problem {
            self.broken.push(format!("the draw: {problem}"));
            return;
        }
        let wrong = with_ticket()
            .zip(&verdict.tickets)
            .find(|(seen, place)| seen.position.is_some_and(|told| Some(told) != place.position));
        match wrong {
            Some((seen, place)) => self.broken.push(format!(
                "the draw: number {} was told position {:?}, and has {:?}",
                place.number, seen.position, place.position
            )),
            None => self.drawn = verdict.entries,
        }
    }

    fn enter(
        &mut self,
        sku: &str,
        replay: &doorbuster_domain::journal::Replay<doorbuster_domain::inventory::Inventory>,
        entries: &[Entry],
    ) {
        let inventory = replay.state();
        self.journaled.extend(inventory.orders().map(|order| order.to_string()));
        let (mut cancelled, mut refunded_late) = (0_u32, 0_u64);
        for order in inventory.cancelled_orders() {
            let units = inventory.placed_order(order).map_or(0, |placed| placed.quantity);
            cancelled = cancelled.saturating_add(units);
            self.cancelled.insert(order.to_string());
        }
        for payment in refunds_in(entries) {
            if inventory.cancelled_with(payment).is_some() {
                self.journaled_back.insert(payment.reservation().order().to_string());
            } else {
                refunded_late = refunded_late.saturating_add(1);
            }
        }
        let Some(stock) = inventory.stock() else {
            self.broken.push(format!("journal of {sku}: it never opened"));
            return;
        };
        let journaled = JournaledStock {
            on_hand: stock.on_hand,
            reserved: stock.reserved,
            allocated: stock.allocated,
            reservations: stock.reservations,
            expired: stock.expired,
            cancelled,
            withdrawn: stock.withdrawn_with_orders,
            refunded_late,
            entries: replay.seq(),
        };
        self.stock.insert(sku.to_owned(), journaled);
    }
}

/// What is wrong with what an order cost, by the rules that the sale was made with.
fn wrongly_charged(order: &SettledOrder) -> Option<String> {
    let told = [
        Some(order.amount.minor),
        order.shipping.as_ref().map(|shipping| shipping.minor),
        order.tax.as_ref().map(|tax| tax.amount.minor),
    ];
    let expected = expected(order).unwrap_or_default().map(Some);
    (told != expected).then(|| format!("it cost {told:?} (all, shipping, tax), not {expected:?}"))
}

/// What an order costs in all, its shipping, and its tax: from the lines, and by what remains
/// without the tax, which is not how the domain computes it.
fn expected(order: &SettledOrder) -> Option<[u64; 3]> {
    let mut goods = 0_u64;
    for line in &order.lines {
        let price = line.unit_price.minor.checked_mul(line.quantity.into())?;
        goods = goods.checked_add(price)?;
    }
    let shipping = if goods < FREE_FROM_MINOR { SHIPPING_MINOR } else { 0 };
    let paid = goods.checked_add(shipping)?;
    let percent_of_net = TAX_PERCENT.checked_add(100)?;
    let twice_net = paid.checked_mul(200)?.checked_add(percent_of_net)?;
    let net = twice_net.checked_div(percent_of_net.checked_mul(2)?)?;
    Some([paid, shipping, paid.checked_sub(net)?])
}

/// Payments whose refund was confirmed, by the events of a journal.
fn refunds_in(entries: &[Entry]) -> impl Iterator<Item = PaymentId> {
    events_in(entries).filter_map(|event| match event {
        Event::Refunded { payment } => Some(payment),
        _ => None,
    })
}

/// Reservations that expired, by the events of a journal.
fn expired_in(entries: &[Entry]) -> impl Iterator<Item = String> {
    let mut given_up = BTreeSet::new();
    events_in(entries).filter_map(move |event| match event {
        Event::PaymentGivenUp { reservation } => {
            given_up.insert(reservation);
            None
        }
        Event::PaymentVoided { reservation } if given_up.contains(&reservation) => None,
        Event::Expired { reservation } | Event::PaymentVoided { reservation } => {
            Some(reservation.to_string())
        }
        _ => None,
    })
}

fn events_in(entries: &[Entry]) -> impl Iterator<Item = Event> {
    let events =
        entries.iter().filter_map(|entry| serde_json::from_str::<Vec<Event>>(&entry.events).ok());
    events.flatten()
}
