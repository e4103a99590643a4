//! Taking a place in the line, and what proves it.

use doorbuster_tests::{Request, Sale, Shopper, eventually, rules};
use doorbuster_wire::merchant::{ChallengeReply, SaleRequest, SaleState};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{TicketReply, TurnReply};
use serde_json::json;

use crate::shop;

#[test]
fn who_joins_again_with_a_ticket_keeps_the_place() {
    let sale = Sale::open(shop(), 1, &rules());
    let mut ann = Shopper::new(&sale);
    let first = ann.take_place();
    let again: TicketReply = ann.join().ok();
    assert_eq!(again.number, first.number);
    assert_eq!(sale.state().line.handed_out, first.number);
    let next: TicketReply = Shopper::new(&sale).join().ok();
    assert_eq!(next.number, first.number + 1);
}

#[test]
fn a_copied_ticket_or_pass_is_worth_nothing_to_another_shopper() {
    let sale = Sale::open(shop(), 1, &rules());
    let ann = Shopper::admitted(&sale);
    let mut thief = Shopper::new(&sale);
    thief.ticket.clone_from(&ann.ticket);
    thief.pass.clone_from(&ann.pass);
    assert_eq!(thief.join().problem(), ProblemKind::TicketInvalid);
    let turn = thief.request("GET", &sale.path("/turn")).send();
    assert_eq!(turn.problem(), ProblemKind::TicketInvalid);
    assert_eq!(thief.reserve("k", 1).problem(), ProblemKind::PassInvalid);
    assert_eq!(sale.counts(), (1, 0, 0));
    ann.hold("k", 1);
}

#[test]
fn who_polls_again_is_told_what_a_poll_that_is_not_answered_at_once_is_told() {
    let slow = SaleRequest { order: "fifo".to_owned(), admits_per_minute_max: 1, ..rules() };
    let sale = Sale::open(shop(), 10, &slow);
    for _ in 0..4 {
        Shopper::joined(&sale);
    }
    let ann = Shopper::joined(&sale);
    ann.wait_until("waiting");
    let alone = |path: &str| {
        let ticket = ann.ticket.clone().unwrap();
        shop().request("GET", &sale.path(path)).header("doorbuster-ticket", ticket)
    };
    let tell = |request: Request| {
        let answer = request.send();
        let mut headers = answer.headers.clone();
        for varies in ["date", "content-length"] {
            headers.remove(varies);
        }
        let told: TurnReply = answer.ok();
        (headers, told.state, told.position, told.ahead, told.stock, told.pass)
    };
    // The ticket is known by now. With a query a poll goes the long way.
    let at_once = tell(ann.request("GET", &sale.path("/turn")));
    assert_eq!(at_once.1, "waiting");
    assert_eq!(tell(ann.request("GET", &sale.path("/turn?a=b"))), at_once);
    for path in ["/turn", "/turn", "/turn?a=b"] {
        assert_eq!(tell(alone(path)), at_once, "by the ticket alone");
    }
    let head = ann.request("HEAD", &sale.path("/turn")).send();
    assert_eq!((head.status, head.text()), (200, ""));
}

#[test]
fn a_browser_is_known_by_the_cookie_it_was_given() {
    let sale = Sale::open(shop(), 1, &rules());
    let joined = shop().request("POST", &sale.path("/tickets")).send();
    let cookie = joined.header("set-cookie").to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    let ticket = joined.ok::<TicketReply>().ticket;
    let known = cookie.split(';').next().unwrap();
    let join = || shop().request("POST", &sale.path("/tickets"));
    let again = join().header("doorbuster-ticket", &ticket);
    assert_eq!(again.header("cookie", known).send().ok::<TicketReply>().ticket, ticket);
    let stranger = join().header("doorbuster-ticket", &ticket).send();
    assert_eq!(stranger.problem(), ProblemKind::TicketInvalid);
}

#[test]
fn a_ticket_is_enough_to_poll_with_and_what_comes_of_it_needs_the_secret() {
    let sale = Sale::open(shop(), 1, &rules());
    let (ann, thief) = (Shopper::joined(&sale), Shopper::joined(&sale));
    let ticket = ann.ticket.clone().unwrap();
    let alone = |method: &str| {
        let request = shop().request(method, &sale.path("/turn"));
        request.header("doorbuster-ticket", &ticket).from(ann.source).send()
    };
    let pass = eventually("admitted", || alone("GET").ok::<TurnReply>().pass);
    assert_eq!(ann.poll().pass, Some(pass.clone()), "who says it is told the same");
    let reserve = |shopper: Option<&str>| {
        let request = shop().request("POST", &sale.sku_path("/reservations"));
        let request = request.header("doorbuster-pass", &pass).header("idempotency-key", "k");
        match shopper {
            Some(secret) => request.header("doorbuster-shopper", secret).send(),
            None => request.send(),
        }
    };
    assert_eq!(reserve(None).problem(), ProblemKind::ShopperUnknown);
    assert_eq!(reserve(Some(&thief.secret)).problem(), ProblemKind::PassInvalid);
    assert_eq!(alone("DELETE").problem(), ProblemKind::ShopperUnknown);
    assert_eq!(sale.counts(), (1, 0, 0));
    assert_eq!(reserve(Some(&ann.secret)).status, 201);
    let other = Sale::open(shop(), 1, &rules());
    let elsewhere = shop().request("GET", &other.path("/turn"));
    let elsewhere = elsewhere.header("doorbuster-ticket", &ticket).send();
    assert_eq!(elsewhere.problem(), ProblemKind::TicketInvalid);
}

#[test]
fn another_site_cannot_make_a_browser_a_new_shopper() {
    let sale = Sale::open(shop(), 1, &rules());
    let join = || shop().request("POST", &sale.path("/tickets"));
    let host = join().host();
    let foreign = [
        join().header("sec-fetch-site", "cross-site"),
        join().header("sec-fetch-site", "same-site"),
        join().header("origin", "https://evil.example"),
        join().header("origin", "null"),
        join().header("origin", format!("http://{host}.evil.example")),
        join().header("sec-fetch-site", "cross-site").header("origin", format!("http://{host}")),
    ];
    for request in foreign {
        let answer = request.send();
        assert_eq!(answer.header("set-cookie"), "");
        assert_eq!(answer.problem(), ProblemKind::CrossOrigin);
    }
    assert_eq!(sale.state().line.handed_out, 0);
    join().header("sec-fetch-site", "same-origin").send().ok::<TicketReply>();
    join().header("origin", format!("https://{host}")).send().ok::<TicketReply>();
    join().header("sec-fetch-site", "none").send().ok::<TicketReply>();
    let link = shop().request("GET", &sale.path("")).header("sec-fetch-site", "cross-site");
    assert_eq!(link.send().status, 200, "a link from elsewhere is welcome");
}

#[test]
fn who_sends_the_secret_of_an_app_is_no_other_site_and_browsers_let_none_send_it() {
    let sale = Sale::open(shop(), 1, &rules());
    let path = sale.path("/tickets");
    let foreign = Shopper::new(&sale).request("POST", &path).header("sec-fetch-site", "cross-site");
    foreign.send().ok::<TicketReply>();
    let asked = shop()
        .request("OPTIONS", &path)
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "doorbuster-shopper")
        .send();
    assert_eq!(asked.problem(), ProblemKind::MethodNotAllowed);
    let allowed = asked.headers.keys().filter(|name| name.as_str().starts_with("access-control"));
    assert_eq!(allowed.count(), 0);
}

#[test]
fn a_cookie_that_is_no_secret_is_replaced_by_one_that_is() {
    let sale = Sale::open(shop(), 1, &rules());
    let joined =
        shop().request("POST", &sale.path("/tickets")).header("cookie", "doorbuster=x").send();
    assert!(joined.header("set-cookie").starts_with("doorbuster="), "{}", joined.text());
    joined.ok::<TicketReply>();
}

#[test]
fn nobody_joins_a_draft_or_what_is_over() {
    let sale = Sale::unborn(shop());
    assert_eq!(Shopper::new(&sale).join().problem(), ProblemKind::SaleNotFound);
    sale.create(&rules()).ok::<SaleState>();
    // The edge may keep for a second that there is no such sale.
    let early = eventually("the edge knows the sale", || {
        let kind = Shopper::new(&sale).join().problem();
        (kind != ProblemKind::SaleNotFound).then_some(kind)
    });
    assert_eq!(early, ProblemKind::SaleNotOpen);
    sale.set_phase("closed").ok::<SaleState>();
    assert_eq!(Shopper::new(&sale).join().problem(), ProblemKind::SaleClosed);
}

#[test]
fn where_a_challenge_stands_before_the_line_only_who_met_it_joins() {
    let sale = Sale::open(shop(), 1, &SaleRequest { challenge: true, ..rules() });
    let ann = Shopper::new(&sale);
    assert_eq!(ann.join().problem(), ProblemKind::ChallengeRequired);
    let met = |secret: &str| -> ChallengeReply {
        let path = sale.admin_path("/challenges");
        shop().admin("POST", &path).json(&json!({ "secret": secret })).send().ok()
    };
    let join = |met: &ChallengeReply| {
        let request = ann.request("POST", &sale.path("/tickets"));
        request.header("doorbuster-challenge", met.challenge.as_str()).send()
    };
    let of_bob = met(&Shopper::new(&sale).secret);
    assert_eq!(join(&of_bob).problem(), ProblemKind::ChallengeRequired);
    join(&met(&ann.secret)).ok::<TicketReply>();
    // Who is new is known when they come back from the challenge.
    let browser = shop().request("POST", &sale.path("/tickets")).send();
    assert!(browser.header("set-cookie").starts_with("doorbuster="), "{}", browser.text());
    assert_eq!(browser.problem(), ProblemKind::ChallengeRequired);
    let path = sale.admin_path("/challenges");
    let wrong = shop().admin("POST", &path).json(&json!({ "secret": "short" })).send();
    assert_eq!(wrong.problem(), ProblemKind::BodyInvalid);
}
