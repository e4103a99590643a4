//! One simulated shopper: joins, waits, reserves, pays, or walks away somewhere on the way.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use doorbuster_wire::shopper::{PaymentReply, Reservation, TicketReply, TurnReply};
use tokio::time::{Instant, sleep};

use super::client::{Answer, Call, Client};

/// What a shopper sets out to do.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) sale: String,
    /// SKUs that would do, the one that is liked most first.
    pub(super) wants: Vec<String>,
    /// The secret that the shopper is known by.
    pub(super) secret: String,
    /// Where the shopper gives up, if at all.
    pub(super) walks_away: Option<Stage>,
    /// How the first payment goes.
    pub(super) pays: Pays,
    /// Whether every act is sent twice, as nervous fingers and bad networks do.
    pub(super) repeats: bool,
}

/// How a payment goes at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pays {
    /// As it should.
    AtOnce,
    /// A first card is declined, the next one pays.
    DeclinedFirst,
    /// The provider's report is lost.
    ReportLost,
    /// The provider says that it ended the payment, and then it is paid.
    AfterTheEnd,
}

impl Pays {
    /// What is chosen on the provider's page.
    const fn outcome(self) -> &'static [u8] {
        match self {
            Self::AtOnce => b"outcome=success",
            Self::DeclinedFirst => b"outcome=decline",
            Self::ReportLost => b"outcome=webhook_lost",
            Self::AfterTheEnd => b"outcome=success_after_expiry",
        }
    }
}

/// A place on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Waiting in the line.
    Line,
    /// With a reservation in hand.
    Reservation,
    /// On the payment provider's page.
    Payment,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With an order that was acknowledged.
    Bought { order: String },
    /// With the truth that everything is gone.
    SoldOut,
    /// By walking away.
    WalkedAway,
    /// With the money back: it came after the units had gone.
    MoneyBack,
}

/// A waiting shopper gives up only after this: a rehearsal is over long before.
const PATIENCE: Duration = Duration::from_secs(150);

/// What a shopper got in the line: with it anybody can check the draw.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) ticket: Option<String>,
    pub(super) pass: Option<String>,
    /// The position that was told last.
    pub(super) position: Option<u64>,
}

pub(super) struct Shopper<'c> {
    plan: &'c Plan,
    client: &'c mut Client,
    seen: Seen,
}

impl<'c> Shopper<'c> {
    pub(super) fn new(plan: &'c Plan, client: &'c mut Client) -> Self {
        Self { plan, client, seen: Seen::default() }
    }

    /// Goes the whole way; what came of it, and what the shopper has in hand at the end.
    pub(super) async fn go(mut self) -> (Result<Outcome>, Seen) {
        let outcome = self.shop().await;
        (outcome, self.seen)
    }

    async fn shop(&mut self) -> Result<Outcome> {
        let started = Instant::now();
        let Some(pass) = self.wait_for_turn().await? else { return Ok(Outcome::SoldOut) };
        let Some(pass) = pass else { return Ok(Outcome::WalkedAway) };
        let mut next = self.plan.pays;
        for attempt in 0_u32.. {
            if started.elapsed() > PATIENCE {
                break;
            }
            let Some(reservation) = self.reserve_something(&pass, attempt).await? else {
                self.leave().await?;
                return Ok(Outcome::SoldOut);
            };
            if self.plan.walks_away == Some(Stage::Reservation) {
                return Ok(Outcome::WalkedAway);
            }
            match self.pay(&reservation, next).await? {
                Paid::Order(order) => return Ok(Outcome::Bought { order }),
                Paid::Back => return Ok(Outcome::MoneyBack),
                Paid::WalkedAway => return Ok(Outcome::WalkedAway),
                // Too slow: the units are somebody else's now. Try for others.
                Paid::TooLate => {}
            }
            next = Pays::AtOnce;
        }
        bail!("waited longer than {PATIENCE:?}")
    }

    /// Joins and polls. `None` when everything is gone, `Some(None)` when the shopper gives up.
    async fn wait_for_turn(&mut self) -> Result<Option<Option<String>>> {
        let path = format!("/v1/sales/{}/tickets", self.plan.sale);
        let joined = self.act("POST", &path, &[], b"").await?;
        if joined.status == 409 && joined.problem() == "sold-out" {
            return Ok(None);
        }
        let joined: TicketReply = joined.json()?;
        self.seen.ticket = Some(joined.ticket.clone());
        if self.plan.walks_away == Some(Stage::Line) {
            return Ok(Some(None));
        }
        let mut turn = joined.turn;
        loop {
            if let (Some(before), Some(position)) = (self.seen.position, turn.position)
                && position > before
            {
                bail!("the position grew from {before} to {position}");
            }
            self.seen.position = turn.position.or(self.seen.position);
            if !turn.gone.is_empty() && self.plan.wants.iter().all(|sku| turn.gone.contains(sku)) {
                self.leave().await?;
                return Ok(None);
            }
            match (&*turn.state, turn.pass, turn.next_poll_ms) {
                ("admitted", Some(pass), _) => {
                    self.seen.pass = Some(pass.clone());
                    return Ok(Some(Some(pass)));
                }
                ("sold_out" | "closed", ..) => return Ok(None),
                (_, _, Some(ms)) => sleep(Duration::from_millis(ms)).await,
                (state, ..) => bail!("told {state:?} and nothing to do"),
            }
            let path = format!("/v1/sales/{}/turn", self.plan.sale);
            let ticket = [("doorbuster-ticket", joined.ticket.as_str())];
            let answer = self.act("GET", &path, &ticket, b"").await?;
            turn = answer.json::<TurnReply>()?;
        }
    }

    /// Makes room for somebody else.
    async fn leave(&mut self) -> Result<()> {
        let Some(ticket) = self.seen.ticket.clone() else { return Ok(()) };
        let path = format!("/v1/sales/{}/turn", self.plan.sale);
        let left = self.act("DELETE", &path, &[("doorbuster-ticket", &ticket)], b"").await?;
        if left.status != 200 {
            bail!("leaving: {} {}", left.status, left.text());
        }
        Ok(())
    }

    /// Reserves one unit of what is liked most and not gone. `None` when all of it is.
    async fn reserve_something(&mut self, pass: &str, attempt: u32) -> Result<Option<Reservation>> {
        for sku in &self.plan.wants {
            if let Some(reservation) = self.reserve(sku, pass, attempt).await? {
                return Ok(Some(reservation));
            }
        }
        Ok(None)
    }

    /// Reserves one unit, on the waitlist while all are reserved. `None` when all are sold.
    async fn reserve(
        &mut self,
        sku: &str,
        pass: &str,
        attempt: u32,
    ) -> Result<Option<Reservation>> {
        let path = format!("/v1/sales/{}/skus/{sku}/reservations", self.plan.sale);
        let key = format!("attempt-{attempt}");
        let headers = [
            ("doorbuster-pass", pass),
            ("idempotency-key", key.as_str()),
            ("content-type", "application/json"),
        ];
        loop {
            let answer =
                self.act("POST", &path, &headers, br#"{"quantity":1,"wait":true}"#).await?;
            match answer.status {
                201 => return self.until_called(answer.json()?).await,
                409 => match answer.problem().as_str() {
                    "sold-out" | "sale-closed" => return Ok(None),
                    "sale-not-open" => sleep(Duration::from_millis(700)).await,
                    other => bail!("refused: {other}"),
                },
                429 => sleep(Duration::from_secs(answer.retry_after.unwrap_or(1))).await,
                _ => bail!("reserve: {} {}", answer.status, answer.text()),
            }
        }
    }

    /// Looks until units are set aside for one who waits. `None` when all are sold.
    async fn until_called(&mut self, mut place: Reservation) -> Result<Option<Reservation>> {
        let Reservation { sku, reservation, .. } = &place;
        let address = format!("/v1/sales/{}/skus/{sku}/reservations/{reservation}", self.plan.sale);
        while place.state == "waiting" {
            let all_sold = place.waitlist.as_ref().is_some_and(|list| list.stock == "sold_out");
            let answer = if all_sold {
                self.act("DELETE", &address, &[], b"").await?
            } else {
                sleep(Duration::from_millis(700)).await;
                self.act("GET", &address, &[], b"").await?
            };
            if answer.status == 429 {
                sleep(Duration::from_secs(answer.retry_after.unwrap_or(1))).await;
                continue;
            }
            place = answer.json()?;
        }
        // Else it was given back, or ended with the sale.
        Ok((place.state != "released" && place.state != "expired").then_some(place))
    }

    async fn pay(&mut self, reservation: &Reservation, pays: Pays) -> Result<Paid> {
        let address = format!(
            "/v1/sales/{}/skus/{}/reservations/{}",
            self.plan.sale, reservation.sku, reservation.reservation
        );
        let tries = if pays == Pays::DeclinedFirst { vec![pays, Pays::AtOnce] } else { vec![pays] };
        for pays in tries {
            let begun = self.act("POST", &format!("{address}/payment"), &[], b"").await?;
            if begun.status == 410 {
                return Ok(Paid::TooLate);
            }
            let begun: PaymentReply = begun.json().context("beginning the payment")?;
            if self.plan.walks_away == Some(Stage::Payment) {
                return Ok(Paid::WalkedAway);
            }
            let form = [("content-type", "application/x-www-form-urlencoded")];
            let paid = self.act("POST", &begun.redirect_to, &form, pays.outcome()).await?;
            if paid.status != 303 || paid.location.is_none() {
                bail!("paying: {} {}", paid.status, paid.text());
            }
        }
        self.await_verdict(&address, pays).await
    }

    /// What became of a reservation that was paid. It is `paying` for longer if the provider's word
    /// is lost, or still on the way.
    async fn await_verdict(&mut self, address: &str, pays: Pays) -> Result<Paid> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let after: Reservation = self.act("GET", address, &[], b"").await?.json()?;
            match (&*after.state, after.order, after.refund.as_deref()) {
                ("allocated", Some(order), _) => return Ok(Paid::Order(order)),
                (_, _, Some("done")) => return Ok(Paid::Back),
                ("expired", _, None) if pays != Pays::AfterTheEnd => return Ok(Paid::TooLate),
                ("paying" | "expired", ..) => sleep(Duration::from_millis(500)).await,
                (state, ..) => bail!("paid, but the reservation is {state}"),
            }
        }
        bail!("nobody says what became of the payment")
    }

    /// Does something once, or twice if this shopper is of that kind; then both answers have to be
    /// the same, unless the first was a refusal, which is judged anew.
    async fn act(
        &mut self,
        method: &'static str,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        let mut all = vec![("doorbuster-shopper", self.plan.secret.as_str())];
        all.extend_from_slice(headers);
        let call = Call { method, path, headers: &all, body };
        let first = self.client.send(call).await?;
        let is_keyed = headers.iter().any(|(name, _)| *name == "idempotency-key");
        if self.plan.repeats && method == "POST" && first.status < 400 {
            let second = self.client.send(call).await?;
            if is_keyed && (second.status, &second.body) != (first.status, &first.body) {
                bail!("a repeat was answered differently: {} / {}", first.text(), second.text());
            }
        }
        Ok(first)
    }
}

enum Paid {
    Order(String),
    WalkedAway,
    TooLate,
    Back,
}
