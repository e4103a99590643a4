//! Who a request is from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbuster_domain::id::{SaleId, ShopperId};
use doorbuster_domain::sealed::{ChallengeMet, Pass, SealError, Ticket};
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::problem::ProblemKind;

use crate::config::Config;
use crate::http::{Header, Reply, Request, cookie_of};
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
    match request.header(Header::Ticket) {
        Some(text) => opened(text, config, sale, Some(shopper), now).map(Some),
        None => Ok(ticket_from_cookie(request, config, sale, shopper, now)),
    }
}

/// A ticket that was sent as a header; of that shopper, if it is known whose it has to be.
fn opened(
    text: &str,
    config: &Config,
    sale: &SaleId,
    shopper: Option<ShopperId>,
    now: Timestamp,
) -> Result<Ticket, Problem> {
    let kinds = (ProblemKind::TicketInvalid, ProblemKind::TicketExpired);
    let ticket: Ticket =
        config.keyring.open(text, now).map_err(|error| not_sound(&error, kinds))?;
    let shopper = shopper.unwrap_or(ticket.shopper);
    ticket.belongs_to(sale, shopper).map_err(|error| Problem::new(kinds.0, format!("{error}.")))?;
    Ok(ticket)
}

/// The ticket that somebody polls with. An app need not say beside it who it is: what comes of a
/// poll is worth nothing without the secret.
///
/// # Errors
///
/// What `known` and `ticket` give, and `TicketRequired`.
pub(crate) fn polling_ticket(
    request: &Request<'_>,
    config: &Config,
    sale: &SaleId,
    now: Timestamp,
) -> Result<Ticket, Problem> {
    match (request.header(Header::Shopper), request.header(Header::Ticket)) {
        (None, Some(text)) => opened(text, config, sale, None, now),
        _ => own_ticket(request, config, sale, now),
    }
}

/// The ticket of who says that it is theirs.
///
/// # Errors
///
/// What `known` and `ticket` give, and `TicketRequired`.
pub(crate) fn own_ticket(
    request: &Request<'_>,
    config: &Config,
    sale: &SaleId,
    now: Timestamp,
) -> Result<Ticket, Problem> {
    let shopper = known(request)?;
    ticket(request, config, sale, shopper, now)?.ok_or_else(|| {
        Problem::new(ProblemKind::TicketRequired, "Send the ticket as Doorbuster-Ticket.")
    })
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

/// The secret and the ticket that a poll was sent with: the ticket as a header, and the secret
/// beside it if that was, or else empty; or what is missing of them as cookies.
pub(crate) fn sent_with<'t>(
    secure: bool,
    [shopper, ticket, cookies]: [Option<&'t str>; 3],
    sale: &str,
) -> Option<(&'t str, &'t str)> {
    if let Some(ticket) = ticket {
        return Some((shopper.unwrap_or_default(), ticket));
    }
    let (name, cookies) = (cookie_name(secure), cookies?);
    let is_ticket = |key: &str| {
        let of = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
        of == Some(sale)
    };
    let secret = shopper.or_else(|| cookie_of(cookies, |key| key == name))?;
    Some((secret, cookie_of(cookies, is_ticket)?))
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

    #[test]
    fn a_poll_is_known_by_its_ticket_or_else_by_the_cookies_of_this_sale() {
        let cookies = "a=b; doorbuster=ann; doorbuster-drops=2; doorbuster-drop=1";
        let over_tls = "__Host-doorbuster=ann; __Host-doorbuster-drop=1";
        let (bob, one) = (Some("bob"), Some("1"));
        for (secure, sent, expected) in [
            (false, [bob, one, None], Some(("bob", "1"))),
            (false, [None, one, None], Some(("", "1"))),
            (false, [None, one, Some(cookies)], Some(("", "1"))),
            (false, [None, None, Some(cookies)], Some(("ann", "1"))),
            (false, [bob, None, Some(cookies)], Some(("bob", "1"))),
            // Over TLS they have another name.
            (true, [None, None, Some(cookies)], None),
            (true, [None, None, Some(over_tls)], Some(("ann", "1"))),
            (false, [None, None, Some("doorbuster=ann; doorbuster-other=1")], None),
            (false, [None, None, Some("doorbuster-drop=1")], None),
            (false, [bob, None, None], None),
        ] {
            assert_eq!(sent_with(secure, sent, "drop"), expected, "{secure} {sent:?}");
        }
    }
}
