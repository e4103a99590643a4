//! What a merchant or developer runs.
