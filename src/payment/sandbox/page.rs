//! The page on which the shopper pays, or does something else.

use doorbuster_domain::cart::also;
use doorbuster_domain::money::Money;
use doorbuster_domain::sandbox::{Act, Outcome};
use doorbuster_domain::sealed::PaymentLink;
use doorbuster_domain::time::Millis;
use doorbuster_durable::rpc::{PaymentAction, PaymentTask};
use worker::Env;

use super::super::together::{self, Together};
use super::{act, opened, record};
use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::problem::Problem;
use crate::store::Store;

/// A form of one field.
const FORM_LEN_MAX: u32 = 1024;
/// What takes a while takes no longer than so many seconds.
const AFTER_MAX_S: u64 = 3_600;

/// `GET /sandbox/payments/{link}`.
pub(crate) async fn show(edge: &Edge, env: &Env, link: &str) -> Result<Reply, Problem> {
    let (_, details) = opened(edge, env, link, now())?;
    let store = Store::open(edge, env).await?;
    let status = record(&store, details.payment).await?.status;
    let all = together::of(&store, details.payment).await?;
    let currency = details.currency.parse().map_err(|e| Problem::unavailable("sandbox", &e))?;
    let amount = Money { minor: details.amount_minor, currency };
    let back = receipt_address(&details, &all);
    let items: Vec<&str> = std::iter::once(details.sku.as_str())
        .chain(all.others().map(|part| part.sku.as_str()))
        .collect();
    let html = if status == "open" {
        include_str!("open.html").to_owned()
    } else {
        include_str!("ended.html").replace("{status}", &status)
    };
    // All of these are slugs, numbers and letters by their types: nothing to escape.
    let html = html
        .replace("{amount}", &amount.to_string())
        .replace("{sku}", &items.join(", "))
        .replace("{back}", &back);
    let csp = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'";
    Ok(Reply::text("text/html; charset=utf-8", html)
        .field("content-security-policy", csp)
        // Not `no-referrer`: with it a browser hides where the form comes from, also from us.
        .field("referrer-policy", "same-origin"))
}

/// `POST /sandbox/payments/{link}`: what the shopper decided.
pub(crate) async fn pay(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    link: &str,
) -> Result<Reply, Problem> {
    let (_, details) = opened(edge, env, link, now())?;
    let form = request.body("application/x-www-form-urlencoded", FORM_LEN_MAX).await?;
    let (outcome, delay) = chosen(&form)?;
    let action = PaymentAction::Void;
    let (sale, sku) = (details.sale.clone(), details.sku.clone());
    let task = PaymentTask { action, sale, sku, payment: details.payment, cancelled: None };
    act(edge, env, &task, Act::Pay(outcome, delay)).await?;
    let all = together::of(&Store::open(edge, env).await?, details.payment).await?;
    Ok(Reply::empty().own_field("location", &receipt_address(&details, &all)))
}

/// What was chosen on the page: `outcome`, and `after_s` for what takes a while.
fn chosen(form: &[u8]) -> Result<(Outcome, Millis), Problem> {
    let form = String::from_utf8_lossy(form);
    let field =
        |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let named = |name| Outcome::ALL.into_iter().find(|outcome| outcome.name() == name);
    let outcome = field("outcome").and_then(named).ok_or_else(|| {
        let all = Outcome::ALL.map(Outcome::name).join(", ");
        Problem::invalid("/outcome", format!("It is one of {all}."))
    })?;
    let delay = match field("after_s").filter(|text| !text.is_empty()) {
        None => outcome.usual_delay(),
        Some(text) => match text.parse() {
            Ok(secs @ 0..=AFTER_MAX_S) => Millis::from_secs(secs),
            _ => {
                return Err(Problem::invalid(
                    "/after_s",
                    format!("It is a number from 0 to {AFTER_MAX_S}."),
                ));
            }
        },
    };
    Ok((outcome, delay))
}

/// Where the shopper sees what became of it.
fn receipt_address(link: &PaymentLink, all: &Together) -> String {
    let mut address = format!(
        "/receipt?sale={}&sku={}&reservation={}",
        link.sale,
        link.sku,
        link.payment.reservation()
    );
    for part in all.others() {
        address.push_str(&also(&part.sku, part.payment));
    }
    address
}
