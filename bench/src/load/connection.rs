//! One keep-alive connection and what is under way on it.

use std::io::{self, Read as _, Write as _};
use std::net::{self, SocketAddr};
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::answer::ANSWER_BYTES_MAX;

/// Most answers fit; the buffer of a connection that gets longer ones grows.
const BUFFER_BYTES: usize = 8 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// An operation without its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnderWay {
    pub(super) number: u64,
    pub(super) intended_ns: u64,
    pub(super) sent_ns: u64,
    pub(super) tag: u8,
}

#[derive(Debug)]
pub(super) struct Connection {
    token: Token,
    socket: Option<TcpStream>,
    /// The socket has not said yet whether it is connected.
    connecting: bool,
    /// The request, and how much of it is written.
    pub(super) request: Vec<u8>,
    written: usize,
    /// What was received so far of an answer: the first `filled` bytes.
    buffer: Vec<u8>,
    filled: usize,
    pub(super) under_way: Option<UnderWay>,
    /// After a failure: not to be used before that moment.
    pub(super) resting_until: Option<u64>,
}

impl Connection {
    /// Connects, and waits for that.
    pub(super) fn open(target: SocketAddr, token: Token, registry: &Registry) -> io::Result<Self> {
        let socket = net::TcpStream::connect_timeout(&target, CONNECT_WITHIN)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let mut connection = Self {
            token,
            socket: None,
            connecting: false,
            request: Vec::new(),
            written: 0,
            buffer: vec![0; BUFFER_BYTES],
            filled: 0,
            under_way: None,
            resting_until: None,
        };
        connection.take(TcpStream::from_std(socket), registry)?;
        Ok(connection)
    }

    fn take(&mut self, mut socket: TcpStream, registry: &Registry) -> io::Result<()> {
        registry.register(&mut socket, self.token, Interest::READABLE | Interest::WRITABLE)?;
        self.socket = Some(socket);
        Ok(())
    }

    /// Begins to send `self.request`, on a new connection if the old one is closed.
    pub(super) fn begin(&mut self, target: SocketAddr, registry: &Registry) -> io::Result<()> {
        self.written = 0;
        if self.socket.is_none() {
            self.take(TcpStream::connect(target)?, registry)?;
            self.connecting = true;
            // The socket reports when it is connected.
            return Ok(());
        }
        self.flush()
    }

    /// Goes on connecting and sending after `event`. Whether there may be something to read.
    pub(super) fn advance(&mut self, event: &Event) -> io::Result<bool> {
        let Some(socket) = &self.socket else { return Ok(false) };
        if self.connecting {
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
            match socket.peer_addr() {
                Ok(_) => socket.set_nodelay(true)?,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
                Err(error) => return Err(error),
            }
            self.connecting = false;
        }
        self.flush()?;
        Ok(event.is_readable() || event.is_read_closed() || event.is_error())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        while let Some(rest) = self.request.get(self.written..).filter(|rest| !rest.is_empty()) {
            match socket.write(rest) {
                Ok(count) => self.written = self.written.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes in what has come. Whether the other side has ended the connection.
    ///
    /// A read that does not fill its buffer has emptied the socket, see epoll(7), which saves a
    /// system call per answer. If the end has been reported already, though, it must be read: it
    /// is not reported again.
    pub(super) fn receive(&mut self, end_reported: bool) -> io::Result<bool> {
        let Some(socket) = &mut self.socket else { return Ok(false) };
        loop {
            if self.filled == self.buffer.len() {
                if self.filled >= ANSWER_BYTES_MAX {
                    return Err(io::Error::other("the answer is longer than the generator takes"));
                }
                self.buffer.resize(self.filled.saturating_mul(2), 0);
            }
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            let wanted = room.len();
            match socket.read(room) {
                Ok(0) => return Ok(true),
                Ok(count) => {
                    self.filled = self.filled.saturating_add(count);
                    if count < wanted && !end_reported {
                        return Ok(false);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn received(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// The answer has been dealt with.
    pub(super) fn clear(&mut self, keep_alive: bool) {
        self.filled = 0;
        self.request.clear();
        self.written = 0;
        if !keep_alive {
            self.close();
        }
    }

    /// The next request gets a new connection. (A closed file leaves its epoll by itself.)
    pub(super) fn close(&mut self) {
        self.socket = None;
        self.connecting = false;
        self.filled = 0;
    }
}
