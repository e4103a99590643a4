//! Payments that are made together, in one session of the provider.
//!
//! The session is known by the payment of one line, the lead. The provider knows nothing of the
//! others: what it says of the session is told to each of them here, and what is given back for one
//! of them is a part of what was paid.

use doorbuster_domain::cart::shares;
use doorbuster_domain::id::{PaymentId, SaleId, Sku};
use doorbuster_domain::inventory::Command;
use doorbuster_domain::money::Money;
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::problem::ProblemKind;
use worker::Env;

use super::{Heard, Session, sandbox, tell};
use crate::config::Config;
use crate::edge::now;
use crate::problem::Problem;
use crate::store::{Row, Store, Value};

/// One of the payments.
pub(crate) struct Part {
    pub(crate) sale: SaleId,
    pub(crate) sku: Sku,
    pub(crate) payment: PaymentId,
    /// What is owed for it.
    pub(crate) amount: Money,
}

/// Payments that are made together, the lead first; none if a payment is made by itself.
#[derive(Default)]
pub(crate) struct Together {
    parts: Vec<Part>,
    ends_at: Timestamp,
}

const PARTS: &str = "SELECT p.payment, p.sale, p.sku, p.currency, p.amount_minor, p.ends_at_ms
     FROM payment_parts q JOIN payment_parts p ON p.lead = q.lead
     WHERE q.payment = ? ORDER BY p.payment <> p.lead, p.sku";

/// Writes down what is paid together, unless some of it is being paid otherwise.
///
/// A payment that has a record of its own cannot become a part any more, and one that is a part
/// never gets a record of its own. So each payment is made in one session only.
pub(super) async fn begin(store: &Store, session: &Session) -> Result<(), Problem> {
    if session.others.is_empty() {
        return Ok(());
    }
    let lead = session.lead.payment.to_string();
    let part = |line: &super::Line| {
        let (payment, sku, owed) = (line.payment, &line.sku, line.amount.minor);
        format!(r#"{{"payment":"{payment}","sku":"{sku}","owed":{owed}}}"#)
    };
    let parts: Vec<String> = session.lines().map(part).collect();
    let list = format!("[{}]", parts.join(","));
    let insert = store.prepare(
        "INSERT INTO payment_parts (payment, lead, sale, sku, currency, amount_minor, ends_at_ms)
         SELECT j.value ->> 'payment', ?2, ?3, j.value ->> 'sku', ?4, j.value ->> 'owed', ?5
         FROM json_each(?1) j WHERE NOT EXISTS (
             SELECT 1 FROM json_each(?1) k
             WHERE k.value ->> 'payment' IN (SELECT payment FROM sandbox_payments)
                OR k.value ->> 'payment' IN (SELECT payment FROM stripe_sessions)
                OR k.value ->> 'payment' IN (SELECT payment FROM payment_parts))
         ON CONFLICT DO NOTHING",
        &[
            Value::Text(&list),
            Value::Text(&lead),
            Value::Text(session.sale.as_str()),
            Value::Text(session.amount.currency.as_str()),
            Value::Number(session.expires_at.as_millis()),
        ],
    )?;
    store.run(vec![insert]).await?;
    let known = of(store, session.lead.payment).await?;
    let is_known = |line: &super::Line| known.find(line.payment).is_some();
    if known.parts.len() == parts.len() && session.lines().all(is_known) {
        return Ok(());
    }
    Err(in_progress())
}

fn in_progress() -> Problem {
    Problem::new(
        ProblemKind::PaymentInProgress,
        "Some of it is being paid for already. Finish that payment, or give its units back.",
    )
}

/// The page of the session in which a payment is made with others: who asks for one of them comes
/// back to all of them.
pub(super) async fn page(
    store: &Store,
    config: &Config,
    payment: PaymentId,
) -> Result<String, Problem> {
    let all = of(store, payment).await?;
    let (Some(lead), Some(owed)) = (all.parts.first(), all.owed()) else {
        return Err(in_progress());
    };
    let rows = store
        .rows(
            "SELECT page FROM stripe_sessions WHERE payment = ?1 AND ended = 0 AND page <> ''
         UNION ALL SELECT '' FROM sandbox_payments WHERE payment = ?1",
            &[Value::Text(&lead.payment.to_string())],
        )
        .await?;
    match rows.first().map(|row| row.text(0)).as_deref() {
        None => Err(in_progress()),
        Some("") => {
            let named = (&lead.sale, &lead.sku, lead.payment);
            Ok(sandbox::page_address(config, named, owed, all.ends_at))
        }
        Some(page) => Ok(page.to_owned()),
    }
}

/// What is paid together with a payment.
pub(crate) async fn of(store: &Store, payment: PaymentId) -> Result<Together, Problem> {
    let rows = store.rows(PARTS, &[Value::Text(&payment.to_string())]).await?;
    let ends_at = rows.first().map_or(0, |row| row.number(5));
    let parts = rows.iter().map(Part::read).collect::<Option<Vec<Part>>>();
    let parts = parts.ok_or_else(|| Problem::unavailable("payments", &"a part is unreadable"))?;
    Ok(Together { parts, ends_at: Timestamp::from_millis(ends_at) })
}

impl Part {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            payment: row.text(0).parse().ok()?,
            sale: row.text(1).parse().ok()?,
            sku: row.text(2).parse().ok()?,
            amount: Money { minor: row.number(4), currency: row.text(3).parse().ok()? },
        })
    }
}

impl Together {
    /// Whether the payment is made by itself.
    pub(crate) const fn is_one(&self) -> bool {
        self.parts.is_empty()
    }

    /// The payment whose session it is.
    pub(crate) fn lead(&self) -> Option<PaymentId> {
        self.parts.first().map(|part| part.payment)
    }

    /// What is paid with it, without the lead.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().skip(1)
    }

    pub(crate) fn find(&self, payment: PaymentId) -> Option<&Part> {
        self.parts.iter().find(|part| part.payment == payment)
    }

    /// All that is owed; nothing if the payment is made by itself.
    pub(crate) fn owed(&self) -> Option<Money> {
        Money::sum(self.parts.iter().map(|part| part.amount))
    }

    /// Tells all their Inventories what the provider said, but for the one that asked.
    pub(crate) async fn tell(
        &self,
        env: &Env,
        heard: Heard,
        but: Option<PaymentId>,
    ) -> Result<(), Problem> {
        // Whose shopper wants to give one of them back may want the others.
        let given_up = but.is_some() && heard == Heard::Ended && now() < self.ends_at;
        let heard = if given_up { Heard::Declined } else { heard };
        for part in self.parts.iter().filter(|part| Some(part.payment) != but) {
            if let Some(command) = self.command(heard, part.payment) {
                tell(env, (&part.sale, &part.sku), command).await?;
            }
        }
        Ok(())
    }

    /// What the Inventory of one of them is told.
    pub(crate) fn command(&self, heard: Heard, payment: PaymentId) -> Option<Command> {
        let Heard::Paid { amount_minor } = heard else { return Some(heard.of(payment)) };
        let owed: Vec<u64> = self.parts.iter().map(|part| part.amount.minor).collect();
        let mut all = self.parts.iter().zip(shares(amount_minor, &owed));
        let (_, share) = all.find(|(part, _)| part.payment == payment)?;
        let heard = share.map_or(Heard::Declined, |amount_minor| Heard::Paid { amount_minor });
        Some(heard.of(payment))
    }
}
