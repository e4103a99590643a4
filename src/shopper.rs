//! Who a request is from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbuster_domain::id::{SaleId, ShopperId};
use doorbuster_domain::sealed::{ChallengeMet, Pass, SealError, Ticket};
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::problem::ProblemKind;

use crate::config::Config;
use crate::http::{Head, Header, Reply, Request};
use crate::problem::Problem;

/// How long a browser keeps the secret: longer than any sale.
const COOKIE_MAX_AGE_SECS: u32 = 30 * 24 * 3600;
/// As long as a ticket holds.
const TICKET_MAX_AGE_SECS: u32 = 24 * 3600;
/// An app's own secret: 128 bits of base64url are 22 characters.
const SECRET_LEN: std::ops::RangeInclusive<usize> = 22..=128;

/// A shopper, and the cookie that will let them be known again if they are new.
pub(crate) struct Identity {
    pub(crate) shopper: ShopperId,
    new_cookie: Option<String>,
}

/// The cookie's name. Over TLS it carries the prefix that ties it to this host (RFC 6265bis).
fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-doorbuster" } else { "doorbuster" }
}

/// The secret in the cookie.
fn cookie<'r>(request: &'r Request<'_>) -> Option<&'r str> {
    request.cookie(cookie_name(request.secure))
}

/// Whether a secret is one. Ours has 128 bits; what an app makes up has to look like as many.
fn is_secret(text: &str) -> bool {
    SECRET_LEN.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Who has this secret.
///
/// # Errors
///
/// `ShopperSecretInvalid` if it is none.
pub(crate) fn of_secret(secret: &str) -> Result<ShopperId, Problem> {
    if is_secret(secret) {
        return Ok(ShopperId::of_secret(secret.as_bytes()));
    }
    let (min, max) = (SECRET_LEN.start(), SECRET_LEN.end());
    let detail = format!("It has to be {min} to {max} printable ASCII characters.");
    Err(Problem::new(ProblemKind::ShopperSecretInvalid, detail))
}

/// The shopper a request is from: by `Doorbuster-Shopper`, else by cookie.
///
/// # Errors
///
/// `ShopperUnknown` if it says neither, `ShopperSecretInvalid` if what it says is no secret.
pub(crate) fn known(request: &Request<'_>) -> Result<ShopperId, Problem> {
    let secret = request.header(Header::Shopper).or_else(|| cookie(request)).ok_or_else(|| {
        Problem::new(
            ProblemKind::ShopperUnknown,
            "Send the cookie you were given when you joined, or an app's own \
                 Doorbuster-Shopper secret.",
        )
    })?;
    of_secret(secret)
}

/// The shopper a request is from, made known if they are new. A cookie that is no secret, which
/// only somebody else can have set, is replaced by one that is.
pub(crate) fn identify(request: &Request<'_>) -> Result<Identity, Problem> {
    if request.header(Header::Shopper).is_some() || cookie(request).is_some_and(is_secret) {
        return known(request).map(|shopper| Identity { shopper, new_cookie: None });
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Problem::unavailable("randomness", &error))?;
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    let (name, security) =
        (cookie_name(request.secure), if request.secure { "; Secure" } else { "" });
    let cookie = format!(
        "{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={COOKIE_MAX_AGE_SECS}{security}"
    );
    Ok(Identity { shopper: ShopperId::of_secret(secret.as_bytes()), new_cookie: Some(cookie) })
}

impl Identity {
    /// Whether nobody has seen them before.
    pub(crate) const fn is_new(&self) -> bool {
        self.new_cookie.is_some()
    }

    /// The problem, with the cookie that a new shopper is known by.
    pub(crate) fn remember_with(&self, problem: Problem) -> Problem {
        match &self.new_cookie {
            Some(cookie) => problem.field("set-cookie", cookie.clone()),
            None => problem,
        }
    }

    /// The reply, with the cookie that a new shopper is known by.
    pub(crate) fn remember(&self, reply: Reply) -> Reply {
        match &self.new_cookie {
            Some(cookie) => reply.own_field("set-cookie", cookie),
            None => reply,
        }
    }
}

/// The cookie in which a browser keeps the place in a line: it is there in every tab, and when the
/// browser was closed and opened again.
pub(crate) fn ticket_cookie(request: &Request<'_>, sale: &SaleId, ticket: &str) -> String {
    set_ticket_cookie(request, sale, ticket, TICKET_MAX_AGE_SECS)
}

/// The cookie that takes it away.
pub(crate) fn no_ticket_cookie(request: &Request<'_>, sale: &SaleId) -> String {
    set_ticket_cookie(request, sale, "", 0)
}

fn set_ticket_cookie(request: &Request<'_>, sale: &SaleId, ticket: &str, max_age: u32) -> String {
    let (name, security) =
        (cookie_name(request.secure), if request.secure { "; Secure" } else { "" });
    format!("{name}-{sale}={ticket}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}{security}")
}

/// The shopper's ticket for a sale; `None` if the request has none.
pub(crate) fn ticket(
    request: &Request<'_>,
    config: &Config,
    sale: &SaleId,
    shopper: ShopperId,
    now: Timestamp,
) -> Result<Option<Ticket>, Problem> {
    let Some(text) = request.header(Header::Ticket) else {
        return Ok(ticket_from_cookie(request, config, sale, shopper, now));
    };
    let kinds = (ProblemKind::TicketInvalid, ProblemKind::TicketExpired);
    let ticket: Ticket =
        config.keyring.open(text, now).map_err(|error| not_sound(&error, kinds))?;
    ticket.belongs_to(sale, shopper).map_err(|error| Problem::new(kinds.0, format!("{error}.")))?;
    Ok(Some(ticket))
}

/// A browser sends its cookies whatever became of them. So one that does not hold is as good as
/// none.
fn ticket_from_cookie(
    request: &Request<'_>,
    config: &Config,
    sale: &SaleId,
    shopper: ShopperId,
    now: Timestamp,
) -> Option<Ticket> {
    let text = request.cookie(&format!("{}-{sale}", cookie_name(request.secure)))?;
    let ticket: Ticket = config.keyring.open(text, now).ok()?;
    ticket.belongs_to(sale, shopper).ok()?;
    Some(ticket)
}

/// The secret and the ticket that a poll was sent with, as far as they are told at once: as
/// headers, else as cookies.
pub(crate) fn sent_with<'t>(head: &Head<'t>, sale: &str) -> Option<(&'t str, &'t str)> {
    let name = cookie_name(head.secure);
    let is_ticket = |key: &str| {
        let of = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
        of == Some(sale)
    };
    let secret = head.told(Header::Shopper).or_else(|| head.told_cookie(|key| key == name))?;
    let ticket = head.told(Header::Ticket).or_else(|| head.told_cookie(is_ticket))?;
    Some((secret, ticket))
}

/// Checks that whoever joins has met the challenge that stands before it.
pub(crate) fn require_challenge_met(
    request: &Request<'_>,
    config: &Config,
    sale: &SaleId,
    shopper: ShopperId,
    now: Timestamp,
) -> Result<(), Problem> {
    let missing = |detail: &str| Problem::new(ProblemKind::ChallengeRequired, detail);
    let text = request.header(Header::Challenge).ok_or_else(|| {
        missing("Meet the challenge first, and send what it gives you as Doorbuster-Challenge.")
    })?;
    let met: ChallengeMet =
        config.keyring.open(text, now).map_err(|error| missing(&format!("It {error}.")))?;
    met.belongs_to(sale, shopper).map_err(|error| missing(&format!("It {error}.")))
}

/// What a pass is worth.
pub(crate) enum Admission {
    /// The shopper may reserve, and was admitted then.
    Holds(Timestamp),
    /// The shopper might have reserved, and may ask again for the answer; for all else there is
    /// this problem.
    Expired(Problem),
}

/// Whether the shopper may reserve in a sale.
///
/// # Errors
///
/// `PassRequired` or `PassInvalid`.
pub(crate) fn admission(
    request: &Request<'_>,
    config: &Config,
    sale: &SaleId,
    shopper: ShopperId,
    now: Timestamp,
) -> Result<Admission, Problem> {
    let text = request.header(Header::Pass).ok_or_else(|| {
        Problem::new(
            ProblemKind::PassRequired,
            "Join the line, wait for your turn, and send the pass as Doorbuster-Pass.",
        )
    })?;
    let kinds = (ProblemKind::PassInvalid, ProblemKind::PassExpired);
    // Read as of the beginning of time, because one that has expired is still worth something.
    let pass: Pass = config
        .keyring
        .open(text, Timestamp::default())
        .map_err(|error| not_sound(&error, kinds))?;
    pass.belongs_to(sale, shopper).map_err(|error| Problem::new(kinds.0, format!("{error}.")))?;
    let at = pass.expires_at;
    Ok(if now < at {
        Admission::Holds(pass.issued_at)
    } else {
        Admission::Expired(not_sound(&SealError::Expired { at }, kinds))
    })
}

/// A sealed thing that does not hold. It is not told why, beyond having expired.
fn not_sound(error: &SealError, (invalid, expired): (ProblemKind, ProblemKind)) -> Problem {
    match error {
        SealError::Expired { .. } => {
            Problem::new(expired, "Ask for your turn again to get a new one.")
        }
        _ => Problem::new(invalid, "It was not made by this service, or was changed since."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a poll with these lines after the client's address.
    fn found<'t>(scheme: &str, lines: &str, out: &'t mut String) -> Option<(&'t str, &'t str)> {
        *out = format!("GET\n{scheme}://shop/v1/sales/drop/turn\n203.0.113.7\n{lines}");
        sent_with(&Head::parse(out), "drop")
    }

    #[test]
    fn a_poll_is_known_by_headers_or_else_by_the_cookies_of_this_sale() {
        let cookies = "a=b; doorbuster=ann; doorbuster-drops=2; doorbuster-drop=1";
        for (scheme, lines, expected) in [
            ("http", "ann\n1".to_owned(), Some(("ann", "1"))),
            ("http", format!("\n\n{cookies}"), Some(("ann", "1"))),
            ("http", format!("bob\n\n{cookies}"), Some(("bob", "1"))),
            // Over TLS they have another name.
            ("https", format!("\n\n{cookies}"), None),
            (
                "https",
                "\n\n__Host-doorbuster=ann; __Host-doorbuster-drop=1".to_owned(),
                Some(("ann", "1")),
            ),
            ("http", "\n\ndoorbuster=ann; doorbuster-other=1".to_owned(), None),
            ("http", "\n\ndoorbuster-drop=1".to_owned(), None),
            // Without cookies, which are not told beside a ticket.
            ("http", "\n1".to_owned(), None),
            ("http", "ann\n\n".to_owned(), None),
        ] {
            assert_eq!(found(scheme, &lines, &mut String::new()), expected, "{scheme} {lines:?}");
        }
    }
}
