//! Finding a free port, and one HTTP request without an HTTP client.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};

/// Ports below those the kernel hands to outgoing connections (Linux: 32768 and up), or a client
/// could take ours while the server restarts.
const PORTS_FROM: u16 = 20_000;
const PORTS: u16 = 12_000;

/// A loopback port nobody listens on at this moment. Another process may still take it first.
pub(super) fn free_port() -> Result<u16> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    for _ in 0..PORTS {
        // Processes start far apart, so that test programs that run at once rarely meet.
        let asked = ASKED.fetch_add(1, Ordering::Relaxed);
        let spread = process::id().wrapping_mul(97).wrapping_add(asked);
        let offset = spread.checked_rem(u32::from(PORTS)).unwrap_or_default();
        let offset = u16::try_from(offset).unwrap_or_default();
        let port = PORTS_FROM.saturating_add(offset);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port between {PORTS_FROM} and {}", PORTS_FROM.saturating_add(PORTS))
}

/// Status and body of `GET path` on the loopback `port`; each step of the exchange takes at most
/// `patience`.
pub(super) fn get(port: u16, path: &str, patience: Duration) -> io::Result<(u16, String)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    // RFC 9112 section 4: the version, a space, and three digits.
    let status = reply.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    match status {
        Some(status) => Ok((status, body.to_owned())),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "no HTTP status line")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_port_in_use_is_not_handed_out() {
        let port = free_port().unwrap();
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_ne!(free_port().unwrap(), port);
    }

    #[test]
    fn status_and_body_are_read_from_the_reply() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\nlater").unwrap();
            request
        });
        let reply = get(port, "/healthz", Duration::from_secs(5)).unwrap();
        assert_eq!(reply, (503, "later".to_owned()));
        assert!(server.join().unwrap().starts_with(b"GET /healthz HTTP/1.1\r\n"));
    }

    #[test]
    fn nobody_listening_is_an_error_and_no_status() {
        let port = free_port().unwrap();
        assert!(get(port, "/healthz", Duration::from_secs(1)).is_err());
    }
}
