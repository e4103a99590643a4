//! The keys of our own seals, and sealing and opening with them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;

use super::claims::{Claims, Purpose};
use super::endpoint::EndpointKey;
use super::jws::{self, Compact, MacKey};
use super::pass_key::PassKey;
use super::webhook::{WebhookError, WebhookKey, verify_webhook};
use super::{KeyError, SealError, check_secret};
use crate::time::{Millis, Timestamp};

/// The keys in use: one that seals, and during a rotation the one before it, which still opens.
///
/// To rotate, make the new secret the current one and the old one the previous, and drop the old
/// one when the last thing sealed with it has expired. Every isolate must know a secret before one
/// seals with it, so a deployment that takes time first adds the new one as `previous`.
pub struct Keyring {
    pub(super) current: Keys,
    previous: Option<Keys>,
}

impl Keyring {
    /// The keyring of one secret, or of two while they rotate; each at least
    /// [`super::SECRET_LEN_MIN`] bytes.
    pub fn new(current: &[u8], previous: Option<&[u8]>) -> Result<Self, KeyError> {
        Ok(Self { current: Keys::new(current)?, previous: previous.map(Keys::new).transpose()? })
    }

    /// The sealed text of claims: compact JWS, ASCII, in an address or cookie as it stands.
    pub fn seal<C: Claims>(&self, claims: &C) -> String {
        self.current.of(C::PURPOSE).seal(&jws::payload(claims))
    }

    /// The claims of a sealed text, if we sealed it for this purpose and it is still good at `now`.
    ///
    /// Nothing is decoded as JSON before the seal is known to be good.
    pub fn open<C: Claims>(&self, text: &str, now: Timestamp) -> Result<C, SealError> {
        let text = Compact::split(text)?;
        let key = self
            .in_use()
            .map(|keys| keys.of(C::PURPOSE))
            .find(|key| key.sealed(&text))
            .ok_or(SealError::ForeignKey)?;
        key.verify(&text)?;
        open_verified(&text, now)
    }

    /// What somebody else's server needs to verify a [`Pass`](super::Pass) that this keyring seals.
    pub const fn pass_key(&self) -> &PassKey {
        &self.current.pass_key
    }

    /// The signature header of a webhook of our payment sandbox, sent at `at`; see [`WebhookKey`].
    pub fn sign_webhook(&self, at: Timestamp, body: &[u8]) -> String {
        self.current.webhook.sign(at, body)
    }

    /// Checks the signature header of a webhook of our payment sandbox; see [`verify_webhook`].
    pub fn verify_webhook(
        &self,
        header: &str,
        body: &[u8],
        now: Timestamp,
        tolerance: Millis,
    ) -> Result<(), WebhookError> {
        verify_webhook(self.in_use().map(|keys| &keys.webhook), header, body, now, tolerance)
    }

    pub(super) fn in_use(&self) -> impl Iterator<Item = &Keys> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("rotating", &self.previous.is_some())
            .finish_non_exhaustive()
    }
}

/// Everything that is derived from one secret. The secret itself is not kept.
pub(super) struct Keys {
    ticket: MacKey,
    pass: MacKey,
    pass_key: PassKey,
    payment: MacKey,
    bypass: MacKey,
    challenge: MacKey,
    webhook: WebhookKey,
    pub(super) endpoints: EndpointKey,
}

impl Keys {
    fn new(secret: &[u8]) -> Result<Self, KeyError> {
        check_secret(secret)?;
        let parts = |purpose: Purpose| {
            let key = derive(secret, &format!("doorbuster/{}/v1", purpose.name()));
            (key, jws::header("HS256", &kid(secret, purpose), purpose.typ()))
        };
        let of = |purpose: Purpose| {
            let (key, header) = parts(purpose);
            MacKey::new(&key, header)
        };
        let (key, header) = parts(Purpose::Pass);
        Ok(Self {
            ticket: of(Purpose::Ticket),
            pass: of(Purpose::Pass),
            pass_key: PassKey { header, key },
            payment: of(Purpose::Payment),
            bypass: of(Purpose::Bypass),
            challenge: of(Purpose::Challenge),
            webhook: WebhookKey::new(&derive(secret, "doorbuster/webhook/v1"))?,
            endpoints: EndpointKey(derive(secret, "doorbuster/endpoints/v1")),
        })
    }

    const fn of(&self, purpose: Purpose) -> &MacKey {
        match purpose {
            Purpose::Ticket => &self.ticket,
            Purpose::Pass => &self.pass,
            Purpose::Payment => &self.payment,
            Purpose::Bypass => &self.bypass,
            Purpose::Challenge => &self.challenge,
        }
    }
}

/// The claims of a text whose signature is good, unless they have expired.
///
/// RFC 7519, section 4.1.4: at the moment `exp` itself it is no longer good.
pub(super) fn open_verified<C: Claims>(text: &Compact<'_>, now: Timestamp) -> Result<C, SealError> {
    let claims: C = text.claims()?;
    let at = claims.expires_at();
    if now >= at {
        return Err(SealError::Expired { at });
    }
    Ok(claims)
}

/// A key for one use, from which neither the secret nor the key for another use can be found.
pub(super) fn derive(secret: &[u8], label: &str) -> [u8; 32] {
    jws::keyed(secret).chain_update(label).finalize().into_bytes().into()
}

/// The first eight characters of a derived key that seals nothing, so they reveal nothing.
fn kid(secret: &[u8], purpose: Purpose) -> String {
    let derived = derive(secret, &format!("doorbuster/kid/v1/{}", purpose.name()));
    URL_SAFE_NO_PAD.encode(derived.split_at(6).0)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "positions in short texts")]
mod tests {
    use proptest::prelude::*;

    use super::super::TEXT_LEN_MAX;
    use super::super::claims::{Pass, PaymentLink, Ticket};
    use super::*;
    use crate::id::{PaymentId, ReservationId, ShopperId};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const OLD: &[u8] = &[1; 32];
    const NEW: &[u8] = &[2; 32];

    fn ticket() -> Ticket {
        Ticket {
            sale: "drop".parse().unwrap(),
            shopper: ShopperId::from_bytes([7; 16]),
            number: 42,
            commitment: [5; 16],
            issued_at: NOW,
            expires_at: NOW.plus(Millis::from_secs(600)),
        }
    }

    fn pass() -> Pass {
        let Ticket { sale, shopper, number, issued_at, expires_at, .. } = ticket();
        Pass { sale, shopper, number, position: 9, issued_at, expires_at }
    }

    fn old() -> Keyring {
        Keyring::new(OLD, None).unwrap()
    }

    fn encode(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    #[test]
    fn what_is_sealed_opens_as_it_was() {
        assert_eq!(old().open(&old().seal(&ticket()), NOW), Ok(ticket()));
        assert_eq!(old().open(&old().seal(&pass()), NOW), Ok(pass()));
    }

    #[test]
    fn the_text_of_a_ticket_is_unchanged() {
        let text = old().seal(&ticket());
        let mut parts = text.split('.');
        let header = URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        let header = String::from_utf8(header).unwrap();
        assert_eq!(header, r#"{"alg":"HS256","kid":"3xa3z7DO","typ":"ticket+jwt"}"#);
        assert_eq!(parts.nth(1).unwrap(), "atcIn3i0Ub2p2WblO4UZQztW2rr_CwZ0fQGbQfYWlxo");
    }

    #[test]
    fn the_longest_claims_fit_the_limit() {
        let longest = PaymentLink {
            sale: "s".repeat(64).parse().unwrap(),
            sku: "k".repeat(64).parse().unwrap(),
            payment: PaymentId::of(ReservationId::from_bytes([255; 16]), u32::MAX),
            amount_minor: u64::MAX,
            currency: "EUR".to_owned(),
            expires_at: Timestamp::from_millis(u64::MAX),
        };
        let text = old().seal(&longest);
        assert!(text.len() <= TEXT_LEN_MAX * 2 / 3, "{}", text.len());
        let opened: PaymentLink = old().open(&text, NOW).unwrap();
        assert_eq!(opened.payment, longest.payment);
    }

    #[test]
    fn one_kind_is_never_opened_as_another() {
        let ticket = old().seal(&ticket());
        let pass = old().seal(&pass());
        assert_eq!(old().open::<Pass>(&ticket, NOW), Err(SealError::ForeignKey));
        assert_eq!(old().open::<Ticket>(&pass, NOW), Err(SealError::ForeignKey));
        assert_eq!(old().open::<PaymentLink>(&pass, NOW), Err(SealError::ForeignKey));
        // Header and key part them. With the header of the other, the key still does.
        let (_, rest) = ticket.split_once('.').unwrap();
        let (header, _) = pass.split_once('.').unwrap();
        let dressed = format!("{header}.{rest}");
        assert_eq!(old().open::<Pass>(&dressed, NOW), Err(SealError::Forged));
    }

    #[test]
    fn a_ticket_is_good_up_to_its_expiry_and_not_at_it() {
        let text = old().seal(&ticket());
        let at = ticket().expires_at;
        let before = Timestamp::from_millis(at.as_millis() - 1);
        assert_eq!(old().open(&text, before), Ok(ticket()));
        assert_eq!(old().open::<Ticket>(&text, at), Err(SealError::Expired { at }));
    }

    #[test]
    fn a_forged_text_is_forged_even_if_it_has_expired() {
        let text = old().seal(&ticket());
        let (start, _) = text.rsplit_once('.').unwrap();
        let forged = format!("{start}.{}", URL_SAFE_NO_PAD.encode([0; 32]));
        let end = Timestamp::from_millis(u64::MAX);
        assert_eq!(old().open::<Ticket>(&forged, end), Err(SealError::Forged));
    }

    #[test]
    fn both_secrets_open_during_a_rotation_and_the_current_one_seals() {
        let rotating = Keyring::new(NEW, Some(OLD)).unwrap();
        let new = Keyring::new(NEW, None).unwrap();
        let sealed_before = old().seal(&ticket());
        assert_eq!(rotating.open(&sealed_before, NOW), Ok(ticket()));
        assert_eq!(new.open(&rotating.seal(&ticket()), NOW), Ok(ticket()));
        assert_eq!(new.open::<Ticket>(&sealed_before, NOW), Err(SealError::ForeignKey));
        let header = old().sign_webhook(NOW, b"{}");
        assert_eq!(rotating.verify_webhook(&header, b"{}", NOW, Millis::new(0)), Ok(()));
        let after = new.verify_webhook(&header, b"{}", NOW, Millis::new(0));
        assert_eq!(after, Err(WebhookError::Forged));
    }

    #[test]
    fn a_short_secret_makes_no_keyring() {
        assert_eq!(Keyring::new(&[1; 31], None).err(), Some(KeyError::TooShort));
        assert_eq!(Keyring::new(OLD, Some(&[])).err(), Some(KeyError::TooShort));
    }

    #[test]
    fn no_debug_text_shows_a_key() {
        assert_eq!(format!("{:?}", old()), "Keyring { rotating: false, .. }");
    }

    #[test]
    fn no_changed_character_anywhere_is_accepted() {
        let text = old().seal(&ticket());
        for at in 0..text.len() {
            for other in
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/= \0".chars()
            {
                if text[at..].starts_with(other) {
                    continue;
                }
                let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                assert!(old().open::<Ticket>(&changed, NOW).is_err(), "{changed}");
            }
            assert!(old().open::<Ticket>(&text[..at], NOW).is_err(), "cut at {at}");
            let doubled = format!("{}{}", &text[..=at], &text[at..]);
            assert!(old().open::<Ticket>(&doubled, NOW).is_err(), "{doubled}");
        }
    }

    #[test]
    fn a_second_spelling_of_the_signature_is_refused() {
        // 32 bytes take 43 characters, of which the last carries two bits that mean nothing.
        let text = old().seal(&ticket());
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let (start, last) = text.split_at(text.len() - 1);
        let value = alphabet.find(last).unwrap();
        assert_eq!(value % 4, 0);
        for trailing in 1..4 {
            let other = &alphabet[value + trailing..=value + trailing];
            let changed = format!("{start}{other}");
            assert_eq!(old().open::<Ticket>(&changed, NOW), Err(SealError::Forged));
        }
        let padded = format!("{text}=");
        assert_eq!(old().open::<Ticket>(&padded, NOW), Err(SealError::Forged));
    }

    #[test]
    fn no_other_algorithm_or_header_is_accepted() {
        let text = old().seal(&ticket());
        let (start, mac) = text.rsplit_once('.').unwrap();
        let (header, payload) = start.split_once('.').unwrap();
        let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        let others = [
            r#"{"alg":"none"}"#.to_owned(),
            r#"{"alg":"HS256"}"#.to_owned(),
            header.replace("HS256", "none"),
            header.replace("HS256", "nOnE"),
            header.replace("HS256", "HS512"),
            header.replace("HS256", "EdDSA"),
            header.replace(':', ": "),
            header.replace('}', r#","crit":["exp"],"exp":0}"#),
            header.replace('}', r#","jwk":{"kty":"oct","k":"AA"}}"#),
        ];
        for other in others {
            assert_ne!(other, header);
            for end in [mac, ""] {
                let changed = format!("{}.{payload}.{end}", encode(&other));
                assert_eq!(
                    old().open::<Ticket>(&changed, NOW),
                    Err(SealError::ForeignKey),
                    "{other}"
                );
            }
        }
        let unsigned = format!("{start}.");
        assert_eq!(old().open::<Ticket>(&unsigned, NOW), Err(SealError::Forged));
    }

    #[test]
    fn claims_of_another_shape_are_malformed_even_under_our_seal() {
        let key = Keys::new(OLD).unwrap();
        for json in ["", "{}", "null", r#"{"sale":"drop"}"#, r#"{"sale":"no space","sub":1}"#] {
            let text = key.ticket.seal(json.as_bytes());
            assert_eq!(old().open::<Ticket>(&text, NOW), Err(SealError::Malformed), "{json}");
        }
    }

    #[test]
    fn a_huge_text_is_refused_unread() {
        let text = old().seal(&ticket());
        let huge = format!("{text}{}", "A".repeat(1 << 20));
        assert_eq!(old().open::<Ticket>(&huge, NOW), Err(SealError::TooLong));
    }

    proptest! {
        #[test]
        fn no_random_text_opens(
            text in r"[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{0,90}\.[\w=-]{0,90}|.*"
        ) {
            prop_assert!(old().open::<Ticket>(&text, NOW).is_err());
        }

        #[test]
        fn no_random_text_opens_behind_a_good_header(
            rest in r"\.[A-Za-z0-9_-]{0,90}\.[\w-]{43}|.*"
        ) {
            let sealed = old().seal(&ticket());
            let (header, _) = sealed.split_once('.').unwrap();
            let text = format!("{header}{rest}");
            prop_assert!(old().open::<Ticket>(&text, NOW).is_err());
        }

        #[test]
        fn every_number_and_moment_comes_back(number: u64, secs in 0..u64::MAX / 1000) {
            let expires_at = Timestamp::from_millis(secs * 1000);
            let sealed = Ticket { number, expires_at, ..ticket() };
            let opened = old().open(&old().seal(&sealed), Timestamp::default());
            if secs == 0 {
                prop_assert_eq!(opened, Err::<Ticket, _>(SealError::Expired { at: expires_at }));
            } else {
                prop_assert_eq!(opened, Ok(sealed));
            }
        }
    }
}
