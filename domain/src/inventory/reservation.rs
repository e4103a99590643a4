//! A reservation: `held -> paying -> allocated`, or `-> released` / `-> expired`. Who waits for
//! units begins with `waiting ->`; an order that was cancelled ends with `-> cancelled`.

use serde::{Deserialize, Serialize};

use crate::cart::CartMark;
use crate::charges::BillLines;
use crate::id::{HALF, OrderId, PaymentId, ReservationId, ShopperId};
use crate::money::Money;
use crate::time::Timestamp;

use super::terms::StockBand;

/// A reservation as the inventory keeps it, beside its id: there may be a million of them, so it
/// has nothing that follows from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reservation {
    /// The first half of the shopper's id is that of the reservation.
    pub(super) shopper_second_half: [u8; HALF],
    pub(super) quantity: u32,
    /// Payments begun so far; the last of them is the attempt that counts while paying.
    pub(super) attempts: u8,
    /// Whether it began on the waitlist.
    pub(super) waited: bool,
    /// The cart that it is a line of, if it is.
    pub(super) cart: CartMark,
    /// Since when units are set aside for it, or were; until then since when it waits.
    pub(super) reserved_at: Timestamp,
    pub(super) state: State,
}

/// Whether the provider is being asked to end a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    No,
    /// Its deadline has passed.
    Overdue,
    /// Its shopper wants something else.
    GivenUp,
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// With its number on the waitlist.
    Waiting {
        number: u32,
    },
    Held {
        expires_at: Timestamp,
    },
    Paying {
        deadline: Timestamp,
        ending: Ending,
    },
    Allocated {
        attempt: u32,
        allocated_at: Timestamp,
        settled: bool,
    },
    /// An order that the merchant cancelled; why and when stands in `Inventory::cancellations`.
    Cancelled {
        attempt: u32,
        allocated_at: Timestamp,
        settled: bool,
    },
    Released,
    Expired,
}

// With its id 56 bytes: 56 MB for a million, of the 128 MB that an object has.
const _: () = assert!(size_of::<(ReservationId, Reservation)>() == 56);

impl Reservation {
    /// A reservation as it begins.
    pub(super) fn held(
        shopper: ShopperId,
        quantity: u32,
        reserved_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        let (shopper_second_half, state) = (shopper.second_half(), State::Held { expires_at });
        let (attempts, waited, cart) = (0, false, CartMark::NONE);
        Self { shopper_second_half, quantity, attempts, waited, cart, reserved_at, state }
    }

    /// A reservation as it begins on the waitlist.
    pub(super) fn waiting(
        shopper: ShopperId,
        quantity: u32,
        since: Timestamp,
        number: u32,
    ) -> Self {
        let state = State::Waiting { number };
        Self { waited: true, state, ..Self::held(shopper, quantity, since, since) }
    }

    /// Whether its units are set aside.
    pub(super) const fn is_reserved(&self) -> bool {
        matches!(self.state, State::Held { .. } | State::Paying { .. })
    }

    /// Whether its shopper wants the payment that is under way to end.
    pub(super) const fn is_given_up(&self) -> bool {
        matches!(self.state, State::Paying { ending: Ending::GivenUp, .. })
    }

    /// Whether its units are an order's.
    pub(super) const fn is_allocated(&self) -> bool {
        matches!(self.state, State::Allocated { .. })
    }

    /// Whether it became an order whose settlement has not been reported back.
    pub(super) const fn is_unsettled(&self) -> bool {
        matches!(
            self.state,
            State::Allocated { settled: false, .. } | State::Cancelled { settled: false, .. }
        )
    }

    /// Whether its units count for its shopper's limit. Those that are waited for do, or one could
    /// wait for more than one may have.
    pub(super) const fn counts(&self) -> bool {
        !matches!(self.state, State::Cancelled { .. } | State::Released | State::Expired)
    }

    /// The payment under way, if there is one.
    pub(super) fn payment(&self, id: ReservationId) -> Option<PaymentId> {
        match self.state {
            State::Paying { .. } => Some(PaymentId::of(id, self.attempts.into())),
            _ => None,
        }
    }

    /// The payment that bought the units, if one did; also when the order was cancelled since.
    pub(super) const fn paid_with(&self, id: ReservationId) -> Option<PaymentId> {
        match self.state {
            State::Allocated { attempt, .. } | State::Cancelled { attempt, .. } => {
                Some(PaymentId::of(id, attempt))
            }
            _ => None,
        }
    }
}

/// The name of a reservation's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// On the waitlist.
    Waiting,
    /// Set aside until the deadline.
    Held,
    /// With the payment provider.
    Paying,
    /// An order.
    Allocated,
    /// An order that the merchant cancelled.
    Cancelled,
    /// Given back by the shopper.
    Released,
    /// Given back by time, or by the provider's word.
    Expired,
}

/// A reservation as its shopper sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationView {
    /// Its id.
    pub reservation: ReservationId,
    /// Its state.
    pub state: ReservationState,
    /// Units.
    pub quantity: u32,
    /// All that is owed for them.
    pub amount: Money,
    /// Of that, what sending them costs, in minor units, if it is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_minor: Option<u64>,
    /// Of that, the tax, in minor units, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_minor: Option<u64>,
    /// The deadline that counts now: of the reservation while held, of the payment while paying.
    /// Absent when nothing can run out any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The payment that is under way, or that paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// The order, once allocated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderView>,
    /// How the waitlist stands, for who looks while waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waitlist: Option<WaitlistView>,
    /// Money of this shopper that goes back, or went: because it came too late, or twice, or
    /// because the order was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<RefundState>,
}

impl ReservationView {
    /// What of the amount is not the price of the goods.
    pub fn lines(&self) -> BillLines {
        let of_amount = |minor| Money { minor, ..self.amount };
        BillLines {
            shipping: self.shipping_minor.map(of_amount),
            tax: self.tax_minor.map(of_amount),
        }
    }
}

/// The waitlist, as somebody on it sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitlistView {
    /// At most so many are called before.
    pub ahead: u64,
    /// `AllReserved`: some may come back. `SoldOut`: only if the merchant adds some.
    pub band: StockBand,
}

/// What became of a reservation that was paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// Its id.
    pub order: OrderId,
    /// When it was placed.
    pub allocated_at: Timestamp,
    /// Whether the queue consumer has written it down.
    pub settled: bool,
    /// When the merchant cancelled it, if that happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
}

impl OrderView {
    /// The same, cancelled at a moment.
    pub(super) fn cancelled(self, at: Timestamp) -> Self {
        Self { cancelled_at: Some(at), ..self }
    }
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// The provider is being asked.
    Due,
    /// The provider has confirmed it.
    Done,
}
