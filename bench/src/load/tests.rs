//! The generator against servers of the standard library that misbehave on purpose.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What a server does with its request of some number.
enum Then {
    Answer(&'static [u8]),
    /// With the connection's end after it.
    Last(&'static [u8]),
    /// Byte by byte.
    Slowly(&'static [u8]),
    Silence,
}

struct Server {
    address: SocketAddr,
    requests: Arc<AtomicU64>,
}

impl Server {
    /// One thread per connection; `react` gets the number of the request over all connections,
    /// from 1.
    fn start(react: impl Fn(u64) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicU64::new(0));
        let (react, counter) = (Arc::new(react), Arc::clone(&requests));
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (react, counter) = (Arc::clone(&react), Arc::clone(&counter));
                thread::spawn(move || serve(socket.unwrap(), &*react, &counter));
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(mut socket: TcpStream, react: &dyn Fn(u64) -> Then, counter: &AtomicU64) {
    socket.set_nodelay(true).unwrap();
    let mut request = Vec::new();
    let mut byte = [0];
    while socket.read(&mut byte).is_ok_and(|count| count == 1) {
        request.push(byte[0]);
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        request.clear();
        let (bytes, goes_on) = match react(counter.fetch_add(1, Ordering::SeqCst).saturating_add(1))
        {
            Then::Answer(bytes) => (bytes, true),
            Then::Last(bytes) => (bytes, false),
            Then::Slowly(bytes) => {
                for byte in bytes.chunks(1) {
                    socket.write_all(byte).unwrap();
                    thread::yield_now();
                }
                continue;
            }
            Then::Silence => continue,
        };
        if socket.write_all(bytes).is_err() || !goes_on {
            return;
        }
    }
}

fn hello() -> Repeat {
    Repeat(render("GET", "/", &[], b""))
}

/// Twenty operations on four connections, with changes.
fn ran(server: &Server, change: impl FnOnce(&mut Load<'_>)) -> Ran {
    let mut requests = hello();
    let mut load =
        Load { connections: 4, stop: Stop::Count(20), ..Load::new(server.address, &mut requests) };
    change(&mut load);
    run(&mut load).unwrap()
}

#[test]
fn exactly_as_many_operations_are_sent_as_were_wanted() {
    let paces = [Pace::Saturate, Pace::PerSecond(2_000.0, Arrivals::Poisson(3))];
    for pace in paces {
        let server = Server::start(|_| Then::Answer(OK));
        let ran = ran(&server, |load| {
            (load.pace, load.warmup, load.stop) = (pace, 30, Stop::Count(200));
            load.history = true;
        });
        assert!(ran.is_clean(), "{:?}", ran.complaints);
        assert_eq!((ran.sent, ran.done, server.requests()), (200, 200, 230));
        assert_eq!(ran.statuses, BTreeMap::from([(200, 200)]));
        assert_eq!((ran.latency.len(), ran.service.len()), (200, 200));
        let mut numbers: Vec<u64> = ran.history.ops.iter().map(|op| op.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..230).collect::<Vec<u64>>());
        let ops = &ran.history.ops;
        assert!(ops.iter().all(|op| op.intended_ns <= op.sent_ns && op.sent_ns < op.done_ns));
        assert!(ran.per_second() > 0.0);
    }
}

/// The point of an open model: one stall of 200 ms at 1,000/s is seen by some 200 people, though
/// only one request has taken long.
#[test]
fn a_stall_shows_in_the_latency_of_everybody_who_came_meanwhile() {
    let server = Server::start(|number| {
        if number == 100 {
            thread::sleep(Duration::from_millis(200));
        }
        Then::Answer(OK)
    });
    let ran = ran(&server, |load| {
        load.connections = 1;
        load.pace = Pace::PerSecond(1_000.0, Arrivals::Constant);
        load.stop = Stop::Count(600);
    });
    assert!(ran.is_clean(), "{:?}", ran.complaints);
    let above = |histogram: &hdrhistogram::Histogram<u64>, us| {
        histogram.len() - histogram.count_between(0, us)
    };
    assert!(ran.latency.max() >= 190_000);
    assert!(ran.service.max() >= 190_000);
    let (late, slow) = (above(&ran.latency, 50_000), above(&ran.service, 50_000));
    assert!(late >= 140, "{late} operations were late");
    assert!(slow < late / 10, "{slow} of {late} took long themselves");
    let own = above(&ran.own_delay, 50_000);
    assert!(own < late / 10, "{own} of {late} were late by the generator's fault");
}

#[test]
fn what_was_due_but_found_no_connection_is_counted() {
    let server = Server::start(|_| {
        thread::sleep(Duration::from_millis(20));
        Then::Answer(OK)
    });
    let ran = ran(&server, |load| {
        load.connections = 1;
        load.pace = Pace::PerSecond(1_000.0, Arrivals::Constant);
        load.stop = Stop::After(Duration::from_millis(300));
    });
    assert_eq!(ran.sent + ran.unsent, 300);
    assert!(ran.unsent >= 280, "{} unsent", ran.unsent);
    assert_eq!((ran.done, ran.errors), (ran.sent, 0));
    assert!(!ran.is_clean());
}

#[test]
fn a_server_that_closes_after_each_answer_gets_new_connections() {
    const LAST: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end";
    let server = Server::start(|_| Then::Last(LAST));
    let ran = ran(&server, |_| {});
    assert!(ran.is_clean(), "{:?}", ran.complaints);
    assert_eq!((ran.done, server.requests()), (20, 20));
}

#[test]
fn an_answer_may_come_byte_by_byte() {
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let server = Server::start(|number| Then::Slowly(if number % 2 == 0 { OK } else { CHUNKED }));
    let ran = ran(&server, |_| {});
    assert!(ran.is_clean(), "{:?}", ran.complaints);
    assert_eq!(ran.done, 20);
}

/// Runs twenty operations of which the fifth gets `then`; what was complained about.
fn one_of_twenty(then: fn() -> Then) -> String {
    let server = Server::start(move |number| if number == 5 { then() } else { Then::Answer(OK) });
    let ran = ran(&server, |load| {
        load.patience = Duration::from_millis(150);
        load.history = true;
    });
    assert_eq!((ran.sent, ran.done, ran.errors), (20, 19, 1), "{:?}", ran.complaints);
    let failed: Vec<_> = ran.history.ops.iter().filter(|op| op.status == 0).collect();
    assert_eq!((failed.len(), failed[0].class), (1, Op::NO_CLASS));
    ran.complaints.concat()
}

#[test]
fn what_goes_wrong_is_an_error_and_the_run_goes_on() {
    let nonsense = one_of_twenty(|| Then::Answer(b"nonsense\r\n\r\n"));
    assert!(nonsense.ends_with("the head of the answer is no HTTP/1.1"), "{nonsense}");
    let cut = one_of_twenty(|| Then::Last(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"));
    assert!(cut.ends_with("the connection ended too early"), "{cut}");
    let silence = one_of_twenty(|| Then::Silence);
    assert!(silence.ends_with("no answer within 150ms"), "{silence}");
    let more = one_of_twenty(|| Then::Answer(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nmore"));
    assert!(more.ends_with("more came than the answer"), "{more}");
}

#[test]
fn a_server_that_cannot_be_reached_is_told_at_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = run(&mut Load::new(address, &mut hello())).unwrap_err();
    assert_eq!(error.to_string(), format!("connecting to {address}"));
}

/// Wants `ok` for even numbers, tagged 0, and says that everything else is wrong.
struct Strict(Mutex<Vec<u64>>);

impl Workload for Strict {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        render_into(out, "GET", "/", &[], b"");
        u8::try_from(number % 2).unwrap()
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        assert_eq!((reply.body, reply.header("Content-Length")), (b"ok".as_slice(), Some("2")));
        self.0.lock().unwrap().push(reply.number);
        if reply.tag == 0 { Ok(7) } else { Err("odd".to_owned()) }
    }
}

#[test]
fn the_workload_says_which_answers_are_right() {
    let server = Server::start(|_| Then::Answer(OK));
    let mut strict = Strict(Mutex::default());
    let stop = Stop::Count(20);
    let mut load = Load { history: true, stop, ..Load::new(server.address, &mut strict) };
    let ran = run(&mut load).unwrap();
    assert_eq!((ran.done, ran.wrong, ran.errors), (20, 10, 0));
    assert_eq!(ran.classes, BTreeMap::from([(7, 10)]));
    assert!(ran.complaints[0].ends_with(": odd"), "{:?}", ran.complaints);
    assert_eq!(strict.0.into_inner().unwrap().len(), 20);
    let right = |op: &&Op| op.tag == 0 && op.class == 7;
    assert_eq!(ran.history.ops.iter().filter(right).count(), 10);
}

#[test]
fn loads_that_run_together_keep_their_own_pace_and_count() {
    let (slow, fast) = (Server::start(|_| Then::Answer(OK)), Server::start(|_| Then::Answer(OK)));
    let (mut few, mut many) = (hello(), hello());
    let mut loads = [
        Load {
            pace: Pace::PerSecond(100.0, Arrivals::Constant),
            stop: Stop::Count(30),
            ..Load::new(slow.address, &mut few)
        },
        Load {
            stop: Stop::After(Duration::from_millis(300)),
            ..Load::new(fast.address, &mut many)
        },
    ];
    let ran = run_together(&mut loads).unwrap();
    assert!(ran.iter().all(Ran::is_clean));
    assert_eq!((ran[0].done, slow.requests()), (30, 30));
    assert_eq!(ran[1].done, fast.requests());
    assert!(ran[1].done > 30, "{} operations", ran[1].done);
}

/// Asks again after an answer, a millisecond later, as often as it is told.
struct Again {
    due: Vec<u64>,
    left: u64,
}

impl Workload for Again {
    fn write(&mut self, _number: u64, out: &mut Vec<u8>) -> u8 {
        self.due.pop();
        render_into(out, "GET", "/", &[], b"");
        0
    }

    fn due(&self) -> Option<u64> {
        self.due.last().copied()
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            self.due.push(reply.done_ns.saturating_add(1_000_000));
        }
        reply.success()
    }
}

#[test]
fn a_script_goes_on_by_its_answers_and_ends_when_nothing_follows() {
    let server = Server::start(|_| Then::Answer(OK));
    let mut script = Again { due: vec![2_000_000, 0], left: 5 };
    let mut load = Load {
        pace: Pace::Scripted,
        stop: Stop::After(Duration::from_mins(1)),
        history: true,
        ..Load::new(server.address, &mut script)
    };
    let ran = run(&mut load).unwrap();
    assert!(ran.is_clean(), "{:?}", ran.complaints);
    assert_eq!((ran.done, server.requests()), (7, 7));
    let ops = &ran.history.ops;
    assert!(ops.iter().all(|op| op.intended_ns <= op.sent_ns), "{ops:?}");
    // Two were due from the start; each of the others a millisecond after an answer.
    let (first, others): (Vec<_>, Vec<_>) =
        ops.iter().partition(|op| [0, 2_000_000].contains(&op.intended_ns));
    assert_eq!((first.len(), others.len()), (2, 5), "{ops:?}");
    let follows = |op: &Op| ops.iter().any(|before| before.done_ns + 1_000_000 == op.intended_ns);
    assert!(others.into_iter().all(follows), "{ops:?}");
}

#[test]
fn a_closure_is_a_workload() {
    let server = Server::start(|_| Then::Answer(OK));
    let mut numbers = Vec::new();
    let mut closure = |number: u64, out: &mut Vec<u8>| {
        numbers.push(number);
        render_into(out, "GET", "/", &[], b"");
        0
    };
    let stop = Stop::Count(3);
    let ran = run(&mut Load { stop, ..Load::new(server.address, &mut closure) }).unwrap();
    assert!(ran.is_clean());
    assert_eq!(numbers, [0, 1, 2]);
}

#[test]
fn a_history_is_written_as_csv() {
    let op =
        Op { number: 1, intended_ns: 2, sent_ns: 3, done_ns: 4, status: 201, tag: 5, class: 6 };
    let name = format!("doorbuster-bench-history-{}.csv", std::process::id());
    let path = std::env::temp_dir().join(name);
    History { ops: vec![op, op] }.write_csv(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let heading = "number,intended_ns,sent_ns,done_ns,status,tag,class";
    assert_eq!(text, format!("{heading}\n1,2,3,4,201,5,6\n1,2,3,4,201,5,6\n"));
}
