//! A crowd that joins and polls, over many connections at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use doorbuster_bench::load::{Load, Ran, Reply, Stop, Workload, render_into, run};
use doorbuster_tests::{Sale, Shop};
use doorbuster_wire::shopper::{TicketReply, TurnReply};

/// People in front of one sale, each with what they got.
pub(crate) struct Crowd {
    address: SocketAddr,
    path: String,
    /// By the number of the person: ticket and number in the line.
    pub(crate) places: BTreeMap<u64, (String, u64)>,
}

impl Crowd {
    pub(crate) fn new(sale: &Sale<'_>) -> Self {
        Self { address: sale.shop.address(), path: sale.path(""), places: BTreeMap::new() }
    }

    /// Has persons join, from this one on in order. What was answered is kept.
    pub(crate) fn join(&mut self, first: u64, stop: Stop) -> Ran {
        let address = self.address;
        let mut joining = Joining { crowd: self, first };
        run(&mut Load { stop, history: true, ..Load::new(address, &mut joining) }).unwrap()
    }

    /// Has everybody with a place poll in turn, so many times in all; what the last poll of each
    /// said.
    pub(crate) fn poll(&self, polls: u64) -> (Ran, BTreeMap<u64, TurnReply>) {
        let people: Vec<(u64, &str)> =
            self.places.iter().map(|(person, place)| (*person, place.0.as_str())).collect();
        let mut polling = Polling { crowd: self, people, turns: BTreeMap::new() };
        let stop = Stop::Count(polls);
        let ran = run(&mut Load { stop, ..Load::new(self.address, &mut polling) }).unwrap();
        (ran, polling.turns)
    }

    /// The numbers that were handed out.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.places.values().map(|place| place.1).collect()
    }
}

fn secret_of(person: u64) -> String {
    format!("one-of-a-large-crowd-{person:09}")
}

struct Joining<'c> {
    crowd: &'c mut Crowd,
    first: u64,
}

impl Workload for Joining<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        let path = format!("{}/tickets", self.crowd.path);
        let secret = secret_of(self.first + number);
        render_into(out, "POST", &path, &[("doorbuster-shopper", &secret)], b"");
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        let joined: TicketReply = match reply.status {
            201 => serde_json::from_slice(reply.body).map_err(|error| error.to_string())?,
            _ => return Err(reply.unexpected()),
        };
        let person = self.first + reply.number;
        self.crowd.places.insert(person, (joined.ticket, joined.number));
        Ok(0)
    }
}

struct Polling<'c> {
    crowd: &'c Crowd,
    people: Vec<(u64, &'c str)>,
    turns: BTreeMap<u64, TurnReply>,
}

impl Polling<'_> {
    fn person(&self, number: u64) -> (u64, &str) {
        let index = usize::try_from(number).unwrap() % self.people.len();
        self.people[index]
    }
}

impl Workload for Polling<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        let path = format!("{}/turn", self.crowd.path);
        let (person, ticket) = self.person(number);
        let secret = secret_of(person);
        let headers = [("doorbuster-shopper", &*secret), ("doorbuster-ticket", ticket)];
        render_into(out, "GET", &path, &headers, b"");
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        reply.success()?;
        let turn = serde_json::from_slice(reply.body).map_err(|error| error.to_string())?;
        let person = self.person(reply.number).0;
        self.turns.insert(person, turn);
        Ok(0)
    }
}

/// What the objects of a shop were asked so far, behind `metered.mjs`.
pub(crate) fn counts(shop: &Shop) -> BTreeMap<String, u64> {
    shop.request("GET", "/v1/bench/meter").send().ok()
}
