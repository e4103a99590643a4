//! What every test of the inventory starts from.

use std::fmt::Debug;
use std::str::FromStr;

use doorbuster_domain::id::ShopperId;
use doorbuster_domain::inventory::Terms;
use doorbuster_domain::money::Money;
use doorbuster_domain::time::Millis;

/// A name that is known to be good.
pub(crate) fn name<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// The shopper who is called that.
pub(crate) fn shopper(called: &str) -> ShopperId {
    ShopperId::of_secret(called.as_bytes())
}

/// At most 2 units each at 19.99 EUR; held for 100 ms, for 250 ms in all, 60 ms to pay.
pub(crate) fn terms() -> Terms {
    Terms {
        sale: name("drop"),
        sku: name("shirt"),
        title: "Shirt".to_owned(),
        unit_price: Money::new(1999, name("EUR")).unwrap(),
        per_shopper_max: 2,
        reservation_ttl_ms: Millis::new(100),
        reservation_max_ms: Millis::new(250),
        payment_window_ms: Millis::new(60),
        charges: Box::default(),
    }
}
