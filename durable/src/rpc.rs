//! What travels between the edge and the objects, and what the objects are called. Used by both
//! sides.
//!
//! Everything is one line, of JSON but for what is to be shown (`shown.rs`), so that `objects.mjs`
//! can hand many calls to an object as lines of one text: a crossing into wasm per turn, not per
//! call.

use std::collections::BTreeMap;

use doorbuster_domain::id::{BypassName, PaymentId, SaleId, ShopperId, Sku};
use doorbuster_domain::inventory::{Answer, Cancelled, Command};
use doorbuster_domain::line::{
    AdmissionView, Bypass, DrawSecret, Limits, Phase, RateChange, RoomRejection, SaleRules,
    Schedule, Status,
};
use doorbuster_domain::sandbox::Later;
use doorbuster_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::shown;

/// The name of the Inventory object of a SKU in a sale. Neither part can contain the colon.
pub fn inventory_name(sale: &SaleId, sku: &Sku) -> String {
    format!("{sale}:{sku}")
}

/// The name of the WaitingRoom object of a sale.
pub fn waiting_room_name(sale: &SaleId) -> String {
    sale.to_string()
}

/// Where the Inventory objects are bound.
pub const INVENTORY: &str = "INVENTORY";
/// Where the WaitingRoom objects are bound.
pub const WAITING_ROOM: &str = "WAITING_ROOM";

/// What an Inventory is asked: commands, decided together.
pub type Batch = Vec<Command>;

/// What brings an Inventory in line with its sale's phase, and shows its stock. The order comes
/// again with every look at the stock, by the room while somebody waits and by the merchant. So
/// what an Inventory missed it hears then.
pub fn follow_phase(phase: Phase, phase_number: u64) -> Batch {
    let selling = phase.selling();
    vec![Command::SetSelling { selling, phase_number }, Command::ShowStock]
}

/// What an object answers to one call. A turn that cannot be read or written has no answer: it
/// throws, and is undone as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<T> {
    /// Decided, and durable.
    Done(T),
    /// Not a call that this object knows: nothing happened.
    Unreadable,
}

/// A line that asks an Inventory for one command; a reservation that comes of it is answered as
/// [`Shown`](crate::Shown), all else as to a batch.
pub fn line_to_show(command: &Command) -> String {
    let mut line = String::from(shown::MARK);
    // Plain data with string keys: serde_json cannot fail on it.
    line.push_str(&serde_json::to_string(command).unwrap_or_default());
    line
}

/// What an Inventory answers to a batch: one answer per command.
pub type BatchOutcome = Outcome<Vec<Answer>>;

/// What a WaitingRoom is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomCall {
    /// Create the sale.
    Create {
        /// Its rules.
        rules: SaleRules,
        /// The secret of its draw, if it has none yet.
        secret: DrawSecret,
    },
    /// Say when line and sale open.
    SetSchedule {
        /// When.
        schedule: Schedule,
    },
    /// Take the sale to another phase.
    SetPhase {
        /// The phase.
        phase: Phase,
        /// What people are told about it.
        why: Option<String>,
    },
    /// Hand out numbers.
    Lease {
        /// How many.
        wanted: u64,
    },
    /// Set what the merchant allows.
    SetLimits {
        /// The limits.
        limits: Limits,
    },
    /// Set what everybody who waits is told.
    SetMessage {
        /// The message.
        message: String,
    },
    /// Take in the signature of the beacon's round.
    TellBeacon {
        /// As hex digits.
        signature: String,
    },
    /// Make a way past the line.
    MakeBypass {
        /// What it is called.
        name: BypassName,
        /// How many people may use it.
        uses_max: u32,
        /// Until when.
        expires_at: Timestamp,
    },
    /// Let somebody past the line.
    UseBypass {
        /// By which way.
        name: BypassName,
        /// Whom.
        shopper: ShopperId,
    },
    /// Tell how the sale stands.
    Show,
}

/// What a WaitingRoom answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomReply {
    /// Numbers that nobody else gets.
    Numbers {
        /// The first, from 1.
        first: u64,
        /// The last.
        last: u64,
    },
    /// The sale as it is.
    Sale(Box<RoomView>),
    /// No.
    Rejected(RoomRejection),
}

/// How a sale stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomView {
    /// Its rules.
    pub rules: SaleRules,
    /// Its phase.
    pub phase: Phase,
    /// How often its phase was set.
    pub phase_number: u64,
    /// When it opens.
    pub schedule: Option<Schedule>,
    /// What the merchant allows now.
    pub limits: Limits,
    /// The last number handed out.
    pub handed_out: u64,
    /// The status as edges get it; its stock is what was seen last.
    pub status: Status,
    /// How the rate changed lately, the newest last.
    pub changes: Vec<RateChange>,
    /// What is known of those who were let in.
    pub admission: AdmissionView,
    /// The ways past the line.
    pub bypasses: BTreeMap<BypassName, Bypass>,
}

/// What a WaitingRoom answers to one call.
pub type RoomOutcome = Outcome<RoomReply>;

/// Something the payment provider is to do, as a message in the `payments` queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentTask {
    /// What.
    pub action: PaymentAction,
    /// Where to report back.
    pub sale: SaleId,
    /// Where to report back.
    pub sku: Sku,
    /// Which payment.
    pub payment: PaymentId,
    /// The cancellation because of which money goes back: the books are told of it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Cancelled>,
}

/// What the payment provider can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentAction {
    /// See to it that the payment cannot be completed any more.
    Void,
    /// Give the money back.
    Refund,
    /// At the sandbox something happens now that was chosen before.
    Sandbox(Later),
}

/// What an Inventory has to send, as bodies of queue messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// For the `orders` queue: `PlacedOrder`s.
    pub orders: Vec<String>,
    /// For the `payments` queue: `PaymentTask`s.
    pub payments: Vec<String>,
    /// For the `happened` queue: what `Happened::take_due` in `happened.rs` says.
    pub happened: Option<String>,
    /// Whether more is due.
    pub more: bool,
}
