//! Whether a pass holds.

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbuster_domain::id::{SaleId, ShopperId};
use doorbuster_domain::sealed::Pass;
use doorbuster_wire::problem::ProblemKind;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::problem::Problem;

/// What passes are sealed with, with everything computed that does not depend on the pass.
pub(crate) struct Passes {
    header: String,
    begun: Hmac<Sha256>,
}

impl Passes {
    /// The key in hexadecimal digits, and the first part of every pass.
    pub(crate) fn new(key_hex: &str, header: String) -> Result<Self> {
        let key = bytes_of(key_hex).context("PASS_KEY is not made of hexadecimal digits")?;
        ensure!(!key.is_empty() && !header.is_empty(), "PASS_KEY and PASS_HEADER cannot be empty");
        let begun = Hmac::<Sha256>::new_from_slice(&key)?.chain_update(&header);
        Ok(Self { header, begun })
    }

    /// Whether `text` lets `shopper` reserve in `sale` at this moment.
    pub(crate) fn admits(
        &self,
        text: &str,
        sale: &SaleId,
        shopper: ShopperId,
        now_ms: i64,
    ) -> Result<(), Problem> {
        let pass = self.open(text).ok_or_else(|| {
            let detail = "It was not made by this service, or was changed since.";
            Problem::new(ProblemKind::PassInvalid, detail)
        })?;
        pass.belongs_to(sale, shopper)
            .map_err(|error| Problem::new(ProblemKind::PassInvalid, format!("It {error}.")))?;
        if u64::try_from(now_ms).is_ok_and(|now_ms| now_ms < pass.expires_at.as_millis()) {
            return Ok(());
        }
        let detail = "Ask for your turn again to get a new one.";
        Err(Problem::new(ProblemKind::PassExpired, detail))
    }

    /// The claims of a pass that was sealed with our key under our header.
    fn open(&self, text: &str) -> Option<Pass> {
        let rest = text.strip_prefix(self.header.as_str())?.strip_prefix('.')?;
        let (payload, signature) = rest.split_once('.')?;
        let mut mac = [0; 32];
        if URL_SAFE_NO_PAD.decode_slice(signature, &mut mac) != Ok(mac.len()) {
            return None;
        }
        let expected = self.begun.clone().chain_update(".").chain_update(payload);
        expected.verify(&mac.into()).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    hex.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_700_000_000_000;

    fn passes() -> Passes {
        Passes::new(&"0b".repeat(32), "aGVhZGVy".to_owned()).unwrap()
    }

    fn shopper() -> ShopperId {
        ShopperId::from_bytes([7; 16])
    }

    fn sealed(claims: &str) -> String {
        let signed = format!("aGVhZGVy.{}", URL_SAFE_NO_PAD.encode(claims));
        let mac = Hmac::<Sha256>::new_from_slice(&[11; 32]).unwrap().chain_update(&signed);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn claims(sale: &str, exp: u64) -> String {
        let shopper = shopper();
        format!(
            r#"{{"sale":"{sale}","sub":"{shopper}","num":1,"pos":1,"iat":1600000000,"exp":{exp}}}"#
        )
    }

    fn refusal(text: &str, now_ms: i64) -> Option<ProblemKind> {
        let admitted = passes().admits(text, &"drop".parse().unwrap(), shopper(), now_ms);
        admitted.err().map(|problem| problem.kind())
    }

    #[test]
    fn a_pass_holds_up_to_its_expiry_and_not_at_it() {
        let pass = sealed(&claims("drop", 1_700_000_001));
        assert_eq!(refusal(&pass, NOW_MS + 999), None);
        assert_eq!(refusal(&pass, NOW_MS + 1_000), Some(ProblemKind::PassExpired));
    }

    #[test]
    fn a_pass_for_elsewhere_or_changed_or_under_another_header_does_not_hold() {
        let pass = sealed(&claims("drop", 1_700_000_001));
        let unsigned = pass.rsplit_once('.').unwrap().0;
        for wrong in [
            sealed(&claims("other", 1_700_000_001)),
            pass.replace("aGVhZGVy", "aGVhZGVz"),
            pass.replacen('.', ".e", 1),
            format!("{pass}="),
            format!("{unsigned}."),
            unsigned.to_owned(),
            String::new(),
        ] {
            assert_eq!(refusal(&wrong, NOW_MS), Some(ProblemKind::PassInvalid), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_read_from_hexadecimal_digits() {
        assert_eq!(bytes_of("00fF10"), Some(vec![0, 255, 16]));
        assert_eq!(bytes_of("0g"), None);
        assert_eq!(bytes_of("000"), None);
    }
}
