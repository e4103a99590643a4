//! A sale: what is sold, under which rules, and how far it has come.

use serde::{Deserialize, Serialize};

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

/// What holds for everybody in a sale. Fixed when the sale is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleRules {
    /// The sale.
    pub sale: SaleId,
    /// Its name as shoppers read it.
    pub title: String,
    /// People admitted each minute, at most.
    pub admits_per_minute_max: u32,
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

impl SaleRules {
    /// The SKUs one sale may have: its status, which every edge keeps, lists them all.
    pub const SKUS_MAX: usize = 100;

    /// The terms under which one of its SKUs is sold; `None` if it is not one of them.
    pub fn terms(&self, sku: &Sku) -> Option<Terms> {
        let offer = self.skus.iter().find(|offer| offer.sku == *sku)?;
        Some(Terms {
            sale: self.sale.clone(),
            sku: offer.sku.clone(),
            title: offer.title.clone(),
            unit_price: offer.unit_price,
            per_shopper_max: self.per_shopper_max,
            reservation_ttl_ms: self.reservation_ttl_ms,
            reservation_max_ms: self.reservation_max_ms,
            payment_window_ms: self.payment_window_ms,
        })
    }
}
