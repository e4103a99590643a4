//! The line without JavaScript, and one's turn in Cloudflare's form.

use doorbuster_domain::time::Millis;
use doorbuster_tests::{Answer, Sale, Shopper, eventually, now, rules};
use doorbuster_wire::cloudflare::{CloudflareReply, CloudflareTurn};
use doorbuster_wire::merchant::{SaleRequest, SaleState, Stock};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::TicketReply;
use serde_json::json;

use crate::shop;

const FORM: &str = "application/x-www-form-urlencoded";

/// A sale whose line is open, and which opens in an hour.
fn prequeue(rules: &SaleRequest) -> Sale<'static> {
    let sale = Sale::unborn(shop());
    sale.create(rules).ok::<SaleState>();
    sale.set_stock(9).ok::<Stock>();
    let opens_at_ms = now().plus(Millis::from_secs(3600)).as_millis();
    let schedule = json!({ "opens_at_ms": opens_at_ms });
    shop().admin("PUT", &sale.admin_path("/schedule")).json(&schedule).send().ok::<SaleState>();
    sale
}

fn drawn() -> SaleRequest {
    SaleRequest { order: "fifo".to_owned(), ..rules() }
}

fn look(sale: &Sale<'_>, cookies: &str) -> Answer {
    let path = format!("/sales/{}/line", sale.id);
    let page = shop().request("GET", &path).header("cookie", cookies).send();
    assert_eq!(page.status, 200, "{}", page.text());
    page
}

/// Looks until a page says something; a status may be a second old.
fn reads(sale: &Sale<'_>, cookies: &str, text: &str) -> String {
    eventually(text, || {
        let page = look(sale, cookies);
        page.text().contains(text).then(|| page.text().to_owned())
    })
}

/// Presses the page's button; the cookies, and where it leads.
fn join(sale: &Sale<'_>) -> (String, String) {
    let path = format!("/sales/{}/line", sale.id);
    let request = shop().request("POST", &path).header("sec-fetch-site", "same-origin");
    let joined = request.body(FORM, "").send();
    assert_eq!(joined.status, 303, "{}", joined.text());
    let cookies = joined.headers.get_all("set-cookie").iter();
    let pairs: Vec<&str> =
        cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next()).collect();
    (pairs.join("; "), joined.header("location").to_owned())
}

fn refresh_secs(page: &str) -> Option<u64> {
    let (_, rest) = page.split_once("<meta http-equiv=\"refresh\" content=\"")?;
    rest.split(';').next()?.parse().ok()
}

#[test]
fn one_joins_and_waits_without_javascript_and_the_page_asks_again_by_itself() {
    let sale = prequeue(&drawn());
    let before = reads(&sale, "", "Take part in the draw");
    assert_eq!(refresh_secs(&before), None, "nobody waits yet");
    let (cookies, location) = join(&sale);
    assert_eq!(location, format!("/sales/{}/line", sale.id));
    let page = look(&sale, &cookies);
    assert!(page.text().contains("You are in the draw"), "{}", page.text());
    assert!(refresh_secs(page.text()).is_some_and(|secs| secs > 0), "{}", page.text());
    assert_eq!(page.header("cache-control"), "private, no-store");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("script"), "{policy}");
    assert!(!page.text().contains("<script"));
    sale.set_phase("open").ok::<SaleState>();
    let admitted = reads(&sale, &cookies, "It is your turn");
    assert_eq!(refresh_secs(&admitted), None, "nothing to wait for");
}

#[test]
fn one_leaves_without_javascript_and_has_no_place_any_more() {
    let sale = prequeue(&drawn());
    let (cookies, _) = join(&sale);
    assert!(look(&sale, &cookies).text().contains("Leave the line"));
    let path = format!("/sales/{}/line", sale.id);
    let leave = || shop().request("POST", &format!("{path}?leave=1")).header("cookie", &cookies);
    let left = leave().body(FORM, "").send();
    assert_eq!((left.status, left.header("location")), (303, path.as_str()));
    let cookie = left.header("set-cookie");
    assert!(cookie.contains(&sale.id) && cookie.contains("Max-Age=0"), "{cookie}");
    let nobody = shop().request("POST", &format!("{path}?leave=1")).body(FORM, "").send();
    assert!(nobody.header("location").contains("?problem="), "{}", nobody.header("location"));
}

#[test]
fn what_the_merchant_writes_is_text_on_the_page_and_not_html() {
    let title = "<b>Mugs</b> & \"more\" {body}".to_owned();
    let sale = prequeue(&SaleRequest { title, ..drawn() });
    let message = json!({ "message": "<script>alert(1)</script>\n{footing}" });
    shop().admin("PUT", &sale.admin_path("/message")).json(&message).send().ok::<SaleState>();
    let page = reads(&sale, "", "&lt;script&gt;alert(1)&lt;/script&gt;\n{footing}");
    assert!(page.contains("&lt;b&gt;Mugs&lt;/b&gt; &amp; &quot;more&quot; {body}"), "{page}");
    assert!(!page.contains("<script") && !page.contains("<b>Mugs"), "{page}");
    let list = eventually("the list has it", || {
        let list = shop().request("GET", "/sales").send();
        list.text().contains(&format!("/sales/{}/line", sale.id)).then_some(list)
    });
    assert!(!list.text().contains("<b>Mugs"), "{}", list.text());
}

#[test]
fn who_gets_no_place_is_told_why_on_the_page() {
    let sale = Sale::open(shop(), 1, &rules());
    sale.set_phase("closed").ok::<SaleState>();
    reads(&sale, "", "The sale is closed");
    let (cookies, location) = join(&sale);
    assert!(!cookies.contains(&sale.id), "{cookies}");
    assert_eq!(location, format!("/sales/{}/line?problem=sale-closed", sale.id));
    let page = shop().request("GET", &location).send();
    assert!(page.text().contains("/problems#sale-closed"), "{}", page.text());
    let made_up = location.replace("sale-closed", "%3Cscript%3E");
    let page = shop().request("GET", &made_up).send();
    assert!(!page.text().contains("role=\"alert\""), "{}", page.text());
    let nowhere = shop().request("POST", "/sales/no-such-sale/line").body(FORM, "").send();
    assert_eq!(nowhere.problem(), ProblemKind::SaleNotFound);
    let path = format!("/sales/{}/line", sale.id);
    let foreign = shop().request("POST", &path).header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.body(FORM, "").send().problem(), ProblemKind::CrossOrigin);
}

/// Joins, and asks in Cloudflare's form from then on.
fn joined<'s>(sale: &'s Sale<'s>) -> Shopper<'s> {
    let mut shopper = Shopper::new(sale);
    shopper.ticket = Some(shopper.join().ok::<TicketReply>().ticket);
    shopper
}

fn ask(sale: &Sale<'_>, shopper: &Shopper<'_>) -> CloudflareTurn {
    let answer = shopper.request("GET", &sale.path("/turn?form=cfWaitingRoom")).send();
    let turn = answer.ok::<CloudflareReply>().turn;
    assert!(turn.last_updated.ends_with('Z') && turn.last_updated.contains('T'), "{turn:?}");
    turn
}

#[test]
fn an_app_is_told_its_turn_in_cloudflares_form_if_it_asks_for_it() {
    let sale = prequeue(&drawn());
    let app = joined(&sale);
    let early = ask(&sale, &app);
    assert!(early.in_waiting_room && early.queue_all && !early.wait_time_known, "{early:?}");
    assert_eq!((early.wait_time, early.wait_time_formatted.as_str()), (0, "unavailable"));
    assert_eq!((early.queueing_method.as_str(), early.queue_is_full), ("fifo", false));
    sale.set_phase("open").ok::<SaleState>();
    let done = eventually("the app is let in", || {
        let turn = ask(&sale, &app);
        (!turn.in_waiting_room).then_some(turn)
    });
    assert!(!done.queue_all && done.wait_time_known, "{done:?}");
    assert_eq!((done.wait_time, done.refresh_interval_seconds), (0, 0));
    assert!(app.poll().pass.is_some(), "asking in our form gives the pass");
    let answer = app.request("GET", &sale.path("/turn?form=other")).send();
    assert_eq!(answer.problem(), ProblemKind::QueryInvalid);
    sale.set_phase("closed").ok::<SaleState>();
    let over = eventually("it is over", || {
        let turn = ask(&sale, &app);
        (turn.in_waiting_room && turn.queue_all).then_some(turn)
    });
    assert_eq!(over.refresh_interval_seconds, 0);
}

#[test]
fn who_waits_in_a_random_order_is_told_the_quarters_of_the_wait() {
    let mut slow =
        SaleRequest { order: "random".to_owned(), draw_window_ms: Some(1_000), ..rules() };
    slow.admits_per_minute_max = 60;
    let sale = prequeue(&slow);
    let people: Vec<_> = (0..12).map(|_| joined(&sale)).collect();
    sale.set_phase("open").ok::<SaleState>();
    let told = eventually("somebody waits and knows how long", || {
        let mut turns = people.iter().map(|shopper| ask(&sale, shopper));
        turns.find(|turn| turn.in_waiting_room && turn.wait_time_known)
    });
    let (low, middle, high) = (
        told.wait_time_25_percentile.unwrap(),
        told.wait_time_50_percentile.unwrap(),
        told.wait_time_75_percentile.unwrap(),
    );
    assert!(low <= middle && middle <= high && middle == told.wait_time, "{told:?}");
    assert!(told.wait_time_formatted.contains("minute"), "{told:?}");
    assert_eq!(told.queueing_method, "random");
}
