//! Webhooks when what wakes is lost, and when orders come more than once.

use doorbuster_tests::{Receiver, Sale, Shop, Shopper, eventually, rules};
use doorbuster_wire::webhook::Webhook;
use serde_json::{Value, json};
use xtask::bundle::Build;

use crate::books::{books, deliver, orders};

const SETTINGS: [(&str, &str); 2] =
    [("WEBHOOK_REACH", "anywhere"), ("WEBHOOK_DELAYS_MS", "100,100,100,100,3600000")];

fn put(shop: &Shop, name: &str, receiver: &Receiver) -> String {
    put_for(shop, name, receiver, &["order.created", "order.paid"])
}

fn put_for(shop: &Shop, name: &str, receiver: &Receiver, events: &[&str]) -> String {
    let body = json!({ "address": receiver.address("/"), "events": events });
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

#[test]
fn what_happened_while_the_books_were_away_is_told_once_they_are_back() {
    let receiver = Receiver::answering(200);
    let mut shop = Shop::calling_inside("webhooks-happened", Build::TestHooks, &SETTINGS);
    let kinds = ["sale.opened", "reservation.expired"];
    let secret = put_for(&shop, "shop", &receiver, &kinds);
    books(&shop, "ALTER TABLE webhook_events RENAME COLUMN subject TO hidden");
    let mut short = rules();
    (short.reservation_ttl_ms, short.per_shopper_max) = (1_000, 20);
    let held: Vec<String> = {
        let sale = Sale::open(&shop, 20, &short);
        let ann = Shopper::admitted(&sale);
        let keys = (0..5).map(|number| format!("k-{number}"));
        let held = keys.map(|key| ann.hold(&key, 1).reservation).collect();
        eventually("they have expired", || (sale.counts() == (20, 0, 0)).then_some(()));
        held
    };
    // Told in vain, and then the queue loses it as well.
    eventually("it is told", || shop.log().contains("no column named subject").then_some(()));
    shop.kill();
    shop.lose_queues();
    shop.restart();
    assert_eq!(receiver.received().len(), 0);
    books(&shop, "ALTER TABLE webhook_events RENAME COLUMN hidden TO subject");
    eventually("all of it arrives", || (receiver.received().len() >= 6).then_some(()));
    let mut told = Vec::new();
    for webhook in receiver.received() {
        told.push(webhook.verified(&secret)["subject"].as_str().unwrap().to_owned());
    }
    told.retain(|subject| subject.starts_with("rsv_"));
    told.sort();
    let mut expected = held;
    expected.sort();
    assert_eq!(told, expected);
}

#[test]
fn what_happened_is_written_once_and_only_if_somebody_is_told_of_it() {
    let receiver = Receiver::answering(200);
    let shop = Shop::calling_inside("webhooks-told-once", Build::TestHooks, &SETTINGS);
    put_for(&shop, "shop", &receiver, &["sale.opened"]);
    let sale = Sale::draft(&shop, 1, &rules());
    let event = |kind: &str| {
        let data = json!({ "a": "b\"" });
        json!({ "id": format!("evt_{kind}"), "type": kind, "subject": "x", "data": data })
    };
    let body = json!([event("sale.opened"), event("sale.closed")]).to_string();
    let message = format!("WAITING_ROOM\n{}\n1\n{body}", sale.id);
    for broken in ["", "NOBODY\nx\n1\n[]", "INVENTORY\nx"] {
        assert_eq!(deliver(&shop, "doorbuster-happened", &[broken.to_owned()]), [true]);
    }
    for _ in 0..2 {
        assert_eq!(deliver(&shop, "doorbuster-happened", std::slice::from_ref(&message)), [true]);
    }
    let rows = books(&shop, "SELECT event, body FROM webhook_events");
    let expected = json!({ "event": "evt_sale.opened", "body": event("sale.opened").to_string() });
    assert_eq!(rows, [expected]);
    assert_eq!(books(&shop, "SELECT event FROM webhook_deliveries").len(), 1);
    eventually("it arrives", || (receiver.received().len() == 1).then_some(()));
}
