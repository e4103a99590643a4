//! The chain: what was written is read back, and whatever is changed is found, at its place.

#[cfg(test)]
mod support;
#[cfg(test)]
#[path = "support/written.rs"]
mod written;

use doorbuster_domain::id::ReservationId;
use doorbuster_domain::inventory::{Command, Event, Inventory, Selling};
use doorbuster_domain::journal::{ChainHash, Entry, Replay, verify};
use doorbuster_domain::machine::Machine as _;
use doorbuster_domain::time::Timestamp;

use support::{name, shopper, terms};
use written::{Written, broken, written};

const CHAIN: &str = "the hash does not continue the chain";

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
        let mut snapshot = Vec::new();
        state.write_snapshot(&mut snapshot).unwrap();
        let woken = Inventory::read_snapshot(&mut snapshot.as_slice()).unwrap();
        let mut replay = Replay::resume(woken, seq, hash);
        for entry in tail {
            replay.read(entry).unwrap();
        }
        assert_eq!(replay.state(), &written.inventory);
        assert_eq!(replay.hash(), written.head());
    }
}

#[test]
fn a_snapshot_that_is_not_whole_or_was_changed_is_not_believed() {
    let mut good = Vec::new();
    written().inventory.write_snapshot(&mut good).unwrap();
    let read = |bytes: &[u8]| Inventory::read_snapshot(&mut &*bytes);
    assert_eq!(read(&good).unwrap(), written().inventory);
    for len in 0..good.len() {
        assert!(read(&good[..len]).is_err(), "cut off after {len} bytes");
    }
    assert!(read(&[good.clone(), vec![0]].concat()).is_err(), "something follows");
    // An earlier version wrote the whole of it as JSON.
    assert!(read(br#"{"terms":null,"selling":"open"}"#).is_err());
    // A changed reservation is found or is another one; and nothing makes the reader panic.
    let head_len = 4 + u32::from_le_bytes(*good.first_chunk().unwrap()) as usize;
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut changed = good.clone();
            changed[at] ^= 1 << bit;
            let state = read(&changed).ok();
            assert!(at < head_len || state.as_ref() != Some(&written().inventory), "byte {at}");
        }
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
    let eves = ReservationId::derive(&name("drop"), &name("shirt"), shopper("eve"), &name("k"));
    let oversold = Event::Reserved {
        reservation: eves,
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
    let open = Command::SetSelling { selling: Selling::Open, phase_number: 1 };
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
