// The merchant's view of the dead letters: what could not be handled, why, and back with it.

import { byId, el, moment, path, say, showProblem } from "./kit.js";

const LOOK_EVERY_MS = 10_000;
const TASKS = {
  settle: "An order to settle",
  void: "A payment to end",
  refund: "Money to give back",
  sandbox: "A report of the sandbox",
};

let ask;
/** How many pages are shown. */
let pages = 1;
let lookAt = 0;

/** `tool(method, address)` asks as the merchant. */
export function setUpLetters(tool) {
  ask = tool;
  byId("letters-more").addEventListener("click", () => {
    pages += 1;
    look().catch(failed);
  });
}

/** Looks if it is time to. */
export async function lookAtLetters() {
  if (Date.now() >= lookAt) await look().catch(failed);
}

const failed = (problem) => showProblem(byId("letters-problem"), problem, () => look().catch(failed));

async function look() {
  lookAt = Date.now() + LOOK_EVERY_MS;
  let next = "0";
  let open = 0;
  const all = [];
  for (let page = 0; page < pages && next !== null; page += 1) {
    const address = `${path("admin", "dead-letters")}?after=${encodeURIComponent(next)}`;
    const found = await ask("GET", address);
    all.push(...found.letters);
    ({ next, open } = found);
  }
  byId("letters-problem").hidden = true;
  const wait = open === 1 ? "1 message waits" : `${open.toLocaleString()} messages wait`;
  say(byId("letters-open"), open === 0 ? "No message waits to be replayed." : `${wait} to be replayed.`);
  byId("letters-box").hidden = all.length === 0;
  byId("letters-more").hidden = next === null;
  all.forEach(showRow);
}

/** The row of a letter, made anew only if it says something else: what is being read stays. */
function showRow(letter) {
  const said = JSON.stringify(letter);
  const known = byId("letters").querySelector(`[data-letter="${letter.number}"]`);
  if (known?.dataset.said === said) return;
  const row = el(
    "tr",
    { "data-letter": letter.number, "data-said": said },
    el("th", { scope: "row", class: "number", tabindex: "-1" }, String(letter.number)),
    el("td", {}, ...about(letter)),
    el("td", {}, letter.reason),
    el("td", {}, moment(letter.failed_at_ms ?? letter.received_at_ms)),
    el("td", {}, stateOf(letter)),
    el("td", {}, replayButton(letter)),
  );
  if (known) known.replaceWith(row);
  else byId("letters").append(row);
}

function about({ task, sale, sku, order, payment, excerpt }) {
  if (!task) return ["It begins with ", el("code", {}, excerpt)];
  const id = el("code", { class: "id" }, order ?? payment);
  return [TASKS[task] ?? task, el("br"), id, el("br"), `${sku} in ${sale}`];
}

function stateOf({ state, replayed_at_ms: replayed, in_books: inBooks }) {
  const words = state === "replayed" ? `Replayed ${moment(replayed)}` : "Kept";
  return inBooks ? `${words}; the order is in the books` : words;
}

/** None where it would be refused, or nothing would be sent. */
function replayButton({ number, state, kind }) {
  if (state !== "kept" || kind === "unreadable") return undefined;
  const label = `Replay dead letter ${number}`;
  const button = el("button", { type: "button", class: "quiet", "aria-label": label }, "Replay");
  button.addEventListener("click", () => replay(number, button).catch(failed));
  return button;
}

async function replay(number, button) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    showRow(await ask("POST", path("admin", "dead-letters", number, "replay")));
  } finally {
    button.removeAttribute("aria-busy");
  }
  say(byId("letters-done"), `Dead letter ${number} is back on its queue.`);
  // The button is gone, and who used the keyboard would be at the top of the page.
  byId("letters").querySelector(`[data-letter="${number}"] th`).focus();
  await look();
}
