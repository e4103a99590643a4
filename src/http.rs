//! Requests and replies as the text that `entry.mjs` carries.

use std::cell::OnceCell;
use std::fmt::Write as _;

use js_sys::{Promise, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::problem::Problem;
use doorbuster_wire::problem::{FieldError, ProblemKind};

/// The largest JSON body, in bytes. The largest that any route needs is a sale of 100 SKUs, which
/// is below 8 KiB.
const JSON_LEN_MAX: u32 = 64 * 1024;

/// The headers that requests are read by. `entry.mjs` has their names in the same order.
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

/// Those that stand in the head of a request: what most requests of shoppers need. The others are
/// asked for.
const TOLD_OF_READS: &[Header] = &[Header::Shopper, Header::Ticket];
/// The same, of what changes something.
const TOLD_OF_CHANGES: &[Header] = &[
    Header::Shopper,
    Header::Pass,
    Header::IdempotencyKey,
    Header::ContentType,
    Header::Origin,
    Header::SecFetchSite,
];

#[wasm_bindgen]
extern "C" {
    /// A request as `entry.mjs` keeps it, to be asked for more.
    pub type Incoming;

    /// A header, by its number.
    #[wasm_bindgen(method, catch)]
    fn header(this: &Incoming, number: u32) -> Result<Option<String>, JsValue>;

    /// A promise of the body; of nothing if it is longer than so many bytes.
    #[wasm_bindgen(method, catch)]
    fn body(this: &Incoming, max: u32) -> Result<Promise, JsValue>;
}

/// A request.
pub(crate) struct Request<'t> {
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
    asked: [OnceCell<Option<String>>; HEADERS_LEN],
    /// The body, if it came with the head.
    body: Option<Vec<u8>>,
    incoming: &'t Incoming,
}

impl<'t> Request<'t> {
    /// Reads the lines that `entry.mjs` makes of a request.
    pub(crate) fn parse(head: &'t str, body: Option<Vec<u8>>, incoming: &'t Incoming) -> Self {
        let mut lines = head.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let (method, url, client) = (line(), line(), line());
        let is_read = matches!(method, "GET" | "HEAD");
        let mut told = [None; HEADERS_LEN];
        for header in if is_read { TOLD_OF_READS } else { TOLD_OF_CHANGES } {
            if let Some(place) = told.get_mut(*header as usize) {
                *place = Some(line());
            }
        }
        let after_scheme = url.find("://").map_or(0, |at| at.saturating_add(3));
        let path_at = url
            .get(after_scheme..)
            .and_then(|rest| rest.find('/'))
            .map_or(url.len(), |at| at.saturating_add(after_scheme));
        let host = url.get(after_scheme..path_at).unwrap_or_default();
        let target = url.get(path_at..).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let secure = url.starts_with("https:");
        let asked = [const { OnceCell::new() }; HEADERS_LEN];
        Self { method, secure, host, path, query, client, told, asked, body, incoming }
    }

    /// A header's value; `None` if it is absent or empty.
    pub(crate) fn header(&self, header: Header) -> Option<&str> {
        let number = header as usize;
        let value = match self.told.get(number)? {
            Some(told) => *told,
            None => self.asked.get(number)?.get_or_init(|| self.ask(header)).as_deref()?,
        };
        (!value.is_empty()).then_some(value)
    }

    fn ask(&self, header: Header) -> Option<String> {
        self.incoming.header(header as u32).ok().flatten()
    }

    /// Whether a page of another origin made a browser send it.
    ///
    /// Browsers say so themselves (Fetch Metadata, section 2.3), older ones by `Origin` alone (RFC
    /// 6454, 7). What says neither is no browser, and carries nobody's cookie.
    pub(crate) fn is_cross_origin(&self) -> bool {
        match (self.header(Header::SecFetchSite), self.header(Header::Origin)) {
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

    /// A cookie's value.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.header(Header::Cookie)?.split(';');
        cookies
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// Whether it came without a body.
    pub(crate) fn has_no_body(&self) -> bool {
        self.body.as_ref().is_some_and(Vec::is_empty)
    }

    /// The body, if it is of a media type and not longer than it may be.
    pub(crate) async fn body(&self, media_type: &str, max: u32) -> Result<Vec<u8>, Problem> {
        let given = self.header(Header::ContentType).unwrap_or_default();
        let essence = given.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(media_type) {
            let detail = format!("Send the body as {media_type} with that Content-Type.");
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
        self.any_body(max).await
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
        let promise = self.incoming.body(max).map_err(|_| unreadable())?;
        let body = JsFuture::from(promise).await.map_err(|_| unreadable())?;
        if body.is_undefined() {
            return Err(too_large());
        }
        Ok(Uint8Array::unchecked_from_js(body).to_vec())
    }

    /// The body as JSON of a certain shape.
    pub(crate) async fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let bytes = self.body("application/json", JSON_LEN_MAX).await?;
        from_json(&bytes)
    }
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

/// What a reply without a route is, such as that of a test hook.
const SUCCESS: u16 = 200;

/// The fields of most replies are not longer together.
const FIELDS_LEN: usize = 192;

/// What a cache is told whose copy is current (RFC 9110, 15.4.5).
const NOT_MODIFIED: u16 = 304;

/// A reply. Its status is that of its route's success, unless it says another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    status: Option<u16>,
    /// Fields that many replies have alike.
    fields: String,
    /// Fields that are this reply's own, such as the address of what was made.
    own_fields: String,
    body: String,
}

impl Reply {
    /// A reply of JSON.
    pub(crate) fn json<T: Serialize>(body: &T) -> Self {
        // The wire types are plain data with string keys: serde_json cannot fail on them.
        let body = serde_json::to_string(body).unwrap_or_default();
        Self::text("application/json", body)
    }

    /// A reply of one member, whose value is JSON already.
    pub(crate) fn said(name: &str, value: &str) -> Self {
        Self::text("application/json", format!("{{\"{name}\":{value}}}"))
    }

    /// A reply of any text.
    pub(crate) fn text(media_type: &str, body: String) -> Self {
        let fields = String::with_capacity(FIELDS_LEN);
        Self { status: None, fields, own_fields: String::new(), body }
            .field("content-type", media_type)
            .field("x-content-type-options", "nosniff")
    }

    /// A reply without a body.
    pub(crate) fn empty() -> Self {
        let empty = String::new;
        Self { status: None, fields: empty(), own_fields: empty(), body: empty() }
    }

    /// A reply to a cache whose copy is current.
    pub(crate) fn not_modified() -> Self {
        Self::empty().status(NOT_MODIFIED)
    }

    /// The same with a status, if it has none yet.
    #[must_use]
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status.get_or_insert(status);
        self
    }

    /// The same with a header more. A value with a line break in it is left out.
    #[must_use]
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        push_field(&mut self.fields, name, value);
        self
    }

    /// The same with a header more that no other reply has.
    #[must_use]
    pub(crate) fn own_field(mut self, name: &str, value: &str) -> Self {
        push_field(&mut self.own_fields, name, value);
        self
    }

    /// The text that `entry.mjs` makes a `Response` of: status, fields, an empty line, own fields,
    /// an empty line, and the body.
    pub(crate) fn into_text(self) -> String {
        let parts = [&self.fields, &self.own_fields, &self.body];
        let len = parts.iter().map(|part| part.len()).sum::<usize>().saturating_add(8);
        let mut text = String::with_capacity(len);
        // Writing into a text does not fail.
        let _ = writeln!(text, "{}", self.status.unwrap_or(SUCCESS));
        for part in [&self.fields, "\n", &self.own_fields, "\n", &self.body] {
            text.push_str(part);
        }
        text
    }
}

fn push_field(fields: &mut String, name: &str, value: &str) {
    if !value.contains(['\r', '\n']) {
        for part in [name, ": ", value, "\n"] {
            fields.push_str(part);
        }
    }
}
