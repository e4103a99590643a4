//! Stored formats, spelled out: a change here is a change of what is already on disk.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[cfg(test)]
#[path = "vocabulary/inventory.rs"]
mod inventory;
#[cfg(test)]
mod support;

use std::fmt::Debug;

use doorbuster_domain::charges::ChargeRules;
use doorbuster_domain::id::{BypassName, PaymentId, ReservationId, ShopperId};
use doorbuster_domain::inventory::{AdjustmentReason, Selling, Terms};
use doorbuster_domain::journal::{ChainHash, Entry};
use doorbuster_domain::line::{
    BeaconRound, DrawSecret, Frontier, Limits, LineOrder, Phase, RateReason, RoomEvent, SaleRules,
    Schedule, SkuOffer,
};
use doorbuster_domain::time::{Millis, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use inventory::{all_events, place};
use support::{name, shopper, terms};

/// Written as `text` and read back from it.
fn unchanged<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), text);
    assert_eq!(&serde_json::from_str::<T>(text).unwrap(), value);
}

fn reservation() -> ReservationId {
    ReservationId::from_bytes([0xA5; 16])
}

fn payment() -> PaymentId {
    PaymentId::of(reservation(), 1)
}

fn reason() -> AdjustmentReason {
    AdjustmentReason::try_from("found a box".to_owned()).unwrap()
}

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_123);

#[test]
fn event_json_format_unchanged() {
    for (event, text) in &all_events() {
        unchanged(event, text);
    }
}

#[test]
fn every_event_has_its_format_pinned_under_the_name_it_gives_itself() {
    let events = all_events();
    let mut places: Vec<_> = events.iter().map(|(event, _)| place(event)).collect();
    places.sort_unstable();
    assert_eq!(places, (0..21).collect::<Vec<_>>());
    for (event, text) in events {
        assert!(text.starts_with(&format!("{{\"{}\":", event.name())), "{text}");
    }
}

#[test]
fn room_event_json_format_unchanged() {
    for (event, text) in room_events() {
        unchanged(&event, text);
    }
}

#[test]
fn every_room_event_has_its_format_pinned() {
    let mut places: Vec<_> = room_events().iter().map(|(event, _)| room_place(event)).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places, (0..13).collect::<Vec<_>>());
}

/// As `place`, for the waiting room.
const fn room_place(event: &RoomEvent) -> usize {
    match event {
        RoomEvent::Created { .. } => 0,
        RoomEvent::PhaseSet { .. } => 1,
        RoomEvent::PositionsLeased { .. } => 2,
        RoomEvent::FrontierSet { .. } => 3,
        RoomEvent::DrawPrepared { .. } => 4,
        RoomEvent::Scheduled { .. } => 5,
        RoomEvent::EntriesClosed { .. } => 6,
        RoomEvent::BeaconTold { .. } => 7,
        RoomEvent::Drawn {} => 8,
        RoomEvent::LimitsSet { .. } => 9,
        RoomEvent::MessageSet { .. } => 10,
        RoomEvent::BypassMade { .. } => 11,
        RoomEvent::BypassUsed { .. } => 12,
    }
}

fn room_events() -> Vec<(RoomEvent, &'static str)> {
    let frontier = Frontier { value: 12, at: AT, per_minute: 600 };
    let schedule = Schedule { prequeue_at: AT, opens_at: AT.plus(Millis::new(1)) };
    let limits = Limits { admits_per_minute_max: 600, active_users_max: 50 };
    let press: BypassName = name("press");
    vec![
        (
            RoomEvent::Created { rules: rules() },
            concat!(
                r#"{"created":{"rules":{"sale":"drop","title":"The drop","#,
                r#""admits_per_minute_max":600,"active_users_max":70,"order":"random","#,
                r#""draw_window_ms":1000,"beacon":{"chain":"52","round":7},"#,
                r#""places_per_client":9,"challenge":true,"per_shopper_max":2,"#,
                r#""pass_ttl_ms":600000,"reservation_ttl_ms":100,"#,
                r#""reservation_max_ms":250,"payment_window_ms":60,"skus":[{"sku":"shirt","#,
                r#""title":"Shirt","unit_price":{"minor":1999,"currency":"EUR"}}]}}}"#
            ),
        ),
        (
            RoomEvent::PhaseSet { phase: Phase::Prequeue, why: None },
            r#"{"phase_set":{"phase":"prequeue"}}"#,
        ),
        (
            RoomEvent::PhaseSet { phase: Phase::Paused, why: Some("Tea".to_owned()) },
            r#"{"phase_set":{"phase":"paused","why":"Tea"}}"#,
        ),
        (RoomEvent::PositionsLeased { up_to: 1000 }, r#"{"positions_leased":{"up_to":1000}}"#),
        (
            RoomEvent::FrontierSet { frontier, reason: RateReason::Stock },
            concat!(
                r#"{"frontier_set":{"frontier":{"value":12,"at":1700000000123,"per_minute":600},"#,
                r#""reason":"stock"}}"#
            ),
        ),
        (
            RoomEvent::DrawPrepared { secret: DrawSecret::from_bytes([0xab; 32]) },
            concat!(
                r#"{"draw_prepared":{"secret":"abababababababababababababababab"#,
                r#"abababababababababababababababab"}}"#
            ),
        ),
        (
            RoomEvent::Scheduled { schedule },
            concat!(
                r#"{"scheduled":{"schedule":{"prequeue_at":1700000000123,"#,
                r#""opens_at":1700000000124}}}"#
            ),
        ),
        (RoomEvent::EntriesClosed { entries: 7 }, r#"{"entries_closed":{"entries":7}}"#),
        (
            RoomEvent::BeaconTold { signature: "ab".to_owned() },
            r#"{"beacon_told":{"signature":"ab"}}"#,
        ),
        (RoomEvent::Drawn {}, r#"{"drawn":{}}"#),
        (
            RoomEvent::LimitsSet { limits },
            r#"{"limits_set":{"limits":{"admits_per_minute_max":600,"active_users_max":50}}}"#,
        ),
        (
            RoomEvent::MessageSet { message: "Hello".to_owned() },
            r#"{"message_set":{"message":"Hello"}}"#,
        ),
        (
            RoomEvent::BypassMade { name: press.clone(), uses_max: 3, expires_at: AT },
            r#"{"bypass_made":{"name":"press","uses_max":3,"expires_at":1700000000123}}"#,
        ),
        (
            RoomEvent::BypassUsed { name: press, shopper: ShopperId::from_bytes([7; 16]) },
            r#"{"bypass_used":{"name":"press","shopper":"shp_BwcHBwcHBwcHBwcHBwcHBw"}}"#,
        ),
    ]
}

#[test]
fn a_sale_that_was_created_before_there_was_a_draw_can_be_read() {
    let text = concat!(
        r#"{"created":{"rules":{"sale":"drop","title":"The drop","admits_per_minute_max":600,"#,
        r#""per_shopper_max":2,"pass_ttl_ms":1,"reservation_ttl_ms":1,"reservation_max_ms":1,"#,
        r#""payment_window_ms":1,"skus":[]}}}"#
    );
    let event: RoomEvent = serde_json::from_str(text).unwrap();
    let RoomEvent::Created { rules } = event else { panic!("{event:?}") };
    assert_eq!((rules.order, rules.beacon), (LineOrder::Fifo, None));
    let frontier = r#"{"frontier_set":{"frontier":{"value":1,"at":1,"per_minute":1}}}"#;
    serde_json::from_str::<RoomEvent>(frontier).unwrap();
}

fn rules() -> SaleRules {
    let terms = terms();
    SaleRules {
        sale: terms.sale,
        title: "The drop".to_owned(),
        admits_per_minute_max: 600,
        active_users_max: 70,
        order: LineOrder::Random,
        draw_window_ms: Millis::new(1_000),
        beacon: Some(BeaconRound { chain: "52".to_owned(), round: 7 }),
        places_per_client: 9,
        challenge: true,
        per_shopper_max: terms.per_shopper_max,
        pass_ttl_ms: Millis::from_secs(600),
        reservation_ttl_ms: terms.reservation_ttl_ms,
        reservation_max_ms: terms.reservation_max_ms,
        payment_window_ms: terms.payment_window_ms,
        skus: vec![SkuOffer { sku: terms.sku, title: terms.title, unit_price: terms.unit_price }],
        charges: terms.charges,
    }
}

#[test]
fn tax_and_shipping_json_format_unchanged_and_absent_where_there_are_none() {
    let charges = ChargeRules {
        shipping_minor: Some(490),
        shipping_free_from_minor: Some(10_000),
        tax_title: Some("VAT".to_owned()),
        tax_ppm: Some(190_000),
        tax_included: true,
    };
    unchanged(
        &Terms { charges: Box::new(charges), ..terms() },
        concat!(
            r#"{"sale":"drop","sku":"shirt","title":"Shirt","#,
            r#""unit_price":{"minor":1999,"currency":"EUR"},"per_shopper_max":2,"#,
            r#""reservation_ttl_ms":100,"reservation_max_ms":250,"payment_window_ms":60,"#,
            r#""charges":{"shipping_minor":490,"shipping_free_from_minor":10000,"#,
            r#""tax_title":"VAT","tax_ppm":190000,"tax_included":true}}"#
        ),
    );
    let shipped = ChargeRules { shipping_minor: Some(490), ..ChargeRules::default() };
    unchanged(&shipped, r#"{"shipping_minor":490}"#);
}

#[test]
fn selling_and_phase_json_format_unchanged() {
    unchanged(
        &[Selling::NotOpen, Selling::Open, Selling::Paused, Selling::Closed],
        r#"["not_open","open","paused","closed"]"#,
    );
    let phases = [
        Phase::Draft,
        Phase::Scheduled,
        Phase::Prequeue,
        Phase::Open,
        Phase::Paused,
        Phase::Closed,
    ];
    unchanged(&phases, r#"["draft","scheduled","prequeue","open","paused","closed"]"#);
}

#[test]
fn journal_entry_format_and_hash_unchanged() {
    let events = r#"[{"expired":{"reservation":"rsv_paWlpaWlpaWlpaWlpaWlpQ"}}]"#;
    let first = Entry {
        seq: 1,
        committed_at_ms: AT,
        events: events.to_owned(),
        hash: ChainHash::ZERO.next(1, AT, events.as_bytes()),
    };
    unchanged(
        &first,
        concat!(
            r#"{"seq":1,"committed_at_ms":1700000000123,"#,
            r#""events":"[{\"expired\":{\"reservation\":\"rsv_paWlpaWlpaWlpaWlpaWlpQ\"}}]","#,
            r#""hash":"0e053e32fc9325b4a04ce464715aafa615ddb5291163e7ea9affefb340233bf8"}"#
        ),
    );
    let next = Timestamp::from_millis(1_700_000_000_124);
    unchanged(
        &first.hash.next(2, next, b"[]"),
        r#""a077ef4dec1845cd6ad153f8886e9fe72da20c8617358b2d4d371c8ebe61afbe""#,
    );
}

#[test]
fn derived_ids_unchanged() {
    let (sale, sku, key) = (name("drop"), name("shirt"), name("key-1"));
    unchanged(&ShopperId::of_secret(b"ann"), r#""shp_8WxggLcJyyTgEMy_fHpYwQ""#);
    unchanged(
        &ReservationId::derive(&sale, &sku, shopper("ann"), &key),
        r#""rsv_8WxggLcJyySP2GynBTdE0w""#,
    );
}
