//! Requests and replies as the text that `entry.mjs` carries.

mod reply;
mod request;

pub(crate) use reply::{Heads, JSON, Reply};
pub(crate) use request::{Head, Header, Incoming, Request, cookie_of};
