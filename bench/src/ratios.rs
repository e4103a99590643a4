//! The ratios that are promised, each inside a round.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dollars::Picture;
use crate::figures::Figure;
use crate::rounds::Measured;

/// A ratio and what it has to be.
#[derive(Debug, Clone, Serialize)]
pub struct Ratio {
    #[serde(flatten)]
    pub figure: Figure,
    /// What it is of.
    pub of: String,
    /// What was promised; nothing for one that is only told.
    pub at_least: Option<f64>,
    /// The same, where less is better.
    pub at_most: Option<f64>,
    /// Whether the median holds it.
    pub holds: Option<bool>,
}

/// Name, numerator, denominator, and what it has to be at least.
const RATIOS: [(&str, &str, &str, Option<f64>); 16] = [
    (
        "hot_sku_vs_redis_always",
        "inventory_batches_of_256",
        "redis_always_pipelines_of_64",
        Some(3.0),
    ),
    ("reserve_vs_f3", "reserve", "f3_noop_object", Some(0.75)),
    ("reserve_vs_js_idiomatic", "reserve", "p1a_js_idiomatic", Some(3.0)),
    ("reserve_vs_js_tuned", "reserve", "p1b_js_tuned", Some(1.0)),
    ("poll_vs_f1", "poll", "f1_hello_js", Some(0.7)),
    ("sold_out_vs_f1", "sold_out", "f1_hello_js", Some(0.7)),
    ("catalog_vs_f1", "catalog", "f1_hello_js", Some(0.7)),
    // The floors asked with the very same requests: what the platform takes of them.
    ("reserve_vs_f3_as_reserve", "reserve", "f3_noop_object_as_reserve", None),
    ("reserve_vs_f4_as_reserve", "reserve", "f4_row_object_as_reserve", None),
    ("poll_vs_f1_as_poll", "poll", "f1_hello_js_as_poll", None),
    // End to end over HTTP, where a native server may well be ahead of workerd.
    ("reserve_vs_redis_always_http", "reserve", "p2_redis_always", None),
    ("reserve_vs_redis_everysec_http", "reserve", "p2_redis_everysec", None),
    ("reserve_vs_postgres_hot_row_http", "reserve", "p3_postgres_hot_row", None),
    ("reserve_vs_postgres_skip_locked_http", "reserve", "p3_postgres_skip_locked", None),
    // A crowd in front of few units, of whom nearly all are refused.
    ("w1_burst_vs_js_tuned", "w1_burst_product", "w1_burst_p1b_js_tuned", None),
    ("w1_burst_vs_redis_always_http", "w1_burst_product", "w1_burst_p2_redis_always", None),
];

/// Whether a ratio is of this subject and another.
pub(crate) fn compares(ratio: &str, subject: &str) -> bool {
    let is_of = |(name, ours, theirs, _): &(&str, &str, &str, _)| {
        *name == ratio && [*ours, *theirs].contains(&subject)
    };
    RATIOS.iter().any(is_of)
}

/// All ratios of which both sides were measured.
pub fn of(measured: &Measured) -> BTreeMap<String, Ratio> {
    let rate = |name: &str| measured.per_second.get(name);
    let mut ratios = BTreeMap::new();
    for (name, ours, theirs, at_least) in RATIOS {
        if let (Some(one), Some(other)) = (rate(ours), rate(theirs)) {
            let figure = one.over(other);
            let holds = at_least.map(|least| figure.median >= least);
            let of = format!("{ours} / {theirs}");
            ratios.insert(name.to_owned(), Ratio { figure, of, at_least, at_most: None, holds });
        }
    }
    ratios.extend(measured.growth.iter().flat_map(|growth| growth.ratios.clone()));
    for (name, of, figure, at_most) in measured_elsewhere(measured) {
        let holds = at_most.map(|most| figure.median <= most);
        let ratio = Ratio { figure, of: of.to_owned(), at_least: None, at_most, holds };
        ratios.insert(name.to_owned(), ratio);
    }
    ratios
}

/// Name, what it is of, the figure, and what it has to be at most.
type AtMost = (&'static str, &'static str, Figure, Option<f64>);

/// Ratios that a section of its own has taken.
fn measured_elsewhere(measured: &Measured) -> Vec<AtMost> {
    let mut all = Vec::new();
    if let Some(flood) = &measured.flood {
        let of = "p99 of paying with another edge flooded / alone";
        let [one, other] = [&flood.sold_out, &flood.all_reserved];
        all.push(("paying_p99_under_flood", of, one.paying_p99_ratio.clone(), Some(2.0)));
        let reserved = other.paying_p99_ratio.clone();
        all.push(("paying_p99_under_flood_all_reserved", of, reserved, None));
        let of = "calls of objects by an edge that refuses what is sold out / second";
        let requests = one.flood_object_requests_per_second.clone();
        all.push(("flood_object_requests_per_second", of, requests, None));
    }
    if let Some(webhooks) = &measured.webhooks {
        let of = "p99 of reserving with the endpoint of webhooks down / while it answers";
        let ratio = webhooks.reserve_p99_ratio.clone();
        all.push(("reserve_p99_endpoint_down", of, ratio, Some(1.2)));
        let of = "p99 of reserving with the endpoint of webhooks down / without one";
        let ratio = webhooks.reserve_p99_over_without.clone();
        all.push(("reserve_p99_endpoint_down_vs_none", of, ratio, None));
    }
    if let Some(dollars) = &measured.dollars {
        let of = "dollars per million shoppers / of their bare requests";
        let figure = |picture: &Picture| Figure::of(vec![picture.bill.over_floor]);
        all.push(("dollars_vs_floor", of, figure(&dollars.alone), Some(1.2)));
        all.push(("dollars_vs_floor_together", of, figure(&dollars.together), None));
    }
    all
}
