//! One's turn in Cloudflare Waiting Room's form.

use doorbuster_domain::line::LineOrder;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_wire::cloudflare::{CloudflareReply, CloudflareTurn};
use doorbuster_wire::shopper::TurnReply;
use doorbuster_wire::word;

use super::words::minutes;
use crate::statuses::Seen;

const MINUTE_MS: u64 = 60_000;

/// What a shopper was told, in that form.
pub(super) fn reply(seen: &Seen, turn: &TurnReply) -> CloudflareReply {
    let admitted = turn.state == "admitted";
    let known = admitted || turn.wait_ms.is_some();
    let wait = turn.wait_ms.unwrap_or_default().div_ceil(MINUTE_MS);
    let quartiles = quartiles(turn).filter(|_| seen.order == LineOrder::Random);
    let formatted = match quartiles {
        _ if !known => "unavailable".to_owned(),
        Some((low, high)) if low < high => format!("{} to {}", minutes(low), minutes(high)),
        _ => minutes(wait),
    };
    let next_poll = Millis::new(turn.next_poll_ms.unwrap_or_default());
    CloudflareReply {
        turn: CloudflareTurn {
            in_waiting_room: !admitted,
            wait_time: wait,
            wait_time_known: known,
            wait_time_formatted: formatted,
            wait_time_25_percentile: quartiles.map(|(low, _)| low),
            wait_time_50_percentile: quartiles.map(|_| wait),
            wait_time_75_percentile: quartiles.map(|(_, high)| high),
            queue_is_full: turn.beyond_stock
                || turn.state == "sold_out"
                || seen.order == LineOrder::Reject,
            queue_all: ["not_open", "drawing", "paused", "closed"].contains(&&*turn.state),
            last_updated: Timestamp::from_millis(turn.now_ms).rfc_3339(),
            refresh_interval_seconds: next_poll.ceil_secs(),
            queueing_method: word(&seen.order).to_owned(),
        },
    }
}

/// The first and the third quarter of the wait, in minutes. Known are the tenth, the fiftieth
/// and the ninetieth hundredth; between them it is taken to rise evenly.
fn quartiles(turn: &TurnReply) -> Option<(u64, u64)> {
    let (low, expected, high) = (turn.wait_low_ms?, turn.wait_ms?, turn.wait_high_ms?);
    // From the 10th to the 50th the 25th has gone 15 of 40, from the 50th to the 90th the 75th 25.
    let on_the_way = |from: u64, to: u64, part: u64| {
        let way = to.saturating_sub(from).saturating_mul(part).div_euclid(40);
        from.saturating_add(way).div_ceil(MINUTE_MS)
    };
    Some((on_the_way(low, expected, 15), on_the_way(expected, high, 25)))
}
