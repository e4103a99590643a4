//! Orders on their way into the books.

use std::thread::sleep;
use std::time::Duration;

use doorbuster_tests::{Sale, Shop, Shopper, eventually, rules};
use xtask::bundle::Build;

/// How long after the payment the power goes: from before an order has left for the queue to after
/// it was confirmed.
const MOMENTS_MS: [u64; 5] = [0, 100, 500, 1_000, 1_500];

#[test]
fn an_order_is_in_the_books_once_whenever_the_power_goes() {
    let mut shop = Shop::start("settlement", Build::Release);
    let mut placed = Vec::new();
    for ms in MOMENTS_MS {
        let sale = Sale::open(&shop, 2, &rules());
        let order = Shopper::admitted(&sale).buy("k", 1);
        placed.push((sale.id, order));
        sleep(Duration::from_millis(ms));
        shop.kill();
        shop.restart();
    }
    for (id, order) in placed {
        let sale = Sale { shop: &shop, id };
        let orders = eventually("the order is settled", || {
            let orders = sale.orders();
            (!orders.is_empty() && sale.stock().orders_unsettled == 0).then_some(orders)
        });
        assert_eq!(orders.iter().map(|known| &known.order).collect::<Vec<_>>(), [&order]);
        assert_eq!((sale.counts(), sale.verify().orders().count()), ((2, 0, 1), 1));
    }
}
