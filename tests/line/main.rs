//! The line under a crowd, through a crash, and at two edges of one shop.

#![expect(clippy::arithmetic_side_effects, reason = "a test may count and fail by overflowing")]

#[cfg(test)]
mod crowd;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod lanes;
#[cfg(test)]
mod load;
