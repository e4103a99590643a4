// The line in front of a sale, and the step of reserving once it is one's turn.

import {
  byId,
  call,
  clockTime,
  el,
  inWords,
  kept,
  money,
  once,
  onSubmit,
  page,
  param,
  path,
  people,
  phaseName,
  picture,
  repeat,
  say,
  showProblem,
  showState,
  stockBand,
  unanswered,
} from "./kit.js";

const sale = param("sale");
const place = `sale:${sale}`;
const attempt = `reserve:${sale}`;
const LOOK_EVERY_MS = 4_000;
const JOIN_AGAIN_MS = 5_000;
const form = byId("reserve");
let memory = kept.get(place) ?? {};
let joining = Boolean(memory.ticket) || param("join") === "1";
let state = "";

function remember(more) {
  // Another tab may have written.
  memory = { ...kept.get(place), ...more };
  kept.set(place, memory);
}

/** One's turn, by the ticket one has or the one that is given now. */
async function askTurn() {
  const headers = memory.ticket ? { "Doorbuster-Ticket": memory.ticket } : {};
  if (memory.ticket) return call("GET", path("sales", sale, "turn"), { headers });
  const { ticket, position, turn } = await call("POST", path("sales", sale, "tickets"), {
    headers,
  });
  remember({ ticket, position, pass: undefined });
  return turn;
}

function showTurn(turn) {
  const before = state;
  ({ state } = turn);
  byId("join").hidden = true;
  showState(byId("states"), state);
  const waits = ["not_open", "waiting", "paused", "all_reserved"].includes(state);
  byId("line").hidden = !waits || !memory.position;
  byId("position").textContent = memory.position?.toLocaleString();
  byId("ahead").textContent = state === "not_open" ? "Not known yet" : people(turn.ahead);
  say(
    byId("expected"),
    turn.wait_ms === undefined || turn.wait_ms === null ? "Not known yet" : inWords(turn.wait_ms),
  );
  byId("progress").value = 1 - turn.ahead / Math.max(1, memory.position ?? 1);
  const admitted = state === "admitted";
  byId("act").hidden = !admitted;
  byId("choices").disabled = state === "sold_out" || state === "closed";
  if (admitted) {
    remember({ pass: turn.pass, until: turn.pass_expires_at_ms });
    byId("until").textContent = clockTime(turn.pass_expires_at_ms);
  }
  document.title = `${admitted ? "Your turn! " : ""}${byId("title").textContent} · Doorbuster`;
  const news = admitted || state === "sold_out" || state === "closed";
  if (news && before !== state) byId("states").querySelector(`[data-state=${state}] h2`).focus();
}

/** Asks; says after how long to ask again. */
async function follow() {
  if (!joining) return undefined;
  try {
    const turn = await askTurn();
    byId("line-problem").hidden = true;
    showTurn(turn);
    // A pass runs out; whoever is still here then gets another one.
    return turn.next_poll_ms ?? (turn.pass && turn.pass_expires_at_ms - Date.now());
  } catch (problem) {
    return notTold(problem);
  }
}

function notTold(problem) {
  if (problem.kind === "sale-not-open") {
    showTurn({ state: "not_open", ahead: 0 });
    return problem.retryAfterMs || JOIN_AGAIN_MS;
  }
  if (problem.kind === "sold-out" || problem.kind === "sale-closed") {
    showTurn({ state: problem.kind === "sold-out" ? "sold_out" : "closed", ahead: 0 });
    return undefined;
  }
  if (problem.status === 401 || problem.status === 403) {
    joining = false;
    remember({ ticket: undefined, pass: undefined });
    showState(byId("states"), "");
    byId("join").hidden = false;
  }
  showProblem(byId("line-problem"), problem);
  return joining && problem.retryable ? problem.retryAfterMs || JOIN_AGAIN_MS : undefined;
}

function choice(offer, image) {
  const radio = el("input", { type: "radio", name: "sku", value: offer.sku, required: true });
  radio.checked = offer.sku === (unanswered(attempt)?.sku ?? param("sku"));
  const price = el("span", { class: "price" }, money(offer.unit_price));
  const about = el("span", {}, el("strong", {}, offer.title), price, el("span", {}));
  return el("label", { class: "choice" }, radio, picture(image, { alt: "" }), about);
}

/** Pictures by SKU; a sale without pictures is a sale all the same. */
async function pictures() {
  const { products } = await call("GET", path("catalog")).catch(() => ({ products: [] }));
  return new Map(products.flatMap(({ skus, image }) => skus.map((sku) => [sku, image])));
}

async function showSale() {
  const [now, images] = await Promise.all([call("GET", path("sales", sale)), pictures()]);
  byId("title").textContent = now.title;
  document.title = `${now.title} · Doorbuster`;
  byId("list").replaceChildren(...now.skus.map((offer) => choice(offer, images.get(offer.sku))));
  const { quantity } = form.elements;
  quantity.max = now.per_shopper_max;
  byId("most").textContent = now.per_shopper_max;
  byId("amount").hidden = now.per_shopper_max === 1;
  showStock(now);
  form.hidden = false;
}

function showStock(now) {
  byId("phase").textContent = phaseName(now.phase);
  for (const { sku, stock } of now.skus) {
    const radio = [...form.querySelectorAll("[name=sku]")].find(({ value }) => value === sku);
    const band = radio?.parentElement.querySelector("span span:last-child");
    if (band && band.dataset.stock !== String(stock)) {
      band.dataset.stock = stock;
      band.replaceChildren(stockBand(stock));
      radio.disabled = stock === "sold_out";
      radio.checked &&= !radio.disabled;
    }
  }
  // Who was admitted is not told again by their turn.
  const over =
    now.phase === "closed"
      ? "closed"
      : now.skus.every(({ stock }) => stock === "sold_out") && "sold_out";
  if (joining && over && state !== over) showTurn({ state: over, ahead: 0 });
}

/** An act that was sent and not answered is finished first: it may have happened. */
function showUnanswered() {
  const act = unanswered(attempt);
  byId("unfinished").hidden = !act;
  byId("choices").disabled = Boolean(act);
  if (act) form.elements.quantity.value = act.quantity;
  byId("reserve-button").textContent = act ? "Finish this request" : "Reserve";
}

onSubmit(form, async (fields) => {
  const asked = unanswered(attempt) ?? {
    sku: fields.get("sku"),
    quantity: Number(fields.get("quantity")),
  };
  try {
    const made = await once(attempt, asked, (key) =>
      call("POST", path("sales", sale, "skus", asked.sku, "reservations"), {
        json: { quantity: asked.quantity },
        headers: { "Doorbuster-Pass": memory.pass ?? "", "Idempotency-Key": key },
      }),
    );
    const mine = [...(memory.mine ?? []), { sku: asked.sku, reservation: made.reservation }];
    remember({ mine: mine.slice(-10) });
    location.assign(page("/checkout", { sale, sku: asked.sku, reservation: made.reservation }));
  } finally {
    showUnanswered();
  }
});

/** One's own reservations that are not over. */
async function showMine() {
  const looked = (memory.mine ?? []).map(({ sku, reservation }) =>
    call("GET", path("sales", sale, "skus", sku, "reservations", reservation)),
  );
  const found = (await Promise.allSettled(looked)).map(({ value }) => value);
  const links = found.filter((one) => ["held", "paying", "allocated"].includes(one?.state));
  const items = links.map(({ sku, reservation, quantity, state: at }) => {
    const to = at === "allocated" ? "/receipt" : "/checkout";
    const text = at === "allocated" ? "your receipt" : "go to checkout";
    return el(
      "li",
      {},
      `${quantity} × ${sku}: `,
      el("a", { href: page(to, { sale, sku, reservation }) }, text),
    );
  });
  byId("mine").hidden = items.length === 0;
  byId("mine-list").replaceChildren(...items);
}

onSubmit(byId("join"), async () => {
  joining = true;
  await repeat(follow);
});

try {
  await showSale();
  showUnanswered();
  byId("join").hidden = joining;
  // The address without `join` can be bookmarked and shared.
  history.replaceState(null, "", page("/sale", { sale, sku: param("sku") }));
  if (joining) repeat(follow);
  showMine();
  repeat(async () => {
    if (!document.hidden) await call("GET", path("sales", sale)).then(showStock, () => {});
    return LOOK_EVERY_MS;
  });
} catch (problem) {
  byId("title").textContent = "This sale cannot be shown";
  showProblem(byId("line-problem"), problem, () => location.reload());
}
byId("wait").hidden = true;
