//! The chain: what was written is read back, and whatever is changed is found, at its place.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail by panicking"
)]

#[cfg(test)]
mod support;

use doorbuster_domain::id::{PaymentId, ReservationId};
use doorbuster_domain::inventory::{AdjustmentReason, Command, Event, Inventory, Selling};
use doorbuster_domain::journal::{Broken, ChainHash, Entry, Replay, verify};
use doorbuster_domain::machine::Machine as _;
use doorbuster_domain::time::Timestamp;

use support::{name, shopper, terms};

const CHAIN: &str = "the hash does not continue the chain";

#[derive(Default)]
struct Written {
    inventory: Inventory,
    entries: Vec<Entry>,
}

impl Written {
    /// Decides a batch and writes it down as the object does.
    fn write(&mut self, at: u64, commands: &[Command]) {
        let batch = self.inventory.decide_batch(commands, Timestamp::from_millis(at)).unwrap();
        self.append(batch.at, &serde_json::to_string(&batch.events).unwrap());
    }

    fn append(&mut self, committed_at_ms: Timestamp, events: &str) {
        let seq = self.entries.len() as u64 + 1;
        let hash = self.head().next(seq, committed_at_ms, events.as_bytes());
        self.entries.push(Entry { seq, committed_at_ms, events: events.to_owned(), hash });
    }

    fn head(&self) -> ChainHash {
        self.entries.last().map_or(ChainHash::ZERO, |entry| entry.hash)
    }
}

/// Five entries with seven kinds of events; two shoppers, one order.
fn written() -> Written {
    let mut written = Written::default();
    written.write(1_000, &[Command::Open { terms: terms(), on_hand: 2 }]);
    written.write(1_001, &[Command::SetSelling { selling: Selling::Open }]);
    let reserve =
        |who, key| Command::Reserve { shopper: shopper(who), key: name(key), quantity: 1 };
    written.write(1_002, &[reserve("ann", "k1"), reserve("bob", "k1")]);
    let reserved: Vec<Event> = serde_json::from_str(&written.entries[2].events).unwrap();
    let Event::Reserved { reservation, .. } = reserved[0] else { panic!("{reserved:?}") };
    let ann = shopper("ann");
    written.write(1_050, &[Command::BeginPayment { shopper: ann, reservation }]);
    let amount_minor = terms().unit_price.minor;
    let allocate = Command::Allocate { payment: PaymentId::of(reservation, 1), amount_minor };
    written.write(1_102, &[allocate, reserve("bob", "k2")]);
    written
}

fn broken(entries: &[Entry]) -> Broken {
    verify::<Inventory>(entries).expect_err("what was changed is found")
}

#[test]
fn a_good_journal_gives_the_state_and_the_end_of_the_chain() {
    let written = written();
    let replay = verify::<Inventory>(&written.entries).unwrap();
    assert_eq!(replay.state(), &written.inventory);
    assert_eq!((replay.seq(), replay.hash()), (5, written.head()));
    let stock = replay.state().stock().unwrap();
    assert_eq!((stock.reserved, stock.allocated, stock.expired), (1, 1, 1));
}

#[test]
fn a_journal_without_entries_is_the_state_before_anything_happened() {
    let replay = verify::<Inventory>(&[]).unwrap();
    assert_eq!(replay.into_parts(), (Inventory::default(), 0, ChainHash::ZERO));
}

#[test]
fn reading_on_from_a_snapshot_gives_the_same_as_reading_from_the_start() {
    let written = written();
    for cut in 0..=written.entries.len() {
        let (head, tail) = written.entries.split_at(cut);
        let (state, seq, hash) = verify::<Inventory>(head).unwrap().into_parts();
        let text = serde_json::to_string(&state).unwrap();
        let mut woken: Inventory = serde_json::from_str(&text).unwrap();
        woken.wake();
        let mut replay = Replay::resume(woken, seq, hash);
        for entry in tail {
            replay.read(entry).unwrap();
        }
        assert_eq!(replay.state(), &written.inventory);
        assert_eq!(replay.hash(), written.head());
    }
}

#[test]
fn an_entry_is_read_back_from_its_line_as_it_was_written() {
    for entry in written().entries {
        let line = serde_json::to_string(&entry).unwrap();
        assert!(!line.contains('\n'), "an entry is one line of NDJSON");
        assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry);
    }
}

#[test]
fn a_changed_byte_of_the_events_is_found_at_its_entry() {
    let good = written().entries;
    for at in 0..good.len() {
        for byte in 0..good[at].events.len() {
            // Flips that leave ASCII ASCII: the text of an entry is UTF-8 by its type.
            for bit in 0..7 {
                let mut entries = good.clone();
                let mut bytes = entries[at].events.clone().into_bytes();
                bytes[byte] ^= 1 << bit;
                entries[at].events = String::from_utf8(bytes).unwrap();
                let found = broken(&entries);
                assert_eq!((found.seq, found.reason.as_str()), (good[at].seq, CHAIN));
            }
        }
    }
}

#[test]
fn a_byte_more_or_less_in_the_events_is_found_at_its_entry() {
    let good = written().entries;
    for at in 0..good.len() {
        let mut entries = good.clone();
        entries[at].events.push(' ');
        assert_eq!((broken(&entries).seq, broken(&entries).reason.as_str()), (good[at].seq, CHAIN));
        let mut entries = good.clone();
        entries[at].events.pop();
        assert_eq!((broken(&entries).seq, broken(&entries).reason.as_str()), (good[at].seq, CHAIN));
    }
}

#[test]
fn a_changed_byte_of_the_hash_is_found_at_its_entry() {
    let good = written().entries;
    for at in 0..good.len() {
        for byte in 0..32 {
            for bit in 0..8 {
                let mut entries = good.clone();
                let mut bytes = *entries[at].hash.as_bytes();
                bytes[byte] ^= 1 << bit;
                entries[at].hash = ChainHash::from_slice(&bytes).unwrap();
                let found = broken(&entries);
                assert_eq!((found.seq, found.reason.as_str()), (good[at].seq, CHAIN));
            }
        }
    }
}

#[test]
fn a_changed_time_is_found_at_its_entry() {
    let good = written().entries;
    for at in 0..good.len() {
        for bit in 0..64 {
            let mut entries = good.clone();
            let ms = entries[at].committed_at_ms.as_millis() ^ (1 << bit);
            entries[at].committed_at_ms = Timestamp::from_millis(ms);
            let found = broken(&entries);
            assert_eq!((found.seq, found.reason.as_str()), (good[at].seq, CHAIN));
        }
    }
}

#[test]
fn a_changed_number_is_found_where_it_stands() {
    let good = written().entries;
    for at in 0..good.len() {
        for bit in 0..64 {
            let mut entries = good.clone();
            entries[at].seq ^= 1 << bit;
            let found = broken(&entries);
            assert_eq!(found.seq, good[at].seq);
            assert_eq!(found.reason, format!("its number is {}", entries[at].seq));
        }
    }
}

#[test]
fn a_missing_entry_is_found_where_it_should_be() {
    let good = written().entries;
    for at in 0..good.len() - 1 {
        let mut entries = good.clone();
        entries.remove(at);
        let found = broken(&entries);
        let reason = format!("its number is {}", good[at + 1].seq);
        assert_eq!((found.seq, found.reason), (good[at].seq, reason));
    }
}

#[test]
fn a_missing_end_is_found_only_by_who_knows_the_end() {
    let written = written();
    let (last, rest) = written.entries.split_last().unwrap();
    let replay = verify::<Inventory>(rest).unwrap();
    assert_ne!((replay.seq(), replay.hash()), (last.seq, last.hash));
}

#[test]
fn swapped_entries_are_found_at_the_first_of_them() {
    let good = written().entries;
    for first in 0..good.len() {
        for second in first + 1..good.len() {
            let mut entries = good.clone();
            entries.swap(first, second);
            let found = broken(&entries);
            assert_eq!(found.seq, good[first].seq);
            assert_eq!(found.reason, format!("its number is {}", good[second].seq));
            // With the numbers set right again the chain gives it away.
            entries[first].seq = good[first].seq;
            entries[second].seq = good[second].seq;
            let found = broken(&entries);
            assert_eq!((found.seq, found.reason.as_str()), (good[first].seq, CHAIN));
        }
    }
}

#[test]
fn a_doubled_entry_is_found_at_the_second() {
    let good = written().entries;
    for at in 0..good.len() {
        let mut entries = good.clone();
        entries.insert(at + 1, good[at].clone());
        let found = broken(&entries);
        assert_eq!(found.seq, good[at].seq + 1);
        assert_eq!(found.reason, format!("its number is {}", good[at].seq));
    }
}

#[test]
fn a_journal_that_starts_in_the_middle_is_found_at_its_start() {
    let good = written().entries;
    let found = broken(&good[2..]);
    assert_eq!((found.seq, found.reason.as_str()), (1, "its number is 3"));
}

#[test]
fn a_well_chained_entry_that_is_no_list_of_events_is_refused() {
    for events in ["", "{}", "[", r#"[{"burnt":{}}]"#, r#"[{"released":{"reservation":"rsv_"}}]"#] {
        let mut written = written();
        written.append(Timestamp::from_millis(2_000), events);
        assert_eq!(broken(&written.entries).seq, 6, "{events:?}");
    }
}

#[test]
fn a_well_chained_entry_that_sells_too_much_is_refused() {
    let mut written = written();
    let oversold = Event::Reserved {
        reservation: ReservationId::from_bytes([7; 16]),
        shopper: shopper("eve"),
        quantity: 1,
        expires_at: Timestamp::from_millis(3_000),
    };
    let events = serde_json::to_string(&[oversold]).unwrap();
    written.append(Timestamp::from_millis(2_000), &events);
    let found = broken(&written.entries);
    assert_eq!(found.seq, 6);
    assert_eq!(found.reason, "event reserved cannot follow: more is reserved than available");
}

#[test]
fn a_well_chained_entry_that_gives_one_shopper_too_much_is_refused() {
    let mut written = Written::default();
    let open = Command::SetSelling { selling: Selling::Open };
    written.write(1_000, &[Command::Open { terms: terms(), on_hand: 9 }, open]);
    let too_much = Event::Reserved {
        reservation: ReservationId::from_bytes([7; 16]),
        shopper: shopper("eve"),
        quantity: 3,
        expires_at: Timestamp::from_millis(3_000),
    };
    written.append(Timestamp::from_millis(1_001), &serde_json::to_string(&[too_much]).unwrap());
    let found = broken(&written.entries);
    let reason = "event reserved cannot follow: the shopper's limit is passed";
    assert_eq!((found.seq, found.reason.as_str()), (2, reason));
}

/// What nobody could have decided after `written()`, or before it for the last two.
fn forgeries() -> Vec<(Event, &'static str)> {
    let reserved = |quantity, on| Event::Reserved {
        reservation: ReservationId::from_bytes([on; 16]),
        shopper: shopper("eve"),
        quantity,
        expires_at: Timestamp::from_millis(9_000),
    };
    let written = written();
    let order = written.inventory.orders().next().unwrap();
    let paid = PaymentId::of(order.reservation(), 1);
    let unknown = PaymentId::of(ReservationId::from_bytes([9; 16]), 1);
    let bob = ReservationId::derive(&name("drop"), &name("shirt"), shopper("bob"), &name("k2"));
    vec![
        (Event::Opened { terms: terms(), on_hand: 9 }, "opening comes first, and once"),
        (reserved(0, 1), "nothing is reserved"),
        (reserved(1, 1), "more is reserved than available"),
        (
            Event::Expired { reservation: order.reservation() },
            "the reservation is in another state",
        ),
        (Event::PaymentVoided { reservation: bob }, "the reservation is in another state"),
        (Event::Allocated { payment: paid }, "it is allocated already"),
        (Event::Allocated { payment: PaymentId::of(bob, 1) }, "the payment was never begun"),
        (Event::Refunded { payment: paid }, "no refund was due"),
        (Event::RefundDue { payment: unknown, amount_minor: 1 }, "there is no such reservation"),
        (
            Event::Extended { reservation: bob, expires_at: Timestamp::from_millis(1_103) },
            "the reservation is in another state",
        ),
        (
            Event::PaymentBegun {
                payment: PaymentId::of(bob, 2),
                deadline: Timestamp::from_millis(9_000),
            },
            "the reservation is in another state",
        ),
    ]
}

#[test]
fn a_well_chained_event_that_nobody_could_have_decided_is_refused() {
    for (event, reason) in forgeries() {
        let mut written = written();
        written.append(Timestamp::from_millis(1_102), &serde_json::to_string(&[&event]).unwrap());
        let found = broken(&written.entries);
        let reason = format!("event {} cannot follow: {reason}", event.name());
        assert_eq!((found.seq, found.reason), (6, reason));
    }
}

#[test]
fn a_paying_shopper_is_not_robbed_by_a_forged_expiry() {
    let mut written = Written::default();
    let selling = Command::SetSelling { selling: Selling::Open };
    written.write(1_000, &[Command::Open { terms: terms(), on_hand: 2 }, selling]);
    let reserve = Command::Reserve { shopper: shopper("ann"), key: name("k"), quantity: 1 };
    written.write(1_001, &[reserve]);
    let reservation =
        ReservationId::derive(&name("drop"), &name("shirt"), shopper("ann"), &name("k"));
    written.write(1_002, &[Command::BeginPayment { shopper: shopper("ann"), reservation }]);
    let events = serde_json::to_string(&[Event::Expired { reservation }]).unwrap();
    written.append(Timestamp::from_millis(9_999), &events);
    assert_eq!(broken(&written.entries).seq, 4);
}

#[test]
fn what_happens_twice_is_refused_the_second_time() {
    let restocked = || {
        let reason = AdjustmentReason::try_from("found a box".to_owned()).unwrap();
        Event::Restocked { key: name("act"), units: 1, reason }
    };
    let payment = PaymentId::of(written().inventory.orders().next().unwrap().reservation(), 1);
    let order = payment.reservation().order();
    let due = Event::RefundDue { payment, amount_minor: 1 };
    let refunded = Event::Refunded { payment };
    let twice = [
        vec![restocked(), restocked()],
        vec![due.clone(), due.clone()],
        vec![due, refunded.clone(), refunded],
        vec![Event::Settled { order }, Event::Settled { order }],
        vec![
            Event::SellingSet { selling: Selling::Closed },
            Event::SellingSet { selling: Selling::Open },
        ],
    ];
    for events in twice {
        let mut good = written();
        let all_but_last = &events[..events.len() - 1];
        good.append(Timestamp::from_millis(1_102), &serde_json::to_string(all_but_last).unwrap());
        verify::<Inventory>(&good.entries).unwrap();
        let mut bad = written();
        bad.append(Timestamp::from_millis(1_102), &serde_json::to_string(&events).unwrap());
        assert_eq!(broken(&bad.entries).seq, 6, "{events:?}");
    }
}

#[test]
fn nothing_happens_before_the_sku_was_opened_or_sold_before_the_sale_is() {
    let mut unopened = Written::default();
    let paused = Event::SellingSet { selling: Selling::Open };
    unopened.append(Timestamp::from_millis(1), &serde_json::to_string(&[paused]).unwrap());
    assert_eq!(broken(&unopened.entries).seq, 1);
    let mut early = Written::default();
    early.write(1_000, &[Command::Open { terms: terms(), on_hand: 9 }]);
    let reserved = Event::Reserved {
        reservation: ReservationId::from_bytes([7; 16]),
        shopper: shopper("eve"),
        quantity: 1,
        expires_at: Timestamp::from_millis(3_000),
    };
    early.append(Timestamp::from_millis(1_001), &serde_json::to_string(&[reserved]).unwrap());
    let reason = "event reserved cannot follow: the sale is not open";
    assert_eq!(broken(&early.entries).reason, reason);
}

#[test]
fn the_hash_is_over_the_previous_hash_and_number_and_time_and_events() {
    let first = ChainHash::ZERO.next(1, Timestamp::from_millis(2), b"[]");
    let others = [
        first.next(1, Timestamp::from_millis(2), b"[]"),
        ChainHash::ZERO.next(2, Timestamp::from_millis(2), b"[]"),
        ChainHash::ZERO.next(1, Timestamp::from_millis(3), b"[]"),
        ChainHash::ZERO.next(1, Timestamp::from_millis(2), b"[ ]"),
    ];
    assert!(!others.contains(&first));
    assert_eq!(ChainHash::from_slice(first.as_bytes()), Some(first));
    assert_eq!(ChainHash::from_slice(&[0; 31]), None);
}

#[test]
fn a_hash_is_written_as_64_hex_digits_and_nothing_else_is_read_as_one() {
    let text = "00ff".repeat(16);
    let hash = ChainHash::try_from(text.clone()).unwrap();
    assert_eq!(hash.to_string(), text);
    // The last two are numbers to Rust's own reader, and no digits.
    let wrong = [
        text[2..].to_owned(),
        format!("{text}00"),
        text.replace("ff", "fg"),
        text.replace("ff", "+f"),
        text.replace("ff", "FF"),
    ];
    for wrong in wrong {
        assert!(ChainHash::try_from(wrong.clone()).is_err(), "{wrong}");
    }
}
