//! Addresses that are taken, and a table of those that are not.

use super::*;

fn public(text: &str) -> Result<(), AddressError> {
    Address::parse(text, Reach::Public).map(drop)
}

#[test]
fn public_addresses_are_taken_as_they_are() {
    for text in [
        "https://shop.example.com",
        "https://shop.example.com/hooks?a=b&c=%20",
        "HTTPS://Shop.Example.COM:8443/",
        "https://xn--bcher-kva.example/",
        "https://shop.example.com./hooks",
        "https://a_b.example.com/a@b:c",
        "https://shop.example.com/?to=http://localhost/",
        "https://localhost.example.com/",
        "https://0x7f.example.com/",
        "https://1.example.com/",
        "https://127.0.0.1.example.com/",
    ] {
        assert_eq!(Address::parse(text, Reach::Public).as_ref().map(Address::as_str), Ok(text));
    }
}

#[test]
fn what_is_no_address_of_a_shop_is_refused_by_name() {
    for (text, error) in [
        ("", AddressError::Scheme),
        ("shop.example.com", AddressError::Scheme),
        ("http://shop.example.com/", AddressError::Scheme),
        ("file:///etc/passwd", AddressError::Scheme),
        ("ftp://shop.example.com/", AddressError::Scheme),
        ("javascript:alert(1)", AddressError::Scheme),
        ("https:/shop.example.com/", AddressError::Scheme),
        ("https:shop.example.com/", AddressError::Scheme),
        (" https://shop.example.com/", AddressError::Character(' ')),
        ("https://shop.example.com/a b", AddressError::Character(' ')),
        ("https://shop.example\t.com/", AddressError::Character('\t')),
        ("https://shop.example.com/\r\nHost: a", AddressError::Character('\r')),
        ("https://a\\@shop.example.com/", AddressError::Character('\\')),
        ("https://b\u{fc}cher.example/", AddressError::Character('\u{fc}')),
        ("https://1\u{ff0e}1.1.1/", AddressError::Character('\u{ff0e}')),
        ("https://ann:pw@shop.example.com/", AddressError::Credentials),
        ("https://ann@shop.example.com/", AddressError::Credentials),
        ("https://@shop.example.com/", AddressError::Credentials),
        ("https://shop.example.com@10.0.0.1#/", AddressError::Credentials),
        ("https://shop.example.com/#top", AddressError::Fragment),
        ("https://shop.example.com#", AddressError::Fragment),
        ("https://shop.example.com:0/", AddressError::Port),
        ("https://shop.example.com:65536/", AddressError::Port),
        ("https://shop.example.com:/", AddressError::Port),
        ("https://shop.example.com:+80/", AddressError::Port),
        ("https://[2606:4700::1111]:x/", AddressError::Port),
        ("https://", AddressError::Host),
        ("https:///hooks", AddressError::Host),
        ("https://.example.com/", AddressError::Host),
        ("https://shop..example.com/", AddressError::Host),
        ("https://-shop.example.com/", AddressError::Host),
        ("https://sh%6fp.example.com/", AddressError::Host),
        ("https://[::g]/", AddressError::Host),
        ("https://[]/", AddressError::Host),
        ("https://shop.example.com]/", AddressError::Host),
        ("https://[fe80::1%25eth0]/", AddressError::Host),
        ("https://[::1/", AddressError::Host),
        ("https://[::1]x/", AddressError::Host),
    ] {
        assert_eq!(public(text), Err(error), "{text}");
    }
    let long = format!("https://shop.example.com/{}", "a".repeat(ADDRESS_LEN_MAX));
    assert_eq!(public(&long[..ADDRESS_LEN_MAX]), Ok(()));
    assert_eq!(public(&long[..=ADDRESS_LEN_MAX]), Err(AddressError::TooLong));
    let label = "a".repeat(64);
    assert_eq!(public(&format!("https://{label}.example/")), Err(AddressError::Host));
}

/// Odd spellings of IPv4 addresses, by which a filter that reads them otherwise than the platform
/// does is passed.
const ODD: [&str; 17] = [
    "2130706433",
    "0x7f000001",
    "0X7F000001",
    "017700000001",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "127.0.0.01",
    "0x7f.0.0.1",
    "127.0.0.0x1",
    "127.0.0.0x",
    "1.2.3.4.5",
    "256.1.1.1",
    "4294967296",
    "shop.example.99",
    "0",
    "0x",
];

/// Loopback, private, link-local, carriers' own, multicast and reserved; mapped and translated.
const INSIDE: [&str; 26] = [
    "127.0.0.1",
    "127.0.0.1.",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "198.18.0.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:169.254.169.254]",
    "[::7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2001::1]",
    "[2002:7f00:1::]",
    "[fc00::1]",
    "[fe80::1]",
    "[ff02::1]",
    // Public ones are no name either.
    "8.8.8.8",
    "[2606:4700::1111]",
];

const NAMES: [&str; 11] = [
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "printer.local",
    "metadata.google.internal",
    "router.home.arpa",
    "Home.ARPA",
    "shop",
    "shop.",
    "shop.Test.",
    "a.lan",
];

#[test]
fn no_ip_address_is_taken_for_a_name_however_it_is_spelled() {
    for host in ODD.iter().chain(&INSIDE) {
        for port in ["", ":8080"] {
            let text = format!("https://{host}{port}/hooks");
            assert_eq!(public(&text), Err(AddressError::IpAddress), "{text}");
        }
    }
}

#[test]
fn no_name_inside_is_reached() {
    for host in NAMES {
        let text = format!("https://{host}:8080/hooks");
        assert_eq!(public(&text), Err(AddressError::Inside), "{text}");
    }
}

#[test]
fn a_deployment_may_reach_inside_and_then_takes_one_spelling_of_an_address() {
    let anywhere = |host: &str, scheme: &str| {
        Address::parse(&format!("{scheme}://{host}:8080/hooks"), Reach::Anywhere).map(drop)
    };
    for host in INSIDE.iter().chain(&NAMES) {
        for scheme in ["http", "https"] {
            assert_eq!(anywhere(host, scheme), Ok(()), "{host}");
        }
    }
    for host in ODD {
        assert_eq!(anywhere(host, "http"), Err(AddressError::IpAddress), "{host}");
    }
}

#[test]
fn a_deployment_that_reaches_anywhere_takes_no_nonsense_either() {
    for text in ["file:///etc/passwd", "http://a@b/", "http://b/#c", "http://", "ws://b/"] {
        assert!(Address::parse(text, Reach::Anywhere).is_err(), "{text}");
    }
}
