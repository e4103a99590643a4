//! A reservation, as its shopper sees it.

use std::borrow::Cow;

use doorbuster_domain::id::{SaleId, Sku};
use doorbuster_domain::inventory::{ReservationView, WaitlistView};
use doorbuster_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json::{ToJson, write_object};
use crate::shopper::Money;
use crate::word;

/// A reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reservation {
    /// Its id.
    pub reservation: String,
    /// The sale.
    pub sale: String,
    /// The SKU.
    pub sku: String,
    /// `waiting`, `held`, `paying`, `allocated`, `cancelled`, `released` or `expired`.
    pub state: Cow<'static, str>,
    /// Units.
    pub quantity: u32,
    /// All that is owed for them.
    pub amount: Money,
    /// Of that, what sending costs, if it is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
    /// Of that, the tax, if there is one; its name and rate stand in the sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// The deadline that counts now, in milliseconds since 1970; `null` when nothing can run out.
    pub expires_at_ms: Option<u64>,
    /// How the waitlist stands, for who looks while `waiting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waitlist: Option<Waitlist>,
    /// The order, once paid.
    pub order: Option<String>,
    /// Money that came too late, or twice, or whose order was cancelled: `due` while it is going
    /// back, `done` once it went.
    pub refund: Option<Cow<'static, str>>,
}

impl Reservation {
    /// A reservation of a SKU in a sale, as its shopper is told of it.
    pub fn of(sale: &SaleId, sku: &Sku, view: &ReservationView) -> Self {
        let lines = view.lines();
        Self {
            reservation: view.reservation.to_string(),
            sale: sale.to_string(),
            sku: sku.to_string(),
            state: word(&view.state).into(),
            quantity: view.quantity,
            amount: view.amount.into(),
            shipping: lines.shipping.map(Into::into),
            tax: lines.tax.map(Into::into),
            expires_at_ms: view.expires_at.map(Timestamp::as_millis),
            waitlist: view
                .waitlist
                .map(|WaitlistView { ahead, band }| Waitlist { ahead, stock: word(&band).into() }),
            order: view.order.as_ref().map(|order| order.order.to_string()),
            refund: view.refund.map(|refund| word(&refund).into()),
        }
    }
}

impl ToJson for Reservation {
    fn write_json(&self, to: &mut String) {
        write_object!(self, to, {
            reservation,
            sale,
            sku,
            state,
            quantity,
            amount,
            shipping if given,
            tax if given,
            expires_at_ms,
            waitlist if given,
            order,
            refund,
        });
    }
}

/// The waitlist, as somebody on it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Waitlist {
    /// At most so many are called before.
    pub ahead: u64,
    /// `all_reserved`: some may come back. `sold_out`: only if the merchant adds some.
    pub stock: Cow<'static, str>,
}

impl ToJson for Waitlist {
    fn write_json(&self, to: &mut String) {
        write_object!(self, to, { ahead, stock });
    }
}
