//! The rules of the inventory, one example each.

#[cfg(test)]
#[path = "inventory_examples/cancelling.rs"]
mod cancelling;
#[cfg(test)]
#[path = "inventory_examples/payments.rs"]
mod payments;
#[cfg(test)]
#[path = "support/rejections.rs"]
mod rejections;
#[cfg(test)]
#[path = "inventory_examples/reservations.rs"]
mod reservations;
#[cfg(test)]
#[path = "inventory_examples/shop.rs"]
mod shop;
#[cfg(test)]
#[path = "inventory_examples/stock.rs"]
mod stock;
#[cfg(test)]
mod support;
#[cfg(test)]
#[path = "inventory_examples/waitlist.rs"]
mod waitlist;
