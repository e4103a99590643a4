//! The edge Worker: HTTP and queue messages in, calls to the domain and to the objects out.
//!
//! It decides nothing. `entry.mjs` carries requests in as text and replies out as text; a request
//! goes through `router`, a handler per route, and, if it fails, through `problem`.

mod admin;
mod at_once;
#[cfg(feature = "test-hooks")]
mod bad_queue;
mod books;
mod cart;
mod catalog;
mod config;
mod contacts;
mod edge;
#[cfg(feature = "test-hooks")]
mod hooks;
mod http;
mod letters;
mod limits;
mod line;
mod objects;
mod orders;
mod payment;
mod problem;
mod queue;
mod reservations;
mod room;
mod router;
mod settlement;
mod shopper;
mod statuses;
mod steps;
mod store;
mod together;
mod webhooks;

pub use doorbuster_durable::{InventoryObject, WaitingRoomObject};
pub use edge::EdgeEntry;
