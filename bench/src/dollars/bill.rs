//! What the platform bills for what was counted.
//!
//! List prices of Workers Paid without what is included in it: developers.cloudflare.com, the pages
//! `workers/platform/pricing`, `durable-objects/platform/pricing`, `d1/platform/pricing` and
//! `queues/platform/pricing`.

use serde::Serialize;

use super::meter::{CPU_NS, Counts};

/// Dollars for a million of each.
const WORKER_REQUESTS: f64 = 0.30;
const CPU_MS: f64 = 0.02;
const OBJECT_REQUESTS: f64 = 0.15;
const GB_SECONDS: f64 = 12.50;
const ROWS_WRITTEN: f64 = 1.00;
const ROWS_READ: f64 = 0.001;
const QUEUE_OPERATIONS: f64 = 0.40;

/// A shopper joins, polls once, and asks for a unit.
const REQUESTS_PER_SHOPPER: f64 = 3.0;
const MILLION: f64 = 1_000_000.0;

/// How long the sale of a million takes: they come in ten minutes.
const SALE_SECONDS: f64 = 600.0;
/// In how many isolates the edge runs meanwhile: 50 requests a second for each.
const ISOLATES: f64 = 100.0;
/// What to compare with: 5 requests a second for each.
const MANY_ISOLATES: f64 = 1_000.0;
/// An object that nobody asks is billed for so long until it hibernates.
const AWAKE_AFTER: f64 = 10.0;
/// The room and one SKU. Somebody asks them all the time, so they are awake all the time.
const OBJECTS: f64 = 2.0;
/// An object is billed as 128 MB, whatever it takes.
const OBJECT_GB: f64 = 0.128;

/// A bill.
#[derive(Debug, Serialize)]
pub struct Bill {
    pub items: Vec<Item>,
    pub dollars: f64,
    /// What the requests of the shoppers alone would cost, answered by nothing at all.
    pub floor_dollars: f64,
    pub over_floor: f64,
    pub sale_seconds: f64,
    pub isolates: f64,
    /// The same with a thousand isolates, each of which asks for the status once a second.
    pub over_floor_on_1000_isolates: f64,
}

/// A line of a bill.
#[derive(Debug, Serialize)]
pub struct Item {
    pub name: &'static str,
    pub count: f64,
    pub dollars_per_million: f64,
    pub dollars: f64,
    /// How the count was come by.
    pub how: &'static str,
}

impl Item {
    fn new(name: &'static str, count: f64, dollars_per_million: f64, how: &'static str) -> Self {
        let dollars = count * dollars_per_million / MILLION;
        Self { name, count, dollars_per_million, dollars, how }
    }
}

impl Bill {
    /// The bill for a million shoppers, when so many cost what was counted.
    pub(super) fn of_a_million(counts: &Counts, shoppers: u64) -> Self {
        let times = MILLION / f64_of(shoppers);
        let mut items = counted(counts, times, REQUESTS_PER_SHOPPER * MILLION);
        let status = status_requests(ISOLATES);
        items.push(Item::new(
            "object_requests_for_status",
            status,
            OBJECT_REQUESTS,
            "each isolate asks the room once a second, and the room the SKU; taken, not counted",
        ));
        items.push(Item::new(
            "object_gb_seconds",
            OBJECTS * (SALE_SECONDS + AWAKE_AFTER) * OBJECT_GB,
            GB_SECONDS,
            "two objects of 128 MB, awake for the whole sale and 10 s more; taken, not counted",
        ));
        let dollars: f64 = items.iter().map(|item| item.dollars).sum();
        let floor_dollars = REQUESTS_PER_SHOPPER * WORKER_REQUESTS;
        let more = (status_requests(MANY_ISOLATES) - status) * OBJECT_REQUESTS / MILLION;
        Self {
            items,
            dollars,
            floor_dollars,
            over_floor: dollars / floor_dollars,
            sale_seconds: SALE_SECONDS,
            isolates: ISOLATES,
            over_floor_on_1000_isolates: (dollars + more) / floor_dollars,
        }
    }
}

/// What was counted costs, without what is taken by the second.
pub(super) fn fixed(counts: &Counts) -> f64 {
    counted(counts, 1.0, 0.0).iter().map(|item| item.dollars).sum()
}

fn status_requests(isolates: f64) -> f64 {
    isolates * SALE_SECONDS + SALE_SECONDS
}

/// The lines for what was counted, so many times; `of_shoppers` of the requests are their own.
fn counted(counts: &Counts, times: f64, of_shoppers: f64) -> Vec<Item> {
    let sum =
        |names: &[&str]| names.iter().map(|name| f64_of(counts.get(name))).sum::<f64>() * times;
    let operations = sum(&["messages_sent", "messages_delivered", "messages_delivered"]);
    vec![
        Item::new(
            "worker_requests_of_shoppers",
            of_shoppers,
            WORKER_REQUESTS,
            "one to join, one to poll, one to reserve or to be refused",
        ),
        Item::new(
            "worker_requests_besides",
            sum(&["worker_requests"]) - of_shoppers,
            WORKER_REQUESTS,
            "of a winner: to begin payment, the provider's webhook, the receipt",
        ),
        Item::new(
            "queue_consumer_invocations",
            sum(&["queue_batches"]),
            WORKER_REQUESTS,
            "batches that the consumer was called with",
        ),
        Item::new(
            "object_requests_of_the_line",
            sum(&["room_requests"]),
            OBJECT_REQUESTS,
            "calls of the room by those who join, who share one if they join together",
        ),
        Item::new(
            "object_requests_of_the_sku",
            sum(&["inventory_requests", "alarms"]),
            OBJECT_REQUESTS,
            "calls of the SKU by those who reserve or pay and by the consumer, and its alarms",
        ),
        Item::new(
            "object_rows_written",
            sum(&["object_rows_written", "alarms_set"]),
            ROWS_WRITTEN,
            "by the cursors of the objects, and one for each alarm that was set",
        ),
        Item::new(
            "d1_rows_written",
            sum(&["d1_rows_written"]),
            ROWS_WRITTEN,
            "by what D1 says of each statement, index rows included",
        ),
        Item::new(
            "rows_read",
            sum(&["object_rows_read", "d1_rows_read"]),
            ROWS_READ,
            "by the cursors of the objects and what D1 says",
        ),
        Item::new(
            "queue_operations",
            operations,
            QUEUE_OPERATIONS,
            "a write for each message sent, a read and a deletion for each delivered",
        ),
        Item::new(
            "cpu_ms",
            sum(&[CPU_NS]) / MILLION,
            CPU_MS,
            "of the whole process of workerd, that of the objects included, which is not billed",
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
fn f64_of(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(json: &str) -> Counts {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_sale_of_nothing_but_requests_costs_the_floor_and_what_is_taken_by_the_second() {
        let bill = Bill::of_a_million(&counts(r#"{"worker_requests":3000}"#), 1_000);
        let by_the_second = 60_600.0 * 0.15e-6 + 2.0 * 610.0 * 0.128 * 12.5e-6;
        assert!((bill.dollars - 0.90 - by_the_second).abs() < 1e-9, "{bill:?}");
    }

    #[test]
    fn counts_are_scaled_to_a_million_and_priced() {
        let all = r#"{"worker_requests":3100,"room_requests":1000,"object_rows_written":40,
            "alarms_set":10,"d1_rows_written":50,"messages_sent":10,"messages_delivered":11,
            "cpu_ns":1000000000}"#;
        let bill = Bill::of_a_million(&counts(all), 1_000);
        let dollars = |name: &str| bill.items.iter().find(|i| i.name == name).unwrap().dollars;
        let close = |name: &str, to: f64| assert!((dollars(name) - to).abs() < 1e-9, "{name}");
        close("worker_requests_besides", 0.03);
        close("object_requests_of_the_line", 0.15);
        close("object_rows_written", 0.05);
        close("d1_rows_written", 0.05);
        close("queue_operations", 0.0128);
        close("cpu_ms", 0.02);
        assert!((fixed(&counts(r#"{"d1_rows_written":500000}"#)) - 0.5).abs() < 1e-9);
    }
}
