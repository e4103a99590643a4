//! An inventory as bytes, for a snapshot.
//!
//! A length of 4 bytes and so much JSON with everything that is small; then the reservations in
//! the order of their ids, 53 bytes each. Numbers are little endian. Nothing depends on it for
//! good: what cannot be read is made again from the journal.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read, Result, Write};

use serde::{Deserialize, Serialize};

use super::reservation::{Reservation, State};
use super::{Adjustment, Counts, Inventory, RefundState, Selling, Terms};
use crate::id::{IdempotencyKey, PaymentId, ReservationId};
use crate::time::Timestamp;

/// Everything but the reservations.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head<'a> {
    terms: Cow<'a, Option<Terms>>,
    selling: Selling,
    phase_number: u64,
    counts: Counts,
    expired: u64,
    adjustments: Cow<'a, BTreeMap<IdempotencyKey, Adjustment>>,
    refunds: Cow<'a, BTreeMap<PaymentId, RefundState>>,
    opened_with: u32,
    last_at: Timestamp,
    /// How many follow.
    reservations: usize,
}

const RECORD_LEN: usize = 53;
/// So many records are read at once.
const BLOCK_LEN: usize = 256;

impl Inventory {
    /// `Machine::write_snapshot`.
    pub(super) fn write(&self, to: &mut dyn Write) -> Result<()> {
        let head = serde_json::to_vec(&Head {
            terms: Cow::Borrowed(&self.terms),
            selling: self.selling,
            phase_number: self.phase_number,
            counts: self.counts,
            expired: self.expired,
            adjustments: Cow::Borrowed(&self.adjustments),
            refunds: Cow::Borrowed(&self.refunds),
            opened_with: self.opened_with,
            last_at: self.last_at,
            reservations: self.reservations.len(),
        })?;
        let len = u32::try_from(head.len()).map_err(|_| wrong("the head is too long"))?;
        to.write_all(&len.to_le_bytes())?;
        to.write_all(&head)?;
        let mut record = Vec::with_capacity(RECORD_LEN);
        for (id, reservation) in self.reservations.iter() {
            record.clear();
            encode(*id, reservation, &mut record);
            to.write_all(&record)?;
        }
        Ok(())
    }

    /// `Machine::read_snapshot`.
    pub(super) fn read(from: &mut dyn Read) -> Result<Self> {
        let mut len = [0; 4];
        from.read_exact(&mut len)?;
        let mut head = Vec::new();
        from.take(u32::from_le_bytes(len).into()).read_to_end(&mut head)?;
        let head: Head<'static> = serde_json::from_slice(&head)?;
        let mut inventory = Self {
            terms: head.terms.into_owned(),
            selling: head.selling,
            phase_number: head.phase_number,
            counts: head.counts,
            expired: head.expired,
            adjustments: head.adjustments.into_owned(),
            refunds: head.refunds.into_owned(),
            opened_with: head.opened_with,
            last_at: head.last_at,
            ..Self::default()
        };
        let mut block = vec![[0; RECORD_LEN]; BLOCK_LEN];
        let mut left = head.reservations;
        while left > 0 {
            let records = block.get_mut(..left.min(BLOCK_LEN)).unwrap_or_default();
            left = left.saturating_sub(records.len());
            from.read_exact(records.as_flattened_mut())?;
            for record in &*records {
                let (id, reservation) = decode(record).ok_or_else(|| wrong("no such state"))?;
                inventory.index.add(id, &reservation);
                if inventory.reservations.insert(id, reservation).is_some() {
                    return Err(wrong("a reservation stands in it twice"));
                }
            }
        }
        if from.read(&mut [0])? > 0 {
            return Err(wrong("something follows"));
        }
        if !inventory.invariant_counts() {
            return Err(wrong("its reservations are not what it counted"));
        }
        Ok(inventory)
    }
}

fn encode(id: ReservationId, reservation: &Reservation, record: &mut Vec<u8>) {
    let (tag, at, attempt) = match reservation.state {
        State::Held { expires_at } => (0, expires_at, 0),
        State::Paying { deadline, overdue: false } => (1, deadline, 0),
        State::Paying { deadline, overdue: true } => (2, deadline, 0),
        State::Allocated { attempt, allocated_at, settled: false } => (3, allocated_at, attempt),
        State::Allocated { attempt, allocated_at, settled: true } => (4, allocated_at, attempt),
        State::Released => (5, Timestamp::default(), 0),
        State::Expired => (6, Timestamp::default(), 0),
    };
    record.extend(id.as_bytes());
    record.extend(reservation.shopper_second_half);
    record.extend(reservation.quantity.to_le_bytes());
    record.extend(reservation.attempts.to_le_bytes());
    record.extend(reservation.reserved_at.as_millis().to_le_bytes());
    record.push(tag);
    record.extend(at.as_millis().to_le_bytes());
    record.extend(attempt.to_le_bytes());
}

fn decode(record: &[u8; RECORD_LEN]) -> Option<(ReservationId, Reservation)> {
    let rest = &mut record.as_slice();
    let id = ReservationId::from_bytes(take(rest)?);
    let shopper_second_half = take(rest)?;
    let quantity = u32::from_le_bytes(take(rest)?);
    let attempts = u32::from_le_bytes(take(rest)?);
    let reserved_at = moment(rest)?;
    let [tag] = take(rest)?;
    let at = moment(rest)?;
    let attempt = u32::from_le_bytes(take(rest)?);
    let state = match tag {
        0 => State::Held { expires_at: at },
        1 | 2 => State::Paying { deadline: at, overdue: tag == 2 },
        3 | 4 => State::Allocated { attempt, allocated_at: at, settled: tag == 4 },
        5 => State::Released,
        6 => State::Expired,
        _ => return None,
    };
    Some((id, Reservation { shopper_second_half, quantity, attempts, reserved_at, state }))
}

/// The next bytes of a record.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}

fn moment(rest: &mut &[u8]) -> Option<Timestamp> {
    take(rest).map(|bytes| Timestamp::from_millis(u64::from_le_bytes(bytes)))
}

fn wrong(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}
