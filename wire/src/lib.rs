//! What travels over HTTP: routes, bodies and problems. Plain data, shared by the edge, the
//! objects, the command line and the tests; the OpenAPI document is made from it.

pub mod cart;
pub mod cloudflare;
pub mod contact;
pub mod json;
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
mod word;

pub use word::word;
