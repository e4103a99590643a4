//! Towards the end the merchant cancels two orders: one comes back on sale, one leaves it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use doorbuster_wire::merchant::{SaleState, SettledOrder};
use doorbuster_wire::shopper::Order;
use serde_json::json;

use super::audit::Audit;
use super::crowd::Crowd;
use super::merchant::{Merchant, SaleSetup};

/// An order that the merchant cancelled.
#[derive(Debug)]
pub(super) struct Cancelled {
    order: String,
    shopper: String,
    sku: String,
    units: u32,
    restock: bool,
}

/// Cancels an order that comes back on sale and one that does not, if there are two. Each is asked
/// for twice, as by who got no answer.
pub(super) async fn cancel_two(merchant: &Merchant, sale: &str) -> Result<Vec<Cancelled>> {
    let mut orders = merchant.orders(sale).await?.into_iter();
    let two = [(orders.next(), true), (orders.next_back(), false)];
    let mut cancelled = Vec::new();
    for (order, restock) in two.into_iter().filter_map(|(order, restock)| Some((order?, restock))) {
        let first = cancel(merchant, &order.order, restock).await?;
        let again = cancel(merchant, &order.order, restock).await?;
        if again.cancelled_at_ms.is_none() || again.cancelled_at_ms != first.cancelled_at_ms {
            bail!("{} was cancelled at another time when asked again", order.order);
        }
        let SettledOrder { order, shopper, lines, .. } = order;
        let line = lines.into_iter().next().context("an order has a line")?;
        let (sku, units) = (line.sku, line.quantity);
        cancelled.push(Cancelled { order, shopper, sku, units, restock });
    }
    Ok(cancelled)
}

async fn cancel(merchant: &Merchant, order: &str, restock: bool) -> Result<SettledOrder> {
    let path = format!("/v1/admin/orders/{order}/cancel");
    let body = json!({ "reason": "rehearsed", "restock": restock });
    merchant.post_json(&path, "rehearsed", &body).await
}

/// What does not look as it should once the money of cancelled orders has gone back: what books and
/// journals have of them, what their shoppers see, and the units of their SKUs.
pub(super) async fn check(
    cancelled: &[Cancelled],
    audit: &Audit,
    (crowd, setup, state): (&Crowd, &SaleSetup, &SaleState),
) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    let orders: BTreeSet<&String> = cancelled.iter().map(|one| &one.order).collect();
    if !orders.iter().copied().eq(&audit.cancelled) {
        broken.push("other orders are cancelled than the merchant cancelled".to_owned());
    }
    let is_back =
        |order: &String| audit.booked_back.contains(order) && audit.journaled_back.contains(order);
    for order in orders.into_iter().filter(|order| !is_back(order)) {
        broken.push(format!("{order} was cancelled, and its money is not back"));
    }
    for Cancelled { order, shopper, sku, .. } in cancelled {
        let path = format!("/v1/sales/{}/skus/{sku}/orders/{order}", setup.sale);
        let receipt: Order = crowd.look(shopper, &path).await?;
        if receipt.status != "refunded" || receipt.cancelled_at_ms.is_none() {
            broken.push(format!("{order} was cancelled, and its receipt says {}", receipt.status));
        }
    }
    let mut left = BTreeMap::<&str, u64>::new();
    for Cancelled { sku, units, .. } in cancelled.iter().filter(|one| !one.restock) {
        let left = left.entry(sku).or_default();
        *left = left.saturating_add(u64::from(*units));
    }
    for stock in &state.skus {
        let expected = left.get(&*stock.sku).copied().unwrap_or_default();
        let given = setup.stock.get(&stock.sku).map_or(0, |given| u64::from(*given));
        let left = stock.withdrawn_with_orders;
        if left != expected || u64::from(stock.on_hand).checked_add(left) != Some(given) {
            broken.push(format!(
                "{}: of {given} units {left} left with cancelled orders and {} are on hand",
                stock.sku, stock.on_hand
            ));
        }
    }
    Ok(broken)
}
