//! One person keeps one place, in whatever way they come back.

use doorbuster_tests::{Answer, Sale, Shopper, fifo};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{TicketReply, TurnReply};

use crate::shop;

/// A browser with these cookies joins.
fn join(sale: &Sale<'_>, cookies: &[String]) -> Answer {
    let request = shop().request("POST", &sale.path("/tickets"));
    if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }.send()
}

fn poll(sale: &Sale<'_>, cookies: &[String]) -> Answer {
    shop().request("GET", &sale.path("/turn")).header("cookie", cookies.join("; ")).send()
}

#[test]
fn a_browser_keeps_its_number_in_another_tab_and_after_it_was_closed() {
    let sale = Sale::open(shop(), 9, &fifo());
    let joined = join(&sale, &[]);
    let jar = joined.cookies();
    let [secret, ticket] = jar.as_slice() else { panic!("two cookies, not {jar:?}") };
    assert!(secret.starts_with("doorbuster="), "{jar:?}");
    assert!(ticket.starts_with(&format!("doorbuster-{}=", sale.id)), "{jar:?}");
    for line in joined.headers.get_all("set-cookie") {
        let line = line.to_str().unwrap();
        for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age="] {
            assert!(line.contains(part), "a browser that is closed keeps it only so: {line}");
        }
    }
    let number = joined.ok::<TicketReply>().number;

    let tab = join(&sale, &jar);
    assert_eq!(tab.ok::<TicketReply>().number, number);
    assert_eq!(poll(&sale, &jar).ok::<TurnReply>().position, Some(number));
    let without_ticket = join(&sale, std::slice::from_ref(secret));
    assert_eq!(without_ticket.ok::<TicketReply>().number, number);
    let somebody_else = join(&sale, &[]);
    assert_ne!(somebody_else.ok::<TicketReply>().number, number);
}

#[test]
fn a_browser_that_polls_again_is_told_the_same_and_none_that_mixes_cookies_of_two() {
    let sale = Sale::open(shop(), 9, &fifo());
    let [ann, bob] = [(); 2].map(|()| join(&sale, &[]).cookies());
    for jar in [&ann, &bob] {
        let [first, again] = [(); 2].map(|()| poll(&sale, jar).ok::<TurnReply>());
        assert!(first.position.is_some());
        assert_eq!(again.position, first.position);
    }
    let mixed = [ann[0].clone(), bob[1].clone()];
    for _ in 0..2 {
        assert_eq!(poll(&sale, &mixed).problem(), ProblemKind::TicketRequired);
    }
    let other = Sale::open(shop(), 9, &fifo());
    assert_eq!(poll(&other, &ann).problem(), ProblemKind::TicketRequired);
    // Between cookies of others, and with a header of one's own.
    let among: Vec<String> = ["a=b", &ann[1], "doorbuster-x=y", &ann[0]].map(str::to_owned).into();
    poll(&sale, &among).ok::<TurnReply>();
    let secret = ann[0].split_once('=').unwrap().1;
    let half = shop().request("GET", &sale.path("/turn")).header("doorbuster-shopper", secret);
    half.header("cookie", ann[1].clone()).send().ok::<TurnReply>();
}

#[test]
fn an_app_that_lost_the_answer_gets_the_same_number_again() {
    let sale = Sale::open(shop(), 9, &fifo());
    let ann = Shopper::new(&sale);
    let first: TicketReply = ann.join().ok();
    Shopper::joined(&sale);
    let again: TicketReply = ann.join().ok();
    assert_eq!(again.number, first.number);
    assert_eq!(again.ticket, first.ticket, "a ticket that was never lost is as good");
}

#[test]
fn people_who_join_at_the_same_moment_get_a_number_each_and_one_who_asks_twice_gets_one() {
    let sale = Sale::open(shop(), 9, &fifo());
    let ann = Shopper::new(&sale);
    let mut numbers: Vec<u64> = std::thread::scope(|scope| {
        let joins: Vec<_> = (0..16)
            .map(|person| {
                let shopper = if person < 8 { ann.clone() } else { Shopper::new(&sale) };
                scope.spawn(move || shopper.join().ok::<TicketReply>().number)
            })
            .collect();
        joins.into_iter().map(|join| join.join().unwrap()).collect()
    });
    let others = numbers.split_off(8);
    let last: TicketReply = ann.join().ok();
    assert!(numbers.contains(&last.number), "{} is none of {numbers:?}", last.number);
    numbers.extend(&others);
    numbers.sort_unstable();
    for other in others {
        assert_eq!(numbers.iter().filter(|number| **number == other).count(), 1, "{numbers:?}");
    }
}

#[test]
fn a_ticket_cookie_that_was_copied_into_another_browser_is_not_used() {
    let sale = Sale::open(shop(), 9, &fifo());
    let (anns, thiefs) = (join(&sale, &[]), join(&sale, &[]));
    let (ann, thief) = (anns.ok::<TicketReply>().number, thiefs.ok::<TicketReply>().number);
    assert_ne!(ann, thief);
    let stolen = vec![thiefs.cookies()[0].clone(), anns.cookies()[1].clone()];
    assert_eq!(poll(&sale, &stolen).problem(), ProblemKind::TicketRequired);
    assert_eq!(join(&sale, &stolen).ok::<TicketReply>().number, thief);
    let secret_of_nobody = vec![anns.cookies()[1].clone()];
    assert_eq!(poll(&sale, &secret_of_nobody).problem(), ProblemKind::ShopperUnknown);
    let newcomer = join(&sale, &secret_of_nobody);
    assert!(![ann, thief].contains(&newcomer.ok::<TicketReply>().number));
}

#[test]
fn who_gives_the_place_up_is_forgotten_and_stands_behind_when_coming_back() {
    let sale = Sale::open(shop(), 9, &fifo());
    let joined = join(&sale, &[]);
    let jar = joined.cookies();
    let first = joined.ok::<TicketReply>().number;
    let left = shop().request("DELETE", &sale.path("/turn")).header("cookie", jar.join("; "));
    let left = left.send();
    let gone = left.header("set-cookie");
    assert!(gone.starts_with(&format!("doorbuster-{}=;", sale.id)), "{gone}");
    assert!(gone.contains("; Max-Age=0"), "{gone}");
    assert_eq!(left.ok::<TurnReply>().state, "left");
    let next = Shopper::new(&sale).take_place().number;
    let back: TicketReply = join(&sale, &jar[..1]).ok();
    assert!(back.number > next.max(first), "{} after {next}", back.number);
}
