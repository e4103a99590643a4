//! Redis, started for a round in a folder of its own.
