//! What a merchant does with the line of a sale.

use doorbuster_domain::id::{BypassName, SaleId};
use doorbuster_domain::line::{Limits, MESSAGE_LEN_MAX, RateChange, Schedule};
use doorbuster_domain::sealed::{Bypass, ChallengeMet};
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_durable::rpc::{RoomCall, RoomView};
use doorbuster_wire::merchant::{
    BeaconRequest, BypassReply, BypassRequest, BypassState, ChallengeReply, ChallengeRequest,
    LimitsRequest, LineState, MessageRequest, RateChange as Change, ScheduleRequest,
};
use doorbuster_wire::word;
use worker::Env;

use super::{announce, require_stock, shown, state_of};
use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::objects::RoomStub;
use crate::problem::Problem;
use crate::room::{sale_id, status};
use crate::shopper;

/// The most people that one way past the line may be for.
const BYPASS_USES_MAX: u32 = 1_000;

/// Who says later than this has not counted in milliseconds, or said a moment that no clock shows.
const OPENING_MAX: Millis = Millis::from_secs(366 * 24 * 3600);

/// `PUT /v1/admin/sales/{sale}/schedule`.
pub(crate) async fn set_schedule(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let (sale, now) = (sale_id(sale)?, now());
    let ScheduleRequest { prequeue_at_ms, opens_at_ms } = request.json().await?;
    let opens_at = Timestamp::from_millis(opens_at_ms);
    if opens_at <= now {
        return Err(Problem::invalid("/opens_at_ms", "It has to be in the future."));
    }
    if opens_at.since(now) > OPENING_MAX {
        return Err(Problem::invalid("/opens_at_ms", "It has to be within a year."));
    }
    let prequeue_at = prequeue_at_ms.map_or(now, Timestamp::from_millis);
    if prequeue_at > opens_at {
        let detail = "The line cannot open after the sale does.";
        return Err(Problem::invalid("/prequeue_at_ms", detail));
    }
    let schedule = Schedule { prequeue_at, opens_at };
    let room = RoomStub::of(env, &sale);
    let RoomView { rules, .. } = shown(room.execute(&RoomCall::Show).await?)?;
    // Nobody is there to be asked when the moment has come.
    require_stock(env, &rules).await?;
    announce(edge, env, &rules).await?;
    change(edge, env, &sale, &RoomCall::SetSchedule { schedule }).await
}

/// `PUT /v1/admin/sales/{sale}/limits`.
pub(crate) async fn set_limits(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let sale = sale_id(sale)?;
    let asked: LimitsRequest = request.json().await?;
    let RoomView { limits: known, .. } =
        shown(RoomStub::of(env, &sale).execute(&RoomCall::Show).await?)?;
    let limits = Limits {
        admits_per_minute_max: asked.admits_per_minute_max.unwrap_or(known.admits_per_minute_max),
        active_users_max: asked.active_users_max.unwrap_or(known.active_users_max),
    };
    change(edge, env, &sale, &RoomCall::SetLimits { limits }).await
}

/// `PUT /v1/admin/sales/{sale}/message`.
pub(crate) async fn set_message(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let sale = sale_id(sale)?;
    let asked: MessageRequest = request.json().await?;
    let message = message("/message", &asked.message)?;
    change(edge, env, &sale, &RoomCall::SetMessage { message }).await
}

/// A text for everybody who waits.
pub(crate) fn message(pointer: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.chars().count() > MESSAGE_LEN_MAX {
        let detail = format!("It has more than {MESSAGE_LEN_MAX} characters.");
        return Err(Problem::invalid(pointer, detail));
    }
    if text.chars().any(|letter| letter.is_control() && letter != '\n') {
        return Err(Problem::invalid(pointer, "It has a control character."));
    }
    Ok(text.to_owned())
}

/// `PUT /v1/admin/sales/{sale}/beacon`.
pub(crate) async fn tell_beacon(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let sale = sale_id(sale)?;
    let BeaconRequest { signature } = request.json().await?;
    change(edge, env, &sale, &RoomCall::TellBeacon { signature }).await
}

/// `PUT /v1/admin/sales/{sale}/bypasses/{bypass}`.
pub(crate) async fn make_bypass(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
    name: &str,
) -> Result<Reply, Problem> {
    let (sale, config) = (sale_id(sale)?, edge.config(env)?);
    let name: BypassName = name
        .parse()
        .map_err(|error| Problem::invalid("", format!("The name in the address {error}.")))?;
    let BypassRequest { uses_max, expires_at_ms } = request.json().await?;
    if !(1..=BYPASS_USES_MAX).contains(&uses_max) {
        return Err(Problem::invalid("/uses_max", "It has to be from 1 to 1,000."));
    }
    let expires_at = Timestamp::from_millis(expires_at_ms);
    if expires_at <= now() {
        return Err(Problem::invalid("/expires_at_ms", "It has to be in the future."));
    }
    let call = RoomCall::MakeBypass { name: name.clone(), uses_max, expires_at };
    let view = shown(RoomStub::of(env, &sale).execute(&call).await?)?;
    let uses = view.bypasses.get(&name).map_or(0, |bypass| bypass.used.len());
    let bypass = config.keyring.seal(&Bypass { sale, name: name.clone(), expires_at });
    let uses = u32::try_from(uses).unwrap_or(u32::MAX);
    let name = name.to_string();
    Ok(Reply::json(&BypassReply { name, bypass, uses_max, uses, expires_at_ms }))
}

/// How long who met the challenge has for joining.
const CHALLENGE_MET_FOR: Millis = Millis::from_secs(3600);

/// `POST /v1/admin/sales/{sale}/challenges`: called by whoever sets the challenge.
pub(crate) async fn meet_challenge(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let (sale, config) = (sale_id(sale)?, edge.config(env)?);
    let ChallengeRequest { secret } = request.json().await?;
    let shopper = shopper::of_secret(&secret)
        .map_err(|_| Problem::invalid("/secret", "It is no secret of a shopper."))?;
    // Whether there is such a sale.
    status(edge, env, &sale, now()).await?;
    let expires_at = now().plus(CHALLENGE_MET_FOR);
    let challenge = config.keyring.seal(&ChallengeMet { sale, shopper, expires_at });
    let expires_at_ms = expires_at.as_millis();
    Ok(Reply::json(&ChallengeReply { challenge, expires_at_ms }))
}

/// Has the room change something, and shows what the sale is like then.
async fn change(edge: &Edge, env: &Env, sale: &SaleId, call: &RoomCall) -> Result<Reply, Problem> {
    RoomStub::of(env, sale).execute(call).await?;
    edge.statuses.expire(sale);
    state_of(env, sale).await
}

/// How the line of a sale stands.
pub(crate) fn state(view: &RoomView) -> LineState {
    let status = &view.status;
    let frontier = status.frontier.at(status.at);
    let change = |change: &RateChange| Change {
        at_ms: change.at.as_millis(),
        positions_per_minute: change.per_minute,
        reason: word(&change.reason).to_owned(),
    };
    LineState {
        handed_out: view.handed_out,
        frontier,
        waiting: view.handed_out.saturating_sub(frontier),
        entries: status.draw.entries,
        positions_per_minute: status.frontier.line.per_minute,
        reason: word(&status.reason).to_owned(),
        changes: view.changes.iter().map(change).collect(),
        admits_per_minute_max: view.limits.admits_per_minute_max,
        active_users_max: view.limits.active_users_max,
        joined_last_minute: view.admission.joined_last_minute,
        came_last_minute: view.admission.came_last_minute,
        with_pass: view.admission.with_pass,
        show_up_percent: view.admission.show_up_percent,
        conversion_percent: view.admission.conversion_percent,
        reach: status.reach,
        message: status.message.clone(),
        prequeue_at_ms: view.schedule.map(|schedule| schedule.prequeue_at.as_millis()),
        opens_at_ms: view.schedule.map(|schedule| schedule.opens_at.as_millis()),
        bypasses: view
            .bypasses
            .iter()
            .map(|(name, bypass)| BypassState {
                name: name.to_string(),
                uses_max: bypass.uses_max,
                uses: u32::try_from(bypass.used.len()).unwrap_or(u32::MAX),
                expires_at_ms: bypass.expires_at.as_millis(),
            })
            .collect(),
    }
}
