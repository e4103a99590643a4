//! Where webhooks may go.
//!
//! An address is given by a merchant and called by us, so it must not lead to where only we can go
//! (SSRF). What can be seen in the address is refused here. What a name resolves to is seen by the
//! platform alone, which does not reach private networks: Cloudflare's has none behind it, and
//! workerd's `internet` service allows public addresses only.
//!
//! Stricter than the URL standard: it reads `0x7f.1` as an address, and a tab as nothing. Here a host
//! has one spelling, or is refused.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

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

/// Why a host is one inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// This machine.
    Loopback,
    /// A private network (RFC 1918, RFC 4193).
    Private,
    /// The link at hand (RFC 3927, RFC 4291), where clouds keep their secrets.
    LinkLocal,
    /// A carrier's own network (RFC 6598).
    Carrier,
    /// Many at once.
    Multicast,
    /// Set apart for something else, such as documentation, or a way round into IPv4.
    Reserved,
    /// A name that only means something inside.
    Name,
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "is this machine itself",
            Self::Private => "is in a private network",
            Self::LinkLocal => "is link-local",
            Self::Carrier => "is in a carrier's own network",
            Self::Multicast => "is a multicast address",
            Self::Reserved => "is set apart and not public",
            Self::Name => "is a name of an internal network",
        })
    }
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
    /// A host that is read as an IPv4 address but is not written as one.
    #[error("its host is an IPv4 address in an odd spelling: write it as four numbers, 0 to 255")]
    OddIpv4,
    /// A host inside.
    #[error("its host {0}")]
    Inside(Inside),
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
        match (inside(host)?, reach) {
            (Some(inside), Reach::Public) => Err(AddressError::Inside(inside)),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Host and port. The colons of an IPv6 address stand between brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_port(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Why a host is inside; `None` for one that is public.
fn inside(host: &str) -> Result<Option<Inside>, AddressError> {
    if let Some(rest) = host.strip_prefix('[') {
        let address = rest.strip_suffix(']').and_then(|text| text.parse().ok());
        return address.map(inside_v6).ok_or(AddressError::Host);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    if is_number(last) {
        let address = host.parse().map_err(|_| AddressError::OddIpv4)?;
        return Ok(inside_v4(address));
    }
    if name.len() > HOST_LEN_MAX || !name.split('.').all(is_label) {
        return Err(AddressError::Host);
    }
    Ok(is_name_inside(name, last).then(|| {
        if last.eq_ignore_ascii_case("localhost") { Inside::Loopback } else { Inside::Name }
    }))
}

/// Whether the URL standard takes a host that ends like this for an IPv4 address ("ends in a
/// number").
fn is_number(label: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    digits(label) || hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_label(label: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    (1..=LABEL_LEN_MAX).contains(&label.len())
        && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && label.starts_with(ends)
        && label.ends_with(ends)
}

/// Ends of names that are never public (RFC 6761, RFC 6762, RFC 8375, and ICANN's `.internal`), and
/// those that networks at home and in offices use without asking.
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

fn is_name_inside(name: &str, last: &str) -> bool {
    let home_arpa = name.len() >= 9
        && name
            .get(name.len().saturating_sub(9)..)
            .is_some_and(|end| end.eq_ignore_ascii_case("home.arpa"));
    !name.contains('.') || home_arpa || ENDS_INSIDE.iter().any(|end| last.eq_ignore_ascii_case(end))
}

/// By the registry of special IPv4 addresses (RFC 6890).
const fn inside_v4(address: Ipv4Addr) -> Option<Inside> {
    Some(match address.octets() {
        [127, ..] => Inside::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Inside::Private,
        [169, 254, ..] => Inside::LinkLocal,
        [100, 64..=127, ..] => Inside::Carrier,
        [224..=239, ..] => Inside::Multicast,
        [0 | 240..=255, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Inside::Reserved,
        _ => return None,
    })
}

/// By the registry of special IPv6 addresses: what is not 2000::/3 is not public, and some of that is
/// not either. One that has an IPv4 address in it is what that is.
fn inside_v6(address: Ipv6Addr) -> Option<Inside> {
    if let Some(v4) = address.to_ipv4_mapped() {
        return Some(inside_v4(v4).unwrap_or(Inside::Reserved));
    }
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Inside::Loopback,
        [0xfc00..=0xfdff, ..] => Inside::Private,
        [0xfe80..=0xfeff, ..] => Inside::LinkLocal,
        [0xff00..=0xffff, ..] => Inside::Multicast,
        // Documentation, protocols' own and Teredo, and 6to4.
        [0x2001, 0xdb8 | ..=0x1ff, ..] | [0x2002, ..] | [0x3fff, ..=0xfff, ..] => Inside::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        _ => Inside::Reserved,
    })
}

#[cfg(test)]
mod tests;
