//! What `cargo xtask` does, as a library: the black-box tests and the benchmarks start the real
//! workerd through [`workerd`] exactly as the demo does.

pub mod bench;
pub mod bundle;
pub mod checks;
pub mod clock;
pub mod demo;
pub mod native;
pub mod paths;
pub mod process;
pub mod secrets;
pub mod setup;
pub mod simulate;
pub mod size;
pub mod tidy;
pub mod tools;
pub mod walk;
pub mod workerd;
