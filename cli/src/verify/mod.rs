//! `doorbuster verify`: what a sale leaves behind, verified offline by the domain's own code.

mod beacon;
pub mod draw;
pub mod journal;
mod ticket;
