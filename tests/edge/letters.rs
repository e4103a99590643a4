//! Dead letters, as a shop without any has them.

use doorbuster_tests::{Request, Sale, rules};
use doorbuster_wire::letters::DeadLetterPage;
use doorbuster_wire::merchant::Readiness;
use doorbuster_wire::problem::ProblemKind as Kind;

use crate::shop;

const LETTERS: &str = "/v1/admin/dead-letters";

fn replay(number: &str) -> Request {
    shop().admin("POST", &format!("{LETTERS}/{number}/replay"))
}

fn none() -> DeadLetterPage {
    DeadLetterPage { open: 0, letters: Vec::new(), next: None }
}

#[test]
fn a_shop_without_dead_letters_says_so_and_is_ready() {
    for query in ["", "?after=0", "?after=9007199254740993", "?after=18446744073709551615"] {
        let page: DeadLetterPage = shop().admin("GET", &format!("{LETTERS}{query}")).send().ok();
        assert_eq!(page, none(), "{query}");
    }
    let sale = Sale::open(shop(), 1, &rules());
    let readiness: Readiness = shop().admin("GET", &sale.admin_path("/readiness")).send().ok();
    let check = readiness.checks.iter().find(|check| check.name == "dead letters").unwrap();
    assert!(check.ready, "{check:?}");
}

#[test]
fn a_number_that_no_letter_has_is_not_found() {
    let numbers =
        ["0", "1", "-1", "+", "1.5", "x", "%31", "9007199254740993", "18446744073709551616"];
    for number in numbers {
        assert_eq!(replay(number).send().problem(), Kind::DeadLetterNotFound, "{number}");
        let with_body = replay(number).body("application/json", "{");
        assert_eq!(with_body.send().problem(), Kind::DeadLetterNotFound, "{number}");
    }
    for path in [format!("{LETTERS}//replay"), format!("{LETTERS}/1"), format!("{LETTERS}/")] {
        assert_eq!(shop().admin("POST", &path).send().problem(), Kind::NotFound, "{path}");
    }
}

#[test]
fn a_page_after_what_is_no_number_is_refused() {
    for after in ["x", "-1", "1.5", "", "1%20", "18446744073709551616", "0'%20OR%201=1"] {
        let page = shop().admin("GET", &format!("{LETTERS}?after={after}")).send();
        assert_eq!(page.problem(), Kind::QueryInvalid, "{after}");
    }
}

#[test]
fn dead_letters_are_the_merchants_alone() {
    let token = &shop().secrets().admin_token;
    for authorization in ["", "Bearer", "Bearer x", &format!("Basic {token}")] {
        for (method, path) in [("GET", LETTERS.to_owned()), ("POST", format!("{LETTERS}/1/replay"))]
        {
            let request = shop().request(method, &path).header("authorization", authorization);
            assert_eq!(request.send().problem(), Kind::Unauthorized, "{method} {authorization}");
        }
    }
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://elsewhere.example")]
    {
        let foreign = replay("1").header(name, value);
        assert_eq!(foreign.send().problem(), Kind::CrossOrigin, "{name}");
    }
}

#[test]
fn dead_letters_take_the_methods_they_say() {
    let wrong = shop().admin("POST", LETTERS).send();
    assert_eq!((wrong.problem(), wrong.header("allow")), (Kind::MethodNotAllowed, "GET, HEAD"));
    let wrong = shop().admin("GET", &format!("{LETTERS}/1/replay")).send();
    assert_eq!((wrong.problem(), wrong.header("allow")), (Kind::MethodNotAllowed, "POST"));
}
