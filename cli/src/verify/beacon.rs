//! Rounds of drand beacons, checked without asking anybody.
//!
//! <https://docs.drand.love/docs/cryptography/> says what a round's signature is over; the curve
//! arithmetic is that of `blst`.

use anyhow::{Context, Result, bail, ensure};
use blst::BLST_ERROR;
use blst::min_sig::{PublicKey, Signature};
use doorbuster_domain::hex;
use doorbuster_domain::line::BeaconRound;
use sha2::{Digest, Sha256};

/// drand's first chain, `default`.
const DEFAULT: &str = "8990e7a9aaed2ffed73dbd7092123d6f289930540d7651336225dc172e51b2ce";

/// drand's chain for Ethereum's virtual machine, `evmnet`.
const EVMNET: &str = "04f1e9062b8a81f848fded9c12306733282b2727ecced50032187751166ec8c3";

/// drand's chain `quicknet`.
static QUICKNET: Chain = Chain {
    name: "quicknet",
    hash: BeaconRound::CHAIN,
    public_key: concat!(
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c",
        "8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb",
        "5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
    ),
};

/// How messages become points in drand's scheme `bls-unchained-g1-rfc9380`: the suite of RFC 9380,
/// section 8.8.1.
const SUITE: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

/// A chain whose rounds follow from round and signature alone: scheme `bls-unchained-g1-rfc9380`.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) name: &'static str,
    hash: &'static str,
    public_key: &'static str,
}

impl Chain {
    /// The chain of a hash, if its rounds can be checked.
    pub(super) fn of_hash(hash: &str) -> Result<&'static Self> {
        match hash {
            _ if hash == QUICKNET.hash => Ok(&QUICKNET),
            DEFAULT => bail!(
                "rounds of drand's chain `default` cannot be checked: each signs the signature \
                 before it too, which a draw does not have"
            ),
            EVMNET => bail!(
                "rounds of drand's chain `evmnet` cannot be checked: they are signed on the curve \
                 BN254, and only BLS12-381 is known here"
            ),
            _ => bail!("no beacon is known whose chain has the hash {hash:?}"),
        }
    }

    /// Whether these bytes are the chain's signature of the round.
    ///
    /// Only the compressed spelling is one: with a second spelling of the same signature there
    /// would be a second randomness to choose from.
    pub(super) fn verify(&self, round: u64, signature: &[u8]) -> Result<()> {
        let key = hex::decode(self.public_key).unwrap_or_default();
        let key = PublicKey::uncompress(&key)
            .ok()
            .with_context(|| format!("the public key of {} is no point", self.name))?;
        let signature = Signature::uncompress(signature)
            .ok()
            .context("the beacon's signature is not 48 bytes that encode a point of BLS12-381")?;
        let message = Sha256::digest(round.to_be_bytes());
        let outcome = signature.verify(true, &message, SUITE, &[], &key, true);
        ensure!(
            outcome == BLST_ERROR::BLST_SUCCESS,
            "the beacon's signature is not that of round {round} of {}",
            self.name
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounds as drand published them; the last one's randomness is known too.
    const ROUNDS: [(u64, &str); 3] = [
        (
            123,
            "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482\
             e26cd02df835d3546d23c4b13e0dfc92",
        ),
        (
            1012,
            "af176bfcdd76db41f832282db70e135dcb94deb21c29103ea10a0145cb271eb1\
             57ae4bdb33be0ea593e3ed0fb164673c",
        ),
        (
            1,
            "b55e7cb2d5c613ee0b2e28d6750aabbb78c39dcc96bd9d38c2c2e12198df9557\
             1de8e8e402a0cc48871c7089a2b3af4b",
        ),
    ];

    #[test]
    fn rounds_that_were_published_are_verified() {
        for (round, signature) in ROUNDS {
            QUICKNET.verify(round, &hex::decode(signature).unwrap()).unwrap();
        }
        let randomness = Sha256::digest(hex::decode(ROUNDS[2].1).unwrap());
        assert_eq!(
            hex::encode(&randomness),
            "1466a6cd24e327188770752f6134001c64d6efcc590ccc26b721611ad96f165a"
        );
    }

    #[test]
    fn no_signature_is_that_of_another_round() {
        for (round, signature) in ROUNDS {
            let signature = hex::decode(signature).unwrap();
            for other in [0, round - 1, round + 1, u64::MAX] {
                let problem = QUICKNET.verify(other, &signature).unwrap_err().to_string();
                let expected =
                    format!("the beacon's signature is not that of round {other} of quicknet");
                assert_eq!(problem, expected);
            }
        }
    }

    #[test]
    fn the_hash_of_a_chain_is_that_of_what_is_known_of_it() {
        const GROUP: &str = "f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e";
        let mut hash = Sha256::new();
        hash.update(u32::try_from(BeaconRound::PERIOD.get() / 1000).unwrap().to_be_bytes());
        hash.update(BeaconRound::GENESIS.as_secs().to_be_bytes());
        hash.update(hex::decode(QUICKNET.public_key).unwrap());
        hash.update(hex::decode(GROUP).unwrap());
        hash.update(QUICKNET.name);
        assert_eq!(hex::encode(&hash.finalize()), QUICKNET.hash);
    }

    #[test]
    fn a_second_spelling_of_a_signature_is_refused() {
        let (round, signature) = ROUNDS[0];
        let signature = hex::decode(signature).unwrap();
        let point = Signature::uncompress(&signature).unwrap();
        assert_eq!(Signature::from_bytes(&point.serialize()), Ok(point), "blst knows both");
        for other in [&point.serialize()[..], &signature[..47], &[], &[0; 48], &[0xff; 48]] {
            let problem = QUICKNET.verify(round, other).unwrap_err().to_string();
            assert!(problem.contains("48 bytes that encode a point"), "{problem}");
        }
    }

    #[test]
    fn the_point_at_infinity_signs_nothing() {
        let mut infinity = [0; 48];
        infinity[0] = 0xc0;
        assert!(QUICKNET.verify(1, &infinity).is_err());
    }

    #[test]
    fn a_chain_that_cannot_be_checked_is_refused_with_the_reason() {
        assert_eq!(Chain::of_hash(QUICKNET.hash).unwrap().name, "quicknet");
        let problem = |hash| Chain::of_hash(hash).unwrap_err().to_string();
        assert!(problem(DEFAULT).contains("signs the signature before it"));
        assert!(problem(EVMNET).contains("BN254"));
        assert!(problem("52db").contains("no beacon is known"));
    }
}
