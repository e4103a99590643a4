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
//! milliseconds). No rate drifts.

mod limiter;

use std::fmt::Write as _;

pub use limiter::Limiter;

use crate::time::{Millis, Timestamp};

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
    /// window, none at all): a zero counts as one.
    pub const fn new(limit: u32, window: Millis, burst: u32) -> Self {
        Self {
            limit: if limit == 0 { 1 } else { limit },
            window: if window.get() == 0 { Millis::new(1) } else { window },
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
    /// records of two keys and two times 16 bytes each, about 1 MB with keys of 16 bytes.
    pub fn capacity_for(self, requests_per_second: u32) -> usize {
        let per_second = u128::from(requests_per_second);
        let per_window = per_second.saturating_mul(u128::from(self.window.get()));
        // The window is in milliseconds, hence the thousand.
        let records = per_window.div_ceil(u128::from(self.limit).saturating_mul(1000));
        usize::try_from(records).unwrap_or(usize::MAX)
    }

    /// The interval between requests at the steady rate, in ticks.
    fn interval(self) -> u128 {
        u128::from(self.window.get())
    }

    /// A duration or moment of so many milliseconds, in ticks. At most 2^96.
    fn ticks(self, ms: u64) -> u128 {
        u128::from(ms).saturating_mul(u128::from(self.limit))
    }

    /// A duration in ticks as milliseconds, rounded up: waiting that long is enough.
    fn ceil_millis(self, ticks: u128) -> Millis {
        let ms = ticks.div_ceil(u128::from(self.limit));
        Millis::new(u64::try_from(ms).unwrap_or(u64::MAX))
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

    fn of_ticks(ticks: u128, policy: Policy) -> Self {
        let limit = u128::from(policy.limit);
        let ms = ticks.checked_div(limit).unwrap_or(0);
        let over = ticks.checked_rem(limit).unwrap_or(0);
        Self {
            ms: u64::try_from(ms).unwrap_or(u64::MAX),
            ticks: u32::try_from(over).unwrap_or(u32::MAX),
        }
    }

    fn in_ticks(self, policy: Policy) -> u128 {
        let over = self.ticks.min(policy.limit.saturating_sub(1));
        policy.ticks(self.ms).saturating_add(u128::from(over))
    }
}

/// What a policy says to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be served.
    pub allowed: bool,
    /// The state to keep, whether allowed or not.
    pub next: Tat,
    /// How many more would be allowed right now.
    pub remaining: u32,
    /// How long to wait until one is allowed: exact to the millisecond, and nothing if this one is.
    pub retry_after: Millis,
    /// How long until the allowance is whole again.
    pub reset_after: Millis,
}

impl Decision {
    /// The value of `RateLimit`, such as `"polls";r=50;t=30`
    /// (draft-ietf-httpapi-ratelimit-headers). `t` is the time until the allowance is whole.
    pub fn field(&self, name: &str) -> String {
        let mut value = field_string(name);
        let reset = self.reset_after.ceil_secs().min(FIELD_INTEGER_MAX);
        // Writing to a `String` cannot fail.
        let _ = write!(value, ";r={};t={reset}", self.remaining);
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
    let now = policy.ticks(now.as_millis());
    let interval = policy.interval();
    let used_up = now.saturating_add(interval.saturating_mul(u128::from(policy.burst)));
    let tat = tat.map_or(now, |tat| tat.in_ticks(policy)).max(now).min(used_up);
    let moved = tat.saturating_add(interval);
    let allowed = moved <= used_up;
    let next = if allowed { moved } else { tat };
    let remaining = used_up.saturating_sub(next).checked_div(interval).unwrap_or(0);
    let wait = if allowed { 0 } else { moved.saturating_sub(used_up) };
    Decision {
        allowed,
        next: Tat::of_ticks(next, policy),
        remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
        retry_after: policy.ceil_millis(wait),
        reset_after: policy.ceil_millis(next.saturating_sub(now)),
    }
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
#[expect(clippy::arithmetic_side_effects, reason = "numbers within the ranges the tests draw")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: u64 = 1_700_000_000_000;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(START + ms)
    }

    /// The promise itself, over the moments of all allowed requests and one more.
    fn fits(policy: Policy, allowed: &[u64], next: u64) -> bool {
        let last = allowed.len() as u64;
        allowed.iter().zip(0..).all(|(first, index)| {
            let count = last - index + 1;
            let window = policy.window.get();
            count * window
                <= u64::from(policy.burst) * window + u64::from(policy.limit) * (next - first)
        })
    }

    fn policies() -> impl Strategy<Value = Policy> {
        (1..50_u32, 1..5_000_u64, 1..9_u32)
            .prop_map(|(limit, window, burst)| Policy::new(limit, Millis::new(window), burst))
    }

    #[test]
    fn seven_per_second_do_not_drift_in_a_day() {
        // Two at once, so that what a client loses to its clock's whole milliseconds is not lost.
        let policy = Policy::new(7, Millis::from_secs(1), 2);
        let (mut tat, mut now, mut allowed) = (None, 0, 0_u64);
        let day = 24 * 60 * 60 * 1000;
        while now < day {
            let decision = check(policy, tat, at(now));
            tat = Some(decision.next);
            allowed += u64::from(decision.allowed);
            now += decision.retry_after.get();
        }
        assert_eq!(allowed, 7 * 24 * 60 * 60 + 1);
    }

    #[test]
    fn a_burst_is_allowed_at_once_and_counted_down() {
        let policy = Policy::new(60, Millis::from_secs(60), 3);
        let mut tat = None;
        for remaining in [2, 1, 0] {
            let decision = check(policy, tat, at(0));
            assert!(decision.allowed);
            assert_eq!(decision.remaining, remaining);
            assert_eq!(decision.retry_after, Millis::new(0));
            tat = Some(decision.next);
        }
        let refused = check(policy, tat, at(0));
        let expected = Decision {
            allowed: false,
            next: tat.unwrap(),
            remaining: 0,
            retry_after: Millis::from_secs(1),
            reset_after: Millis::from_secs(3),
        };
        assert_eq!(refused, expected);
    }

    #[test]
    fn a_clock_that_goes_back_costs_one_interval_and_no_more() {
        let policy = Policy::new(2, Millis::from_secs(1), 3);
        let ahead = check(policy, None, at(3_600_000)).next;
        let refused = check(policy, Some(ahead), at(0));
        assert!(!refused.allowed);
        assert_eq!(refused.retry_after, Millis::new(500));
        assert!(!check(policy, Some(refused.next), at(499)).allowed);
        assert!(check(policy, Some(refused.next), at(500)).allowed);
    }

    #[test]
    fn a_zero_in_a_policy_counts_as_one() {
        assert_eq!(Policy::new(0, Millis::new(0), 0), Policy::new(1, Millis::new(1), 1));
    }

    #[test]
    fn nothing_overflows_at_the_end_of_time() {
        let policy = Policy::new(u32::MAX, Millis::new(u64::MAX), u32::MAX);
        let first = check(policy, None, Timestamp::from_millis(u64::MAX));
        assert!(first.allowed);
        assert_eq!(first.remaining, u32::MAX - 1);
        assert!(check(policy, Some(first.next), Timestamp::default()).retry_after.get() > 0);
    }

    #[test]
    fn the_header_fields_are_unchanged() {
        let policy = Policy::new(100, Millis::from_secs(60), 50);
        assert_eq!(policy.field("polls"), r#""polls";q=100;w=60"#);
        let decision = check(policy, None, at(0));
        assert_eq!(decision.field("polls"), r#""polls";r=49;t=1"#);
        assert_eq!(
            Policy::new(1, Millis::new(1), 1).field("a\"\\\n\u{e9}b"),
            r#""a\"\\b";q=1;w=1"#
        );
    }

    proptest! {
        #[test]
        fn a_request_is_allowed_if_and_only_if_the_promise_holds_for_every_span(
            policy in policies(),
            gaps in prop::collection::vec(prop_oneof![0..20_u64, 0..3_000_u64], 1..80),
        ) {
            let (mut tat, mut now, mut allowed) = (None, 0, Vec::new());
            for gap in gaps {
                now += gap;
                let decision = check(policy, tat, at(now));
                prop_assert_eq!(decision.allowed, fits(policy, &allowed, now));
                if decision.allowed {
                    allowed.push(now);
                } else {
                    prop_assert_eq!(Some(decision.next), tat);
                }
                tat = Some(decision.next);
            }
        }

        #[test]
        fn a_retry_is_allowed_when_promised_and_not_a_millisecond_earlier(
            policy in policies(),
            gaps in prop::collection::vec(0..60_u64, 1..60),
        ) {
            let (mut tat, mut now) = (None, 0);
            for gap in gaps {
                now += gap;
                let decision = check(policy, tat, at(now));
                tat = Some(decision.next);
                if !decision.allowed {
                    let wait = decision.retry_after.get();
                    prop_assert!(check(policy, tat, at(now + wait)).allowed);
                    prop_assert!(!check(policy, tat, at(now + wait - 1)).allowed);
                }
            }
        }

        #[test]
        fn what_remains_is_allowed_and_the_reset_makes_it_whole(
            policy in policies(),
            gaps in prop::collection::vec(0..60_u64, 1..20),
        ) {
            let (mut tat, mut now) = (None, 0);
            for gap in gaps {
                now += gap;
                let decision = check(policy, tat, at(now));
                tat = Some(decision.next);
                let mut then = tat;
                for _ in 0..decision.remaining {
                    let more = check(policy, then, at(now));
                    prop_assert!(more.allowed);
                    then = Some(more.next);
                }
                prop_assert!(!check(policy, then, at(now)).allowed);
                let reset = decision.reset_after.get();
                prop_assert!(decision.next.has_passed(at(now + reset)));
                prop_assert!(!decision.next.has_passed(at(now + reset - 1)));
            }
        }

        #[test]
        fn no_jump_of_the_clock_shuts_a_client_out_or_lets_a_second_burst_in(
            policy in policies(),
            moments in prop::collection::vec(0..100_000_u64, 1..50),
            end in 0..100_000_u64,
        ) {
            let mut tat = None;
            for moment in moments {
                tat = Some(check(policy, tat, at(moment)).next);
            }
            let first = check(policy, tat, at(end));
            let interval = policy.window.get().div_ceil(u64::from(policy.limit));
            prop_assert!(first.retry_after.get() <= interval);
            let mut allowed = 0;
            for _ in 0..=policy.burst {
                let decision = check(policy, tat, at(end));
                allowed += u32::from(decision.allowed);
                tat = Some(decision.next);
            }
            prop_assert!(allowed <= policy.burst);
        }
    }
}
