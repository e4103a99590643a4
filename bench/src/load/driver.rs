//! Keeps one load going: which operation is sent when on which connection, and what came of it.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mio::event::Event;
use mio::{Registry, Token};
use xtask::clock::Stopwatch;

use super::answer::{self, NO_HEADERS, Reply, Scratch};
use super::connection::{Connection, UnderWay};
use super::history::Op;
use super::ran::Ran;
use super::schedule::Schedule;
use super::{Load, Pace, SWEEP_EVERY, Stop};

/// A token is the number of the load above that of the connection.
const CONNECTION_BITS: u32 = 16;
const CONNECTIONS_MAX: usize = 1 << CONNECTION_BITS;
/// After a failure a connection is left alone for so long: a dead server would otherwise be asked
/// a hundred thousand times in a second.
const REST: Duration = Duration::from_millis(100);
/// epoll sleeps in whole milliseconds, and so much too long. An operation that is due sooner is
/// awaited awake, which costs nobody anything: the generator has its core for itself.
const AWAKE_BEFORE: Duration = Duration::from_micros(200);

/// The time since the start of the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Stopwatch);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Stopwatch::start())
    }

    pub(super) fn ns(self) -> u64 {
        ns(self.0.elapsed())
    }
}

pub(super) fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Which load and which of its connections an event is for.
pub(super) fn place_of(token: Token) -> (usize, usize) {
    (token.0 >> CONNECTION_BITS, token.0 & (CONNECTIONS_MAX - 1))
}

/// One load and its state.
pub(super) struct Driver<'l, 'w> {
    load: &'l mut Load<'w>,
    connections: Vec<Connection>,
    /// Connections without an operation, the longest idle one first.
    idle: VecDeque<usize>,
    /// Since when there has been one.
    idle_since: u64,
    schedule: Schedule,
    /// Number of the next operation.
    next: u64,
    under_way: usize,
    /// When the first counted operation was due.
    counted_since: Option<u64>,
    /// Nothing more is sent.
    stopped: bool,
    scratch: Scratch,
    ran: Ran,
}

/// When the next operation is due.
#[derive(Clone, Copy)]
enum Due {
    /// As soon as it can be sent.
    AtOnce,
    At(u64),
    /// Not before another one is answered.
    AfterAnAnswer,
}

/// What to do about the next operation.
enum Move {
    Send { intended_ns: u64 },
    Wait,
    Stop,
}

impl<'l, 'w> Driver<'l, 'w> {
    /// Opens all connections of load `number`.
    pub(super) fn connect(
        number: usize,
        load: &'l mut Load<'w>,
        registry: &Registry,
    ) -> Result<Self> {
        if load.connections == 0 || load.connections > CONNECTIONS_MAX {
            bail!("{} connections are none or too many", load.connections);
        }
        let schedule = Schedule::new(load.pace)?;
        let first = number << CONNECTION_BITS;
        let connections: std::io::Result<Vec<_>> = (0..load.connections)
            .map(|index| Connection::open(load.target, Token(first | index), registry))
            .collect();
        let connections = connections.with_context(|| format!("connecting to {}", load.target))?;
        Ok(Self {
            idle: (0..connections.len()).collect(),
            idle_since: 0,
            connections,
            schedule,
            next: 0,
            under_way: 0,
            counted_since: None,
            stopped: false,
            scratch: Scratch::default(),
            ran: Ran::new()?,
            load,
        })
    }

    pub(super) fn is_finished(&self) -> bool {
        self.stopped && self.under_way == 0
    }

    pub(super) fn into_ran(mut self) -> Ran {
        self.ran.finish();
        self.ran
    }

    /// How long nothing has to be done if nothing comes.
    pub(super) fn rest(&self, now: u64) -> Duration {
        let Due::At(due) = self.due() else { return SWEEP_EVERY };
        if self.stopped || self.idle.is_empty() {
            return SWEEP_EVERY;
        }
        let left = Duration::from_nanos(due.saturating_sub(now));
        // In whole milliseconds, because a part of one would be rounded up.
        let asleep = left.saturating_sub(AWAKE_BEFORE).as_millis();
        Duration::from_millis(u64::try_from(asleep).unwrap_or(0)).min(SWEEP_EVERY)
    }

    /// Fails what has waited too long, and brings connections back that have rested.
    pub(super) fn sweep(&mut self, now: u64) {
        let patience = ns(self.load.patience);
        let (mut late, mut rested) = (Vec::new(), Vec::new());
        for (index, connection) in self.connections.iter_mut().enumerate() {
            if connection.under_way.is_some_and(|op| now.saturating_sub(op.sent_ns) > patience) {
                late.push(index);
            }
            if connection.resting_until.is_some_and(|until| until <= now) {
                connection.resting_until = None;
                rested.push(index);
            }
        }
        for index in rested {
            self.set_idle(index, now);
        }
        for index in late {
            self.fail(index, now, &format!("no answer within {:?}", self.load.patience));
        }
    }

    /// Sends what is due, as far as connections are free.
    pub(super) fn send_due(&mut self, clock: Clock, registry: &Registry) {
        while !self.stopped {
            let now = clock.ns();
            match self.next_move(now) {
                Move::Send { intended_ns } => self.send(intended_ns, now, registry),
                Move::Wait => return,
                Move::Stop => self.stopped = true,
            }
        }
    }

    fn due(&self) -> Due {
        match self.load.pace {
            Pace::Saturate => Due::AtOnce,
            Pace::PerSecond(..) => self.schedule.due().map_or(Due::AtOnce, Due::At),
            Pace::Scripted => self.load.workload.due().map_or(Due::AfterAnAnswer, Due::At),
        }
    }

    fn next_move(&mut self, now: u64) -> Move {
        let due = match self.due() {
            Due::At(due) => Some(due),
            Due::AtOnce => None,
            Due::AfterAnAnswer if self.under_way == 0 => return Move::Stop,
            Due::AfterAnAnswer => return Move::Wait,
        };
        match self.load.stop {
            Stop::Count(count) if self.next >= self.load.warmup.saturating_add(count) => {
                return Move::Stop;
            }
            Stop::After(duration) => {
                let end = self.counted_since.map(|since| since.saturating_add(ns(duration)));
                if end.is_some_and(|end| due.unwrap_or(now) >= end) {
                    return Move::Stop;
                }
                // What was due in time and has a connection is still sent.
                if let Some(end) = end.filter(|end| now >= *end && self.idle.is_empty()) {
                    self.count_unsent(end);
                    return Move::Stop;
                }
            }
            Stop::Count(_) => {}
        }
        if self.idle.is_empty() || due.is_some_and(|due| due > now) {
            return Move::Wait;
        }
        Move::Send { intended_ns: due.unwrap_or(now) }
    }

    fn count_unsent(&mut self, end: u64) {
        if matches!(self.due(), Due::At(due) if self.load.pace == Pace::Scripted && due < end) {
            // How many more would have followed, only their answers could tell.
            self.ran.unsent = self.ran.unsent.saturating_add(1);
        }
        while self.schedule.due().is_some_and(|due| due < end) {
            self.ran.unsent = self.ran.unsent.saturating_add(1);
            self.schedule.advance();
        }
    }

    fn send(&mut self, intended_ns: u64, now: u64, registry: &Registry) {
        let Some(index) = self.idle.pop_front() else { return };
        let Some(connection) = self.connections.get_mut(index) else { return };
        let number = self.next;
        connection.request.clear();
        let tag = self.load.workload.write(number, &mut connection.request);
        connection.under_way = Some(UnderWay { number, intended_ns, sent_ns: now, tag });
        self.next = number.saturating_add(1);
        self.under_way = self.under_way.saturating_add(1);
        self.schedule.advance();
        if number >= self.load.warmup {
            self.ran.sent(now, intended_ns.max(self.idle_since));
            self.counted_since.get_or_insert(intended_ns);
        }
        if let Err(error) = connection.begin(self.load.target, registry) {
            self.fail(index, now, &format!("could not be sent: {error}"));
        }
    }

    /// Something has happened on a connection.
    pub(super) fn on_event(
        &mut self,
        index: usize,
        event: &Event,
        clock: Clock,
        registry: &Registry,
    ) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        let received = match connection.advance(event) {
            Ok(true) => connection.receive(event.is_read_closed()),
            Ok(false) => return,
            Err(error) => Err(error),
        };
        let now = clock.ns();
        match received {
            Ok(ended) => self.look(index, ended, now),
            Err(error) => self.fail(index, now, &format!("the connection broke: {error}")),
        }
        self.send_due(clock, registry);
    }

    /// Looks whether the answer is there.
    fn look(&mut self, index: usize, ended: bool, now: u64) {
        let Self { connections, load, ran, scratch, .. } = self;
        let Some(connection) = connections.get_mut(index) else { return };
        let Some(op) = connection.under_way else {
            // Closed while idle, or something that nobody asked for.
            if ended || !connection.received().is_empty() {
                connection.close();
            }
            return;
        };
        let mut headers = NO_HEADERS;
        let parsed = answer::parse(connection.received(), ended, &mut headers, scratch);
        let answer = match parsed {
            Ok(Some(answer)) if answer.consumed == connection.received().len() => answer,
            Ok(Some(_)) => return self.fail(index, now, "more came than the answer"),
            Ok(None) if ended => return self.fail(index, now, "the connection ended too early"),
            Ok(None) => return,
            Err(sentence) => return self.fail(index, now, sentence),
        };
        let verdict = load.workload.reply(&Reply::new(op.number, op.tag, now, &answer));
        let class = *verdict.as_ref().unwrap_or(&Op::NO_CLASS);
        let done = ended_op(op, now, answer.status, class);
        let keep_alive = answer.keep_alive && !ended;
        if done.number >= load.warmup {
            ran.answered(&done, &verdict);
        }
        if let Err(sentence) = verdict {
            ran.complain(&done, &sentence);
        }
        connection.clear(keep_alive);
        connection.under_way = None;
        self.set_idle(index, now);
        self.ended(done);
    }

    /// The operation on a connection, if there is one, has failed; the connection is given up.
    fn fail(&mut self, index: usize, now: u64, sentence: &str) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        connection.clear(false);
        let Some(op) = connection.under_way.take() else { return };
        connection.resting_until = Some(now.saturating_add(ns(REST)));
        let done = ended_op(op, now, 0, Op::NO_CLASS);
        if done.number >= self.load.warmup {
            self.ran.errors = self.ran.errors.saturating_add(1);
        }
        self.ran.complain(&done, sentence);
        self.ended(done);
    }

    fn set_idle(&mut self, index: usize, now: u64) {
        if self.idle.is_empty() {
            self.idle_since = now;
        }
        self.idle.push_back(index);
    }

    fn ended(&mut self, op: Op) {
        self.under_way = self.under_way.saturating_sub(1);
        if self.load.history {
            self.ran.history.ops.push(op);
        }
    }
}

fn ended_op(op: UnderWay, done_ns: u64, status: u16, class: u8) -> Op {
    let UnderWay { number, intended_ns, sent_ns, tag } = op;
    Op { number, intended_ns, sent_ns, done_ns, status, tag, class }
}
