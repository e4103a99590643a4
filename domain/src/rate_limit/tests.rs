//! What the algorithm promises.

#![expect(clippy::arithmetic_side_effects, reason = "numbers within the ranges the tests draw")]

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
        now += decision.retry_after().get();
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
        assert_eq!(decision.remaining(), remaining);
        assert_eq!(decision.retry_after(), Millis::new(0));
        tat = Some(decision.next);
    }
    let refused = check(policy, tat, at(0));
    assert!(!refused.allowed);
    assert_eq!(Some(refused.next), tat);
    assert_eq!(refused.remaining(), 0);
    assert_eq!(refused.retry_after(), Millis::from_secs(1));
    assert_eq!(refused.reset_after(), Millis::from_secs(3));
}

#[test]
fn a_clock_that_goes_back_costs_one_interval_and_no_more() {
    let policy = Policy::new(2, Millis::from_secs(1), 3);
    let ahead = check(policy, None, at(3_600_000)).next;
    let refused = check(policy, Some(ahead), at(0));
    assert!(!refused.allowed);
    assert_eq!(refused.retry_after(), Millis::new(500));
    assert!(!check(policy, Some(refused.next), at(499)).allowed);
    assert!(check(policy, Some(refused.next), at(500)).allowed);
}

#[test]
fn a_zero_in_a_policy_counts_as_one() {
    assert_eq!(Policy::new(0, Millis::new(0), 0), Policy::new(1, Millis::new(1), 1));
}

#[test]
fn a_window_of_years_counts_as_49_days() {
    let window = |window| Policy::new(1, window, 1).window();
    assert_eq!(window(Millis::from_secs(3_000_000_000)), Millis::new(u32::MAX.into()));
    assert_eq!(window(Millis::from_secs(86_400)), Millis::from_secs(86_400));
}

#[test]
fn nothing_overflows_at_the_end_of_time() {
    let policy = Policy::new(u32::MAX, Millis::new(u64::MAX), u32::MAX);
    let first = check(policy, None, Timestamp::from_millis(u64::MAX));
    assert!(first.allowed);
    assert_eq!(first.remaining(), u32::MAX - 1);
    assert!(check(policy, Some(first.next), Timestamp::default()).retry_after().get() > 0);
}

#[test]
fn the_header_fields_are_unchanged() {
    let policy = Policy::new(100, Millis::from_secs(60), 50);
    assert_eq!(policy.field("polls"), r#""polls";q=100;w=60"#);
    let decision = check(policy, None, at(0));
    assert_eq!(decision.field("polls"), r#""polls";r=49;t=1"#);
    assert_eq!(Policy::new(1, Millis::new(1), 1).field("a\"\\\n\u{e9}b"), r#""a\"\\b";q=1;w=1"#);
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
                let wait = decision.retry_after().get();
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
            for _ in 0..decision.remaining() {
                let more = check(policy, then, at(now));
                prop_assert!(more.allowed);
                then = Some(more.next);
            }
            prop_assert!(!check(policy, then, at(now)).allowed);
            let reset = decision.reset_after().get();
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
        prop_assert!(first.retry_after().get() <= interval);
        let mut allowed = 0;
        for _ in 0..=policy.burst {
            let decision = check(policy, tat, at(end));
            allowed += u32::from(decision.allowed);
            tat = Some(decision.next);
        }
        prop_assert!(allowed <= policy.burst);
    }
}
