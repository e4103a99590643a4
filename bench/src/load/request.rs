//! Requests as bytes.

use std::io::Write as _;

/// A whole HTTP/1.1 request. `host` and, where there is a body or the method wants one,
/// `content-length` are added.
pub fn render(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    render_into(&mut out, method, path, headers, body);
    out
}

/// [`render`] to the end of `out`, which allocates nothing once `out` is large enough.
pub fn render_into(
    out: &mut Vec<u8>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) {
    for part in [method, " ", path, " HTTP/1.1\r\nhost: localhost\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
        // Writing to a `Vec` does not fail.
        let _infallible = write!(out, "content-length: {}\r\n", body.len());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_rendered_as_rfc_9112_wants_it() {
        let text = render("POST", "/a?b=c", &[("x-one", "1")], b"{}");
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "POST /a?b=c HTTP/1.1\r\nhost: localhost\r\nx-one: 1\r\ncontent-length: 2\r\n\r\n{}"
        );
        let text = render("GET", "/", &[], b"");
        assert_eq!(String::from_utf8(text).unwrap(), "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
        assert!(render("POST", "/", &[], b"").ends_with(b"content-length: 0\r\n\r\n"));
    }
}
