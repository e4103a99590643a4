//! The draw: the order of those who came before it. Nobody chooses it, and everybody can check it.
//!
//! 1. Before the first ticket the sale publishes a [`Commitment`] to a [`DrawSecret`], and, if the
//!    merchant wants it so, to a round of a drand beacon that is not out yet.
//! 2. Everybody who joins gets a number. When the line opens, numbers up to `entries` are in the
//!    draw; who comes later stands behind them in the order of numbers.
//! 3. Some seconds later the secret and the beacon's signature are published. They and `entries`
//!    make the [`Seed`], and the seed makes the [`Permutation`]: position = permuted number.
//!
//! So one write draws any number of people, and anybody can compute anybody's position from the
//! number alone. `doorbuster verify draw` does all of it again.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex;
use crate::id::SaleId;
use crate::time::{Millis, Timestamp};

/// The name of this way to draw. What it computes never changes.
pub const ALGORITHM: &str = "doorbuster-draw-1";

/// How many rounds the Feistel network has: those of FF1 (NIST SP 800-38G, section 5.1).
const ROUNDS: u8 = 10;

/// What the draw depends on and nobody knows before it is published.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DrawSecret(#[serde(with = "hex")] [u8; 32]);

/// `SHA-256("doorbuster-draw-1 commitment\n" sale "\n" [chain " " round] "\n" secret)`, the chain
/// in hex digits and the round in decimal ones.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(#[serde(with = "hex")] [u8; 32]);

/// `SHA-256("doorbuster-draw-1 seed\n" secret entries randomness)`, the entries as 8 bytes big
/// endian, the randomness as 32 bytes if there is a beacon.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(#[serde(with = "hex")] [u8; 32]);

/// A round of a drand beacon (<https://docs.drand.love/docs/cryptography/>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeaconRound {
    /// The hash of the chain, which says whose beacon it is.
    pub chain: String,
    /// The round, from 1.
    pub round: u64,
}

impl DrawSecret {
    /// The secret made of these bytes, which nobody else may know.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be published after the draw and not before.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What is published before the first ticket.
    pub fn commitment(&self, sale: &SaleId, beacon: Option<&BeaconRound>) -> Commitment {
        let mut hash = Sha256::new();
        hash.update(format!("{ALGORITHM} commitment\n{sale}\n"));
        if let Some(BeaconRound { chain, round }) = beacon {
            hash.update(format!("{chain} {round}"));
        }
        hash.update(b"\n");
        hash.update(self.0);
        Commitment(hash.finalize().into())
    }

    /// The seed of the draw among so many. `randomness` is the beacon's, if one was named.
    pub fn seed(&self, entries: u64, randomness: Option<&[u8; 32]>) -> Seed {
        let mut hash = Sha256::new();
        hash.update(format!("{ALGORITHM} seed\n"));
        hash.update(self.0);
        hash.update(entries.to_be_bytes());
        if let Some(randomness) = randomness {
            hash.update(randomness);
        }
        Seed(hash.finalize().into())
    }
}

impl Commitment {
    /// The first 128 bits: what a ticket carries of it.
    pub fn first_half(&self) -> [u8; 16] {
        self.0.first_chunk().copied().unwrap_or_default()
    }
}

impl Seed {
    /// The seed of these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl BeaconRound {
    /// The chain whose rounds can be checked from round and signature alone: drand's `quicknet`.
    pub const CHAIN: &'static str =
        "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";
    /// When its first round came out.
    pub const GENESIS: Timestamp = Timestamp::from_millis(1_692_803_367_000);
    /// How long it is from one round to the next.
    pub const PERIOD: Millis = Millis::from_secs(3);

    /// Whether it can be one.
    pub fn is_plausible(&self) -> bool {
        self.round > 0 && self.chain == Self::CHAIN
    }

    /// When it comes out.
    pub const fn out_at(&self) -> Timestamp {
        let since = self.round.saturating_sub(1).saturating_mul(Self::PERIOD.get());
        Self::GENESIS.plus(Millis::new(since))
    }

    /// What a round's signature comes to: drand defines the randomness as its SHA-256.
    pub fn randomness(signature: &[u8]) -> [u8; 32] {
        Sha256::digest(signature).into()
    }
}

/// Every number up to `entries` to a position up to `entries`, each to another one.
///
/// A number is written as two digits, of bases as near to each other as can be; in [`ROUNDS`]
/// rounds one digit moves by a hash of the other. What lands beyond `entries` goes on from there,
/// which is seldom: less than one in a square root of them is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permutation {
    seed: Seed,
    entries: u64,
    high_base: NonZeroU64,
    low_base: NonZeroU64,
}

impl Permutation {
    /// The permutation of so many under a seed.
    pub fn new(seed: Seed, entries: u64) -> Self {
        let root = entries.isqrt();
        let is_square = root.saturating_mul(root) == entries;
        let base = |base| NonZeroU64::new(base).unwrap_or(NonZeroU64::MIN);
        let high_base = base(if is_square { root } else { root.saturating_add(1) });
        Self { seed, entries, high_base, low_base: base(entries.div_ceil(high_base.get())) }
    }

    /// How many are in the draw.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// The position of a number; the number itself if it is not in the draw.
    pub fn position(&self, number: u64) -> u64 {
        if number == 0 || number > self.entries {
            return number;
        }
        let mut index = number.saturating_sub(1);
        loop {
            index = self.shuffle(index);
            if index < self.entries {
                return index.saturating_add(1);
            }
        }
    }

    fn shuffle(&self, index: u64) -> u64 {
        let (mut high, mut low) = (index / self.low_base, index % self.low_base);
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                high = self.moved(high, self.high_base, round, low);
            } else {
                low = self.moved(low, self.low_base, round, high);
            }
        }
        high.saturating_mul(self.low_base.get()).saturating_add(low)
    }

    /// A digit, moved by the first 8 bytes of `SHA-256(seed round other)`.
    fn moved(&self, digit: u64, base: NonZeroU64, round: u8, other: u64) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.seed.0);
        hash.update([round]);
        hash.update(other.to_be_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let by = u64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default());
        // Both are below a base, which is a square root: the sum fits.
        (by % base).saturating_add(digit) % base
    }
}

macro_rules! hexadecimal {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

hexadecimal!(Commitment, Seed);

/// A secret is not for logs.
impl fmt::Debug for DrawSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DrawSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(number: u64) -> Seed {
        DrawSecret::from_bytes([7; 32]).seed(number, None)
    }

    #[test]
    fn everybody_gets_a_position_of_their_own() {
        for entries in (1..=40).chain([99, 100, 101, 1_000]) {
            let draw = Permutation::new(seed(entries), entries);
            let mut taken = vec![false; usize::try_from(entries).unwrap()];
            for number in 1..=entries {
                let position = draw.position(number);
                let place = &mut taken[usize::try_from(position - 1).unwrap()];
                assert!(!*place, "{position} of {entries} was given twice");
                *place = true;
            }
        }
    }

    #[test]
    fn who_is_not_in_the_draw_keeps_the_number() {
        let draw = Permutation::new(seed(1), 10);
        assert_eq!(draw.position(11), 11);
        assert_eq!(draw.position(0), 0);
        assert_eq!(Permutation::new(seed(1), 0).position(1), 1);
    }

    /// The 99.9 % quantile of chi-square, after Wilson and Hilferty.
    fn chi_square_max(freedom: f64) -> f64 {
        let spread = 2.0 / (9.0 * freedom);
        freedom * (1.0 - spread + 3.09 * spread.sqrt()).powi(3)
    }

    #[test]
    fn every_position_is_as_likely_as_any_other_for_everybody() {
        const DRAWS: u32 = 1_000;
        for entries in [2_u64, 3, 5, 6, 10, 17] {
            for number in [1, entries] {
                let mut counts = vec![0_u32; usize::try_from(entries).unwrap()];
                for draw in 0..DRAWS {
                    let mut bytes = [3; 32];
                    bytes[..4].copy_from_slice(&draw.to_be_bytes());
                    let position = Permutation::new(Seed(bytes), entries).position(number);
                    counts[usize::try_from(position - 1).unwrap()] += 1;
                }
                let expected = f64::from(DRAWS) / f64::from(u32::try_from(entries).unwrap());
                let chi_square: f64 =
                    counts.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
                let max = chi_square_max(f64::from(u32::try_from(entries - 1).unwrap()));
                assert!(chi_square < max, "number {number} of {entries}: {chi_square} > {max}");
            }
        }
    }

    #[test]
    fn what_was_published_once_is_computed_the_same_for_ever() {
        let secret = DrawSecret::from_bytes([1; 32]);
        let sale = "drop".parse().unwrap();
        let beacon = BeaconRound { chain: "52".repeat(32), round: 7 };
        let commitments = [None, Some(&beacon)].map(|beacon| secret.commitment(&sale, beacon));
        let seeds = [secret.seed(1_000, None), secret.seed(1_000, Some(&[9; 32]))];
        let positions = [1, 2, 999, 1_000].map(|n| Permutation::new(seeds[0], 1_000).position(n));
        assert_eq!(
            commitments.map(|commitment| commitment.to_string()),
            [
                "3da7104f7223f372838c461e02a56ac092508a4cb38c092004d446fcb5c0482a",
                "9dbfad3f01d34a0fb16b6d9fd6897a2fce2c6c1a15e7bc4e9e368e0752ff6191",
            ]
        );
        assert_eq!(
            seeds.map(|seed| seed.to_string()),
            [
                "1162c9bf5282ff95ddd6fa10323ccc4c3b5d4592936361bc39bc6a20c26849b2",
                "3f3ff62079b053a979d035eabe5a7d018c25da8de63e65b486f6c5ca4d5f72a0",
            ]
        );
        assert_eq!(positions, [297, 507, 943, 313]);
    }

    #[test]
    fn rounds_come_out_one_period_after_the_other() {
        let out_at = |round| BeaconRound { chain: String::new(), round }.out_at();
        assert_eq!(out_at(1), BeaconRound::GENESIS);
        assert_eq!(out_at(11), BeaconRound::GENESIS.plus(Millis::from_secs(30)));
        assert!(out_at(u64::MAX) > out_at(11));
    }
}
