//! From whole numbers to real ones and back, where shares are estimated.

/// A number as a real one; exact below 2^53, which counts of people and units are.
#[expect(clippy::cast_precision_loss, reason = "counts of people and units are below 2^53")]
pub(super) const fn real(number: u64) -> f64 {
    number as f64
}

/// A real number as a whole one, rounded down; nothing if it is below.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of floats ends at the bounds, and gives zero for what is no number"
)]
pub(super) const fn whole(number: f64) -> u64 {
    number as u64
}
