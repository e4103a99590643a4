//! What the draw, the schedule and the passes promise, as examples.

use std::collections::BTreeSet;

use super::super::{BeaconRound, Permutation, SkuOffer, Turn};
use super::tests::*;
use super::*;
use crate::charges::ChargeRules;
use crate::money::Money;

fn schedule(prequeue: u64, opens: u64) -> Schedule {
    Schedule { prequeue_at: at(prequeue), opens_at: at(opens) }
}

/// A sale in its prequeue, with so many people, that opens after a minute.
fn gathered(rules: &SaleRules, people: u64) -> Scene {
    let mut scene = Scene::new(rules);
    let events = scene.room.set_schedule(schedule(0, 60), T0).unwrap();
    scene.happen(events, T0);
    scene.join_many(people, at(1));
    scene
}

#[test]
fn a_sale_opens_its_line_and_itself_when_it_was_said_to() {
    let mut scene = Scene::new(&rules(60));
    let events = scene.room.set_schedule(schedule(10, 60), T0).unwrap();
    scene.happen(events, T0);
    assert_eq!(scene.room.phase(), Phase::Scheduled);
    assert_eq!(scene.room.lease(1, at(9)), Err(RoomRejection::NotOpen));
    assert_eq!(scene.room.next_timeout(), Some(at(10)));
    scene.wait_until(at(10));
    assert_eq!(scene.room.phase(), Phase::Prequeue);
    scene.join_at(at(11));
    assert_eq!(scene.room.next_timeout(), Some(at(60)));
    assert!(scene.room.handle_timeout(at_ms(59_999)).is_empty());
    scene.wait_until(at(60));
    assert_eq!(scene.room.phase(), Phase::Open);
    let late = scene.room.set_schedule(schedule(70, 80), at(61));
    assert_eq!(late, Err(RoomRejection::CannotSchedule { phase: Phase::Open }));
}

#[test]
fn who_has_a_place_keeps_it_when_the_opening_is_put_off() {
    let mut scene = gathered(&rules(60), 5);
    let events = scene.room.set_schedule(schedule(100, 120), at(5)).unwrap();
    scene.happen(events, at(5));
    assert_eq!(scene.room.phase(), Phase::Prequeue);
    scene.wait_until(at(119));
    assert_eq!(scene.room.phase(), Phase::Prequeue);
    assert_eq!(scene.join_at(at(119)), 6);
    scene.wait_until(at(120));
    assert_eq!(scene.room.phase(), Phase::Open);
}

#[test]
fn a_place_that_is_remembered_is_the_one_that_is_found_and_none_of_another_draw() {
    let drawn = |people| {
        let mut scene = gathered(&rules(6_000), people);
        assert_eq!(scene.status(at(1)).drawn_place(1), None);
        scene.wait_until(at(60));
        scene.look(plenty(), at(60));
        assert_eq!(scene.status(at(61)).drawn_place(1), None);
        scene.wait_until(at(63));
        scene.status(at(63))
    };
    let (this, other) = (drawn(100), drawn(101));
    assert_ne!(this.position(7), other.position(7));
    for number in 1..=102 {
        let turn = |place| this.turn_at(place, number, T0, at(63));
        assert_eq!(turn(this.drawn_place(number)), this.turn(number, T0, at(63)));
        assert_eq!(turn(other.drawn_place(number)), this.turn(number, T0, at(63)));
    }
    let another = this.turn_at(this.drawn_place(8), 7, T0, at(63));
    assert_eq!(another, this.turn(8, T0, at(63)), "it is not found anew");
}

#[test]
fn those_who_came_before_are_drawn_and_those_who_came_after_stand_behind_them() {
    let mut scene = gathered(&rules(6_000), 100);
    let commitment = scene.status(at(1)).draw.commitment.unwrap();
    assert_eq!(scene.turn(1, at(59)), Turn::NotOpen);
    scene.wait_until(at(60));
    scene.look(plenty(), at(60));
    assert_eq!(scene.turn(1, at(61)), Turn::Drawing);
    assert_eq!(scene.status(at(61)).draw.drawn, None, "nothing is told before it is done");
    let entries = scene.status(at(61)).draw.entries.unwrap();
    let late = scene.join_at(at(61));
    assert!(late > entries);
    assert!(matches!(scene.turn(late, at(61)), Turn::Waiting { .. }));

    assert_eq!(scene.room.next_timeout(), Some(at(60).plus(DRAW_AFTER)));
    scene.wait_until(at(63));
    let status = scene.status(at(63));
    let drawn = status.draw.drawn.clone().unwrap();
    assert_eq!(drawn.secret.commitment(&status.sale, None), commitment);
    let permutation = Permutation::new(drawn.secret.seed(entries, None), entries);
    let positions: BTreeSet<_> = (1..=100).map(|n| status.position(n).unwrap()).collect();
    assert_eq!(positions.len(), 100);
    assert!((1..=100).all(|n| status.position(n) == Some(permutation.position(n))));
    assert_eq!(status.position(late), Some(late));
}

#[test]
fn nobody_is_let_in_while_the_draw_waits_for_its_beacon() {
    let beacon = Some(BeaconRound { chain: BeaconRound::CHAIN.to_owned(), round: 10_000_000 });
    let mut scene = gathered(&SaleRules { beacon, ..rules(600) }, 10);
    let none = gathered(&rules(600), 1).room.tell_beacon(&"a".repeat(96));
    assert_eq!(none, Err(RoomRejection::NoBeacon));
    scene.wait_until(at(90));
    scene.look(plenty(), at(90));
    assert_eq!(scene.turn(1, at(90)), Turn::Drawing);
    assert_eq!(scene.status(at(90)).reason, RateReason::Drawing);
    for wrong in ["", "ab", "A", &"g".repeat(96)] {
        assert_eq!(scene.room.tell_beacon(wrong), Err(RoomRejection::BeaconMalformed));
    }
    let signature = "ab".repeat(48);
    let told = scene.room.tell_beacon(&signature).unwrap();
    scene.happen(told, at(91));
    assert_eq!(scene.room.tell_beacon(&signature), Ok(Vec::new()), "a repeat is no event");
    let other = scene.room.tell_beacon(&"cd".repeat(48));
    assert_eq!(other, Err(RoomRejection::BeaconToldBefore));
    scene.wait_until(at(91));
    let drawn = scene.status(at(91)).draw.drawn.unwrap();
    let randomness = BeaconRound::randomness(&[0xab; 48]);
    let entries = scene.status(at(91)).draw.entries.unwrap();
    assert_eq!(drawn.seed, drawn.secret.seed(entries, Some(&randomness)));
}

#[test]
fn in_a_random_line_the_draw_takes_in_who_comes_within_the_window() {
    let random =
        SaleRules { order: LineOrder::Random, draw_window_ms: Millis::from_secs(20), ..rules(600) };
    let mut scene = gathered(&random, 10);
    scene.wait_until(at(60));
    scene.look(plenty(), at(60));
    let within = scene.join_at(at(79));
    assert_eq!(scene.turn(within, at(79)), Turn::Drawing);
    scene.wait_until(at(80));
    let after = scene.join_at(at(81));
    scene.wait_until(at(82));
    let status = scene.status(at(82));
    assert!(status.draw.entries >= Some(within) && status.draw.entries < Some(after));
    assert!(status.draw.drawn.is_some());
}

#[test]
fn a_line_that_passes_through_lets_everybody_in_and_one_that_rejects_nobody() {
    let mut scene = Scene::new(&SaleRules { order: LineOrder::Passthrough, ..rules(1) });
    scene.set_phase(Phase::Open, T0);
    scene.look(plenty(), T0);
    scene.join_many(50, T0);
    assert!(matches!(scene.turn(50, at(1)), Turn::Admitted { .. }));
    let mut scene = Scene::new(&SaleRules { order: LineOrder::Reject, ..rules(60) });
    scene.set_phase(Phase::Open, T0);
    assert_eq!(scene.room.lease(1, T0), Err(RoomRejection::LineRejects));
    assert_eq!(scene.status(T0).check_joining(Some(1), 0), Err(RoomRejection::LineRejects));
}

#[test]
fn a_pass_is_good_from_the_moment_of_admission_however_often_it_is_asked_for() {
    let mut scene = Scene::open(60);
    scene.join_many(400, T0);
    let since = |scene: &Scene, secs| match scene.turn(20, at(secs)) {
        Turn::Admitted { since, .. } => since,
        other => panic!("{other:?}"),
    };
    assert_eq!(since(&scene, 20), at(20));
    assert_eq!(since(&scene, 200), at(20));
    assert_eq!(since(&scene, 319), at(20));
    assert_eq!(scene.turn(20, at(320)), Turn::Lapsed, "passes are good for 300 s");
    assert!(matches!(scene.turn(310, at(320)), Turn::Admitted { .. }));
    // Who joins behind a frontier that waits for people is admitted when joining, not before.
    let status = scene.status(at(1_000));
    let turn = status.turn(status.frontier.at(at(1_000)), at(1_000), at(1_000));
    assert!(matches!(turn, Turn::Admitted { since, .. } if since == at(1_000)), "{turn:?}");
}

#[test]
fn time_does_not_count_while_a_sale_is_paused() {
    let mut scene = Scene::open(60);
    scene.join_many(400, T0);
    scene.set_phase(Phase::Paused, at(30));
    scene.set_phase(Phase::Open, at(1_000));
    scene.look(plenty(), at(1_000));
    assert!(matches!(scene.turn(20, at(1_001)), Turn::Admitted { .. }));
}

#[test]
fn after_a_restart_those_who_were_let_in_before_are_not_forgotten() {
    let mut scene = Scene::open(600);
    scene.join_many(400, T0);
    scene.wait_until(at(10));
    let let_in = scene.status(at(10)).frontier.at(at(10));
    assert!(let_in >= 90, "{let_in}");
    let mut scene = scene.crashed();
    scene.admission = Admission::new(&rules(600));
    // As many are available as were let in: all of them may want one.
    let mut look = stock(let_in, 0);
    look.units.on_hand = let_in;
    scene.look(look, at(11));
    let more = scene.status(at(30)).frontier.at(at(30)) - let_in;
    // What had been promised for two seconds ahead is kept.
    assert!(more <= 30, "{more} more were let in");
    assert_eq!(scene.status(at(11)).reason, RateReason::Stock);
}

#[test]
fn limits_and_messages_change_while_the_sale_runs() {
    let mut scene = Scene::open(60);
    scene.join_many(400, T0);
    let limits = Limits { admits_per_minute_max: 600, active_users_max: 500 };
    let events = scene.room.set_limits(limits).unwrap();
    scene.happen(events, at(1));
    assert!(scene.look(plenty(), at(1)));
    let (rate, changes) = scene.room.rate();
    assert_eq!((rate.per_minute, rate.reason), (600, RateReason::AdmitsPerMinute));
    assert_eq!(changes.last().map(|change| change.at), Some(at(1)));
    let zero = Limits { admits_per_minute_max: 0, ..limits };
    assert!(matches!(scene.room.set_limits(zero), Err(RoomRejection::RulesInvalid(_))));
    let events = scene.room.set_message("Tea is on its way").unwrap();
    scene.happen(events, at(2));
    assert_eq!(scene.status(at(2)).message, "Tea is on its way");
}

#[test]
fn a_bypass_is_counted_named_and_expires() {
    let mut scene = Scene::open(60);
    let name: BypassName = "press".parse().unwrap();
    let someone = |byte| ShopperId::from_bytes([byte; 16]);
    assert_eq!(scene.room.use_bypass(&name, someone(1), T0), Err(RoomRejection::BypassSpent));
    let events = scene.room.make_bypass(&name, 2, at(100)).unwrap();
    scene.happen(events, T0);
    for byte in [1, 2] {
        let events = scene.room.use_bypass(&name, someone(byte), at(1)).unwrap();
        scene.happen(events, at(1));
    }
    assert_eq!(scene.room.use_bypass(&name, someone(1), at(2)), Ok(Vec::new()), "known already");
    assert_eq!(scene.room.use_bypass(&name, someone(3), at(2)), Err(RoomRejection::BypassSpent));
    assert_eq!(scene.room.use_bypass(&name, someone(1), at(100)), Err(RoomRejection::BypassSpent));
    assert_eq!(scene.room.bypasses()[&name].used.len(), 2);
}

#[test]
fn more_places_than_a_network_may_have_are_refused() {
    let scene = Scene::open(60);
    let status = scene.status(T0);
    assert_eq!(status.check_joining(Some(1), 9), Ok(()));
    assert_eq!(status.check_joining(Some(1), 10), Err(RoomRejection::PlacesPerClient));
    let mut scene = scene;
    let places = [(7, 6)].into();
    let report = super::super::Report { places, ..super::super::Report::default() };
    scene.admission.note(&report, T0);
    assert_eq!(scene.status(T0).check_joining(Some(7), 0), Ok(()));
    scene.admission.note(&report, T0);
    assert_eq!(scene.status(T0).check_joining(Some(7), 0), Err(RoomRejection::PlacesPerClient));
}

#[test]
fn rules_under_which_nothing_could_be_sold_are_refused_by_name() {
    let offer = rules(60).skus[0].clone();
    let dear = Money { minor: crate::money::MINOR_MAX, ..offer.unit_price };
    let charged = |charges: ChargeRules| SaleRules { charges: Box::new(charges), ..rules(60) };
    let taxed = |title: &str, tax_ppm| {
        let (tax_title, tax_ppm) = (Some(title.to_owned()), Some(tax_ppm));
        charged(ChargeRules { tax_title, tax_ppm, ..ChargeRules::default() })
    };
    let sent = |flat, shipping_free_from_minor| {
        let shipping_minor = Some(flat);
        let none = ChargeRules::default();
        charged(ChargeRules { shipping_minor, shipping_free_from_minor, ..none })
    };
    let most = crate::money::MINOR_MAX;
    let wrong = [
        ("tax_title", None, taxed(" ", 1)),
        ("tax_ppm", None, taxed("VAT", 1_000_001)),
        ("shipping_minor", None, sent(most + 1, None)),
        ("shipping_free_from_minor", None, sent(0, Some(0))),
        ("skus", Some(0), sent(most, Some(1))),
        ("title", None, SaleRules { title: "  ".to_owned(), ..rules(60) }),
        ("skus", None, SaleRules { skus: Vec::new(), ..rules(60) }),
        ("skus", Some(1), SaleRules { skus: vec![offer.clone(), offer.clone()], ..rules(60) }),
        ("admits_per_minute_max", None, rules(0)),
        ("per_shopper_max", None, SaleRules { per_shopper_max: 1_001, ..rules(60) }),
        ("active_users_max", None, SaleRules { active_users_max: 0, ..rules(60) }),
        ("places_per_client", None, SaleRules { places_per_client: 0, ..rules(60) }),
        ("draw_window_ms", None, SaleRules { order: LineOrder::Random, ..rules(60) }),
        (
            "beacon",
            None,
            SaleRules {
                beacon: Some(BeaconRound { chain: "no".to_owned(), round: 1 }),
                ..rules(60)
            },
        ),
        ("pass_ttl_ms", None, SaleRules { pass_ttl_ms: Millis::new(0), ..rules(60) }),
        (
            "reservation_ttl_ms",
            None,
            SaleRules { reservation_ttl_ms: Millis::from_secs(301), ..rules(60) },
        ),
        (
            "skus",
            Some(0),
            SaleRules {
                per_shopper_max: 2,
                skus: vec![SkuOffer { unit_price: dear, ..offer }],
                ..rules(60)
            },
        ),
    ];
    for (rule, place, rules) in wrong {
        let refused = WaitingRoom::default().create(&rules, SECRET, T0);
        let Err(RoomRejection::RulesInvalid(invalid)) = refused else {
            panic!("{rule}: {refused:?}")
        };
        assert_eq!((invalid.rule.as_str(), invalid.place), (rule, place));
    }
}
