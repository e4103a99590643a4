//! The real Inventory, and the orders that leave it.

use std::collections::VecDeque;

use doorbuster_domain::id::{IdempotencyKey, OrderId, ReservationId, ShopperId};
use doorbuster_domain::inventory::{
    Answer, Command, Inventory, Reply, StockBand, StockView, Terms,
};
use doorbuster_domain::line::{Phase, SaleRules};

use crate::calendar::Ms;
use crate::room::moment;

/// How long it takes until an order is in the books, and that is reported back.
const SETTLED_AFTER: Ms = 3_000;

/// The stock of the one SKU.
#[derive(Debug)]
pub struct Stock {
    inventory: Inventory,
    terms: Terms,
    key: IdempotencyKey,
    unsettled: VecDeque<(Ms, OrderId)>,
    restocks: u32,
    /// When the last unit was promised to an order.
    pub sold_out_at: Option<Ms>,
}

fn shopper(person: u32) -> ShopperId {
    let mut bytes = [0; 16];
    // Spread, as digests are.
    bytes[..8]
        .copy_from_slice(&u64::from(person).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    bytes[8..12].copy_from_slice(&person.to_be_bytes());
    ShopperId::from_bytes(bytes)
}

impl Stock {
    pub fn new(rules: &SaleRules, units: u32) -> Self {
        let terms = rules.terms(&rules.skus[0].sku).unwrap();
        let mut stock = Self {
            inventory: Inventory::default(),
            terms: terms.clone(),
            key: "once".parse().unwrap(),
            unsettled: VecDeque::new(),
            restocks: 0,
            sold_out_at: None,
        };
        stock.act(&Command::Open { terms, on_hand: units }, 0);
        stock
    }

    fn act(&mut self, command: &Command, now: Ms) -> Answer {
        let mut batch = self.inventory.decide_batch([command], moment(now)).unwrap();
        batch.answers.pop().unwrap()
    }

    fn reservation(&self, person: u32) -> ReservationId {
        let Terms { sale, sku, .. } = &self.terms;
        ReservationId::derive(sale, sku, shopper(person), &self.key)
    }

    /// What a look at the stock shows. The phase of the sale goes with it.
    pub fn look(&mut self, (phase, phase_number): (Phase, u64), now: Ms) -> StockView {
        let settled = self.unsettled.partition_point(|(at, _)| at + SETTLED_AFTER <= now);
        let orders = self.unsettled.drain(..settled).map(|(_, order)| order).collect();
        let selling = phase.selling();
        let commands = [
            Command::Settle { orders },
            Command::SetSelling { selling, phase_number },
            Command::ShowStock,
        ];
        let mut batch = self.inventory.decide_batch(&commands, moment(now)).unwrap();
        match batch.answers.pop() {
            Some(Answer::Accepted(Reply::Stock { view, .. })) => *view,
            other => panic!("the stock does not show itself: {other:?}"),
        }
    }

    /// Somebody asks for a unit.
    pub fn reserve(&mut self, person: u32, now: Ms) -> Answer {
        let (shopper, key) = (shopper(person), self.key.clone());
        self.act(&Command::Reserve { shopper, key, quantity: 1 }, now)
    }

    /// Somebody goes to the provider.
    pub fn begin_payment(&mut self, person: u32, now: Ms) {
        let (shopper, reservation) = (shopper(person), self.reservation(person));
        let answer = self.act(&Command::BeginPayment { shopper, reservation }, now);
        assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
    }

    /// Somebody has paid.
    pub fn pay(&mut self, person: u32, now: Ms) {
        let reservation = self.reservation(person);
        let payment = self.inventory.payment_under_way(reservation).unwrap();
        let amount_minor = self.terms.unit_price.minor;
        let answer = self.act(&Command::Allocate { payment, amount_minor }, now);
        assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
        self.unsettled.push_back((now, reservation.order()));
        if self.view().band == StockBand::SoldOut {
            self.sold_out_at = Some(now);
        }
    }

    /// Somebody gives a unit back.
    pub fn release(&mut self, person: u32, now: Ms) {
        let (shopper, reservation) = (shopper(person), self.reservation(person));
        let answer = self.act(&Command::Release { shopper, reservation }, now);
        assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
    }

    /// The merchant adds units.
    pub fn restock(&mut self, units: u32, now: Ms) {
        self.restocks += 1;
        let key = format!("restock-{}", self.restocks).parse().unwrap();
        let reason = "found more".to_owned().try_into().unwrap();
        self.act(&Command::Restock { key, units, reason }, now);
        self.sold_out_at = None;
    }

    /// The stock in figures.
    pub fn view(&self) -> StockView {
        self.inventory.stock().unwrap()
    }
}
