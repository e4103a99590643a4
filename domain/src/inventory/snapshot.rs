//! An inventory as bytes, for a snapshot.
//!
//! A block of JSON with everything that is small; then the reservations in the order of their ids,
//! in blocks. Before each block stands its length, 4 bytes little endian. Numbers of a reservation
//! are spelled as in LEB128, and its times as what lies between them, because most are small.
//! Nothing depends on this for good: what cannot be read is made again from the journal.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read, Result, Write};

use serde::{Deserialize, Serialize};

use super::reservation::{Ending, Reservation, State};
use super::{Adjustment, Cancellation, Counts, Inventory, RefundState, Selling, Terms};
use crate::cart::CartMark;
use crate::id::{IdempotencyKey, OrderId, PaymentId, ReservationId};
use crate::time::{Millis, Timestamp};

/// Everything but the reservations.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head<'a> {
    terms: Cow<'a, Option<Terms>>,
    selling: Selling,
    phase_number: u64,
    counts: Counts,
    expired: u64,
    waitlisted: u32,
    adjustments: Cow<'a, BTreeMap<IdempotencyKey, Adjustment>>,
    refunds: Cow<'a, BTreeMap<PaymentId, RefundState>>,
    cancellations: Cow<'a, BTreeMap<OrderId, Cancellation>>,
    opened_with: u32,
    last_at: Timestamp,
    /// How many follow.
    reservations: usize,
}

/// So many reservations stand in a block.
const BLOCK_LEN: usize = 256;
/// In the tag of one that began on the waitlist.
const WAITED: u8 = 0x80;
/// In the tag of a line of a cart.
const IN_CART: u8 = 0x40;
/// No block of reservations is longer, nor is a head with all the adjustments and refunds that an
/// object can take.
const BLOCK_BYTES_MAX: u32 = 64_000_000;

impl Inventory {
    /// `Machine::write_snapshot`.
    pub(super) fn write(&self, to: &mut dyn Write) -> Result<()> {
        let head = serde_json::to_vec(&Head {
            terms: Cow::Borrowed(&self.terms),
            selling: self.selling,
            phase_number: self.phase_number,
            counts: self.counts,
            expired: self.expired,
            waitlisted: self.waitlisted,
            adjustments: Cow::Borrowed(&self.adjustments),
            refunds: Cow::Borrowed(&self.refunds),
            cancellations: Cow::Borrowed(&self.cancellations),
            opened_with: self.opened_with,
            last_at: self.last_at,
            reservations: self.reservations.len(),
        })?;
        write_block(&head, to)?;
        let mut block = Vec::new();
        let mut all = self.reservations.iter().peekable();
        while all.peek().is_some() {
            block.clear();
            for (id, reservation) in all.by_ref().take(BLOCK_LEN) {
                encode(*id, reservation, &mut block);
            }
            write_block(&block, to)?;
        }
        Ok(())
    }

    /// `Machine::read_snapshot`.
    pub(super) fn read(from: &mut dyn Read) -> Result<Self> {
        let mut block = Vec::new();
        read_block(from, &mut block)?;
        // From a text, as events are read: so there is one reader of terms in the module, not two.
        let head: Head<'static> =
            serde_json::from_str(std::str::from_utf8(&block).map_err(|_| wrong("no text"))?)?;
        let mut inventory = Self {
            terms: head.terms.into_owned(),
            selling: head.selling,
            phase_number: head.phase_number,
            counts: head.counts,
            expired: head.expired,
            waitlisted: head.waitlisted,
            adjustments: head.adjustments.into_owned(),
            refunds: head.refunds.into_owned(),
            cancellations: head.cancellations.into_owned(),
            opened_with: head.opened_with,
            last_at: head.last_at,
            ..Self::default()
        };
        while inventory.reservations.len() < head.reservations {
            read_block(from, &mut block)?;
            inventory.read_reservations(&block)?;
        }
        if from.read(&mut [0])? > 0 {
            return Err(wrong("something follows"));
        }
        if !inventory.invariant_counts() || !inventory.invariant_cancellations() {
            return Err(wrong("its reservations are not what it counted"));
        }
        Ok(inventory)
    }

    /// Takes in a block of reservations.
    ///
    /// Never inlined: what runs so often V8 compiles once more, optimised, while somebody waits for
    /// the object to wake, and it compiles whole functions. One with all that waking does took it
    /// longer than the waking itself.
    #[inline(never)]
    fn read_reservations(&mut self, block: &[u8]) -> Result<()> {
        let mut rest = block;
        while !rest.is_empty() {
            let (id, reservation) = decode(&mut rest).ok_or_else(|| wrong("no reservation"))?;
            self.index.add(id, &reservation);
            if self.reservations.insert(id, reservation).is_some() {
                return Err(wrong("a reservation stands in it twice"));
            }
        }
        Ok(())
    }
}

fn write_block(block: &[u8], to: &mut dyn Write) -> Result<()> {
    let len = u32::try_from(block.len()).map_err(|_| wrong("a block is too long"))?;
    to.write_all(&len.to_le_bytes())?;
    to.write_all(block)
}

fn read_block(from: &mut dyn Read, block: &mut Vec<u8>) -> Result<()> {
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    let len = u32::from_le_bytes(len);
    if len == 0 || len > BLOCK_BYTES_MAX {
        return Err(wrong("a block cannot be so long"));
    }
    block.clear();
    let read = from.take(len.into()).read_to_end(block)?;
    if read < len as usize { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

fn encode(id: ReservationId, reservation: &Reservation, block: &mut Vec<u8>) {
    let (tag, at, attempt) = match reservation.state {
        State::Held { expires_at } => (0, Some(expires_at), None),
        State::Paying { deadline, ending: Ending::No } => (1, Some(deadline), None),
        State::Paying { deadline, ending: Ending::Overdue } => (2, Some(deadline), None),
        State::Paying { deadline, ending: Ending::GivenUp } => (8, Some(deadline), None),
        State::Allocated { attempt, allocated_at, settled } => {
            (if settled { 4 } else { 3 }, Some(allocated_at), Some(attempt))
        }
        State::Cancelled { attempt, allocated_at, settled } => {
            (if settled { 10 } else { 9 }, Some(allocated_at), Some(attempt))
        }
        State::Released => (5, None, None),
        State::Expired => (6, None, None),
        State::Waiting { .. } => (7, None, None),
    };
    let tag = if reservation.waited { tag | WAITED } else { tag };
    let tag = if reservation.cart.is_none() { tag } else { tag | IN_CART };
    block.extend(id.as_bytes());
    block.extend(reservation.shopper_second_half);
    block.push(tag);
    let reserved_at = reservation.reserved_at.as_millis();
    push_number(reserved_at, block);
    push_number(reservation.quantity.into(), block);
    push_number(reservation.attempts.into(), block);
    if !reservation.cart.is_none() {
        push_number(reservation.cart.number().into(), block);
    }
    if let Some(at) = at {
        // No state begins or ends before it was reserved.
        push_number(at.as_millis().saturating_sub(reserved_at), block);
    }
    if let Some(attempt) = attempt {
        push_number(attempt.into(), block);
    }
    if let State::Waiting { number } = reservation.state {
        push_number(number.into(), block);
    }
}

fn decode(rest: &mut &[u8]) -> Option<(ReservationId, Reservation)> {
    let id = ReservationId::from_bytes(take(rest)?);
    let shopper_second_half = take(rest)?;
    let [tag] = take(rest)?;
    let (tag, waited, in_cart) = (tag & !(WAITED | IN_CART), tag & WAITED > 0, tag & IN_CART > 0);
    let reserved_at = Timestamp::from_millis(number(rest)?);
    let quantity = number(rest)?.try_into().ok()?;
    let attempts = number(rest)?.try_into().ok()?;
    let cart = if in_cart { number(rest)?.try_into().ok()? } else { 0 };
    let cart = CartMark::of_number(cart);
    let later = |rest: &mut &[u8]| number(rest).map(|ms| reserved_at.plus(Millis::new(ms)));
    let state = match tag {
        0 => State::Held { expires_at: later(rest)? },
        1 => State::Paying { deadline: later(rest)?, ending: Ending::No },
        2 => State::Paying { deadline: later(rest)?, ending: Ending::Overdue },
        8 => State::Paying { deadline: later(rest)?, ending: Ending::GivenUp },
        3 | 4 => State::Allocated {
            allocated_at: later(rest)?,
            attempt: number(rest)?.try_into().ok()?,
            settled: tag == 4,
        },
        5 => State::Released,
        6 => State::Expired,
        7 => State::Waiting { number: number(rest)?.try_into().ok()? },
        9 | 10 => State::Cancelled {
            allocated_at: later(rest)?,
            attempt: number(rest)?.try_into().ok()?,
            settled: tag == 10,
        },
        _ => return None,
    };
    let begun =
        Reservation { shopper_second_half, quantity, attempts, waited, cart, reserved_at, state };
    Some((id, begun))
}

/// The next bytes.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}

/// Seven bits in each byte, the lowest first; the highest bit says that more follow.
fn push_number(mut number: u64, block: &mut Vec<u8>) {
    loop {
        let [lowest, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return block.push(lowest);
        }
        block.push(lowest | 0x80);
    }
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0_u64, 0_u32);
    while shift < u64::BITS {
        let [byte] = take(rest)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
        shift = shift.saturating_add(7);
    }
    None
}

fn wrong(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}
