//! A merchant's shop that takes every webhook at once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context as _, Result};

/// No webhook is longer.
const BODY_LEN_MAX: u64 = 1 << 20;

/// Starts one; it ends with the process.
pub(super) fn that_answers() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever hangs up in the middle of a request is done.
            thread::spawn(move || serve(&stream).ok());
        }
    });
    Ok(address)
}

/// Answers the requests of one connection.
fn serve(mut stream: &TcpStream) -> Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut len = 0_u64;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                len = value.trim().parse().context("a length that is no number")?;
            }
        }
        let mut body = Vec::new();
        reader.by_ref().take(len.min(BODY_LEN_MAX)).read_to_end(&mut body)?;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    }
}
