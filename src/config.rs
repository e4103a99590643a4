//! What the operator sets, read once per isolate.

use doorbuster_domain::contact::ContactKeys;
use doorbuster_domain::sealed::{Keyring, WebhookKey};
use doorbuster_domain::stripe::is_base;
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
    /// Whether payments begin with Stripe.
    pub(crate) begins_with_stripe: bool,
    /// What Stripe is reached by, whoever payments begin with: what was begun there goes on there.
    pub(crate) stripe: Option<Stripe>,
    /// What contacts are sealed with. Without, nobody can leave one.
    pub(crate) contact_keys: Option<ContactKeys>,
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

/// What Stripe is reached by, and what it reports with.
pub(crate) struct Stripe {
    /// The secret key of the account.
    pub(crate) key: String,
    /// Where its API is.
    pub(crate) api: String,
    /// Where shoppers come back to.
    pub(crate) origin: String,
    /// The secrets of the webhook endpoint: one, or two while they rotate.
    pub(crate) webhook_keys: Vec<WebhookKey>,
}

impl Stripe {
    /// Reads the settings; nothing if there are none, or not all. The log names what is missing.
    fn read(env: &Env, is_wanted: bool) -> Option<Self> {
        let key = text(env, "STRIPE_SECRET_KEY").unwrap_or_default();
        if key.is_empty() && !is_wanted {
            return None;
        }
        let api = text(env, "STRIPE_API").unwrap_or_else(|| "https://api.stripe.com".to_owned());
        let origin = text(env, "PUBLIC_ORIGIN").unwrap_or_default();
        let secrets = ["STRIPE_WEBHOOK_SECRET", "STRIPE_WEBHOOK_SECRET_PREVIOUS"];
        let secrets = secrets.into_iter().filter_map(|name| text(env, name));
        let webhook_keys = secrets.map(|secret| WebhookKey::new(secret.as_bytes())).collect();
        let base = "it has to be https:// and a host, without a path";
        let (name, what) = match webhook_keys {
            _ if key.is_empty() => ("STRIPE_SECRET_KEY", "it is missing"),
            _ if !is_base(&api) => ("STRIPE_API", base),
            _ if !is_base(&origin) => ("PUBLIC_ORIGIN", base),
            Err(_) => ("STRIPE_WEBHOOK_SECRET", "one of them is too short"),
            Ok(keys) if Vec::is_empty(&keys) => ("STRIPE_WEBHOOK_SECRET", "it is missing"),
            Ok(webhook_keys) => return Some(Self { key, api, origin, webhook_keys }),
        };
        worker::console_error!("{name}: {what}");
        None
    }
}

/// The shortest token a merchant may have: 24 characters of base64url are 144 bits.
const ADMIN_TOKEN_LEN_MIN: usize = 24;

/// Where the delays between the attempts of a webhook may stand.
const DELAYS: &str = "WEBHOOK_DELAYS_MS";

/// Where the keys of contacts stand.
const CONTACT_KEYS: &str = "CONTACT_KEYS";

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
        let payments = text(env, "PAYMENTS");
        let begins_with_stripe = payments.as_deref() == Some("stripe");
        let stripe = Stripe::read(env, begins_with_stripe);
        let sandbox = match payments.as_deref() {
            Some("sandbox") => Sandbox::Up,
            Some("sandbox-down") => Sandbox::Down,
            Some("sandbox-slow") => Sandbox::Slow,
            _ => Sandbox::Off,
        };
        let contact_keys = text(env, CONTACT_KEYS).map(|text| ContactKeys::parse(&text));
        let contact_keys = contact_keys.transpose().unwrap_or_else(|error| {
            worker::console_error!("{CONTACT_KEYS}: {error}");
            None
        });
        let anywhere = text(env, "WEBHOOK_REACH").is_some_and(|value| value == "anywhere");
        let webhook_reach = if anywhere { Reach::Anywhere } else { Reach::Public };
        let webhook_schedule = match text(env, DELAYS) {
            None => Schedule::default(),
            Some(text) => Schedule::parse(&text)
                .ok_or_else(|| not_configured(DELAYS, "it is no milliseconds with commas"))?,
        };
        Ok(Self {
            keyring,
            admin_token,
            sandbox,
            begins_with_stripe,
            stripe,
            contact_keys,
            webhook_reach,
            webhook_schedule,
        })
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

/// Whether somebody wants contacts to be left, whatever the log says of the keys.
pub(crate) fn wants_contacts(env: &Env) -> bool {
    text(env, CONTACT_KEYS).is_some()
}

/// The problem of who wants to leave a contact or read one where there are no keys for it.
pub(crate) fn no_contact_keys() -> Problem {
    not_configured(CONTACT_KEYS, "it is missing or wrong")
}

fn not_configured(name: &str, what: &str) -> Problem {
    worker::console_error!("{name}: {what}");
    Problem::new(
        ProblemKind::NotConfigured,
        "The operator has to finish the set-up; the log says what is missing.",
    )
}
