//! What travels between the edge and the objects, and what the objects are called. Used by both
//! sides.
//!
//! Everything is one line of JSON, so that `entry.mjs` can hand many calls to an object as lines
//! of one text: a crossing into wasm per turn, not per call.

use doorbuster_domain::id::{PaymentId, SaleId, Sku};
use doorbuster_domain::inventory::{Answer, Command};
use doorbuster_domain::line::{Phase, RoomRejection, SaleRules};
use doorbuster_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of the Inventory object of a SKU in a sale. Neither part can contain the colon.
pub fn inventory_name(sale: &SaleId, sku: &Sku) -> String {
    format!("{sale}:{sku}")
}

/// The name of the WaitingRoom object of a sale.
pub fn waiting_room_name(sale: &SaleId) -> String {
    sale.to_string()
}

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
    },
    /// Take the sale to another phase.
    SetPhase {
        /// The phase.
        phase: Phase,
    },
    /// Hand out a position.
    Join,
    /// Tell the rules and the phase.
    Show,
}

/// What a WaitingRoom answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomReply {
    /// Someone's position.
    Position {
        /// The position, from 1.
        position: u64,
        /// When it was handed out.
        joined_at: Timestamp,
    },
    /// The sale as it is.
    Sale {
        /// Its rules.
        rules: SaleRules,
        /// Its phase.
        phase: Phase,
        /// How often its phase was set.
        phase_number: u64,
        /// The last position handed out.
        handed_out: u64,
    },
    /// No.
    Rejected(RoomRejection),
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
}

/// What the payment provider can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentAction {
    /// See to it that the payment cannot be completed any more.
    Void,
    /// Give the money back.
    Refund,
}

/// What an Inventory has to send, as bodies of queue messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// For the `orders` queue: `PlacedOrder`s.
    pub orders: Vec<String>,
    /// For the `payments` queue: `PaymentTask`s.
    pub payments: Vec<String>,
    /// Whether more is due.
    pub more: bool,
}
