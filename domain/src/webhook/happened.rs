//! What the merchant's shop is told of what happened to a SKU or to a sale.
//!
//! Orders are not here: they are told of with being written into the books.

use super::{Data, Event, EventKind};
use crate::id::SaleId;
use crate::inventory::{self, Inventory};
use crate::line::{Phase, WaitingRoom};
use crate::time::Timestamp;

/// What of a batch of events the shop is told, as bodies of webhooks. The inventory is as it is
/// after them; whether it was sold out before says the caller. The last of them is in this entry of
/// the journal.
pub fn of_stock(
    inventory: &Inventory,
    was_sold_out: bool,
    events: &[inventory::Event],
    entry: u64,
    at: Timestamp,
) -> Vec<String> {
    let Some(terms) = inventory.terms() else { return Vec::new() };
    let (sale, sku) = (&terms.sale, &terms.sku);
    let expired = events.iter().filter_map(|event| match event {
        inventory::Event::Expired { reservation }
        | inventory::Event::PaymentVoided { reservation } => {
            let (shopper, quantity) = inventory.ran_out_for(*reservation)?;
            let mut data = data_of(sale);
            data.put("sku", sku.as_str());
            data.put("reservation", &reservation.to_string());
            data.put("shopper", &shopper.to_string());
            data.put_json("quantity", &quantity.to_string());
            let kind = EventKind::ReservationExpired;
            Some(Event::of_reservation(kind, *reservation, sale, at).body(&data))
        }
        _ => None,
    });
    let sold_out = (!was_sold_out && inventory.is_sold_out()).then(|| {
        let mut data = data_of(sale);
        data.put("sku", sku.as_str());
        data.put_json("title", &text(&terms.title));
        data.put_json("on_hand", &inventory.on_hand().to_string());
        Event::of_sku(EventKind::SkuSoldOut, sku, entry, sale, at).body(&data)
    });
    expired.chain(sold_out).collect()
}

/// What of an event the shop is told, as the body of a webhook. The room is as it is after it.
///
/// A sale that goes on after a pause did not open again.
pub fn of_sale(room: &WaitingRoom, before: Phase, at: Timestamp) -> Option<String> {
    let kind = match (before, room.phase()) {
        (Phase::Open | Phase::Paused, Phase::Open) | (Phase::Closed, Phase::Closed) => return None,
        (_, Phase::Open) => EventKind::SaleOpened,
        (_, Phase::Closed) => EventKind::SaleClosed,
        _ => return None,
    };
    let rules = room.rules()?;
    let mut data = data_of(&rules.sale);
    data.put_json("title", &text(&rules.title));
    Some(Event::of_sale(kind, &rules.sale, at).body(&data))
}

fn data_of(sale: &SaleId) -> Data {
    let mut data = Data::default();
    data.put("sale", sale.as_str());
    data
}

/// A text as JSON has it.
fn text(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
