//! One's turn in the form of Cloudflare Waiting Room's JSON response, for apps that read that one
//! already: <https://developers.cloudflare.com/waiting-room/how-to/json-response/>.

use serde::{Deserialize, Serialize};

/// The name of this form in the address.
pub const FORM: &str = "cfWaitingRoom";

/// One's turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CloudflareReply {
    /// All of it.
    #[serde(rename = "cfWaitingRoom")]
    pub turn: CloudflareTurn,
}

/// One's turn. Times to wait in whole minutes, rounded up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "it is Cloudflare's form, not ours")]
pub struct CloudflareTurn {
    /// `false` once one is admitted: asking without `form` then answers with the pass.
    pub in_waiting_room: bool,
    /// How long it will take; 0 while unknown.
    pub wait_time: u64,
    /// Whether that is known.
    pub wait_time_known: bool,
    /// The same in English: `5 minutes`, a range such as `5 minutes to 15 minutes` if the order is
    /// `random`, or `unavailable`.
    pub wait_time_formatted: String,
    /// Of four people who are told the like, one waits less. If it is known and the order is
    /// `random`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_time_25_percentile: Option<u64>,
    /// Of two, one waits less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_time_50_percentile: Option<u64>,
    /// Of four, three wait less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_time_75_percentile: Option<u64>,
    /// Whether waiting most likely comes to nothing: the stock will be gone before, or is, or the
    /// line takes nobody.
    pub queue_is_full: bool,
    /// Whether nobody is let in: the sale has not opened, is being drawn, is paused or closed.
    pub queue_all: bool,
    /// When this was so, as ISO 8601.
    pub last_updated: String,
    /// How long after that to ask again, in seconds; 0 when there is nothing to wait for.
    pub refresh_interval_seconds: u64,
    /// Who is admitted next: `fifo`, `random`, `passthrough` or `reject`.
    pub queueing_method: String,
}
