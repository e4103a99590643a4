// The merchant's view of webhooks: where the shop is told, how that goes, and what was sent.

import { byId, clockTime, el, moment, once, onSubmit, path, say, showProblem } from "./kit.js";

const LOOK_EVERY_MS = 10_000;
const STATES = {
  active: ["Active", "good"],
  resting: ["Does not answer", "warn"],
  disabled: ["Said that it is gone", ""],
};
const SENT = { pending: "On its way", delivered: "Taken", failed: "Given up" };

let ask;
let lookAt = 0;
/** Whose deliveries are shown, and how many pages of them. */
let shown = "";
let pages = 1;

/** `tool(method, address, { json, headers })` asks as the merchant. */
export function setUpWebhooks(tool) {
  ask = tool;
  onSubmit(byId("webhook"), put);
  byId("deliveries-more").addEventListener("click", () => {
    pages += 1;
    look().catch(failed);
  });
}

/** Looks if it is time to. */
export async function lookAtWebhooks() {
  if (Date.now() >= lookAt) await look().catch(failed);
}

const failed = (problem) => showProblem(byId("webhooks-problem"), problem, () => look().catch(failed));

const ofEndpoint = (...parts) => path("admin", "webhooks", ...parts);

async function look() {
  lookAt = Date.now() + LOOK_EVERY_MS;
  const { webhooks } = await ask("GET", ofEndpoint());
  byId("webhooks-problem").hidden = true;
  say(byId("webhooks-none"), webhooks.length ? "" : "Nobody is told anything yet.");
  byId("webhooks-box").hidden = webhooks.length === 0;
  keepRows(byId("webhooks"), webhooks, (webhook) => webhook.endpoint, endpointRow);
  if (!webhooks.some(({ endpoint }) => endpoint === shown)) shown = "";
  byId("deliveries-box").hidden = !shown;
  if (shown) await lookAtDeliveries();
}

async function lookAtDeliveries() {
  const all = [];
  let next;
  for (let page = 0; page < pages && next !== null; page += 1) {
    const before = next ? `?before=${encodeURIComponent(next)}` : "";
    const found = await ask("GET", ofEndpoint(shown, "deliveries") + before);
    all.push(...found.deliveries);
    ({ next } = found);
  }
  say(byId("deliveries-of"), `Told to ${shown}, the newest first`);
  say(byId("deliveries-none"), all.length ? "" : "It was told nothing yet.");
  byId("deliveries-more").hidden = next === null;
  keepRows(byId("deliveries"), all, (delivery) => delivery.delivery, deliveryRow);
}

/** Rows for these, in this order; one is made anew only if it says something else. */
function keepRows(body, all, nameOf, rowOf) {
  const known = new Map([...body.rows].map((row) => [row.dataset.name, row]));
  const rows = all.map((one) => {
    const [name, said] = [nameOf(one), JSON.stringify(one)];
    const row = known.get(name);
    if (row?.dataset.said === said) return row;
    const made = rowOf(one);
    Object.assign(made.dataset, { name, said });
    return made;
  });
  const same = rows.length === body.rows.length && rows.every((row, at) => row === body.rows[at]);
  if (!same) body.replaceChildren(...rows);
}

function endpointRow({ endpoint, address, events, state, pending, ...more }) {
  const [words, tone] = STATES[state] ?? [state, ""];
  const until = more.resting_until_ms;
  const old = more.previous_secret_until_ms;
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, endpoint),
    el("td", {}, el("code", { class: "id" }, address), el("br"), events.join(", ")),
    el(
      "td",
      {},
      el("span", { class: `band ${tone}` }, words),
      until ? ` Tried again ${moment(until)}.` : undefined,
      old ? ` Its secret before signs until ${moment(old)}.` : undefined,
    ),
    el("td", { class: "number" }, pending.toLocaleString()),
    el(
      "td",
      {},
      button("Show", `Show what ${endpoint} was told`, () => showDeliveries(endpoint)),
      button("New secret", `Make a new secret for ${endpoint}`, () => rotate(endpoint)),
      button("Delete", `Delete ${endpoint}`, () => remove(endpoint)),
    ),
  );
}

function deliveryRow(sent) {
  const { delivery, type, subject, state, attempts, last_outcome: outcome } = sent;
  const next = sent.next_attempt_at_ms;
  const tried = attempts === 1 ? "once" : `${attempts} times`;
  const again = next > Date.now() ? `, again at ${clockTime(next)}` : "";
  return el(
    "tr",
    {},
    el("th", { scope: "row", class: "number" }, delivery),
    el("td", {}, type, el("br"), el("code", { class: "id" }, subject)),
    el("td", {}, moment(sent.created_at_ms)),
    el("td", {}, `${SENT[state] ?? state}; tried ${tried}${again}`),
    el("td", {}, outcome ?? ""),
    el("td", {}, button("Resend", `Resend delivery ${delivery}`, () => resend(delivery))),
  );
}

/** A button that acts once at a time. */
function button(words, label, act) {
  const made = el("button", { type: "button", class: "quiet", "aria-label": label }, words);
  made.addEventListener("click", async () => {
    if (made.getAttribute("aria-busy") === "true") return;
    made.setAttribute("aria-busy", "true");
    await act().catch(failed);
    made.removeAttribute("aria-busy");
  });
  return made;
}

async function put(fields) {
  const endpoint = fields.get("endpoint");
  const json = {
    address: fields.get("address"),
    events: fields.getAll("events"),
    signature: fields.get("signature"),
  };
  const made = await ask("PUT", ofEndpoint(endpoint), { json });
  showSecret(made);
  say(byId("webhooks-done"), made.secret ? `${endpoint} is set.` : `${endpoint} is changed.`);
  await look();
}

async function rotate(endpoint) {
  const rotated = await once(`rotate:${endpoint}`, {}, (key) =>
    ask("POST", ofEndpoint(endpoint, "rotate"), { headers: { "Idempotency-Key": key } }),
  );
  showSecret(rotated);
  await look();
}

async function remove(endpoint) {
  if (!confirm(`Delete ${endpoint}, and the list of what it was told?`)) return;
  showSecret(await ask("DELETE", ofEndpoint(endpoint)));
  say(byId("webhooks-done"), `${endpoint} is deleted. It is told nothing more.`);
  await look();
  // The button is gone, and who used the keyboard would be at the top of the page.
  byId("webhooks-title").focus();
}

async function showDeliveries(endpoint) {
  [shown, pages] = [endpoint, 1];
  await look();
  byId("deliveries-title").focus();
}

async function resend(delivery) {
  await ask("POST", ofEndpoint(shown, "deliveries", delivery, "resend"));
  say(byId("webhooks-done"), `Delivery ${delivery} is on its way again.`);
  await look();
  byId("deliveries").querySelector(`[data-name="${delivery}"] button`)?.focus();
}

/** What is told once is shown until the next, or until the page is left. */
function showSecret({ endpoint, secret }) {
  byId("webhook-secret-box").hidden = !secret;
  say(byId("webhook-secret-of"), secret ? endpoint : "");
  say(byId("webhook-secret"), secret ?? "");
}
