//! What was sent, before the library with which shops verify it.

use std::io::Write as _;
use std::process::Stdio;

use doorbuster_tests::{Received, Receiver};
use doorbuster_wire::webhook::Webhook;
use serde_json::json;
use xtask::paths;
use xtask::process::command;
use xtask::tools::npm_program;

use super::{Endpoint, buy, calling, told};

/// What the library of those who take webhooks makes of some: secret, webhook and body of each.
fn judged(webhooks: &[(&str, &Received, &str)]) -> Vec<String> {
    let mut cases = Vec::new();
    for (secret, webhook, body) in webhooks {
        cases.push(json!({ "secret": secret, "headers": webhook.headers, "body": body }));
    }
    let mut node = command(npm_program("node"))
        .arg(paths::root().join("tests/edge/webhooks.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    node.stdin.take().unwrap().write_all(json!(cases).to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_library_of_those_who_take_webhooks_believes_what_was_sent_and_nothing_else() {
    let (receiver, shop) = (Receiver::answering(200), calling());
    let endpoint = Endpoint { shop, name: "library" };
    let old = endpoint.put(&receiver.address("/"), &["order.paid"]).secret.unwrap();
    let sent = told(&receiver, &buy(shop).order, 1).remove(0);
    let rotated: Webhook = endpoint.rotate("first");
    let new = rotated.secret.unwrap();
    let twice_signed = told(&receiver, &buy(shop).order, 1).remove(0);
    let with = |name: &str, value: &str| {
        let mut other = sent.clone();
        other.headers.insert(name.to_owned(), value.to_owned()).unwrap();
        other
    };
    let earlier = with("webhook-timestamp", "1614265330");
    let another = with("webhook-id", "evt_paid_another");
    let unsigned = with("webhook-signature", "v1,AAAA");
    let tampered = sent.body.replace("order.paid", "order.pain");
    let body = sent.body.as_str();
    let good = endpoint.put_signed(&receiver.address("/"), "shopify");
    assert_eq!((good.signature.as_str(), good.secret), ("shopify", None));
    let for_shopify = told(&receiver, &buy(shop).order, 1).remove(0);
    let verdicts = judged(&[
        (&new, &for_shopify, &for_shopify.body),
        (&new, &for_shopify, &for_shopify.body.replace("order.paid", "order.pain")),
    ]);
    let no = "WebhookVerificationError: No matching signature found";
    assert_eq!(verdicts, ["order.paid, for Shopify true", &format!("{no}, for Shopify false")]);
    let verdicts = judged(&[
        (&old, &sent, body),
        (&old, &twice_signed, &twice_signed.body),
        (&new, &twice_signed, &twice_signed.body),
        (&new, &sent, body),
        (&old, &sent, &tampered),
        (&old, &sent, &twice_signed.body),
        (&old, &another, body),
        (&old, &unsigned, body),
        (&old, &earlier, body),
    ]);
    let expected = ["order.paid", "order.paid", "order.paid", no, no, no, no, no];
    assert_eq!(verdicts[..8], expected);
    assert_eq!(verdicts[8], "WebhookVerificationError: Message timestamp too old");
    endpoint.delete();
}
