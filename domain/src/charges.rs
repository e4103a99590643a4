//! What is owed: the price of the goods, and what comes on top of it or is within it.
//!
//! There is one rule, [`ChargeRules::bill`]. Whoever shows, asks for, or books an amount takes it
//! from there.

use serde::{Deserialize, Serialize};

use crate::money::{MINOR_MAX, Money};

/// A whole, in millionths.
const WHOLE_PPM: u64 = 1_000_000;

/// What a merchant charges beside the price of the goods, or as a part of it. Amounts are in minor
/// units of the currency of the goods.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChargeRules {
    /// What sending an order costs, whatever is in it; `None` if it is not charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_minor: Option<u64>,
    /// Goods that cost so much are sent for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_free_from_minor: Option<u64>,
    /// What the tax is called, such as `VAT`; `None` if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_title: Option<String>,
    /// The rate of the tax in millionths: 190,000 is 19 %, 88,750 is 8.875 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_ppm: Option<u64>,
    /// Whether prices and shipping include the tax; else it is added to them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tax_included: bool,
}

/// What is owed for one order, and of what it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bill {
    /// The price of the goods.
    pub goods: Money,
    /// What else there is.
    pub lines: BillLines,
    /// All that is to be paid.
    pub total: Money,
}

/// The lines of a bill beside those of goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BillLines {
    /// Sending them; zero if it is for nothing, `None` if it is not charged with these.
    pub shipping: Option<Money>,
    /// The tax, if there is one. What is included is a part of the other lines, not one more.
    pub tax: Option<Money>,
}

impl ChargeRules {
    /// The longest name of a tax, in characters: it stands in a line of a receipt.
    pub const TAX_TITLE_LEN_MAX: usize = 40;

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks that something can be charged by these rules.
    ///
    /// # Errors
    ///
    /// The field that cannot be as it is, and what it has to be.
    pub(crate) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let (from, rate) = (self.shipping_free_from_minor, self.tax_ppm);
        let is_amount = |minor| minor <= MINOR_MAX;
        let is_from = |from| from > 0 && is_amount(from) && self.shipping_minor.is_some();
        if !self.shipping_minor.is_none_or(is_amount) {
            return Err(("shipping_minor", "an amount that a JSON number holds exactly"));
        }
        if !from.is_none_or(is_from) {
            return Err(("shipping_free_from_minor", "an amount, beside `shipping_minor`"));
        }
        if !rate.is_none_or(|rate| (1..=WHOLE_PPM).contains(&rate)) {
            return Err(("tax_ppm", "from 1 to 1,000,000 millionths: 190,000 is 19 %"));
        }
        let title = self.tax_title.as_deref();
        if !title.map_or(rate.is_none(), |title| rate.is_some() && is_line(title)) {
            return Err(("tax_title", "1 to 40 characters in one line, beside `tax_ppm`"));
        }
        if rate.is_none() && self.tax_included {
            return Err(("tax_included", "beside `tax_ppm`"));
        }
        Ok(())
    }

    /// The bill for goods. `ships`: whether this is what sending is paid with, which of what is
    /// sent together only one is.
    ///
    /// A tax is on goods and shipping alike, at one rate, as Article 78 (b) of Directive
    /// 2006/112/EC has it: what the supplier charges for transport is part of the taxable amount.
    /// It is rounded once, for the whole bill, to the nearest minor unit, halves up.
    ///
    /// `None` if an amount cannot hold it.
    pub fn bill(&self, goods: Money, ships: bool) -> Option<Bill> {
        let is_free = self.shipping_free_from_minor.is_some_and(|from| goods.minor >= from);
        let shipping = self.shipping_minor.filter(|_| ships);
        self.bill_with(goods, if is_free { shipping.map(|_| 0) } else { shipping })
    }

    /// Whether an amount can hold what is owed for goods of up to this price.
    pub(crate) fn fits(&self, goods_max: Money) -> bool {
        // Sending may be free for the dearest goods, and not for somewhat cheaper ones.
        self.bill_with(goods_max, self.shipping_minor).is_some()
    }

    fn bill_with(&self, goods: Money, shipping_minor: Option<u64>) -> Option<Bill> {
        let amount = |minor| Money::new(minor, goods.currency).ok();
        let sum = amount(goods.minor.checked_add(shipping_minor.unwrap_or_default())?)?;
        let (mut tax, mut total) = (None, sum);
        if let Some(rate) = self.tax_ppm {
            let within = if self.tax_included { rate } else { 0 };
            let tax_minor = part_of(sum.minor, rate, WHOLE_PPM.checked_add(within)?)?;
            if !self.tax_included {
                total = amount(sum.minor.checked_add(tax_minor)?)?;
            }
            tax = amount(tax_minor);
        }
        let lines = BillLines { shipping: shipping_minor.and_then(amount), tax };
        Some(Bill { goods, lines, total })
    }
}

/// Whether a text can stand in a line of a receipt.
fn is_line(title: &str) -> bool {
    let len = title.chars().count();
    let is_there = !title.trim().is_empty() && len <= ChargeRules::TAX_TITLE_LEN_MAX;
    is_there && !title.contains(char::is_control)
}

/// `sum * part / whole`, to the nearest number, halves up. In steps, so that nothing grows beyond
/// 64 bits: a sum is below 2^53, and both of the others are at most two millions.
fn part_of(sum: u64, part: u64, whole: u64) -> Option<u64> {
    let (times, rest) = (sum.checked_div(whole)?, sum.checked_rem(whole)?);
    let rest = rest.checked_mul(part)?.checked_add(whole / 2)?.checked_div(whole)?;
    times.checked_mul(part)?.checked_add(rest)
}

#[cfg(test)]
mod tests;
