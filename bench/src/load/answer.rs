//! Answers out of bytes: one HTTP/1.1 response at the start of a buffer.

use httparse::{EMPTY_HEADER, Header, Response, Status};

/// More headers than any answer of ours or of a peer has.
const HEADERS_MAX: usize = 64;
/// An answer may be so long, headers included.
pub(super) const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A reply that is not understood is quoted so far.
const QUOTED_BYTES: usize = 200;

/// An answer, as a workload sees it.
#[derive(Debug)]
pub struct Reply<'a> {
    /// Number and tag of the operation it answers.
    pub number: u64,
    pub tag: u8,
    /// When it was complete, in nanoseconds since the start of the run.
    pub done_ns: u64,
    pub status: u16,
    pub body: &'a [u8],
    headers: &'a [Header<'a>],
}

impl<'a> Reply<'a> {
    pub(super) fn new(number: u64, tag: u8, done_ns: u64, answer: &'a Answer<'a>) -> Self {
        let Answer { status, headers, body, .. } = *answer;
        Self { number, tag, done_ns, status, body, headers }
    }

    /// The first header of that name, which is compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        find(self.headers, name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Class 0 if the status is 2xx, else a sentence with the start of the body.
    pub fn success(&self) -> Result<u8, String> {
        if (200..300).contains(&self.status) { Ok(0) } else { Err(self.unexpected()) }
    }

    /// A sentence for an answer that nobody expected.
    pub fn unexpected(&self) -> String {
        let start = self.body.get(..QUOTED_BYTES).unwrap_or(self.body);
        format!("unexpected status {}: {}", self.status, String::from_utf8_lossy(start))
    }
}

/// One complete answer.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
    /// Whether the connection can take another request.
    pub(super) keep_alive: bool,
    /// Its length in the input.
    pub(super) consumed: usize,
    headers: &'a [Header<'a>],
}

/// Room for what parsing makes beside the input: one per generator, not per answer.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// A chunked body, put together.
    body: Vec<u8>,
}

/// Room for the headers of one answer.
pub(super) const NO_HEADERS: [Header<'static>; HEADERS_MAX] = [EMPTY_HEADER; HEADERS_MAX];

/// How the length of a body is known.
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// The first answer in `input`; `None` if there is more to come. `ended` says that nothing more can
/// come. Interim answers (1xx) are passed over. A new look starts at the front: answers are short,
/// and nearly all come in one piece.
pub(super) fn parse<'a>(
    input: &'a [u8],
    ended: bool,
    headers: &'a mut [Header<'a>],
    scratch: &'a mut Scratch,
) -> Result<Option<Answer<'a>>, &'static str> {
    let mut start = 0_usize;
    while let Some(interim) = interim_length(input.get(start..).unwrap_or_default()) {
        start = start.saturating_add(interim);
    }
    let input_left = input.get(start..).unwrap_or_default();
    let mut response = Response::new(headers);
    let head = match response.parse(input_left) {
        Ok(Status::Complete(length)) => start.saturating_add(length),
        Ok(Status::Partial) => return Ok(None),
        Err(_) => return Err("the head of the answer is no HTTP/1.1"),
    };
    let Response { code, version, headers, .. } = response;
    let headers: &'a [Header<'a>] = headers;
    let status = code.unwrap_or_default();
    let rest = input.get(head..).unwrap_or_default();
    let (body, length, framed) = match framing(status, headers)? {
        Framing::Length(length) if length > ANSWER_BYTES_MAX => {
            return Err("the answer is longer than the generator takes");
        }
        Framing::Length(length) => match rest.get(..length) {
            Some(body) => (body, length, true),
            None => return Ok(None),
        },
        Framing::Chunked => match unchunk(rest, &mut scratch.body)? {
            Some(length) => (scratch.body.as_slice(), length, true),
            None => return Ok(None),
        },
        Framing::UntilClose if ended => (rest, rest.len(), false),
        Framing::UntilClose => return Ok(None),
    };
    let keep_alive = framed && keeps_alive(version, headers);
    Ok(Some(Answer { status, body, keep_alive, consumed: head.saturating_add(length), headers }))
}

/// The length of an interim answer at the start of `input`, if there is one and it is complete.
fn interim_length(input: &[u8]) -> Option<usize> {
    // A cheap look first: nearly no answer is interim.
    if !input.starts_with(b"HTTP/1.1 1") {
        return None;
    }
    let mut headers = NO_HEADERS;
    match Response::new(&mut headers).parse(input) {
        Ok(Status::Complete(length)) => Some(length),
        _ => None,
    }
}

fn framing(status: u16, headers: &[Header<'_>]) -> Result<Framing, &'static str> {
    if matches!(status, 204 | 304) {
        return Ok(Framing::Length(0));
    }
    if let Some(coding) = find(headers, "transfer-encoding") {
        return if coding.eq_ignore_ascii_case(b"chunked") {
            Ok(Framing::Chunked)
        } else {
            Err("the answer has a transfer coding other than chunked")
        };
    }
    let Some(text) = find(headers, "content-length") else { return Ok(Framing::UntilClose) };
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err("the content-length of the answer is no number");
    }
    let length = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    length.map(Framing::Length).ok_or("the content-length of the answer is no number")
}

fn keeps_alive(version: Option<u8>, headers: &[Header<'_>]) -> bool {
    let connection = find(headers, "connection").unwrap_or_default();
    let says = |word: &[u8]| {
        connection
            .split(|byte| *byte == b',')
            .any(|part| part.trim_ascii().eq_ignore_ascii_case(word))
    };
    if version == Some(1) { !says(b"close") } else { says(b"keep-alive") }
}

fn find<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    Some(header.value)
}

/// Puts a chunked body together in `body`; the length it took of `input`, trailers included.
fn unchunk(input: &[u8], body: &mut Vec<u8>) -> Result<Option<usize>, &'static str> {
    const BROKEN: &str = "the chunks of the answer do not fit together";
    body.clear();
    let mut at = 0_usize;
    loop {
        let rest = input.get(at..).unwrap_or_default();
        let (line, size) = match httparse::parse_chunk_size(rest) {
            Ok(Status::Complete(found)) => found,
            Ok(Status::Partial) => return Ok(None),
            Err(_) => return Err(BROKEN),
        };
        let size = usize::try_from(size).map_err(|_| BROKEN)?;
        if size > ANSWER_BYTES_MAX {
            return Err("the answer is longer than the generator takes");
        }
        let data = rest.get(line..).unwrap_or_default();
        if size == 0 {
            let mut trailers = NO_HEADERS;
            return match httparse::parse_headers(data, &mut trailers) {
                Ok(Status::Complete((length, _))) => {
                    Ok(Some(at.saturating_add(line).saturating_add(length)))
                }
                Ok(Status::Partial) => Ok(None),
                Err(_) => Err(BROKEN),
            };
        }
        let (Some(chunk), Some(end)) = (data.get(..size), data.get(size..size.saturating_add(2)))
        else {
            return Ok(None);
        };
        if end != b"\r\n" {
            return Err(BROKEN);
        }
        body.extend_from_slice(chunk);
        at = at.saturating_add(line).saturating_add(size).saturating_add(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, body, whether the connection lives on, and the length in the input.
    type Seen = (u16, String, bool, usize);

    fn look(input: &[u8], ended: bool) -> Result<Option<Seen>, &'static str> {
        let (mut headers, mut scratch) = (NO_HEADERS, Scratch::default());
        let answer = parse(input, ended, &mut headers, &mut scratch)?;
        Ok(answer.map(|answer| {
            let body = String::from_utf8(answer.body.to_vec()).unwrap();
            (answer.status, body, answer.keep_alive, answer.consumed)
        }))
    }

    /// Every proper beginning must be incomplete, and the whole must be seen.
    fn in_pieces(input: &[u8]) -> Seen {
        for end in 0..input.len() {
            assert_eq!(look(&input[..end], false), Ok(None), "cut at {end}");
        }
        look(input, false).unwrap().unwrap()
    }

    const COUNTED: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
        5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nchecksum: 1\r\n\r\n";

    #[test]
    fn an_answer_is_complete_with_its_last_byte_and_not_before() {
        assert_eq!(in_pieces(COUNTED), (201, "hello".to_owned(), true, COUNTED.len()));
        assert_eq!(in_pieces(CHUNKED), (200, "hello, world".to_owned(), true, CHUNKED.len()));
    }

    #[test]
    fn of_two_answers_the_first_is_taken() {
        for first in [COUNTED, CHUNKED] {
            let both = [first, COUNTED].concat();
            assert_eq!(look(&both, false).unwrap().unwrap().3, first.len());
            let second = look(&both[first.len()..], false).unwrap().unwrap();
            assert_eq!((second.0, second.1.as_str()), (201, "hello"));
        }
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let early = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
        let seen = in_pieces(&[early, COUNTED].concat());
        assert_eq!((seen.0, seen.3), (201, early.len() + COUNTED.len()));
    }

    #[test]
    fn a_connection_lives_on_unless_the_answer_says_otherwise() {
        let kept = |head: &str| look(head.as_bytes(), false).unwrap().unwrap().2;
        assert!(kept("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
        assert!(!kept("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: x, Close\r\n\r\n"));
        assert!(!kept("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"));
        assert!(kept("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n"));
    }

    #[test]
    fn a_body_without_a_length_ends_with_the_connection() {
        let input = b"HTTP/1.1 200 OK\r\n\r\nhello";
        assert_eq!(look(input, false), Ok(None));
        assert_eq!(look(input, true), Ok(Some((200, "hello".to_owned(), false, input.len()))));
        let none = b"HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n";
        assert_eq!(look(none, false), Ok(Some((304, String::new(), true, none.len()))));
    }

    #[test]
    fn nonsense_is_refused() {
        for input in [
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "HTTP/1.1 2oo OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5x\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nhello\r\n",
        ] {
            assert!(look(input.as_bytes(), false).is_err(), "{input}");
        }
    }

    #[test]
    fn headers_are_found_without_regard_to_case() {
        let input = b"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\nX-Why: sold out\r\n\r\n{}";
        let (mut headers, mut scratch) = (NO_HEADERS, Scratch::default());
        let answer = parse(input, false, &mut headers, &mut scratch).unwrap().unwrap();
        let reply = Reply::new(3, 1, 5, &answer);
        assert_eq!(reply.header("x-why"), Some("sold out"));
        assert_eq!(reply.header("x-else"), None);
        assert_eq!(reply.success(), Err("unexpected status 409: {}".to_owned()));
    }
}
