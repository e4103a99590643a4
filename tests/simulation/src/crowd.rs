//! The people, and the bots among them.

use crate::calendar::Ms;
use crate::random::Random;
use crate::shape::{Form, Shape, Wave};

/// The share of those who come that are bots, and how many of them come from one address range.
const BOTS: f64 = 0.2;
const BOTS_TOGETHER: u32 = 20;
/// The share of people who leave while they wait.
const LEAVERS: f64 = 0.1;

/// Whoever polls as long as it takes.
pub const PATIENT: u8 = u8::MAX;

/// What somebody is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Takes a place.
    Joining,
    /// Polls.
    Waiting,
    /// Has a pass, and means to reserve.
    Shopping,
    /// Has a pass, and only looks.
    Looking,
    /// Has asked for a unit.
    Reserving,
    /// Has one.
    Checkout,
    /// Does nothing any more.
    Gone,
}

/// One of the people.
#[derive(Debug, Clone)]
pub struct Person {
    pub stage: Stage,
    pub is_bot: bool,
    /// Polls until they lose patience.
    pub polls_left: u8,
    pub tries: u8,
    pub edge: u16,
    /// The digest of the address range.
    pub client: u32,
    pub number: u32,
    /// Nothing as long as the order is not drawn.
    pub position: u32,
    /// By the room's clock.
    pub joined_at: Ms,
    pub since: Ms,
    /// The newest entry of what they were told.
    pub told: u32,
    /// Whether they were told last that the stock may yet reach them.
    pub hopes: bool,
}

/// Everybody, in the order of nothing, and when each comes.
pub fn crowd(shape: &Shape, opens_at: Ms, random: &mut Random) -> Vec<(Ms, Person)> {
    let mut people = Vec::with_capacity(shape.people() as usize);
    for wave in &shape.waves {
        let bots = (f64::from(wave.people) * BOTS) as u32;
        for _ in 0..wave.people - bots {
            let at = moment(wave, opens_at, random);
            let edge = edge(shape.edges, random);
            let person = person(people.len(), edge);
            people.push((at, human(person, wave.no_shows, random)));
        }
        for group in 0..bots.div_ceil(BOTS_TOGETHER) {
            let members = BOTS_TOGETHER.min(bots - group * BOTS_TOGETHER);
            let at = moment(wave, opens_at, random);
            let client = people.len();
            let edges = [0; 3].map(|_| edge(shape.edges, random));
            for _ in 0..members {
                let mut bot = person(client, edges[random.between(0, 2) as usize]);
                bot.is_bot = true;
                people.push((at + random.between(0, 5_000), bot));
            }
        }
    }
    people
}

fn moment(wave: &Wave, opens_at: Ms, random: &mut Random) -> Ms {
    let share = random.share();
    let share = match wave.form {
        Form::Even => share,
        Form::Rising => share.sqrt(),
        Form::Falling => share * share,
    };
    let secs = f64::from(wave.from) + share * f64::from(wave.to - wave.from);
    (f64::from(opens_at) + secs * 1_000.0).max(0.0) as Ms
}

fn edge(edges: u32, random: &mut Random) -> u16 {
    random.between(0, edges - 1) as u16
}

fn person(client: usize, edge: u16) -> Person {
    Person {
        stage: Stage::Joining,
        is_bot: false,
        polls_left: PATIENT,
        tries: 0,
        edge,
        client: client as u32,
        number: 0,
        position: 0,
        joined_at: 0,
        since: 0,
        told: u32::MAX,
        hopes: true,
    }
}

fn human(mut human: Person, no_shows: f64, random: &mut Random) -> Person {
    if random.chance(no_shows) {
        // Half take a place and close the page, half keep it open for a while.
        human.polls_left = if random.chance(0.5) { 1 } else { random.between(2, 6) as u8 };
    } else if random.chance(LEAVERS) {
        human.polls_left = random.between(2, 40) as u8;
    }
    human
}
