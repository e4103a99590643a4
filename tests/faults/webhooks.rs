//! Webhooks when what wakes is lost, and when orders come more than once.

use doorbuster_tests::{Receiver, Sale, Shop, Shopper, eventually, rules};
use doorbuster_wire::webhook::Webhook;
use serde_json::{Value, json};
use xtask::bundle::Build;

use crate::books::{books, deliver, orders};

const SETTINGS: [(&str, &str); 2] =
    [("WEBHOOK_REACH", "anywhere"), ("WEBHOOK_DELAYS_MS", "100,100,100,100,3600000")];

fn put(shop: &Shop, name: &str, receiver: &Receiver) -> String {
    let body = json!({ "address": receiver.address("/") });
    let put = shop.admin("PUT", &format!("/v1/admin/webhooks/{name}")).json(&body).send();
    put.ok::<Webhook>().secret.unwrap()
}

#[test]
fn what_nobody_was_woken_for_is_found_by_the_sweep() {
    let receiver = Receiver::down();
    let mut shop = Shop::calling_inside("webhooks-sweep", Build::TestHooks, &SETTINGS);
    let secret = put(&shop, "swept", &receiver);
    {
        let sale = Sale::open(&shop, 1, &rules());
        let order = Shopper::admitted(&sale).buy("k", 1);
        eventually("the order is settled", || {
            sale.orders().iter().any(|known| known.order == order).then_some(())
        });
    }
    eventually("it is tried", || (receiver.turned_away() > 0).then_some(()));
    shop.kill();
    shop.lose_queues();
    receiver.answer(200);
    shop.restart();
    // Nothing in the books is due before its time, nor is what somebody may still be sending.
    books(&shop, "UPDATE webhook_endpoints SET open_until_ms = 0, leased_until_ms = 0");
    books(&shop, "UPDATE webhook_deliveries SET next_at_ms = 0");
    assert_eq!(receiver.received().len(), 0);
    assert_eq!(shop.request("POST", "/__test/sweep").send().status, 200);
    eventually("both events arrive", || (receiver.received().len() == 2).then_some(()));
    for webhook in receiver.received() {
        webhook.verified(&secret);
    }
}

#[test]
fn an_order_that_comes_again_is_told_once_and_not_to_who_came_later() {
    let (first, later) = (Receiver::answering(200), Receiver::answering(200));
    let shop = Shop::calling_inside("webhooks-once", Build::TestHooks, &SETTINGS);
    put(&shop, "first", &first);
    let mut many = rules();
    many.per_shopper_max = 3;
    let sale = Sale::open(&shop, 3, &many);
    let orders = orders(&sale, 2);
    let mut bodies: Vec<Value> = orders.iter().map(|order| json!(order)).collect();
    // SQLite refuses it, and so all that belongs to it.
    bodies[1]["allocated_at"] = json!(u64::MAX);
    let bodies: Vec<String> = bodies.iter().map(Value::to_string).collect();
    assert_eq!(deliver(&shop, "doorbuster-orders", &bodies), [true, false, true]);
    eventually("both orders are told", || (first.received().len() == 4).then_some(()));
    put(&shop, "later", &later);
    assert_eq!(deliver(&shop, "doorbuster-orders", &bodies), [true, false, true]);
    let rows = books(&shop, "SELECT endpoint, state FROM webhook_deliveries");
    assert_eq!(rows, vec![json!({ "endpoint": "first", "state": "delivered" }); 4]);
    assert_eq!(books(&shop, "SELECT event FROM webhook_events").len(), 4);
    assert_eq!((first.received().len(), later.received().len()), (4, 0));
}
