//! The statuses of sales that an isolate knows, and who asks for newer ones.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;

use doorbuster_domain::id::SaleId;
use doorbuster_domain::line::Status;
use doorbuster_domain::time::{Millis, Timestamp};

/// How old a status may be before the edge asks for a new one.
const FRESH_FOR: Millis = Millis::from_secs(1);
/// While one request asks, others are served the old one so long.
const ASK_FOR: Millis = Millis::from_secs(2);
/// A first look that has not ended after so long may have been broken off with its client.
const FIRST_ASK_FOR: Millis = Millis::new(500);
/// Sales kept in memory. Names of sales that are not there take places too, so it is bounded; a
/// status of 100 SKUs is below 20 KB, all of them below 10 MB.
const SALES_MAX: usize = 500;

/// A status, and when it came here.
pub(crate) struct Seen {
    status: Status,
    received_at: Timestamp,
}

impl Seen {
    pub(crate) const fn new(status: Status, received_at: Timestamp) -> Self {
        Self { status, received_at }
    }

    /// What time it is by the room's clock, or a little earlier. Of the clock here only the time
    /// that passed since the status came is believed, so all edges admit the same people.
    pub(crate) const fn room_time(&self, now: Timestamp) -> Timestamp {
        self.status.at.plus(now.since(self.received_at))
    }
}

impl Deref for Seen {
    type Target = Status;

    fn deref(&self) -> &Status {
        &self.status
    }
}

/// The statuses that this isolate knows.
#[derive(Default)]
pub(crate) struct StatusCache(RefCell<BTreeMap<SaleId, Known>>);

#[derive(Default)]
struct Known {
    status: Option<Rc<Seen>>,
    /// When it was fetched; the beginning of time if it was not yet.
    fetched_at: Timestamp,
    asked_at: Timestamp,
    /// When asking last came to nothing.
    failed_at: Timestamp,
}

impl Known {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.fetched_at) < FRESH_FOR
    }

    /// Whether it is fresh, or somebody else is asking for a newer one and it still holds.
    fn is_at_hand(&self, now: Timestamp) -> bool {
        let holds = |status: &Rc<Seen>| status.room_time(now) <= status.frontier.until;
        let is_asked_for = now.since(self.asked_at) < ASK_FOR;
        self.is_fresh(now) || is_asked_for && self.status.as_ref().is_some_and(holds)
    }
}

/// What looking into the cache comes to.
pub(crate) enum Looked {
    /// The status, or that there is no such sale.
    Known(Option<Rc<Seen>>),
    /// The caller is to ask the object; others need not meanwhile.
    Ask,
    /// Nothing is known yet, and another request is asking.
    Wait,
}

impl StatusCache {
    pub(crate) fn look(&self, sale: &SaleId, now: Timestamp) -> Looked {
        let mut all = self.0.borrow_mut();
        if let Some(known) = all.get_mut(sale) {
            if known.is_at_hand(now) {
                return Looked::Known(known.status.clone());
            }
            if now.since(known.asked_at) < FIRST_ASK_FOR {
                return Looked::Wait;
            }
            known.asked_at = now;
            return Looked::Ask;
        }
        insert(&mut all, sale, Known { asked_at: now, ..Known::default() }, now);
        Looked::Ask
    }

    /// The status of a sale, if nobody need wait or ask for it.
    pub(crate) fn at_hand(&self, sale: &str, now: Timestamp) -> Option<Rc<Seen>> {
        let all = self.0.borrow();
        all.get(sale).filter(|known| known.is_at_hand(now))?.status.clone()
    }

    /// The status of a sale, if it is fresh.
    pub(crate) fn fresh(&self, sale: &str, now: Timestamp) -> Option<Rc<Seen>> {
        let all = self.0.borrow();
        all.get(sale).filter(|known| known.is_fresh(now))?.status.clone()
    }

    /// Whether a status is not fresh any more, and nobody is asking for a newer one, or has just
    /// asked in vain: who can do without is not to wait for a room that does not answer.
    pub(crate) fn is_due(&self, sale: &SaleId, now: Timestamp) -> bool {
        self.0.borrow().get(sale).is_some_and(|known| {
            now.since(known.fetched_at.max(known.failed_at)) >= FRESH_FOR
                && now.since(known.asked_at) >= ASK_FOR
        })
    }

    pub(crate) fn however_old(&self, sale: &SaleId) -> Option<Rc<Seen>> {
        self.0.borrow().get(sale)?.status.clone()
    }

    pub(crate) fn keep(&self, sale: &SaleId, status: Option<Rc<Seen>>, now: Timestamp) {
        let known = Known { status, fetched_at: now, ..Known::default() };
        insert(&mut self.0.borrow_mut(), sale, known, now);
    }

    /// Asking came to nothing: who comes next asks again.
    pub(crate) fn failed_to_ask(&self, sale: &SaleId, now: Timestamp) {
        if let Some(known) = self.0.borrow_mut().get_mut(sale) {
            (known.asked_at, known.failed_at) = (Timestamp::default(), now);
        }
    }

    /// Has a sale that was just changed through this isolate asked after anew.
    pub(crate) fn expire(&self, sale: &SaleId) {
        if let Some(known) = self.0.borrow_mut().get_mut(sale) {
            (known.fetched_at, known.asked_at) = (Timestamp::default(), Timestamp::default());
        }
    }
}

/// Enters what is known, in bounded memory: what is not there, or not looked at, goes first.
fn insert(all: &mut BTreeMap<SaleId, Known>, sale: &SaleId, known: Known, now: Timestamp) {
    if all.len() >= SALES_MAX && !all.contains_key(sale) {
        all.retain(|_, known| known.status.is_some() && now.since(known.fetched_at) < ASK_FOR);
    }
    if all.len() < SALES_MAX || all.contains_key(sale) {
        all.insert(sale.clone(), known);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use doorbuster_domain::line::{
        DrawStatus, Frontier, LineOrder, Pace, Passage, Phase, PublishedFrontier, RateReason,
    };

    use super::*;

    /// A status that was fetched at this moment, and speaks for two seconds.
    pub(crate) fn status(received_at: u64) -> Rc<Seen> {
        // By a clock that is two seconds behind the one here.
        let at = Timestamp::from_millis(received_at.saturating_sub(2_000));
        let status = Status {
            sale: sale(),
            title: String::new(),
            at,
            phase: Phase::Open,
            why: None,
            order: LineOrder::Fifo,
            schedule: None,
            draw: DrawStatus::default(),
            frontier: PublishedFrontier {
                line: Frontier { value: 0, at, per_minute: 0 },
                until: at.plus(Millis::from_secs(2)),
                max: 0,
            },
            passage: Passage::default(),
            pace: Pace::default(),
            reason: RateReason::StockUnknown,
            reach: None,
            handed_out: 0,
            pass_ttl_ms: Millis::from_secs(60),
            per_shopper_max: 1,
            challenge: false,
            places_per_client: 1,
            full_clients: Vec::new(),
            message: String::new(),
            offers: Vec::new(),
            charges: Box::default(),
            stock: Vec::new(),
        };
        Rc::new(Seen::new(status, Timestamp::from_millis(received_at)))
    }

    fn sale() -> SaleId {
        "drop".parse().unwrap()
    }

    /// What so many people find who look at this moment: how many are served, ask and wait.
    fn looks(cache: &StatusCache, at: u64) -> [usize; 3] {
        let mut found = [0; 3];
        for _ in 0..100 {
            let place = match cache.look(&sale(), Timestamp::from_millis(at)) {
                Looked::Known(_) => 0,
                Looked::Ask => 1,
                Looked::Wait => 2,
            };
            found[place] = usize::saturating_add(found[place], 1);
        }
        found
    }

    fn known(at: u64) -> StatusCache {
        let cache = StatusCache::default();
        cache.keep(&sale(), Some(status(at)), Timestamp::from_millis(at));
        cache
    }

    #[test]
    fn one_asks_when_a_second_is_over_and_the_others_are_served_meanwhile() {
        let cache = known(10_000);
        assert_eq!(looks(&cache, 10_999), [100, 0, 0]);
        assert!(!cache.is_due(&sale(), Timestamp::from_millis(10_999)));
        assert!(cache.is_due(&sale(), Timestamp::from_millis(11_000)));
        assert_eq!(looks(&cache, 11_000), [99, 1, 0]);
        assert_eq!(looks(&cache, 11_400), [100, 0, 0]);
        assert!(!cache.is_due(&sale(), Timestamp::from_millis(11_400)), "somebody asks");
    }

    #[test]
    fn after_a_quiet_time_one_asks_and_the_others_wait() {
        assert_eq!(looks(&StatusCache::default(), 10_000), [0, 1, 99]);
        let cache = known(10_000);
        assert_eq!(looks(&cache, 60_000), [0, 1, 99]);
        assert_eq!(looks(&cache, 60_400), [0, 0, 100]);
        // The one that asked was broken off, as it seems.
        assert_eq!(looks(&cache, 60_500), [0, 1, 99]);
        cache.keep(&sale(), Some(status(60_500)), Timestamp::from_millis(60_500));
        assert_eq!(looks(&cache, 60_600), [100, 0, 0]);
    }

    #[test]
    fn when_asking_came_to_nothing_the_next_one_asks() {
        let cache = known(10_000);
        assert_eq!(looks(&cache, 60_000), [0, 1, 99]);
        cache.failed_to_ask(&sale(), Timestamp::from_millis(60_001));
        assert_eq!(looks(&cache, 60_001), [0, 1, 99]);
        cache.expire(&sale());
        assert_eq!(looks(&cache, 60_002), [0, 1, 99]);
    }

    #[test]
    fn whoever_can_do_without_does_not_ask_right_after_asking_came_to_nothing() {
        let cache = known(10_000);
        let is_due = |at| cache.is_due(&sale(), Timestamp::from_millis(at));
        assert!(is_due(60_000));
        assert_eq!(looks(&cache, 60_000), [0, 1, 99]);
        cache.failed_to_ask(&sale(), Timestamp::from_millis(60_300));
        assert!(!is_due(60_300));
        assert!(!is_due(61_299));
        assert!(is_due(61_300));
    }

    #[test]
    fn names_that_somebody_made_up_take_no_more_places_than_there_are() {
        let cache = known(10_000);
        for number in 0..2 * SALES_MAX {
            let name = format!("made-up-{number}").parse().unwrap();
            cache.keep(&name, None, Timestamp::from_millis(10_000));
        }
        assert!(cache.0.borrow().len() <= SALES_MAX);
        assert!(cache.however_old(&sale()).is_some(), "a sale that is there was forgotten");
    }
}
