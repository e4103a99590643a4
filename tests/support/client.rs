//! One request, one answer, over a connection of its own from an address of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use doorbuster_wire::problem::{ProblemBody, ProblemKind};
use http_body_util::{BodyExt as _, Full};
use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// Longer than anything may take that is not broken.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// A loopback address that nobody had before, so that no test uses up another's rate limit.
pub(crate) fn fresh_address() -> IpAddr {
    static LAST: AtomicU32 = AtomicU32::new(0);
    // From 127.1.0.0: the server has 127.0.0.1.
    let offset = LAST.fetch_add(1, Ordering::Relaxed).checked_add(0x7f01_0000);
    Ipv4Addr::from_bits(offset.expect("fewer addresses are used than there are")).into()
}

/// A request to be sent.
#[derive(Debug, Clone)]
#[must_use = "it has to be sent"]
pub struct Request {
    server: SocketAddr,
    source: IpAddr,
    headers: Vec<(String, String)>,
    method: String,
    path: String,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(server: SocketAddr, method: &str, path: &str) -> Self {
        Self {
            server,
            source: fresh_address(),
            headers: Vec::new(),
            method: method.to_owned(),
            path: path.to_owned(),
            body: Vec::new(),
        }
    }

    /// Comes from this address instead of a fresh one.
    pub fn from(self, source: IpAddr) -> Self {
        Self { source, ..self }
    }

    /// The host it is sent to.
    pub fn host(&self) -> String {
        self.server.to_string()
    }

    /// Adds a header line, also where there is one of this name.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same without the header lines of this name.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// With this body of this media type.
    pub fn body(self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let typed = self.without(CONTENT_TYPE.as_str()).header("content-type", media_type);
        Self { body: body.into(), ..typed }
    }

    /// With this as a JSON body.
    pub fn json(self, body: &impl Serialize) -> Self {
        self.body("application/json", serde_json::to_vec(body).unwrap())
    }

    /// In chunks, without saying how long the body is.
    pub fn chunked(self) -> Self {
        self.header(TRANSFER_ENCODING.as_str(), "chunked")
    }

    /// Sends it and waits for the answer.
    pub fn send(self) -> Answer {
        let what = format!("{} {}", self.method, self.path);
        let answered = RUNTIME.block_on(async { timeout(ANSWER_WITHIN, self.exchange()).await });
        match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => panic!("{what}: {error}"),
            Err(elapsed) => panic!("{what}: no answer in {ANSWER_WITHIN:?}: {elapsed}"),
        }
    }

    async fn exchange(self) -> Result<Answer, Box<dyn std::error::Error>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(self.source, 0))?;
        let stream = socket.connect(self.server).await?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = hyper::Request::builder()
            .method(self.method.as_str())
            .uri(self.path)
            .header(HOST, self.server.to_string());
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(self.body)))?;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// A header's value; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookies that it sets, as a browser sends them back: name and value.
    pub fn cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all("set-cookie").iter();
        let lines = lines.map(|line| line.to_str().unwrap());
        lines.map(|line| line.split(';').next().unwrap().to_owned()).collect()
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of UTF-8")
    }

    /// The body of a success.
    #[track_caller]
    pub fn ok<T: DeserializeOwned>(&self) -> T {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The problem's kind; the answer has to be one in every respect (RFC 9457).
    #[track_caller]
    pub fn problem(&self) -> ProblemKind {
        self.problem_body().0
    }

    /// The problem's kind and all that is said of it.
    #[track_caller]
    pub fn problem_body(&self) -> (ProblemKind, ProblemBody) {
        let media_type = self.header("content-type");
        assert_eq!(media_type, "application/problem+json", "{}: {}", self.status, self.text());
        let body: ProblemBody = serde_json::from_slice(&self.body).unwrap();
        let kind = ProblemKind::ALL.iter().find(|kind| kind.type_address() == body.kind);
        let kind = *kind.unwrap_or_else(|| panic!("{} is no kind of problem", body.kind));
        assert_eq!((self.status, body.status), (kind.status(), kind.status()), "{kind:?}");
        assert_eq!((body.title.as_str(), body.retryable), (kind.title(), kind.retryable()));
        assert!(!body.detail.is_empty(), "{kind:?} says nothing");
        assert_eq!(self.header("cache-control"), "no-store", "{kind:?} may be kept");
        let challenged = !self.header("www-authenticate").is_empty();
        assert_eq!(challenged, self.status == 401, "{kind:?}: RFC 9110, 15.5.2");
        (kind, body)
    }
}
