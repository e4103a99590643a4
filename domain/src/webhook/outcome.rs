//! What an attempt came to, and what becomes of the delivery.

use super::Schedule;
use crate::time::Timestamp;

/// What a shop's answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has taken the event.
    Taken,
    /// It says that nobody is there any more: the endpoint is told nothing further.
    Gone,
    /// Anything else, also a redirect: what was signed for one address goes to no other.
    Failed,
}

impl Verdict {
    /// By the status of the answer; there may be none.
    pub const fn of(status: Option<u16>) -> Self {
        match status {
            Some(200..=299) => Self::Taken,
            Some(410) => Self::Gone,
            _ => Self::Failed,
        }
    }
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is done with.
    Delivered,
    /// It is sent again from this moment on.
    Again(Timestamp),
    /// It is not sent again by itself.
    Failed,
}

impl Next {
    /// After an attempt that ended at `now`, the `attempts`-th counted from 1.
    pub fn after(
        verdict: Verdict,
        attempts: u32,
        now: Timestamp,
        schedule: &Schedule,
        chance: [u8; 2],
    ) -> Self {
        match (verdict, schedule.delay(attempts, chance)) {
            (Verdict::Taken, _) => Self::Delivered,
            (Verdict::Failed, Some(delay)) => Self::Again(now.plus(delay)),
            (Verdict::Failed, None) | (Verdict::Gone, _) => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Millis;

    #[test]
    fn only_a_success_is_taken_and_only_410_is_gone() {
        for status in [200, 201, 204, 299] {
            assert_eq!(Verdict::of(Some(status)), Verdict::Taken, "{status}");
        }
        assert_eq!(Verdict::of(Some(410)), Verdict::Gone);
        for status in [100, 199, 300, 301, 302, 307, 400, 404, 409, 429, 500, 503, 599] {
            assert_eq!(Verdict::of(Some(status)), Verdict::Failed, "{status}");
        }
        assert_eq!(Verdict::of(None), Verdict::Failed);
    }

    #[test]
    fn what_fails_comes_again_until_the_schedule_ends() {
        let schedule = Schedule::parse("100,200").unwrap();
        let now = Timestamp::from_millis(1_000);
        let after = |verdict, attempts| Next::after(verdict, attempts, now, &schedule, [0; 2]);
        assert_eq!(after(Verdict::Failed, 1), Next::Again(now.plus(Millis::new(100))));
        assert_eq!(after(Verdict::Failed, 2), Next::Again(now.plus(Millis::new(200))));
        assert_eq!(after(Verdict::Failed, 3), Next::Failed);
        assert_eq!(after(Verdict::Taken, 3), Next::Delivered);
        assert_eq!(after(Verdict::Gone, 1), Next::Failed);
    }
}
