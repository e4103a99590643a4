//! A sale: what is sold, under which rules, and how far it has come.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::draw::BeaconRound;
use crate::charges::ChargeRules;
use crate::id::{SaleId, Sku};
use crate::inventory::{Selling, Terms};
use crate::money::Money;
use crate::time::Millis;

/// How far a sale has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Being prepared; nobody can join.
    #[default]
    Draft,
    /// Announced with an opening time.
    Scheduled,
    /// People gather; the order is not drawn yet.
    Prequeue,
    /// People are admitted.
    Open,
    /// Places are kept, nobody is admitted.
    Paused,
    /// Over.
    Closed,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Prequeue => "prequeue",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Closed => "closed",
        })
    }
}

impl Phase {
    /// What holds for the stock in this phase.
    pub const fn selling(self) -> Selling {
        match self {
            Self::Draft | Self::Scheduled | Self::Prequeue => Selling::NotOpen,
            Self::Open => Selling::Open,
            Self::Paused => Selling::Paused,
            Self::Closed => Selling::Closed,
        }
    }

    /// Whether a sale may go from this phase to `next`. A closed sale stays closed.
    pub const fn may_become(self, next: Self) -> bool {
        !matches!(
            (self, next),
            (Self::Closed, _)
                | (_, Self::Draft)
                | (Self::Draft | Self::Scheduled | Self::Prequeue, Self::Paused)
                | (Self::Open | Self::Paused, Self::Scheduled | Self::Prequeue)
        )
    }
}

/// Who is admitted next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineOrder {
    /// Those who came before the opening in drawn order, then first come, first served.
    #[default]
    Fifo,
    /// The draw takes in also those who come within a short window after the opening.
    Random,
    /// Everybody at once, as long as there is stock.
    Passthrough,
    /// Nobody: the line takes no one.
    Reject,
}

/// What holds for everybody in a sale. Fixed when the sale is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleRules {
    /// The sale.
    pub sale: SaleId,
    /// Its name as shoppers read it.
    pub title: String,
    /// People admitted each minute, at most, unless the merchant sets another limit meanwhile.
    pub admits_per_minute_max: u32,
    /// People who may be about to buy at the same time, at most, unless the same.
    #[serde(default = "people_max")]
    pub active_users_max: u32,
    /// Who is admitted next.
    #[serde(default)]
    pub order: LineOrder,
    /// How long after the opening the draw still takes people in, if the order is random.
    #[serde(default)]
    pub draw_window_ms: Millis,
    /// The public randomness that goes into the draw.
    #[serde(default)]
    pub beacon: Option<BeaconRound>,
    /// Places in the line that one client's address range may have.
    #[serde(default = "people_max")]
    pub places_per_client: u32,
    /// Whether who joins has to have met a challenge.
    #[serde(default)]
    pub challenge: bool,
    /// Units of one SKU that one shopper may have.
    pub per_shopper_max: u32,
    /// How long a pass is good for.
    pub pass_ttl_ms: Millis,
    /// How long a reservation is held.
    pub reservation_ttl_ms: Millis,
    /// How long it can be held in all, however often it is extended.
    pub reservation_max_ms: Millis,
    /// How long a payment may take before the provider is asked to end it.
    pub payment_window_ms: Millis,
    /// What is sold.
    pub skus: Vec<SkuOffer>,
    /// What comes on top of prices, or is within them.
    #[serde(default, skip_serializing_if = "ChargeRules::is_empty")]
    pub charges: Box<ChargeRules>,
}

/// One SKU of a sale, with name and price as they were in the catalog when the sale was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuOffer {
    /// The SKU.
    pub sku: Sku,
    /// Its name as the shopper reads it on the receipt.
    pub title: String,
    /// The price of one unit.
    pub unit_price: Money,
}

/// As good as no limit.
const fn people_max() -> u32 {
    SaleRules::PEOPLE_MAX
}

impl SaleRules {
    /// The most people that a rule can speak of.
    pub const PEOPLE_MAX: u32 = 10_000_000;

    /// The SKUs one sale may have: its status, which every edge keeps, lists them all.
    pub const SKUS_MAX: usize = 100;

    /// The longest title, in characters.
    pub const TITLE_LEN_MAX: usize = 200;

    /// Checks that something can be sold under these rules.
    ///
    /// # Errors
    ///
    /// The first rule that cannot be.
    pub fn check(&self) -> Result<(), RulesInvalid> {
        let day = Millis::from_secs(24 * 3600);
        let (moment, longest) = (Millis::new(1), self.reservation_max_ms);
        let title_len = self.title.trim().chars().count();
        let people = |number| within(number, 1, Self::PEOPLE_MAX);
        let window =
            if self.order == LineOrder::Random { Millis::from_secs(1) } else { Millis::new(0) };
        let checks = [
            ("title", within(title_len, 1, Self::TITLE_LEN_MAX), "1 to 200 characters long"),
            ("skus", within(self.skus.len(), 1, Self::SKUS_MAX), "a list of 1 to 100 SKUs"),
            ("admits_per_minute_max", people(self.admits_per_minute_max), PEOPLE_RANGE),
            ("active_users_max", people(self.active_users_max), PEOPLE_RANGE),
            ("places_per_client", people(self.places_per_client), PEOPLE_RANGE),
            (
                "draw_window_ms",
                within(self.draw_window_ms, window, Millis::from_secs(3600)),
                "from a second to an hour if the order is `random`",
            ),
            (
                "beacon",
                self.beacon.as_ref().is_none_or(BeaconRound::is_plausible),
                "a round, from 1, of drand's chain `quicknet`, named by its hash",
            ),
            ("per_shopper_max", within(self.per_shopper_max, 1, 1_000), "from 1 to 1,000"),
            ("pass_ttl_ms", within(self.pass_ttl_ms, moment, day), "from 1 ms to a day"),
            (
                "reservation_ttl_ms",
                within(self.reservation_ttl_ms, moment, longest),
                "at least 1 and at most `reservation_max_ms`",
            ),
            ("reservation_max_ms", within(longest, moment, day), "from 1 ms to a day"),
            (
                "payment_window_ms",
                within(self.payment_window_ms, moment, day),
                "from 1 ms to a day",
            ),
        ];
        let wrong = checks.into_iter().find(|(_, holds, _)| !holds);
        let wrong = wrong.map(|(rule, _, range)| (rule, range));
        if let Some((rule, range)) = wrong.or_else(|| self.charges.check().err()) {
            let reason = format!("it has to be {range}");
            return Err(RulesInvalid { rule: rule.to_owned(), place: None, reason });
        }
        self.check_skus()
    }

    fn check_skus(&self) -> Result<(), RulesInvalid> {
        let mut seen = BTreeSet::new();
        for (place, offer) in self.skus.iter().enumerate() {
            let wrong =
                |reason| Err(RulesInvalid { rule: "skus".to_owned(), place: Some(place), reason });
            if !seen.insert(&offer.sku) {
                return wrong("it is named twice".to_owned());
            }
            if let Err(reason) = self.terms_of(offer).check() {
                return wrong(reason.to_owned());
            }
        }
        Ok(())
    }

    /// The terms under which one of its SKUs is sold; `None` if it is not one of them.
    pub fn terms(&self, sku: &Sku) -> Option<Terms> {
        self.skus.iter().find(|offer| offer.sku == *sku).map(|offer| self.terms_of(offer))
    }

    fn terms_of(&self, offer: &SkuOffer) -> Terms {
        Terms {
            sale: self.sale.clone(),
            sku: offer.sku.clone(),
            title: offer.title.clone(),
            unit_price: offer.unit_price,
            per_shopper_max: self.per_shopper_max,
            reservation_ttl_ms: self.reservation_ttl_ms,
            reservation_max_ms: self.reservation_max_ms,
            payment_window_ms: self.payment_window_ms,
            charges: self.charges.clone(),
        }
    }
}

const PEOPLE_RANGE: &str = "from 1 to 10,000,000";

fn within<T: PartialOrd + Copy>(value: T, min: T, max: T) -> bool {
    (min..=max).contains(&value)
}

/// A rule under which nothing could be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("`{rule}` cannot be as it is: {reason}")]
pub struct RulesInvalid {
    /// Which rule: the name of its field.
    pub rule: String,
    /// Which of a list, from 0.
    pub place: Option<usize>,
    /// What is wrong with it.
    pub reason: String,
}
