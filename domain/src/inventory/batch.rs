//! Many commands decided together: the native interface.

use super::{Answer, Command, Event, Inventory};
use crate::machine::{Corrupt, Machine as _};
use crate::time::Timestamp;

/// What a batch of commands led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
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
        let now = now.max(self.last_at);
        let mut batch = Batch { events: self.handle_timeout(now), answers: Vec::new() };
        for event in &batch.events {
            self.apply(event, now)?;
        }
        for command in commands {
            let result = self.handle(command, now);
            let answer = match result {
                Ok(decision) => {
                    for event in &decision.events {
                        self.apply(event, now)?;
                    }
                    batch.events.extend(decision.events);
                    Ok(decision.reply)
                }
                Err(rejection) => Err(rejection),
            };
            batch.answers.push(answer.into());
        }
        Ok(batch)
    }

    /// The moment that counts when the clock says `now`: never before the newest event.
    pub fn moment(&self, now: Timestamp) -> Timestamp {
        now.max(self.last_at)
    }
}
