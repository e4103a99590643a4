//! What is no draw and no ticket.

use doorbuster_domain::sealed::PaymentLink;

use super::*;

#[test]
fn what_is_not_whole_is_refused() {
    let halves = [
        (Draw { seed: None, ..honest() }, "there is a secret, but no seed"),
        (Draw { entries: None, ..honest() }, "there is a secret, but not how many entries"),
        (Draw { secret: None, ..honest() }, "there is a seed, but no secret that it follows from"),
    ];
    for (draw, expected) in halves {
        assert_eq!(problem(&draw, &[], None), expected);
    }
    let text = serde_json::to_string(&honest()).unwrap();
    for malformed in ["", "{", "[]", "null", "{}", &text[1..], &text.replace("1000", "-1")] {
        let verdict = verify(malformed, &Witness::default());
        let problem = verdict.problem.unwrap();
        assert!(problem.starts_with("the file is not a draw as JSON: "), "{problem}");
    }
}

#[test]
fn digits_that_are_cut_off_or_capital_are_refused() {
    let changes: [fn(&str) -> String; 3] =
        [|text| text[1..].to_owned(), |text| text[2..].to_owned(), str::to_uppercase];
    for change in changes {
        let Draw { commitment, secret, seed, beacon_signature, .. } = honest();
        let some = |text: Option<String>| text.map(|text| change(&text));
        let secret = some(secret.map(|secret| secret.replace("07", "0a")));
        let draws = [
            (Draw { commitment: change(&commitment), ..honest() }, "the commitment is"),
            (Draw { secret, ..honest() }, "the secret is"),
            (Draw { seed: some(seed), ..honest() }, "the seed is"),
            (Draw { beacon_signature: some(beacon_signature), ..honest() }, "the beacon's"),
        ];
        for (draw, start) in draws {
            let problem = problem(&draw, &[], None);
            assert!(problem.starts_with(start), "{problem}");
            assert!(!problem.starts_with(NOT_THE_SEED), "{problem}");
        }
    }
}

#[test]
fn a_beacon_has_no_round_before_its_first() {
    let beacon = Some(Beacon { chain: QUICKNET.to_owned(), round: 0 });
    let problem = problem(&Draw { beacon, ..undrawn() }, &[], None);
    assert_eq!(problem, "the beacon's round is 0, and rounds count from 1");
}

#[test]
fn garbage_is_no_ticket() {
    let good = ticket(7);
    let (start, mac) = good.rsplit_once('.').unwrap();
    let garbage = [
        (String::new(), "not a compact JWS"),
        ("..".to_owned(), "no header"),
        (start.to_owned(), "not a compact JWS"),
        (format!("{good}.{mac}"), "not a compact JWS"),
        (format!("{start}AA.{mac}"), "not the claims of a ticket"),
        ("A".repeat(1 << 20), "longer than a ticket can be"),
        (good.replacen("eyJ", "e?J", 1), "no header: not base64url"),
        (ticket(0), "its number is 0"),
    ];
    for (text, expected) in garbage {
        let problem = problem(&honest(), &[ticket(7), text], None);
        assert!(problem.starts_with("ticket 2 of 2 cannot be read: "), "{problem}");
        assert!(problem.contains(expected), "{problem} does not say {expected}");
    }
}

#[test]
fn a_payment_link_is_no_ticket() {
    let link = PaymentLink {
        sale: sale(),
        sku: "shirt-m".parse().unwrap(),
        payment: "pay_CQkJCQkJCQkJCQkJCQkJCQ.1".parse().unwrap(),
        amount_minor: 4_900,
        currency: "EUR".to_owned(),
        expires_at: JOINED,
    };
    let problem = problem(&honest(), &[keyring().seal(&link)], None);
    assert_eq!(problem, "ticket 1 of 1 cannot be read: its type is \"payment+jwt\"");
}
