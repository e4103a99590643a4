//! What a WaitingRoom knows of the stock of its sale.

use doorbuster_domain::inventory::{Answer, Reply, StockView};
use doorbuster_domain::line::{Health, Look, SaleRules, SkuStatus, Units};
use doorbuster_domain::time::Millis;

use crate::rpc::BatchOutcome;

/// What the Inventories told last.
#[derive(Default)]
pub(crate) struct Stock {
    skus: Vec<StockView>,
    health: Health,
}

impl Stock {
    pub(crate) const fn is_empty(&self) -> bool {
        self.skus.is_empty()
    }

    /// Takes in what Inventories answered, of so many that were asked. One that did not answer
    /// leaves what was known of it.
    pub(crate) fn take_in<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a str>,
        asked: usize,
        took: Millis,
    ) {
        let mut answered = 0_usize;
        for line in lines {
            let Ok(BatchOutcome::Done(answers)) = serde_json::from_str(line) else { continue };
            answered = answered.saturating_add(1);
            // One that has no stock yet says so, and nothing is known of it.
            let Some(Answer::Accepted(Reply::Stock { view, .. })) = answers.into_iter().next_back()
            else {
                continue;
            };
            match self.skus.iter_mut().find(|known| known.terms.sku == view.terms.sku) {
                Some(known) => *known = *view,
                None => self.skus.push(*view),
            }
        }
        self.health = Health {
            look: took,
            unanswered: asked.saturating_sub(answered),
            orders_unsettled: self.skus.iter().map(|sku| sku.orders_unsettled).sum(),
        };
    }

    /// The same for the room to decide by.
    pub(crate) fn look(&self, rules: &SaleRules) -> Look {
        let band = |sku: &StockView| SkuStatus { sku: sku.terms.sku.clone(), band: sku.band };
        let sum = |units: fn(&StockView) -> u32| {
            self.skus.iter().map(|sku| u64::from(units(sku))).sum::<u64>()
        };
        Look {
            bands: self.skus.iter().map(band).collect(),
            units: Units {
                on_hand: sum(|sku| sku.on_hand),
                available: sum(|sku| sku.available),
                reserved: sum(|sku| sku.reserved),
                unknown: self.skus.len() < rules.skus.len(),
            },
            health: self.health,
        }
    }
}
