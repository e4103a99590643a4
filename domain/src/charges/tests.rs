#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use proptest::prelude::*;

use super::*;

fn money(minor: u64, currency: &str) -> Money {
    Money::new(minor, currency.parse().unwrap()).unwrap()
}

fn tax(title: &str, rate_ppm: u32, included: bool) -> Tax {
    Tax { title: title.to_owned(), rate_ppm, included }
}

/// Shipping, tax and total.
fn figures(rules: &ChargeRules, goods: Money, ships: bool) -> (Option<u64>, Option<u64>, u64) {
    let Bill { goods: same, lines, total } = rules.bill(goods, ships).unwrap();
    assert_eq!(same, goods);
    let minor = |money: Money| money.minor;
    (lines.shipping.map(minor), lines.tax.map(|line| line.amount.minor), total.minor)
}

#[test]
fn without_rules_the_goods_are_all_that_is_owed() {
    let rules = ChargeRules::default();
    assert_eq!(figures(&rules, money(5_997, "EUR"), true), (None, None, 5_997));
}

#[test]
fn a_tax_that_prices_include_is_a_part_of_goods_and_shipping() {
    let shipping = Some(Shipping { flat_minor: 490, free_from_minor: Some(10_000) });
    let rules = ChargeRules { tax: Some(tax("VAT", 190_000, true)), shipping };
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
    let shipping = Some(Shipping { flat_minor: 490, free_from_minor: None });
    let rules = ChargeRules { tax: Some(tax("Sales tax", 72_500, false)), shipping };
    // 7.25 % of 64.87 are 4.703...
    assert_eq!(figures(&rules, money(5_997, "USD"), true), (Some(490), Some(470), 6_957));
}

#[test]
fn halves_are_rounded_up_and_yen_have_no_decimals() {
    let rules = ChargeRules { tax: Some(tax("消費税", 100_000, false)), shipping: None };
    assert_eq!(figures(&rules, money(14, "JPY"), true), (None, Some(1), 15));
    assert_eq!(figures(&rules, money(15, "JPY"), true), (None, Some(2), 17));
    let rules = ChargeRules { tax: Some(tax("消費税", 100_000, true)), shipping: None };
    assert_eq!(figures(&rules, money(1_980, "JPY"), true), (None, Some(180), 1_980));
}

#[test]
fn what_an_amount_cannot_hold_is_not_billed() {
    let shipping = Some(Shipping { flat_minor: 1, free_from_minor: Some(1) });
    let free = ChargeRules { tax: None, shipping };
    let most = money(MINOR_MAX, "EUR");
    assert_eq!(free.bill(most, true).unwrap().total, most);
    assert!(!free.fits(most), "a little less is not sent for nothing");
    assert!(free.fits(money(MINOR_MAX - 1, "EUR")));
    let added = ChargeRules { tax: Some(tax("VAT", 1_000_000, false)), shipping: None };
    assert!(!added.fits(most) && added.bill(most, true).is_none());
    assert!(added.fits(money(MINOR_MAX / 2, "EUR")));
}

#[test]
fn rules_that_cannot_be_are_named() {
    let broken = |rules: ChargeRules| -> Vec<&str> {
        let wrong = rules.checks().into_iter().filter(|(_, holds, _)| !holds);
        wrong.map(|(name, ..)| name).collect()
    };
    let with = |tax| broken(ChargeRules { tax: Some(tax), shipping: None });
    assert_eq!(with(tax("VAT", 1, true)), <[&str; 0]>::default());
    assert_eq!(with(tax(&"x".repeat(40), 1_000_000, true)), <[&str; 0]>::default());
    for title in ["", "  ", "V\nT", &"x".repeat(41)] {
        assert_eq!(with(tax(title, 1, true)), ["tax/title"], "{title:?}");
    }
    for rate_ppm in [0, 1_000_001, u32::MAX] {
        assert_eq!(with(tax("VAT", rate_ppm, false)), ["tax/rate_ppm"]);
    }
    let sent = |flat_minor, free_from_minor| {
        let shipping = Some(Shipping { flat_minor, free_from_minor });
        broken(ChargeRules { tax: None, shipping })
    };
    assert_eq!(sent(0, Some(1)), <[&str; 0]>::default());
    assert_eq!(sent(MINOR_MAX + 1, None), ["shipping/flat_minor"]);
    for from in [0, MINOR_MAX + 1] {
        assert_eq!(sent(0, Some(from)), ["shipping/free_from_minor"]);
    }
}

#[test]
fn people_read_rates_in_percent() {
    let text = |rate_ppm| tax("VAT", rate_ppm, true).to_string();
    assert_eq!(text(190_000), "19 % VAT");
    assert_eq!(text(88_750), "8.875 % VAT");
    assert_eq!(text(1_000_000), "100 % VAT");
    assert_eq!(text(1), "0.0001 % VAT");
    let shipping = Some(Shipping { flat_minor: 490, free_from_minor: None });
    let lines =
        |rules: ChargeRules| rules.bill(money(5_997, "EUR"), true).unwrap().lines.to_string();
    let both = ChargeRules { tax: Some(tax("VAT", 190_000, true)), shipping };
    assert_eq!(lines(both), "4.90 EUR shipping, 10.36 EUR 19 % VAT included");
    let added = ChargeRules { tax: Some(tax("tax", 72_500, false)), shipping: None };
    assert_eq!(lines(added), "4.35 EUR 7.25 % tax");
    assert_eq!(lines(ChargeRules::default()), "");
}

fn rules() -> impl Strategy<Value = ChargeRules> {
    let taxed = (1..=WHOLE_PPM, any::<bool>());
    let taxed = taxed.prop_map(|(rate, included)| Some(tax("VAT", rate, included)));
    let shipping = (0..=MINOR_MAX >> 20, proptest::option::of(1..=MINOR_MAX));
    let shipping =
        shipping.prop_map(|(flat_minor, free_from_minor)| Shipping { flat_minor, free_from_minor });
    (prop_oneof![Just(None), taxed], proptest::option::of(shipping))
        .prop_map(|(tax, shipping)| ChargeRules { tax, shipping })
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
        prop_assert_eq!(bill.lines.shipping.is_some(), ships && rules.shipping.is_some());
        match (&rules.tax, &bill.lines.tax) {
            (None, None) => prop_assert_eq!(total, sum),
            (Some(tax), Some(line)) => {
                let amount = u128::from(line.amount.minor);
                prop_assert_eq!(total, if tax.included { sum } else { sum + amount });
                // |amount - exact| is at most a half, and exactly that only upwards.
                let (rate, whole) = (u128::from(tax.rate_ppm), u128::from(WHOLE_PPM));
                let whole = if tax.included { whole + rate } else { whole };
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
        let from = rules.shipping.filter(|_| ships).and_then(|s| s.free_from_minor);
        let becomes_free = from.is_some_and(|from| less < from && from <= more);
        prop_assert!(becomes_free || total(less) <= total(more));
    }

    #[test]
    fn a_tax_that_is_included_never_changes_what_is_owed(
        rules in rules(), goods in amount(), ships: bool, rate in 1..=WHOLE_PPM,
    ) {
        let untaxed = ChargeRules { tax: None, ..rules };
        let taxed = ChargeRules { tax: Some(tax("VAT", rate, true)), ..untaxed.clone() };
        let total = |rules: &ChargeRules| rules.bill(money(goods, "EUR"), ships).map(|b| b.total);
        prop_assert_eq!(total(&taxed), total(&untaxed));
    }
}
