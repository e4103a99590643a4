//! Carts, when something breaks in the middle of one.

use doorbuster_tests::cart::{Buyer, CAP, MUG, counts, open};
use doorbuster_tests::{eventually, rules};
use doorbuster_wire::cart::Cart;
use doorbuster_wire::merchant::SaleRequest;
use doorbuster_wire::problem::ProblemKind;

use crate::tests::{alone, break_next_write};

#[test]
fn a_cart_that_breaks_off_is_finished_with_the_same_key_or_ends_by_itself() {
    let (shop, _turn) = alone();
    let rules = SaleRequest { reservation_ttl_ms: 3_000, ..rules() };
    for how in ["panic", "error"] {
        let sale = open(shop, [1, 1, 1], &rules);
        let (ann, bob) = (Buyer::admitted(&sale), Buyer::admitted(&sale));
        let wanted = [(CAP, 1), (MUG, 1)];
        break_next_write(&sale, how);
        assert_eq!(ann.reserve("k", &wanted).problem(), ProblemKind::Unavailable);
        assert_eq!(counts(&sale), [(1, 0), (0, 0), (0, 0)], "the cap is ann's for the moment");
        let cart: Cart = ann.reserve("k", &wanted).ok();
        assert_eq!((cart.lines.len(), counts(&sale)), (2, [(1, 0), (1, 0), (0, 0)]));
        for line in &cart.lines {
            assert_eq!(ann.act("DELETE", line, "").status, 200);
        }
        // Nobody comes back: no unit is left behind.
        break_next_write(&sale, how);
        assert_eq!(bob.reserve("k", &wanted).problem(), ProblemKind::Unavailable);
        let gone = || (counts(&sale) == [(0, 0); 3]).then_some(());
        eventually("the cap is offered again", gone);
        assert_eq!(bob.reserve("k", &wanted).problem(), ProblemKind::CartUndone);
        assert_eq!(ann.reserve("k2", &wanted).status, 201);
    }
}
