//! How many requests one may make in a while: the generic cell rate algorithm (ITU-T
//! I.371) as a pure function, and the header fields that tell a client about it.
//!
//! The state of a client is one moment, its theoretical arrival time ([`Tat`]): when its allowance
//! will be whole again. Each allowed request moves it by the emission interval, `window / limit`; a
//! request is refused if that would put it more than `burst` intervals ahead of now. So in any span
//! of time at most `burst + limit * span / window` requests are allowed.
//!
//! The interval is hardly ever a whole number of milliseconds, or of nanoseconds: seven per second
//! are one each 142.857142... ms. So nothing is divided: time is counted in ticks of which a
//! millisecond has `limit`, and the interval is exactly `window` ticks (with the window in
//! milliseconds). No rate drifts. All of it is counted from now, so it fits into 64 bits: every
//! request is checked here, and WebAssembly has no division that is wider.

mod limiter;

use std::fmt::Write as _;
use std::num::NonZeroU64;

pub use limiter::Limiter;

use crate::time::{Millis, Timestamp};

/// The longest window: 49 days. In 64 bits there is room for any burst in it.
const WINDOW_MS_MAX: u64 = u32::MAX as u64;

/// The greatest integer in a structured field (RFC 9651, section 3.3.1).
const FIELD_INTEGER_MAX: u64 = 999_999_999_999_999;

/// How many requests are allowed, over how long, and how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    limit: u32,
    window: Millis,
    burst: u32,
}

impl Policy {
    /// `limit` requests per `window`, of which `burst` may come at once.
    ///
    /// None of them can be zero, which would be a closed door rather than a rate (or, for the
    /// window, none at all): a zero counts as one. A window of more than 49 days counts as 49.
    pub const fn new(limit: u32, window: Millis, burst: u32) -> Self {
        let window_ms = match window.get() {
            0 => 1,
            ms if ms > WINDOW_MS_MAX => WINDOW_MS_MAX,
            ms => ms,
        };
        Self {
            limit: if limit == 0 { 1 } else { limit },
            window: Millis::new(window_ms),
            burst: if burst == 0 { 1 } else { burst },
        }
    }

    /// Requests per window.
    pub const fn limit(self) -> u32 {
        self.limit
    }

    /// The time in which `limit` requests are allowed again.
    pub const fn window(self) -> Millis {
        self.window
    }

    /// Requests that may come at once after a rest.
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// The value of `RateLimit-Policy`, such as `"polls";q=100;w=60`
    /// (draft-ietf-httpapi-ratelimit-headers). A window that is not whole seconds is rounded up.
    pub fn field(self, name: &str) -> String {
        let mut value = field_string(name);
        let window = self.window.ceil_secs().min(FIELD_INTEGER_MAX);
        // Writing to a `String` cannot fail.
        let _ = write!(value, ";q={};w={window}", self.limit);
        value
    }

    /// The capacity of a [`Limiter`] with which nobody is refused for another's sake while the
    /// process serves no more than `requests_per_second`: so many as that is in one emission
    /// interval.
    ///
    /// An isolate that serves 15,000 per second under 60 per minute: 15,000 * 60 s / 60 = 15,000
    /// records of two keys and three times 16 bytes each, about 1.2 MB with keys of 16 bytes.
    pub fn capacity_for(self, requests_per_second: u32) -> usize {
        let per_second = u128::from(requests_per_second);
        let per_window = per_second.saturating_mul(u128::from(self.window.get()));
        // The window is in milliseconds, hence the thousand.
        let records = per_window.div_ceil(u128::from(self.limit).saturating_mul(1000));
        usize::try_from(records).unwrap_or(usize::MAX)
    }

    /// The interval between requests at the steady rate, in ticks.
    const fn interval(self) -> u64 {
        self.window.get()
    }

    /// How far ahead of now a client's state may be, in ticks.
    const fn span(self) -> u64 {
        self.interval().saturating_mul(self.burst as u64)
    }

    /// Ticks that make a millisecond.
    fn per_ms(self) -> NonZeroU64 {
        NonZeroU64::new(self.limit.into()).unwrap_or(NonZeroU64::MIN)
    }

    /// A duration in ticks as milliseconds, rounded up: waiting that long is enough.
    fn ceil_millis(self, ticks: u64) -> Millis {
        Millis::new(ticks.div_ceil(self.per_ms().get()))
    }
}

/// The theoretical arrival time: the moment at which a client's allowance is whole again.
///
/// Exact under the policy that made it; under one with another limit it is off by less than a
/// millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tat {
    ms: u64,
    /// What is over, in ticks: of a millisecond one in `limit`.
    ticks: u32,
}

impl Tat {
    /// Whether the allowance is whole at `now`, so that nothing is left to remember.
    pub const fn has_passed(self, now: Timestamp) -> bool {
        self.ms < now.as_millis() || (self.ms == now.as_millis() && self.ticks == 0)
    }

    /// What is so many ticks ahead of `now`.
    fn ahead_of(now: Timestamp, ticks: u64, policy: Policy) -> Self {
        let (ms, over) = (ticks / policy.per_ms(), ticks % policy.per_ms());
        Self {
            ms: now.plus(Millis::new(ms)).as_millis(),
            ticks: u32::try_from(over).unwrap_or_default(),
        }
    }

    /// How many ticks ahead of `now` it is; none if it has passed.
    fn ahead(self, now: Timestamp, policy: Policy) -> u64 {
        let Some(ms) = self.ms.checked_sub(now.as_millis()) else { return 0 };
        let over = self.ticks.min(policy.limit.saturating_sub(1));
        ms.saturating_mul(policy.per_ms().get()).saturating_add(over.into())
    }
}

/// What a policy says to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be served.
    pub allowed: bool,
    /// The state to keep, whether allowed or not.
    pub next: Tat,
    policy: Policy,
    /// How far `next` is ahead of now, in ticks.
    ahead: u64,
}

impl Decision {
    /// How many more would be allowed right now.
    pub fn remaining(&self) -> u32 {
        let left = self.policy.span().saturating_sub(self.ahead);
        let more = left.checked_div(self.policy.interval()).unwrap_or_default();
        u32::try_from(more).unwrap_or(u32::MAX)
    }

    /// How long to wait until one is allowed: exact to the millisecond, and nothing if this one is.
    pub fn retry_after(&self) -> Millis {
        if self.allowed {
            return Millis::default();
        }
        let moved = self.ahead.saturating_add(self.policy.interval());
        self.policy.ceil_millis(moved.saturating_sub(self.policy.span()))
    }

    /// How long until the allowance is whole again.
    pub fn reset_after(&self) -> Millis {
        self.policy.ceil_millis(self.ahead)
    }

    /// The value of `RateLimit`, such as `"polls";r=50;t=30`
    /// (draft-ietf-httpapi-ratelimit-headers). `t` is the time until the allowance is whole.
    pub fn field(&self, name: &str) -> String {
        let mut value = field_string(name);
        let reset = self.reset_after().ceil_secs().min(FIELD_INTEGER_MAX);
        // Writing to a `String` cannot fail.
        let _ = write!(value, ";r={};t={reset}", self.remaining());
        value
    }
}

/// Decides on one request of a client whose state is `tat` (none if it is not known).
///
/// A refused request does not move the state, so asking again and again costs a client nothing.
///
/// A state further ahead than the policy can put it means that the clock went back (or the policy
/// became stricter). It is then read as a burst just used up: the client waits one interval, not
/// the hour that the clock lost. Only in that case a refusal moves the state, to where it was read.
pub fn check(policy: Policy, tat: Option<Tat>, now: Timestamp) -> Decision {
    let span = policy.span();
    let ahead = tat.map_or(0, |tat| tat.ahead(now, policy)).min(span);
    let moved = ahead.saturating_add(policy.interval());
    let allowed = moved <= span;
    let ahead = if allowed { moved } else { ahead };
    Decision { allowed, next: Tat::ahead_of(now, ahead, policy), policy, ahead }
}

/// A name as the string of a structured field (RFC 9651, section 4.1.6); what cannot stand in one
/// is left out.
fn field_string(name: &str) -> String {
    let mut value = String::with_capacity(name.len().saturating_add(32));
    value.push('"');
    for c in name.chars().filter(|c| matches!(c, ' '..='~')) {
        if matches!(c, '"' | '\\') {
            value.push('\\');
        }
        value.push(c);
    }
    value.push('"');
    value
}

#[cfg(test)]
mod tests;
