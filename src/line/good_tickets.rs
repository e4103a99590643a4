//! Tickets that were found good here, so that not every poll has to verify its own anew.

use std::cell::{OnceCell, RefCell, RefMut};
use std::hash::Hasher as _;
use std::ops::Range;

use doorbuster_domain::id::ShopperId;
use doorbuster_domain::line::DrawnPlace;
use doorbuster_domain::rate_limit::Tat;
use doorbuster_domain::sealed::Ticket;
use doorbuster_domain::time::Timestamp;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::shopper;

/// Places for tickets, made when the first one comes.
const TICKETS_MAX: usize = 1 << 14;

/// A ticket may be in any of so many places that follow each other: of a tenth as many people as
/// there are places, polling in turn, hardly anybody loses theirs to another.
const WAYS: usize = 2;

/// What a ticket says of its holder's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) shopper: ShopperId,
    /// The number that was handed out.
    pub(crate) number: u64,
    pub(crate) joined_at: Timestamp,
    /// The place that the draw gave to it, once that was asked for.
    pub(crate) place: Option<DrawnPlace>,
}

impl Holder {
    pub(crate) const fn of(ticket: &Ticket) -> Self {
        let (number, joined_at) = (ticket.number, ticket.issued_at);
        Self { shopper: ticket.shopper, number, joined_at, place: None }
    }
}

/// A ticket that was found good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Good {
    mark: u128,
    pub(crate) holder: Holder,
    /// What is left of what it may be sent here; nothing is known before it was sent again.
    pub(crate) allowance: Option<Tat>,
    expires_at: Timestamp,
}

/// The tickets, each in one of the places that its mark gives it. Another that has the same takes
/// the one of the two that is found expired, or else any; who is forgotten is verified again.
///
/// A mark is `SipHash-1-3` of 128 bits, over the sale, the shopper's secret and the ticket as they
/// were sent, under a random key that never leaves this isolate. So nobody can find a text that has
/// the mark of another, nor learn anything from the time that a refusal takes.
#[derive(Default)]
pub(crate) struct GoodTickets {
    key: OnceCell<[u8; 16]>,
    all: RefCell<Vec<Good>>,
}

/// What a ticket comes with.
pub(crate) struct Sent<'t> {
    /// The sale in the address.
    pub(crate) sale: &'t str,
    /// What the shopper is known by; empty for an app that sends the ticket alone.
    pub(crate) secret: &'t str,
    /// The ticket itself.
    pub(crate) ticket: &'t str,
}

impl<'t> Sent<'t> {
    /// What these headers bring, of shopper, ticket and cookies, as they are sent.
    pub(crate) fn of(secure: bool, headers: [Option<&'t str>; 3], sale: &'t str) -> Option<Self> {
        let (secret, ticket) = shopper::sent_with(secure, headers, sale)?;
        Some(Self { sale, secret, ticket })
    }
}

impl GoodTickets {
    /// A ticket that was found good before, and still is.
    pub(crate) fn find(&self, sent: &Sent<'_>, now: Timestamp) -> Option<RefMut<'_, Good>> {
        let mark = self.mark(sent)?;
        let good = RefMut::filter_map(self.all.borrow_mut(), |all| {
            all.get_mut(places_of(mark))?.iter_mut().find(|good| good.mark == mark)
        });
        good.ok().filter(|good| now < good.expires_at)
    }

    /// Remembers a ticket that was found good, unless it is remembered already; its holder.
    pub(crate) fn keep(&self, sent: &Sent<'_>, ticket: &Ticket, now: Timestamp) -> Holder {
        if let Some(known) = self.find(sent, now) {
            return known.holder;
        }
        let holder = Holder::of(ticket);
        self.put(sent, holder, ticket.expires_at, now);
        holder
    }

    fn put(&self, sent: &Sent<'_>, holder: Holder, expires_at: Timestamp, now: Timestamp) {
        if self.key.get().is_none() {
            let mut key = [0; 16];
            // Without a key nothing is remembered.
            if getrandom::fill(&mut key).is_err() {
                return;
            }
            self.key.get_or_init(|| key);
            let nobody =
                Good { mark: 0, holder, allowance: None, expires_at: Timestamp::default() };
            *self.all.borrow_mut() = vec![nobody; TICKETS_MAX];
        }
        let Some(mark) = self.mark(sent) else { return };
        let mut all = self.all.borrow_mut();
        let Some(places) = all.get_mut(places_of(mark)) else { return };
        let is_free = |good: &Good| good.mark == mark || good.expires_at <= now;
        let any = usize::try_from((mark >> 32) & 0xff).unwrap_or_default() % WAYS;
        let place = places.iter().position(is_free).unwrap_or(any);
        if let Some(place) = places.get_mut(place) {
            *place = Good { mark, holder, allowance: None, expires_at };
        }
    }

    fn mark(&self, sent: &Sent<'_>) -> Option<u128> {
        let mut hasher = SipHasher13::new_with_key(self.key.get()?);
        // None of them has a line break in it.
        for part in [sent.sale, "\n", sent.secret, "\n", sent.ticket] {
            hasher.write(part.as_bytes());
        }
        Some(hasher.finish128().as_u128())
    }
}

/// The places of a mark.
fn places_of(mark: u128) -> Range<usize> {
    let set = usize::try_from(mark & 0xffff_ffff).unwrap_or_default() % (TICKETS_MAX / WAYS);
    let first = set.saturating_mul(WAYS);
    first..first.saturating_add(WAYS)
}

#[cfg(test)]
mod tests {
    use doorbuster_domain::line::{DrawSecret, DrawStatus, Drawn, Status};
    use doorbuster_domain::rate_limit::{Policy, check};
    use doorbuster_domain::time::Millis;

    use super::*;
    use crate::statuses;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const LATER: Timestamp = Timestamp::from_millis(2_000);

    fn ticket(number: u64) -> Ticket {
        Ticket {
            sale: "drop".parse().unwrap(),
            shopper: ShopperId::from_bytes([7; 16]),
            number,
            commitment: [0; 16],
            issued_at: NOW,
            expires_at: LATER,
        }
    }

    /// A status after a draw of nine.
    fn drawn() -> Status {
        let secret = DrawSecret::from_bytes([1; 32]);
        let seed = secret.seed(9, None);
        let drawn = Some(Drawn { at: NOW, secret, beacon_signature: None, seed });
        let draw = DrawStatus { entries: Some(9), drawn, ..DrawStatus::default() };
        Status { draw, ..Status::clone(&statuses::tests::status(NOW.as_millis())) }
    }

    /// The holder that is found.
    fn found(tickets: &GoodTickets, sent: &Sent<'_>, now: Timestamp) -> Option<Holder> {
        tickets.find(sent, now).map(|good| good.holder)
    }

    #[test]
    fn only_the_very_same_words_find_what_they_found_before() {
        let tickets = GoodTickets::default();
        let sent = |sale, secret, ticket| Sent { sale, secret, ticket };
        assert_eq!(found(&tickets, &sent("drop", "ann", "t.1"), NOW), None);
        tickets.keep(&sent("drop", "ann", "t.1"), &ticket(1), NOW);
        let holder = Some(Holder::of(&ticket(1)));
        assert_eq!(found(&tickets, &sent("drop", "ann", "t.1"), NOW), holder);
        for other in [
            sent("drop", "ann", "t.2"),
            sent("drop", "bob", "t.1"),
            sent("dro", "ann", "t.1"),
            sent("drop", "an", "nt.1"),
            sent("drop", "ann", ""),
        ] {
            assert_eq!(found(&tickets, &other, NOW), None);
        }
    }

    #[test]
    fn what_is_noted_of_a_ticket_stays_with_it() {
        let tickets = GoodTickets::default();
        let sent = |ticket| Sent { sale: "drop", secret: "ann", ticket };
        tickets.keep(&sent("1"), &ticket(1), NOW);
        tickets.keep(&sent("2"), &ticket(2), NOW);
        let place = drawn().drawn_place(1);
        assert_ne!(place, None);
        let policy = Policy::new(60, Millis::from_secs(60), 1);
        let tat = Some(check(policy, None, NOW).next);
        let mut good = tickets.find(&sent("1"), NOW).unwrap();
        (good.holder.place, good.allowance) = (place, tat);
        drop(good);
        // Who came the long way in between.
        assert_eq!(tickets.keep(&sent("1"), &ticket(1), NOW).place, place);
        let noted = |text| {
            let good = tickets.find(&sent(text), NOW).unwrap();
            (good.holder.place, good.allowance)
        };
        assert_eq!(noted("1"), (place, tat));
        assert_eq!(noted("2"), (None, None));
    }

    #[test]
    fn a_ticket_that_has_expired_is_not_found() {
        let tickets = GoodTickets::default();
        let sent = Sent { sale: "drop", secret: "ann", ticket: "t" };
        tickets.keep(&sent, &ticket(1), NOW);
        assert_eq!(found(&tickets, &sent, LATER), None);
    }

    #[test]
    fn of_as_many_as_a_tenth_of_the_places_nearly_all_are_remembered() {
        let tickets = GoodTickets::default();
        let texts: Vec<String> = (0..TICKETS_MAX / 10).map(|number| number.to_string()).collect();
        let sent = |ticket| Sent { sale: "drop", secret: "ann", ticket };
        for text in &texts {
            tickets.keep(&sent(text), &ticket(1), NOW);
        }
        let found = texts.iter().filter(|text| tickets.find(&sent(text), NOW).is_some()).count();
        assert!(found * 100 > texts.len() * 97, "{found} of {}", texts.len());
    }

    #[test]
    fn as_many_as_there_are_places_are_remembered_and_no_more() {
        let tickets = GoodTickets::default();
        let texts: Vec<String> = (0..3 * TICKETS_MAX).map(|number| number.to_string()).collect();
        let sent = |ticket| Sent { sale: "drop", secret: "ann", ticket };
        for (text, number) in texts.iter().zip(0..) {
            tickets.keep(&sent(text), &ticket(number), NOW);
        }
        let kept = texts.iter().zip(0..).filter_map(|(text, number)| {
            let holder = found(&tickets, &sent(text), NOW)?;
            assert_eq!(holder.number, number, "another's place");
            Some(())
        });
        let kept = kept.count();
        assert!(kept <= TICKETS_MAX && kept > TICKETS_MAX / 2, "{kept}");
        assert_eq!(tickets.all.borrow().len(), TICKETS_MAX);
    }
}
