//! The built-in payment provider's rules: what becomes of a payment, and what is reported when.
//!
//! It stands for a provider outside, with everything unpleasant that one does. So nothing here
//! knows the stock, and its owner is not to trust it more than any other.

use crate::time::Millis;

/// What the person at the provider's page chooses to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is paid, and reported.
    Success,
    /// It is declined, and reported.
    Decline,
    /// The bank asks for a code, and typing it takes a while; then it is paid.
    SlowAuthentication,
    /// It is paid, and the report is lost.
    WebhookLost,
    /// It is paid, and reported twice.
    WebhookDoubled,
    /// A first card is declined and a second one pays, and the reports come the other way round.
    WebhooksSwapped,
    /// It is paid, and the report takes a while.
    WebhookLate,
    /// It is not paid until the provider is told to end it: it says that it has, and is paid.
    SuccessAfterExpiry,
}

/// What the provider knows of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It can be paid.
    Open,
    /// The bank waits for the code.
    Authenticating,
    /// It can be paid, and will be once it is told to end.
    Stubborn,
    /// It was paid.
    Completed,
    /// It was declined.
    Declined,
    /// It can no longer be paid.
    Voided,
    /// It was paid and given back.
    Refunded,
}

/// What happens at the provider later.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Later {
    /// The code is typed: [`Act::Authenticate`].
    Authenticated,
    /// `payment.completed` is reported.
    ReportCompleted,
    /// `payment.declined` is reported.
    ReportDeclined,
}

/// What can be done with a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The person at the page chooses, and with it how long takes what takes a while.
    Pay(Outcome, Millis),
    /// The code is typed.
    Authenticate,
    /// The shop ends it.
    Void,
    /// The shop gives the money back.
    Refund,
}

/// What an act leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// What the payment is then.
    pub after: Status,
    /// What the shop is told that ended it.
    pub said: Voided,
    /// What happens then, and how much later.
    pub later: Vec<(Later, Millis)>,
}

/// What a provider says when it is told to end a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voided {
    /// It can no longer be completed.
    Yes,
    /// It was completed before.
    TooLate,
}

/// A second report, or one that was overtaken, comes so much later.
const A_MOMENT: Millis = Millis::from_secs(2);

impl Outcome {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Success,
        Self::Decline,
        Self::SlowAuthentication,
        Self::WebhookLost,
        Self::WebhookDoubled,
        Self::WebhooksSwapped,
        Self::WebhookLate,
        Self::SuccessAfterExpiry,
    ];

    /// Its name in the form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Decline => "decline",
            Self::SlowAuthentication => "slow_authentication",
            Self::WebhookLost => "webhook_lost",
            Self::WebhookDoubled => "webhook_doubled",
            Self::WebhooksSwapped => "webhooks_swapped",
            Self::WebhookLate => "webhook_late",
            Self::SuccessAfterExpiry => "success_after_expiry",
        }
    }

    /// How long it takes unless something else was chosen.
    pub const fn usual_delay(self) -> Millis {
        match self {
            Self::SlowAuthentication => Millis::from_secs(180),
            Self::WebhookLate => Millis::from_secs(600),
            _ => Millis::from_secs(0),
        }
    }

    /// What a payment that can be paid is after it was chosen.
    const fn leads_to(self) -> Status {
        match self {
            Self::Decline => Status::Declined,
            Self::SlowAuthentication => Status::Authenticating,
            Self::SuccessAfterExpiry => Status::Stubborn,
            Self::Success
            | Self::WebhookLost
            | Self::WebhookDoubled
            | Self::WebhooksSwapped
            | Self::WebhookLate => Status::Completed,
        }
    }

    /// What happens then, and how much later.
    fn followed_by(self, delay: Millis) -> Vec<(Later, Millis)> {
        const AT_ONCE: Millis = Millis::from_secs(0);
        match self {
            Self::Success => vec![(Later::ReportCompleted, AT_ONCE)],
            Self::Decline => vec![(Later::ReportDeclined, AT_ONCE)],
            Self::SlowAuthentication => vec![(Later::Authenticated, delay)],
            Self::WebhookLost | Self::SuccessAfterExpiry => Vec::new(),
            Self::WebhookDoubled => {
                vec![(Later::ReportCompleted, AT_ONCE), (Later::ReportCompleted, A_MOMENT)]
            }
            Self::WebhooksSwapped => {
                vec![(Later::ReportCompleted, AT_ONCE), (Later::ReportDeclined, A_MOMENT)]
            }
            Self::WebhookLate => vec![(Later::ReportCompleted, delay)],
        }
    }
}

impl Status {
    const ALL: [Self; 7] = [
        Self::Open,
        Self::Authenticating,
        Self::Stubborn,
        Self::Completed,
        Self::Declined,
        Self::Voided,
        Self::Refunded,
    ];

    /// Its name in the records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Authenticating => "authenticating",
            Self::Stubborn => "stubborn",
            Self::Completed => "completed",
            Self::Declined => "declined",
            Self::Voided => "voided",
            Self::Refunded => "refunded",
        }
    }

    /// The status of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// What an act leads to; `None` if it is too late for it. The same act again is no other.
    pub fn handle(self, act: Act) -> Option<Effect> {
        let said = Voided::Yes;
        Some(match act {
            Act::Pay(outcome, delay) => {
                let (after, later) = self.pay(outcome, delay)?;
                Effect { after, said, later }
            }
            Act::Authenticate => {
                let later = vec![(Later::ReportCompleted, Millis::new(0))];
                Effect { after: self.authenticated()?, said, later }
            }
            Act::Void => {
                let (after, said, later) = self.void();
                Effect { after, said, later: later.into_iter().collect() }
            }
            Act::Refund => Effect { after: self.refund()?, said, later: Vec::new() },
        })
    }

    /// Chooses what happens; `None` if it is too late for a choice.
    fn pay(self, outcome: Outcome, delay: Millis) -> Option<(Self, Vec<(Later, Millis)>)> {
        let after = outcome.leads_to();
        (self == Self::Open || self == after).then(|| (after, outcome.followed_by(delay)))
    }

    /// The code was typed: whether it is paid now.
    const fn authenticated(self) -> Option<Self> {
        match self {
            Self::Authenticating | Self::Completed => Some(Self::Completed),
            _ => None,
        }
    }

    /// Ends it: what it is then, what is said, and what happens after all.
    const fn void(self) -> (Self, Voided, Option<(Later, Millis)>) {
        match self {
            Self::Open | Self::Authenticating => (Self::Voided, Voided::Yes, None),
            Self::Stubborn => {
                (Self::Completed, Voided::Yes, Some((Later::ReportCompleted, A_MOMENT)))
            }
            Self::Completed | Self::Refunded => (self, Voided::TooLate, None),
            Self::Declined | Self::Voided => (self, Voided::Yes, None),
        }
    }

    /// Gives the money back, once; `None` if there is none.
    const fn refund(self) -> Option<Self> {
        match self {
            Self::Completed | Self::Refunded => Some(Self::Refunded),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Millis = Millis::from_secs(7);

    #[test]
    fn names_are_of_one_thing_each() {
        for status in Status::ALL {
            assert_eq!(Status::of_name(status.name()), Some(status));
        }
        assert_eq!(Status::of_name("paid"), None);
        let names: std::collections::BTreeSet<_> = Outcome::ALL.map(Outcome::name).into();
        assert_eq!(names.len(), Outcome::ALL.len());
    }

    #[test]
    fn what_has_ended_is_not_paid_any_more() {
        for outcome in Outcome::ALL {
            for ended in [Status::Voided, Status::Refunded] {
                assert_eq!(ended.pay(outcome, DELAY), None);
            }
        }
        assert_eq!(Status::Declined.pay(Outcome::Success, DELAY), None);
        assert_eq!(Status::Completed.pay(Outcome::Decline, DELAY), None);
        assert_eq!(Status::Voided.authenticated(), None);
        assert_eq!(Status::Voided.refund(), None);
    }

    #[test]
    fn who_types_the_code_too_late_has_not_paid() {
        let (waiting, later) = Status::Open.pay(Outcome::SlowAuthentication, DELAY).unwrap();
        assert_eq!(later, [(Later::Authenticated, DELAY)]);
        assert_eq!(waiting.authenticated(), Some(Status::Completed));
        let (ended, said, after) = waiting.void();
        assert_eq!((ended.authenticated(), said, after), (None, Voided::Yes, None));
    }

    #[test]
    fn a_provider_can_say_that_it_ended_what_is_paid_all_the_same() {
        let (stubborn, later) = Status::Open.pay(Outcome::SuccessAfterExpiry, DELAY).unwrap();
        assert_eq!(later, []);
        let (paid, said, after) = stubborn.void();
        assert_eq!((paid, said), (Status::Completed, Voided::Yes));
        assert!(matches!(after, Some((Later::ReportCompleted, _))));
        // Asked again, it tells the truth.
        assert_eq!(paid.void().1, Voided::TooLate);
    }
}
