//! Under which terms a SKU is sold, and how its stock looks from outside.

use serde::{Deserialize, Serialize};

use crate::cart::CartMark;
use crate::charges::{Bill, ChargeRules};
use crate::id::{SaleId, Sku};
use crate::money::Money;
use crate::time::Millis;

/// What holds for one SKU in one sale. Fixed when the SKU is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The sale.
    pub sale: SaleId,
    /// The SKU.
    pub sku: Sku,
    /// Its name as the shopper reads it on the receipt.
    pub title: String,
    /// The price of one unit, taken from the catalog on our side.
    pub unit_price: Money,
    /// Units one shopper may have, reserved and allocated together.
    pub per_shopper_max: u32,
    /// How long a reservation is held.
    pub reservation_ttl_ms: Millis,
    /// How long it can be held in all, counted from its beginning, however often it is extended.
    pub reservation_max_ms: Millis,
    /// How long a payment may take before the provider is asked to end it.
    pub payment_window_ms: Millis,
    /// What comes on top of the price, or is within it.
    #[serde(default, skip_serializing_if = "ChargeRules::is_empty")]
    pub charges: Box<ChargeRules>,
}

/// Reservations that one shopper may make and not pay, beside those for what one may have.
const CHANGES_OF_MIND_MAX: u32 = 20;

impl Terms {
    /// Reservations of the SKU that one shopper may make in all, whatever became of them.
    ///
    /// They are kept as long as the sale, so somebody who reserves and gives back in a loop must
    /// come to an end; who chooses and changes their mind does not get near it.
    pub const fn reservations_max(&self) -> u32 {
        self.per_shopper_max.saturating_add(CHANGES_OF_MIND_MAX)
    }

    /// The bill for so many units; `None` if an amount cannot hold it, which [`Self::check`] rules
    /// out for as many as one shopper may have. Of a cart, one line pays the shipping.
    pub fn bill(&self, quantity: u32, cart: CartMark) -> Option<Bill> {
        self.charges.bill(self.unit_price.times(quantity)?, cart.pays_shipping())
    }

    /// All that is owed for so many units; `None` as for [`Self::bill`].
    pub fn price_of(&self, quantity: u32, cart: CartMark) -> Option<Money> {
        self.bill(quantity, cart).map(|bill| bill.total)
    }

    /// Checks that something can be sold under these terms.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.per_shopper_max == 0 {
            return Err("per_shopper_max is zero");
        }
        if self.charges.check().is_err() {
            return Err("tax or shipping are out of their bounds");
        }
        let goods_max = self.unit_price.times(self.per_shopper_max);
        if !goods_max.is_some_and(|goods| self.charges.fits(goods)) {
            return Err("what one shopper may have costs more than an amount can hold");
        }
        if self.reservation_ttl_ms == Millis::new(0) || self.payment_window_ms == Millis::new(0) {
            return Err("a duration is zero");
        }
        if self.reservation_ttl_ms > self.reservation_max_ms {
            return Err("reservation_ttl_ms is above reservation_max_ms");
        }
        Ok(())
    }
}

/// Whether reservations are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selling {
    /// Not yet.
    #[default]
    NotOpen,
    /// Yes.
    Open,
    /// Not at the moment. What is reserved can still be paid.
    Paused,
    /// No more. What is reserved can still be paid.
    Closed,
}

/// How much is left, as coarsely as shoppers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockBand {
    /// Plenty.
    InStock,
    /// At most a tenth of the units.
    FewLeft,
    /// Everything left is reserved; some may come back.
    AllReserved,
    /// Everything is promised to orders. Final, unless the merchant restocks.
    SoldOut,
}

/// The stock of a SKU, as the merchant sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockView {
    /// The terms.
    pub terms: Terms,
    /// Whether reservations are accepted.
    pub selling: Selling,
    /// Units given to the sale, without those that left it.
    pub on_hand: u32,
    /// Units set aside for shoppers in checkout.
    pub reserved: u32,
    /// Units promised to orders.
    pub allocated: u32,
    /// `on_hand - reserved - allocated`.
    pub available: u32,
    /// The band shoppers are told.
    pub band: StockBand,
    /// Orders whose settlement has not been reported back yet.
    pub orders_unsettled: u64,
    /// Reservations ever made.
    pub reservations: u64,
    /// Reservations whose time ran out.
    pub expired: u64,
    /// Payments that have to be given back.
    pub refunds_due: u64,
    /// Shoppers on the waitlist.
    pub waiting: u64,
    /// Units that left the sale with orders that were cancelled.
    pub withdrawn_with_orders: u64,
}
