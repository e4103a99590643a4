//! Passes that others can verify: Ed25519 signatures in JWS (RFC 8037) and the public key as JWK.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::claims::{Claims, Pass};
use super::jws::{self, Compact};
use super::{KeyError, SealError, check_secret, keyring};
use crate::time::Timestamp;

/// A key that signs Passes for those who do not share our secret.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: VerifyingKey,
}

impl SigningKey {
    /// The key of a seed, the `d` of RFC 8037, section 2.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifyingKey::new(key.verifying_key());
        Self { key, public }
    }

    /// The key of the secret that a [`super::Keyring`] is made of, so that a merchant keeps only
    /// one; at least [`super::SECRET_LEN_MIN`] bytes.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyError> {
        check_secret(secret)?;
        Ok(Self::from_seed(&keyring::derive(secret, "doorbuster/eddsa/v1")))
    }

    /// The sealed text of a Pass: compact JWS with `alg` `EdDSA`.
    pub fn seal_eddsa(&self, pass: &Pass) -> String {
        self.sign(&self.public.header, &jws::payload(pass))
    }

    /// The public half.
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The public half for the key set that is published; see [`VerifyingKey::jwk`].
    pub fn jwk(&self) -> Jwk {
        self.public.jwk()
    }

    fn sign(&self, header: &str, payload: &[u8]) -> String {
        let mut text = jws::signing_input(header, payload);
        let signature = self.key.sign(text.as_bytes());
        jws::push_signature(&mut text, &signature.to_bytes());
        text
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

/// The public half of a [`SigningKey`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    key: ed25519_dalek::VerifyingKey,
    kid: String,
    header: String,
}

impl VerifyingKey {
    fn new(key: ed25519_dalek::VerifyingKey) -> Self {
        let kid = thumbprint(&URL_SAFE_NO_PAD.encode(key.as_bytes()));
        let header = jws::header("EdDSA", &kid, Pass::PURPOSE.typ());
        Self { key, kid, header }
    }

    /// The Pass of a sealed text, if this key signed it and it is still good at `now`.
    ///
    /// As with our own seals the header must be, to the letter, the one that we write.
    pub fn open_eddsa(&self, text: &str, now: Timestamp) -> Result<Pass, SealError> {
        let text = Compact::split(text)?;
        if text.header != self.header {
            return Err(SealError::ForeignKey);
        }
        self.verify(&text)?;
        keyring::open_verified(&text, now)
    }

    /// The key as JWK; its `kid` is its thumbprint and the `kid` of what it signed.
    pub fn jwk(&self) -> Jwk {
        Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: URL_SAFE_NO_PAD.encode(self.key.as_bytes()),
            kid: self.kid.clone(),
            usage: "sig".to_owned(),
            alg: "EdDSA".to_owned(),
        }
    }

    /// Strict: a signature that another library might not accept is not accepted here either.
    fn verify(&self, text: &Compact<'_>) -> Result<(), SealError> {
        let signature = Signature::from_bytes(&text.signature()?);
        self.key.verify_strict(text.signed.as_bytes(), &signature).map_err(|_| SealError::Forged)
    }
}

/// A public key as JSON (RFC 7517; RFC 8037, section 2): an entry of `keys` in the key set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// The key type, `OKP`.
    pub kty: String,
    /// The curve, `Ed25519`.
    pub crv: String,
    /// The public key, base64url of 32 bytes.
    pub x: String,
    /// The thumbprint of the key (RFC 7638).
    pub kid: String,
    /// What the key is for, `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// The algorithm, `EdDSA`.
    pub alg: String,
}

/// RFC 7638, section 3: SHA-256 over the required members in the order of their names.
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

#[cfg(test)]
mod tests {
    use super::super::{Keyring, Ticket};
    use super::*;
    use crate::id::ShopperId;
    use crate::time::Millis;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const A1_D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const A2_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const A4_HEADER: &str = "eyJhbGciOiJFZERTQSJ9";
    const A4_TEXT: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
                           hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B\
                           hVsPt9g7sVvpAr_MuM0KAg";

    fn key() -> SigningKey {
        let seed = URL_SAFE_NO_PAD.decode(A1_D).unwrap();
        SigningKey::from_seed(&seed.try_into().unwrap())
    }

    fn pass() -> Pass {
        Pass {
            sale: "drop".parse().unwrap(),
            shopper: ShopperId::from_bytes([7; 16]),
            number: 7,
            position: 42,
            issued_at: NOW,
            expires_at: NOW.plus(Millis::from_secs(600)),
        }
    }

    #[test]
    fn the_jwk_is_that_of_rfc_8037_appendix_a_2_with_the_thumbprint_of_a_3() {
        let json = serde_json::to_value(key().jwk()).unwrap();
        let expected = serde_json::json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": A2_X,
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "use": "sig",
            "alg": "EdDSA",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn signing_gives_the_text_of_rfc_8037_appendix_a_4() {
        assert_eq!(key().sign(A4_HEADER, b"Example of Ed25519 signing"), A4_TEXT);
    }

    #[test]
    fn verifying_accepts_the_text_of_rfc_8037_appendix_a_5() {
        let verify = |text: &str| key().public.verify(&Compact::split(text).unwrap());
        assert_eq!(verify(A4_TEXT), Ok(()));
        assert_eq!(verify(&A4_TEXT.replace("hgyY", "hgyZ")), Err(SealError::Forged));
        // But not as a Pass: it has neither `kid` nor `typ`.
        assert_eq!(key().public.open_eddsa(A4_TEXT, NOW), Err(SealError::ForeignKey));
    }

    #[test]
    fn a_pass_opens_with_the_key_that_signed_it_and_no_other() {
        let text = key().seal_eddsa(&pass());
        assert_eq!(key().verifying_key().open_eddsa(&text, NOW), Ok(pass()));
        let other = SigningKey::from_seed(&[3; 32]);
        assert_eq!(other.verifying_key().open_eddsa(&text, NOW), Err(SealError::ForeignKey));
        let at = pass().expires_at;
        assert_eq!(key().verifying_key().open_eddsa(&text, at), Err(SealError::Expired { at }));
    }

    #[test]
    fn no_changed_character_anywhere_is_accepted() {
        let text = key().seal_eddsa(&pass());
        let key = key();
        for at in 0..text.len() {
            for other in ["A", "_", "."] {
                if text[at..=at] != *other {
                    let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                    assert!(key.verifying_key().open_eddsa(&changed, NOW).is_err(), "{changed}");
                }
            }
        }
    }

    #[test]
    fn a_public_key_used_as_a_secret_forges_nothing() {
        let signing = key();
        let public = signing.public.key.as_bytes();
        let confused = jws::MacKey::new(public, signing.public.header.clone());
        let text = confused.seal(&jws::payload(&pass()));
        let opened = signing.verifying_key().open_eddsa(&text, NOW);
        assert_eq!(opened, Err(SealError::Forged));
        let ours = Keyring::new(public, None).unwrap();
        assert_eq!(ours.open::<Pass>(&text, NOW), Err(SealError::ForeignKey));
    }

    #[test]
    fn the_two_kinds_of_pass_are_not_taken_for_each_other() {
        let secret = [5; 32];
        let signing = SigningKey::from_secret(&secret).unwrap();
        let keyring = Keyring::new(&secret, None).unwrap();
        let signed = signing.seal_eddsa(&pass());
        let sealed = keyring.seal(&pass());
        assert_eq!(keyring.open::<Pass>(&signed, NOW), Err(SealError::ForeignKey));
        assert_eq!(keyring.open::<Ticket>(&signed, NOW), Err(SealError::ForeignKey));
        assert_eq!(signing.verifying_key().open_eddsa(&sealed, NOW), Err(SealError::ForeignKey));
    }

    #[test]
    fn a_short_secret_makes_no_signing_key() {
        assert_eq!(SigningKey::from_secret(&[1; 31]).err(), Some(KeyError::TooShort));
    }
}
