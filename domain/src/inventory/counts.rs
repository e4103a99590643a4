//! The three numbers that the whole stock is made of, and what is told of it.

use serde::{Deserialize, Serialize};

use super::terms::{Selling, StockBand, StockView, Terms};

/// `reserved + allocated <= on_hand`, always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) on_hand: u32,
    pub(super) reserved: u32,
    pub(super) allocated: u32,
}

impl Counts {
    /// `on_hand - reserved - allocated`.
    pub(super) const fn available(self) -> u32 {
        self.on_hand.saturating_sub(self.reserved).saturating_sub(self.allocated)
    }

    pub(super) const fn band(self) -> StockBand {
        let available = self.available();
        if self.on_hand <= self.allocated {
            StockBand::SoldOut
        } else if available == 0 {
            StockBand::AllReserved
        } else if available <= self.on_hand.div_ceil(10) {
            StockBand::FewLeft
        } else {
            StockBand::InStock
        }
    }

    /// Nothing is promised that is not there.
    pub(super) fn hold(self) -> bool {
        self.reserved.checked_add(self.allocated).is_some_and(|taken| taken <= self.on_hand)
    }
}

/// The stock in figures: what a merchant is shown of it, beside the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) selling: Selling,
    pub(super) counts: Counts,
    pub(super) orders_unsettled: u64,
    pub(super) reservations: u64,
    pub(super) expired: u64,
    pub(super) refunds_due: u64,
    pub(super) waiting: u64,
    pub(super) withdrawn_with_orders: u64,
}

impl Figures {
    pub(super) fn view(self, terms: &Terms) -> Box<StockView> {
        Box::new(StockView {
            terms: terms.clone(),
            selling: self.selling,
            on_hand: self.counts.on_hand,
            reserved: self.counts.reserved,
            allocated: self.counts.allocated,
            available: self.counts.available(),
            band: self.counts.band(),
            orders_unsettled: self.orders_unsettled,
            reservations: self.reservations,
            expired: self.expired,
            refunds_due: self.refunds_due,
            waiting: self.waiting,
            withdrawn_with_orders: self.withdrawn_with_orders,
        })
    }
}
