//! The merchant's shop, as far as webhooks go: it takes them, checks each as Standard Webhooks
//! 1.0.0 says, and knows each event once, however often it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_domain::webhook::Secret;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use super::merchant::unix_millis;

/// A webhook that was signed longer ago than this, or later than now, may be somebody's replay.
const TOLERANCE: Duration = Duration::from_mins(5);
/// The longest body that is read, in bytes.
const BODY_LEN_MAX: usize = 1_000_000;

/// A shop that listens. It ends with the runtime.
#[derive(Debug)]
pub(super) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    secret: Option<Secret>,
    told: Told,
}

/// What it was told.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// Subjects, by what happened to them, such as orders by `order.paid`.
    pub(super) subjects: BTreeMap<String, BTreeSet<String>>,
    /// Ids of the events, each once.
    pub(super) ids: BTreeSet<String>,
    /// Webhooks that were known already.
    pub(super) repeats: u64,
    /// Why webhooks were not believed.
    pub(super) refused: Vec<String>,
}

/// As much of an event as is counted.
#[derive(Debug, Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    subject: String,
}

impl Receiver {
    /// Listens; `port` 0 is any that is free.
    pub(super) async fn start(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("listening for webhooks at {address}"))?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                if let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(serve(client, Arc::clone(&shared)));
                }
            }
        });
        Ok(Self { address, state })
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it believes what was signed with this secret.
    pub(super) fn believe(&self, secret: &str) -> Result<()> {
        locked(&self.state).secret = Some(secret.parse().context("the endpoint's secret")?);
        Ok(())
    }

    /// What it was told, once it was told of each of these, or when the time is over.
    pub(super) async fn told(&self, expected: &BTreeSet<(&str, String)>, within: Duration) -> Told {
        let started = Instant::now();
        loop {
            let told = locked(&self.state).told.clone();
            if told.missing(expected) == 0 || started.elapsed() > within {
                return told;
            }
            sleep(Duration::from_millis(250)).await;
        }
    }
}

impl Told {
    /// How many of these kinds and subjects it was not told of.
    pub(super) fn missing(&self, expected: &BTreeSet<(&str, String)>) -> u64 {
        let is_known = |(kind, subject): &&(&str, String)| {
            self.subjects.get(*kind).is_some_and(|known| known.contains(subject))
        };
        expected.iter().filter(|one| !is_known(one)).count() as u64
    }
}

/// The worst that a panic elsewhere can have left is a webhook that is not noted.
fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(client: TcpStream, state: Arc<Mutex<State>>) {
    let service = service_fn(|request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(request, &state).await) }
    });
    // A client that breaks off has not sent a webhook; it sends it again.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(client), service).await;
}

async fn answer(request: Request<Incoming>, state: &Mutex<State>) -> Response<Empty<Bytes>> {
    let (head, body) = request.into_parts();
    let mut response = Response::new(Empty::new());
    let status = match Limited::new(body, BODY_LEN_MAX).collect().await {
        Ok(body) => locked(state).take(&head.headers, &body.to_bytes()),
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE,
    };
    *response.status_mut() = status;
    response
}

impl State {
    fn take(&mut self, headers: &HeaderMap, body: &[u8]) -> StatusCode {
        let Some(secret) = &self.secret else { return StatusCode::SERVICE_UNAVAILABLE };
        let now = unix_millis().unwrap_or_default();
        match verify(secret, headers, body, Timestamp::from_millis(now)) {
            Ok(event) => {
                self.told.note(event);
                StatusCode::NO_CONTENT
            }
            Err(error) => {
                self.told.refused.push(format!("{error:#}"));
                StatusCode::BAD_REQUEST
            }
        }
    }
}

impl Told {
    fn note(&mut self, event: Event) {
        if !self.ids.insert(event.id) {
            self.repeats = self.repeats.saturating_add(1);
            return;
        }
        self.subjects.entry(event.kind).or_default().insert(event.subject);
    }
}

/// The event of a webhook, if it was signed with the secret, just now, and is what it says.
fn verify(secret: &Secret, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Event> {
    let header = |name: &str| -> Result<&str> {
        let value = headers.get(name).with_context(|| format!("a webhook without `{name}`"))?;
        value.to_str().with_context(|| format!("`{name}` is no text"))
    };
    let id = header("webhook-id")?;
    let secs: u64 = header("webhook-timestamp")?.parse().context("`webhook-timestamp`")?;
    let at = Timestamp::default().plus(Millis::from_secs(secs));
    let tolerance = Millis::from_secs(TOLERANCE.as_secs());
    if now.since(at) > tolerance || at.since(now) > tolerance {
        bail!("{id} was signed at {secs}, which is not now");
    }
    let body = std::str::from_utf8(body).with_context(|| format!("the body of {id}"))?;
    let signature = secret.sign(id, at, body);
    if !header("webhook-signature")?.split(' ').any(|given| given == signature) {
        bail!("{id} was not signed with the endpoint's secret");
    }
    let event: Event = serde_json::from_str(body).with_context(|| format!("the body of {id}"))?;
    if event.id != id {
        bail!("{id} says that it is {}", event.id);
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_500);
    const BODY: &str = r#"{"id":"evt_1","type":"order.paid","subject":"ord_1"}"#;

    fn secret() -> Secret {
        Secret::from_bytes([7; 32])
    }

    fn signed(at: Timestamp, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "evt_1".parse().unwrap());
        headers.insert("webhook-timestamp", at.as_secs().to_string().parse().unwrap());
        headers.insert("webhook-signature", signature.parse().unwrap());
        headers
    }

    fn refused(headers: &HeaderMap, body: &str) -> String {
        verify(&secret(), headers, body.as_bytes(), NOW).unwrap_err().to_string()
    }

    #[test]
    fn what_is_signed_with_one_of_its_secrets_just_now_is_believed() {
        let signature = format!("v1,AAAA {}", secret().sign("evt_1", NOW, BODY));
        let event = verify(&secret(), &signed(NOW, &signature), BODY.as_bytes(), NOW).unwrap();
        assert_eq!((event.kind.as_str(), event.subject.as_str()), ("order.paid", "ord_1"));
    }

    #[test]
    fn what_is_altered_old_early_or_foreign_is_refused() {
        let signature = secret().sign("evt_1", NOW, BODY);
        let headers = signed(NOW, &signature);
        assert!(refused(&headers, &BODY.replace("paid", "lost")).contains("not signed"));
        assert!(refused(&signed(NOW, "v1,AAAA"), BODY).contains("not signed"));
        assert!(refused(&HeaderMap::new(), BODY).contains("without `webhook-id`"));
        let hour = Millis::from_secs(3_600);
        let old = Timestamp::from_millis(NOW.as_millis() - hour.get());
        for at in [old, NOW.plus(hour)] {
            let headers = signed(at, &secret().sign("evt_1", at, BODY));
            assert!(refused(&headers, BODY).contains("not now"));
        }
        let other = BODY.replace("evt_1", "evt_2");
        let headers = signed(NOW, &secret().sign("evt_1", NOW, &other));
        assert!(refused(&headers, &other).contains("says that it is evt_2"));
    }

    #[test]
    fn an_event_that_comes_again_is_known_once() {
        let mut told = Told::default();
        for _ in 0..3 {
            told.note(serde_json::from_str(BODY).unwrap());
        }
        assert_eq!((told.ids.len(), told.repeats), (1, 2));
        let expected = ["ord_1", "ord_2"].map(|order| ("order.paid", order.to_owned())).into();
        assert_eq!(told.missing(&expected), 1);
    }
}
