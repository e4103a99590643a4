//! Rate limits: one GCRA per class of route, per client address, in this isolate's memory; and one
//! per ticket, for polls.
//!
//! It is the second line: the platform's binding stands in front where there is one, and the exact
//! limits (per shopper, per pass) are the domain's. So it may forget, and it is generous: many
//! shoppers share one address.

use std::cell::RefCell;

use doorbuster_domain::line::digest_of_addresses;
use doorbuster_domain::rate_limit::{self, Decision, Limiter, Policy, Tat};
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::route::RouteClass;

use crate::problem::Problem;

const MINUTE: Millis = Millis::from_secs(60);

/// Requests a second, of one class, that an isolate is dimensioned for.
const REQUESTS_PER_SECOND: u32 = 2_000;

/// The limiters, one per limited class.
pub(crate) struct Limits {
    classes: [(RouteClass, Policy, RefCell<Limiter<ClientKey>>); 5],
    ticket: Policy,
}

/// Who is counted: an IPv4 address, or the first 64 bits of an IPv6 address, which is what one
/// subscriber gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ClientKey {
    V4(u32),
    V6(u64),
}

impl Limits {
    /// The limits, each `factor` times what it usually is.
    pub(crate) fn new(factor: u32) -> Self {
        let policy = |quota: u32, burst: u32| {
            Policy::new(quota.saturating_mul(factor), MINUTE, burst.saturating_mul(factor))
        };
        let policies = [
            (RouteClass::Browse, policy(1_200, 300)),
            (RouteClass::Poll, policy(600, 120)),
            (RouteClass::Join, policy(120, 30)),
            (RouteClass::Buy, policy(600, 100)),
            (RouteClass::Admin, policy(600, 200)),
        ];
        let limiter =
            |policy: Policy| Limiter::new(policy, policy.capacity_for(REQUESTS_PER_SECOND));
        let classes =
            policies.map(|(class, policy)| (class, policy, RefCell::new(limiter(policy))));
        // Hardly anybody is told to poll more often than once a second, and some have many tabs.
        Self { classes, ticket: policy(300, 100) }
    }

    /// Counts a request of a client; `None` if its class is not limited.
    ///
    /// # Errors
    ///
    /// `QuotaExceeded`, with the time to wait.
    pub(crate) fn check(
        &self,
        class: RouteClass,
        client: &str,
        now: Timestamp,
    ) -> Result<Option<Quota>, Problem> {
        let found = self.classes.iter().find(|(of, ..)| *of == class);
        let Some((_, policy, limiter)) = found else { return Ok(None) };
        let decision = limiter.borrow_mut().check(client_key(client), now);
        let quota = Quota { name: class.as_str(), policy: *policy, decision };
        if decision.allowed { Ok(Some(quota)) } else { Err(quota.exceeded("from this address")) }
    }

    /// Counts a poll with a ticket that is known to be good, by what the ticket has left: however
    /// many have one address, they wait for their turn side by side.
    ///
    /// # Errors
    ///
    /// `QuotaExceeded`, with the time to wait.
    pub(crate) fn check_ticket(
        &self,
        left: &mut Option<Tat>,
        now: Timestamp,
    ) -> Result<Quota, Problem> {
        let decision = rate_limit::check(self.ticket, *left, now);
        *left = Some(decision.next);
        let quota = Quota { name: "ticket", policy: self.ticket, decision };
        if decision.allowed { Ok(quota) } else { Err(quota.exceeded("with this ticket")) }
    }
}

/// What a client has left.
pub(crate) struct Quota {
    name: &'static str,
    policy: Policy,
    decision: Decision,
}

impl Quota {
    /// Whether less than half of what may come at once is left.
    pub(crate) fn is_running_out(&self) -> bool {
        self.decision.remaining() < self.policy.burst() / 2
    }

    /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
    pub(crate) fn fields(&self) -> [(&'static str, String); 2] {
        let policy = self.policy.field(self.name);
        [("ratelimit-policy", policy), ("ratelimit", self.decision.field(self.name))]
    }

    fn exceeded(&self, whose: &str) -> Problem {
        let secs = self.decision.retry_after().ceil_secs().max(1);
        let detail = format!("Too many requests {whose}. Wait {secs} s, then go on.");
        let problem =
            Problem::new(ProblemKind::QuotaExceeded, detail).field("retry-after", secs.to_string());
        self.fields().into_iter().fold(problem, |problem, (name, value)| problem.field(name, value))
    }
}

/// What stands for the addresses that a client has, where its places are counted.
pub(crate) fn client_digest(client: &str) -> u64 {
    match client_key(client) {
        ClientKey::V4(address) => digest_of_addresses(&address.to_be_bytes()),
        ClientKey::V6(prefix) => digest_of_addresses(&prefix.to_be_bytes()),
    }
}

/// The part of a client's address that it cannot choose at will. Plain workerd gives the port too.
fn client_key(client: &str) -> ClientKey {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    let address = client
        .parse::<IpAddr>()
        .or_else(|_| client.parse::<SocketAddr>().map(|socket| socket.ip()))
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    match address.to_canonical() {
        IpAddr::V4(v4) => ClientKey::V4(v4.to_bits()),
        IpAddr::V6(v6) => {
            let first = v6.octets().first_chunk().copied().unwrap_or_default();
            ClientKey::V6(u64::from_be_bytes(first))
        }
    }
}
