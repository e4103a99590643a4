//! What the waiting room says no to.

use serde::{Deserialize, Serialize};

use super::super::sale::{Phase, RulesInvalid};

/// A "no" of the waiting room, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum RoomRejection {
    /// There is no such sale.
    #[error("there is no such sale")]
    NoSuchSale,
    /// Under these rules nothing could be sold.
    #[error("{0}")]
    RulesInvalid(RulesInvalid),
    /// The sale was created before, with other rules.
    #[error("this sale was already created with other rules")]
    ExistsWithDifferentRules,
    /// The sale cannot go from its phase to the other.
    #[error("a sale that is {from} cannot become {to}")]
    PhaseOrder {
        /// Where it is.
        from: Phase,
        /// Where it should go.
        to: Phase,
    },
    /// It opened, or was closed: when it opens is past.
    #[error("a sale that is {phase} cannot be scheduled any more")]
    CannotSchedule {
        /// Where it is.
        phase: Phase,
    },
    /// Nobody can join before the sale is announced.
    #[error("the sale is not open yet")]
    NotOpen,
    /// The sale is over.
    #[error("the sale is closed")]
    Closed,
    /// Everything is sold; nobody is made to wait for what is gone.
    #[error("everything is sold out")]
    SoldOut,
    /// The sale takes nobody into its line.
    #[error("the line takes nobody")]
    LineRejects,
    /// There are as many places from this client's addresses as may be.
    #[error("too many places were taken from this network")]
    PlacesPerClient,
    /// Who knows the beacon's round before the line opens could choose who is in the draw.
    #[error("the beacon's round comes out before the sale opens")]
    BeaconOut,
    /// No beacon was named before the first ticket.
    #[error("the draw of this sale goes without a beacon")]
    NoBeacon,
    /// The beacon's round was told before, with another signature.
    #[error("the beacon's round was told before, and it was another")]
    BeaconToldBefore,
    /// What is said to be a signature cannot be one.
    #[error("a signature is 48 bytes as hex digits")]
    BeaconMalformed,
    /// There is no such bypass, or it has expired or been used up.
    #[error("this way past the line does not hold any more")]
    BypassSpent,
}
