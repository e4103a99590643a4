//! A shopper of the contract, over a connection per request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbuster_domain::id::{ReservationId, ShopperId};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use xtask::native::peer::PassKey;

const KEY: [u8; 32] = [0xab; 32];

fn pass_header() -> String {
    URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"test","typ":"pass+jwt"}"#)
}

/// What passes are sealed with here.
pub(crate) fn pass_key() -> PassKey {
    PassKey { key_hex: "ab".repeat(32), header: pass_header() }
}

pub(crate) struct Shopper {
    secret: String,
    id: ShopperId,
}

impl Shopper {
    pub(crate) fn new(name: &str) -> Self {
        let secret = format!("the-secret-of-the-shopper-{name}");
        let id = ShopperId::of_secret(secret.as_bytes());
        Self { secret, id }
    }

    /// A pass that is good for so many seconds.
    #[expect(clippy::disallowed_methods, reason = "a native program")]
    pub(crate) fn pass(&self, sale: &str, secs: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let exp = now.checked_add_signed(secs).unwrap();
        let claims =
            json!({"sale": sale, "sub": self.id, "num": 1, "pos": 1, "iat": now, "exp": exp});
        let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        let signed = format!("{}.{payload}", pass_header());
        let mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap().chain_update(&signed);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// The reservation that a key stands for.
    pub(crate) fn reservation(&self, sku: &str, key: &str) -> ReservationId {
        let (sale, sku) = ("drop".parse().unwrap(), sku.parse().unwrap());
        ReservationId::derive(&sale, &sku, self.id, &key.parse().unwrap())
    }
}

/// One peer.
#[derive(Clone, Copy)]
pub(crate) struct Shop {
    pub(crate) addr: SocketAddr,
}

impl Shop {
    pub(crate) fn open(self, sku: &str, on_hand: u64, ttl_ms: u64) {
        let path = format!("/v1/admin/sales/drop/skus/{sku}/stock");
        let body = json!({"on_hand": on_hand, "ttl_ms": ttl_ms}).to_string();
        assert_eq!(self.ask("PUT", &path, &[], &body).status, 200);
        self.stock(sku, (on_hand, 0, 0, 0));
    }

    /// Asserts how much is on hand, reserved, allocated, and in the outbox.
    pub(crate) fn stock(self, sku: &str, (on_hand, reserved, allocated, outbox): Counts) {
        let path = format!("/v1/admin/sales/drop/skus/{sku}/stock");
        let reply = self.ask("GET", &path, &[], "");
        let counts = json!({"on_hand": on_hand, "reserved": reserved, "allocated": allocated,
                            "outbox": outbox});
        assert_eq!((reply.status, reply.json()), (200, counts), "{sku}");
    }

    pub(crate) fn reserve(self, shopper: &Shopper, sku: &str, key: &str) -> Reply {
        self.reserve_with(shopper, sku, key, Some(&shopper.pass("drop", 600)))
    }

    pub(crate) fn reserve_with(
        self,
        shopper: &Shopper,
        sku: &str,
        key: &str,
        pass: Option<&str>,
    ) -> Reply {
        let path = format!("/v1/sales/drop/skus/{sku}/reservations");
        let mut headers = vec![
            ("doorbuster-shopper", shopper.secret.as_str()),
            ("idempotency-key", key),
            ("content-type", "application/json"),
        ];
        headers.extend(pass.map(|pass| ("doorbuster-pass", pass)));
        self.ask("POST", &path, &headers, r#"{"quantity":1}"#)
    }

    pub(crate) fn confirm(self, shopper: &Shopper, sku: &str, key: &str) -> Reply {
        let id = shopper.reservation(sku, key);
        let path = format!("/v1/sales/drop/skus/{sku}/reservations/{id}/confirm");
        self.ask("POST", &path, &[], "")
    }

    pub(crate) fn ask(
        self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut request = Vec::new();
        write!(request, "{method} {path} HTTP/1.1\r\nhost: peer\r\nconnection: close\r\n").unwrap();
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        write!(request, "content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut stream = TcpStream::connect(self.addr).unwrap();
        stream.write_all(&request).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }
}

/// On hand, reserved, allocated, in the outbox.
type Counts = (u64, u64, u64, u64);

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Asserts that a unit is held, and returns the answer.
    pub(crate) fn held(&self) -> Value {
        let body = self.json();
        assert_eq!((self.status, self.header("content-type")), (201, Some("application/json")));
        assert_eq!((&body["state"], &body["quantity"]), (&json!("held"), &json!(1)));
        assert_eq!(body.as_object().unwrap().len(), 4, "{body}");
        body
    }

    /// Asserts that it is a problem of this kind.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, slug: &str) {
        let body = self.json();
        assert_eq!((self.status, &body["type"]), (status, &json!(format!("/problems#{slug}"))));
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert!(body["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{body}");
    }
}
