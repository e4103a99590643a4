//! The people in front of a sale: their places, and who is let in.

mod draw;
mod frontier;
mod room;
mod sale;
mod status;

pub use self::draw::{ALGORITHM, BeaconRound, Commitment, DrawSecret, Permutation, Seed};
pub use self::frontier::{Frontier, PublishedFrontier};
pub use self::room::{BLOCK_LEN_MAX, BLOCK_LEN_MIN, RoomEvent, RoomRejection, WaitingRoom};
pub use self::sale::{Phase, RulesInvalid, SaleRules, SkuOffer};
pub use self::status::{SkuStatus, Status, Turn};
