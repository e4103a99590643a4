//! Where webhooks may go.
//!
//! An address is given by a merchant and called by us, so it must not lead to where only we can go
//! (SSRF). What can be seen in the address is refused here. What a name resolves to is seen by the
//! platform alone, which does not reach private networks: Cloudflare's has none behind it, and
//! workerd's `internet` service allows public addresses only.
//!
//! Stricter than the URL standard, which reads `0x7f.1` as an address and a tab as nothing: a host
//! is a name in one spelling. An IP address, whatever it is spelled like, is no name: a shop has a
//! certificate, and that is for a name.

/// The longest address, in characters.
pub const ADDRESS_LEN_MAX: usize = 2_048;

/// The longest name of a host (RFC 1035, 2.3.4), and of what stands between its points.
const HOST_LEN_MAX: usize = 253;
const LABEL_LEN_MAX: usize = 63;

/// How far webhooks of a deployment reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// `https` to public hosts.
    #[default]
    Public,
    /// Also `http`, and hosts inside: for development, and for a shop beside us.
    Anywhere,
}

/// Why webhooks cannot go to an address, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Longer than [`ADDRESS_LEN_MAX`].
    #[error("it is longer than {ADDRESS_LEN_MAX} characters")]
    TooLong,
    /// A space, a control character, a backslash or a letter beyond ASCII.
    #[error("it has a character that has to be encoded: {0:?}")]
    Character(char),
    /// Neither `https` nor, where it is allowed, `http`.
    #[error("it has to start with `https://`")]
    Scheme,
    /// A user or a password.
    #[error("it must not have a user or a password in it: webhooks are signed")]
    Credentials,
    /// A fragment.
    #[error("it must not have a fragment (`#...`): that is never sent")]
    Fragment,
    /// No number from 1 to 65535 after the colon.
    #[error("its port is no number from 1 to 65535")]
    Port,
    /// No name and no address where the host stands.
    #[error("its host is no name and no IP address")]
    Host,
    /// A host that is an IP address, or is read as one: `127.0.0.1`, `0x7f.1`, `2130706433`,
    /// `[::1]`.
    #[error("its host is an IP address, or is read as one: write the shop's name")]
    IpAddress,
    /// A name that only means something inside, such as `localhost` or `printer.local`.
    #[error("its host is a name of an internal network, or of this machine itself")]
    Inside,
}

/// An address that webhooks may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Checks an address.
    pub fn parse(text: &str, reach: Reach) -> Result<Self, AddressError> {
        if text.len() > ADDRESS_LEN_MAX {
            return Err(AddressError::TooLong);
        }
        let odd = |c: &char| !c.is_ascii_graphic() || matches!(c, '\\' | '"' | '<' | '>' | '`');
        if let Some(c) = text.chars().find(odd) {
            return Err(AddressError::Character(c));
        }
        let rest = match (text.split_once("://"), reach) {
            (Some((scheme, rest)), _) if scheme.eq_ignore_ascii_case("https") => rest,
            (Some((scheme, rest)), Reach::Anywhere) if scheme.eq_ignore_ascii_case("http") => rest,
            _ => return Err(AddressError::Scheme),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(AddressError::Credentials);
        }
        if rest.contains('#') {
            return Err(AddressError::Fragment);
        }
        let (host, port) = split_port(authority);
        if port.is_some_and(|port| !is_port(port)) {
            return Err(AddressError::Port);
        }
        check_host(host, reach)?;
        Ok(Self(text.to_owned()))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Host and port. The colons of an IPv6 address stand between brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let bracket = authority.starts_with('[');
    let from = if bracket { authority.find(']').unwrap_or(authority.len()) } else { 0 };
    let colon = authority.get(from..).and_then(|rest| rest.find(':'));
    let Some(colon) = colon.map(|at| at.saturating_add(from)) else { return (authority, None) };
    let (host, port) = authority.split_at(colon);
    (host, port.get(1..))
}

fn is_port(text: &str) -> bool {
    // Only digits: `parse` would take a sign too.
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn check_host(host: &str, reach: Reach) -> Result<(), AddressError> {
    let is_public_only = reach == Reach::Public;
    if host.starts_with('[') {
        let inner = host.trim_start_matches('[').strip_suffix(']').unwrap_or_default();
        let fits = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        return match inner.bytes().all(fits) && inner.contains(':') {
            true if is_public_only => Err(AddressError::IpAddress),
            true => Ok(()),
            false => Err(AddressError::Host),
        };
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let (mut last, mut before, mut labels) = ("", "", 0_u32);
    for label in name.split('.') {
        if !is_label(label) {
            return Err(AddressError::Host);
        }
        (before, last, labels) = (last, label, labels.saturating_add(1));
    }
    if name.len() > HOST_LEN_MAX {
        return Err(AddressError::Host);
    }
    if is_number(last) && (is_public_only || !is_ipv4(name)) {
        return Err(AddressError::IpAddress);
    }
    let is_inside = |end: &&str| last.eq_ignore_ascii_case(end);
    let home = last.eq_ignore_ascii_case("arpa") && before.eq_ignore_ascii_case("home");
    if is_public_only && (labels == 1 || home || ENDS_INSIDE.iter().any(is_inside)) {
        return Err(AddressError::Inside);
    }
    Ok(())
}

/// Whether the URL standard takes a host that ends like this for an IPv4 address ("ends in a
/// number").
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Whether a host is an IPv4 address in its one spelling.
fn is_ipv4(name: &str) -> bool {
    let is_part = |part: &str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        digits && (part == "0" || !part.starts_with('0')) && part.parse::<u8>().is_ok()
    };
    name.split('.').count() == 4 && name.split('.').all(is_part)
}

fn is_label(label: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let len = label.len();
    (1..=LABEL_LEN_MAX).contains(&len)
        && label.bytes().all(fits)
        && !label.starts_with(['-', '_'])
        && !label.ends_with(['-', '_'])
}

/// Ends of names that are never public (RFC 6761, RFC 6762, and ICANN's `.internal`), and those
/// that networks at home and in offices use without asking. Beside them there is `home.arpa` (RFC
/// 8375).
const ENDS_INSIDE: [&str; 12] = [
    "localhost",
    "local",
    "internal",
    "localdomain",
    "intranet",
    "lan",
    "home",
    "corp",
    "private",
    "test",
    "invalid",
    "onion",
];

#[cfg(test)]
mod tests;
