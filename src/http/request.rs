//! Requests as the text that `entry.mjs` carries.

use std::cell::OnceCell;
use std::ops::Deref;

use js_sys::{Promise, Uint8Array};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::JSON;
use crate::problem::Problem;
use doorbuster_wire::problem::{FieldError, ProblemKind};

/// The largest JSON body, in bytes. The largest that any route needs is a sale of 100 SKUs, which
/// is below 8 KiB.
const JSON_LEN_MAX: u32 = 64 * 1024;

/// The headers that requests are read by. `incoming.mjs` has their names in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    Shopper,
    Ticket,
    Pass,
    IdempotencyKey,
    ContentType,
    Origin,
    SecFetchSite,
    Authorization,
    Cookie,
    IfNoneMatch,
    Signature,
    Bypass,
    Challenge,
    StripeSignature,
}

/// How many they are.
const HEADERS_LEN: usize = 14;

/// What stands in the head of a read that may be answered at once (`bareHead` in `incoming.mjs`).
/// Others are told nothing, and ask for what they need.
const TOLD_OF_READS: &[Header] = &[Header::IfNoneMatch];
/// The same, of what changes something: what is refused at once needs no more. `incoming.mjs` has
/// this list and the next in the same order.
const TOLD_OF_CHANGES: &[Header] = &[Header::Origin, Header::SecFetchSite];
/// What others that change something need nearly always, told together when one of it is asked for.
const ASKED_OF_CHANGES: &[Header] =
    &[Header::Shopper, Header::Pass, Header::IdempotencyKey, Header::ContentType];
/// What is told of what is taken up together with others: all that it needs.
const TOLD_OF_WHOLE: [Header; 5] =
    [Header::Shopper, Header::Pass, Header::IdempotencyKey, Header::ContentType, Header::Cookie];
/// Method, address and client; those headers; and the body.
const LINES_OF_WHOLE: usize = 3 + TOLD_OF_WHOLE.len() + 1;

#[wasm_bindgen]
extern "C" {
    /// A request as `entry.mjs` keeps it, to be asked for more.
    pub type Incoming;

    /// A header, by its number.
    #[wasm_bindgen(method, catch)]
    fn header(this: &Incoming, number: u32) -> Result<Option<String>, JsValue>;

    /// The values of `ASKED_OF_CHANGES`, a line for each.
    #[wasm_bindgen(method, catch)]
    fn together(this: &Incoming) -> Result<String, JsValue>;

    /// A promise of the body; of nothing if it is longer than so many bytes.
    #[wasm_bindgen(method, catch)]
    fn body(this: &Incoming, max: u32) -> Result<Promise, JsValue>;

    /// The request that is begun with at the moment.
    #[wasm_bindgen(js_name = doorbusterIncoming)]
    fn incoming() -> Incoming;
}

impl Incoming {
    /// The request that `entry.mjs` begins with: only to be asked for in that very step.
    pub(crate) fn current() -> Self {
        incoming()
    }
}

/// What is told of a request at once.
pub(crate) struct Head<'t> {
    pub(crate) method: &'t str,
    /// Whether it came over TLS.
    pub(crate) secure: bool,
    /// The host that was asked, with its port if it is not the usual one.
    pub(crate) host: &'t str,
    pub(crate) path: &'t str,
    pub(crate) query: &'t str,
    /// The client's network address, as the platform says; never as the client does.
    pub(crate) client: &'t str,
    told: [Option<&'t str>; HEADERS_LEN],
}

/// A request.
pub(crate) struct Request<'t> {
    head: Head<'t>,
    asked: [OnceCell<Option<String>>; HEADERS_LEN],
    asked_together: OnceCell<String>,
    /// The body, if it came with the head.
    body: Option<Vec<u8>>,
    /// What is not told is asked here; nothing if it is to do with what is told.
    incoming: Option<&'t Incoming>,
}

impl<'t> Head<'t> {
    /// Reads the lines that `entry.mjs` makes of a request.
    pub(crate) fn parse(head: &'t str) -> Self {
        Self::of_lines(head.split('\n'), |method| told_of(method, TOLD_OF_READS, TOLD_OF_CHANGES))
    }

    fn of_lines(
        mut lines: impl Iterator<Item = &'t str>,
        told_of: impl FnOnce(&str) -> &'static [Header],
    ) -> Self {
        let mut line = || lines.next().unwrap_or_default();
        let (method, url, client) = (line(), line(), line());
        let mut told = [None; HEADERS_LEN];
        for (header, line) in told_of(method).iter().zip(lines) {
            if let Some(place) = told.get_mut(*header as usize) {
                *place = Some(line);
            }
        }
        Self { client, told, ..Self::of_url(method, url) }
    }

    /// What a method and an address say.
    pub(crate) fn of_url(method: &'t str, url: &'t str) -> Self {
        let secure = url.starts_with("https:");
        let after_scheme = url.get(if secure { 8 } else { 7 }..).unwrap_or_default();
        let path_at = after_scheme.find('/').unwrap_or(after_scheme.len());
        let (host, target) = after_scheme.split_at_checked(path_at).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method, secure, host, path, query, client: "", told: [None; HEADERS_LEN] }
    }

    /// A header's value if it is told at once; `None` if it is not, or absent or empty.
    pub(crate) fn told(&self, header: Header) -> Option<&'t str> {
        let told = self.told.get(header as usize).copied().flatten();
        told.filter(|value| !value.is_empty())
    }

    /// Whether a page of another origin made a browser send what changes something.
    ///
    /// Browsers say so themselves (Fetch Metadata, section 2.3), older ones by `Origin` alone (RFC
    /// 6454, 7). What says neither is no browser, and carries nobody's cookie.
    pub(crate) fn is_cross_origin(&self) -> bool {
        match (self.told(Header::SecFetchSite), self.told(Header::Origin)) {
            // `none`: the user's own doing, such as the address bar.
            (Some(site), _) => !matches!(site, "same-origin" | "none"),
            (None, Some(origin)) => {
                // Not the scheme: who ends TLS in front of us changes it.
                origin.split_once("://").is_none_or(|(_, host)| host != self.host)
            }
            (None, None) => false,
        }
    }

    /// A parameter of the query, as it stands there. The values we take need no escaping.
    pub(crate) fn query(&self, name: &str) -> Option<&'t str> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

/// What is told of a method: of one that reads, or of one that changes something.
fn told_of<'h>(method: &str, reads: &'h [Header], changes: &'h [Header]) -> &'h [Header] {
    if matches!(method, "GET" | "HEAD") { reads } else { changes }
}

impl<'t> Deref for Request<'t> {
    type Target = Head<'t>;

    fn deref(&self) -> &Head<'t> {
        &self.head
    }
}

impl<'t> Request<'t> {
    /// A request of which this is told at once.
    pub(crate) const fn new(head: Head<'t>, body: Option<Vec<u8>>, incoming: &'t Incoming) -> Self {
        let asked = [const { OnceCell::new() }; HEADERS_LEN];
        let incoming = Some(incoming);
        Self { head, asked, asked_together: OnceCell::new(), body, incoming }
    }

    /// A request of which nothing is known but what is told: its head, and on the last line its
    /// body.
    pub(crate) fn of_whole(text: &'t str) -> Self {
        let mut lines = text.splitn(LINES_OF_WHOLE, '\n');
        let head = Head::of_lines(lines.by_ref(), |_| &TOLD_OF_WHOLE);
        let body = Some(lines.next().unwrap_or_default().as_bytes().to_vec());
        let asked = [const { OnceCell::new() }; HEADERS_LEN];
        Self { head, asked, asked_together: OnceCell::new(), body, incoming: None }
    }

    /// A header's value; `None` if it is absent or empty.
    pub(crate) fn header(&self, header: Header) -> Option<&str> {
        let number = header as usize;
        let together = told_of(self.method, &[], ASKED_OF_CHANGES);
        let value = if let Some(told) = self.head.told.get(number)? {
            *told
        } else if let Some(line) = together.iter().position(|one| *one == header) {
            let told = || self.incoming.and_then(|i| i.together().ok()).unwrap_or_default();
            self.asked_together.get_or_init(told).split('\n').nth(line)?
        } else {
            self.asked.get(number)?.get_or_init(|| self.ask(header)).as_deref()?
        };
        (!value.is_empty()).then_some(value)
    }

    fn ask(&self, header: Header) -> Option<String> {
        self.incoming?.header(header as u32).ok().flatten()
    }

    /// A cookie's value.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        cookie_of(self.header(Header::Cookie)?, |key| key == name)
    }

    /// Whether it came without a body.
    pub(crate) fn has_no_body(&self) -> bool {
        self.body.as_ref().is_some_and(Vec::is_empty)
    }

    /// The body, if it is of a media type and not longer than it may be.
    pub(crate) async fn body(&self, media_type: &str, max: u32) -> Result<Vec<u8>, Problem> {
        self.require_media_type(media_type)?;
        self.any_body(max).await
    }

    fn require_media_type(&self, media_type: &str) -> Result<(), Problem> {
        let given = self.header(Header::ContentType).unwrap_or_default();
        let essence = given.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case(media_type) {
            return Ok(());
        }
        let detail = format!("Send the body as {media_type} with that Content-Type.");
        Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
    }

    /// The body, whatever it is, if it is not longer than it may be.
    pub(crate) async fn any_body(&self, max: u32) -> Result<Vec<u8>, Problem> {
        let too_large = || {
            let detail = format!("This address takes at most {max} bytes.");
            Problem::new(ProblemKind::BodyTooLarge, detail)
        };
        if let Some(body) = &self.body {
            let fits = body.len() <= max as usize;
            return if fits { Ok(body.clone()) } else { Err(too_large()) };
        }
        let unreadable =
            || Problem::new(ProblemKind::BodyMalformed, "The body broke off while it was read.");
        let incoming = self.incoming.ok_or_else(unreadable)?;
        let promise = incoming.body(max).map_err(|_| unreadable())?;
        let body = JsFuture::from(promise).await.map_err(|_| unreadable())?;
        if body.is_undefined() {
            return Err(too_large());
        }
        Ok(Uint8Array::unchecked_from_js(body).to_vec())
    }

    /// The body as JSON of a certain shape.
    pub(crate) async fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.require_media_type(JSON)?;
        let read;
        let body = if let Some(body) = &self.body {
            body
        } else {
            read = self.any_body(JSON_LEN_MAX).await?;
            &read
        };
        from_json(body)
    }

    /// The same of a body that came with the head; nothing if it did not.
    pub(crate) fn json_at_hand<T: DeserializeOwned>(&self) -> Option<Result<T, Problem>> {
        let body = self.body.as_ref()?;
        Some(self.require_media_type(JSON).and_then(|()| from_json(body)))
    }
}

/// The value of the first cookie with such a name.
pub(crate) fn cookie_of(cookies: &str, is: impl Fn(&str) -> bool) -> Option<&str> {
    let mut pairs = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    pairs.find(|(key, _)| is(key)).map(|(_, value)| value)
}

/// JSON of a certain shape, or a problem that names the place.
fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would take a list for the fields of an object, in the order in which they are written.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::invalid("", "It has to be an object, and is a list."));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer_to(error.path());
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => {
                Problem::new(ProblemKind::BodyInvalid, "Correct what `errors` names.")
                    .at(FieldError { pointer, detail: inner.to_string() })
            }
            _ => Problem::new(ProblemKind::BodyMalformed, format!("It is not JSON: {inner}.")),
        }
    })?;
    reader.end().map_err(|error| {
        Problem::new(ProblemKind::BodyMalformed, format!("It is not JSON: {error}."))
    })?;
    Ok(value)
}

/// A place in a body as a JSON pointer (RFC 6901).
fn pointer_to(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => "/".to_owned(),
        })
        .collect()
}
