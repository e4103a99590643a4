//! The way from one process to another, which can be cut and mended.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Carries bytes to a server and back, as long as it is whole.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    condition: Condition,
    /// All connections that go through it.
    through: Vec<TcpStream>,
}

/// What becomes of what goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Condition {
    #[default]
    Whole,
    /// Who connects is turned away.
    Cut,
    /// Who connects hears nothing.
    Silent,
}

impl Link {
    /// A link to a server.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        // Ends with the process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is not there is a link that is cut.
                drop(accept(client, server, &shared));
            }
        });
        Self { address, state }
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends everything that is under way, and lets nobody through.
    pub fn cut(&self) {
        self.become_(Condition::Cut);
    }

    /// Ends everything that is under way; who comes then waits for an answer in vain.
    pub fn fall_silent(&self) {
        self.become_(Condition::Silent);
    }

    /// It is as it was.
    pub fn mend(&self) {
        self.become_(Condition::Whole);
    }

    fn become_(&self, condition: Condition) {
        let mut state = self.state.lock().unwrap();
        state.condition = condition;
        for connection in state.through.drain(..) {
            // One that has ended already is as good.
            drop(connection.shutdown(Shutdown::Both));
        }
    }
}

fn accept(client: TcpStream, server: SocketAddr, state: &Mutex<State>) -> io::Result<()> {
    let mut state = state.lock().unwrap();
    match state.condition {
        Condition::Cut => return Ok(()),
        Condition::Silent => state.through.push(client),
        Condition::Whole => {
            let there = TcpStream::connect(server)?;
            for end in [&client, &there] {
                end.set_nodelay(true)?;
                state.through.push(end.try_clone()?);
            }
            carry(client.try_clone()?, there.try_clone()?);
            carry(there, client);
        }
    }
    Ok(())
}

/// Carries what comes from one end to the other until it ends.
fn carry(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let Some(Ok(())) = bytes.get(..count).map(|part| to.write_all(part)) else { break };
        }
        drop(to.shutdown(Shutdown::Write));
    });
}
