//! How times, numbers and bands are said on a page. `public/js/kit.js` says them the same way.

use doorbuster_domain::time::Millis;

const MINUTE_MS: u64 = 60_000;
const HOUR_MINUTES: u64 = 60;
const DAY_MINUTES: u64 = 24 * HOUR_MINUTES;

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len().saturating_mul(2));
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// So many minutes.
pub(super) fn minutes(number: u64) -> String {
    counted(number, "minute")
}

/// So many people.
pub(super) fn people(number: u64) -> String {
    match number {
        0 => "Nobody".to_owned(),
        1 => "1 person".to_owned(),
        _ => format!("{} people", grouped(number)),
    }
}

/// A time to wait, as a range, because nobody knows it better.
pub(super) fn range(low: Millis, high: Millis) -> String {
    let low = low.get().div_euclid(MINUTE_MS);
    let high = high.get().div_ceil(MINUTE_MS).max(low.saturating_add(1));
    if high == 1 {
        return "less than a minute".to_owned();
    }
    let (from, to, noun) = if high >= 2 * HOUR_MINUTES {
        (low / HOUR_MINUTES, high.div_ceil(HOUR_MINUTES), "hour")
    } else {
        (low, high, "minute")
    };
    let to = counted(to, noun);
    if from == 0 { format!("up to {to}") } else { format!("{} to {to}", grouped(from)) }
}

/// A time that is left, roughly.
pub(super) fn left(time: Millis) -> String {
    let minutes_left = time.get().div_ceil(MINUTE_MS);
    match minutes_left {
        0 | 1 => "less than a minute".to_owned(),
        left if left < 2 * HOUR_MINUTES => minutes(left),
        left if left < 2 * DAY_MINUTES => counted(left.div_ceil(HOUR_MINUTES), "hour"),
        left => counted(left.div_ceil(DAY_MINUTES), "day"),
    }
}

/// What is left, and how a page marks it.
pub(super) fn band(stock: Option<&str>) -> (&'static str, &'static str) {
    match stock {
        Some("in_stock") => ("In stock", "good"),
        Some("few_left") => ("Few left", "warn"),
        Some("all_reserved") => ("All reserved for now", "warn"),
        Some("sold_out") => ("Sold out", ""),
        _ => ("Stock not known yet", ""),
    }
}

/// A text that can stand anywhere in HTML and is read as itself.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// A template with its `{name}`s filled in. What is filled in is not looked at again: a text that
/// looks like a name stays one.
pub(super) fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut html = String::with_capacity(template.len().saturating_mul(2));
    for (index, piece) in template.split('{').enumerate() {
        let named = piece.split_once('}').filter(|_| index > 0);
        let value =
            named.and_then(|(name, rest)| Some((values.iter().find(|(n, _)| *n == name)?.1, rest)));
        match value {
            Some((value, rest)) => html.extend([value, rest]),
            None if index > 0 => html.extend(["{", piece]),
            None => html.push_str(piece),
        }
    }
    html
}
