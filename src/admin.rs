//! The merchant's side: sales, stock, and what became of them.

use doorbuster_domain::id::{SaleId, Sku};
use doorbuster_domain::inventory::{
    AdjustmentReason, Answer, Command, Rejection, Reply as Answered, StockView,
};
use doorbuster_domain::line::{Phase, SaleRules, SkuOffer};
use doorbuster_domain::sealed::bearer_matches;
use doorbuster_domain::time::Millis;
use doorbuster_durable::rpc::{RoomCall, RoomReply};
use doorbuster_wire::merchant::{
    AdjustRequest, PhaseRequest, SaleRequest, SaleState, Stock, StockRequest,
};
use doorbuster_wire::problem::ProblemKind;
use worker::Env;

use crate::catalog;
use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::objects::{InventoryStub, RoomStub};
use crate::problem::Problem;
use crate::reservations::{Place, idempotency_key, word};
use crate::room::sale_id;
use crate::store::{Store, Value};

/// Lets in who has the merchant's token, compared in constant time.
pub(crate) fn authorize(edge: &Edge, request: &Request<'_>, env: &Env) -> Result<(), Problem> {
    let config = edge.config(env)?;
    let presented = request
        .header(Header::Authorization)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map_or("", |(_, token)| token);
    if bearer_matches(presented.as_bytes(), config.admin_token.as_bytes()) {
        return Ok(());
    }
    let detail = "Send the merchant's token as `Authorization: Bearer ...`.";
    Err(Problem::new(ProblemKind::Unauthorized, detail))
}

/// `PUT /v1/admin/sales/{sale}`.
pub(crate) async fn create_sale(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let sale = sale_id(sale)?;
    let asked: SaleRequest = request.json().await?;
    check_rules(&asked)?;
    let snapshot = catalog::published_now(edge, env).await?;
    let mut skus: Vec<SkuOffer> = Vec::new();
    for (index, name) in asked.skus.iter().enumerate() {
        let pointer = format!("/skus/{index}");
        let sku: Sku = name.parse().map_err(|e| Problem::invalid(&pointer, format!("It {e}.")))?;
        let (product, variant) = snapshot
            .catalog
            .as_ref()
            .and_then(|catalog| catalog.variant(&sku))
            .ok_or_else(|| Problem::invalid(&pointer, "The catalog has no such SKU."))?;
        if skus.iter().any(|known| known.sku == sku) {
            return Err(Problem::invalid(&pointer, "It is named twice."));
        }
        let title = match variant.title.as_str() {
            "" => product.title.clone(),
            form => format!("{} ({form})", product.title),
        };
        skus.push(SkuOffer { sku, title, unit_price: variant.price });
    }
    let rules = SaleRules {
        sale: sale.clone(),
        title: asked.title.trim().to_owned(),
        admits_per_minute_max: asked.admits_per_minute_max,
        per_shopper_max: asked.per_shopper_max,
        pass_ttl_ms: Millis::new(asked.pass_ttl_ms),
        reservation_ttl_ms: Millis::new(asked.reservation_ttl_ms),
        reservation_max_ms: Millis::new(asked.reservation_max_ms),
        payment_window_ms: Millis::new(asked.payment_window_ms),
        skus,
    };
    let title = rules.title.clone();
    RoomStub::of(env, &sale)?.execute(&RoomCall::Create { rules }).await?;
    let store = Store::open(edge, env).await?;
    let row = store.prepare(
        "INSERT INTO sales (sale, title, created_at_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        &[Value::Text(sale.as_str()), Value::Text(&title), Value::Number(now().as_millis())],
    )?;
    store.run(vec![row]).await?;
    edge.statuses.forget(&sale);
    state_of(env, &sale).await
}

/// The bounds that the wire types name.
fn check_rules(asked: &SaleRequest) -> Result<(), Problem> {
    const DAY_MS: u64 = 24 * 3600 * 1000;
    let title_len = asked.title.trim().chars().count();
    let within = |value: u64, max: u64| (1..=max).contains(&value);
    let checks = [
        ("/title", within(title_len as u64, 200), "It has to have 1 to 200 characters."),
        (
            "/skus",
            within(asked.skus.len() as u64, SaleRules::SKUS_MAX as u64),
            "It has to name 1 to 100 SKUs.",
        ),
        (
            "/admits_per_minute_max",
            within(u64::from(asked.admits_per_minute_max), 10_000_000),
            "It has to be from 1 to 10,000,000.",
        ),
        (
            "/per_shopper_max",
            within(u64::from(asked.per_shopper_max), 1_000),
            "It has to be from 1 to 1,000.",
        ),
        ("/pass_ttl_ms", within(asked.pass_ttl_ms, DAY_MS), "It has to be from 1 ms to a day."),
        (
            "/reservation_ttl_ms",
            within(asked.reservation_ttl_ms, asked.reservation_max_ms),
            "It has to be at least 1 and at most `reservation_max_ms`.",
        ),
        (
            "/reservation_max_ms",
            within(asked.reservation_max_ms, DAY_MS),
            "It has to be from 1 ms to a day.",
        ),
        (
            "/payment_window_ms",
            within(asked.payment_window_ms, DAY_MS),
            "It has to be from 1 ms to a day.",
        ),
    ];
    match checks.into_iter().find(|(_, holds, _)| !holds) {
        Some((pointer, _, detail)) => Err(Problem::invalid(pointer, detail)),
        None => Ok(()),
    }
}

/// `GET /v1/admin/sales/{sale}`.
pub(crate) async fn show_sale(env: &Env, sale: &str) -> Result<Reply, Problem> {
    state_of(env, &sale_id(sale)?).await
}

/// `POST /v1/admin/sales/{sale}/phase`.
///
/// Stock opens before the room does, and closes after it: nobody is admitted to closed stock.
pub(crate) async fn set_phase(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let sale = sale_id(sale)?;
    let asked: PhaseRequest = request.json().await?;
    let phase = match asked.phase.as_str() {
        "open" => Phase::Open,
        "paused" => Phase::Paused,
        "closed" => Phase::Closed,
        _ => return Err(Problem::invalid("/phase", "It is `open`, `paused` or `closed`.")),
    };
    let room = RoomStub::of(env, &sale)?;
    let (rules, current, _) = sale_of(room.execute(&RoomCall::Show).await?)?;
    if current != phase && !current.may_become(phase) {
        let rejection =
            doorbuster_domain::line::RoomRejection::PhaseOrder { from: current, to: phase };
        return Err(rejection.into());
    }
    if phase == Phase::Open {
        set_selling(env, &rules, phase).await?;
        room.execute(&RoomCall::SetPhase { phase }).await?;
    } else {
        room.execute(&RoomCall::SetPhase { phase }).await?;
        set_selling(env, &rules, phase).await?;
    }
    edge.statuses.forget(&sale);
    state_of(env, &sale).await
}

async fn set_selling(env: &Env, rules: &SaleRules, phase: Phase) -> Result<(), Problem> {
    let command = Command::SetSelling { selling: phase.selling() };
    for (sku, answer) in ask_all(env, rules, &command).await? {
        match answer {
            Answer::Rejected(Rejection::NotOpened) if phase == Phase::Open => {
                let detail = format!("Set the stock of {sku} first.");
                return Err(Problem::new(ProblemKind::StockMissing, detail));
            }
            // A SKU without stock has nothing to pause or close.
            Answer::Accepted(_) | Answer::Rejected(Rejection::NotOpened) => {}
            Answer::Rejected(rejection) => return Err(rejection.into()),
        }
    }
    Ok(())
}

/// `PUT .../stock`.
pub(crate) async fn set_stock(
    request: &Request<'_>,
    env: &Env,
    place: Place,
) -> Result<Reply, Problem> {
    let StockRequest { on_hand } = request.json().await?;
    let room = RoomStub::of(env, &place.sale)?;
    let (rules, phase, _) = sale_of(room.execute(&RoomCall::Show).await?)?;
    let terms = rules.terms(&place.sku).ok_or_else(|| {
        Problem::new(ProblemKind::SkuNotFound, "The sale does not have this SKU.")
    })?;
    let commands = [
        Command::Open { terms, on_hand },
        Command::SetSelling { selling: phase.selling() },
        Command::ShowStock,
    ];
    let answers = place.stub(env)?.send(&commands)?.answers().await?;
    for answer in &answers {
        if let Answer::Rejected(rejection) = answer {
            return Err(rejection.clone().into());
        }
    }
    let last = answers.into_iter().next_back().and_then(stock_view);
    let view = last.ok_or_else(|| Problem::unavailable("inventory", &"no stock was shown"))?;
    Ok(Reply::json(&stock(&view)))
}

/// `POST .../adjustments`.
pub(crate) async fn adjust_stock(
    request: &Request<'_>,
    env: &Env,
    place: Place,
) -> Result<Reply, Problem> {
    let key = idempotency_key(request)?;
    let AdjustRequest { units, reason } = request.json().await?;
    let reason = AdjustmentReason::try_from(reason)
        .map_err(|error| Problem::invalid("/reason", format!("{error}.")))?;
    let amount = u32::try_from(units.unsigned_abs())
        .map_err(|_| Problem::invalid("/units", "It does not fit into 32 bits."))?;
    let command = match units {
        0 => return Err(Problem::invalid("/units", "It must not be zero.")),
        1.. => Command::Restock { key, units: amount, reason },
        _ => Command::Withdraw { key, units: amount, reason },
    };
    let reply = place.stub(env)?.execute(command).await?;
    let view = stock_view(Answer::Accepted(reply))
        .ok_or_else(|| Problem::unavailable("inventory", &"no stock was shown"))?;
    Ok(Reply::json(&stock(&view)))
}

/// `GET .../journal?after=...`.
pub(crate) async fn journal(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    place: Place,
) -> Result<Reply, Problem> {
    let after: u32 = request.query("after").unwrap_or("0").parse().map_err(|_| {
        Problem::new(ProblemKind::QueryInvalid, "`after` is the number of the last entry you have.")
    })?;
    place.require_offer(edge, env).await?;
    let entries = place.stub(env)?.journal(after).await?;
    Ok(Reply::text("application/x-ndjson", entries).field("cache-control", "private, no-store"))
}

/// The live state of a sale, from its objects.
async fn state_of(env: &Env, sale: &SaleId) -> Result<Reply, Problem> {
    let room = RoomStub::of(env, sale)?;
    let (rules, phase, handed_out) = sale_of(room.execute(&RoomCall::Show).await?)?;
    let answers = ask_all(env, &rules, &Command::ShowStock).await?;
    let skus = answers.into_iter().filter_map(|(_, answer)| stock_view(answer));
    let state = SaleState {
        sale: sale.to_string(),
        title: rules.title.clone(),
        phase: word(&phase),
        handed_out,
        skus: skus.map(|view| stock(&view)).collect(),
    };
    Ok(Reply::json(&state))
}

/// Asks the Inventory of every SKU the same, all at once.
async fn ask_all(
    env: &Env,
    rules: &SaleRules,
    command: &Command,
) -> Result<Vec<(Sku, Answer)>, Problem> {
    let mut sent = Vec::new();
    for offer in &rules.skus {
        let inventory = InventoryStub::of(env, &rules.sale, &offer.sku)?;
        sent.push((offer.sku.clone(), inventory.send(std::slice::from_ref(command))?));
    }
    let mut answers = Vec::new();
    for (sku, pending) in sent {
        let answer = pending.answers().await?.into_iter().next();
        answers.extend(answer.map(|answer| (sku, answer)));
    }
    Ok(answers)
}

fn sale_of(reply: RoomReply) -> Result<(SaleRules, Phase, u64), Problem> {
    match reply {
        RoomReply::Sale { rules, phase, handed_out } => Ok((rules, phase, handed_out)),
        other => Err(Problem::unavailable("room", &other)),
    }
}

fn stock_view(answer: Answer) -> Option<StockView> {
    match answer {
        Answer::Accepted(Answered::Stock { view, .. }) => Some(view),
        _ => None,
    }
}

fn stock(view: &StockView) -> Stock {
    Stock {
        sku: view.terms.sku.to_string(),
        title: view.terms.title.clone(),
        unit_price: view.terms.unit_price.into(),
        selling: word(&view.selling),
        on_hand: view.on_hand,
        reserved: view.reserved,
        allocated: view.allocated,
        available: view.available,
        stock: word(&view.band),
        orders_unsettled: view.orders_unsettled,
        reservations: view.reservations,
        expired: view.expired,
        refunds_due: view.refunds_due,
    }
}
