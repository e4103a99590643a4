//! The crowds: who comes when, and what is sold to them how.

/// A crowd and a sale.
#[derive(Debug, Clone)]
pub struct Shape {
    /// What it is called.
    pub name: &'static str,
    /// Edges, each an isolate with its own memory.
    pub edges: u32,
    /// Who comes when.
    pub waves: Vec<Wave>,
    /// How long before the opening people can take a place; none if the merchant just opens.
    pub prequeue_secs: u32,
    /// Units of the one SKU.
    pub units: u32,
    /// What the merchant allows.
    pub admits_per_minute_max: u32,
    /// The same.
    pub active_users_max: Option<u32>,
    /// How long a pass is good.
    pub pass_ttl_secs: u32,
    /// How long a reservation is held.
    pub reservation_ttl_secs: u32,
    /// Of those who reserve, the share that pays, and the share that gives it back. The others let
    /// it expire.
    pub pays: (f64, f64),
    /// So many units come in when this share is sold.
    pub restock: Option<(f64, u32)>,
    /// The merchant pauses so long after the opening, for so long.
    pub pause_secs: Option<(u32, u32)>,
}

/// People who come within a time.
#[derive(Debug, Clone, Copy)]
pub struct Wave {
    /// How many.
    pub people: u32,
    /// From when, in seconds after the opening.
    pub from: i32,
    /// Until when.
    pub to: i32,
    /// How they are spread over it.
    pub form: Form,
    /// The share of those who take a place and are not there when it is their turn.
    pub no_shows: f64,
}

/// How people are spread over a time.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// Evenly.
    Even,
    /// More and more.
    Rising,
    /// Fewer and fewer.
    Falling,
}

const NO_SHOWS: f64 = 0.3;
const PAYS: (f64, f64) = (0.8, 0.1);

const fn wave(people: u32, from: i32, to: i32, form: Form) -> Wave {
    Wave { people, from, to, form, no_shows: NO_SHOWS }
}

fn sale(name: &'static str, units: u32, admits_per_minute_max: u32, waves: Vec<Wave>) -> Shape {
    Shape {
        name,
        edges: 40,
        waves,
        prequeue_secs: 0,
        units,
        admits_per_minute_max,
        active_users_max: None,
        pass_ttl_secs: 300,
        reservation_ttl_secs: 180,
        pays: PAYS,
        restock: None,
        pause_secs: None,
    }
}

/// A million and more before the opening, and what comes after.
fn headline() -> Shape {
    let waves =
        vec![wave(1_000_000, -600, 0, Form::Rising), wave(200_000, 0, 1_200, Form::Falling)];
    Shape { prequeue_secs: 600, ..sale("headline", 5_000, 12_000, waves) }
}

fn late_shows() -> Shape {
    let mut waves = vec![
        wave(60_000, -300, 0, Form::Rising),
        wave(60_000, 0, 300, Form::Falling),
        wave(40_000, 300, 900, Form::Even),
    ];
    waves[0].no_shows = 0.5;
    waves[1].no_shows = 0.05;
    waves[2].no_shows = 0.05;
    Shape { prequeue_secs: 300, ..sale("late_shows", 30_000, 6_000, waves) }
}

/// All shapes, at full size.
pub fn all() -> Vec<Shape> {
    let steady = |people, secs| vec![wave(people, 0, secs, Form::Even)];
    vec![
        headline(),
        sale("burst", 2_000, 6_000, vec![wave(100_000, 0, 60, Form::Falling)]),
        Shape {
            active_users_max: Some(1_500),
            ..sale(
                "waves",
                3_000,
                6_000,
                [0, 300, 600].map(|at| wave(40_000, at, at + 90, Form::Falling)).to_vec(),
            )
        },
        sale("trickle", 15_000, 6_000, steady(60_000, 1_800)),
        late_shows(),
        Shape {
            restock: Some((0.9, 1_000)),
            active_users_max: Some(3_000),
            prequeue_secs: 300,
            ..sale("restock", 2_000, 6_000, {
                vec![wave(50_000, -300, 0, Form::Rising), wave(50_000, 0, 600, Form::Even)]
            })
        },
        Shape {
            pays: (0.3, 0.1),
            reservation_ttl_secs: 120,
            ..sale("slow_payers", 3_000, 6_000, vec![wave(100_000, 0, 600, Form::Falling)])
        },
        Shape {
            pause_secs: Some((180, 120)),
            prequeue_secs: 300,
            pass_ttl_secs: 600,
            ..sale("paused", 20_000, 6_000, {
                vec![wave(80_000, -300, 0, Form::Rising), wave(60_000, 0, 600, Form::Even)]
            })
        },
        sale("small", 50, 60, vec![wave(3_000, 0, 600, Form::Falling)]),
    ]
}

impl Shape {
    /// The same with another number of people, and as much less to sell to them.
    #[must_use]
    pub fn scaled(mut self, scale: f64) -> Self {
        let part = |number: u32, least: u32| ((f64::from(number) * scale) as u32).max(least);
        for wave in &mut self.waves {
            wave.people = part(wave.people, 20);
        }
        self.edges = part(self.edges, 4);
        self.units = part(self.units, 10);
        self.admits_per_minute_max = part(self.admits_per_minute_max, 30);
        self.active_users_max = self.active_users_max.map(|most| part(most, 30));
        self.restock = self.restock.map(|(share, units)| (share, part(units, 5)));
        self
    }

    /// How many people come.
    pub fn people(&self) -> u32 {
        self.waves.iter().map(|wave| wave.people).sum()
    }
}
