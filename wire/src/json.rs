//! The JSON of what is answered most. Every poll and every reserve has one, and to write it as any
//! type can be written took more than a fifth of a poll's instructions (docs/performance.md).
//!
//! The text is the one that `serde_json` gives; the tests compare.

use std::borrow::Cow;

/// What is written as JSON, straight out.
pub trait ToJson {
    /// Appends it.
    fn write_json(&self, to: &mut String);

    /// Whether the object it is in goes without it, where it may.
    fn is_left_out(&self) -> bool {
        false
    }

    /// All of it.
    fn to_json(&self) -> String {
        // Few are longer, and the edge puts its head before it without moving it elsewhere.
        let mut text = String::with_capacity(LEN);
        self.write_json(&mut text);
        text
    }
}

const LEN: usize = 512;

/// Writes an object of fields, in their order. With `if given`, one that is left out where there is
/// nothing to tell.
macro_rules! write_object {
    ($this:ident, $to:ident, { $first:ident $(, $name:ident $(if $given:ident)?)* $(,)? }) => {
        // All of them: one that is forgotten does not compile.
        let Self { $first, $($name),* } = $this;
        $to.push_str(concat!("{\"", stringify!($first), "\":"));
        $crate::json::ToJson::write_json($first, $to);
        $($crate::json::write_object!(@ $to, $name $(if $given)?);)*
        $to.push('}');
    };
    (@ $to:ident, $name:ident if given) => {
        if !$crate::json::ToJson::is_left_out($name) {
            $crate::json::write_object!(@ $to, $name);
        }
    };
    (@ $to:ident, $name:ident) => {
        $to.push_str(concat!(",\"", stringify!($name), "\":"));
        $crate::json::ToJson::write_json($name, $to);
    };
}

pub(crate) use write_object;

impl ToJson for bool {
    fn write_json(&self, to: &mut String) {
        to.push_str(if *self { "true" } else { "false" });
    }
}

impl ToJson for u32 {
    fn write_json(&self, to: &mut String) {
        to.push_str(itoa::Buffer::new().format(*self));
    }
}

impl ToJson for u64 {
    fn write_json(&self, to: &mut String) {
        to.push_str(itoa::Buffer::new().format(*self));
    }
}

impl ToJson for str {
    fn write_json(&self, to: &mut String) {
        if self.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
            // A text always has a JSON.
            to.push_str(&serde_json::to_string(self).unwrap_or_default());
            return;
        }
        to.push('"');
        to.push_str(self);
        to.push('"');
    }
}

impl ToJson for String {
    fn write_json(&self, to: &mut String) {
        self.as_str().write_json(to);
    }
}

impl ToJson for Cow<'_, str> {
    fn write_json(&self, to: &mut String) {
        self.as_ref().write_json(to);
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn write_json(&self, to: &mut String) {
        match self {
            Some(value) => value.write_json(to),
            None => to.push_str("null"),
        }
    }

    fn is_left_out(&self) -> bool {
        self.is_none()
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write_json(&self, to: &mut String) {
        to.push('[');
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                to.push(',');
            }
            value.write_json(to);
        }
        to.push(']');
    }

    fn is_left_out(&self) -> bool {
        self.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cart::{Cart, CartPaymentReply};
    use crate::shopper::{Money, PaymentReply, Reservation, TicketReply, TurnReply, Waitlist};

    /// Nothing, or anything.
    fn maybe<T: std::fmt::Debug + Clone + 'static>(
        some: impl Strategy<Value = T> + 'static,
    ) -> impl Strategy<Value = Option<T>> {
        prop::option::of(some)
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z_]{0,12}", any::<String>()]
    }

    fn money() -> impl Strategy<Value = Money> {
        (any::<u64>(), text()).prop_map(|(minor, currency)| Money { minor, currency })
    }

    fn turn() -> impl Strategy<Value = TurnReply> {
        let numbers = prop::array::uniform6(maybe(any::<u64>()));
        let texts = (text(), maybe(text()), maybe(text()), maybe(text()), maybe(text()));
        let rest = (any::<u64>(), any::<u64>(), any::<bool>(), prop::collection::vec(text(), 0..3));
        (numbers, texts, rest).prop_map(|(numbers, texts, (ahead, now_ms, beyond_stock, gone))| {
            let [position, wait_ms, wait_low_ms, opens_at_ms, next_poll_ms, expires] = numbers;
            let (state, stock, message, why, pass) = texts;
            TurnReply {
                state: state.into(),
                position,
                ahead,
                wait_ms,
                wait_low_ms,
                wait_high_ms: wait_low_ms.or(wait_ms),
                beyond_stock,
                stock: stock.map(Into::into),
                gone,
                message,
                why,
                opens_at_ms,
                now_ms,
                next_poll_ms,
                pass,
                pass_expires_at_ms: expires,
            }
        })
    }

    fn reservation() -> impl Strategy<Value = Reservation> {
        let texts = (text(), text(), text(), text(), maybe(text()), maybe(text()));
        let sums = (money(), maybe(money()), maybe(money()));
        let waitlist = maybe((any::<u64>(), text()));
        let numbers = (any::<u32>(), maybe(any::<u64>()));
        (texts, sums, waitlist, numbers).prop_map(|(texts, sums, waitlist, numbers)| {
            let (reservation, sale, sku, state, order, refund) = texts;
            let ((amount, shipping, tax), (quantity, expires_at_ms)) = (sums, numbers);
            let waitlist = waitlist.map(|(ahead, stock)| Waitlist { ahead, stock: stock.into() });
            let (state, refund) = (state.into(), refund.map(Into::into));
            Reservation {
                reservation,
                sale,
                sku,
                state,
                quantity,
                amount,
                shipping,
                tax,
                expires_at_ms,
                waitlist,
                order,
                refund,
            }
        })
    }

    proptest! {
        #[test]
        fn a_turn_is_written_as_serde_json_writes_it(turn in turn(), ticket in text()) {
            prop_assert_eq!(turn.to_json(), serde_json::to_string(&turn).unwrap());
            let place = TicketReply { ticket, number: turn.now_ms, turn };
            prop_assert_eq!(place.to_json(), serde_json::to_string(&place).unwrap());
        }

        #[test]
        fn reservations_are_written_as_serde_json_writes_them(
            lines in prop::collection::vec(reservation(), 1..3),
            amount in money(),
            redirect_to in text(),
        ) {
            let reservation = lines.first().unwrap().clone();
            prop_assert_eq!(reservation.to_json(), serde_json::to_string(&reservation).unwrap());
            let payment = PaymentReply { redirect_to: redirect_to.clone(), reservation };
            prop_assert_eq!(payment.to_json(), serde_json::to_string(&payment).unwrap());
            let cart = Cart { lines, amount };
            prop_assert_eq!(cart.to_json(), serde_json::to_string(&cart).unwrap());
            let payment = CartPaymentReply { redirect_to, cart };
            prop_assert_eq!(payment.to_json(), serde_json::to_string(&payment).unwrap());
        }
    }
}
