//! What a shopper is told when asking for the turn.

use doorbuster_domain::line::{Turn, Wait};
use doorbuster_domain::sealed::Pass;
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::shopper::TurnReply;
use doorbuster_wire::word;

use crate::config::Config;
use crate::edge::Edge;
use crate::statuses::Seen;

use super::Holder;

/// What a shopper is told, with a pass once it is their turn.
pub(super) fn turn(
    edge: &Edge,
    config: &Config,
    seen: &Seen,
    holder: Holder,
    now: Timestamp,
) -> TurnReply {
    let now = seen.room_time(now);
    let turn = seen.turn_at(holder.place, holder.number, holder.joined_at, now);
    let mut told = base(seen, now);
    if let Turn::Admitted { position, since } = turn {
        edge.lines.count_arrived(&seen.sale, holder.number, since);
        let pass = Pass {
            sale: seen.sale.clone(),
            shopper: holder.shopper,
            number: holder.number,
            position,
            issued_at: since,
            expires_at: since.plus(seen.pass_ttl_ms),
        };
        told.position = Some(position);
        return admitted(told, config, &pass);
    }
    told.state = word_of(&turn).into();
    if let Turn::Waiting { wait: Some(Wait { expected, low, high }), .. } = &turn {
        told.wait_ms = Some(expected.get());
        (told.wait_low_ms, told.wait_high_ms) = (Some(low.get()), Some(high.get()));
    }
    if let Turn::Waiting { position, ahead, .. }
    | Turn::Paused { position, ahead }
    | Turn::AllReserved { position, ahead, .. } = turn
    {
        (told.position, told.ahead) = (Some(position), ahead);
    }
    if let Turn::Waiting { beyond_stock, .. } | Turn::AllReserved { beyond_stock, .. } = turn {
        told.beyond_stock = beyond_stock;
    }
    let done = matches!(turn, Turn::Lapsed | Turn::SoldOut | Turn::Closed);
    told.next_poll_ms = (!done).then(|| seen.next_poll(holder.number, &turn, now).get());
    told
}

/// The word for a turn in a reply.
const fn word_of(turn: &Turn) -> &'static str {
    match turn {
        Turn::NotOpen => "not_open",
        Turn::Drawing => "drawing",
        Turn::Waiting { .. } => "waiting",
        Turn::Admitted { .. } => "admitted",
        Turn::Lapsed => "lapsed",
        Turn::Paused { .. } => "paused",
        Turn::AllReserved { .. } => "all_reserved",
        Turn::SoldOut => "sold_out",
        Turn::Closed => "closed",
    }
}

/// Somebody with a pass.
pub(super) fn admitted(told: TurnReply, config: &Config, pass: &Pass) -> TurnReply {
    TurnReply {
        state: "admitted".into(),
        pass: Some(config.keyring.seal(pass)),
        pass_expires_at_ms: Some(pass.expires_at.as_millis()),
        ..told
    }
}

/// What is the same for everybody.
pub(super) fn base(seen: &Seen, now: Timestamp) -> TurnReply {
    let opens_at = seen.schedule.map(|schedule| schedule.opens_at).filter(|at| *at > now);
    TurnReply {
        state: "".into(),
        position: None,
        ahead: 0,
        wait_ms: None,
        wait_low_ms: None,
        wait_high_ms: None,
        beyond_stock: false,
        stock: seen.stock.iter().map(|sku| sku.band).min().map(|band| word(&band).into()),
        gone: seen.gone().into_iter().map(ToString::to_string).collect(),
        message: (!seen.message.is_empty()).then(|| seen.message.clone()),
        why: seen.why.clone(),
        opens_at_ms: opens_at.map(Timestamp::as_millis),
        now_ms: now.as_millis(),
        next_poll_ms: None,
        pass: None,
        pass_expires_at_ms: None,
    }
}
