//! Calls to Stripe's API, and what is read of its JSON.

use std::time::Duration;

use doorbuster_domain::stripe::{API_VERSION, Answer, Session as Told, pause};
use js_sys::{JSON, Number, Promise, Reflect};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::Delay;

use crate::config::Stripe;
use crate::problem::Problem;
use crate::store::Row;

/// One call, if it is repeated as well, has to end before the provider counts as silent.
const CALL_WITHIN_MS: f64 = 4_500.0;
/// Where an answer says what was wrong.
pub(super) const CODE: &str = "error.code";

#[wasm_bindgen]
extern "C" {
    /// Carries a call to the provider; see `stripe.mjs`.
    #[wasm_bindgen(js_name = doorbusterCall)]
    fn send(
        address: &str,
        bearer: &str,
        version: &str,
        key: Option<&str>,
        form: Option<&str>,
        within: f64,
    ) -> Promise;
}

/// Asks Stripe: `GET`, or `POST` with a form. It is asked again at once where that is safe and may
/// help, so only what can be asked twice may be asked.
pub(super) async fn call(
    stripe: &Stripe,
    path: &str,
    form: Option<&str>,
    key: Option<&str>,
) -> Result<(Answer, Json), Problem> {
    let address = format!("{}{path}", stripe.api);
    for repeated in 0.. {
        let sent = send(&address, &stripe.key, API_VERSION, key, form, CALL_WITHIN_MS);
        let said = JsFuture::from(sent).await;
        let said = Row(said.map_err(|error| unavailable(&error))?.unchecked_into());
        let status = u16::try_from(said.number(0)).unwrap_or_default();
        let mut chance = [0];
        // Without chance the pause is short, and no less right.
        let _ = getrandom::fill(&mut chance);
        let [chance] = chance;
        if let Some(pause) = pause(status, &said.text(1), repeated, chance) {
            Delay::from(Duration::from_millis(pause.get())).await;
            continue;
        }
        let body = Json::parse(&said.text(2));
        let answer = Answer::of(status);
        if answer != Answer::Done {
            // Not its message: that quotes what was sent.
            let (code, param) = (body.text(CODE), body.text("error.param"));
            worker::console_error!("stripe: {path}: {status} {code} {param}");
        }
        return Ok((answer, body));
    }
    Err(unavailable(&"it was asked too often"))
}

/// JSON that JavaScript has parsed: a parser of ours would be more than all that is done with it.
pub(super) struct Json(JsValue);

impl Json {
    /// Nothing at all if it is no JSON.
    pub(super) fn parse(text: &str) -> Self {
        Self(JSON::parse(text).unwrap_or(JsValue::NULL))
    }

    /// A text or a whole number, by the names on the way to it.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was looked at")]
    pub(super) fn get(&self, path: &str) -> Option<String> {
        let mut value = self.0.clone();
        for name in path.split('.') {
            value = Reflect::get(&value, &JsValue::from_str(name)).ok()?;
        }
        let number = || value.as_f64().filter(|n| *n >= 0.0 && Number::is_safe_integer(&value));
        value.as_string().or_else(|| number().map(|number| (number as u64).to_string()))
    }

    /// A text; empty if it is not there.
    pub(super) fn text(&self, path: &str) -> String {
        self.get(path).unwrap_or_default()
    }

    pub(super) fn session(&self) -> Option<Told> {
        Told::read(&|path| self.get(path))
    }
}

pub(super) fn unavailable(cause: &dyn std::fmt::Debug) -> Problem {
    Problem::unavailable("stripe", cause)
}
