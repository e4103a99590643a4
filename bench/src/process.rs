//! Processes pinned to a core, and what CPU they used.
