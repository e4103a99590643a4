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
        "https://8.8.8.8/",
        "https://[2606:4700::1111]:443/",
        "https://localhost.example.com/",
        "https://0x7f.example.com/",
        "https://127.0.0.1.example.com/",
        "https://100.63.255.255/",
        "https://172.32.0.1/",
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

#[test]
fn no_spelling_of_an_ipv4_address_but_one_is_read() {
    for host in [
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
        "127.0.0.1.",
        "8.8.8.8.",
        "1.2.3.4.5",
        "256.1.1.1",
        "4294967296",
        "shop.example.99",
    ] {
        assert_eq!(public(&format!("https://{host}/")), Err(AddressError::OddIpv4), "{host}");
        let anywhere = Address::parse(&format!("http://{host}/"), Reach::Anywhere);
        assert_eq!(anywhere, Err(AddressError::OddIpv4), "{host}");
    }
}

const INSIDE: [(&str, Inside); 49] = [
    ("127.0.0.1", Inside::Loopback),
    ("127.255.255.254", Inside::Loopback),
    ("10.0.0.1", Inside::Private),
    ("172.16.0.1", Inside::Private),
    ("172.31.255.255", Inside::Private),
    ("192.168.1.1", Inside::Private),
    ("169.254.169.254", Inside::LinkLocal),
    ("100.64.0.1", Inside::Carrier),
    ("100.127.255.255", Inside::Carrier),
    ("224.0.0.1", Inside::Multicast),
    ("239.255.255.255", Inside::Multicast),
    ("0.0.0.0", Inside::Reserved),
    ("255.255.255.255", Inside::Reserved),
    ("240.0.0.1", Inside::Reserved),
    ("192.0.0.1", Inside::Reserved),
    ("192.0.2.1", Inside::Reserved),
    ("192.88.99.1", Inside::Reserved),
    ("198.18.0.1", Inside::Reserved),
    ("198.51.100.1", Inside::Reserved),
    ("203.0.113.1", Inside::Reserved),
    ("[::1]", Inside::Loopback),
    ("[0:0:0:0:0:0:0:1]", Inside::Loopback),
    ("[::]", Inside::Reserved),
    ("[::ffff:127.0.0.1]", Inside::Loopback),
    ("[::ffff:7f00:1]", Inside::Loopback),
    ("[::ffff:10.0.0.1]", Inside::Private),
    ("[::FFFF:169.254.169.254]", Inside::LinkLocal),
    ("[::ffff:8.8.8.8]", Inside::Reserved),
    ("[::7f00:1]", Inside::Reserved),
    ("[64:ff9b::7f00:1]", Inside::Reserved),
    ("[64:ff9b:1::1]", Inside::Reserved),
    ("[100::1]", Inside::Reserved),
    ("[2001::1]", Inside::Reserved),
    ("[2001:db8::1]", Inside::Reserved),
    ("[2002:7f00:1::]", Inside::Reserved),
    ("[3fff::1]", Inside::Reserved),
    ("[fc00::1]", Inside::Private),
    ("[fdff::1]", Inside::Private),
    ("[fe80::1]", Inside::LinkLocal),
    ("[fec0::1]", Inside::LinkLocal),
    ("[ff02::1]", Inside::Multicast),
    ("localhost", Inside::Loopback),
    ("LOCALHOST.", Inside::Loopback),
    ("a.localhost", Inside::Loopback),
    ("printer.local", Inside::Name),
    ("metadata.google.internal", Inside::Name),
    ("router.home.arpa", Inside::Name),
    ("shop", Inside::Name),
    ("shop.Test.", Inside::Name),
];

#[test]
fn no_host_inside_is_reached_unless_the_deployment_allows_it() {
    for (host, inside) in INSIDE {
        for port in ["", ":8080"] {
            let text = format!("https://{host}{port}/hooks");
            assert_eq!(public(&text), Err(AddressError::Inside(inside)), "{text}");
            for scheme in ["http", "https"] {
                let text = text.replacen("https", scheme, 1);
                assert!(Address::parse(&text, Reach::Anywhere).is_ok(), "{text}");
            }
        }
    }
}

#[test]
fn a_deployment_that_reaches_anywhere_takes_no_nonsense_either() {
    for text in ["file:///etc/passwd", "http://a@b/", "http://b/#c", "http://", "ws://b/"] {
        assert!(Address::parse(text, Reach::Anywhere).is_err(), "{text}");
    }
}
