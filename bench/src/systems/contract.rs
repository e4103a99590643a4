//! The HTTP contract that all peers keep, as a check: whoever passes it may be compared.
//!
//! Two requests are for peers alone: `PUT` and `GET /v1/admin/sales/{sale}/skus/{sku}/stock`, which
//! set and show the stock, and `POST .../reservations/{id}/confirm`, which makes an order at once.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use doorbuster_domain::id::{SaleId, ShopperId, Sku};
use doorbuster_domain::sealed::{Keyring, Pass};
use doorbuster_domain::time::{Millis, Timestamp};
use serde_json::{Value, json};

use super::http::{self, Reply};

/// Long enough for the reservations of a check not to expire during it.
const TTL: Millis = Millis::from_secs(600);
/// Short enough to wait for.
const SHORT_TTL: Millis = Millis::new(700);
/// Where each of millions of units is a row, ten seconds did not always suffice.
const STOCK_PATIENCE: Duration = Duration::from_mins(1);
/// How long after its deadline a unit may take to be offered again.
const EXPIRY_WITHIN: Duration = Duration::from_secs(5);
const POLL_EVERY: Duration = Duration::from_millis(50);
/// Shoppers who want the same few units at once.
const CROWD: u8 = 24;
const UNITS_FOR_CROWD: u64 = 5;

/// Checks every promise of the contract on a system at `addr` that verifies passes of `keyring`.
/// `sku` and the names that begin with it must be unused there.
pub fn check(addr: SocketAddr, keyring: &Keyring, sale: &SaleId, sku: &Sku) -> Result<()> {
    let at = |suffix: &str| -> Result<Check<'_>> {
        let sku: Sku = format!("{sku}{suffix}").parse()?;
        Ok(Check { addr, keyring, sale, sku })
    };
    let health = http::send(addr, "GET", "/healthz", &[], "")?;
    ensure!(health.status == 200, "/healthz: {health:?}");
    at("")?.buying().context("buying")?;
    at("-pass")?.passes().context("passes")?;
    at("-expiry")?.expiry().context("expiry")?;
    at("-crowd")?.crowd().context("a crowd at once")
}

/// The stock of a SKU as a peer shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    pub on_hand: u64,
    pub reserved: u64,
    pub allocated: u64,
    /// Orders that are to be told to the outside.
    pub outbox: u64,
}

/// Gives a peer the units of a SKU, each reservation of which lasts `ttl`.
pub fn set_stock(
    addr: SocketAddr,
    sale: &SaleId,
    sku: &Sku,
    on_hand: u64,
    ttl: Millis,
) -> Result<()> {
    let body = json!({"on_hand": on_hand, "ttl_ms": ttl.get()}).to_string();
    let headers = [("content-type", "application/json")];
    let path = stock_path(sale, sku);
    let reply = http::send_within(STOCK_PATIENCE, addr, "PUT", &path, &headers, &body)?;
    ensure!(matches!(reply.status, 200 | 201 | 204), "the stock was not set: {reply:?}");
    Ok(())
}

/// Asks a peer for the stock of a SKU.
pub fn stock(addr: SocketAddr, sale: &SaleId, sku: &Sku) -> Result<Stock> {
    let reply = http::send(addr, "GET", &stock_path(sale, sku), &[], "")?;
    ensure!(reply.status == 200, "the stock is not shown: {reply:?}");
    let json = reply.json()?;
    let number = |name: &str| {
        json.get(name).and_then(Value::as_u64).with_context(|| format!("no {name}: {reply:?}"))
    };
    Ok(Stock {
        on_hand: number("on_hand")?,
        reserved: number("reserved")?,
        allocated: number("allocated")?,
        outbox: number("outbox")?,
    })
}

fn stock_path(sale: &SaleId, sku: &Sku) -> String {
    format!("/v1/admin/sales/{sale}/skus/{sku}/stock")
}

/// One SKU to check with.
struct Check<'a> {
    addr: SocketAddr,
    keyring: &'a Keyring,
    sale: &'a SaleId,
    sku: Sku,
}

/// The secret that a shopper is known by.
fn secret(number: u8) -> String {
    format!("a-shopper-of-the-check-{number:03}")
}

impl Check<'_> {
    fn set_stock(&self, on_hand: u64, ttl: Millis) -> Result<()> {
        set_stock(self.addr, self.sale, &self.sku, on_hand, ttl)
    }

    fn stock_is(&self, on_hand: u64, reserved: u64, allocated: u64) -> Result<()> {
        let expected = Stock { on_hand, reserved, allocated, outbox: allocated };
        let found = stock(self.addr, self.sale, &self.sku)?;
        ensure!(found == expected, "the stock is {found:?}, but should be {expected:?}");
        Ok(())
    }

    /// A pass of a shopper, for `sale`, that is good for `secs` from now, or was until then.
    fn pass(&self, number: u8, sale: &SaleId, secs: i64) -> String {
        let now = xtask::clock::now_ms();
        let expires_at = now.saturating_add_signed(secs.saturating_mul(1000));
        self.keyring.seal(&Pass {
            sale: sale.clone(),
            shopper: ShopperId::of_secret(secret(number).as_bytes()),
            number: number.into(),
            position: number.into(),
            issued_at: Timestamp::from_millis(now.saturating_sub(3_600_000)),
            expires_at: Timestamp::from_millis(expires_at),
        })
    }

    fn reservations(&self) -> String {
        format!("/v1/sales/{}/skus/{}/reservations", self.sale, self.sku)
    }

    fn reserve_with(&self, number: u8, pass: Option<&str>, key: &str, body: &str) -> Result<Reply> {
        let secret = secret(number);
        let mut headers = vec![
            ("doorbuster-shopper", secret.as_str()),
            ("idempotency-key", key),
            ("content-type", "application/json"),
        ];
        headers.extend(pass.map(|pass| ("doorbuster-pass", pass)));
        http::send(self.addr, "POST", &self.reservations(), &headers, body)
    }

    fn reserve(&self, number: u8, key: &str) -> Result<Reply> {
        let pass = self.pass(number, self.sale, 3600);
        self.reserve_with(number, Some(&pass), key, r#"{"quantity":1}"#)
    }

    fn confirm(&self, number: u8, reservation: &str) -> Result<Reply> {
        let path = format!("{}/{reservation}/confirm", self.reservations());
        let pass = self.pass(number, self.sale, 3600);
        let secret = secret(number);
        let headers = [
            ("doorbuster-shopper", secret.as_str()),
            ("doorbuster-pass", pass.as_str()),
            ("content-type", "application/json"),
        ];
        http::send(self.addr, "POST", &path, &headers, "{}")
    }

    /// Reserving, repeating, being refused, and what orders leave.
    fn buying(&self) -> Result<()> {
        self.set_stock(2, TTL)?;
        self.stock_is(2, 0, 0)?;
        let before = xtask::clock::now_ms();
        let first = self.reserve(1, "a")?;
        let id = reserved(&first)?;
        let json = first.json()?;
        ensure!(json.get("state") == Some(&json!("held")), "the state is not held: {first:?}");
        ensure!(json.get("quantity") == Some(&json!(1)), "the quantity is not 1: {first:?}");
        let deadline = json.get("expires_at_ms").and_then(Value::as_u64).unwrap_or_default();
        let ttl = deadline.saturating_sub(before);
        let near = TTL.get()..=TTL.get().saturating_add(60_000);
        ensure!(near.contains(&ttl), "the deadline is {ttl} ms away: {first:?}");
        self.repeated(&first)?;
        refused(&self.reserve(1, "b")?, "per-shopper-max")?;
        self.stock_is(2, 1, 0)?;

        let second = reserved(&self.reserve(2, "a")?)?;
        ensure!(second != id, "two shoppers who chose the same key have one reservation");
        refused(&self.reserve(3, "a")?, "all-reserved")?;
        self.stock_is(2, 2, 0)?;

        let order = ordered(&self.confirm(1, &id)?)?;
        self.stock_is(2, 1, 1)?;
        ensure!(ordered(&self.confirm(1, &id)?)? == order, "confirming again is another order");
        self.stock_is(2, 1, 1)?;
        refused(&self.reserve(3, "b")?, "all-reserved")?;
        ensure!(ordered(&self.confirm(2, &second)?)? != order, "two orders have one name");
        self.stock_is(2, 0, 2)?;
        refused(&self.reserve(3, "c")?, "sold-out")?;
        refused(&self.reserve(1, "c")?, "per-shopper-max")?;
        self.repeated(&first)
    }

    /// That shopper 1 gets the answer `first` again for the key of it.
    fn repeated(&self, first: &Reply) -> Result<()> {
        let again = self.reserve(1, "a")?;
        ensure!(again.status == 201 && again.body == first.body, "{again:?} after {first:?}");
        let replayed = again.header("idempotent-replayed");
        ensure!(replayed == Some("true"), "a repeat is not marked: {again:?}");
        ensure!(first.header("idempotent-replayed").is_none(), "the first is marked: {first:?}");
        Ok(())
    }

    /// That only a good pass for this sale and this shopper lets reserve.
    fn passes(&self) -> Result<()> {
        self.set_stock(1, TTL)?;
        let good = self.pass(1, self.sale, 3600);
        let (signed, signature) = good.rsplit_once('.').context("a pass has three parts")?;
        let (header, payload) = signed.split_once('.').context("a pass has three parts")?;
        let others = self.pass(2, self.sale, 3600);
        let other_signature = others.rsplit_once('.').context("a pass has three parts")?.1;
        let other_sale: SaleId = format!("{}-other", self.sale).parse()?;
        let stranger = Keyring::new(&[7; 32], None)?;
        let sealed_by_stranger = Check { keyring: &stranger, sku: self.sku.clone(), ..*self };
        let foreign = sealed_by_stranger.pass(1, self.sale, 3600);
        let foreign_rest = foreign.split_once('.').context("a pass has three parts")?.1;
        let bad = [
            ("is missing", None),
            ("is empty", Some(String::new())),
            ("has another signature", Some(format!("{signed}.{other_signature}"))),
            ("has no signature", Some(format!("{signed}."))),
            ("is cut short", Some(signed.to_owned())),
            ("has another header", Some(format!("e30.{payload}.{signature}"))),
            ("is sealed by a stranger", Some(foreign.clone())),
            ("is a stranger's under our header", Some(format!("{header}.{foreign_rest}"))),
            ("has expired", Some(self.pass(1, self.sale, -2))),
            ("is for another sale", Some(self.pass(1, &other_sale, 3600))),
            ("is another shopper's", Some(others.clone())),
        ];
        for (what, pass) in bad {
            let reply = self.reserve_with(1, pass.as_deref(), "a", r#"{"quantity":1}"#)?;
            ensure!(matches!(reply.status, 401 | 403), "a pass that {what}: {reply:?}");
        }
        for body in ["{", r#"{"quantity":0}"#, r#"{"quantity":-1}"#, r#"{"quantity":"1"}"#] {
            let reply = self.reserve_with(1, Some(&good), "a", body)?;
            ensure!(matches!(reply.status, 400 | 422), "the body {body:?}: {reply:?}");
        }
        self.stock_is(1, 0, 0)?;
        reserved(&self.reserve_with(1, Some(&good), "a", r#"{"quantity":1}"#)?).map(drop)
    }

    /// That a unit whose deadline has passed is offered again, and buys nothing any more.
    fn expiry(&self) -> Result<()> {
        self.set_stock(1, SHORT_TTL)?;
        let id = reserved(&self.reserve(1, "a")?)?;
        refused(&self.reserve(2, "a")?, "all-reserved")?;
        let watch = xtask::clock::Stopwatch::start();
        loop {
            let reply = self.reserve(2, "a")?;
            if reply.status == 201 {
                break;
            }
            refused(&reply, "all-reserved")?;
            if watch.elapsed() > EXPIRY_WITHIN {
                bail!("an expired unit is not offered again: {reply:?}");
            }
            thread::sleep(POLL_EVERY);
        }
        let early = watch.elapsed().as_millis() < u128::from(SHORT_TTL.get() / 2);
        ensure!(!early, "a unit was offered again long before its deadline");
        let late = self.confirm(1, &id)?;
        ensure!(matches!(late.status, 409 | 410), "an expired reservation bought: {late:?}");
        let counts = stock(self.addr, self.sale, &self.sku)?;
        ensure!(counts.allocated == 0 && counts.outbox == 0, "it is in the stock: {counts:?}");
        Ok(())
    }

    /// That many who come at once get as many units as there are, each with an answer.
    fn crowd(&self) -> Result<()> {
        self.set_stock(UNITS_FOR_CROWD, TTL)?;
        let replies: Vec<Result<Reply>> = thread::scope(|scope| {
            let all: Vec<_> =
                (0..CROWD).map(|number| scope.spawn(move || self.reserve(number, "a"))).collect();
            all.into_iter()
                .map(|one| one.join().unwrap_or_else(|_| bail!("a shopper's thread is gone")))
                .collect()
        });
        let mut won = 0_u64;
        for reply in replies {
            let reply = reply?;
            if reply.status == 201 {
                reserved(&reply)?;
                won = won.saturating_add(1);
            } else {
                refused(&reply, "all-reserved")?;
            }
        }
        ensure!(won == UNITS_FOR_CROWD, "{won} of {UNITS_FOR_CROWD} units were reserved");
        self.stock_is(UNITS_FOR_CROWD, UNITS_FOR_CROWD, 0)
    }
}

/// The id of a reservation that was made.
fn reserved(reply: &Reply) -> Result<String> {
    ensure!(reply.status == 201, "nothing was reserved: {reply:?}");
    text(reply, "reservation")
}

/// The name of an order that was made.
fn ordered(reply: &Reply) -> Result<String> {
    ensure!(reply.status == 200, "nothing was ordered: {reply:?}");
    text(reply, "order")
}

fn text(reply: &Reply, name: &str) -> Result<String> {
    let json = reply.json()?;
    let found = json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    found.map(str::to_owned).with_context(|| format!("no {name}: {reply:?}"))
}

/// That a reply is the problem `slug` with the status 409.
fn refused(reply: &Reply, slug: &str) -> Result<()> {
    let content_type = reply.header("content-type").unwrap_or_default();
    let problem = reply.status == 409 && content_type.starts_with("application/problem+json");
    ensure!(problem, "this is no problem with status 409: {reply:?}");
    let kind = text(reply, "type")?;
    ensure!(kind.ends_with(&format!("#{slug}")), "this is not {slug}: {reply:?}");
    Ok(())
}
