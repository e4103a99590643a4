//! The WaitingRoom object: one per sale.

use std::cell::RefCell;

use doorbuster_domain::line::{
    Admission, Forecast, Report, RoomEvent, RoomRejection, Status, WaitingRoom,
};
use doorbuster_domain::machine::Machine as _;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_domain::webhook;
use wasm_bindgen::prelude::*;
use worker::durable::{State, Storage};

use crate::happened::Happened;
use crate::inventory::{to_line, to_lines};
use crate::journaled::{Journaled, StoreError};
use crate::rpc::{
    Outcome, RoomCall, RoomOutcome, RoomReply, RoomView, WAITING_ROOM, follow_phase,
    inventory_name, waiting_room_name,
};
use crate::stock::Stock;
use crate::{js_date, now};

/// The object. Its methods are called by `objects.mjs` alone.
#[wasm_bindgen]
pub struct WaitingRoomObject {
    storage: Storage,
    inner: RefCell<Inner>,
}

struct Inner {
    journaled: Journaled<WaitingRoom>,
    happened: Happened,
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
        let inner = RefCell::new(Inner::asleep(&storage));
        Self { storage, inner }
    }

    /// Gives back what is in memory. It is read again by whoever calls next.
    pub fn forget(&self) {
        self.inner.replace(Inner::asleep(&self.storage));
    }

    /// Answers all calls that arrived in one turn of the event loop, a line each. Throws if it
    /// cannot be read or written; the caller then undoes what was written.
    pub fn turn(&self, lines: &str) -> Result<String, JsError> {
        let outcomes = self.attempt(|inner, now| inner.turn(lines, now))?;
        Ok(to_lines(&outcomes, lines.len().saturating_mul(8)))
    }

    /// Does what time has brought about; what is due to be told, if there is something, as
    /// `Happened::take_due` says. Throws as `turn` does.
    pub fn timeout(&self) -> Result<Option<String>, JsError> {
        self.inner.borrow_mut().armed = None;
        self.attempt(|inner, now| {
            let Some(rules) = inner.journaled.load()?.rules() else { return Ok(None) };
            inner.happened.take_due(WAITING_ROOM, &waiting_room_name(&rules.sale), now)
        })
    }

    /// The books have what was told up to this number. Throws as `turn` does.
    pub fn told(&self, up_to: u32) -> Result<(), JsError> {
        self.attempt(|inner, now| inner.happened.confirm(up_to, now))
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
            inner.arm(&self.storage, now)?;
            Ok(done)
        });
        result.map_err(|error| {
            inner.journaled.forget();
            inner.happened.forget();
            inner.armed = None;
            error.into()
        })
    }
}

impl Inner {
    /// As it is before anything is read.
    fn asleep(storage: &Storage) -> Self {
        Self {
            journaled: Journaled::new(storage.sql()),
            happened: Happened::new(storage.sql()),
            stock: Stock::default(),
            stock_seen_at: Timestamp::default(),
            admission: None,
            forecast: Forecast::default(),
            last_at: Timestamp::default(),
            armed: None,
        }
    }

    /// Does what time has brought about.
    fn catch_up(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let room = self.journaled.load()?;
        if self.admission.is_none() {
            self.admission = room.rules().map(Admission::new);
        }
        let mut news = News::default();
        // A sale goes through few phases by itself.
        while let due = room.handle_timeout(now)
            && !due.is_empty()
        {
            news.apply(room, due, now)?;
        }
        self.write(news, now)
    }

    fn turn(&mut self, lines: &str, now: Timestamp) -> Result<Vec<RoomOutcome>, StoreError> {
        let mut outcomes = Vec::new();
        let mut news = News::default();
        for line in lines.lines() {
            let outcome = match serde_json::from_str(line) {
                Ok(call) => Outcome::Done(self.answer(call, now, &mut news)?),
                Err(_) => Outcome::Unreadable,
            };
            outcomes.push(outcome);
        }
        self.write(news, now)?;
        // Its state does not grow, so the least number of events is what counts.
        self.journaled.snapshot_if_due(0);
        Ok(outcomes)
    }

    fn answer(
        &mut self,
        call: RoomCall,
        now: Timestamp,
        news: &mut News,
    ) -> Result<RoomReply, StoreError> {
        let room = self.journaled.load()?;
        let result = match call {
            RoomCall::Lease { wanted } => match room.lease(wanted, now) {
                Ok(((first, last), events)) => {
                    news.apply(room, events, now)?;
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
            Ok(events) => news.apply(room, events, now)?,
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
        let mut news = News::default();
        news.apply(room, event.into_iter().collect(), now)?;
        room.follow_forecast(&mut self.forecast, now);
        self.write(news, now)
    }

    fn write(&mut self, news: News, now: Timestamp) -> Result<(), StoreError> {
        self.journaled.append(&news.events, now)?;
        self.happened.write(news.told, now)
    }

    /// Sets the alarm if something is due before it goes off anyway.
    fn arm(&mut self, storage: &Storage, now: Timestamp) -> Result<(), StoreError> {
        let all = [self.journaled.load()?.next_timeout(), self.happened.next_timeout(now)?];
        let Some(at) = all.into_iter().flatten().min() else { return Ok(()) };
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

/// What happened in a turn, and what of it the merchant's shop is told.
#[derive(Default)]
struct News {
    events: Vec<RoomEvent>,
    told: Vec<String>,
}

impl News {
    fn apply(
        &mut self,
        room: &mut WaitingRoom,
        events: Vec<RoomEvent>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for event in events {
            let before = room.phase();
            room.apply(&event, now).map_err(|corrupt| StoreError::Broken(corrupt.to_string()))?;
            self.told.extend(webhook::of_sale(room, before, now));
            self.events.push(event);
        }
        Ok(())
    }
}
