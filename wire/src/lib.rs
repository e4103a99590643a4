//! What travels over HTTP: routes, bodies and problems. Plain data, shared by the edge, the
//! objects, the command line and the tests; the OpenAPI document is made from it.

pub mod cart;
pub mod cloudflare;
pub mod contact;
pub mod letters;
pub mod merchant;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod orders;
pub mod problem;
mod reservation;
pub mod route;
pub mod shopper;
pub mod webhook;

/// The word that the domain has for a state, band or phase.
pub fn word<T: serde::Serialize>(value: &T) -> String {
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.retain(|c| c != '"');
    text
}
