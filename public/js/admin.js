// The merchant's page: catalog, sales, stock, and what happens live.

import {
  byId,
  call,
  el,
  kept,
  keptHere,
  minorOf,
  once,
  onSubmit,
  path,
  phaseName,
  repeat,
  say,
  showProblem,
} from "./kit.js";

import { lookAtLetters, setUpLetters } from "./admin-letters.js";
import { chose, drandRound, setUp, showLine } from "./admin-line.js";
import { ordersWanted, setUpOrders, showOrders } from "./admin-orders.js";
import { lookAtWebhooks, setUpWebhooks } from "./admin-webhooks.js";

const LOOK_EVERY_MS = 2_000;
const COLUMNS = ["on_hand", "reserved", "allocated", "available", "orders_unsettled", "expired"];
let chosen = "";
let offers = [];
/** Of the catalog's prices. */
let currency = "EUR";

async function admin(method, address, { headers, ...rest } = {}) {
  const token = keptHere.get("token");
  const all = { ...headers, Authorization: `Bearer ${token}` };
  try {
    return await call(method, address, { ...rest, headers: all });
  } catch (problem) {
    if (problem.kind === "unauthorized") signOut();
    throw problem;
  }
}

/** What shoppers see, but never an older copy of it. */
const lookUp = (address) => call("GET", address, { cache: "no-cache" });

const ofSale = (...parts) => path("admin", "sales", chosen, ...parts);

function signOut() {
  keptHere.remove("token");
  byId("desk").hidden = true;
  byId("sign-in").hidden = false;
}

async function signIn() {
  // Any address of the merchant's tells whether the token is right.
  await admin("GET", `${path("admin", "orders")}?sale=sign-in`);
  byId("sign-in").hidden = true;
  byId("desk").hidden = false;
  await Promise.all([showCatalog(), showSales()]);
}

async function showCatalog() {
  const { products } = await lookUp(path("catalog")).catch(() => ({ products: [] }));
  const picks = products.flatMap((product) =>
    product.skus.map((sku) =>
      el(
        "label",
        { class: "choice" },
        el("input", { type: "checkbox", name: "skus", value: sku }),
        el("span", {}, el("strong", {}, product.title), el("code", {}, sku)),
      ),
    ),
  );
  byId("picks").replaceChildren(...picks);
  currency = products[0]?.price_from.currency ?? currency;
  byId("charges-currency").textContent = currency;
  byId("no-picks").hidden = picks.length > 0;
}

async function showSales(pick = chosen) {
  const { sales } = await lookUp(path("sales"));
  const options = sales.map(({ sale, title }) =>
    el("option", { value: sale }, `${title} (${sale})`),
  );
  const select = byId("which");
  select.replaceChildren(...options);
  if (sales.some(({ sale }) => sale === pick)) select.value = pick;
  byId("no-sales").hidden = sales.length > 0;
  byId("sale-parts").hidden = sales.length === 0;
  if (sales.length) await choose(select.value);
}

async function choose(sale) {
  chosen = sale;
  ({ skus: offers } = await lookUp(path("sales", sale)));
  byId("state").replaceChildren();
  byId("adjust-sku").replaceChildren(...offers.map(({ sku }) => el("option", {}, sku)));
  byId("stocks").replaceChildren();
  chose(sale);
  await look();
}

/** The row of a SKU, changed in place: what is being read does not jump. */
function rowOf({ sku, title }) {
  const known = byId("state").querySelector(`[data-sku="${CSS.escape(sku)}"]`);
  if (known) return known;
  const cells = COLUMNS.map((name) => el("td", { class: "number", "data-name": name }, "–"));
  const head = el("th", { scope: "row" }, title, el("br"), el("code", {}, sku));
  const row = el("tr", { "data-sku": sku }, head, ...cells);
  byId("state").append(row);
  return row;
}

function showState({ phase, line, skus }) {
  say(byId("phase"), phaseName(phase));
  showLine(line, phase);
  for (const offer of offers) {
    const row = rowOf(offer);
    const stock = skus.find(({ sku }) => sku === offer.sku);
    if (stock)
      for (const name of COLUMNS)
        say(row.querySelector(`[data-name=${name}]`), stock[name].toLocaleString());
    showStockField(offer, stock);
  }
  byId("stock").hidden = byId("stocks").childElementCount === 0;
  for (const button of byId("phases").querySelectorAll("button"))
    button.disabled = button.value === phase || phase === "closed";
}

/** A field for each SKU that has no stock yet. */
function showStockField({ sku, title }, stock) {
  const known = byId("stocks").querySelector(`[name="${CSS.escape(sku)}"]`);
  if (stock) known?.parentElement.remove();
  else if (!known) {
    const field = el("input", {
      type: "number",
      name: sku,
      min: 0,
      max: 4294967295,
      required: true,
    });
    byId("stocks").append(el("label", {}, title, field));
  }
}

async function look() {
  const asked = chosen;
  const [state, { orders, next }] = await Promise.all([
    admin("GET", ofSale()),
    admin("GET", `${path("admin", "orders")}?${ordersWanted(asked)}`),
  ]);
  if (asked !== chosen) return;
  showState(state);
  showOrders(orders, next);
}

onSubmit(byId("sign-in"), async (fields) => {
  keptHere.set("token", fields.get("token"));
  await signIn();
  byId("sign-in").reset();
  byId("desk-title").focus();
});

byId("sign-out").addEventListener("click", signOut);

onSubmit(byId("import"), async (fields) => {
  const done = await admin(
    "PUT",
    `${path("admin", "catalog")}?currency=${encodeURIComponent(fields.get("currency").toUpperCase())}`,
    {
      body: fields.get("file"),
      headers: { "Content-Type": "text/csv" },
    },
  );
  say(
    byId("imported"),
    `Version ${done.version} is published: ${done.products} products, ${done.variants} variants.`,
  );
  await showCatalog();
});

/** Tax and shipping; what is left empty is not charged. */
function chargesFrom(fields) {
  const amount = (name) => (fields.get(name) ? minorOf(fields.get(name), currency) : undefined);
  const percent = fields.get("tax_percent");
  return {
    shipping_minor: amount("shipping"),
    shipping_free_from_minor: amount("shipping_free_from"),
    tax_title: percent ? fields.get("tax_title") : undefined,
    tax_ppm: percent ? Math.round(Number(percent) * 10_000) : undefined,
    tax_included: percent ? fields.get("tax_included") === "true" : undefined,
  };
}

onSubmit(byId("create"), async (fields) => {
  const number = (name, unit = 1) => Math.round(Number(fields.get(name)) * unit);
  const id = fields.get("sale");
  const order = fields.get("order");
  await admin("PUT", path("admin", "sales", id), {
    json: {
      title: fields.get("title"),
      skus: fields.getAll("skus"),
      per_shopper_max: number("per_shopper_max"),
      admits_per_minute_max: number("admits_per_minute_max"),
      active_users_max: number("active_users_max"),
      order,
      draw_window_ms: order === "random" ? number("draw_window", 1_000) : undefined,
      beacon: fields.get("round") ? drandRound(number("round")) : undefined,
      places_per_client: number("places_per_client"),
      reservation_ttl_ms: number("reservation_ttl", 60_000),
      reservation_max_ms: number("reservation_max", 60_000),
      payment_window_ms: number("payment_window", 60_000),
      pass_ttl_ms: number("pass_ttl", 60_000),
      ...chargesFrom(fields),
    },
  });
  say(byId("created"), "The sale is there. Set its stock, then open it, or say when it opens.");
  await showSales(id);
  byId("run-title").focus();
});

byId("which").addEventListener("change", () => choose(byId("which").value).catch(lookFailed));

onSubmit(byId("phases"), async (fields, button) => {
  const why = fields.get("why") || undefined;
  await admin("POST", ofSale("phase"), { json: { phase: button.value, why } });
  byId("phases").reset();
  await look();
});

onSubmit(byId("stock"), async (fields) => {
  const set = [...fields].map(([sku, units]) =>
    admin("PUT", ofSale("skus", sku, "stock"), { json: { on_hand: Number(units) } }),
  );
  const failed = (await Promise.allSettled(set)).find(({ reason }) => reason);
  await look();
  if (failed) throw failed.reason;
});

onSubmit(byId("adjust"), async (fields) => {
  const sku = fields.get("sku");
  const units = Number(fields.get("units")) * (fields.get("way") === "withdraw" ? -1 : 1);
  const change = { units, reason: fields.get("reason") };
  await once("adjust", { sale: chosen, sku, ...change }, (key) =>
    admin("POST", ofSale("skus", sku, "adjustments"), {
      json: change,
      headers: { "Idempotency-Key": key },
    }),
  );
  // A second click is stopped by the empty reason: it would be another change.
  byId("adjust").elements.reason.value = "";
  say(byId("adjusted"), `${units > 0 ? "Added" : "Took back"} ${Math.abs(units)} of ${sku}.`);
  await look();
});

setUp({
  ask: (method, parts, json) => admin(method, ofSale(...parts), { json }),
  lookUp: (...parts) => lookUp(path("sales", chosen, ...parts)),
  look,
});

setUpOrders({ ask: admin, look });
setUpLetters((method, address) => admin(method, address));
setUpWebhooks(admin);

const lookFailed = (problem) => showProblem(byId("live-problem"), problem);

if (keptHere.get("token")) await signIn().catch(signOut);
repeat(async () => {
  if (keptHere.get("token") && !document.hidden) {
    if (chosen) await look().then(() => (byId("live-problem").hidden = true), lookFailed);
    await lookAtLetters();
    await lookAtWebhooks();
  }
  return LOOK_EVERY_MS;
});
