//! A client with an address and a connection of its own, which tries again as a good client does:
//! the same request with the same key, a little later.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::{TcpSocket, lookup_host};
use tokio::time::{Instant, sleep, timeout};

/// How long one attempt may take.
const ATTEMPT_MAX: Duration = Duration::from_secs(20);
/// How long a request is tried again: longer than a restart of the service takes.
const TRY_FOR: Duration = Duration::from_mins(1);
/// The pause before another attempt.
const PAUSE: Duration = Duration::from_millis(250);

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) retry_after: Option<u64>,
    pub(super) body: Bytes,
}

impl Answer {
    /// The body as JSON of a certain shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("status {}: {}", self.status, self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The problem's kind: what stands behind `#` in its type.
    pub(super) fn problem(&self) -> String {
        let problem = self.json::<doorbuster_wire::problem::ProblemBody>();
        problem.map_or_else(
            |_| String::new(),
            |problem| problem.kind.rsplit('#').next().unwrap_or_default().to_owned(),
        )
    }
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'c> {
    pub(super) method: &'static str,
    pub(super) path: &'c str,
    pub(super) headers: &'c [(&'static str, &'c str)],
    pub(super) body: &'c [u8],
}

/// A client.
pub(super) struct Client {
    authority: String,
    source: Option<IpAddr>,
    connection: Option<SendRequest<Full<Bytes>>>,
    /// How long each answered request took, in milliseconds.
    pub(super) latencies_ms: Vec<f64>,
    /// Attempts that got no answer, or "not available".
    pub(super) repeats: u64,
}

impl Client {
    /// A client of the service at `url`. On a loopback service it has the address `source`, as
    /// shoppers have theirs; elsewhere that of this machine.
    pub(super) fn new(url: &str, source: Option<IpAddr>) -> Result<Self> {
        let authority = url
            .strip_prefix("http://")
            .context("the address has to start with http://")?
            .trim_end_matches('/')
            .to_owned();
        let local = authority.starts_with("127.") || authority.starts_with("localhost");
        let source = source.filter(|_| local);
        Ok(Self { authority, source, connection: None, latencies_ms: Vec::new(), repeats: 0 })
    }

    /// Sends a request until it is answered with anything but "not available".
    pub(super) async fn send(&mut self, call: Call<'_>) -> Result<Answer> {
        let started = Instant::now();
        loop {
            let attempt = Instant::now();
            let failure = match timeout(ATTEMPT_MAX, self.attempt(call)).await {
                Ok(Ok(answer)) if answer.status != 503 => {
                    self.latencies_ms.push(attempt.elapsed().as_secs_f64() * 1000.0);
                    return Ok(answer);
                }
                Ok(Ok(answer)) => anyhow::anyhow!("503: {}", answer.text()),
                Ok(Err(error)) => error,
                Err(_) => anyhow::anyhow!("no answer within {ATTEMPT_MAX:?}"),
            };
            self.connection = None;
            self.repeats = self.repeats.saturating_add(1);
            if started.elapsed() > TRY_FOR {
                return Err(failure.context(format!("{} {}", call.method, call.path)));
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt(&mut self, call: Call<'_>) -> Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) if connection.is_ready() => connection,
            _ => self.connect().await?,
        };
        let mut request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header("host", self.authority.as_str());
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(call.body)))?;
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let answer = read(response).await?;
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let address = lookup_host(&self.authority)
            .await?
            .find(SocketAddr::is_ipv4)
            .context("the address has no IPv4 address")?;
        let socket = TcpSocket::new_v4()?;
        if let Some(source) = self.source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<Answer> {
    let status = response.status().as_u16();
    let header = |name: &str| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let location = header("location");
    let retry_after = header("retry-after").and_then(|value| value.parse().ok());
    let body = response.into_body().collect().await?.to_bytes();
    Ok(Answer { status, location, retry_after, body })
}
