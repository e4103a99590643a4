//! Two edges of one shop, each with caches of its own, and one home of the objects.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use doorbuster_tests::{Answer, Link, Sale, Shop, Shopper, eventually, fifo};
use doorbuster_wire::merchant::{SaleRequest, SaleState};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::{TicketReply, TurnReply};

/// A home, an edge beside it, and one at the end of a link.
struct World {
    home: Shop,
    link: Link,
    near: Shop,
    far: Shop,
}

impl World {
    fn new(name: &str) -> Self {
        let home = Shop::behind("home.mjs", &format!("{name}-home"));
        let link = Link::to(home.address());
        let edge =
            |place: &str, objects: SocketAddr| home.far_edge(&format!("{name}-{place}"), objects);
        let (near, far) = (edge("near", home.address()), edge("far", link.address()));
        Self { home, link, near, far }
    }

    /// A sale that both edges know, still a draft.
    fn sale(&self, rules: &SaleRequest) -> (Sale<'_>, Sale<'_>) {
        let here = Sale::draft(&self.near, 100, rules);
        let there = Sale { shop: &self.far, id: here.id.clone() };
        there.create(rules).ok::<SaleState>();
        (here, there)
    }
}

/// Longer than a status speaks for itself.
const STALE_AFTER: Duration = Duration::from_millis(3_500);

fn slow() -> SaleRequest {
    SaleRequest { admits_per_minute_max: 60, ..fifo() }
}

#[test]
fn two_edges_give_no_number_twice_and_know_each_others_tickets_and_the_same_draw() {
    let world = World::new("line-two");
    let (here, there) = world.sale(&fifo());
    here.set_phase("prequeue").ok::<SaleState>();
    let mut people: Vec<Shopper<'_>> =
        (0..24).map(|n| Shopper::new(if n % 2 == 0 { &here } else { &there })).collect();
    eventually("the far edge has heard that the line is open", || {
        (Shopper::new(&there).join().status == 201).then_some(())
    });
    let mut numbers = BTreeSet::new();
    thread::scope(|scope| {
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for one in &mut people {
            let edge = if near.len() == far.len() { &mut near } else { &mut far };
            edge.push(one);
        }
        for edge in [near, far] {
            scope.spawn(|| edge.into_iter().for_each(|one| drop(one.take_place())));
        }
    });
    let numbers_of = |one: &Shopper<'_>| one.join().ok::<TicketReply>().number;
    numbers.extend(people.iter().map(numbers_of));
    assert_eq!(numbers.len(), people.len(), "a number was given twice");

    there.set_phase("open").ok::<SaleState>();
    let draws = [&here, &there].map(Sale::drawn);
    assert_eq!(draws[0], draws[1]);
    let other = |one: &Shopper<'_>, sale| -> TurnReply {
        let mut elsewhere = one.also_in(sale);
        elsewhere.ticket.clone_from(&one.ticket);
        elsewhere.poll()
    };
    let mut positions = BTreeSet::new();
    for one in &people {
        let places = [other(one, &here).position, other(one, &there).position];
        assert_eq!(places[0], places[1]);
        positions.insert(places[0].expect("it is drawn"));
    }
    assert_eq!(positions.len(), people.len(), "a position was given twice");
    let late = [Shopper::new(&there).take_place(), Shopper::new(&here).take_place()];
    assert!(late[0].number < late[1].number && !numbers.contains(&late[0].number));

    // A pass of one edge buys at the other.
    people[0].wait_for_turn();
    let mut traveller = people[0].also_in(&there);
    traveller.pass.clone_from(&people[0].pass);
    traveller.hold("k", 1);
    assert_eq!(here.counts(), (100, 1, 0));
}

/// What a poll came to while nobody could be asked: what was known for as long as it holds, or that
/// it is not known.
#[track_caller]
fn is_truthful(answer: &Answer, frontier_now: u64) -> bool {
    if answer.status == 200 {
        let turn: TurnReply = answer.ok();
        if turn.state == "admitted" {
            assert!(turn.position.unwrap() <= frontier_now, "{turn:?}, and it is {frontier_now}");
        }
        return false;
    }
    assert_eq!(answer.problem(), ProblemKind::Unavailable);
    assert!(answer.header("retry-after").parse::<u64>().is_ok(), "nothing says when to come back");
    true
}

/// Follows an edge that cannot ask anybody: it says so, admits nobody by guess, and shows the sale.
fn follow_the_outage(here: &Sale<'_>, there: &Sale<'_>, people: &[Shopper<'_>]) {
    let frontier = || here.state().line.frontier;
    let poll = |one: &Shopper<'_>| one.request("GET", &there.path("/turn")).send();
    eventually("the edge says that it does not know any more", || {
        let answer = poll(&people[0]);
        is_truthful(&answer, frontier()).then_some(())
    });
    thread::sleep(STALE_AFTER);
    for one in &people[..2] {
        assert!(is_truthful(&poll(one), frontier()), "a guess");
        assert_eq!(there.shown().phase, "open", "the page of the sale loads");
        assert_eq!(there.draw().status, 200, "what was published stays so");
    }
    let refused = Shopper::new(there).join();
    assert_eq!(refused.problem(), ProblemKind::Unavailable);
}

/// Afterwards everybody has the place from before, and the line goes on.
fn all_is_as_before(there: &Sale<'_>, people: &[Shopper<'_>], places: &[Option<u64>]) {
    eventually("the edge hears again", || {
        let answer = people[0].request("GET", &there.path("/turn")).send();
        (answer.status == 200).then_some(())
    });
    let again: Vec<Option<u64>> = people.iter().map(|one| one.poll().position).collect();
    assert_eq!(again, places);
    let late = Shopper::new(there).take_place().number;
    assert!(places.iter().flatten().all(|place| *place < late), "{late} behind {places:?}");
    people.iter().last().unwrap().wait_until("admitted");
}

fn crowd_at<'s>(sale: &'s Sale<'s>) -> (Vec<Shopper<'s>>, Vec<Option<u64>>) {
    let people: Vec<_> = (0..5).map(|_| Shopper::joined(sale)).collect();
    let places = people.iter().map(|one| one.poll().position).collect();
    (people, places)
}

#[test]
fn an_edge_whose_link_is_cut_says_so_admits_nobody_by_guess_and_heals_by_itself() {
    let world = World::new("line-cut");
    let (here, there) = world.sale(&slow());
    there.set_phase("open").ok::<SaleState>();
    let (people, places) = crowd_at(&there);
    world.link.cut();
    follow_the_outage(&here, &there, &people);
    // The others do not notice.
    Shopper::joined(&here).poll();
    world.link.mend();
    all_is_as_before(&there, &people, &places);
}

#[test]
fn an_edge_that_hears_nothing_from_its_home_does_not_keep_people_waiting_for_an_answer() {
    let world = World::new("line-silent");
    let (here, there) = world.sale(&slow());
    there.set_phase("open").ok::<SaleState>();
    let (people, places) = crowd_at(&there);
    world.link.fall_silent();
    follow_the_outage(&here, &there, &people);
    world.link.mend();
    all_is_as_before(&there, &people, &places);
}

#[test]
fn edges_whose_home_loses_power_go_on_when_it_is_back_and_nobody_has_lost_a_place() {
    let mut world = World::new("line-home");
    let id = {
        let (_, there) = world.sale(&slow());
        there.set_phase("open").ok::<SaleState>();
        there.id
    };
    let World { home, near, far, .. } = &mut world;
    let (here, there) = (Sale { shop: near, id: id.clone() }, Sale { shop: far, id });
    let (people, mut places) = crowd_at(&there);
    let (others, their_places) = crowd_at(&here);
    home.kill();
    for one in people.iter().chain(&others) {
        eventually("the edge says that it does not know any more", || {
            is_truthful(&one.request("GET", &there.path("/turn")).send(), u64::MAX).then_some(())
        });
        assert_eq!(there.shown().phase, "open");
    }
    home.restart();
    let everybody: Vec<_> = people.iter().chain(&others).cloned().collect();
    places.extend(their_places);
    all_is_as_before(&there, &everybody, &places);
    let distinct: BTreeSet<_> = places.iter().flatten().collect();
    assert_eq!(distinct.len(), everybody.len());
}
