//! Payment providers, behind one small interface: create a session, void it, refund it, and hear
//! of it by webhook.

pub(crate) mod sandbox;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbuster_domain::id::{PaymentId, SaleId, Sku};
use doorbuster_domain::inventory::Command;
use doorbuster_domain::money::Money;
use doorbuster_domain::time::Timestamp;
use doorbuster_durable::rpc::{PaymentAction, PaymentTask};
use doorbuster_wire::problem::ProblemKind;
use worker::Env;

use crate::config::Config;
use crate::edge::Edge;
use crate::objects::InventoryStub;
use crate::problem::Problem;

/// What is to be paid, and for what.
pub(crate) struct Session {
    pub(crate) sale: SaleId,
    pub(crate) sku: Sku,
    pub(crate) payment: PaymentId,
    pub(crate) amount: Money,
    pub(crate) expires_at: Timestamp,
}

/// What a provider says when it is told to end a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voided {
    /// It can no longer be completed.
    Yes,
    /// It was completed before; so much was paid.
    TooLate { amount_minor: u64 },
}

/// The provider of this deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    /// The built-in one, for trying things out.
    Sandbox,
}

impl Provider {
    /// The provider that payments begin with.
    pub(crate) fn configured(config: &Config) -> Result<Self, Problem> {
        if config.payment_sandbox {
            return Ok(Self::Sandbox);
        }
        Err(Problem::new(ProblemKind::NotConfigured, "No payment provider is set up."))
    }

    /// The provider that payments were begun with, whatever is set up now.
    ///
    /// The setting says who may begin. Were it asked for what was begun, switching payments off in
    /// the middle of a sale would strand it: units that nobody voids stay reserved, money that is
    /// due back stays with us, and what was paid is not heard of. So a payment goes on until it has
    /// ended, on its page as well: who was sent there was promised the units, until the payment is
    /// voided. New ones cannot come of that: only beginning makes a record that can be paid.
    pub(crate) const fn of_begun() -> Self {
        Self::Sandbox
    }

    /// Opens a session, or finds the one that is open already; the address of its page.
    pub(crate) async fn create_session(
        self,
        edge: &Edge,
        config: &Config,
        env: &Env,
        session: &Session,
    ) -> Result<String, Problem> {
        match self {
            Self::Sandbox => sandbox::create_session(edge, config, env, session).await,
        }
    }

    async fn void(self, edge: &Edge, env: &Env, task: &PaymentTask) -> Result<Voided, Problem> {
        match self {
            Self::Sandbox => sandbox::void(edge, env, task).await,
        }
    }

    async fn refund(self, edge: &Edge, env: &Env, task: &PaymentTask) -> Result<(), Problem> {
        match self {
            Self::Sandbox => sandbox::refund(edge, env, task).await,
        }
    }
}

/// Does what an Inventory asked for through the queue, and reports back. Doing it twice is doing
/// it once.
pub(crate) async fn perform(edge: &Edge, env: &Env, task: &PaymentTask) -> Result<(), Problem> {
    let provider = Provider::of_begun();
    let payment = task.payment;
    let command = match task.action {
        PaymentAction::Void => match provider.void(edge, env, task).await? {
            Voided::Yes => Command::VoidPayment { payment },
            Voided::TooLate { amount_minor } => Command::Allocate { payment, amount_minor },
        },
        PaymentAction::Refund => {
            provider.refund(edge, env, task).await?;
            Command::ConfirmRefund { payment }
        }
        PaymentAction::Sandbox(later) => return sandbox::happens(edge, env, task, later).await,
    };
    InventoryStub::of(env, &task.sale, &task.sku).execute(command).await.map(|_| ())
}

/// An id of 128 random bits, as base64url after a prefix.
pub(crate) fn random_id(prefix: &str) -> Result<String, Problem> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Problem::unavailable("randomness", &error))?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}
