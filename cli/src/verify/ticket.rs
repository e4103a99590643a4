//! What a shopper shows: a Ticket or a Pass, read without its key.
//!
//! Whether the service sealed it only the service can tell. The shopper need not doubt it: nobody
//! else had it in hand.

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbuster_domain::id::SaleId;
use doorbuster_domain::sealed::{Pass, TEXT_LEN_MAX, Ticket};
use doorbuster_domain::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What was shown, as far as a draw concerns it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) sale: SaleId,
    pub(super) number: u64,
    pub(super) kind: Kind,
}

/// What only one of the two kinds says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first half of the commitment as it was published when the ticket was made, and when
    /// that was.
    Ticket { commitment: [u8; 16], issued_at: Timestamp },
    /// The position with which its owner was admitted.
    Pass { position: u64 },
}

/// The `typ` header of RFC 7515, section 4.1.9.
#[derive(Deserialize)]
struct Header {
    typ: String,
}

impl Shown {
    /// Reads a compact JWS and does not look at its signature.
    pub(super) fn read(text: &str) -> Result<Self> {
        ensure!(text.len() <= TEXT_LEN_MAX, "longer than a ticket can be");
        let parts: Vec<&str> = text.trim().split('.').collect();
        let &[header, claims, _] = parts.as_slice() else { bail!("not a compact JWS") };
        let Header { typ } = decode(header).context("no header")?;
        let shown = match typ.as_str() {
            "ticket+jwt" => {
                let Ticket { sale, number, commitment, issued_at, .. } =
                    decode(claims).context("not the claims of a ticket")?;
                Self { sale, number, kind: Kind::Ticket { commitment, issued_at } }
            }
            "pass+jwt" => {
                let Pass { sale, number, position, .. } =
                    decode(claims).context("not the claims of a pass")?;
                Self { sale, number, kind: Kind::Pass { position } }
            }
            other => bail!("its type is {other:?}"),
        };
        ensure!(shown.number > 0, "its number is 0, and numbers count from 1");
        Ok(shown)
    }

    /// The kind, for messages.
    pub(super) const fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Ticket { .. } => "ticket",
            Kind::Pass { .. } => "pass",
        }
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T> {
    let json = URL_SAFE_NO_PAD.decode(part).context("not base64url")?;
    Ok(serde_json::from_slice(&json)?)
}
