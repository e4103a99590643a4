//! What the merchant's shop is told of a SKU and of a sale.

#[cfg(test)]
mod support;

#[cfg(test)]
mod tests {
    use doorbuster_domain::id::{PaymentId, ReservationId};
    use doorbuster_domain::inventory::{Command, Inventory, Selling};
    use doorbuster_domain::line::{DrawSecret, LineOrder, Phase, SaleRules, WaitingRoom};
    use doorbuster_domain::machine::Machine as _;
    use doorbuster_domain::time::{Millis, Timestamp};
    use doorbuster_domain::webhook::{of_sale, of_stock};
    use serde_json::{Value, json};

    use crate::support::{name, shopper, terms};

    /// A SKU, and what the shop is told of it.
    #[derive(Default)]
    struct Sku {
        inventory: Inventory,
        entry: u64,
    }

    impl Sku {
        /// Two units, on sale.
        fn open() -> Self {
            let mut sku = Self::default();
            let selling = Selling::Open;
            let open = Command::Open { terms: terms(), on_hand: 2 };
            let told = sku.tells(0, &[open, Command::SetSelling { selling, phase_number: 1 }]);
            assert_eq!(told, Vec::<Value>::new());
            sku
        }

        fn tells(&mut self, at: u64, commands: &[Command]) -> Vec<Value> {
            let was = self.inventory.is_sold_out();
            let batch = self.inventory.decide_batch(commands, Timestamp::from_millis(at)).unwrap();
            self.entry = self.entry.checked_add(1).unwrap();
            let told = of_stock(&self.inventory, was, &batch.events, self.entry, batch.at);
            told.iter().map(|body| serde_json::from_str(body).unwrap()).collect()
        }
    }

    fn reservation_of(who: &str) -> ReservationId {
        ReservationId::derive(&terms().sale, &terms().sku, shopper(who), &name("k"))
    }

    fn reserve(who: &str, quantity: u32) -> Command {
        Command::Reserve { shopper: shopper(who), key: name("k"), quantity }
    }

    fn buy(who: &str, quantity: u32) -> [Command; 3] {
        let reservation = reservation_of(who);
        let amount_minor = u64::from(quantity).checked_mul(1999).unwrap();
        [
            reserve(who, quantity),
            Command::BeginPayment { shopper: shopper(who), reservation },
            Command::Allocate { payment: PaymentId::of(reservation, 1), amount_minor },
        ]
    }

    #[test]
    fn it_is_told_of_reservations_whose_time_ran_out_with_whom_and_how_many() {
        let mut sku = Sku::open();
        assert_eq!(sku.tells(1, &[reserve("ann", 1), reserve("bob", 1)]), Vec::<Value>::new());
        let told = sku.tells(200, &[]);
        let subjects: Vec<_> = told.iter().map(|event| event["subject"].clone()).collect();
        let mut expected = ["ann", "bob"].map(|who| json!(reservation_of(who))).to_vec();
        expected.sort_by_key(|id| id != &told[0]["subject"]);
        assert_eq!(subjects, expected);
        let ann = told.iter().find(|event| event["subject"] == json!(reservation_of("ann")));
        let ann = ann.unwrap();
        assert_eq!(
            (&ann["type"], &ann["source"]),
            (&json!("reservation.expired"), &json!("/v1/sales/drop"))
        );
        assert_eq!(
            ann["data"],
            json!({
                "sale": "drop", "sku": "shirt", "reservation": reservation_of("ann"),
                "shopper": shopper("ann"), "quantity": 1,
            })
        );
        assert_eq!(sku.tells(300, &[]), Vec::<Value>::new());
    }

    #[test]
    fn a_payment_that_the_provider_ended_is_a_reservation_that_expired() {
        let mut sku = Sku::open();
        let reservation = reservation_of("ann");
        let [hold, begin, _] = buy("ann", 1);
        sku.tells(1, &[hold, begin]);
        assert_eq!(sku.tells(200, &[]), Vec::<Value>::new(), "it is with the provider");
        let payment = PaymentId::of(reservation, 1);
        let told = sku.tells(201, &[Command::VoidPayment { payment }]);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["subject"], json!(reservation));
    }

    #[test]
    fn it_is_told_whenever_everything_is_promised_and_not_when_it_is_only_reserved() {
        let mut sku = Sku::open();
        assert_eq!(sku.tells(1, &[reserve("eve", 2)]), Vec::<Value>::new());
        sku.tells(200, &[]);
        let first = sku.tells(201, &buy("ann", 2));
        assert_eq!((first.len(), &first[0]["type"]), (1, &json!("sku.sold_out")));
        assert_eq!(
            first[0]["data"],
            json!({ "sale": "drop", "sku": "shirt", "title": "Shirt", "on_hand": 2 })
        );
        assert_eq!(sku.tells(202, &[]), Vec::<Value>::new());
        let reason = "more came".to_owned().try_into().unwrap();
        let restock = Command::Restock { key: name("more"), units: 1, reason };
        assert_eq!(sku.tells(203, &[restock]), Vec::<Value>::new());
        let again = sku.tells(204, &buy("bob", 1));
        assert_eq!(again.len(), 1);
        assert_ne!(again[0]["id"], first[0]["id"]);
    }

    fn rules() -> SaleRules {
        SaleRules {
            sale: name("drop"),
            title: "The \"Drop\"".to_owned(),
            admits_per_minute_max: 60,
            active_users_max: SaleRules::PEOPLE_MAX,
            order: LineOrder::Passthrough,
            draw_window_ms: Millis::new(0),
            beacon: None,
            places_per_client: 10,
            challenge: false,
            per_shopper_max: 1,
            pass_ttl_ms: Millis::from_secs(300),
            reservation_ttl_ms: Millis::from_secs(60),
            reservation_max_ms: Millis::from_secs(300),
            payment_window_ms: Millis::from_secs(60),
            skus: vec![
                serde_json::from_value(json!({
                    "sku": "shirt", "title": "Shirt", "unit_price": terms().unit_price,
                }))
                .unwrap(),
            ],
            charges: Box::default(),
        }
    }

    #[test]
    fn it_is_told_once_that_a_sale_opened_and_once_that_it_closed() {
        let mut room = WaitingRoom::default();
        let mut told = Vec::new();
        let mut happen = |room: &mut WaitingRoom, events: Vec<_>, at| {
            for event in events {
                let before = room.phase();
                room.apply(&event, at).unwrap();
                told.extend(of_sale(room, before, at));
            }
        };
        let at = Timestamp::from_millis(1_700_000_000_000);
        let created = room.create(&rules(), DrawSecret::from_bytes([7; 32]), at).unwrap();
        happen(&mut room, created, at);
        for phase in [Phase::Open, Phase::Paused, Phase::Open, Phase::Closed] {
            let set = room.set_phase(phase, None, at).unwrap();
            happen(&mut room, set, at);
        }
        let told: Vec<Value> =
            told.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
        let kinds: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["sale.opened", "sale.closed"]);
        assert_eq!(told[0]["subject"], "drop");
        assert_eq!(told[0]["data"], json!({ "sale": "drop", "title": "The \"Drop\"" }));
    }
}
