//! What holders and late comers send.

use serde_json::Value;

use crate::load::{Reply, Workload, render_into};
use crate::workloads::shoppers::Shoppers;

/// Each shopper from 0 on reserves one unit.
pub(super) struct Reserving<'h, 'k> {
    pub(super) shoppers: &'h Shoppers<'k>,
    /// Who has which reservation, once answered.
    pub(super) holders: Vec<Holder>,
}

/// A shopper with a reservation.
#[derive(Clone)]
pub(super) struct Holder {
    shopper: u64,
    reservation: String,
}

impl Workload for Reserving<'_, '_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        self.shoppers.reserve(out, number, "k", 1);
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        let body: Value = serde_json::from_slice(reply.body).unwrap_or_default();
        match (reply.status, body.get("reservation").and_then(Value::as_str)) {
            (201, Some(id)) => {
                self.holders.push(Holder { shopper: reply.number, reservation: id.to_owned() });
                Ok(0)
            }
            _ => Err(reply.unexpected()),
        }
    }
}

/// Holders who begin to pay, each once.
pub(super) struct Paying<'h, 'k> {
    pub(super) shoppers: &'h Shoppers<'k>,
    pub(super) holders: std::slice::Iter<'h, Holder>,
}

impl Workload for Paying<'_, '_> {
    fn write(&mut self, _number: u64, out: &mut Vec<u8>) -> u8 {
        // A run is as long as there are holders; one more would be told that it is nobody's.
        let Some(Holder { shopper, reservation }) = self.holders.next() else {
            render_into(out, "POST", "/v1/no-holder-is-left", &[], b"");
            return 0;
        };
        self.shoppers.begin_payment(out, *shopper, reservation);
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        let is_paying = reply.body.windows(8).any(|part| part == b"\"paying\"");
        if reply.status == 201 && is_paying { Ok(0) } else { Err(reply.unexpected()) }
    }
}

/// Late comers who want what is not to be had. A refusal changes nothing, so they may come again,
/// and their requests are made beforehand: those who pay share a core with the generator.
pub(super) struct Late {
    requests: Vec<Vec<u8>>,
    /// What each has to be told: the end of the problem's type.
    refusal: &'static [u8],
}

/// So many late comers come in turn.
const LATE: u64 = 1_000;
/// They are counted on from here, so that none of them is a holder.
const LATE_FROM: u64 = 1_000_000_000;

impl Late {
    pub(super) fn new(shoppers: &Shoppers<'_>, refusal: &'static str) -> Self {
        let request = |number: u64| {
            let mut out = Vec::new();
            shoppers.reserve(&mut out, LATE_FROM.saturating_add(number), "k", 1);
            out
        };
        Self { requests: (0..LATE).map(request).collect(), refusal: refusal.as_bytes() }
    }
}

impl Workload for Late {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        let place = usize::try_from(number.checked_rem(LATE).unwrap_or(0)).unwrap_or(0);
        out.extend_from_slice(self.requests.get(place).map_or(&[], Vec::as_slice));
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        let refusal = self.refusal;
        let is_it = reply.body.windows(refusal.len()).any(|part| part == refusal);
        if reply.status == 409 && is_it { Ok(0) } else { Err(reply.unexpected()) }
    }
}
