//! The line without JavaScript: a page that is asked for again and again by the browser itself.

use std::fmt::Write as _;

use doorbuster_domain::id::SaleId;
use doorbuster_domain::line::{LineOrder, Phase};
use doorbuster_domain::sealed::Ticket;
use doorbuster_domain::time::{Millis, Timestamp};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::TurnReply;
use worker::Env;

use super::words::{band, escaped, filled, grouped, left, people, range};
use super::{Holder, give_back, take, turn};
use crate::edge::{Edge, now};
use crate::http::{Reply, Request};
use crate::problem::Problem;
use crate::room::{self, sale_id, status};
use crate::shopper;
use crate::statuses::Seen;

/// How often somebody looks who cannot take a place yet, in seconds.
const LOOK_EVERY_SECS: u64 = 30;
/// No scripts, and nothing from elsewhere.
const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                   base-uri 'none'; frame-ancestors 'none'";

/// What a page says, as HTML.
#[derive(Default)]
struct Said {
    heading: &'static str,
    body: String,
    /// When the browser is to ask again, in seconds; never, if there is nothing to wait for.
    refresh_secs: Option<u64>,
}

/// `GET /sales`.
pub(crate) async fn list(edge: &Edge, env: &Env) -> Result<Reply, Problem> {
    let mut sales = String::new();
    for sale in room::listed(edge, env).await? {
        let (id, title) = (escaped(&sale.sale), escaped(&sale.title));
        // Writing into a text does not fail.
        let _ = writeln!(sales, "<li><a href=\"/sales/{id}/line\">{title}</a></li>");
    }
    if sales.is_empty() {
        sales.push_str("<li>There is no sale at the moment.</li>\n");
    }
    let html = filled(include_str!("sales.html"), &[("sales", &sales)]);
    Ok(page(html).field("cache-control", "public, max-age=5"))
}

/// `GET /sales/{sale}/line`.
pub(crate) async fn show(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let (sale, config) = (sale_id(sale)?, edge.config(env)?);
    let seen = status(edge, env, &sale, now()).await?;
    // Whoever cannot be told who they are has no place here.
    let ticket = shopper::known(request)
        .and_then(|shopper| shopper::ticket(request, &config, &sale, shopper, now()))
        .unwrap_or_default();
    let mut said = match &ticket {
        Some(ticket) => {
            let turn = turn(edge, &config, &seen, Holder::of(ticket), now());
            with_place(&seen, ticket, &turn)
        }
        None => without_place(&seen),
    };
    if let Some(problem) = request.query("problem") {
        say_problem(&mut said, problem);
    }
    let refresh = said.refresh_secs.map(|secs| {
        format!("<meta http-equiv=\"refresh\" content=\"{secs}; url=/sales/{sale}/line\">\n")
    });
    let html = filled(
        include_str!("line.html"),
        &[
            ("refresh", &refresh.unwrap_or_default()),
            ("title", &escaped(&seen.title)),
            ("state", said.heading),
            ("body", &said.body),
            ("footing", &footing(&seen)),
            ("sale", sale.as_str()),
        ],
    );
    Ok(page(html))
}

/// `POST /sales/{sale}/line`: joins, or leaves, and goes back to the page, whatever came of it.
pub(crate) async fn join(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let (name, config) = (sale_id(sale)?, edge.config(env)?);
    let back = |query: &str| Reply::empty().own_field("location", &address(&name, query));
    let done = if request.query("leave").is_some() {
        let left = give_back(edge, request, env, sale).await;
        left.map(|(_, gone)| back("").own_field("set-cookie", &gone))
    } else {
        let taken = take(edge, request, env, sale, &config).await;
        taken.map(|taken| taken.remember(request, back("")))
    };
    match done {
        Ok(reply) => Ok(reply),
        Err(problem) if problem.is(ProblemKind::SaleNotFound) => Err(problem),
        Err(problem) => Ok(back(&format!("?problem={}", problem.slug()))),
    }
}

fn address(sale: &SaleId, query: &str) -> String {
    format!("/sales/{sale}/line{query}")
}

fn page(html: String) -> Reply {
    Reply::text("text/html; charset=utf-8", html)
        .field("content-security-policy", CSP)
        // Not `no-referrer`: with it a browser hides where the form comes from, also from us.
        .field("referrer-policy", "same-origin")
}

/// A heading and what it means, as `public/sale.html` has them.
const fn words(state: &str) -> (&'static str, &'static str) {
    match state.as_bytes() {
        b"drawing" => (
            "The order is being drawn",
            "The sale has opened. In a few seconds everybody who came before gets a position, and \
             everybody can check how.",
        ),
        b"waiting" => {
            ("You are in line", "You are let in as soon as those ahead of you have been.")
        }
        b"admitted" => ("It is your turn", "What you reserve is yours while you pay."),
        b"lapsed" => (
            "Your turn has passed",
            "You were let in, and the time to reserve ran out. You can take a new place; it is \
             behind everybody who is in the line now.",
        ),
        b"paused" => ("The sale is paused", "Nobody is let in at the moment. Your place is kept."),
        b"all_reserved" => (
            "All reserved; some may come back",
            "All that is left is in other people’s checkouts. Your place is kept, and you are let \
             in if something comes back.",
        ),
        b"sold_out" => (
            "Sold out",
            "Everything has been sold, so there is nothing left to wait for. Thank you for coming.",
        ),
        _ => ("The sale is closed", "It is over, and nobody is let in any more."),
    }
}

fn with_place(seen: &Seen, ticket: &Ticket, turn: &TurnReply) -> Said {
    let refresh_secs = turn.next_poll_ms.map(|ms| Millis::new(ms).ceil_secs().max(1));
    if turn.state == "not_open" {
        let (heading, mut body) = before_opening(seen, ticket.number);
        say_shop(&mut body, seen);
        body.push_str(&leave_form(seen));
        return Said { heading, body, refresh_secs };
    }
    let (heading, text) = words(&turn.state);
    let mut body = paragraph(text);
    if let Some(at) = turn.pass_expires_at_ms {
        let (sale, at) = (&seen.sale, moment(Timestamp::from_millis(at)));
        let _ = write!(
            body,
            "<p>Reserve before {at}.</p>\n<p><a class=\"button\" \
             href=\"/sale?sale={sale}&amp;join=1\">Choose and reserve</a></p>\n"
        );
    }
    say_shop(&mut body, seen);
    if !turn.gone.is_empty() {
        let _ = writeln!(body, "<p>Sold out already: {}.</p>", escaped(&turn.gone.join(", ")));
    }
    if turn.beyond_stock {
        body.push_str(
            "<p class=\"note warn\"><strong>Your place is most likely beyond what the stock \
             reaches.</strong> You may stay, in case others do not buy, or leave.</p>\n",
        );
    }
    if let (Some(position), false) = (turn.position, turn.state == "admitted") {
        body.push_str(&figures(position, turn));
    }
    if turn.state == "lapsed" {
        body.push_str(&form(seen));
    } else if !matches!(&*turn.state, "sold_out" | "closed") {
        body.push_str(&leave_form(seen));
    }
    Said { heading, body, refresh_secs }
}

fn before_opening(seen: &Seen, number: u64) -> (&'static str, String) {
    let number = grouped(number);
    let (heading, text) = if draws(seen) {
        let text = format!(
            "Your number is <strong>{number}</strong>: about so many people had joined when you \
             did. It says nothing about your place. The order is drawn when the sale opens, and \
             nobody’s place depends on when they came."
        );
        ("You are in the draw", text)
    } else {
        let text = "Everybody who has a place is let in when the sale opens.".to_owned();
        ("You have a place", text)
    };
    (heading, paragraph(&text) + &opening(seen))
}

/// Who has no place can take one, or hears why not.
fn without_place(seen: &Seen) -> Said {
    let rejects = seen.order == LineOrder::Reject;
    let over = |state: &str| {
        let (heading, text) = words(state);
        Said { heading, body: paragraph(text), ..Said::default() }
    };
    let mut said = match seen.phase {
        Phase::Closed => over("closed"),
        Phase::Prequeue | Phase::Open | Phase::Paused if seen.is_sold_out() => over("sold_out"),
        Phase::Draft | Phase::Scheduled => Said {
            heading: "The line is not open yet",
            body: paragraph(
                "You can take a place here as soon as it is. You need not hurry: whoever comes \
                 before the sale opens has the same chance.",
            ) + &opening(seen),
            refresh_secs: Some(LOOK_EVERY_SECS),
        },
        _ if rejects => Said {
            heading: "The line takes nobody",
            body: paragraph("The line takes nobody at the moment."),
            ..Said::default()
        },
        Phase::Prequeue if draws(seen) => Said {
            heading: "Take part in the draw",
            body: paragraph(
                "Everybody who joins before the sale opens takes part in the draw. You need not \
                 hurry: nobody’s place depends on when they came.",
            ) + &opening(seen),
            ..Said::default()
        },
        _ => Said {
            heading: "Join the line",
            body: paragraph("Everybody gets a place in the order in which they come."),
            ..Said::default()
        },
    };
    say_shop(&mut said.body, seen);
    if seen.reach.is_some_and(|reach| seen.handed_out >= reach) && seen.phase == Phase::Open {
        said.body.push_str(
            "<p class=\"note warn\">So many people are in the line that the stock will most likely \
             be gone before your turn.</p>\n",
        );
    }
    if seen.check_joining(None, 0).is_ok() {
        said.body.push_str(&form(seen));
    }
    said
}

fn draws(seen: &Seen) -> bool {
    matches!(seen.order, LineOrder::Fifo | LineOrder::Random)
}

fn paragraph(html: &str) -> String {
    format!("<p>{html}</p>\n")
}

fn form(seen: &Seen) -> String {
    let sale = &seen.sale;
    format!(
        "<form method=\"post\" action=\"/sales/{sale}/line\"><button>Join the line</button>\
         </form>\n"
    )
}

fn leave_form(seen: &Seen) -> String {
    format!(
        "<form method=\"post\" action=\"/sales/{}/line?leave=1\">\
         <button class=\"quiet\">Leave the line</button></form>\n",
        seen.sale
    )
}

/// What the merchant says, and why the sale stands.
fn say_shop(body: &mut String, seen: &Seen) {
    if let Some(why) = seen.why.as_deref().filter(|why| !why.is_empty()) {
        let _ = writeln!(body, "<p class=\"said\">The shop says: {}</p>", escaped(why));
    }
    if !seen.message.is_empty() {
        let _ = writeln!(body, "<p class=\"note said\">{}</p>", escaped(&seen.message));
    }
}

/// Why there is no place, by the kind of problem that the address names.
fn say_problem(said: &mut Said, slug: &str) {
    let Some(kind) = ProblemKind::ALL.iter().find(|kind| kind.slug() == slug) else { return };
    let (title, address) = (escaped(kind.title()), kind.type_address());
    let _ = writeln!(
        said.body,
        "<div class=\"problem\" role=\"alert\"><p><strong>{title}</strong></p>\
         <p class=\"small\"><a href=\"{address}\">What this means</a></p></div>"
    );
}

fn figures(position: u64, turn: &TurnReply) -> String {
    let wait = match (&*turn.state, turn.wait_low_ms, turn.wait_high_ms) {
        ("waiting", Some(low), Some(high)) => range(Millis::new(low), Millis::new(high)),
        ("waiting", ..) => "Not known yet".to_owned(),
        _ => "Nobody is let in now".to_owned(),
    };
    let (stock, tone) = band(turn.stock.as_deref());
    let (position, ahead) = (grouped(position), people(turn.ahead));
    format!(
        "<dl class=\"figures\">\
         <div><dt>Your position</dt><dd>{position}</dd></div>\
         <div><dt>Ahead of you</dt><dd>{ahead}</dd></div>\
         <div><dt>Expected wait</dt><dd class=\"words\">{wait}</dd></div>\
         <div><dt>Stock</dt><dd><span class=\"band {tone}\">{stock}</span></dd></div></dl>\n"
    )
}

/// When the sale opens, if that was said and is still to come.
fn opening(seen: &Seen) -> String {
    let now = seen.room_time(now());
    let Some(at) = seen.schedule.map(|schedule| schedule.opens_at).filter(|at| *at > now) else {
        return String::new();
    };
    paragraph(&format!("The sale opens in {}, at {}.", left(at.since(now)), moment(at)))
}

/// A moment as it is everywhere: where the reader is, the page cannot know.
fn moment(at: Timestamp) -> String {
    let iso = at.rfc_3339();
    let day = iso.get(..10).unwrap_or_default();
    let time = iso.get(11..16).unwrap_or_default();
    format!("<time datetime=\"{iso}\">{day} {time} UTC</time>")
}

/// How the order can be checked.
fn footing(seen: &Seen) -> String {
    let kept = "Your place is kept in this browser by a cookie; this page asks again by itself.";
    match seen.draw.commitment.filter(|_| draws(seen)) {
        Some(commitment) => format!(
            "{kept} The draw is committed to <code>{commitment}</code>; what it takes to check it \
             is <a href=\"/v1/sales/{}/draw\">published</a>, and \
             <code>doorbuster verify draw</code> does.",
            seen.sale
        ),
        None => kept.to_owned(),
    }
}
