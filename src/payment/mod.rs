//! Payment providers, behind one small interface: create a session, void it, refund it, and hear
//! of it by webhook.

pub(crate) mod sandbox;
pub(crate) mod stripe;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbuster_domain::breaker::Breaker;
use doorbuster_domain::id::{PaymentId, SaleId, Sku};
use doorbuster_domain::inventory::Command;
use doorbuster_domain::money::Money;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_durable::rpc::{PaymentAction, PaymentTask};
use doorbuster_wire::problem::ProblemKind;
use worker::Env;

use crate::books;
use crate::config::{Config, Sandbox};
use crate::edge::{Edge, now, within};
use crate::objects::InventoryStub;
use crate::problem::Problem;
use crate::store::Store;

/// A provider that takes longer is not answering.
const PATIENCE: Millis = Millis::from_secs(5);
const _: () = assert!(PATIENCE.get() < Breaker::TRY_MAX.get());

/// What is to be paid, and for what.
pub(crate) struct Session {
    pub(crate) sale: SaleId,
    pub(crate) sku: Sku,
    pub(crate) payment: PaymentId,
    /// What the shopper reads at the provider.
    pub(crate) title: String,
    pub(crate) quantity: u32,
    /// All that is to be paid.
    pub(crate) amount: Money,
    /// Whether that has the shipping in it.
    pub(crate) ships: bool,
    pub(crate) expires_at: Timestamp,
}

/// What a provider says when it is told to end a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voided {
    /// It can no longer be completed.
    Yes,
    /// It was completed before; so much was paid.
    TooLate { amount_minor: u64 },
    /// The shopper is done, and a bank has yet to say whether the money comes. It is asked again.
    NotYet,
}

/// A provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    /// The built-in one, for trying things out.
    Sandbox,
    /// Stripe Checkout by redirect.
    Stripe,
}

impl Provider {
    /// The provider that payments begin with.
    pub(crate) fn configured(config: &Config) -> Result<Self, Problem> {
        if config.sandbox != Sandbox::Off {
            return Ok(Self::Sandbox);
        }
        if config.begins_with_stripe && config.stripe.is_some() {
            return Ok(Self::Stripe);
        }
        Err(Problem::new(ProblemKind::NotConfigured, "No payment provider is set up."))
    }

    /// Opens a session, or finds the one that is open already; the address of its page. Who asks
    /// has been permitted to.
    pub(crate) async fn create_session(
        self,
        edge: &Edge,
        config: &Config,
        env: &Env,
        session: &Session,
    ) -> Result<String, Problem> {
        let is_new = self == Self::Stripe;
        let asked = async {
            if is_new || config.stripe.is_some() {
                let page = stripe::create_session(edge, config, env, session, is_new).await?;
                if let Some(page) = page {
                    return Ok(page);
                }
            }
            sandbox::create_session(edge, config, env, session).await
        };
        let created = answered(asked).await;
        let is_silent = |problem: &Problem| problem.is(ProblemKind::Unavailable);
        let mut breaker = edge.provider.get();
        breaker.note(!created.as_ref().is_err_and(is_silent), now());
        edge.provider.set(breaker);
        created
    }
}

/// Whether it makes sense to ask the provider at the moment. Who may not is told so before a
/// payment begins, so that what they hold stays theirs.
pub(crate) fn permit(edge: &Edge) -> Result<(), Problem> {
    let mut breaker = edge.provider.get();
    let permitted = breaker.permit(now());
    edge.provider.set(breaker);
    permitted.map_err(|wait| {
        let detail = "No payment was begun. Wait as long as Retry-After says, and pay then.";
        Problem::new(ProblemKind::PaymentProviderDown, detail)
            .field("retry-after", wait.ceil_secs().to_string())
    })
}

/// Who was permitted to ask the provider has nothing to ask it.
pub(crate) fn give_back(edge: &Edge) {
    let mut breaker = edge.provider.get();
    breaker.give_back(now());
    edge.provider.set(breaker);
}

/// What the provider answers, if it does so in time. Later it may still do what it was asked: all
/// of it can be asked again.
async fn answered<T>(asked: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let patience = Duration::from_millis(PATIENCE.get());
    let late = || Problem::unavailable("payment provider", &"no answer in time");
    within(patience, asked).await.unwrap_or_else(|| Err(late()))
}

/// Does what an Inventory asked for through the queue, and reports back. Doing it twice is doing
/// it once.
///
/// It is asked of the provider that has a record of the payment, whatever is set up now. The
/// setting says who may begin. Were it asked for what was begun, switching payments off, or to
/// another provider, in the middle of a sale would strand it: units that nobody voids stay
/// reserved, money that is due back stays with us, and what was paid is not heard of. So a payment
/// goes on until it has ended, on its page as well: who was sent there was promised the units,
/// until the payment is voided. New ones cannot come of that: only beginning makes a record that
/// can be paid. A payment without any record is voided by the sandbox, and then can begin with no
/// provider any more.
pub(crate) async fn perform(edge: &Edge, env: &Env, task: &PaymentTask) -> Result<(), Problem> {
    if let PaymentAction::Sandbox(later) = task.action {
        return sandbox::happens(edge, env, task, later).await;
    }
    // The books hear of a cancellation before its money goes back, and of the money after: who
    // asked for it may not have come so far, and it is asked for again until all of it is done.
    let order = (&task.sale, task.payment.reservation().order());
    if let Some(cancelled) = &task.cancelled {
        books::cancel(env, &Store::open(edge, env).await?, order, cancelled).await?;
    }
    let command = answered(ask(edge, env, task)).await?;
    if task.cancelled.is_some() {
        books::refund(env, &Store::open(edge, env).await?, order).await?;
    }
    // Without a word of the provider the Inventory goes on asking.
    let Some(command) = command else { return Ok(()) };
    InventoryStub::of(env, &task.sale, &task.sku).execute(command).await.map(|_| ())
}

/// Has a payment voided or refunded; what its Inventory is told of it.
async fn ask(edge: &Edge, env: &Env, task: &PaymentTask) -> Result<Option<Command>, Problem> {
    let payment = task.payment;
    if task.action == PaymentAction::Refund {
        if stripe::refund(edge, env, task).await?.is_none() {
            sandbox::refund(edge, env, task).await?;
        }
        return Ok(Some(Command::ConfirmRefund { payment }));
    }
    let voided = match stripe::void(edge, env, task).await? {
        Some(voided) => voided,
        None => sandbox::void(edge, env, task).await?,
    };
    Ok(match voided {
        Voided::Yes => Some(Command::VoidPayment { payment }),
        Voided::TooLate { amount_minor } => Some(Command::Allocate { payment, amount_minor }),
        Voided::NotYet => None,
    })
}

/// An id of 128 random bits, as base64url after a prefix.
pub(crate) fn random_id(prefix: &str) -> Result<String, Problem> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Problem::unavailable("randomness", &error))?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}
