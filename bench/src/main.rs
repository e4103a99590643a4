//! `doorbuster-bench`: run by `cargo xtask bench`.

fn main() {}
