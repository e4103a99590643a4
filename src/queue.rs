//! Sending to a queue.

use doorbuster_domain::time::Millis;
use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use crate::problem::Problem;

#[wasm_bindgen]
extern "C" {
    /// The binding of a queue.
    type Queue;

    #[wasm_bindgen(method, catch)]
    fn send(this: &Queue, body: &str, options: &Object) -> Result<Promise, JsValue>;
}

/// Sends a text that is to arrive so much later, to the second.
pub(crate) async fn send_later(
    env: &Env,
    binding: &str,
    body: &str,
    delay: Millis,
) -> Result<(), Problem> {
    let unavailable = |error: JsValue| Problem::unavailable(binding, &worker::Error::from(error));
    let queue: Queue = Reflect::get(env, &binding.into()).map_err(unavailable)?.unchecked_into();
    let secs = u32::try_from(delay.ceil_secs()).unwrap_or(u32::MAX);
    let options = Object::new();
    for (name, value) in [("contentType", "text".into()), ("delaySeconds", secs.into())] {
        Reflect::set(&options, &name.into(), &value).map_err(unavailable)?;
    }
    let sent = queue.send(body, &options).map_err(unavailable)?;
    JsFuture::from(sent).await.map(|_| ()).map_err(unavailable)
}
