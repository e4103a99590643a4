//! The WaitingRoom object: one per sale.

use std::cell::RefCell;

use doorbuster_domain::inventory::{Answer, Reply};
use doorbuster_domain::line::{RoomEvent, RoomRejection, SkuStatus, WaitingRoom};
use doorbuster_domain::time::{Millis, Timestamp};
use wasm_bindgen::prelude::*;
use worker::durable::State;

use crate::inventory::{to_line, to_lines};
use crate::journaled::{Journaled, StoreError};
use crate::now;
use crate::rpc::{
    BatchOutcome, Outcome, RoomCall, RoomOutcome, RoomReply, follow_phase, inventory_name,
};

/// How old the stock may be that admission goes by.
const STOCK_FRESH_FOR: Millis = Millis::from_secs(1);

/// The object. Its methods are called by `entry.mjs` alone.
#[wasm_bindgen]
pub struct WaitingRoomObject {
    inner: RefCell<Inner>,
}

struct Inner {
    journaled: Journaled<WaitingRoom>,
    stock: Vec<SkuStatus>,
    stock_seen_at: Timestamp,
    /// The newest moment that was acted on: what was published then must not be taken back, so
    /// time does not run backwards here.
    last_at: Timestamp,
}

#[wasm_bindgen]
impl WaitingRoomObject {
    /// Infallible and without storage access: a throwing constructor would take the whole wasm
    /// instance with it.
    #[wasm_bindgen(constructor)]
    pub fn new(state: worker::worker_sys::DurableObjectState) -> Self {
        let journaled = Journaled::new(State::from(state).storage().sql());
        let long_ago = Timestamp::from_millis(0);
        let inner =
            Inner { journaled, stock: Vec::new(), stock_seen_at: long_ago, last_at: long_ago };
        Self { inner: RefCell::new(inner) }
    }

    /// Answers all calls that arrived in one turn of the event loop, a line each. Throws if it
    /// cannot be read or written; the caller then undoes what was written.
    pub fn turn(&self, lines: &str) -> Result<String, JsError> {
        let outcomes = self.attempt(|inner, now| inner.turn(lines, now))?;
        Ok(to_lines(&outcomes, lines.len().saturating_mul(8)))
    }

    /// What to ask the Inventory objects whose stock should be looked at, and then their names, all
    /// a line each; nothing if what is known is fresh.
    pub fn stock_wanted(&self) -> String {
        let now = now();
        let mut inner = self.inner.borrow_mut();
        if now.since(inner.stock_seen_at) < STOCK_FRESH_FOR {
            return String::new();
        }
        // Whoever asks meanwhile is served from what is known, so a rush leads to one look.
        inner.stock_seen_at = now;
        let Ok(room) = inner.journaled.load() else { return String::new() };
        let Some(rules) = room.rules() else { return String::new() };
        let ask = to_line(&follow_phase(room.phase(), room.phase_number())).unwrap_or_default();
        let names = rules.skus.iter().map(|offer| inventory_name(&rules.sale, &offer.sku));
        std::iter::once(ask).chain(names).collect::<Vec<_>>().join("\n")
    }

    /// Takes note of the stock: what the Inventory objects answered, one per line.
    /// Throws as `turn` does.
    pub fn stock_seen(&self, lines: &str) -> Result<(), JsError> {
        self.attempt(|inner, now| {
            for sku in lines.lines().filter_map(sku_status) {
                match inner.stock.iter_mut().find(|known| known.sku == sku.sku) {
                    Some(known) => *known = sku,
                    None => inner.stock.push(sku),
                }
            }
            inner.follow_stock(now)
        })
    }

    /// The status that edges answer polls from, as JSON; empty if there is no such sale.
    pub fn status(&self) -> Result<String, JsError> {
        let status = self.attempt(|inner, now| {
            let stock = inner.stock.clone();
            Ok(inner.journaled.load()?.status(stock, now))
        })?;
        Ok(status.and_then(|status| to_line(&status)).unwrap_or_default())
    }
}

impl WaitingRoomObject {
    /// Does something that leaves memory and storage in step, or memory empty.
    fn attempt<T>(
        &self,
        act: impl FnOnce(&mut Inner, Timestamp) -> Result<T, StoreError>,
    ) -> Result<T, JsError> {
        let mut inner = self.inner.borrow_mut();
        inner.last_at = inner.last_at.max(now());
        let now = inner.last_at;
        act(&mut inner, now).map_err(|error| {
            inner.journaled.forget();
            error.into()
        })
    }
}

impl Inner {
    fn turn(&mut self, lines: &str, now: Timestamp) -> Result<Vec<RoomOutcome>, StoreError> {
        let mut outcomes = Vec::new();
        let mut events = Vec::new();
        for line in lines.lines() {
            let outcome = match serde_json::from_str(line) {
                Ok(call) => Outcome::Done(self.answer(&call, now, &mut events)?),
                Err(_) => Outcome::Unreadable,
            };
            outcomes.push(outcome);
        }
        self.journaled.append(&events, now)?;
        // Its state does not grow, so the least number of events is what counts.
        self.journaled.snapshot_if_due(0);
        Ok(outcomes)
    }

    fn answer(
        &mut self,
        call: &RoomCall,
        now: Timestamp,
        events: &mut Vec<RoomEvent>,
    ) -> Result<RoomReply, StoreError> {
        let room = self.journaled.load()?;
        let result = match call {
            RoomCall::Create { rules } => room.create(rules),
            RoomCall::SetPhase { phase } => room.set_phase(*phase, now),
            RoomCall::Show => Ok(Vec::new()),
            RoomCall::Join => match room.join(now) {
                Ok((position, news)) => {
                    apply(room, news, now, events)?;
                    return Ok(RoomReply::Position { position, joined_at: now });
                }
                Err(rejection) => Err(rejection),
            },
        };
        match result {
            Ok(news) => apply(room, news, now, events)?,
            Err(rejection) => return Ok(RoomReply::Rejected(rejection)),
        }
        Ok(room.rules().map_or(RoomReply::Rejected(RoomRejection::NoSuchSale), |rules| {
            RoomReply::Sale {
                rules: rules.clone(),
                phase: room.phase(),
                phase_number: room.phase_number(),
                handed_out: room.handed_out(),
            }
        }))
    }

    fn follow_stock(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let room = self.journaled.load()?;
        let mut events = Vec::new();
        if let Some(event) = room.handle_stock(&self.stock, now) {
            apply(room, vec![event], now, &mut events)?;
        }
        self.journaled.append(&events, now)
    }
}

fn apply(
    room: &mut WaitingRoom,
    news: Vec<RoomEvent>,
    now: Timestamp,
    events: &mut Vec<RoomEvent>,
) -> Result<(), StoreError> {
    use doorbuster_domain::machine::Machine as _;
    for event in news {
        room.apply(&event, now).map_err(|corrupt| StoreError::Broken(corrupt.to_string()))?;
        events.push(event);
    }
    Ok(())
}

/// What an Inventory's answer says of its stock.
fn sku_status(line: &str) -> Option<SkuStatus> {
    let Ok(BatchOutcome::Done(answers)) = serde_json::from_str(line) else { return None };
    match answers.into_iter().next_back()? {
        Answer::Accepted(Reply::Stock { view, .. }) => {
            Some(SkuStatus { sku: view.terms.sku, band: view.band })
        }
        _ => None,
    }
}
