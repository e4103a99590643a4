//! Many commands decided together: the native interface.

use super::{Answer, Command, Event, Inventory};
use crate::machine::{Corrupt, Machine as _};
use crate::time::Timestamp;

/// What a batch of commands led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// When: the given moment, or that of the newest event if the clock has gone back since.
    pub at: Timestamp,
    /// Everything that happened, in order: what time brought about first.
    pub events: Vec<Event>,
    /// One answer per command, in the order of the commands.
    pub answers: Vec<Answer>,
}

impl Inventory {
    /// Decides commands one after the other at one moment and applies what they lead to.
    ///
    /// Deadlines that have passed are seen to first, so expiry does not depend on an alarm: the
    /// units of a reservation that ran out are there for the first command that wants them.
    ///
    /// # Errors
    ///
    /// `Corrupt` if a decision led to an event that does not fit the state: a defect of this crate.
    /// The inventory is then to be thrown away and read again.
    pub fn decide_batch<'a>(
        &mut self,
        commands: impl IntoIterator<Item = &'a Command>,
        now: Timestamp,
    ) -> Result<Batch, Corrupt> {
        let at = now.max(self.last_at);
        let mut batch = Batch { at, events: Vec::new(), answers: Vec::new() };
        self.happen(self.handle_timeout(at), &mut batch)?;
        self.call_waiting(&mut batch)?;
        for command in commands {
            let answer = match self.handle(command, at) {
                Ok(decision) => {
                    self.happen(decision.events, &mut batch)?;
                    self.call_waiting(&mut batch)?;
                    Answer::Accepted(decision.reply)
                }
                Err(rejection) => Answer::Rejected(rejection),
            };
            batch.answers.push(answer);
        }
        Ok(batch)
    }

    /// What came back goes to who waits for it, before anybody else can ask.
    fn call_waiting(&mut self, batch: &mut Batch) -> Result<(), Corrupt> {
        while let Some(reservation) = self.next_called() {
            let expires_at = self.deadline_of_new(batch.at);
            self.happen(vec![Event::Called { reservation, expires_at }], batch)?;
        }
        Ok(())
    }

    fn happen(&mut self, events: Vec<Event>, batch: &mut Batch) -> Result<(), Corrupt> {
        for event in &events {
            self.apply(event, batch.at)?;
        }
        batch.events.extend(events);
        Ok(())
    }
}
