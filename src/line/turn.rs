//! What a shopper is told when asking for the turn.

use doorbuster_domain::line::{Turn, Wait};
use doorbuster_domain::sealed::{Pass, Ticket};
use doorbuster_domain::time::Timestamp;
use doorbuster_wire::shopper::TurnReply;

use crate::config::Config;
use crate::edge::{Edge, now};
use crate::reservations::word;
use crate::statuses::Seen;

/// What a shopper is told, with a pass once it is their turn.
pub(super) fn turn(edge: &Edge, config: &Config, seen: &Seen, ticket: &Ticket) -> TurnReply {
    let now = seen.room_time(now());
    let turn = seen.turn(ticket.number, ticket.issued_at, now);
    let told = base(seen, now);
    let said = |state: &str| TurnReply { state: state.to_owned(), ..told.clone() };
    let at = |state: &str, position: u64, ahead: u64| TurnReply {
        position: Some(position),
        ahead,
        ..said(state)
    };
    let told = match turn {
        Turn::NotOpen => said("not_open"),
        Turn::Drawing => said("drawing"),
        Turn::Waiting { position, ahead, wait, beyond_stock } => TurnReply {
            wait_ms: wait.map(|wait| wait.expected.get()),
            wait_low_ms: wait.map(|Wait { low, .. }| low.get()),
            wait_high_ms: wait.map(|Wait { high, .. }| high.get()),
            beyond_stock,
            ..at("waiting", position, ahead)
        },
        Turn::Admitted { position, since } => {
            edge.lines.count_arrived(&seen.sale, ticket.number, since);
            let pass = Pass {
                sale: seen.sale.clone(),
                shopper: ticket.shopper,
                number: ticket.number,
                position,
                issued_at: since,
                expires_at: since.plus(seen.pass_ttl_ms),
            };
            return admitted(TurnReply { position: Some(position), ..told }, config, &pass);
        }
        Turn::Lapsed => said("lapsed"),
        Turn::Paused { position, ahead } => at("paused", position, ahead),
        Turn::AllReserved { position, ahead, beyond_stock } => {
            TurnReply { beyond_stock, ..at("all_reserved", position, ahead) }
        }
        Turn::SoldOut => said("sold_out"),
        Turn::Closed => said("closed"),
    };
    let done = matches!(turn, Turn::Lapsed | Turn::SoldOut | Turn::Closed);
    let next_poll = || seen.next_poll(ticket.number, &turn, now).get();
    TurnReply { next_poll_ms: (!done).then(next_poll), ..told }
}

/// Somebody with a pass.
pub(super) fn admitted(told: TurnReply, config: &Config, pass: &Pass) -> TurnReply {
    TurnReply {
        state: "admitted".to_owned(),
        pass: Some(config.keyring.seal(pass)),
        pass_expires_at_ms: Some(pass.expires_at.as_millis()),
        ..told
    }
}

/// What is the same for everybody.
pub(super) fn base(seen: &Seen, now: Timestamp) -> TurnReply {
    let opens_at = seen.schedule.map(|schedule| schedule.opens_at).filter(|at| *at > now);
    TurnReply {
        state: String::new(),
        position: None,
        ahead: 0,
        wait_ms: None,
        wait_low_ms: None,
        wait_high_ms: None,
        beyond_stock: false,
        stock: seen.stock.iter().map(|sku| sku.band).min().map(|band| word(&band)),
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
