//! The WaitingRoom object: one per sale.

use std::cell::RefCell;

use doorbuster_domain::line::{
    Admission, Forecast, Report, RoomEvent, RoomRejection, Status, WaitingRoom,
};
use doorbuster_domain::machine::Machine as _;
use doorbuster_domain::time::{Millis, Timestamp};
use wasm_bindgen::prelude::*;
use worker::durable::{State, Storage};

use crate::inventory::{to_line, to_lines};
use crate::journaled::{Journaled, StoreError};
use crate::rpc::{
    Outcome, RoomCall, RoomOutcome, RoomReply, RoomView, follow_phase, inventory_name,
};
use crate::stock::Stock;
use crate::{js_date, now};

/// The object. Its methods are called by `entry.mjs` alone.
#[wasm_bindgen]
pub struct WaitingRoomObject {
    storage: Storage,
    inner: RefCell<Inner>,
}

struct Inner {
    journaled: Journaled<WaitingRoom>,
    stock: Stock,
    stock_seen_at: Timestamp,
    /// What is known of those who were let in; nothing as long as there is no sale.
    admission: Option<Admission>,
    forecast: Forecast,
    /// The newest moment that was acted on: what was published then must not be taken back, so
    /// time does not run backwards here.
    last_at: Timestamp,
    /// When the alarm goes off, as far as this instance has set it.
    armed: Option<Timestamp>,
}

#[wasm_bindgen]
impl WaitingRoomObject {
    /// Infallible and without storage access: a throwing constructor would take the whole wasm
    /// instance with it.
    #[wasm_bindgen(constructor)]
    pub fn new(state: worker::worker_sys::DurableObjectState) -> Self {
        let storage = State::from(state).storage();
        let inner = Inner {
            journaled: Journaled::new(storage.sql()),
            stock: Stock::default(),
            stock_seen_at: Timestamp::default(),
            admission: None,
            forecast: Forecast::default(),
            last_at: Timestamp::default(),
            armed: None,
        };
        Self { storage, inner: RefCell::new(inner) }
    }

    /// Answers all calls that arrived in one turn of the event loop, a line each. Throws if it
    /// cannot be read or written; the caller then undoes what was written.
    pub fn turn(&self, lines: &str) -> Result<String, JsError> {
        let outcomes = self.attempt(|inner, now| inner.turn(lines, now))?;
        Ok(to_lines(&outcomes, lines.len().saturating_mul(8)))
    }

    /// Does what time has brought about. Throws as `turn` does.
    pub fn timeout(&self) -> Result<(), JsError> {
        self.inner.borrow_mut().armed = None;
        self.attempt(|_, _| Ok(()))
    }

    /// Takes note of an edge's report, and says what to ask the Inventory objects whose stock
    /// should be looked at, and then their names, all a line each; nothing if what is known is
    /// fresh. Throws as `turn` does.
    pub fn stock_wanted(&self, report: &str) -> Result<String, JsError> {
        self.attempt(|inner, now| {
            if let (Some(admission), Ok(report)) =
                (&mut inner.admission, serde_json::from_str::<Report>(report))
            {
                admission.note(&report, now);
            }
            inner.stock_wanted(now)
        })
    }

    /// Whether the stock was never seen: then whoever asks waits for the look that is under way.
    pub fn knows_no_stock(&self) -> bool {
        self.inner.borrow().stock.is_empty()
    }

    /// Takes note of the stock: what the Inventory objects answered, one per line, of how many that
    /// were asked, and after how many milliseconds. Throws as `turn` does.
    pub fn stock_seen(&self, lines: &str, asked: u32, took_ms: u32) -> Result<(), JsError> {
        self.attempt(|inner, now| {
            let asked = usize::try_from(asked).unwrap_or(usize::MAX);
            inner.stock.take_in(lines.lines(), asked, Millis::new(took_ms.into()));
            inner.follow_stock(now)
        })
    }

    /// The status that edges answer polls from, as JSON; empty if there is no such sale.
    pub fn status(&self) -> Result<String, JsError> {
        let status = self.attempt(Inner::status)?;
        Ok(status.and_then(|status| to_line(&status)).unwrap_or_default())
    }
}

impl WaitingRoomObject {
    /// Lets time do what it does, and then something that leaves memory and storage in step, or
    /// memory empty.
    fn attempt<T>(
        &self,
        act: impl FnOnce(&mut Inner, Timestamp) -> Result<T, StoreError>,
    ) -> Result<T, JsError> {
        let mut inner = self.inner.borrow_mut();
        inner.last_at = inner.last_at.max(now());
        let now = inner.last_at;
        let result = inner.catch_up(now).and_then(|()| act(&mut inner, now)).and_then(|done| {
            inner.arm(&self.storage)?;
            Ok(done)
        });
        result.map_err(|error| {
            inner.journaled.forget();
            inner.armed = None;
            error.into()
        })
    }
}

impl Inner {
    /// Does what time has brought about.
    fn catch_up(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let room = self.journaled.load()?;
        if self.admission.is_none() {
            self.admission = room.rules().map(Admission::new);
        }
        let mut events = Vec::new();
        // A sale goes through few phases by itself.
        while let due = room.handle_timeout(now)
            && !due.is_empty()
        {
            apply(room, due, now, &mut events)?;
        }
        self.journaled.append(&events, now)
    }

    fn turn(&mut self, lines: &str, now: Timestamp) -> Result<Vec<RoomOutcome>, StoreError> {
        let mut outcomes = Vec::new();
        let mut events = Vec::new();
        for line in lines.lines() {
            let outcome = match serde_json::from_str(line) {
                Ok(call) => Outcome::Done(self.answer(call, now, &mut events)?),
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
        call: RoomCall,
        now: Timestamp,
        events: &mut Vec<RoomEvent>,
    ) -> Result<RoomReply, StoreError> {
        let room = self.journaled.load()?;
        let result = match call {
            RoomCall::Lease { wanted } => match room.lease(wanted, now) {
                Ok(((first, last), news)) => {
                    apply(room, news, now, events)?;
                    return Ok(RoomReply::Numbers { first, last });
                }
                Err(rejection) => Err(rejection),
            },
            RoomCall::Create { rules, secret } => room.create(&rules, secret, now),
            RoomCall::SetSchedule { schedule } => room.set_schedule(schedule, now),
            RoomCall::SetPhase { phase, why } => room.set_phase(phase, why, now),
            RoomCall::SetLimits { limits } => room.set_limits(limits),
            RoomCall::SetMessage { message } => room.set_message(&message),
            RoomCall::TellBeacon { signature } => room.tell_beacon(&signature),
            RoomCall::MakeBypass { name, uses_max, expires_at } => {
                room.make_bypass(&name, uses_max, expires_at)
            }
            RoomCall::UseBypass { name, shopper } => room.use_bypass(&name, shopper, now),
            RoomCall::Show => Ok(Vec::new()),
        };
        match result {
            Ok(news) => apply(room, news, now, events)?,
            Err(rejection) => return Ok(RoomReply::Rejected(rejection)),
        }
        self.show(now)
    }

    fn show(&mut self, now: Timestamp) -> Result<RoomReply, StoreError> {
        let Some(status) = self.status(now)? else {
            return Ok(RoomReply::Rejected(RoomRejection::NoSuchSale));
        };
        let room = self.journaled.load()?;
        let (Some(rules), Some(admission)) = (room.rules(), &self.admission) else {
            return Ok(RoomReply::Rejected(RoomRejection::NoSuchSale));
        };
        Ok(RoomReply::Sale(Box::new(RoomView {
            rules: rules.clone(),
            phase: room.phase(),
            phase_number: room.phase_number(),
            schedule: room.schedule(),
            limits: room.limits(),
            handed_out: room.handed_out(),
            changes: room.rate().1.to_vec(),
            admission: room.admission_view(admission, now),
            bypasses: room.bypasses().clone(),
            status,
        })))
    }

    fn status(&mut self, now: Timestamp) -> Result<Option<Status>, StoreError> {
        let room = self.journaled.load()?;
        let Some(rules) = room.rules() else { return Ok(None) };
        let admission = self.admission.get_or_insert_with(|| Admission::new(rules));
        Ok(room.status(&self.stock.look(rules), admission, &self.forecast, now))
    }

    fn stock_wanted(&mut self, now: Timestamp) -> Result<String, StoreError> {
        let room = self.journaled.load()?;
        let Some(rules) = room.rules() else { return Ok(String::new()) };
        if now.since(self.stock_seen_at) < self.stock.look(rules).fresh_for() {
            return Ok(String::new());
        }
        // Whoever asks meanwhile is served from what is known, so a rush leads to one look.
        self.stock_seen_at = now;
        let ask = to_line(&follow_phase(room.phase(), room.phase_number())).unwrap_or_default();
        let names = rules.skus.iter().map(|offer| inventory_name(&rules.sale, &offer.sku));
        Ok(std::iter::once(ask).chain(names).collect::<Vec<_>>().join("\n"))
    }

    fn follow_stock(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let room = self.journaled.load()?;
        let (Some(admission), Some(rules)) = (&mut self.admission, room.rules()) else {
            return Ok(());
        };
        let look = self.stock.look(rules);
        let event = room.look(admission, &look, now);
        let mut events = Vec::new();
        apply(room, event.into_iter().collect(), now, &mut events)?;
        room.follow_forecast(&mut self.forecast, now);
        self.journaled.append(&events, now)
    }

    /// Sets the alarm if something is due before it goes off anyway.
    fn arm(&mut self, storage: &Storage) -> Result<(), StoreError> {
        let Some(at) = self.journaled.load()?.next_timeout() else { return Ok(()) };
        if self.armed.is_none_or(|armed| at < armed) {
            // Not awaited: the write is part of this turn's commit.
            let _set = storage
                .as_raw()
                .set_alarm(js_date(at), js_sys::Object::new())
                .map_err(worker::Error::from)?;
            self.armed = Some(at);
        }
        Ok(())
    }
}

fn apply(
    room: &mut WaitingRoom,
    news: Vec<RoomEvent>,
    now: Timestamp,
    events: &mut Vec<RoomEvent>,
) -> Result<(), StoreError> {
    for event in news {
        room.apply(&event, now).map_err(|corrupt| StoreError::Broken(corrupt.to_string()))?;
        events.push(event);
    }
    Ok(())
}
