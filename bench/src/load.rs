//! The generator: requests by a schedule, latencies from the moment they were due.
