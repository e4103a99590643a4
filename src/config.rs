//! What the operator sets, read once per isolate.

use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::webhook::{Reach, Schedule};
use doorbuster_wire::problem::ProblemKind;
use worker::Env;

use crate::problem::Problem;

/// The settings of this deployment.
pub(crate) struct Config {
    /// Seals tickets and passes.
    pub(crate) keyring: Keyring,
    /// The merchant's token.
    pub(crate) admin_token: String,
    /// Whether the built-in payment provider may be used, and how it does: never unless it is asked
    /// for.
    pub(crate) sandbox: Sandbox,
    /// How far webhooks reach: public hosts, unless more is asked for.
    pub(crate) webhook_reach: Reach,
    /// When webhooks that were not taken are sent again.
    pub(crate) webhook_schedule: Schedule,
}

/// The built-in payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sandbox {
    /// No payment can begin with it.
    Off,
    /// It answers.
    Up,
    /// It fails whatever it is asked.
    Down,
    /// It answers after longer than anybody waits.
    Slow,
}

/// The shortest token a merchant may have: 24 characters of base64url are 144 bits.
const ADMIN_TOKEN_LEN_MIN: usize = 24;

/// Where the delays between the attempts of a webhook may stand.
const DELAYS: &str = "WEBHOOK_DELAYS_MS";

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// A problem for the client; the log names the setting that is missing or wrong.
    pub(crate) fn read(env: &Env) -> Result<Self, Problem> {
        let secret = text(env, "DOORBUSTER_SECRET").unwrap_or_default();
        let previous = text(env, "DOORBUSTER_SECRET_PREVIOUS");
        let keyring = Keyring::new(secret.as_bytes(), previous.as_ref().map(String::as_bytes))
            .map_err(|error| not_configured("DOORBUSTER_SECRET", &error.to_string()))?;
        let admin_token = text(env, "ADMIN_TOKEN").unwrap_or_default();
        if admin_token.len() < ADMIN_TOKEN_LEN_MIN {
            return Err(not_configured("ADMIN_TOKEN", "it is missing or too short"));
        }
        let sandbox = match text(env, "PAYMENTS").as_deref() {
            Some("sandbox") => Sandbox::Up,
            Some("sandbox-down") => Sandbox::Down,
            Some("sandbox-slow") => Sandbox::Slow,
            _ => Sandbox::Off,
        };
        let anywhere = text(env, "WEBHOOK_REACH").is_some_and(|value| value == "anywhere");
        let webhook_reach = if anywhere { Reach::Anywhere } else { Reach::Public };
        let webhook_schedule = match text(env, DELAYS) {
            None => Schedule::default(),
            Some(text) => Schedule::parse(&text)
                .ok_or_else(|| not_configured(DELAYS, "it is no milliseconds with commas"))?,
        };
        Ok(Self { keyring, admin_token, sandbox, webhook_reach, webhook_schedule })
    }
}

/// How many times the usual rate limits hold: `RATE_LIMIT_FACTOR`, for load that comes from few
/// addresses, such as a rehearsal's. 1 if it is not set, or no whole number from 1.
pub(crate) fn rate_limit_factor(env: &Env) -> u32 {
    let factor = text(env, "RATE_LIMIT_FACTOR").and_then(|value| value.parse().ok());
    factor.unwrap_or(1).max(1)
}

/// A variable or secret; they look the same from here.
fn text(env: &Env, name: &str) -> Option<String> {
    env.var(name).ok().map(|value| value.to_string()).filter(|value| !value.is_empty())
}

fn not_configured(name: &str, what: &str) -> Problem {
    worker::console_error!("{name}: {what}");
    Problem::new(
        ProblemKind::NotConfigured,
        "The operator has to finish the set-up; the log says what is missing.",
    )
}
