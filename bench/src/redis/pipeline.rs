//! The reserve script by itself: many clients without HTTP, with several commands each in flight.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as Blocking};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use core_affinity::CoreId;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use xtask::clock::Stopwatch;

use super::PATIENCE;
use super::resp::{ask, push_command};

/// The scripts are the peer server's own.
macro_rules! script {
    ($name:literal) => {
        concat!(
            include_str!("../../peer-server/src/redis/common.lua"),
            include_str!(concat!("../../peer-server/src/redis/", $name, ".lua"))
        )
    };
}

const RESERVE: &str = script!("reserve");
const OPEN: &str = script!("open");

const KEYS: [&[u8]; 5] = [
    b"{bench/pipeline}:stock",
    b"{bench/pipeline}:due",
    b"{bench/pipeline}:made",
    b"{bench/pipeline}:by",
    b"{bench/pipeline}:outbox",
];

/// All reservations are made at this moment, so that all replies are the same.
const NOW_MS: &[u8] = b"1700000000000";
const TTL_MS: &[u8] = b"600000";
const HELD: &[u8] = b"*2\r\n:0\r\n:1700000600000\r\n";

/// The core that the clients run on; Redis has another.
const CORE: usize = 1;

/// Reservations per second of the reserve script at `addr`: so many clients, each with so many
/// commands in flight, until there are `reservations`. Each is by a shopper of its own, and every
/// reply is checked.
pub fn lua_pipeline(
    addr: SocketAddr,
    clients: usize,
    pipeline: usize,
    reservations: u64,
) -> Result<f64> {
    let mut control = Blocking::connect_timeout(&addr, PATIENCE).context("connecting to Redis")?;
    control.set_nodelay(true)?;
    let on_hand = reservations.to_string();
    let open = ask(&mut control, &[b"SCRIPT", b"LOAD", OPEN.as_bytes()])?;
    ask(&mut control, &call(&open, &[on_hand.as_bytes(), TTL_MS]))?;
    let reserve = ask(&mut control, &[b"SCRIPT", b"LOAD", RESERVE.as_bytes()])?;
    let run = move || {
        // Where there is no second core the figure is what it is.
        core_affinity::set_for_current(CoreId { id: CORE });
        Run::new(addr, clients, pipeline, reservations, &reserve)?.per_second()
    };
    let worker = thread::spawn(run);
    let per_second = worker.join().map_err(|_| anyhow::anyhow!("the clients panicked"))??;
    let [stock, ..] = KEYS;
    let left = ask(&mut control, &[b"HGET", stock, b"left"])?;
    ensure!(left == "0", "{left} units are left of {reservations} after as many reservations");
    Ok(per_second)
}

/// The call of a script on the SKU.
fn call<'c>(digest: &'c str, values: &[&'c [u8]]) -> Vec<&'c [u8]> {
    let mut parts: Vec<&[u8]> = vec![b"EVALSHA", digest.as_bytes(), b"5"];
    parts.extend(KEYS);
    parts.extend(values);
    parts
}

/// The reserve command with two gaps, for the number of the reservation and of the shopper.
struct Template {
    before: Vec<u8>,
    between: Vec<u8>,
    after: Vec<u8>,
}

/// As long as a real id is after its prefix.
const NUMBER_LEN: usize = 22;

impl Template {
    fn new(reserve: &str) -> Result<Self> {
        let gap = "#".repeat(NUMBER_LEN);
        let (id, shopper) = (format!("rsv_{gap}"), format!("shp_{gap}"));
        let mut whole = Vec::new();
        let values = [id.as_bytes(), shopper.as_bytes(), NOW_MS];
        push_command(&mut whole, &call(reserve, &values));
        let text = String::from_utf8(whole).context("a command is text")?;
        let mut parts = text.split(&gap).map(|part| part.as_bytes().to_vec());
        match (parts.next(), parts.next(), parts.next()) {
            (Some(before), Some(between), Some(after)) => Ok(Self { before, between, after }),
            _ => bail!("the reserve command has lost its gaps"),
        }
    }

    /// Appends the command of this number.
    fn push(&self, to: &mut Vec<u8>, number: u64) -> Result<()> {
        to.extend_from_slice(&self.before);
        write!(to, "{number:0NUMBER_LEN$}")?;
        to.extend_from_slice(&self.between);
        write!(to, "{number:0NUMBER_LEN$}")?;
        to.extend_from_slice(&self.after);
        Ok(())
    }
}

/// One connection and what is in flight on it.
struct Client {
    stream: TcpStream,
    unsent: Vec<u8>,
    /// How much of `unsent` has been sent all the same.
    sent: usize,
    /// Replies still to come.
    awaited: usize,
    /// How many bytes of the next reply have come.
    reply_at: usize,
}

impl Client {
    /// Sends what it can.
    fn send(&mut self) -> Result<()> {
        while let Some(rest) = self.unsent.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.sent = self.sent.saturating_add(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("sending to Redis"),
            }
        }
        Ok(())
    }

    /// Takes what has come; returns how many replies that completed.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut completed = 0_usize;
        loop {
            let come = match self.stream.read(buffer) {
                Ok(0) => bail!("Redis closed a connection"),
                Ok(count) => buffer.get(..count).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("receiving from Redis"),
            };
            completed = completed.saturating_add(check(come, &mut self.reply_at)?);
        }
        self.awaited = self
            .awaited
            .checked_sub(completed)
            .context("Redis sent more replies than it got commands")?;
        Ok(completed)
    }
}

/// Checks that `come` continues a stream of replies that all say that a unit is held, of the
/// first of which `at` bytes came before; returns how many it completes.
fn check(come: &[u8], at: &mut usize) -> Result<usize> {
    let (mut rest, mut completed) = (come, 0_usize);
    while !rest.is_empty() {
        let expected = HELD.get(*at..).unwrap_or_default();
        let (part, after) = rest.split_at(expected.len().min(rest.len()));
        if !expected.starts_with(part) {
            bail!("Redis did not hold a unit: {}", String::from_utf8_lossy(rest));
        }
        *at = at.saturating_add(part.len());
        if *at == HELD.len() {
            *at = 0;
            completed = completed.saturating_add(1);
        }
        rest = after;
    }
    Ok(completed)
}

/// All clients at work.
struct Run {
    poll: Poll,
    clients: Vec<Client>,
    template: Template,
    pipeline: usize,
    next: u64,
    reservations: u64,
}

impl Run {
    fn new(
        addr: SocketAddr,
        clients: usize,
        pipeline: usize,
        reservations: u64,
        reserve: &str,
    ) -> Result<Self> {
        let poll = Poll::new()?;
        let mut connected = Vec::with_capacity(clients);
        for number in 0..clients {
            let stream = Blocking::connect_timeout(&addr, PATIENCE).context("connecting")?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(number), interest)?;
            let unsent = Vec::new();
            connected.push(Client { stream, unsent, sent: 0, awaited: 0, reply_at: 0 });
        }
        let template = Template::new(reserve)?;
        Ok(Self { poll, clients: connected, template, pipeline, next: 0, reservations })
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of a run is far below 2^53")]
    fn per_second(&mut self) -> Result<f64> {
        let mut events = Events::with_capacity(self.clients.len());
        let mut buffer = vec![0; 1 << 16];
        let mut held = 0_u64;
        let watch = Stopwatch::start();
        for number in 0..self.clients.len() {
            self.begin(number)?;
        }
        while held < self.reservations {
            self.poll.poll(&mut events, Some(PATIENCE))?;
            ensure!(!events.is_empty(), "Redis did not answer for {PATIENCE:?}");
            for event in &events {
                let Token(number) = event.token();
                let Some(client) = self.clients.get_mut(number) else { continue };
                client.send()?;
                let completed = client.receive(&mut buffer)?;
                held = held.saturating_add(u64::try_from(completed)?);
                if completed > 0 && client.awaited == 0 {
                    self.begin(number)?;
                }
            }
        }
        Ok(self.reservations as f64 / watch.elapsed().as_secs_f64())
    }

    /// Lets a client send its next commands, if there are any left.
    fn begin(&mut self, number: usize) -> Result<()> {
        let Some(client) = self.clients.get_mut(number) else { return Ok(()) };
        client.unsent.clear();
        client.sent = 0;
        while client.awaited < self.pipeline && self.next < self.reservations {
            self.template.push(&mut client.unsent, self.next)?;
            self.next = self.next.saturating_add(1);
            client.awaited = client.awaited.saturating_add(1);
        }
        client.send()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_however_they_are_cut() {
        let stream = HELD.repeat(5);
        for size in 1..=stream.len() {
            let mut at = 0;
            let counted: usize =
                stream.chunks(size).map(|part| check(part, &mut at).unwrap()).sum();
            assert_eq!((counted, at), (5, 0), "in parts of {size}");
        }
    }

    #[test]
    fn another_reply_ends_the_run() {
        let mut stream = HELD.repeat(2);
        stream.extend_from_slice(b"*2\r\n:4\r\n:0\r\n");
        let error = check(&stream, &mut 0).unwrap_err().to_string();
        assert!(error.starts_with("Redis did not hold a unit: *2\r\n:4"), "{error}");
    }

    #[test]
    fn every_command_has_a_reservation_and_a_shopper_of_its_own() {
        let template = Template::new("digest").unwrap();
        let mut command = Vec::new();
        template.push(&mut command, 7).unwrap();
        let text = String::from_utf8(command).unwrap();
        assert!(text.contains("$26\r\nrsv_0000000000000000000007\r\n"), "{text}");
        assert!(text.contains("$26\r\nshp_0000000000000000000007\r\n"), "{text}");
        assert!(text.ends_with("$13\r\n1700000000000\r\n"), "{text}");
    }
}
