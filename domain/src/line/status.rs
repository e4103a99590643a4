//! What an edge knows of a sale, and what it tells a waiting shopper from that alone.

use serde::{Deserialize, Serialize};

use super::frontier::PublishedFrontier;
use super::room::RoomRejection;
use super::sale::{Phase, SkuOffer};
use crate::id::{SaleId, Sku};
use crate::inventory::StockBand;
use crate::time::{Millis, Timestamp};

/// What the waiting room publishes. An edge keeps it for a second and answers every poll from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The sale.
    pub sale: SaleId,
    /// Its name as shoppers read it.
    pub title: String,
    /// How far it has come.
    pub phase: Phase,
    /// Who is admitted.
    pub frontier: PublishedFrontier,
    /// The last position handed out.
    pub handed_out: u64,
    /// How long a pass is good for.
    pub pass_ttl_ms: Millis,
    /// Units of one SKU that one shopper may have.
    pub per_shopper_max: u32,
    /// What is sold.
    pub offers: Vec<SkuOffer>,
    /// What is left.
    pub stock: Vec<SkuStatus>,
}

/// What is left of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuStatus {
    /// The SKU.
    pub sku: Sku,
    /// How much is left.
    pub band: StockBand,
}

/// What a waiting shopper is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The sale has not opened.
    NotOpen,
    /// Not yet.
    Waiting {
        /// People ahead.
        ahead: u64,
        /// How long it will take at the present rate; unknown while nobody is admitted.
        wait: Option<Millis>,
    },
    /// Come in.
    Admitted,
    /// Places are kept; nobody is admitted at the moment.
    Paused {
        /// People ahead.
        ahead: u64,
    },
    /// Everything left is reserved; some may come back.
    AllReserved {
        /// People ahead.
        ahead: u64,
    },
    /// Everything is gone; nobody need wait.
    SoldOut,
    /// Over.
    Closed,
}

/// Polls are not asked for sooner than this, unless the turn comes sooner.
const POLL_MIN: Millis = Millis::from_secs(1);
/// Nor later: people look at a page that does not move for about so long.
const POLL_MAX: Millis = Millis::from_secs(20);

impl Status {
    /// Whether nothing is left and nothing comes back, of any SKU.
    pub fn is_sold_out(&self) -> bool {
        self.all_at_least(StockBand::SoldOut)
    }

    /// Whether nothing of one SKU is left and nothing comes back.
    pub fn is_sku_sold_out(&self, sku: &Sku) -> bool {
        self.stock.iter().any(|known| known.sku == *sku && known.band == StockBand::SoldOut)
    }

    /// Whether there is any point in taking a place in the line.
    ///
    /// # Errors
    ///
    /// `SoldOut`: nobody is made to wait for what is gone.
    pub fn check_joining(&self) -> Result<(), RoomRejection> {
        if self.is_sold_out() { Err(RoomRejection::SoldOut) } else { Ok(()) }
    }

    /// Whether nothing can be had at the moment, of any SKU.
    fn is_all_taken(&self) -> bool {
        self.all_at_least(StockBand::AllReserved)
    }

    /// Whether every SKU is known to be in this band, or a worse one.
    fn all_at_least(&self, band: StockBand) -> bool {
        let known = !self.stock.is_empty() && self.stock.len() == self.offers.len();
        known && self.stock.iter().all(|sku| sku.band >= band)
    }

    /// What the shopper at `position` is told at `now`.
    pub fn turn(&self, position: u64, now: Timestamp) -> Turn {
        let frontier = self.frontier.at(now);
        let ahead = position.saturating_sub(frontier).saturating_sub(1);
        match self.phase {
            Phase::Closed => Turn::Closed,
            Phase::Draft | Phase::Scheduled | Phase::Prequeue => Turn::NotOpen,
            Phase::Open | Phase::Paused if self.is_sold_out() => Turn::SoldOut,
            Phase::Paused => Turn::Paused { ahead },
            Phase::Open if position <= frontier => Turn::Admitted,
            Phase::Open if self.is_all_taken() => Turn::AllReserved { ahead },
            Phase::Open => Turn::Waiting { ahead, wait: self.frontier.wait(position, now) },
        }
    }

    /// When the shopper at `position` should ask again: the sooner, the nearer the front.
    ///
    /// Spread by position, so that those who are told the same do not all come back together.
    pub fn next_poll(&self, position: u64, now: Timestamp) -> Millis {
        let wait = match self.turn(position, now) {
            Turn::Waiting { wait: Some(wait), .. } => wait.get(),
            _ => 12_000,
        };
        // Who is nearly there asks when the turn comes; who is not, three times on the way.
        let base = (wait / 4).clamp(POLL_MIN.get().min(wait), POLL_MAX.get());
        let spread = position.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let jitter = (base / 4).checked_mul(spread).map_or(0, |product| product >> 32);
        Millis::new(base.saturating_add(jitter))
    }
}
