//! How fast the product is, against floors and peers, measured in the same rounds.

pub mod dollars;
pub mod figures;
pub mod flood;
pub mod growth;
pub mod load;
mod merchant;
pub mod object;
pub mod page;
pub mod postgres;
pub mod process;
pub mod ratios;
pub mod redis;
pub mod results;
pub mod rounds;
pub mod subjects;
pub mod systems;
mod turns;
pub mod webhooks;
pub mod workloads;
