//! What an answer of Stripe's API means, and when to ask again.

use crate::time::Millis;

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// It was not done and never will be: what was asked cannot be (400, 402, 404 and the like).
    Refused,
    /// Our key is not good for it (401, 403). Once the operator has seen to it, the same can be
    /// asked again.
    Barred,
    /// It failed there (500), and Stripe remembers that: the same key gets the same answer for a
    /// day (<https://docs.stripe.com/api/idempotent_requests>).
    Failed,
    /// Nobody knows whether it was done: no answer, too many at once, or the same key at work. The
    /// same can be asked again with the same key.
    Unknown,
}

impl Answer {
    /// By the status; 0 if there was no answer.
    pub const fn of(status: u16) -> Self {
        match status {
            200..=299 => Self::Done,
            401 | 403 => Self::Barred,
            500 => Self::Failed,
            409 | 424 | 429 => Self::Unknown,
            400..=499 => Self::Refused,
            _ => Self::Unknown,
        }
    }
}

/// How often a call is repeated at once.
pub const RETRIES_MAX: u32 = 2;
/// The first repeat follows after so long, a later one after twice the time.
const PAUSE: Millis = Millis::new(200);

/// How long to wait before a call is made again, if it is to be: by its status, by what Stripe says
/// in `Stripe-Should-Retry`, by how often it was repeated already, and by chance, so that those who
/// failed together do not come back together. Only what can be asked twice may be asked by it: what
/// reads, and what has an `Idempotency-Key`.
pub fn pause(status: u16, should_retry: &str, repeated: u32, chance: u8) -> Option<Millis> {
    let wanted = match (Answer::of(status), should_retry) {
        (Answer::Done, _) | (_, "false") => false,
        (_, "true") | (Answer::Unknown, _) => true,
        _ => false,
    };
    if !wanted || repeated >= RETRIES_MAX {
        return None;
    }
    let most = PAUSE.get().checked_shl(repeated).unwrap_or(PAUSE.get());
    // From a half of it up to all of it.
    let half = most / 2;
    Some(Millis::new(half.saturating_add(half.saturating_mul(chance.into()) / 255)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_still_have_been_done_or_not_is_asked_again() {
        for (status, answer) in [
            (200, Answer::Done),
            (0, Answer::Unknown),
            (301, Answer::Unknown),
            (400, Answer::Refused),
            (401, Answer::Barred),
            (402, Answer::Refused),
            (403, Answer::Barred),
            (404, Answer::Refused),
            (409, Answer::Unknown),
            (424, Answer::Unknown),
            (429, Answer::Unknown),
            (500, Answer::Failed),
            (502, Answer::Unknown),
            (503, Answer::Unknown),
        ] {
            assert_eq!(Answer::of(status), answer, "{status}");
            assert_eq!(pause(status, "", 0, 0).is_some(), answer == Answer::Unknown, "{status}");
        }
        assert!(pause(500, "true", 0, 0).is_some(), "Stripe knows best");
        assert_eq!(pause(503, "false", 0, 0), None);
    }

    #[test]
    fn pauses_grow_by_chance_and_come_to_an_end() {
        let pauses = |chance| [0, 1, 2].map(|repeated| pause(0, "", repeated, chance));
        let ms = |ms| Some(Millis::new(ms));
        assert_eq!(pauses(0), [ms(100), ms(200), None]);
        assert_eq!(pauses(255), [ms(200), ms(400), None]);
        assert_eq!(pause(0, "", u32::MAX, 9), None);
    }
}
