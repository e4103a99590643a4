//! Carts: all interleavings of two of them over real inventories, each cut off anywhere.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

#[cfg(test)]
mod support;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::support::{name, shopper, terms};
    use doorbuster_domain::cart::{Ask, Cart, CartError, Ended, Walk, shares};
    use doorbuster_domain::id::{IdempotencyKey, ReservationId, ShopperId, Sku};
    use doorbuster_domain::inventory::{
        Answer, Command, Inventory, Rejection, Reply, ReservationState, ReservationView, Selling,
        Terms,
    };
    use doorbuster_domain::machine::Machine as _;
    use doorbuster_domain::time::Timestamp;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const MUG: usize = 0;
    const TEE: usize = 1;
    const SKUS: [&str; 2] = ["mug", "tee"];

    fn lines(asked: &[(&str, u32)]) -> Result<Cart, CartError> {
        Cart::of(asked.iter().map(|(sku, quantity)| (name(sku), *quantity)))
    }

    #[test]
    fn lines_of_one_sku_are_one_line_and_the_order_is_that_of_the_skus() {
        let cart = lines(&[("tee", 1), ("mug", 2), ("tee", 3)]).unwrap();
        let seen: Vec<_> =
            cart.lines().iter().map(|l| (l.sku.as_str(), l.quantity, l.place)).collect();
        assert_eq!(seen, [("mug", 2, 1), ("tee", 4, 0)]);
    }

    #[test]
    fn what_is_no_cart_is_refused_with_its_place() {
        assert_eq!(lines(&[]), Err(CartError::Empty));
        assert_eq!(lines(&[("mug", 1), ("tee", 0)]), Err(CartError::Quantity { place: 1 }));
        let too_many = [("mug", u32::MAX), ("tee", 1), ("mug", 1)];
        assert_eq!(lines(&too_many), Err(CartError::Quantity { place: 2 }));
        assert!(lines(&[("mug", 1); 20]).is_ok());
        assert_eq!(lines(&[("mug", 1); 21]), Err(CartError::TooLong));
    }

    /// One request for a mug and a tee, as the edge carries it out.
    #[derive(Clone)]
    struct Run {
        shopper: ShopperId,
        cart: Cart,
        walk: Walk,
        line: usize,
        undo: Vec<(usize, ReservationView)>,
        ended: Option<Ended>,
        is_cut_off: bool,
    }

    impl Run {
        fn of(who: &str) -> Self {
            let cart = lines(&[(SKUS[TEE], 1), (SKUS[MUG], 1)]).unwrap();
            let (shopper, walk, undo) = (shopper(who), Walk::new(true), Vec::new());
            Self { shopper, cart, walk, line: 0, undo, ended: None, is_cut_off: false }
        }

        fn is_done(&self) -> bool {
            self.is_cut_off || (self.ended.is_some() && self.undo.is_empty())
        }

        /// The next request to an object.
        fn step(&mut self, shop: &mut [Inventory; 2]) {
            if self.ended.is_some() {
                let (line, view) = self.undo.remove(0);
                let release =
                    Command::Release { shopper: self.shopper, reservation: view.reservation };
                ask(&mut shop[line], &[release], NOW);
                return;
            }
            let (shopper, key) = (self.shopper, key());
            let (quantity, cart) = self.cart.lines()[self.line].wanted();
            let command = match self.walk.next() {
                Ask::Reserve => Command::ReserveInCart { shopper, key, quantity, cart },
                Ask::Repeat => Command::RepeatInCart { shopper, key, quantity, cart },
            };
            let reservation = reservation(self.line, shopper);
            let look = Command::ShowReservation { shopper, reservation };
            let [answer, look] =
                ask(&mut shop[self.line], &[command, look], NOW).try_into().unwrap();
            self.line += 1;
            self.ended = self.walk.answered(answer, look, SKUS.len());
            self.undo = match &self.ended {
                Some(Ended::Refused { undo, .. } | Ended::Undone { undo }) => undo.clone(),
                _ => Vec::new(),
            };
        }
    }

    fn key() -> IdempotencyKey {
        name("cart")
    }

    fn of(sku: usize) -> Terms {
        Terms { sku: name(SKUS[sku]), ..terms() }
    }

    fn reservation(sku: usize, shopper: ShopperId) -> ReservationId {
        ReservationId::derive(&name("drop"), &name::<Sku>(SKUS[sku]), shopper, &key())
    }

    fn ask(inventory: &mut Inventory, commands: &[Command], now: Timestamp) -> Vec<Answer> {
        let answers = inventory.decide_batch(commands, now).unwrap().answers;
        assert_eq!(inventory.check_invariants(), Ok(()));
        answers
    }

    fn shop(mugs: u32, tees: u32) -> [Inventory; 2] {
        [(MUG, mugs), (TEE, tees)].map(|(sku, on_hand)| {
            let mut inventory = Inventory::default();
            let selling = Command::SetSelling { selling: Selling::Open, phase_number: 1 };
            ask(&mut inventory, &[Command::Open { terms: of(sku), on_hand }, selling], NOW);
            inventory
        })
    }

    fn state(inventory: &Inventory, sku: usize, shopper: ShopperId) -> Option<ReservationState> {
        let look = Command::ShowReservation { shopper, reservation: reservation(sku, shopper) };
        match inventory.clone().decide_batch(&[look], NOW).unwrap().answers.remove(0) {
            Answer::Accepted(Reply::Reservation { view, .. }) => Some(view.state),
            _ => None,
        }
    }

    fn reserved(inventory: &mut Inventory, now: Timestamp) -> u32 {
        match ask(inventory, &[Command::ShowStock], now).remove(0) {
            Answer::Accepted(Reply::Stock { view, .. }) => view.reserved,
            other => panic!("{other:?}"),
        }
    }

    /// Every order of the steps of these runs, with at most one of them cut off anywhere. How they
    /// ended, with the shop as it is then.
    fn all_orders(
        shop: &[Inventory; 2],
        runs: &[Run],
        may_cut: bool,
        seen: &mut impl FnMut(&[Inventory; 2], &[Run]),
    ) {
        if runs.iter().all(Run::is_done) {
            seen(shop, runs);
        }
        for place in 0..runs.len() {
            if runs[place].is_done() {
                continue;
            }
            let (mut shop_then, mut runs_then) = (shop.clone(), runs.to_vec());
            runs_then[place].step(&mut shop_then);
            all_orders(&shop_then, &runs_then, may_cut, seen);
            if may_cut {
                let mut runs_then = runs.to_vec();
                runs_then[place].is_cut_off = true;
                all_orders(shop, &runs_then, false, seen);
            }
        }
    }

    #[test]
    fn a_cart_is_reserved_whole_or_leaves_nothing_and_a_crash_leaves_it_to_the_deadline() {
        let mut ends = BTreeSet::new();
        for (mugs, tees) in [(2, 2), (1, 1), (2, 1), (1, 2), (0, 1), (1, 0)] {
            let runs = [Run::of("ann"), Run::of("bob")];
            all_orders(&shop(mugs, tees), &runs, true, &mut |shop, runs| {
                for run in runs {
                    let states = [MUG, TEE].map(|sku| state(&shop[sku], sku, run.shopper));
                    let held =
                        states.iter().filter(|s| **s == Some(ReservationState::Held)).count();
                    match &run.ended {
                        Some(Ended::Reserved { views, exists }) => {
                            assert_eq!((held, views.len(), *exists), (2, 2, false));
                            ends.insert("reserved");
                        }
                        Some(Ended::Refused { .. }) if !run.is_cut_off => {
                            assert_eq!(held, 0);
                            ends.insert("refused");
                        }
                        Some(Ended::Undone { .. }) => panic!("nobody else has the key"),
                        _ => {
                            ends.insert("cut off");
                        }
                    }
                }
                let over = NOW.plus(terms().reservation_ttl_ms);
                let mut later = shop.clone();
                assert_eq!(later.each_mut().map(|inventory| reserved(inventory, over)), [0, 0]);
            });
        }
        assert_eq!(ends, BTreeSet::from(["reserved", "refused", "cut off"]));
    }

    #[test]
    fn one_of_two_carts_for_the_last_units_gets_them() {
        let runs = [Run::of("ann"), Run::of("bob")];
        all_orders(&shop(1, 1), &runs, false, &mut |_, runs| {
            let whole = |run: &&Run| matches!(run.ended, Some(Ended::Reserved { .. }));
            assert_eq!(runs.iter().filter(whole).count(), 1);
        });
    }

    #[test]
    fn who_was_cut_off_goes_on_with_the_same_key_and_a_repeat_is_answered_as_the_first() {
        for steps in 0..=2 {
            let mut shop = shop(1, 1);
            let mut first = Run::of("ann");
            (0..steps).for_each(|_| first.step(&mut shop));
            let mut answers = Vec::new();
            for _ in 0..2 {
                let mut again = Run::of("ann");
                while !again.is_done() {
                    again.step(&mut shop);
                }
                let Some(Ended::Reserved { views, exists }) = again.ended else { panic!() };
                answers.push((views, exists));
            }
            assert_eq!(answers[0].0, answers[1].0);
            assert_eq!((answers[0].1, answers[1].1), (steps == 2, true));
            // Also when some of it was given back since.
            let (shopper, reservation) = (first.shopper, reservation(MUG, first.shopper));
            ask(&mut shop[MUG], &[Command::Release { shopper, reservation }], NOW);
            let mut again = Run::of("ann");
            while !again.is_done() {
                again.step(&mut shop);
            }
            let Some(Ended::Reserved { views, exists: true }) = again.ended else { panic!() };
            assert_eq!(views, answers[0].0);
        }
    }

    #[test]
    fn a_cart_that_was_refused_is_not_taken_up_again_with_its_key() {
        let mut shop = shop(1, 0);
        let mut first = Run::of("ann");
        while !first.is_done() {
            first.step(&mut shop);
        }
        assert!(matches!(
            first.ended,
            Some(Ended::Refused { line: TEE, rejection: Rejection::SoldOut, .. })
        ));
        let restock = Command::Restock {
            key: name("more"),
            units: 1,
            reason: "counted again".to_owned().try_into().unwrap(),
        };
        ask(&mut shop[TEE], &[restock], NOW);
        let mut again = Run::of("ann");
        while !again.is_done() {
            again.step(&mut shop);
        }
        assert_eq!(again.ended, Some(Ended::Undone { undo: Vec::new() }));
        assert_eq!(shop.each_mut().map(|inventory| reserved(inventory, NOW)), [0, 0]);
    }

    #[test]
    fn two_requests_with_one_key_never_leave_more_than_one_cart_reserves() {
        for (mugs, tees) in [(2, 2), (1, 1), (1, 0)] {
            let runs = [Run::of("ann"), Run::of("ann")];
            all_orders(&shop(mugs, tees), &runs, true, &mut |shop, _| {
                let mut shop = shop.clone();
                assert!(shop.each_mut().map(|inventory| reserved(inventory, NOW)) <= [1, 1]);
                let over = NOW.plus(terms().reservation_ttl_ms);
                assert_eq!(shop.each_mut().map(|inventory| reserved(inventory, over)), [0, 0]);
            });
        }
    }

    #[test]
    fn another_cart_with_the_same_key_is_refused_and_changes_nothing() {
        let mut shop = shop(5, 5);
        let mut first = Run::of("ann");
        while !first.is_done() {
            first.step(&mut shop);
        }
        let before = shop.clone();
        let (shopper, key) = (first.shopper, key());
        for other in [&[("mug", 1)][..], &[("mug", 1), ("tee", 2)], &[("mug", 1), ("cap", 1)]] {
            let (quantity, cart) = lines(other).unwrap().lines()[0].wanted();
            let key = key.clone();
            let command = Command::ReserveInCart { shopper, key, quantity, cart };
            let answer = ask(&mut shop[MUG], &[command], NOW).remove(0);
            assert_eq!(answer, Answer::Rejected(Rejection::ExistsWithDifferentCart), "{other:?}");
        }
        let alone = Command::Reserve { shopper, key, quantity: 1 };
        let answer = ask(&mut shop[MUG], &[alone], NOW).remove(0);
        assert_eq!(answer, Answer::Rejected(Rejection::ExistsWithDifferentCart));
        assert_eq!(shop, before);
    }

    #[test]
    fn marks_of_carts_are_unchanged_and_tell_the_first_line() {
        let cart = lines(&[("mug", 1), ("tee", 2)]).unwrap();
        let marks: Vec<_> = cart.lines().iter().map(|line| line.wanted().1).collect();
        assert_eq!(marks.iter().map(|mark| mark.number()).collect::<Vec<_>>(), [63_122, 63_123]);
        assert_eq!(
            marks.iter().map(|mark| mark.pays_shipping()).collect::<Vec<_>>(),
            [true, false]
        );
    }

    #[test]
    fn what_was_paid_is_shared_as_it_is_owed_and_any_other_sum_is_nobody_s_share() {
        assert_eq!(shares(300, &[100, 200]), [Some(100), Some(200)]);
        for paid in [0, 100, 299, 301] {
            assert_eq!(shares(paid, &[100, 200]), [Some(paid), None]);
        }
        assert_eq!(shares(0, &[u64::MAX, 1]), [Some(0), None]);
    }
}
