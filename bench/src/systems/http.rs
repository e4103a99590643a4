//! One HTTP request and its reply, blocking, on a connection of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// For one step of one request: the first one may have to wait for a system to warm up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("no JSON: {self:?}"))
    }
}

/// Sends a request and reads its reply to the end.
pub(crate) fn send(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Reply> {
    send_within(PATIENCE, addr, method, path, headers, body)
}

/// The same, where each step may take so long.
pub(crate) fn send_within(
    patience: Duration,
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&addr, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    let length = body.len().to_string();
    request.extend(["content-length: ", &length, "\r\n\r\n", body]);
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).with_context(|| format!("{method} {path}"))?;
    parse(&text).with_context(|| format!("{method} {path} was answered with {text:?}"))
}

fn parse(text: &str) -> Result<Reply> {
    let (head, body) = text.split_once("\r\n\r\n").context("it has no end of the headers")?;
    // RFC 9112 section 4: the version, a space, and three digits.
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.context("it has no HTTP status line")?;
    let reply = Reply { status, head: head.to_owned(), body: body.to_owned() };
    let length = reply.header("content-length").context("it has no Content-Length")?;
    if length.parse() != Ok(body.len()) {
        bail!("it is not of the length it says");
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_has_a_status_headers_and_a_body() {
        let reply = parse("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nA-B: c\r\n\r\n{}").unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (201, "{}"));
        assert_eq!(reply.header("a-b"), Some("c"));
        assert_eq!(reply.header("content-type"), None);
    }

    #[test]
    fn half_a_reply_is_none() {
        assert!(parse("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n{}").is_err());
        assert!(parse("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n").is_err());
        assert!(parse("").is_err());
    }
}
