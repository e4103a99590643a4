//! The product as the workloads have it: with a catalog of as many SKUs as they want.

use std::path::Path;

use anyhow::Result;
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::Millis;

use crate::merchant::{ADMITS_PER_MINUTE, Merchant};
use crate::subjects::{CORE, vars};
use crate::systems::{self, Running, System};

/// Starts the product on the core of what is measured, with a catalog of so many SKUs.
pub(super) fn start(dir: &Path, keyring: &Keyring, skus: usize) -> Result<(Running, Merchant)> {
    let running = systems::start(System::Product, dir, Some(CORE), &vars(keyring))?;
    let merchant = Merchant::new(running.addr(), running.admin_token());
    publish(&merchant, skus)?;
    Ok((running, merchant))
}

/// The name of a SKU of such a catalog.
pub(super) fn sku(number: usize) -> String {
    format!("unit-{number:05}")
}

/// Publishes a catalog of so many SKUs.
pub(super) fn publish(merchant: &Merchant, skus: usize) -> Result<()> {
    let names: Vec<String> = (0..skus).map(sku).collect();
    merchant.publish_units(names.iter().map(String::as_str))
}

/// Opens a sale of these SKUs, each with so many units.
///
/// From here the edge knows what the sale has, and nobody of the crowd has to ask for it.
pub(super) fn open(
    merchant: &Merchant,
    sale: &str,
    units: &[(String, u32)],
    ttl: Millis,
) -> Result<()> {
    let skus: Vec<&str> = units.iter().map(|(sku, _)| sku.as_str()).collect();
    merchant.announce(sale, &skus, ttl, "fifo", ADMITS_PER_MINUTE)?;
    for (sku, on_hand) in units {
        merchant.give(sale, sku, *on_hand)?;
    }
    merchant.open(sale)?;
    merchant.until_stock_is_told(sale)
}
