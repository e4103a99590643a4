//! Replies as the text that `entry.mjs` carries.

use std::cell::RefCell;
use std::fmt::Write as _;

use doorbuster_wire::json::ToJson;
use serde::Serialize;

/// What a reply without a route is, such as that of a test hook.
const SUCCESS: u16 = 200;

/// The fields of most replies are not longer together.
const FIELDS_LEN: usize = 192;
/// Nor are most bodies.
const BODY_LEN: usize = 512;

pub(crate) const JSON: &str = "application/json";

/// What a cache is told whose copy is current (RFC 9110, 15.4.5).
const NOT_MODIFIED: u16 = 304;

/// A reply. Its status is that of its route's success, unless it says another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    status: Option<u16>,
    /// Fields that many replies have alike.
    fields: String,
    /// Fields that are this reply's own, such as the address of what was made.
    own_fields: String,
    body: String,
}

impl Reply {
    /// A reply of JSON.
    pub(crate) fn json<T: Serialize>(body: &T) -> Self {
        let mut text = Vec::with_capacity(BODY_LEN);
        // The wire types are plain data with string keys: serde_json cannot fail on them.
        let _ = serde_json::to_writer(&mut text, body);
        Self::text(JSON, String::from_utf8(text).unwrap_or_default())
    }

    /// A reply of JSON, of what is answered so often that it writes its own.
    pub(crate) fn written<T: ToJson>(body: &T) -> Self {
        Self::text(JSON, body.to_json())
    }

    /// A reply of one member, whose value is JSON already.
    pub(crate) fn said(name: &str, value: &str) -> Self {
        Self::text(JSON, format!("{{\"{name}\":{value}}}"))
    }

    /// A reply of any text.
    pub(crate) fn text(media_type: &str, body: String) -> Self {
        let mut fields = String::with_capacity(FIELDS_LEN);
        push_field(&mut fields, "content-type", media_type);
        fields.push_str("x-content-type-options: nosniff\n");
        Self { status: None, fields, own_fields: String::new(), body }
    }

    /// A reply without a body.
    pub(crate) fn empty() -> Self {
        let empty = String::new;
        Self { status: None, fields: empty(), own_fields: empty(), body: empty() }
    }

    /// A reply to a cache whose copy is current.
    pub(crate) fn not_modified() -> Self {
        Self::empty().status(NOT_MODIFIED)
    }

    /// The same with a status, if it has none yet.
    #[must_use]
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status.get_or_insert(status);
        self
    }

    /// The same with a header more, of which the value is ours: it has no line break.
    #[must_use]
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        push_field(&mut self.fields, name, value);
        self
    }

    /// The same with a header more that no other reply has. A value with a line break in it is left
    /// out.
    #[must_use]
    pub(crate) fn own_field(mut self, name: &str, value: &str) -> Self {
        if !value.contains(['\r', '\n']) {
            push_field(&mut self.own_fields, name, value);
        }
        self
    }

    /// The text that `entry.mjs` makes a `Response` of: the code of its head, own fields, an empty
    /// line, and the body. The same in full if the head has no code.
    pub(crate) fn into_text(mut self, heads: &Heads) -> String {
        let Some(code) = heads.code_of(self.status.unwrap_or(SUCCESS), &self.fields) else {
            return self.into_full_text();
        };
        // The body becomes the text where it is: most have room for a few characters more.
        self.own_fields.insert(0, code);
        self.own_fields.push('\n');
        self.body.insert_str(0, &self.own_fields);
        self.body
    }

    /// The same without a code: status, fields, an empty line, own fields, an empty line, and the
    /// body.
    pub(crate) fn into_full_text(self) -> String {
        let mut text = String::new();
        // Writing into a text does not fail.
        let _ = writeln!(text, "{}", self.status.unwrap_or(SUCCESS));
        for part in [&self.fields, "\n", &self.own_fields, "\n", &self.body] {
            text.push_str(part);
        }
        text
    }
}

/// The heads of replies that were sent from here: status, and the fields that many replies have
/// alike. `entry.mjs` keeps what it makes of each, and most replies have one of few. So most need
/// only say which.
#[derive(Default)]
pub(crate) struct Heads(RefCell<Vec<(u16, String)>>);

/// The first and the last code: not digits, with which a reply in full begins, nor `@` and `~`,
/// with which steps do, nor `{`, with which a turn does.
const CODES: (u8, u8) = (b'A', b'z');

impl Heads {
    /// The code of a head. No code if there are as many heads as codes.
    fn code_of(&self, status: u16, fields: &str) -> Option<char> {
        let mut heads = self.0.borrow_mut();
        let known = heads.iter().position(|(of, known)| *of == status && known == fields);
        let at = known.unwrap_or(heads.len());
        let code = u8::try_from(at).ok()?.checked_add(CODES.0).filter(|code| *code <= CODES.1)?;
        if known.is_none() {
            heads.push((status, fields.to_owned()));
        }
        Some(char::from(code))
    }

    /// The head of a code: its status, and a line for each field.
    pub(crate) fn head(&self, code: u8) -> Option<String> {
        let at = code.checked_sub(CODES.0)?;
        let heads = self.0.borrow();
        heads.get(usize::from(at)).map(|(status, fields)| format!("{status}\n{fields}"))
    }
}

fn push_field(fields: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\n"] {
        fields.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_was_sent_before_is_only_named() {
        let heads = Heads::default();
        let text = |reply: Reply| reply.into_text(&heads);
        assert_eq!(text(Reply::said("a", "1")), "A\n{\"a\":1}");
        assert_eq!(text(Reply::said("a", "1").status(201)), "B\n{\"a\":1}");
        assert_eq!(text(Reply::said("a", "2").own_field("b", "3")), "Ab: 3\n\n{\"a\":2}");
        assert_eq!(text(Reply::not_modified()), "C\n");
        let fields = "content-type: application/json\nx-content-type-options: nosniff\n";
        assert_eq!(heads.head(b'B'), Some(format!("201\n{fields}")));
        assert_eq!(heads.head(b'C'), Some("304\n".to_owned()));
        assert_eq!(heads.head(b'D'), None);
        assert_eq!(heads.head(b'@'), None);
    }

    #[test]
    fn who_comes_when_all_codes_are_given_is_sent_in_full() {
        let heads = Heads::default();
        let reply = |number: u16| Reply::empty().status(number).own_field("a", "b");
        for number in 1..=58 {
            assert!(!reply(number).into_text(&heads).starts_with(|c: char| c.is_ascii_digit()));
        }
        assert_eq!(reply(58).into_text(&heads), "za: b\n\n");
        assert_eq!(reply(59).into_text(&heads), "59\n\na: b\n\n");
        assert_eq!(reply(1).into_text(&heads), "Aa: b\n\n");
    }
}
