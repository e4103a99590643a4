// The merchant's view of a sale's line, and what can be done with it while it runs.

import { byId, countdown, el, moment, onSubmit, page, phaseName, say } from "./kit.js";

/** drand's `quicknet`: the one chain whose rounds can go into a draw. */
const CHAIN = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";
const CHAIN_BEGAN_MS = 1_692_803_367_000;
const CHAIN_EVERY_MS = 3_000;
const READY_EVERY_MS = 10_000;
const HOUR_MS = 3_600_000;
const PERCENT = ["show_up_percent", "conversion_percent"];
const REASONS = {
  not_open: "Nobody is let in in this phase.",
  drawing: "The order is being drawn.",
  stock_unknown: "The stock has not been looked at yet.",
  admits_per_minute: "Your limit of people each minute.",
  active_users: "Your limit of people at the same time.",
  stock: "Those who were let in may want all that is available.",
  all_reserved: "All that is left is reserved; some may come back.",
  sold_out: "Everything is sold.",
  inventory_failing: "The stock of a SKU does not answer.",
  inventory_slow: "The stock answers slowly.",
  orders_behind: "Too many orders wait to be settled.",
  payments_failing: "Payments fail at the provider.",
};

let sale = "";
let tools;
/** The sale whose limits and message stand in the fields: what is being typed is left alone. */
let filled = "";
let readyAt = 0;

/** A round of the beacon, as a sale is created with it. */
export const drandRound = (round) => ({ chain: CHAIN, round });

const outAt = (round) => CHAIN_BEGAN_MS + (round - 1) * CHAIN_EVERY_MS;

const inWords = (reason) => REASONS[reason] ?? reason;

/** Another sale is looked at. */
export function chose(which) {
  sale = which;
  readyAt = 0;
  byId("bypass-made").hidden = true;
  for (const name of ["scheduled", "limited", "told"]) say(byId(name), "");
  showBeacon().catch(() => {});
}

/** How the line stands now. */
export function showLine(line, phase) {
  for (const cell of document.querySelectorAll("[data-line]")) {
    const value = line[cell.dataset.line];
    const unit = PERCENT.includes(cell.dataset.line) ? " %" : "";
    say(cell, value === null ? "–" : `${value.toLocaleString()}${unit}`);
  }
  say(byId("line-reason"), `Why not more: ${inWords(line.reason)}`);
  showWhen(line, phase);
  showTable("changes", [...line.changes].reverse(), (change) => [
    new Date(change.at_ms).toLocaleTimeString(),
    change.positions_per_minute.toLocaleString(),
    inWords(change.reason),
  ]);
  showTable("bypasses", line.bypasses, (bypass) => [
    bypass.name,
    bypass.uses.toLocaleString(),
    bypass.uses_max.toLocaleString(),
    moment(bypass.expires_at_ms),
  ]);
  fill(line);
  const early = ["draft", "scheduled", "prequeue"].includes(phase);
  byId("schedule-box").hidden = !early;
  if (Date.now() >= readyAt) showReadiness().catch(() => {});
}

function showWhen({ prequeue_at_ms: prequeue, opens_at_ms: opens }, phase) {
  const left = opens - Date.now();
  const places = phase === "scheduled" && prequeue ? `Places from ${moment(prequeue)}. ` : "";
  const early = phase === "scheduled" || phase === "prequeue";
  byId("line-when").hidden = !early || !opens;
  if (!byId("line-when").hidden)
    say(byId("line-when"), `${places}It opens ${moment(opens)}, in ${countdown(left)}.`);
}

/** Rows of a table, made anew only if they say something else: what is being read does not jump. */
function showTable(id, items, cells) {
  const rows = items.map(cells);
  const said = JSON.stringify(rows);
  if (byId(id).dataset.said === said) return;
  byId(id).dataset.said = said;
  const numbers = [...byId(id).parentElement.querySelectorAll("th")].map((head) => head.className);
  byId(id).replaceChildren(
    ...rows.map((row) =>
      el("tr", {}, ...row.map((text, column) => el("td", { class: numbers[column] }, text))),
    ),
  );
}

function fill(line) {
  if (filled === sale) return;
  filled = sale;
  const limits = byId("limits").elements;
  limits.admits_per_minute_max.value = line.admits_per_minute_max;
  limits.active_users_max.value = line.active_users_max;
  byId("message").elements.message.value = line.message;
  byId("schedule").elements.prequeue.value = localInput(line.prequeue_at_ms);
  byId("schedule").elements.opens.value = localInput(line.opens_at_ms);
}

/** A moment as the field for one takes it: by the clock here. */
function localInput(ms) {
  if (!ms) return "";
  const at = new Date(ms);
  return new Date(ms - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

async function showReadiness() {
  readyAt = Date.now() + READY_EVERY_MS;
  const asked = sale;
  const { ready, checks } = await tools.ask("GET", ["readiness"]);
  if (asked !== sale) return;
  say(byId("ready"), ready ? "✓ Ready" : "Not yet");
  byId("ready").className = `band ${ready ? "good" : "warn"}`;
  byId("ready").hidden = false;
  const said = JSON.stringify(checks);
  if (byId("checks").dataset.said === said) return;
  byId("checks").dataset.said = said;
  byId("checks").replaceChildren(
    ...checks.map((check) => {
      const mark = el(
        "strong",
        { class: check.ready ? "holds" : "fails" },
        check.ready ? "✓" : "✗",
      );
      const spoken = el("span", { class: "unseen" }, check.ready ? " Ready: " : " Not ready: ");
      return el("li", {}, mark, spoken, " ", el("strong", {}, check.name), `: ${check.detail}`);
    }),
  );
}

/** Asks for what has to be brought from outside before anybody can be let in. */
async function showBeacon() {
  byId("beacon").hidden = true;
  const { beacon, seed } = await tools.lookUp("draw");
  if (!beacon || seed) return;
  byId("beacon-round").textContent = beacon.round;
  byId("beacon-out").textContent = moment(outAt(beacon.round));
  byId("beacon-link").href = `https://api.drand.sh/${beacon.chain}/public/${beacon.round}`;
  byId("beacon").hidden = false;
}

/** Makes the forms work. `ask` sends to the chosen sale, `look` shows it anew. */
export function setUp(given) {
  tools = given;
  const change = (id, send, done) =>
    onSubmit(byId(id), async (fields) => {
      const answer = await send(fields);
      readyAt = 0;
      await tools.look();
      done(answer, fields);
    });
  const at = (fields, name) => (fields.get(name) ? Date.parse(fields.get(name)) : undefined);
  change(
    "schedule",
    (fields) =>
      tools.ask("PUT", ["schedule"], {
        prequeue_at_ms: at(fields, "prequeue"),
        opens_at_ms: at(fields, "opens"),
      }),
    ({ phase, line }) =>
      say(byId("scheduled"), `${phaseName(phase)}: it opens ${moment(line.opens_at_ms)}.`),
  );
  change(
    "limits",
    (fields) =>
      tools.ask("PUT", ["limits"], {
        admits_per_minute_max: Number(fields.get("admits_per_minute_max")),
        active_users_max: Number(fields.get("active_users_max")),
      }),
    () => say(byId("limited"), "The limits are changed."),
  );
  change(
    "message",
    (fields) => tools.ask("PUT", ["message"], { message: fields.get("message") }),
    (_, fields) =>
      say(byId("told"), fields.get("message") ? "Everybody is told." : "Nothing more is told."),
  );
  change(
    "bypass",
    (fields) =>
      tools.ask("PUT", ["bypasses", fields.get("name")], {
        uses_max: Number(fields.get("uses_max")),
        expires_at_ms: Date.now() + Number(fields.get("hours")) * HOUR_MS,
      }),
    ({ bypass }) => {
      const link = `${location.origin}${page("/sale", { sale })}#bypass=${bypass}`;
      say(byId("bypass-link"), link);
      byId("bypass-made").hidden = false;
    },
  );
  change(
    "beacon",
    (fields) => tools.ask("PUT", ["beacon"], { signature: fields.get("signature") }),
    () => (byId("beacon").hidden = true),
  );
  const { order, draw_window: drawWindow, round } = byId("create").elements;
  order.addEventListener("change", () => (drawWindow.disabled = order.value !== "random"));
  round.addEventListener("input", () => {
    byId("round-out").hidden = !round.value;
    const text = `That round comes out ${moment(outAt(Number(round.value)))}: the sale has to open `;
    say(byId("round-out"), `${text}before, and waits for you to bring its signature.`);
  });
}
