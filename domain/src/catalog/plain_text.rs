//! The text of an HTML fragment, without the HTML.

/// Elements inside a sentence: their tags leave no gap. All others (paragraphs, list items, line
/// breaks, table cells) do.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "mark", "meta", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
    "time", "tt", "u", "var", "wbr",
];

/// Elements whose content is not text for people.
const HIDDEN: &[&str] = &["script", "style", "template", "noscript", "iframe", "svg"];

/// How far after a `&` its `;` can be, in bytes: the names below have at most 6, and a number with
/// some leading zeros has room.
const REFERENCE_LEN_MAX: usize = 16;

/// The text that a reader would see of an HTML fragment: tags and comments removed, character
/// references decoded once, white space and control characters folded to single spaces.
///
/// The result is text and not HTML: it can contain `<` and `&`, and must be escaped again where it
/// is put into a page.
pub fn plain_text_of_html(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tag_and_after)) = rest.split_once('<') {
        text.push_str(before);
        rest = after_markup(tag_and_after, &mut text);
    }
    text.push_str(rest);
    folded(&decoded(&text))
}

/// White space and control characters at the ends removed, and folded to one space elsewhere.
pub(crate) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if !word.is_empty() {
            if !folded.is_empty() {
                folded.push(' ');
            }
            folded.push_str(word);
        }
    }
    folded
}

/// What follows the markup that begins after a `<`. What the markup stands for in the text, a gap
/// or a mere `<`, is added to `text`.
fn after_markup<'a>(rest: &'a str, text: &mut String) -> &'a str {
    if let Some(comment) = rest.strip_prefix("!--") {
        return comment.split_once("-->").map_or("", |(_, after)| after);
    }
    if rest.starts_with(['!', '?']) {
        return rest.split_once('>').map_or("", |(_, after)| after);
    }
    let closing = rest.starts_with('/');
    let named = rest.strip_prefix('/').unwrap_or(rest);
    if !named.starts_with(|c: char| c.is_ascii_alphabetic()) {
        text.push('<');
        return rest;
    }
    let name = named.split(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).next();
    let name = name.unwrap_or_default().to_ascii_lowercase();
    let after = after_tag(named);
    if !INLINE.contains(&name.as_str()) {
        text.push(' ');
    }
    if !closing && HIDDEN.contains(&name.as_str()) { after_element(after, &name) } else { after }
}

/// What follows the `>` of a tag. A `>` in a quoted attribute does not end it; a tag that never
/// ends takes the rest of the text with it, as in a browser.
fn after_tag(tag: &str) -> &str {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return tag.get(at.saturating_add(1)..).unwrap_or_default(),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    ""
}

/// What follows the closing tag of the element `name`, whose content has begun.
fn after_element<'a>(content: &'a str, name: &str) -> &'a str {
    let mut rest = content;
    while let Some((_, tag)) = rest.split_once("</") {
        let found = tag.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        if found {
            return after_tag(tag);
        }
        rest = tag;
    }
    ""
}

/// Character references replaced by their characters; what is no known reference stays as it is.
fn decoded(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        if let Some((c, tail)) = reference(after) {
            decoded.push(c);
            rest = tail;
        } else {
            decoded.push('&');
            rest = after;
        }
    }
    decoded.push_str(rest);
    decoded
}

/// The character of the reference that begins after a `&`, and what follows its `;`.
///
/// The `;` is looked for nearby only, so that a text of nothing but `&` takes linear time.
fn reference(after: &str) -> Option<(char, &str)> {
    let end = after.bytes().take(REFERENCE_LEN_MAX).position(|byte| byte == b';')?;
    let (name, tail) = after.split_at_checked(end)?;
    Some((named(name)?, tail.strip_prefix(';')?))
}

/// The character of a reference, given without its `&` and `;`.
fn named(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    if let Some((_, c)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Some(*c);
    }
    let (code, _) = (160..).zip(LATIN_1).find(|(_, known)| **known == name)?;
    char::from_u32(code)
}

/// References of HTML (WHATWG HTML, section 13.5) that occur in texts about products.
const NAMED: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("ndash", '–'),
    ("mdash", '—'),
    ("hellip", '…'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("bull", '•'),
    ("euro", '€'),
    ("trade", '™'),
    ("prime", '′'),
    ("Prime", '″'),
    ("larr", '←'),
    ("rarr", '→'),
    ("le", '≤'),
    ("ge", '≥'),
    ("ne", '≠'),
    ("asymp", '≈'),
    ("minus", '−'),
    ("infin", '∞'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("thinsp", '\u{2009}'),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
    ("Scaron", 'Š'),
    ("scaron", 'š'),
];

/// The names of U+00A0 to U+00FF, in this order.
#[rustfmt::skip]
const LATIN_1: &[&str] = &[
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf",
    "laquo", "not", "shy", "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro",
    "para", "middot", "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest",
    "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute",
    "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute",
    "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute",
    "THORN", "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil",
    "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde",
    "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave", "uacute", "ucirc",
    "uuml", "yacute", "thorn", "yuml",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(html: &str, text: &str) {
        assert_eq!(plain_text_of_html(html), text, "{html}");
    }

    #[test]
    fn tags_inside_a_sentence_leave_no_gap_and_blocks_leave_one() {
        check(
            "<p>Soft <b>wool</b>en <a href='/x'>hat</a>.</p><p>Warm.</p>",
            "Soft woolen hat. Warm.",
        );
        check("<ul><li>One</li><li>Two</li></ul>", "One Two");
        check("Line<br/>break<BR>twice", "Line break twice");
    }

    #[test]
    fn scripts_styles_and_comments_are_not_text() {
        check("a<script type=\"x\">alert('<b>')</script>b", "a b");
        check("a<STYLE>p{}</Style >b<!-- <i>no</i> -->c", "a bc");
        check("a<script>never closed", "a");
        check("<!doctype html>a<?php x ?>b", "ab");
    }

    #[test]
    fn a_quoted_bracket_does_not_end_a_tag() {
        check("<img alt=\"a > b\" src=x onerror='alert(1)'>after", "after");
    }

    #[test]
    fn a_bracket_that_opens_no_tag_is_kept() {
        check("3 < 4, 5 > 4 and <3", "3 < 4, 5 > 4 and <3");
    }

    #[test]
    fn character_references_are_decoded_once() {
        check("Fish &amp; chips &#8211; &#x20AC;5&nbsp;only", "Fish & chips – €5 only");
        check("Caf&eacute; &yuml; &frac12;&times;", "Café ÿ ½×");
        check("&amp;lt;b&amp;gt;", "&lt;b&gt;");
        check("&lt;script&gt;", "<script>");
        check(
            "AT&T &unknown; &#xD800; &#99999999999; &;",
            "AT&T &unknown; &#xD800; &#99999999999; &;",
        );
    }

    #[test]
    fn white_space_and_control_characters_are_folded() {
        check("  a\r\n\tb\u{0}c&#7;d\u{a0}\u{a0}e ", "a b c d e");
        check("", "");
    }

    proptest! {
        #[test]
        fn no_html_makes_it_panic_and_the_text_is_folded(
            html in "([<>&;/!a-z\"' -]|&#|<script|</script>|[^a]){0,60}",
        ) {
            let text = plain_text_of_html(&html);
            prop_assert_eq!(folded(&text), text);
        }

        #[test]
        fn text_without_markup_is_unchanged(words in "[a-z]{1,8}( [a-z0-9.,'-]{1,8}){0,8}") {
            prop_assert_eq!(plain_text_of_html(&words), words);
        }
    }
}
