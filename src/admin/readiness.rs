//! Whether a sale is ready to open, and what is missing.

use doorbuster_domain::inventory::{Answer, Command, Rejection};
use doorbuster_domain::line::Phase;
use doorbuster_durable::rpc::{RoomCall, RoomView};
use doorbuster_wire::merchant::{Check, Readiness};
use worker::Env;

use super::{ask_all, letters, shown, stock_view};
use crate::config;
use crate::edge::Edge;
use crate::http::Reply;
use crate::objects::RoomStub;
use crate::payment::Provider;
use crate::problem::Problem;
use crate::room::sale_id;
use crate::store::{Store, Value};

/// Whether all keys are known that something is sealed with, and how much is with others than the
/// first. What is sealed with that one is not even looked at.
const OTHER_KEYS: &str = "SELECT coalesce(min(instr(?2, ',' || key_id || ',')), 1),
        coalesce('Still sealed: ' || group_concat(n || ' with ' || key_id, ', ')
            || '. CONTACT_KEYS has to have these keys.',
            'No contact needs another key than the first of CONTACT_KEYS.')
    FROM (SELECT key_id, COUNT(*) AS n FROM contacts WHERE key_id < ?1 OR key_id > ?1
        GROUP BY key_id)";

/// `GET /v1/admin/sales/{sale}/readiness`.
pub(crate) async fn show(edge: &Edge, env: &Env, sale: &str) -> Result<Reply, Problem> {
    let sale = sale_id(sale)?;
    let view = shown(RoomStub::of(env, &sale).execute(&RoomCall::Show).await?)?;
    let mut checks =
        vec![opening(&view), pace(&view), beacon(&view), payments(edge, env)?, limits(env)];
    checks.push(listed(edge, env, &view).await);
    checks.push(dead_letters(edge, env).await);
    checks.push(contacts(edge, env).await?);
    checks.extend(stock(env, &view).await);
    let ready = checks.iter().all(|check| check.ready);
    Ok(Reply::json(&Readiness { ready, checks }))
}

fn check(name: &str, ready: bool, detail: impl Into<String>) -> Check {
    Check { name: name.to_owned(), ready, detail: detail.into() }
}

fn opening(view: &RoomView) -> Check {
    let name = "opening";
    match view.phase {
        Phase::Draft => check(name, false, "It is a draft. Set when it opens, or open it."),
        Phase::Closed => check(name, false, "It is closed, and stays so. Create another sale."),
        Phase::Paused => check(name, false, "It is paused. Open it to go on."),
        Phase::Scheduled | Phase::Prequeue => match view.schedule {
            Some(_) => check(name, true, "It opens by itself when it was said to."),
            None => check(name, false, "The line is open, but nobody said when the sale opens."),
        },
        Phase::Open => check(name, true, "It is open."),
    }
}

/// Whether as many are admitted as the stock can serve in reasonable time.
fn pace(view: &RoomView) -> Check {
    let limits = view.limits;
    let detail = format!(
        "At most {} people a minute and {} at the same time.",
        limits.admits_per_minute_max, limits.active_users_max
    );
    check("limits", limits.active_users_max >= limits.admits_per_minute_max.div_ceil(60), detail)
}

fn beacon(view: &RoomView) -> Check {
    let name = "draw";
    match (&view.status.draw.beacon, view.status.draw.commitment) {
        (_, None) => check(name, false, "It was created before there was a draw. Create it anew."),
        (None, Some(_)) => {
            check(name, true, "The commitment is published. No beacon goes into it.")
        }
        (Some(beacon), Some(_)) => check(
            name,
            true,
            format!(
                "The commitment is published. At the opening bring the signature of round {}: \
                 nobody is admitted before.",
                beacon.round
            ),
        ),
    }
}

fn payments(edge: &Edge, env: &Env) -> Result<Check, Problem> {
    let config = edge.config(env)?;
    Ok(match Provider::configured(&config) {
        Ok(Provider::Stripe) => check("payments", true, "Payments go to Stripe."),
        Ok(Provider::Sandbox) => {
            check("payments", true, "Payments go to the sandbox, which moves no money.")
        }
        Err(_) => check(
            "payments",
            false,
            "No payment provider is set up, or not all of it: nobody could pay. The log says what \
             is missing.",
        ),
    })
}

fn limits(env: &Env) -> Check {
    let factor = config::rate_limit_factor(env);
    let name = "rate limits";
    if factor == 1 {
        return check(name, true, "Rate limits are as they should be.");
    }
    let detail = format!(
        "RATE_LIMIT_FACTOR is {factor}: that is for rehearsals, and lets {factor} times as much in."
    );
    check(name, false, detail)
}

/// Whether shoppers find it.
async fn listed(edge: &Edge, env: &Env, view: &RoomView) -> Check {
    let name = "listed";
    let row = async {
        let store = Store::open(edge, env).await?;
        let named = "SELECT sale FROM sales WHERE sale = ?";
        let sale = Value::Text(view.rules.sale.as_str());
        store.rows(named, &[sale]).await
    };
    match row.await {
        Ok(rows) if !rows.is_empty() => check(name, true, "It is on the list of sales."),
        Ok(_) => check(name, false, "It is not on the list of sales. Create it again."),
        Err(_) => check(name, false, "The books do not answer: orders could not be settled."),
    }
}

/// Whether messages wait for somebody to see to them, of whichever sale: what stopped those may
/// stop these.
async fn dead_letters(edge: &Edge, env: &Env) -> Check {
    let name = "dead letters";
    let open = async { letters::open(&Store::open(edge, env).await?).await };
    match open.await {
        Ok(0) => check(name, true, "No message waits to be replayed."),
        Ok(open) => {
            let detail = format!(
                "{open} could not be handled. See why on the merchant's page or at \
                 /v1/admin/dead-letters, and replay them."
            );
            check(name, false, detail)
        }
        Err(_) => {
            check(name, false, "The books do not answer: nobody knows whether there are any.")
        }
    }
}

/// Whether shoppers can say who an order is for, and which of the keys can go.
async fn contacts(edge: &Edge, env: &Env) -> Result<Check, Problem> {
    let name = "contacts";
    let config = edge.config(env)?;
    let Some(keys) = &config.contact_keys else {
        let detail =
            "CONTACT_KEYS is not set, or wrong as the log says: nobody can say who it is for.";
        return Ok(check(name, !config::wants_contacts(env), detail));
    };
    let store = Store::open(edge, env).await?;
    let values = [Value::Text(keys.current()), Value::Text(keys.ids())];
    let rows = store.rows(OTHER_KEYS, &values).await?;
    let (known, detail) = rows.first().map(|row| (row.number(0), row.text(1))).unwrap_or_default();
    Ok(check(name, known > 0, detail))
}

/// Whether every SKU has stock that is enough for one.
async fn stock(env: &Env, view: &RoomView) -> Vec<Check> {
    let mut checks = Vec::new();
    for (sku, answers) in ask_all(env, &view.rules, &[Command::ShowStock]).await {
        let name = format!("stock of {sku}");
        let answer = answers.ok().and_then(|answers| answers.into_iter().next());
        checks.push(match answer {
            Some(Answer::Rejected(Rejection::NotOpened)) => {
                check(&name, false, "It was not set. Set how many units the sale has.")
            }
            Some(answer) => match stock_view(answer) {
                Some(stock) if stock.available > 0 => {
                    check(&name, true, format!("{} units are available.", stock.available))
                }
                Some(_) => check(&name, false, "No unit is available. Restock it."),
                None => check(&name, false, "Its Inventory answers what it should not."),
            },
            None => check(&name, false, "Its Inventory does not answer."),
        });
    }
    checks
}
