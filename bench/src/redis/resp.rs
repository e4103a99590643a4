//! As much of Redis's protocol (RESP 2) as the bench speaks.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail};

/// Appends a command of these parts.
pub(super) fn push_command(to: &mut Vec<u8>, parts: &[&[u8]]) {
    push_length(to, b'*', parts.len());
    for part in parts {
        push_length(to, b'$', part.len());
        to.extend_from_slice(part);
        to.extend_from_slice(b"\r\n");
    }
}

fn push_length(to: &mut Vec<u8>, kind: u8, length: usize) {
    to.push(kind);
    to.extend_from_slice(length.to_string().as_bytes());
    to.extend_from_slice(b"\r\n");
}

/// Sends one command and returns its reply, of one line and of at most one text, as it stands.
pub(super) fn ask(stream: &mut TcpStream, parts: &[&[u8]]) -> Result<String> {
    let mut command = Vec::new();
    push_command(&mut command, parts);
    stream.write_all(&command).context("sending a command to Redis")?;
    let line = read_line(stream)?;
    match line.strip_prefix('$') {
        Some(_) => read_line(stream),
        None if line.starts_with('-') => bail!("Redis refused a command: {line}"),
        None => Ok(line),
    }
}

/// One line, without its end. Byte by byte, so that nothing of the next reply is taken.
fn read_line(stream: &mut TcpStream) -> Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte).context("reading a reply of Redis")?;
        line.extend_from_slice(&byte);
    }
    line.truncate(line.len().saturating_sub(2));
    String::from_utf8(line).context("a reply of Redis is no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_texts_with_their_lengths() {
        let mut command = Vec::new();
        push_command(&mut command, &[b"GET", b"", b"k\r\n"]);
        assert_eq!(command, b"*3\r\n$3\r\nGET\r\n$0\r\n\r\n$3\r\nk\r\n\r\n");
    }
}
