//! The line in front of a sale.

mod browsers;
mod bypasses;
mod control;
mod joining;
mod opening;
mod passes;
mod stock;
