//! What is owed, by examples and by chance.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use proptest::prelude::*;

use super::*;

fn money(minor: u64, currency: &str) -> Money {
    Money::new(minor, currency.parse().unwrap()).unwrap()
}

fn shipping(flat: u64, free_from: Option<u64>) -> ChargeRules {
    let shipping_minor = Some(flat);
    ChargeRules { shipping_minor, shipping_free_from_minor: free_from, ..ChargeRules::default() }
}

fn taxed(tax_ppm: u64, tax_included: bool, rules: &ChargeRules) -> ChargeRules {
    let tax_title = Some("VAT".to_owned());
    ChargeRules { tax_title, tax_ppm: Some(tax_ppm), tax_included, ..rules.clone() }
}

fn none() -> ChargeRules {
    ChargeRules::default()
}

/// Shipping, tax and total.
fn figures(rules: &ChargeRules, goods: Money, ships: bool) -> (Option<u64>, Option<u64>, u64) {
    let bill = rules.bill(goods, ships).unwrap();
    assert_eq!(bill.goods, goods);
    let minor = |money: Money| money.minor;
    (bill.lines.shipping.map(minor), bill.lines.tax.map(minor), bill.total.minor)
}

#[test]
fn without_rules_the_goods_are_all_that_is_owed() {
    assert_eq!(figures(&none(), money(5_997, "EUR"), true), (None, None, 5_997));
}

#[test]
fn a_tax_that_prices_include_is_a_part_of_goods_and_shipping() {
    let rules = taxed(190_000, true, &shipping(490, Some(10_000)));
    // 64.87 / 1.19 = 54.5126..., so 10.357... of it are tax.
    assert_eq!(figures(&rules, money(5_997, "EUR"), true), (Some(490), Some(1_036), 6_487));
    // 59.97 - 59.97 / 1.19 = 9.575...
    assert_eq!(figures(&rules, money(5_997, "EUR"), false), (None, Some(958), 5_997));
    // Free from 100.00, and not a cent before.
    assert_eq!(figures(&rules, money(9_999, "EUR"), true).0, Some(490));
    assert_eq!(figures(&rules, money(10_000, "EUR"), true), (Some(0), Some(1_597), 10_000));
}

#[test]
fn a_tax_that_is_added_is_on_goods_and_shipping() {
    let rules = taxed(72_500, false, &shipping(490, None));
    // 7.25 % of 64.87 are 4.703...
    assert_eq!(figures(&rules, money(5_997, "USD"), true), (Some(490), Some(470), 6_957));
}

#[test]
fn halves_are_rounded_up_and_yen_have_no_decimals() {
    let rules = taxed(100_000, false, &none());
    assert_eq!(figures(&rules, money(14, "JPY"), true), (None, Some(1), 15));
    assert_eq!(figures(&rules, money(15, "JPY"), true), (None, Some(2), 17));
    let rules = taxed(100_000, true, &none());
    assert_eq!(figures(&rules, money(1_980, "JPY"), true), (None, Some(180), 1_980));
}

#[test]
fn what_an_amount_cannot_hold_is_not_billed() {
    let free = shipping(1, Some(1));
    let most = money(MINOR_MAX, "EUR");
    assert_eq!(free.bill(most, true).unwrap().total, most);
    assert!(!free.fits(most), "a little less is not sent for nothing");
    assert!(free.fits(money(MINOR_MAX - 1, "EUR")));
    let added = taxed(1_000_000, false, &none());
    assert!(!added.fits(most) && added.bill(most, true).is_none());
    assert!(added.fits(money(MINOR_MAX / 2, "EUR")));
}

#[test]
fn rules_that_cannot_be_are_named() {
    let broken = |rules: &ChargeRules| rules.check().err().map(|(field, _)| field);
    let good = [
        none(),
        shipping(0, Some(1)),
        shipping(MINOR_MAX, None),
        taxed(1, true, &none()),
        ChargeRules { tax_title: Some("x".repeat(40)), ..taxed(1_000_000, false, &none()) },
    ];
    for rules in good {
        assert_eq!(broken(&rules), None, "{rules:?}");
    }
    for title in ["", "  ", "V\nT", &"x".repeat(41)] {
        let rules = ChargeRules { tax_title: Some(title.to_owned()), ..taxed(1, true, &none()) };
        assert_eq!(broken(&rules), Some("tax_title"), "{title:?}");
    }
    for rate in [0, 1_000_001, u64::MAX] {
        assert_eq!(broken(&taxed(rate, false, &none())), Some("tax_ppm"));
    }
    let untold = ChargeRules { tax_title: None, ..taxed(1, false, &none()) };
    assert_eq!(broken(&untold), Some("tax_title"));
    let untaxed = ChargeRules { tax_ppm: None, ..taxed(1, true, &none()) };
    assert_eq!(broken(&untaxed), Some("tax_title"));
    let untaxed = ChargeRules { tax_included: true, ..none() };
    assert_eq!(broken(&untaxed), Some("tax_included"));
    assert_eq!(broken(&shipping(MINOR_MAX + 1, None)), Some("shipping_minor"));
    for from in [0, MINOR_MAX + 1] {
        assert_eq!(broken(&shipping(0, Some(from))), Some("shipping_free_from_minor"));
    }
    let unsent = ChargeRules { shipping_free_from_minor: Some(1), ..none() };
    assert_eq!(broken(&unsent), Some("shipping_free_from_minor"));
}

fn rules() -> impl Strategy<Value = ChargeRules> {
    let sent = (0..=MINOR_MAX >> 20, proptest::option::of(1..=MINOR_MAX));
    let sent = proptest::option::of(sent.prop_map(|(flat, from)| shipping(flat, from)));
    let tax = proptest::option::of((1..=WHOLE_PPM, any::<bool>()));
    (sent, tax).prop_map(|(sent, tax)| {
        let sent = sent.unwrap_or_default();
        tax.map_or(sent.clone(), |(rate, included)| taxed(rate, included, &sent))
    })
}

/// Small amounts as often as large ones.
fn amount() -> impl Strategy<Value = u64> {
    (0..=MINOR_MAX, 0_u32..53).prop_map(|(minor, less)| minor >> less)
}

proptest! {
    #[test]
    fn sums_add_up_and_the_tax_is_the_nearest(
        rules in rules(), goods in amount(), ships: bool,
    ) {
        let Some(bill) = rules.bill(money(goods, "EUR"), ships) else {
            // Only because it is too much, which was to be foreseen.
            prop_assert!(!rules.fits(money(goods, "EUR")));
            return Ok(());
        };
        let shipping = bill.lines.shipping.map_or(0, |money| money.minor);
        let sum = u128::from(goods) + u128::from(shipping);
        let total = u128::from(bill.total.minor);
        prop_assert!(bill.total.minor <= MINOR_MAX);
        prop_assert_eq!(bill.lines.shipping.is_some(), ships && rules.shipping_minor.is_some());
        match (rules.tax_ppm, bill.lines.tax) {
            (None, None) => prop_assert_eq!(total, sum),
            (Some(rate), Some(tax)) => {
                let (amount, rate) = (u128::from(tax.minor), u128::from(rate));
                prop_assert_eq!(total, if rules.tax_included { sum } else { sum + amount });
                // |amount - exact| is at most a half, and exactly that only upwards.
                let whole = u128::from(WHOLE_PPM) + if rules.tax_included { rate } else { 0 };
                let (twice, exact) = (2 * amount * whole, 2 * sum * rate);
                prop_assert!(twice <= exact + whole && exact < twice + whole);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn what_fits_for_the_dearest_fits_for_less(
        rules in rules(), most in amount(), goods in amount(), ships: bool,
    ) {
        prop_assume!(goods <= most && rules.fits(money(most, "EUR")));
        prop_assert!(rules.bill(money(goods, "EUR"), ships).is_some());
    }

    #[test]
    fn more_goods_never_cost_less_unless_sending_is_free_from_there(
        rules in rules(), less in amount(), more in amount(), ships: bool,
    ) {
        prop_assume!(less <= more && rules.fits(money(more, "EUR")));
        let total = |goods| rules.bill(money(goods, "EUR"), ships).unwrap().total.minor;
        let from = rules.shipping_free_from_minor.filter(|_| ships);
        let becomes_free = from.is_some_and(|from| less < from && from <= more);
        prop_assert!(becomes_free || total(less) <= total(more));
    }

    #[test]
    fn a_tax_that_is_included_never_changes_what_is_owed(
        rules in rules(), goods in amount(), ships: bool, rate in 1..=WHOLE_PPM,
    ) {
        let untaxed = ChargeRules { tax_ppm: None, ..rules };
        let taxed = taxed(rate, true, &untaxed);
        let total = |rules: &ChargeRules| rules.bill(money(goods, "EUR"), ships).map(|b| b.total);
        prop_assert_eq!(total(&taxed), total(&untaxed));
    }
}
