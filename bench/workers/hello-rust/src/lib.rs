//! F2: the answer of `hello.mjs`, by a Rust Worker that takes and returns the platform's own types.

use std::cell::OnceCell;

use wasm_bindgen::JsValue;
use worker::event;

thread_local! {
    /// Status and headers, made once, as the constant in `hello.mjs` is.
    static INIT: OnceCell<web_sys::ResponseInit> = const { OnceCell::new() };
}

fn init() -> Result<web_sys::ResponseInit, JsValue> {
    if let Some(init) = INIT.with(|init| init.get().cloned()) {
        return Ok(init);
    }
    let headers = web_sys::Headers::new()?;
    headers.set("content-type", "application/json")?;
    headers.set("cache-control", "no-store")?;
    let init = web_sys::ResponseInit::new();
    init.set_headers(&headers);
    Ok(INIT.with(|known| known.get_or_init(|| init).clone()))
}

#[event(fetch)]
async fn fetch(
    _request: web_sys::Request,
    _env: worker::Env,
    _context: worker::Context,
) -> worker::Result<web_sys::Response> {
    Ok(web_sys::Response::new_with_opt_str_and_init(Some(r#"{"ok":true}"#), &init()?)?)
}
