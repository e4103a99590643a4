//! What people do in the line: they come, take a place and ask for their turn.

use doorbuster_domain::line::{Place, RoomRejection, Turn};

use crate::calendar::Ms;
use crate::crowd::{PATIENT, Stage};
use crate::edge::Looked;
use crate::inversions::Join;
use crate::room::{moment, ms};
use crate::world::{Call, Event, World};

impl World {
    /// Somebody comes to an edge, which may have to ask the room first.
    pub fn visit(&mut self, person: u32) {
        if self.person(person).stage == Stage::Gone {
            return;
        }
        if self.person(person).stage == Stage::Joining && self.person(person).joined_at == 0 {
            self.person(person).joined_at = self.now;
        }
        let (edge, now) = (self.people[person as usize].edge, self.now);
        match self.edges[edge as usize].look(now) {
            Looked::Known => return self.serve(person),
            Looked::Wait => {}
            Looked::Ask => {
                let latency = self.latency();
                self.after(latency, Event::Asked(edge.into()));
            }
        }
        self.edges[edge as usize].waiting.push(person);
    }

    pub fn serve(&mut self, person: u32) {
        match self.person(person).stage {
            Stage::Joining => self.join(person),
            Stage::Waiting => self.poll(person),
            Stage::Shopping => self.ask_for_a_unit(person),
            Stage::Looking | Stage::Reserving | Stage::Checkout | Stage::Gone => {}
        }
    }

    fn join(&mut self, person: u32) {
        let (client, now) = (self.person(person).client, self.now);
        let edge = self.edge_of(person);
        let Some(status) = edge.status() else { return };
        match status.check_joining(Some(client.into()), edge.places(client)) {
            Ok(()) => {}
            Err(RoomRejection::NotOpen) => {
                self.person(person).joined_at = 0;
                return self.after(1_000, Event::Visit(person));
            }
            Err(_) => {
                self.measures.refused += 1;
                self.person(person).stage = Stage::Gone;
                return;
            }
        }
        edge.take_place(client);
        let clock = edge.clock(now);
        match edge.lane.take(clock) {
            Place::Number(number) => self.joined(person, number),
            Place::Lease(wanted) => {
                let call = Call { person, wanted, block: None };
                let latency = self.latency();
                self.after(latency, Event::Leasing(self.calls.len() as u32));
                self.calls.push(call);
            }
        }
    }

    pub fn leased(&mut self, call: u32) {
        let Call { person, wanted, block } = self.calls[call as usize];
        match self.edge_of(person).lane.leased(wanted, block) {
            Some(number) => self.joined(person, number),
            None => self.person(person).stage = Stage::Gone,
        }
    }

    fn joined(&mut self, person: u32, number: u64) {
        let now = self.now;
        let began = self.person(person).joined_at;
        self.measures.joins.push(Join { began, done: now, number: number as u32 });
        let client = self.person(person).client;
        let edge = self.edge_of(person);
        edge.joined(client);
        let joined_at = ms(edge.room_clock(now));
        let person_ = self.person(person);
        (person_.number, person_.joined_at) = (number as u32, joined_at);
        person_.stage = Stage::Waiting;
        // The answer says what a poll would.
        self.poll(person);
    }

    fn poll(&mut self, person: u32) {
        let now = self.now;
        self.measures.polls += 1;
        let (turn, next) = self.turn(person);
        match turn {
            Turn::Admitted { since, .. } => return self.admitted(person, ms(since)),
            Turn::Waiting { wait: Some(wait), beyond_stock: false, .. } => {
                let before = self.person(person).told;
                self.person(person).told = self.measures.told(before, now, &wait);
            }
            Turn::SoldOut => {
                self.measures.last_told = now;
                if self.person(person).hopes {
                    self.measures.last_hoping_told = now;
                }
                self.person(person).stage = Stage::Gone;
                return;
            }
            Turn::Closed | Turn::Lapsed => {
                self.measures.lapsed += 1;
                self.person(person).stage = Stage::Gone;
                return;
            }
            _ => {}
        }
        let hopes = !matches!(
            turn,
            Turn::Waiting { beyond_stock: true, .. } | Turn::AllReserved { beyond_stock: true, .. }
        );
        let person_ = self.person(person);
        person_.hopes = hopes;
        if person_.polls_left != PATIENT {
            person_.polls_left -= 1;
            if person_.polls_left == 0 {
                person_.stage = Stage::Gone;
                return;
            }
        }
        let delay = next + self.network();
        self.after(delay, Event::Visit(person));
    }

    fn turn(&mut self, person: u32) -> (Turn, Ms) {
        let person = &mut self.people[person as usize];
        let edge = &self.edges[person.edge as usize];
        let Some(status) = edge.status() else { return (Turn::NotOpen, 1_000) };
        let (now, number) = (edge.room_clock(self.now), u64::from(person.number));
        let joined_at = moment(person.joined_at);
        let turn = match edge.undrawn() {
            Some(undrawn) => {
                if person.position == 0 {
                    person.position = status.position(number).unwrap_or_default() as u32;
                }
                undrawn.turn(person.position.into(), joined_at, now)
            }
            None => status.turn(number, joined_at, now),
        };
        (turn, status.next_poll(number, &turn, now).get() as Ms)
    }
}
