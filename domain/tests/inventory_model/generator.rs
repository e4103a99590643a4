//! Commands by chance, from a seed: few shoppers, few keys and little stock, so that they meet.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use std::collections::{BTreeMap, BTreeSet};

use doorbuster_domain::cart::CartMark;
use doorbuster_domain::charges::ChargeRules;
use doorbuster_domain::id::{IdempotencyKey, PaymentId, ReservationId, ShopperId};
use doorbuster_domain::inventory::{AdjustmentReason, Cancel, Command, Selling, Terms};
use doorbuster_domain::money::Money;
use doorbuster_domain::time::Millis;

use crate::naive_money::{owed, ships};
use crate::support::{name, shopper, terms};

const SHOPPERS: [&str; 5] = ["ann", "bob", "cem", "dia", "eve"];
const KEYS_LEN: usize = 40;

/// Chance that can be had again: `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True `percent` times in a hundred.
    pub(crate) fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len() as u64);
        &from[usize::try_from(at).unwrap()]
    }

    fn small(&mut self, end: u32) -> u32 {
        u32::try_from(self.below(u64::from(end))).unwrap()
    }
}

/// Who and what takes part in one case.
pub(crate) struct Cast {
    pub(crate) terms: Terms,
    on_hand: u32,
    shoppers: Vec<ShopperId>,
    /// Every reservation that could come to be.
    reservations: Vec<Part>,
}

/// A reservation that could come to be, and how one asks for it.
struct Part {
    shopper: ShopperId,
    key: IdempotencyKey,
    id: ReservationId,
}

/// How things stand: without it most commands would be about nothing.
#[derive(Default)]
pub(crate) struct Standing {
    /// `None`: not opened yet.
    pub(crate) selling: Option<Selling>,
    /// The newest number of an order to sell or not to.
    pub(crate) orders: u64,
    /// What each reservation ever made is for.
    pub(crate) quantities: BTreeMap<ReservationId, u32>,
    /// The cart of those that are lines of one.
    pub(crate) carts: BTreeMap<ReservationId, CartMark>,
    /// Those that are held.
    pub(crate) held: BTreeSet<ReservationId>,
    /// Those that wait for units.
    pub(crate) waiting: BTreeSet<ReservationId>,
    /// Those with a payment under way.
    pub(crate) paying: BTreeSet<ReservationId>,
    /// Those that became orders, cancelled or not.
    pub(crate) bought: BTreeSet<ReservationId>,
}

impl Cast {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let price = Money::new(chance.below(5_000), name("EUR")).unwrap();
        let ttl = 20 + chance.below(200);
        // Seldom just the first deadline: then a reservation cannot be extended at all.
        let max = if chance.happens(90) { ttl + chance.below(3 * ttl) } else { ttl };
        let terms = Terms {
            unit_price: price,
            per_shopper_max: 1 + chance.small(6),
            reservation_ttl_ms: Millis::new(ttl),
            reservation_max_ms: Millis::new(max),
            payment_window_ms: Millis::new(10 + chance.below(150)),
            charges: Box::new(charges(chance)),
            ..terms()
        };
        // Seldom one alone: who gets to the end of what one shopper may make.
        let shoppers_len = if chance.happens(80) { SHOPPERS.len() } else { 1 };
        let called = SHOPPERS.iter().take(shoppers_len);
        let shoppers: Vec<_> = called.map(|called| shopper(called)).collect();
        let keys: Vec<IdempotencyKey> = (0..KEYS_LEN).map(|n| name(&format!("key-{n}"))).collect();
        let pairs = shoppers.iter().flat_map(|who| keys.iter().map(move |key| (*who, key)));
        let reservations = pairs
            .map(|(shopper, key)| Part {
                shopper,
                key: key.clone(),
                id: ReservationId::derive(&terms.sale, &terms.sku, shopper, key),
            })
            .collect();
        Self { terms, on_hand: chance.small(13), shoppers, reservations }
    }

    /// The next command.
    pub(crate) fn command(&self, chance: &mut Chance, standing: &Standing) -> Command {
        if standing.selling.is_none() && chance.happens(25) {
            return Command::Open { terms: self.terms.clone(), on_hand: self.on_hand };
        }
        let shut = matches!(standing.selling, Some(Selling::NotOpen | Selling::Paused));
        if shut && chance.happens(20) {
            let phase_number = standing.orders + 1;
            return Command::SetSelling { selling: Selling::Open, phase_number };
        }
        let (part, other) = (self.part(chance, standing), chance.pick(&self.shoppers));
        let shopper = if chance.happens(90) { part.shopper } else { *other };
        let reservation = part.id;
        let payment = self.payment(chance, reservation);
        if self.shoppers.len() == 1 && chance.happens(45) {
            return Command::Release { shopper, reservation };
        }
        match chance.below(100) {
            0..33 => self.reserve(chance, standing, part),
            33..34 => Command::RepeatReserve {
                shopper,
                key: part.key.clone(),
                quantity: standing.quantities.get(&part.id).copied().unwrap_or(1),
            },
            34..44 => Command::Extend { shopper, reservation },
            44..56 => Command::BeginPayment { shopper, reservation },
            56..61 => Command::DeclinePayment { payment },
            61..64 => Command::VoidPayment { payment },
            64..70 => self.allocate(chance, standing, payment),
            70..73 => Command::ConfirmRefund { payment },
            73..78 => Command::Release { shopper, reservation },
            78..82 => {
                let orders =
                    (0..chance.below(4)).map(|_| self.part(chance, standing).id.order()).collect();
                Command::Settle { orders }
            }
            82..86 => Command::ShowReservation { shopper, reservation },
            86..87 => Command::ShowStock,
            87..90 => cancel(chance, standing, reservation),
            90..97 => adjust(chance),
            97..98 => {
                let phase_number = standing.orders + chance.below(3);
                Command::SetSelling { selling: next_selling(chance), phase_number }
            }
            _ => self.open(chance),
        }
    }

    fn allocate(&self, chance: &mut Chance, standing: &Standing, payment: PaymentId) -> Command {
        let quantity = standing.quantities.get(&payment.reservation()).copied().unwrap_or(1);
        let cart = standing.carts.get(&payment.reservation()).copied().unwrap_or_default();
        let owed = owed(&self.terms, quantity, ships(cart)).0.minor;
        let amount_minor = if chance.happens(85) { owed } else { chance.below(9_000) };
        Command::Allocate { payment, amount_minor }
    }

    /// Mostly a new one; else a repeat of the part's, often with the quantity it had.
    fn reserve(&self, chance: &mut Chance, standing: &Standing, part: &Part) -> Command {
        let quantity = match chance.below(100) {
            0..2 => u32::MAX,
            2..5 => 0,
            5..10 => 4 + chance.small(4),
            _ => 1 + chance.small(3),
        };
        let known = standing.quantities.get(&part.id).copied();
        let (asked, quantity) = match known {
            Some(known) if chance.happens(15) => (part, known),
            Some(_) if chance.happens(5) => (part, quantity),
            _ => (chance.pick(&self.reservations), quantity),
        };
        let (shopper, key) = (asked.shopper, asked.key.clone());
        let draw = chance.below(100);
        let cart = CartMark::of_number(if draw.is_multiple_of(2) { 2 } else { 3 });
        match draw {
            0..50 => Command::ReserveOrWait { shopper, key, quantity },
            50..70 => Command::ReserveInCart { shopper, key, quantity, cart },
            70 => Command::RepeatInCart { shopper, key, quantity, cart },
            _ => Command::Reserve { shopper, key, quantity },
        }
    }

    fn open(&self, chance: &mut Chance) -> Command {
        let on_hand = if chance.happens(70) { self.on_hand } else { chance.small(13) };
        let mut terms = self.terms.clone();
        match chance.below(20) {
            0..4 => terms.title.push('s'),
            4 => terms.per_shopper_max = 0,
            5 => terms.per_shopper_max = u32::MAX,
            6 => terms.payment_window_ms = Millis::new(0),
            8 => terms.charges.tax_ppm = terms.charges.tax_ppm.map(|_| 0),
            7 => terms.reservation_max_ms = Millis::new(terms.reservation_ttl_ms.get() - 1),
            _ => {}
        }
        Command::Open { terms, on_hand }
    }

    /// Mostly one that was made, and among these one that is not at its end.
    fn part(&self, chance: &mut Chance, standing: &Standing) -> &Part {
        let wanted = chance.below(100);
        let among: Vec<_> = self
            .reservations
            .iter()
            .filter(|part| match wanted {
                0..45 => standing.held.contains(&part.id),
                45..70 => standing.paying.contains(&part.id),
                70..95 => standing.quantities.contains_key(&part.id),
                _ => true,
            })
            .collect();
        if among.is_empty() {
            return chance.pick(&self.reservations);
        }
        let part: &&Part = chance.pick(&among);
        part
    }

    /// One of the first payments for the reservation, the first most often; seldom one for another,
    /// or one that never was.
    fn payment(&self, chance: &mut Chance, reservation: ReservationId) -> PaymentId {
        let meant =
            if chance.happens(97) { reservation } else { chance.pick(&self.reservations).id };
        PaymentId::of(meant, *chance.pick(&[1, 1, 1, 1, 2, 2, 3, 0]))
    }
}

/// Now and then tax, shipping, or both; amounts near to those of the goods.
fn charges(chance: &mut Chance) -> ChargeRules {
    let (taxes, sends) = (chance.happens(40), chance.happens(40));
    let (rate, free_from) = (*chance.pick(&[190_000, 72_500, 88_750, 1]), chance.happens(50));
    ChargeRules {
        shipping_minor: sends.then(|| chance.below(1_000)),
        shipping_free_from_minor: (sends && free_from).then(|| 1 + chance.below(8_000)),
        tax_title: taxes.then(|| "VAT".to_owned()),
        tax_ppm: taxes.then_some(rate),
        tax_included: taxes && chance.happens(50),
    }
}

/// Mostly an order; few keys and words, so that acts are repeated and mixed up.
fn cancel(chance: &mut Chance, standing: &Standing, any: ReservationId) -> Command {
    let bought: Vec<_> = standing.bought.iter().copied().collect();
    let meant = if bought.is_empty() || chance.happens(5) { any } else { *chance.pick(&bought) };
    let (act, why) = (chance.below(2), *chance.pick(&["torn", "torn", "torn", "late"]));
    Command::CancelOrder(Cancel {
        order: meant.order(),
        key: name(&format!("act-{act}")),
        restock: chance.happens(60),
        reason: AdjustmentReason::try_from(why.to_owned()).unwrap(),
    })
}

fn adjust(chance: &mut Chance) -> Command {
    let units = if chance.happens(95) { chance.small(5) } else { u32::MAX };
    let (restock, act) = (chance.happens(60), chance.below(12));
    let key = name(&format!("act-{act}"));
    let why = if chance.happens(90) { "counted again" } else { "found a box" };
    let reason = AdjustmentReason::try_from(why.to_owned()).unwrap();
    if restock {
        Command::Restock { key, units, reason }
    } else {
        Command::Withdraw { key, units, reason }
    }
}

fn next_selling(chance: &mut Chance) -> Selling {
    match chance.below(100) {
        0..50 => Selling::Paused,
        50..80 => Selling::NotOpen,
        80..90 => Selling::Open,
        _ => Selling::Closed,
    }
}
