//! What an edge knows of a sale, and what it tells a waiting shopper from that alone.

use serde::{Deserialize, Serialize};

use super::admission::RateReason;
use super::draw::{BeaconRound, Commitment, DrawSecret, Permutation, Seed};
use super::forecast::{Spread, range};
use super::frontier::PublishedFrontier;
use super::passage::Passage;
use super::room::{DRAW_AFTER, RoomRejection, Schedule};
use super::sale::{LineOrder, Phase, SkuOffer};
use crate::charges::ChargeRules;
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
    /// When this was so, by the room's clock.
    pub at: Timestamp,
    /// How far it has come.
    pub phase: Phase,
    /// What people are told about the phase.
    pub why: Option<String>,
    /// Who is admitted next.
    pub order: LineOrder,
    /// When line and sale open, if that was said.
    pub schedule: Option<Schedule>,
    /// The draw of those who come before.
    pub draw: DrawStatus,
    /// Who is admitted.
    pub frontier: PublishedFrontier,
    /// When the frontier passed whom.
    pub passage: Passage,
    /// How fast the line goes.
    pub pace: Pace,
    /// Why it does not go faster.
    pub reason: RateReason,
    /// The last position that the stock is likely to reach; unknown as long as little was seen.
    pub reach: Option<u64>,
    /// The last number handed out.
    pub handed_out: u64,
    /// How long a pass is good for.
    pub pass_ttl_ms: Millis,
    /// Units of one SKU that one shopper may have.
    pub per_shopper_max: u32,
    /// Whether who joins has to have met a challenge.
    pub challenge: bool,
    /// Places that one client's address range may have.
    pub places_per_client: u32,
    /// Address ranges that have as many, by their digests.
    pub full_clients: Vec<u64>,
    /// What the merchant says to everybody who waits.
    pub message: String,
    /// What is sold.
    pub offers: Vec<SkuOffer>,
    /// What comes on top of its prices, or is within them.
    #[serde(default, skip_serializing_if = "ChargeRules::is_empty")]
    pub charges: Box<ChargeRules>,
    /// What is left.
    pub stock: Vec<SkuStatus>,
}

/// How far the draw has come, as far as it is public.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawStatus {
    /// What was published before the first ticket.
    pub commitment: Option<Commitment>,
    /// The public randomness that goes into it.
    pub beacon: Option<BeaconRound>,
    /// How many numbers are in it, once nobody else comes in.
    pub entries: Option<u64>,
    /// What came out.
    pub drawn: Option<Drawn>,
}

/// A draw that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// When.
    pub at: Timestamp,
    /// What the commitment was to.
    pub secret: DrawSecret,
    /// The beacon's signature, if one was named.
    pub beacon_signature: Option<String>,
    /// What the order follows from.
    pub seed: Seed,
}

/// How fast the line goes, and how far that can be trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Positions passed each minute lately.
    pub per_minute: u64,
    /// How waits compared with what was told.
    pub spreads: Vec<Spread>,
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
    /// The order is being drawn.
    Drawing,
    /// Not yet.
    Waiting {
        /// The place in the line.
        position: u64,
        /// People ahead.
        ahead: u64,
        /// How long it will take; unknown while nobody is admitted.
        wait: Option<Wait>,
        /// Whether the stock will most likely be gone before.
        beyond_stock: bool,
    },
    /// Come in.
    Admitted {
        /// The place in the line.
        position: u64,
        /// Since when: from then on the pass is good for its time.
        since: Timestamp,
    },
    /// It was the shopper's turn, for as long as a pass is good, and nobody came.
    Lapsed,
    /// Places are kept; nobody is admitted at the moment.
    Paused {
        /// The place in the line.
        position: u64,
        /// People ahead.
        ahead: u64,
    },
    /// Everything left is reserved; some may come back.
    AllReserved {
        /// The place in the line.
        position: u64,
        /// People ahead.
        ahead: u64,
        /// Whether what comes back will most likely be gone before.
        beyond_stock: bool,
    },
    /// Everything is gone; nobody need wait.
    SoldOut,
    /// Over.
    Closed,
}

/// A place that a draw gave. To find it takes [`Permutation`] ten hashes, so it is remembered for
/// who asks again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawnPlace {
    seed: Seed,
    position: u64,
}

/// How long it will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// At the present pace.
    pub expected: Millis,
    /// Of ten who were told the like, one waited less.
    pub low: Millis,
    /// And one longer.
    pub high: Millis,
}

/// Polls are not asked for sooner than this, unless the turn comes sooner.
const POLL_MIN: Millis = Millis::from_secs(1);
/// Nor later: people look at a page that does not move for about so long.
const POLL_MAX: Millis = Millis::from_secs(20);
/// Before the opening nothing moves, so it is asked more seldom.
const POLL_BEFORE: Millis = Millis::from_secs(60);
/// Those who wait for the draw come back within this time after it, not all at once.
const POLL_AFTER_DRAW: u64 = 8_000;
/// While everything is reserved, for those few whom the stock may yet reach: with the quarter that
/// is added and the second that a status is old, they know within three seconds.
const POLL_HOPING: Millis = Millis::from_secs(1);
/// When nothing is known of how long it takes.
const POLL_UNKNOWN: Millis = Millis::from_secs(12);

impl Status {
    /// Whether nothing is left and nothing comes back, of any SKU.
    pub fn is_sold_out(&self) -> bool {
        self.all_at_least(StockBand::SoldOut)
    }

    /// Whether nothing of one SKU is left and nothing comes back.
    pub fn is_sku_sold_out(&self, sku: &str) -> bool {
        self.stock.iter().any(|known| known.sku.as_str() == sku && known.band == StockBand::SoldOut)
    }

    /// What is sold out while other things are not: who wants one of these need not wait.
    pub fn gone(&self) -> Vec<&Sku> {
        let sold_out = self.stock.iter().filter(|known| known.band == StockBand::SoldOut);
        let gone: Vec<&Sku> = sold_out.map(|known| &known.sku).collect();
        if gone.len() < self.stock.len() { gone } else { Vec::new() }
    }

    /// Whether there is any point in taking a place in the line, for a client whose addresses have
    /// this digest, if that counts, and took so many places here.
    ///
    /// # Errors
    ///
    /// `NotOpen`, `Closed`, `SoldOut`: nobody is made to wait for what is gone; `LineRejects` or
    /// `PlacesPerClient`.
    pub fn check_joining(&self, client: Option<u64>, places: u32) -> Result<(), RoomRejection> {
        match self.phase {
            Phase::Draft | Phase::Scheduled => Err(RoomRejection::NotOpen),
            Phase::Closed => Err(RoomRejection::Closed),
            Phase::Prequeue | Phase::Open | Phase::Paused if self.is_sold_out() => {
                Err(RoomRejection::SoldOut)
            }
            _ if self.order == LineOrder::Reject => Err(RoomRejection::LineRejects),
            _ if places >= self.places_per_client
                || client.is_some_and(|client| self.full_clients.contains(&client)) =>
            {
                Err(RoomRejection::PlacesPerClient)
            }
            _ => Ok(()),
        }
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

    /// The place in the line of a number; nothing as long as it is in a draw that is to come.
    pub fn position(&self, number: u64) -> Option<u64> {
        if self.order == LineOrder::Passthrough {
            return Some(number);
        }
        match (&self.draw.drawn, self.draw.entries) {
            (Some(drawn), Some(entries)) => {
                Some(Permutation::new(drawn.seed, entries).position(number))
            }
            (None, Some(entries)) => (number > entries).then_some(number),
            (_, None) => None,
        }
    }

    /// The place that the draw gave to a number, to be remembered; nothing as long as it gave none.
    pub fn drawn_place(&self, number: u64) -> Option<DrawnPlace> {
        let seed = self.draw.drawn.as_ref()?.seed;
        Some(DrawnPlace { seed, position: self.position(number)? })
    }

    /// What the shopper is told at `now` whose number was handed out at `joined_at`, both by the
    /// room's clock.
    pub fn turn(&self, number: u64, joined_at: Timestamp, now: Timestamp) -> Turn {
        self.turn_at(None, number, joined_at, now)
    }

    /// The same, where the number's place in the draw is remembered. One of another draw is not
    /// heeded.
    pub fn turn_at(
        &self,
        place: Option<DrawnPlace>,
        number: u64,
        joined_at: Timestamp,
        now: Timestamp,
    ) -> Turn {
        match self.phase {
            Phase::Closed => return Turn::Closed,
            Phase::Draft | Phase::Scheduled | Phase::Prequeue => return Turn::NotOpen,
            Phase::Open | Phase::Paused if self.is_sold_out() => return Turn::SoldOut,
            Phase::Open if self.order == LineOrder::Passthrough => {
                return Turn::Admitted { position: number, since: now };
            }
            Phase::Open | Phase::Paused => {}
        }
        let seed = self.draw.drawn.as_ref().map(|drawn| drawn.seed);
        let known = place.filter(|place| Some(place.seed) == seed).map(|place| place.position);
        let Some(position) = known.or_else(|| self.position(number)) else { return Turn::Drawing };
        let frontier = self.frontier.at(now);
        let ahead = position.saturating_sub(frontier).saturating_sub(1);
        if self.phase == Phase::Paused {
            return Turn::Paused { position, ahead };
        }
        if position <= frontier {
            let passed_at = self.passage.admitted_at(position, &self.frontier.line);
            // Who comes into a line that was waiting for people is admitted when they come.
            let since = passed_at.unwrap_or(now).max(joined_at).min(now);
            let lapsed = since.plus(self.pass_ttl_ms) <= now;
            return if lapsed { Turn::Lapsed } else { Turn::Admitted { position, since } };
        }
        let beyond_stock = self.reach.is_some_and(|reach| position > reach);
        if self.is_all_taken() {
            return Turn::AllReserved { position, ahead, beyond_stock };
        }
        Turn::Waiting { position, ahead, wait: self.wait(position, now), beyond_stock }
    }

    fn wait(&self, position: u64, now: Timestamp) -> Option<Wait> {
        let expected = self.frontier.wait(position, self.pace.per_minute, now)?;
        let (low, high) = range(&self.pace.spreads, expected);
        Some(Wait { expected, low, high })
    }

    /// When the shopper should ask again: the sooner, the nearer the front.
    ///
    /// Spread by number, so that those who are told the same do not all come back together.
    pub fn next_poll(&self, number: u64, turn: &Turn, now: Timestamp) -> Millis {
        let base = match turn {
            Turn::NotOpen => return self.next_poll_before(number, now),
            Turn::Drawing => {
                let after = Millis::from_secs(1).get();
                return Millis::new(after.saturating_add(spread(number, POLL_AFTER_DRAW)));
            }
            Turn::Waiting { wait: Some(wait), .. } => {
                let wait = wait.expected.get();
                // Who is nearly there asks when the turn comes; who is not, three times on the way.
                (wait / 4).clamp(POLL_MIN.get().min(wait), POLL_MAX.get())
            }
            // Whoever may yet get something hears at once when it is over.
            Turn::AllReserved { beyond_stock: false, .. } if self.reach.is_some() => {
                POLL_HOPING.get()
            }
            _ => POLL_UNKNOWN.get(),
        };
        Millis::new(base.saturating_add(spread(number, base / 4)))
    }

    fn next_poll_before(&self, number: u64, now: Timestamp) -> Millis {
        let seldom = POLL_BEFORE.get();
        let seldom = Millis::new(seldom.saturating_add(spread(number, seldom / 4)));
        let Some(schedule) = self.schedule else { return seldom };
        let drawn_at = schedule.opens_at.plus(DRAW_AFTER).plus(POLL_MIN);
        let after = Millis::new(spread(number, POLL_AFTER_DRAW));
        let at_opening = drawn_at.plus(after).since(now).max(POLL_MIN);
        // Who would come just before comes just after.
        if at_opening < seldom.twice() { at_opening } else { seldom }
    }
}

/// Something below `most`, evenly spread over the numbers.
fn spread(number: u64, most: u64) -> u64 {
    let share = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    most.checked_mul(share).map_or(0, |product| product >> 32)
}
