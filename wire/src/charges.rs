//! What comes on top of prices, or is within them: as rules, and as lines of a bill.

use serde::{Deserialize, Serialize};

use doorbuster_domain::charges as domain;

use crate::shopper::Money;

/// A tax on everything that is charged, goods and shipping alike, at one rate. It is rounded once,
/// for the whole order, to the nearest minor unit, halves up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tax {
    /// What it is called, such as `VAT`; 1 to 40 characters.
    pub title: String,
    /// The rate in millionths, from 1 to 1,000,000: 190,000 is 19 %.
    pub rate_ppm: u32,
    /// Whether prices include it; else it is added to them.
    pub included: bool,
}

/// What sending an order costs, whatever is in it. In minor units of the currency of the prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Shipping {
    /// The price of it, for the whole order.
    pub flat_minor: u64,
    /// Goods that cost so much, without what comes on top, are sent for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_from_minor: Option<u64>,
}

/// A tax on an order, and what it comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TaxLine {
    /// What it is called.
    pub title: String,
    /// The rate in millionths: 190,000 is 19 %.
    pub rate_ppm: u32,
    /// Whether it is a part of prices and shipping; else it was added to them.
    pub included: bool,
    /// How much it is.
    pub amount: Money,
}

impl From<domain::Tax> for Tax {
    fn from(domain::Tax { title, rate_ppm, included }: domain::Tax) -> Self {
        Self { title, rate_ppm, included }
    }
}

impl From<domain::Shipping> for Shipping {
    fn from(domain::Shipping { flat_minor, free_from_minor }: domain::Shipping) -> Self {
        Self { flat_minor, free_from_minor }
    }
}

impl From<domain::TaxLine> for TaxLine {
    fn from(domain::TaxLine { tax, amount }: domain::TaxLine) -> Self {
        let domain::Tax { title, rate_ppm, included } = tax;
        Self { title, rate_ppm, included, amount: amount.into() }
    }
}

/// The rules that a merchant asks for, yet to be checked.
pub fn rules(tax: Option<Tax>, shipping: Option<Shipping>) -> domain::ChargeRules {
    domain::ChargeRules {
        tax: tax.map(|Tax { title, rate_ppm, included }| {
            let title = title.trim().to_owned();
            domain::Tax { title, rate_ppm, included }
        }),
        shipping: shipping.map(|Shipping { flat_minor, free_from_minor }| domain::Shipping {
            flat_minor,
            free_from_minor,
        }),
    }
}
