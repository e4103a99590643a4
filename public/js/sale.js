// A sale: the line in front of it, and the step of reserving once it is one's turn.

import {
  byId,
  call,
  el,
  money,
  once,
  onSubmit,
  page,
  param,
  path,
  phaseName,
  picture,
  repeat,
  say,
  showProblem,
  stockBand,
  unanswered,
} from "./kit.js";
import { linesPage } from "./cart.js";
import { chargesOf } from "./charges.js";
import { offerDraw, showDraw } from "./draw-box.js";
import { isOver, memory, remember, showSale as showLine, start } from "./line.js";

const sale = param("sale");
const attempt = `reserve:${sale}`;
const LOOK_EVERY_MS = 4_000;
/** So many of one's reservations are remembered. */
const MINE_MAX = 20;
const form = byId("reserve");
let order;

/** What changes with one's turn: what can be reserved, and how the draw can be checked. */
function turned(turn) {
  byId("act").hidden = turn.state !== "admitted";
  byId("choices").disabled =
    turn.state === "sold_out" || turn.state === "closed" || Boolean(unanswered(attempt));
  if (["fifo", "random"].includes(order)) showDraw(turn);
}

function choice(offer, image) {
  const box = el("input", { type: "checkbox", name: "sku", value: offer.sku });
  box.checked = (unanswered(attempt)?.skus ?? [param("sku")]).includes(offer.sku);
  const price = el("span", { class: "price" }, money(offer.unit_price));
  const about = el("span", {}, el("strong", {}, offer.title), price, el("span", {}));
  return el("label", { class: "choice" }, box, picture(image, { alt: "" }), about);
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
  say(byId("charges"), chargesOf(now));
  byId("charges").hidden = byId("charges").textContent === "";
  byId("amount").hidden = now.per_shopper_max === 1;
  showStock(now);
  ({ order } = now);
  if (now.draw_commitment && ["fifo", "random"].includes(order)) offerDraw();
  form.hidden = false;
}

function showStock(now) {
  byId("phase").textContent = phaseName(now.phase);
  showLine(now);
  for (const { sku, stock } of now.skus) {
    const box = boxes().find(({ value }) => value === sku);
    const band = box?.parentElement.querySelector("span span:last-child");
    if (band && band.dataset.stock !== String(stock)) {
      band.dataset.stock = stock;
      band.replaceChildren(stockBand(stock));
      box.disabled = stock === "sold_out";
      box.checked &&= !box.disabled;
    }
  }
  chosen();
  const gone = now.skus.every(({ stock }) => stock === "sold_out");
  const over = now.phase === "closed" ? "closed" : gone && "sold_out";
  isOver(over);
}

function boxes() {
  return [...form.querySelectorAll("[name=sku]")];
}

/** What is chosen. A browser has no rule for "at least one of these", so it is told. */
function chosen() {
  const all = boxes();
  const some = all.filter(({ checked }) => checked).map(({ value }) => value);
  all[0]?.setCustomValidity(some.length ? "" : "Choose at least one.");
  byId("each").hidden = some.length < 2;
  return some;
}

/** Reserves one SKU, or waits for it; or several, all or none. The lines that it has become. */
async function reserve({ skus, quantity }, key) {
  const headers = { "Doorbuster-Pass": memory().pass ?? "", "Idempotency-Key": key };
  if (skus.length === 1) {
    const to = path("sales", sale, "skus", skus[0], "reservations");
    return [await call("POST", to, { json: { quantity, wait: true }, headers })];
  }
  const json = { lines: skus.map((sku) => ({ sku, quantity })) };
  return (await call("POST", path("sales", sale, "carts"), { json, headers })).lines;
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
    skus: chosen(),
    quantity: Number(fields.get("quantity")),
  };
  try {
    const made = await once(attempt, asked, (key) => reserve(asked, key));
    const lines = made.map(({ sku, reservation }) => ({ sale, sku, reservation }));
    remember({ mine: [...(memory().mine ?? []), ...lines].slice(-MINE_MAX) });
    location.assign(linesPage("/checkout", lines));
  } finally {
    showUnanswered();
  }
});

form.addEventListener("change", chosen);

/** One's own reservations that are not over. */
async function showMine() {
  const looked = (memory().mine ?? []).map(({ sku, reservation }) =>
    call("GET", path("sales", sale, "skus", sku, "reservations", reservation)),
  );
  const found = (await Promise.allSettled(looked)).map(({ value }) => value);
  const links = found.filter((one) => ["waiting", "held", "paying", "allocated"].includes(one?.state));
  const items = links.map(({ sku, reservation, quantity, state: at }) => {
    const to = at === "allocated" ? "/receipt" : "/checkout";
    const text = { allocated: "your receipt", waiting: "on the waitlist" }[at] ?? "go to checkout";
    return el(
      "li",
      {},
      `${quantity} × ${sku}: `,
      el("a", { href: page(to, { sale, sku, reservation }) }, text),
    );
  });
  const open = links.filter(({ state }) => state === "held" || state === "paying");
  byId("together").hidden = open.length < 2;
  if (open.length) byId("together").firstElementChild.href = linesPage("/checkout", open);
  byId("mine").hidden = items.length === 0;
  byId("mine-list").replaceChildren(...items);
}

try {
  await showSale();
  showUnanswered();
  const join = param("join") === "1";
  // What is behind `#` is never sent to a server, so no log has it.
  const bypass = new URLSearchParams(location.hash.slice(1)).get("bypass");
  // The address without `join` can be bookmarked and shared.
  history.replaceState(null, "", page("/sale", { sale, sku: param("sku") }) + location.hash);
  start({ join, bypass, turned });
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
