//! The results as one page of HTML, with nothing to load.

use std::fmt::Write as _;

use crate::figures::Figure;
use crate::ratios::Ratio;
use crate::results::Results;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
    padding:0 1rem;color:#1c2430}table{border-collapse:collapse;width:100%;margin:1rem 0}\
    th,td{padding:.3rem .6rem;border-bottom:1px solid #d9dee6;text-align:left}\
    td.n{text-align:right;font-variant-numeric:tabular-nums}.yes{color:#146c43}.no{color:#a4262c}\
    svg{vertical-align:middle}@media(prefers-color-scheme:dark){body{background:#12161c;\
    color:#e6eaf0}th,td{border-color:#303846}.yes{color:#6fcf97}.no{color:#ff8a80}}";

/// The page.
pub fn of(results: &Results) -> String {
    let mut page = String::new();
    // Writing into a text does not fail.
    let _ = write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8><title>Doorbuster: bench</title>\
         <meta name=viewport content=\"width=device-width\"><style>{STYLE}</style>\
         <h1>How fast Doorbuster is</h1><p>{}, commit {}, {} rounds{}. {}, {} cores, Linux {}, \
         state on {}.</p>",
        results.date,
        text(&results.commit),
        results.rounds,
        if results.quick { " (a quick run: it shows that all runs, not how fast)" } else { "" },
        text(&results.machine.cpu),
        results.machine.cores,
        text(&results.machine.kernel),
        text(&results.file_system),
    );
    page.push_str("<h2>Ratios</h2><p>Each inside a round; the median, and the least and most.</p>");
    page.push_str("<table><tr><th>ratio<th>of<th>median<th>least to most<th>promised<th></tr>");
    for (name, ratio) in &results.ratio_details {
        push_ratio(&mut page, name, ratio);
    }
    page.push_str("</table><h2>Answers a second, all connections busy</h2>");
    let figures = &results.measured.per_second;
    let most = figures.values().map(|figure| figure.max).fold(1.0, f64::max);
    page.push_str("<table><tr><th>subject<th>median<th>CPU per answer<th>least, median, most</tr>");
    for (name, figure) in figures {
        let cpu = results.measured.cpu_us.get(name);
        let cpu = cpu.map_or_else(String::new, |cpu| format!("{:.1} &micro;s", cpu.median));
        let _ = write!(
            page,
            "<tr><td>{}<td class=n>{:.0}<td class=n>{cpu}<td>{}</tr>",
            text(name),
            figure.median,
            bar(figure, most)
        );
    }
    page.push_str("</table></html>\n");
    page
}

fn push_ratio(page: &mut String, name: &str, ratio: &Ratio) {
    let Figure { median, min, max, .. } = ratio.figure;
    let promised = ratio.promised();
    let verdict = match ratio.holds {
        Some(true) => "<span class=yes>holds</span>",
        Some(false) => "<span class=no>does not hold</span>",
        None => "",
    };
    let _ = write!(
        page,
        "<tr><td>{}<td>{}<td class=n>{median:.3}<td class=n>{min:.3} to {max:.3}\
         <td class=n>{promised}<td>{verdict}</tr>",
        text(name),
        text(&ratio.of),
    );
}

/// A bar up to the median, with a line from the least to the most.
fn bar(figure: &Figure, most: f64) -> String {
    let at = |value: f64| value / most * 300.0;
    format!(
        "<svg width=310 height=14 role=img><rect width={:.1} height=14 fill=#5b8def opacity=.7 />\
         <line x1={:.1} x2={:.1} y1=7 y2=7 stroke=currentColor stroke-width=2 /></svg>",
        at(figure.median),
        at(figure.min),
        at(figure.max)
    )
}

fn text(raw: &str) -> String {
    raw.replace('&', "&amp;").replace('<', "&lt;")
}
