//! How fast the product is, against floors and peers, measured in the same rounds.

pub mod load;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod systems;
