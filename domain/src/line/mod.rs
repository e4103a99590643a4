//! The people in front of a sale: their places, and who is let in.

mod admission;
mod arithmetic;
mod conversion;
mod draw;
mod forecast;
mod frontier;
mod joined;
mod lane;
mod passage;
mod rate;
mod report;
mod room;
mod sale;
mod service;
mod shown;
mod status;

pub use self::admission::{
    Admission, AdmissionView, Limits, Rate, RateReason, STOCK_SAFETY, Units,
};
pub use self::draw::{ALGORITHM, BeaconRound, Commitment, DrawSecret, Permutation, Seed};
pub use self::forecast::Forecast;
pub use self::frontier::{Frontier, PublishedFrontier};
pub use self::lane::{LEASE_FOR, LEASE_LEN_MAX, Lane, Place, Wanted};
pub use self::passage::Passage;
pub use self::report::{Report, digest_of_addresses};
pub use self::room::{
    BLOCK_LEN_MAX, BLOCK_LEN_MIN, Bypass, DRAW_AFTER, Look, MESSAGE_LEN_MAX, RateChange, RoomEvent,
    RoomRejection, Schedule, WaitingRoom,
};
pub use self::sale::{LineOrder, Phase, RulesInvalid, SaleRules, SkuOffer};
pub use self::service::Health;
pub use self::status::{DrawStatus, Drawn, DrawnPlace, Pace, SkuStatus, Status, Turn, Wait};
