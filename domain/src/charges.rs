//! What is owed: the price of the goods, and what comes on top of it or is within it.
//!
//! There is one rule, [`ChargeRules::bill`]. Whoever shows, asks for, or books an amount takes it
//! from there.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::money::{MINOR_MAX, Money};

/// A whole, in millionths.
const WHOLE_PPM: u32 = 1_000_000;

/// What a merchant charges beside the price of the goods, or as a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChargeRules {
    /// The tax, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Tax>,
    /// What sending costs, if it is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Shipping>,
}

/// A tax on everything that is charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tax {
    /// What it is called, such as `VAT`.
    pub title: String,
    /// The rate in millionths: 190,000 is 19 %, 88,750 is 8.875 %.
    pub rate_ppm: u32,
    /// Whether prices include it; else it is added to them.
    pub included: bool,
}

/// What sending an order costs, whatever is in it. In minor units of the currency of the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipping {
    /// The price of it, for the whole order.
    pub flat_minor: u64,
    /// Goods that cost so much are sent for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_from_minor: Option<u64>,
}

/// What is owed for one order, and of what it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The price of the goods.
    pub goods: Money,
    /// What else there is.
    pub lines: BillLines,
    /// All that is to be paid.
    pub total: Money,
}

/// The lines of a bill beside those of goods.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BillLines {
    /// Sending it; zero if it is sent for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
    /// The tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<TaxLine>,
}

/// A tax and what it comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxLine {
    /// Which tax.
    pub tax: Tax,
    /// How much it is. What is included is a part of the other lines, not one more.
    pub amount: Money,
}

impl ChargeRules {
    /// The longest name of a tax, in characters: it stands in a line of a receipt.
    pub const TAX_TITLE_LEN_MAX: usize = 40;

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Every rule about these rules: what it is about, whether it holds, and what it asks for.
    pub(crate) fn checks(&self) -> [(&'static str, bool, &'static str); 4] {
        let tax = |holds: fn(&Tax) -> bool| self.tax.as_ref().is_none_or(holds);
        let shipping = |holds: fn(Shipping) -> bool| self.shipping.is_none_or(holds);
        [
            ("tax/title", tax(Tax::has_good_title), "1 to 40 characters long, without line breaks"),
            (
                "tax/rate_ppm",
                tax(|tax| (1..=WHOLE_PPM).contains(&tax.rate_ppm)),
                "from 1 to 1,000,000 millionths: 190,000 is 19 %",
            ),
            ("shipping/flat_minor", shipping(|s| s.flat_minor <= MINOR_MAX), MINOR_RANGE),
            (
                "shipping/free_from_minor",
                shipping(|s| s.free_from_minor.is_none_or(|from| (1..=MINOR_MAX).contains(&from))),
                MINOR_RANGE,
            ),
        ]
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
        let shipping = self.shipping.filter(|_| ships);
        self.bill_with(goods, shipping.map(|shipping| shipping.costs(goods.minor)))
    }

    /// Whether an amount can hold what is owed for goods of up to this price.
    pub(crate) fn fits(&self, goods_max: Money) -> bool {
        // Sending may be free for the dearest goods, and not for somewhat cheaper ones.
        self.bill_with(goods_max, self.shipping.map(|shipping| shipping.flat_minor)).is_some()
    }

    fn bill_with(&self, goods: Money, shipping_minor: Option<u64>) -> Option<Bill> {
        let amount = |minor| Money::new(minor, goods.currency).ok();
        let sum = amount(goods.minor.checked_add(shipping_minor.unwrap_or_default())?)?;
        let (mut tax_line, mut total) = (None, sum);
        if let Some(tax) = &self.tax {
            let tax_minor = tax.within_or_on(sum.minor)?;
            if !tax.included {
                total = amount(sum.minor.checked_add(tax_minor)?)?;
            }
            tax_line = Some(TaxLine { tax: tax.clone(), amount: amount(tax_minor)? });
        }
        let shipping = shipping_minor.and_then(amount);
        Some(Bill { goods, lines: BillLines { shipping, tax: tax_line }, total })
    }
}

impl BillLines {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

const MINOR_RANGE: &str = "an amount in minor units that a JSON number holds exactly";

impl Shipping {
    const fn costs(self, goods_minor: u64) -> u64 {
        match self.free_from_minor {
            Some(from) if goods_minor >= from => 0,
            _ => self.flat_minor,
        }
    }
}

impl Tax {
    fn has_good_title(&self) -> bool {
        let title = self.title.trim();
        let len = title.chars().count();
        (1..=ChargeRules::TAX_TITLE_LEN_MAX).contains(&len) && !title.contains(char::is_control)
    }

    /// How much of a sum it is, or comes on top of it.
    fn within_or_on(&self, sum_minor: u64) -> Option<u64> {
        let net = if self.included { WHOLE_PPM.checked_add(self.rate_ppm)? } else { WHOLE_PPM };
        part_of(sum_minor, self.rate_ppm.into(), net.into())
    }
}

/// `sum * part / whole`, to the nearest number, halves up. In steps, so that nothing grows beyond
/// 64 bits: a sum is below 2^53, and both of the others are at most two millions.
fn part_of(sum: u64, part: u64, whole: u64) -> Option<u64> {
    let (times, rest) = (sum.checked_div(whole)?, sum.checked_rem(whole)?);
    let rest = rest.checked_mul(part)?.checked_add(whole / 2)?.checked_div(whole)?;
    times.checked_mul(part)?.checked_add(rest)
}

/// As `19 % VAT`, `8.875 % sales tax`.
impl fmt::Display for Tax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = format!("{}.{:04}", self.rate_ppm / 10_000, self.rate_ppm % 10_000);
        let percent = percent.trim_end_matches('0').trim_end_matches('.');
        write!(f, "{percent} % {}", self.title)
    }
}

/// As `4.90 EUR shipping, 10.36 EUR 19 % VAT included`; nothing if there are none.
impl fmt::Display for BillLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(shipping) = &self.shipping {
            write!(f, "{shipping} shipping")?;
        }
        if let Some(TaxLine { tax, amount }) = &self.tax {
            let comma = if self.shipping.is_some() { ", " } else { "" };
            let included = if tax.included { " included" } else { "" };
            write!(f, "{comma}{amount} {tax}{included}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
