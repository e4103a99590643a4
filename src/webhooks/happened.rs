//! The queue consumer of what happened at the objects: into the books, and then the object is told
//! so. Until it is, it sends it again; writing it again changes nothing.

use doorbuster_durable::rpc::{INVENTORY, WAITING_ROOM};
use worker::Env;

use super::outbox::statements_of;
use super::sweep;
use crate::edge::Edge;
use crate::objects;
use crate::problem::Problem;
use crate::store::Store;

/// A message, as `durable/src/happened.rs` makes it.
struct Message<'m> {
    binding: &'static str,
    name: &'m str,
    up_to: u32,
    bodies: &'m str,
}

impl<'m> Message<'m> {
    fn read(text: &'m str) -> Option<Self> {
        let (binding, rest) = text.split_once('\n')?;
        let (name, rest) = rest.split_once('\n')?;
        let (up_to, bodies) = rest.split_once('\n')?;
        let binding = match binding {
            INVENTORY => INVENTORY,
            WAITING_ROOM => WAITING_ROOM,
            _ => return None,
        };
        Some(Self { binding, name, up_to: up_to.parse().ok()?, bodies })
    }
}

/// Handles a batch; for each message whether it is done with. What is no message is.
pub(crate) async fn happened(edge: &Edge, env: &Env, texts: &[String]) -> Vec<bool> {
    let messages: Vec<Option<Message<'_>>> = texts.iter().map(|text| Message::read(text)).collect();
    if write(edge, env, &messages).await.is_err() {
        return messages.iter().map(Option::is_none).collect();
    }
    let mut done = Vec::new();
    for message in &messages {
        let told = match message {
            Some(Message { binding, name, up_to, .. }) => {
                objects::told(env, binding, name, *up_to).await
            }
            None => Ok(()),
        };
        done.push(told.is_ok());
    }
    done
}

/// All of it is one transaction, and then those are woken who send it.
async fn write(edge: &Edge, env: &Env, messages: &[Option<Message<'_>>]) -> Result<(), Problem> {
    let store = Store::open(edge, env).await?;
    let mut statements = Vec::new();
    for message in messages.iter().flatten() {
        statements.extend(statements_of(&store, message.bodies)?);
    }
    store.run(statements).await?;
    sweep(edge, env).await
}
