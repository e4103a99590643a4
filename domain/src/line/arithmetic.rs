//! Shares of whole numbers, and from those to real ones and back where shares are estimated.

use std::num::{NonZeroU64, NonZeroU128};

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

/// `number` times `part`, divided by `of`: rounded down, and the rest. Zero divides like one, and
/// what does not fit is as much as does.
///
/// Every poll comes by here, and WebAssembly has no division of more than 64 bits: a wider one is
/// for what needs it.
pub(super) fn share(number: u64, part: u64, of: u64) -> (u64, u64) {
    let of = NonZeroU64::new(of).unwrap_or(NonZeroU64::MIN);
    if number.leading_zeros().saturating_add(part.leading_zeros()) >= u64::BITS {
        let product = number.wrapping_mul(part);
        return (product / of, product % of);
    }
    let (product, of) = (u128::from(number).saturating_mul(part.into()), NonZeroU128::from(of));
    let rest = u64::try_from(product % of).unwrap_or_default();
    (u64::try_from(product / of).unwrap_or(u64::MAX), rest)
}

/// The same, rounded up.
pub(super) fn share_up(number: u64, part: u64, of: u64) -> u64 {
    let (whole, rest) = share(number, part, of);
    whole.saturating_add(u64::from(rest > 0))
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "nothing divides by zero here")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wide(number: u64, part: u64, of: u64) -> u128 {
        u128::from(number).wrapping_mul(part.into()) / u128::from(of.max(1))
    }

    #[test]
    fn what_does_not_fit_is_as_much_as_does() {
        assert_eq!(share(u64::MAX, u64::MAX, 1), (u64::MAX, 0));
        assert_eq!(share_up(u64::MAX, 3, 2), u64::MAX);
        assert_eq!(share(7, 3, 0), (21, 0));
    }

    proptest! {
        #[test]
        fn a_share_is_the_same_however_wide_it_is_computed(
            number in prop_oneof![any::<u64>(), 0..u64::from(u32::MAX)],
            part in prop_oneof![any::<u64>(), 0..1_000_000_u64],
            of in prop_oneof![any::<u64>(), 0..100_000_u64],
        ) {
            let (whole, rest) = share(number, part, of);
            let expected = wide(number, part, of);
            prop_assert_eq!(whole, u64::try_from(expected).unwrap_or(u64::MAX));
            let product = u128::from(number).wrapping_mul(part.into());
            prop_assert_eq!(u128::from(rest), product % u128::from(of.max(1)));
            let up = expected.saturating_add(u128::from(rest > 0));
            prop_assert_eq!(share_up(number, part, of), u64::try_from(up).unwrap_or(u64::MAX));
        }
    }
}
