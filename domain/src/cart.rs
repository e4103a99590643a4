//! A cart: several SKUs of one sale, reserved all or none, and paid for at once.
//!
//! There is no object for a cart. Its lines are reservations like any other, made with one key and
//! in one order, so who was interrupted finds them again, and what nobody comes back for ends by
//! itself. See `docs/adr/0022-a-cart-is-its-reservations.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::charges::ChargeRules;
use crate::id::{PaymentId, Sku};
use crate::inventory::{Answer, Rejection, Reply, ReservationState, ReservationView};
use crate::money::Money;

/// SKUs and quantities: at least one line, each SKU once, in the order in which they are reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cart(Vec<CartLine>);

/// One line of a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartLine {
    /// The SKU.
    pub sku: Sku,
    /// Units, at least 1.
    pub quantity: u32,
    /// Where it came first in what was asked for, from 0.
    pub place: usize,
    mark: CartMark,
}

impl CartLine {
    /// What the Inventory of the SKU is asked for.
    pub const fn wanted(&self) -> (u32, CartMark) {
        (self.quantity, self.mark)
    }
}

/// Why something is no cart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CartError {
    /// There are no lines.
    #[error("a cart has at least one line")]
    Empty,
    /// There are too many lines.
    #[error("a cart has at most {} lines", Cart::LINES_MAX)]
    TooLong,
    /// The number of units of a line, or of all lines of its SKU, is none that can be.
    #[error("the units of this SKU are from 1 to {} together", u32::MAX)]
    Quantity {
        /// Which line, from 0.
        place: usize,
    },
}

impl Cart {
    /// The most lines that a cart has.
    pub const LINES_MAX: usize = 20;

    /// The cart of these lines. Lines of the same SKU are one, with all their units.
    ///
    /// The order is that of the SKUs, whatever was asked first: so of two carts with the same two
    /// SKUs, of which one unit each is left, one gets both.
    ///
    /// # Errors
    ///
    /// If there are no lines or too many, or a quantity cannot be.
    pub fn of(lines: impl IntoIterator<Item = (Sku, u32)>) -> Result<Self, CartError> {
        let mut by_sku: BTreeMap<Sku, (u32, usize)> = BTreeMap::new();
        let mut asked = 0;
        for (place, (sku, quantity)) in lines.into_iter().enumerate() {
            if place >= Self::LINES_MAX {
                return Err(CartError::TooLong);
            }
            asked = place.saturating_add(1);
            let (units, _) = by_sku.entry(sku).or_insert((0, place));
            let sum = units.checked_add(quantity).filter(|_| quantity > 0);
            *units = sum.ok_or(CartError::Quantity { place })?;
        }
        if asked == 0 {
            return Err(CartError::Empty);
        }
        let mark = mark_of(&by_sku);
        let line = |(line, (sku, (quantity, place)))| {
            let mark = CartMark(mark | u16::from(line > 0));
            CartLine { sku, quantity, place, mark }
        };
        Ok(Self(by_sku.into_iter().enumerate().map(line).collect()))
    }

    /// The same, of which no line pays shipping if by these rules all together are sent for
    /// nothing.
    #[must_use]
    pub fn charged_by(
        mut self,
        rules: &ChargeRules,
        price: impl Fn(&Sku) -> Option<Money>,
    ) -> Self {
        let prices = self.0.iter().map(|line| price(&line.sku)?.times(line.quantity));
        let goods = prices.map(|price| price.map_or(0, |price| price.minor));
        let goods = goods.fold(0, u64::saturating_add);
        if rules.shipping_free_from_minor.is_some_and(|from| goods >= from) {
            for line in &mut self.0 {
                line.mark.0 |= 1;
            }
        }
        self
    }

    /// The lines, in the order in which they are reserved.
    pub fn lines(&self) -> &[CartLine] {
        &self.0
    }
}

/// Which cart a reservation is a line of, as far as 15 bits can tell one cart from another; and
/// whether shipping is paid with this line.
///
/// It is there to notice that a key is used again for another cart. Two carts with one key that
/// have the same mark are taken for one, which of two that differ happens once in 32,768 times:
/// then what the second has and the first has not is reserved as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CartMark(u16);

impl CartMark {
    /// No cart.
    pub const NONE: Self = Self(0);

    /// The mark that was written as this number.
    pub const fn of_number(number: u16) -> Self {
        Self(number)
    }

    /// The mark as a number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Whether it is no line of any cart.
    pub const fn is_none(&self) -> bool {
        self.0 == 0
    }

    /// Whether shipping is paid with it. With one line of a cart it is, or with none.
    pub const fn pays_shipping(self) -> bool {
        self.0 & 1 == 0
    }
}

/// The mark of the first of these lines.
fn mark_of(lines: &BTreeMap<Sku, (u32, usize)>) -> u16 {
    let mut hash = Sha256::new();
    for (sku, (quantity, _)) in lines {
        hash.update(sku.as_str());
        hash.update([0]);
        hash.update(quantity.to_be_bytes());
    }
    let [first, second, ..] = <[u8; 32]>::from(hash.finalize());
    // Never nothing: that is no cart.
    (u16::from_be_bytes([first, second]) & !1).max(2)
}

/// What is to be done about the next line of a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Reserve it, or find what this key reserved before.
    Reserve,
    /// Only find what this key reserved before.
    Repeat,
}

/// How a cart ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// All of its lines are reserved: as each was first answered.
    Reserved {
        /// The reservations, in the order of the lines.
        views: Vec<ReservationView>,
        /// Whether all of them were there before: this answers a repeat.
        exists: bool,
    },
    /// One line cannot be had. What was reserved for the others is to be given back.
    Refused {
        /// Which line, from 0.
        line: usize,
        /// Why.
        rejection: Rejection,
        /// What is to be given back: the line of each, and the reservation.
        undo: Vec<(usize, ReservationView)>,
    },
    /// It was refused or given back before, by another request with the same key.
    Undone {
        /// What this request reserved, and is to be given back.
        undo: Vec<(usize, ReservationView)>,
    },
}

/// One request's way through a cart, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Whether anything may be reserved at all.
    may_reserve: bool,
    /// Of each line done with: as first answered, as it is now, and whether it was there before.
    done: Vec<Done>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Done {
    first: ReservationView,
    now: ReservationState,
    existed: bool,
}

impl Done {
    /// Whether the shopper has it, or bought it.
    fn lives(&self) -> bool {
        !matches!(self.now, ReservationState::Released | ReservationState::Expired)
    }
}

impl Walk {
    /// A way that begins. Whose pass has expired may only find what was reserved before.
    pub const fn new(may_reserve: bool) -> Self {
        Self { may_reserve, done: Vec::new() }
    }

    /// What is to be done about the next line.
    ///
    /// Once something of the cart is found to be over, nothing more is reserved for it: either all
    /// of it was reserved once, and the first answer is told again, or it was undone.
    pub fn next(&self) -> Ask {
        if self.may_reserve && self.done.iter().all(Done::lives) {
            Ask::Reserve
        } else {
            Ask::Repeat
        }
    }

    /// Takes note of what the Inventory of the next line says, to what was asked, and to a look at
    /// the same reservation after it. How the cart ends, if it does so here.
    pub fn answered(&mut self, answer: Answer, look: Answer, lines: usize) -> Option<Ended> {
        let line = self.done.len();
        let (first, existed) = match answer {
            Answer::Accepted(Reply::Reservation { view, exists }) => (view, exists),
            Answer::Rejected(Rejection::ReservationNotFound) if self.is_over() => {
                return Some(Ended::Undone { undo: self.undo(|done| !done.existed) });
            }
            Answer::Rejected(rejection) => {
                let undo = self.undo(|_| true);
                return Some(Ended::Refused { line, rejection, undo });
            }
            Answer::Accepted(_) => return None,
        };
        let now = match look {
            Answer::Accepted(Reply::Reservation { view, .. }) => view.state,
            _ => first.state,
        };
        self.done.push(Done { first, now, existed });
        (self.done.len() == lines).then(|| self.end())
    }

    fn is_over(&self) -> bool {
        !self.done.iter().all(Done::lives)
    }

    fn end(&mut self) -> Ended {
        let exists = self.done.iter().all(|done| done.existed);
        if self.is_over() && !exists {
            return Ended::Undone { undo: self.undo(|done| !done.existed) };
        }
        let views = self.done.drain(..).map(|done| done.first).collect();
        Ended::Reserved { views, exists }
    }

    fn undo(&self, which: impl Fn(&Done) -> bool) -> Vec<(usize, ReservationView)> {
        let held = |done: &Done| done.now == ReservationState::Held && which(done);
        let all = self.done.iter().enumerate();
        all.filter(|(_, done)| held(done)).map(|(line, done)| (line, done.first.clone())).collect()
    }
}

/// What was paid in one session, for each of the payments that are made with it: the lead first.
///
/// It is what is owed for each, if together that is what was paid. Any other sum is one that nobody
/// asked for. Then all of it counts for the lead, which goes by what it costs: it buys the units,
/// or goes back whole. Nothing was paid for the others.
pub fn shares(paid: u64, owed: &[u64]) -> Vec<Option<u64>> {
    let sum = owed.iter().try_fold(0_u64, |sum, owed| sum.checked_add(*owed));
    if sum == Some(paid) {
        return owed.iter().copied().map(Some).collect();
    }
    let share = |place| if place == 0 { Some(paid) } else { None };
    (0..owed.len()).map(share).collect()
}

/// How an address of ours names one more line of a cart, after `sku` and `reservation` of the
/// first.
pub fn also(sku: &Sku, payment: PaymentId) -> String {
    format!("&also={sku}:{}", payment.reservation())
}
