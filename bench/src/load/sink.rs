//! A server that does nothing, to show how much faster the generator is than what it measures.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use httparse::{EMPTY_HEADER, Request, Status};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use serde::Serialize;

use super::{Load, Repeat, Stop, render, run};
use crate::process::{self, Placement};

const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n\
    content-length: 56\r\n\r\n{\"reservation\":\"r\",\"state\":\"held\",\"expires_at_ms\":12345}";
const LISTENER: Token = Token(usize::MAX);
/// How soon it sees that it shall end.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const BUFFER_BYTES: usize = 16 * 1024;
const HEADERS_MAX: usize = 32;
/// How long [`headroom`] measures, after so many operations of warm-up.
const MEASURED: Duration = Duration::from_secs(2);
const WARMUP: u64 = 20_000;

/// A thread that answers every request with the same small JSON. Dropping it ends it.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    /// Listens on a free loopback port, on that core if one is given.
    pub fn start(core: Option<usize>) -> Result<Self> {
        let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr()?;
        let poll = Poll::new().context("making an epoll")?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let ends = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let _placement = core.map(process::pin_self);
            // A sink that cannot go on closes its connections, which the generator counts.
            let _io_error = serve(poll, &listener, &end);
        });
        Ok(Self { address, ends, thread: Some(thread) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What the generator can do at most on this machine.
#[derive(Debug, Clone, Serialize)]
pub struct Headroom {
    pub per_second: f64,
    /// Where generator and sink ran.
    pub placement: String,
}

impl Headroom {
    /// How many times the rate of a measured system that is. Below 3, the generator may be what
    /// was measured.
    pub fn times(&self, rate: f64) -> f64 {
        if rate > 0.0 { self.per_second / rate } else { f64::INFINITY }
    }
}

/// Measures the generator on one core against the sink on another, with 64 connections and requests
/// of the size of a reserve with its pass. As both share the work, it is a lower bound.
pub fn headroom(core_sink: usize, core_gen: usize) -> Result<Headroom> {
    let sink = Sink::start(Some(core_sink))?;
    let target = sink.address();
    let measured = thread::spawn(move || -> Result<Headroom> {
        let placement = process::pin_self(core_gen);
        let mut requests = Repeat(reserve());
        let stop = Stop::After(MEASURED);
        let ran = run(&mut Load { stop, warmup: WARMUP, ..Load::new(target, &mut requests) })?;
        if !ran.is_clean() {
            bail!("the sink gave {} errors: {}", ran.errors, ran.complaints.join("; "));
        }
        let placement = match placement {
            Placement::Pinned(_) => format!("sink on core {core_sink}, generator on {core_gen}"),
            Placement::Free(why) => why,
        };
        Ok(Headroom { per_second: ran.per_second(), placement })
    });
    measured.join().map_err(|_| anyhow!("the generator's thread has panicked"))?
}

/// A request as long as a real one.
fn reserve() -> Vec<u8> {
    let pass = "x".repeat(260);
    let headers = [
        ("doorbuster-shopper", "0123456789012345678901234567890123456789012"),
        ("doorbuster-pass", pass.as_str()),
        ("idempotency-key", "0123456789012345678901"),
        ("content-type", "application/json"),
    ];
    render("POST", "/v1/sales/sale/skus/sku/reservations", &headers, br#"{"quantity":1}"#)
}

/// A connection of the sink: what of its input has not been answered, and what of its answers has
/// not been written.
struct Client {
    socket: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    answers: Vec<u8>,
}

fn serve(mut poll: Poll, listener: &TcpListener, ends: &AtomicBool) -> io::Result<()> {
    let mut clients: Vec<Option<Client>> = Vec::new();
    let mut events = Events::with_capacity(1024);
    while !ends.load(Ordering::Relaxed) {
        match poll.poll(&mut events, Some(LOOK_EVERY)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(listener, &mut clients, poll.registry())?;
            } else if let Some(place) = clients.get_mut(event.token().0) {
                let goes_on = place.as_mut().map(|client| client.answer(event.is_read_closed()));
                if !matches!(goes_on, Some(Ok(true))) {
                    *place = None;
                }
            }
        }
    }
    Ok(())
}

fn accept(
    listener: &TcpListener,
    clients: &mut Vec<Option<Client>>,
    registry: &Registry,
) -> io::Result<()> {
    loop {
        let mut socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        socket.set_nodelay(true)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut socket, Token(clients.len()), both)?;
        let buffer = vec![0; BUFFER_BYTES];
        clients.push(Some(Client { socket, buffer, filled: 0, answers: Vec::new() }));
    }
}

impl Client {
    /// Reads what is there and answers all of it with one write. Whether the connection goes on.
    fn answer(&mut self, end_reported: bool) -> io::Result<bool> {
        loop {
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            let wanted = room.len();
            let count = match self.socket.read(room) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
            self.filled = self.filled.saturating_add(count);
            self.answer_all()?;
            self.flush()?;
            if count == 0 || (count < wanted && !end_reported) {
                return Ok(true);
            }
        }
    }

    fn answer_all(&mut self) -> io::Result<()> {
        let mut done = 0_usize;
        let received = self.buffer.get(..self.filled).unwrap_or_default();
        while let Some(rest) = received.get(done..).filter(|rest| !rest.is_empty()) {
            let Some(length) = request_length(rest)? else { break };
            self.answers.extend_from_slice(ANSWER);
            done = done.saturating_add(length);
        }
        if done == 0 && self.filled == self.buffer.len() {
            return Err(io::Error::other("the request is longer than the sink takes"));
        }
        self.buffer.copy_within(done..self.filled, 0);
        self.filled = self.filled.saturating_sub(done);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.answers.is_empty() {
            match self.socket.write(&self.answers) {
                Ok(count) => drop(self.answers.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The length of the request at the start of `input`, if it is complete.
fn request_length(input: &[u8]) -> io::Result<Option<usize>> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let head = match request.parse(input).map_err(io::Error::other)? {
        Status::Complete(length) => length,
        Status::Partial => return Ok(None),
    };
    let is_length = |name: &str| name.eq_ignore_ascii_case("content-length");
    let header = request.headers.iter().find(|header| is_length(header.name));
    let body = match header.and_then(|header| std::str::from_utf8(header.value).ok()) {
        Some(text) => text.parse().map_err(io::Error::other)?,
        None => 0_usize,
    };
    let length = head.saturating_add(body);
    Ok((length <= input.len()).then_some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headroom_can_be_measured() {
        let headroom = headroom(0, 1).unwrap();
        eprintln!("{:.0}/s: {}", headroom.per_second, headroom.placement);
        assert!(headroom.per_second > 0.0);
        assert!((headroom.times(headroom.per_second / 4.0) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn pipelined_requests_get_an_answer_each_however_they_are_cut() {
        let sink = Sink::start(None).unwrap();
        let mut socket = std::net::TcpStream::connect(sink.address()).unwrap();
        let three = reserve().repeat(3);
        for piece in three.chunks(200) {
            socket.write_all(piece).unwrap();
            thread::sleep(Duration::from_millis(1));
        }
        let mut answers = vec![0; ANSWER.len() * 3];
        socket.read_exact(&mut answers).unwrap();
        assert_eq!(answers, ANSWER.repeat(3));
    }
}
