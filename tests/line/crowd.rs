//! Many people in front of one sale: what they cost, and that nobody loses a place.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use doorbuster_bench::load::{Ran, Stop};
use doorbuster_tests::{SKU, Sale, Shop, Shopper, fifo};
use doorbuster_wire::merchant::SaleState;
use doorbuster_wire::shopper::TurnReply;
use xtask::clock::Stopwatch;

use crate::load::{Crowd, counts};

/// So many join before the power goes, and so many after.
const BEFORE: u64 = 10_000;
const AFTER: u64 = 10_000;
/// So long people go on joining while it goes, and after so long it does.
const MEANWHILE: Duration = Duration::from_secs(1);
const UNTIL_CUT: Duration = Duration::from_millis(300);
/// Nobody has been this person.
const NEXT: u64 = 1_000_000;
/// Polls before the second power cut, and after it.
const POLLS: u64 = 100_000;

/// What the objects were asked while something was done, and how long it took.
struct Cost {
    asked: BTreeMap<String, u64>,
    seconds: u64,
}

impl Cost {
    fn of<T>(shop: &Shop, act: impl FnOnce() -> T) -> (T, Self) {
        let (before, watch) = (counts(shop), Stopwatch::start());
        let done = act();
        let (seconds, after) = (watch.elapsed().as_secs() + 1, counts(shop));
        let asked = after.into_iter().map(|(name, count)| {
            let known = before.get(&name).copied().unwrap_or_default();
            (name, count - known)
        });
        (done, Self { asked: asked.collect(), seconds })
    }

    fn get(&self, name: &str) -> u64 {
        self.asked.get(name).copied().unwrap_or_default()
    }

    /// The room was asked for its status, and the SKU for its stock, about once a second, and the
    /// SKU for nothing else.
    #[track_caller]
    fn is_of_time_alone(&self) {
        // One more than the seconds may come at either end, and the room looks when it opens.
        let most = self.seconds + 3;
        assert!(self.get("status_requests") <= most, "{:?} in {} s", self.asked, self.seconds);
        assert!(self.get("stock_looks") <= most, "{:?} in {} s", self.asked, self.seconds);
        assert_eq!(self.get("inventory_requests"), 0, "{:?}", self.asked);
    }
}

#[track_caller]
fn all_answered(ran: &Ran) {
    assert!(ran.is_clean(), "{} errors, {} wrong: {:?}", ran.errors, ran.wrong, ran.complaints);
}

#[test]
fn twenty_thousand_keep_their_places_through_two_power_cuts_and_cost_the_room_next_to_nothing() {
    let mut shop = Shop::behind("metered.mjs", "line-crowd");
    let id = {
        let mut slow = fifo();
        slow.admits_per_minute_max = 60;
        let sale = Sale::draft(&shop, 1_000, &slow);
        sale.set_phase("prequeue").ok::<SaleState>();
        sale.id
    };
    let mut crowd = Crowd::new(&Sale { shop: &shop, id: id.clone() });

    let (ran, cost) = Cost::of(&shop, || crowd.join(0, Stop::Count(BEFORE)));
    all_answered(&ran);
    no_number_is_overtaken(&crowd, &ran);
    assert!(cost.get("room_requests") <= BEFORE / 10, "{:?} for {BEFORE} joins", cost.asked);
    assert!(cost.get("object_rows_written") <= cost.get("room_requests"), "{:?}", cost.asked);
    cost.is_of_time_alone();
    let known = crowd.numbers();

    // The power goes while people join.
    thread::scope(|scope| {
        let joining = scope.spawn(|| crowd.join(BEFORE, Stop::After(MEANWHILE)));
        thread::sleep(UNTIL_CUT);
        shop.kill();
        shop.restart();
        let ran = joining.join().unwrap();
        assert!(ran.errors > 0, "the power cut has to be felt");
    });
    assert!(crowd.places.len() > known.len(), "somebody joined before or after it");
    all_answered(&crowd.join(NEXT, Stop::Count(AFTER)));
    let numbers: BTreeSet<u64> = crowd.numbers().into_iter().collect();
    assert_eq!(numbers.len(), crowd.places.len(), "a number was handed out twice");

    let here = Sale { shop: &shop, id: id.clone() };
    here.set_phase("open").ok::<SaleState>();
    let entries = here.drawn().entries.unwrap();
    assert!(numbers.iter().all(|number| *number <= entries), "all came before the opening");
    let ((ran, turns), cost) = Cost::of(&shop, || crowd.poll(POLLS));
    all_answered(&ran);
    assert_eq!(cost.get("room_requests"), 0, "{:?} for {POLLS} polls", cost.asked);
    cost.is_of_time_alone();
    let places = positions(&turns);
    let distinct: BTreeSet<u64> = places.values().copied().collect();
    assert_eq!((places.len(), distinct.len()), (numbers.len(), numbers.len()));
    assert!(distinct.iter().all(|position| (1..=entries).contains(position)));

    shop.kill();
    shop.restart();
    let here = Sale { shop: &shop, id };
    let ((ran, turns), cost) = Cost::of(&shop, || crowd.poll(POLLS));
    all_answered(&ran);
    assert_eq!(cost.get("room_requests"), 0, "{:?} for {POLLS} polls", cost.asked);
    cost.is_of_time_alone();
    assert_eq!(positions(&turns), places, "somebody has another place than before");
    let late = Shopper::new(&here).take_place();
    assert!(late.number > entries, "{} was in the draw", late.number);
    assert_eq!(here.stock().sku, SKU);
}

/// The places that people were told.
fn positions(turns: &BTreeMap<u64, TurnReply>) -> BTreeMap<u64, u64> {
    let position = |turn: &TurnReply| turn.position.unwrap_or_else(|| panic!("{turn:?}"));
    turns.iter().map(|(person, turn)| (*person, position(turn))).collect()
}

/// Whoever joined after somebody had a number gets a higher one. Numbers are leased for a second,
/// so two who come within less than two may get theirs the other way round.
fn no_number_is_overtaken(crowd: &Crowd, ran: &Ran) {
    const SLACK_NS: u64 = 2_000_000_000;
    let number = |op: u64| crowd.places[&op].1;
    let mut by_end: Vec<_> =
        ran.history.ops.iter().map(|op| (op.done_ns + SLACK_NS, number(op.number))).collect();
    let mut by_start: Vec<_> =
        ran.history.ops.iter().map(|op| (op.sent_ns, number(op.number))).collect();
    by_end.sort_unstable();
    by_start.sort_unstable();
    let (mut ended, mut highest) = (by_end.into_iter().peekable(), 0);
    for (sent, number) in by_start {
        while let Some((_, before)) = ended.next_if(|(ended, _)| *ended <= sent) {
            highest = highest.max(before);
        }
        assert!(number > highest, "{number} was handed out two seconds after {highest}");
    }
}

#[test]
fn one_who_asks_again_and_again_for_another_person_gets_rising_numbers() {
    let shop = Shop::behind("metered.mjs", "line-sequence");
    let sale = Sale::open(&shop, 9, &fifo());
    // Slower than leases last, so that each has to be of a newer block.
    let numbers: Vec<u64> = (0..40)
        .map(|person| {
            if person % 10 == 0 {
                thread::sleep(Duration::from_millis(1_100));
            }
            Shopper::new(&sale).take_place().number
        })
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}
