//! What a rehearsal came to: a table, a summary, and every promise that was broken.

use std::collections::BTreeSet;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use doorbuster_wire::merchant::SaleState;
use serde::Serialize;

use super::audit::{Audit, JournaledStock};
use super::crowd::History;
use super::merchant::SaleSetup;
use super::receiver::Told;

/// The numbers of a rehearsal.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Shoppers who came.
    pub shoppers: u64,
    /// SKUs that were sold.
    pub skus: u64,
    /// Units given to the sale.
    pub on_hand: u64,
    /// Units of all orders, also of those that were cancelled since, by the journals.
    pub allocated: u64,
    /// Units allocated beyond `on_hand`, by journals or books, whichever says more.
    pub oversold: u64,
    /// Reservations made, by the journals.
    pub reservations: u64,
    /// Shoppers who were told that everything is gone.
    pub refused_sold_out: u64,
    /// Reservations whose time ran out, by the journals.
    pub expired: u64,
    /// Payments that came after the units had gone and were given back, by the journals.
    pub refunded_late: u64,
    /// Orders that the merchant cancelled, by the journals.
    pub cancelled: u64,
    /// Orders in the books.
    pub orders_settled: u64,
    /// Orders acknowledged to a shopper, or in a journal, that are not in the books.
    pub orders_lost: u64,
    /// Orders that are in the books twice, or beyond what a shopper may have.
    pub orders_duplicated: u64,
    /// Whether every journal verifies offline and says the same as the books.
    pub journal_verified: bool,
    /// Events that the merchant's shop was told of, each once, with a valid signature.
    pub webhooks_delivered: u64,
    /// Events that the shop was not told of, though by books and journals they happened.
    pub webhooks_lost: u64,
    /// Numbers in the draw.
    pub draw_entries: u64,
    /// Whether the draw is as it was committed to, and everybody was told the position it gives.
    pub draw_verified: bool,
    /// Median time of a shopper's request.
    pub p50_ms: f64,
    /// 99th percentile of it.
    pub p99_ms: f64,
    /// Requests that got no answer, or "not available", and were made again.
    pub repeated_requests: u64,
    /// How long it all took.
    pub seconds: f64,
}

/// What a rehearsal came to.
#[derive(Debug)]
pub struct Report {
    /// The numbers.
    pub summary: Summary,
    /// Every promise that was broken, in words; empty is good.
    pub broken: Vec<String>,
    rows: Vec<[String; 8]>,
}

impl Report {
    pub(super) fn new(
        setup: &SaleSetup,
        history: &History,
        state: &SaleState,
        audit: &Audit,
        told: Option<&(Told, u64)>,
        elapsed: Duration,
    ) -> Self {
        let booked: BTreeSet<&String> = audit.booked.iter().collect();
        let promised = history.acknowledged.iter().chain(&audit.journaled).collect::<BTreeSet<_>>();
        let lost = promised.difference(&booked).count();
        let twice = audit.booked.len().saturating_sub(booked.len());
        let beyond = audit
            .shopper_units
            .values()
            .filter(|units| **units > u64::from(setup.per_shopper_max))
            .count();
        let unjournaled = booked.iter().filter(|order| !audit.journaled.contains(**order)).count();
        let sum = |of: fn(&JournaledStock) -> u64| audit.stock.values().map(of).sum();
        let mut latencies = history.latencies_ms.clone();
        latencies.sort_by(f64::total_cmp);
        let summary = Summary {
            shoppers: history_len(history),
            skus: setup.stock.len() as u64,
            on_hand: setup.stock.values().map(|units| u64::from(*units)).sum(),
            allocated: sum(|s| u64::from(s.sold())),
            oversold: oversold(setup, audit),
            reservations: sum(|s| s.reservations),
            refused_sold_out: history.sold_out,
            expired: sum(|s| s.expired),
            refunded_late: sum(|s| s.refunded_late),
            cancelled: audit.cancelled.len() as u64,
            orders_settled: audit.booked.len() as u64,
            orders_lost: lost as u64,
            orders_duplicated: twice.saturating_add(beyond) as u64,
            journal_verified: audit.broken.is_empty() && unjournaled == 0 && lost == 0,
            webhooks_delivered: told.map_or(0, |(told, _)| told.ids.len() as u64),
            webhooks_lost: told.map_or(0, |(_, lost)| *lost),
            draw_entries: audit.drawn.unwrap_or_default(),
            draw_verified: audit.drawn.is_some_and(|entries| entries > 0),
            p50_ms: percentile(&latencies, 50),
            p99_ms: percentile(&latencies, 99),
            repeated_requests: history.repeats,
            seconds: (elapsed.as_secs_f64() * 10.0).round() / 10.0,
        };
        let mut broken = broken_promises(setup, &summary, history, state, audit);
        let refused = told.map_or(&[][..], |(told, _)| &told.refused);
        broken.extend(refused.iter().take(5).map(|why| format!("the shop refused: {why}")));
        let rows = rows(setup, audit);
        Self { summary, broken, rows }
    }

    /// A table of every SKU, for people.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header([
            "SKU",
            "on_hand",
            "allocated",
            "reserved",
            "in the books",
            "reservations",
            "expired",
            "journal entries",
        ]);
        for row in &self.rows {
            table.add_row(row);
        }
        table.to_string()
    }
}

fn history_len(history: &History) -> u64 {
    (history.acknowledged.len() as u64)
        .saturating_add(history.failures.len() as u64)
        .saturating_add(history.sold_out)
        .saturating_add(history.walked_away)
        .saturating_add(history.money_back)
}

/// Units beyond what there was, by whichever source says more.
fn oversold(setup: &SaleSetup, audit: &Audit) -> u64 {
    let beyond = |(sku, on_hand): (&String, &u32)| {
        let journaled = audit.stock.get(sku).map_or(0, |stock| u64::from(stock.allocated));
        let booked = audit.booked_units.get(sku).copied().unwrap_or_default();
        journaled.max(booked).saturating_sub(u64::from(*on_hand))
    };
    setup.stock.iter().map(beyond).sum()
}

fn broken_promises(
    setup: &SaleSetup,
    summary: &Summary,
    history: &History,
    state: &SaleState,
    audit: &Audit,
) -> Vec<String> {
    let mut broken: Vec<String> = audit.broken.clone();
    let counts = [
        (summary.oversold, "units were oversold"),
        (summary.orders_lost, "orders were lost"),
        (summary.orders_duplicated, "orders were duplicated"),
        (summary.webhooks_lost, "events did not reach the merchant's shop"),
    ];
    broken.extend(counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    if !summary.journal_verified {
        broken.push("journals and books do not agree".to_owned());
    }
    if summary.refunded_late != history.money_back {
        broken.push(format!(
            "{} payments went back, and {} shoppers were told so",
            summary.refunded_late, history.money_back
        ));
    }
    if setup.line && !summary.draw_verified {
        broken.push("the draw does not verify".to_owned());
    }
    for (sku, on_hand) in &setup.stock {
        let sold = audit.stock.get(sku).map_or(0, JournaledStock::sold);
        if sold != *on_hand {
            broken
                .push(format!("{sku}: {sold} of {on_hand} units sold to a crowd that wanted all"));
        }
    }
    for sku in &state.skus {
        if sku.reserved > 0 || sku.orders_unsettled > 0 || sku.refunds_due > 0 {
            broken.push(format!(
                "{}: {} still reserved, {} orders not settled, {} refunds due",
                sku.sku, sku.reserved, sku.orders_unsettled, sku.refunds_due
            ));
        }
    }
    let failures = history.failures.iter().take(5);
    broken.extend(failures.map(|failure| format!("a shopper failed: {failure}")));
    if history.failures.len() > 5 {
        broken.push(format!("{} shoppers failed in all", history.failures.len()));
    }
    broken
}

fn rows(setup: &SaleSetup, audit: &Audit) -> Vec<[String; 8]> {
    let row = |sku: &String| {
        let stock = audit.stock.get(sku).copied().unwrap_or_default();
        [
            sku.clone(),
            stock.on_hand.to_string(),
            stock.allocated.to_string(),
            stock.reserved.to_string(),
            audit.booked_units.get(sku).copied().unwrap_or_default().to_string(),
            stock.reservations.to_string(),
            stock.expired.to_string(),
            stock.entries.to_string(),
        ]
    };
    setup.stock.keys().map(row).collect()
}

/// The smallest value that so many percent of the sorted values do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
    let value = sorted.get(rank).copied().unwrap_or_default();
    (value * 10.0).round() / 10.0
}
