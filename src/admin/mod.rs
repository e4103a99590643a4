//! The merchant's side: sales, stock, and what became of them.

pub(crate) mod letters;
pub(crate) mod line;
pub(crate) mod orders;
pub(crate) mod readiness;
pub(crate) mod webhooks;

use doorbuster_domain::charges::ChargeRules;
use doorbuster_domain::id::{SaleId, Sku};
use doorbuster_domain::inventory::{
    AdjustmentReason, Answer, Command, Rejection, Reply as Answered, StockView,
};
use doorbuster_domain::line::{BeaconRound, DrawSecret, LineOrder, Phase, SaleRules, SkuOffer};
use doorbuster_domain::sealed::bearer_matches;
use doorbuster_domain::time::Millis;
use doorbuster_durable::rpc::{RoomCall, RoomReply, RoomView, follow_phase};
use doorbuster_wire::merchant::{
    AdjustRequest, PhaseRequest, SaleRequest, SaleState, Stock, StockRequest,
};
use doorbuster_wire::problem::ProblemKind;
use doorbuster_wire::shopper::Beacon;
use doorbuster_wire::word;
use worker::Env;

use crate::catalog;
use crate::edge::{Edge, now};
use crate::http::{Header, Reply, Request};
use crate::objects::{InventoryStub, RoomStub};
use crate::problem::Problem;
use crate::reservations::{Place, idempotency_key};
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
        active_users_max: asked.active_users_max,
        order: order(&asked.order)?,
        draw_window_ms: Millis::new(asked.draw_window_ms.unwrap_or_default()),
        beacon: asked.beacon.map(|Beacon { chain, round }| BeaconRound { chain, round }),
        places_per_client: asked.places_per_client,
        challenge: asked.challenge,
        per_shopper_max: asked.per_shopper_max,
        pass_ttl_ms: Millis::new(asked.pass_ttl_ms),
        reservation_ttl_ms: Millis::new(asked.reservation_ttl_ms),
        reservation_max_ms: Millis::new(asked.reservation_max_ms),
        payment_window_ms: Millis::new(asked.payment_window_ms),
        skus,
        charges: Box::new(ChargeRules {
            shipping_minor: asked.shipping_minor,
            shipping_free_from_minor: asked.shipping_free_from_minor,
            tax_title: asked.tax_title,
            tax_ppm: asked.tax_ppm,
            tax_included: asked.tax_included,
        }),
    };
    let room = RoomStub::of(env, &sale);
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| Problem::unavailable("randomness", &error))?;
    let secret = DrawSecret::from_bytes(secret);
    let created = room.execute(&RoomCall::Create { rules, secret }).await;
    let sale_exists = |problem: &Problem| problem.is(ProblemKind::SaleExists);
    if created.is_ok() || created.as_ref().is_err_and(sale_exists) {
        // Also one that was there: the attempt that made it may have broken off before this.
        let RoomView { rules, .. } = shown(room.execute(&RoomCall::Show).await?)?;
        announce(edge, env, &rules).await?;
    }
    created?;
    state_of(env, &sale).await
}

/// Puts a sale on the list of sales, by which shoppers find it.
async fn announce(edge: &Edge, env: &Env, rules: &SaleRules) -> Result<(), Problem> {
    let store = Store::open(edge, env).await?;
    let (sale, title) = (Value::Text(rules.sale.as_str()), Value::Text(&rules.title));
    let row = store.prepare(
        "INSERT INTO sales (sale, title, created_at_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        &[sale, title, Value::Number(now().as_millis())],
    )?;
    store.run(vec![row]).await?;
    edge.statuses.expire(&rules.sale);
    Ok(())
}

/// `GET /v1/admin/sales/{sale}`.
pub(crate) async fn show_sale(env: &Env, sale: &str) -> Result<Reply, Problem> {
    state_of(env, &sale_id(sale)?).await
}

/// `POST /v1/admin/sales/{sale}/phase`.
///
/// The room decides, and numbers what it decides; the SKUs follow, now and whenever somebody looks
/// at their stock. So of two phases set at the same moment one holds everywhere in the end.
pub(crate) async fn set_phase(
    edge: &Edge,
    request: &Request<'_>,
    env: &Env,
    sale: &str,
) -> Result<Reply, Problem> {
    let sale = sale_id(sale)?;
    let asked: PhaseRequest = request.json().await?;
    let phase = match asked.phase.as_str() {
        "prequeue" => Phase::Prequeue,
        "open" => Phase::Open,
        "paused" => Phase::Paused,
        "closed" => Phase::Closed,
        _ => {
            let detail = "It is `prequeue`, `open`, `paused` or `closed`.";
            return Err(Problem::invalid("/phase", detail));
        }
    };
    let why = asked.why.map(|why| line::message("/why", &why)).transpose()?;
    let room = RoomStub::of(env, &sale);
    if phase == Phase::Open {
        let RoomView { rules, .. } = shown(room.execute(&RoomCall::Show).await?)?;
        require_stock(env, &rules).await?;
        // Again, because shoppers find no sale that is not on the list.
        announce(edge, env, &rules).await?;
    }
    let set = shown(room.execute(&RoomCall::SetPhase { phase, why }).await?)?;
    edge.statuses.expire(&sale);
    follow_phase_everywhere(env, &set).await?;
    state_of(env, &sale).await
}

/// Checks that every SKU of a sale has stock.
async fn require_stock(env: &Env, rules: &SaleRules) -> Result<(), Problem> {
    for (sku, answers) in ask_all(env, rules, &[Command::ShowStock]).await {
        if matches!(answers?.as_slice(), [Answer::Rejected(Rejection::NotOpened)]) {
            let detail = format!("Set the stock of {sku} first.");
            return Err(Problem::new(ProblemKind::StockMissing, detail));
        }
    }
    Ok(())
}

/// Tells every SKU of the new phase. All are told, also if one does not answer; that one hears of
/// it when the room looks at the stock, and the merchant is told to ask again.
async fn follow_phase_everywhere(env: &Env, sale: &RoomView) -> Result<(), Problem> {
    let order = follow_phase(sale.phase, sale.phase_number);
    let mut told = Ok(());
    for (_, answers) in ask_all(env, &sale.rules, &order).await {
        told = told.and(answers.map(|_| ()));
    }
    told
}

/// `PUT .../stock`.
pub(crate) async fn set_stock(
    request: &Request<'_>,
    env: &Env,
    place: Place,
) -> Result<Reply, Problem> {
    let StockRequest { on_hand } = request.json().await?;
    let room = RoomStub::of(env, &place.sale);
    let RoomView { rules, phase, phase_number, .. } = shown(room.execute(&RoomCall::Show).await?)?;
    let terms = rules.terms(&place.sku).ok_or_else(|| {
        Problem::new(ProblemKind::SkuNotFound, "The sale does not have this SKU.")
    })?;
    let mut commands = vec![Command::Open { terms, on_hand }];
    commands.extend(follow_phase(phase, phase_number));
    let answers = place.stub(env).send(&commands)?.answers().await?;
    if let Some(Answer::Rejected(rejection)) = answers.first() {
        return Err(rejection.clone().into());
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
    let reply = place.stub(env).execute(command).await?;
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
    let entries = place.stub(env).journal(after).await?;
    Ok(Reply::text("application/x-ndjson", entries))
}

/// The live state of a sale, from its objects.
async fn state_of(env: &Env, sale: &SaleId) -> Result<Reply, Problem> {
    let room = RoomStub::of(env, sale);
    let view = shown(room.execute(&RoomCall::Show).await?)?;
    let mut skus = Vec::new();
    for (_, answers) in
        ask_all(env, &view.rules, &follow_phase(view.phase, view.phase_number)).await
    {
        let view = answers?.into_iter().next_back().and_then(stock_view);
        skus.extend(view.map(|view| stock(&view)));
    }
    Ok(Reply::json(&SaleState {
        sale: sale.to_string(),
        title: view.rules.title.clone(),
        phase: word(&view.phase).to_owned(),
        line: line::state(&view),
        skus,
    }))
}

/// Asks the Inventory of every SKU the same, all at once.
async fn ask_all(
    env: &Env,
    rules: &SaleRules,
    batch: &[Command],
) -> Vec<(Sku, Result<Vec<Answer>, Problem>)> {
    let ask = |sku| InventoryStub::of(env, &rules.sale, sku).send(batch);
    let sent: Vec<_> = rules.skus.iter().map(|offer| (&offer.sku, ask(&offer.sku))).collect();
    let mut answers = Vec::new();
    for (sku, pending) in sent {
        let answered = match pending {
            Ok(pending) => pending.answers().await,
            Err(problem) => Err(problem),
        };
        answers.push((sku.clone(), answered));
    }
    answers
}

/// A sale as its room shows it.
fn shown(reply: RoomReply) -> Result<RoomView, Problem> {
    match reply {
        RoomReply::Sale(view) => Ok(*view),
        other => Err(Problem::unavailable("room", &other)),
    }
}

/// An order of the line, by its name.
fn order(name: &str) -> Result<LineOrder, Problem> {
    match name {
        "fifo" => Ok(LineOrder::Fifo),
        "random" => Ok(LineOrder::Random),
        "passthrough" => Ok(LineOrder::Passthrough),
        "reject" => Ok(LineOrder::Reject),
        _ => Err(Problem::invalid("/order", "It is `fifo`, `random`, `passthrough` or `reject`.")),
    }
}

fn stock_view(answer: Answer) -> Option<StockView> {
    match answer {
        Answer::Accepted(Answered::Stock { view, .. }) => Some(*view),
        _ => None,
    }
}

fn stock(view: &StockView) -> Stock {
    Stock {
        sku: view.terms.sku.to_string(),
        title: view.terms.title.clone(),
        unit_price: view.terms.unit_price.into(),
        selling: word(&view.selling).to_owned(),
        on_hand: view.on_hand,
        reserved: view.reserved,
        allocated: view.allocated,
        available: view.available,
        stock: word(&view.band).to_owned(),
        orders_unsettled: view.orders_unsettled,
        reservations: view.reservations,
        expired: view.expired,
        refunds_due: view.refunds_due,
        waiting: view.waiting,
        withdrawn_with_orders: view.withdrawn_with_orders,
    }
}
