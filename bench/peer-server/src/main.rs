//! A peer: the same HTTP contract over Redis or PostgreSQL.

fn main() {}
