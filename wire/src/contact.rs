//! Who a shopper says they are for an order.

use serde::{Deserialize, Serialize};

/// Who an order is for. It is read by the domain's own rule, not by this type. Nowhere is there a
/// line break or another control character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// An e-mail address as a page's `<input type=email>` takes it, of at most 254 characters.
    pub email: String,
    /// The name of a person or firm, of at most 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is to be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Street and house, of at most 100 characters.
    pub line1: String,
    /// What else it takes, of at most 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// The city, of at most 100 characters.
    pub city: String,
    /// The state or province, of at most 100 characters, where it belongs to an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The postal code as that country writes it, of at most 16 characters, if it has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2, such as `DE`; Kosovo is `XK`.
    pub country: String,
}

/// The contact of an order, as far as there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ContactReply {
    /// The contact; `null` if none was left, or if it was erased.
    pub contact: Option<Contact>,
}
