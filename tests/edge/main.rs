//! What a shop does, seen from outside: real requests to the release build on real workerd.

#![expect(clippy::arithmetic_side_effects, reason = "a test may count and fail by overflowing")]

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod caching;
#[cfg(test)]
mod cancelling;
#[cfg(test)]
mod carts;
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod charges;
#[cfg(test)]
mod contacts;
#[cfg(test)]
mod letters;
#[cfg(test)]
mod line;
mod line_page;
#[cfg(test)]
mod merchant;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod payment;
#[cfg(test)]
mod rate_limits;
#[cfg(test)]
mod reservations;
mod sandbox;
#[cfg(test)]
mod settlement;
#[cfg(test)]
mod stripe;
#[cfg(test)]
mod waitlist;
#[cfg(test)]
mod webhooks;

/// The one shop that all tests share; each has sales of its own.
#[cfg(test)]
fn shop() -> &'static doorbuster_tests::Shop {
    use doorbuster_tests::Shop;
    use std::sync::OnceLock;
    use xtask::bundle::Build;

    static SHOP: OnceLock<Shop> = OnceLock::new();
    SHOP.get_or_init(|| Shop::start("edge", Build::Release))
}
