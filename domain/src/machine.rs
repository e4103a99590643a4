//! What every state machine of the domain has in common: events alone carry its state.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::time::Timestamp;

/// An event that cannot follow the ones before it: the journal is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {event} cannot follow: {reason}")]
pub struct Corrupt {
    /// The event's name.
    pub event: &'static str,
    /// What it breaks.
    pub reason: &'static str,
}

/// A state that is the sum of its events, and can therefore be journaled, replayed and audited.
pub trait Machine: Default {
    /// What can happen to it.
    type Event: Serialize + DeserializeOwned;

    /// Lets an event happen at `at`.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the event cannot follow. The state is then to be thrown away: it may have
    /// changed in part.
    fn apply(&mut self, event: &Self::Event, at: Timestamp) -> Result<(), Corrupt>;

    /// Writes the state down, in pieces of any length.
    ///
    /// # Errors
    ///
    /// Those of `to`.
    fn write_snapshot(&self, to: &mut dyn io::Write) -> io::Result<()>;

    /// The state that was written.
    ///
    /// # Errors
    ///
    /// Those of `from`, and that it is not what `write_snapshot` writes.
    fn read_snapshot(from: &mut dyn io::Read) -> io::Result<Self>;

    /// Called once after everything was read, from a snapshot and from the journal.
    fn wake(&mut self) {}

    /// Checks everything that must hold, slowly and from scratch.
    ///
    /// # Errors
    ///
    /// The name of the first invariant that is broken.
    fn check_invariants(&self) -> Result<(), &'static str>;
}
