//! The merchant's shop, where webhooks arrive.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_domain::webhook::Secret;
use serde_json::Value;

/// A webhook as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Received {
    /// The body, if it was signed with this secret just now, by the specification.
    #[track_caller]
    pub fn verified(&self, secret: &str) -> Value {
        let secret: Secret = secret.parse().unwrap();
        let (id, secs) = (self.id(), self.header("webhook-timestamp"));
        let at = Timestamp::default().plus(Millis::from_secs(secs.parse().unwrap()));
        assert!(crate::now().since(at) < Millis::from_secs(60), "it was signed at {secs}");
        let signature = secret.sign(id, at, &self.body);
        let given: Vec<&str> = self.header("webhook-signature").split(' ').collect();
        assert!(given.contains(&signature.as_str()), "{given:?} without {signature}");
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(body.get("id").and_then(Value::as_str), Some(id));
        body
    }

    /// Its `webhook-id`.
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// How many signatures it came with.
    pub fn signatures(&self) -> usize {
        self.header("webhook-signature").split(' ').count()
    }

    /// A header's value; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A server that takes webhooks, or does not.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// What it answers with, as it goes over the wire; nothing if it is down.
    answer: Option<String>,
    received: Vec<Received>,
    /// How often somebody came while it was down.
    turned_away: usize,
}

/// Serves whoever comes, each by itself. Ends with the process.
pub(crate) fn listen<S: Send + 'static>(
    listener: TcpListener,
    state: Arc<Mutex<S>>,
    serve: fn(TcpStream, &Mutex<S>) -> io::Result<()>,
) {
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let state = Arc::clone(&state);
            // A client that breaks off has not sent anything.
            thread::spawn(move || drop(serve(client, &state)));
        }
    });
}

impl Receiver {
    /// One that is down.
    pub fn down() -> Self {
        let state = State { answer: None, received: Vec::new(), turned_away: 0 };
        let state = Arc::new(Mutex::new(state));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        listen(listener, Arc::clone(&state), serve);
        Self { port, state }
    }

    /// One that answers with a status.
    pub fn answering(status: u16) -> Self {
        let receiver = Self::down();
        receiver.answer(status);
        receiver
    }

    /// From now on it answers with this status.
    pub fn answer(&self, status: u16) {
        self.answer_with(&format!("{status} It\r\n"), "");
    }

    /// From now on it answers with this head, without its version and its length, and this body.
    pub fn answer_with(&self, head: &str, body: &str) {
        let length = body.len();
        let answer = format!("HTTP/1.1 {head}content-length: {length}\r\n\r\n{body}");
        self.state.lock().unwrap().answer = Some(answer);
    }

    /// From now on it is down.
    pub fn go_down(&self) {
        self.state.lock().unwrap().answer = None;
    }

    /// An address of it.
    pub fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// All that it got so far and answered.
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// How often somebody came while it was down.
    pub fn turned_away(&self) -> usize {
        self.state.lock().unwrap().turned_away
    }
}

impl State {
    fn turn_away(&mut self) {
        self.turned_away = self.turned_away.saturating_add(1);
    }
}

fn serve(mut client: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    if state.lock().unwrap().answer.is_none() {
        state.lock().unwrap().turn_away();
        return Ok(());
    }
    let mut reader = BufReader::new(client.try_clone()?);
    loop {
        let Some(received) = read(&mut reader)? else { return Ok(()) };
        let answer = {
            let mut state = state.lock().unwrap();
            let Some(answer) = state.answer.clone() else {
                state.turn_away();
                return Ok(());
            };
            state.received.push(received);
            answer
        };
        client.write_all(answer.as_bytes())?;
    }
}

/// A request; nothing if there comes none any more.
pub(crate) fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Received { method, path, headers, body: String::from_utf8(body).unwrap() }))
}
