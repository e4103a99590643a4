// A reservation and its deadline: pay, extend, or give it back.

import {
  Problem,
  byId,
  call,
  el,
  money,
  onSubmit,
  page,
  param,
  path,
  people,
  repeat,
  say,
  showProblem,
  showState,
} from "./kit.js";
import { isOpen, linePath, linesHere, linesPage, together } from "./cart.js";
import { linesBeside, taxOf } from "./charges.js";
import { contactIn, fillIn, showMistakes } from "./contact.js";

const sale = param("sale");
const lines = linesHere();
const LOOK_EVERY_MS = 5_000;
const SOON_MS = 60_000;
const OVER = {
  released: "given back",
  expired: "the time ran out",
  allocated: "paid",
  cancelled: "cancelled by the shop",
};
let deadline;
/** The lines as they are, all as one, and the sale, which knows what its tax is called. */
let reservations = [];
let shown;
let rules;
let warned = false;
let waited = false;
/** The contact that is kept, as text. */
let left;

function show(all) {
  reservations = all;
  shown = together(all);
  const { state, expires_at_ms } = shown;
  if (state === "allocated") location.replace(linesPage("/receipt", lines));
  showState(byId("states"), state);
  const waits = state === "waiting";
  const over = !waits && state !== "held" && state !== "paying";
  byId("order").hidden = over;
  byId("change").hidden = over;
  for (const part of document.querySelectorAll(".with-units")) part.hidden = waits;
  byId("extend").hidden = !reservations.some((one) => one.state === "held");
  byId("release").textContent = waits ? "Leave the waitlist" : "Give the units back";
  showWaitlist(shown);
  byId("again").hidden = !over;
  byId("pay-button").textContent = state === "paying" ? "Back to the payment page" : "Pay";
  byId("quantity").textContent = shown.quantity;
  byId("amount").textContent = money(shown.amount);
  showItems();
  showLines();
  deadline = expires_at_ms ?? undefined;
  tick();
}

const titleOf = (sku) => rules?.skus.find((offer) => offer.sku === sku)?.title ?? sku;

/** The lines of a cart, each to be given back by itself; of one line its name alone. */
function showItems() {
  const open = reservations.filter(isOpen);
  byId("item").textContent = lines.length > 1 ? `${open.length} items` : titleOf(lines[0].sku);
  if (lines.length === 1) return;
  const item = ({ sku, quantity, state }, place) => {
    const about = `${quantity} × ${titleOf(sku)}`;
    if (!isOpen({ state })) return el("li", { class: "soft" }, `${about}: ${OVER[state] ?? state}`);
    const label = `Give back ${titleOf(sku)}`;
    const button = { class: "quiet", form: "change", value: place, "aria-label": label };
    return el("li", {}, about, " ", el("button", button, "Give back"));
  };
  byId("items").replaceChildren(...reservations.map(item));
  byId("items").hidden = false;
}

/** What of the amount is not the price of the goods. */
function showLines() {
  if (!shown || !rules) return;
  const { shipping, tax } = shown;
  const beside = linesBeside({ shipping, tax: tax && taxOf(rules, tax) });
  const rows = beside.map((pair) => el("div", {}, el("dt", {}, pair[0]), el("dd", {}, pair[1])));
  byId("beside").replaceChildren(...rows);
  byId("beside").hidden = rows.length === 0;
}

/** How the waitlist stands; and that one is called, to who may be looking elsewhere. */
function showWaitlist({ state, waitlist }) {
  const called = waited && state === "held";
  waited = state === "waiting";
  if (waitlist) {
    const { ahead } = waitlist;
    say(byId("ahead"), ahead ? `At most ${people(ahead)} before you.` : "You are next.");
    byId("gone").hidden = waitlist.stock !== "sold_out";
  }
  if (!called) return;
  document.title = "Reserved for you! · Doorbuster";
  byId("states").querySelector("[data-state=held] h2").focus();
}

function tick() {
  if (deadline === undefined) return;
  const left = Math.max(0, deadline - Date.now());
  const secs = Math.floor(left / 1_000);
  byId("clock").textContent = `${Math.floor(secs / 60)}:${String(secs % 60).padStart(2, "0")}`;
  byId("clock").classList.toggle("soon", left < SOON_MS);
  if (warned !== left < SOON_MS) {
    warned = !warned;
    say(byId("spoken"), warned ? "One minute is left." : "");
  }
}

/** Asks about each of some lines; the answers in their order. */
const each = (some, method, rest = "") =>
  Promise.all(some.map((line) => call(method, linePath(line) + rest)));

async function look() {
  try {
    show(await each(lines, "GET"));
    byId("problem").hidden = true;
  } catch (problem) {
    const lost = problem instanceof Problem && problem.decided;
    showProblem(byId("problem"), problem, look);
    byId("again").hidden = !lost;
  }
  byId("wait").hidden = true;
  return byId("again").hidden ? LOOK_EVERY_MS : undefined;
}

async function names() {
  rules = await call("GET", path("sales", sale));
  byId("sale").textContent = rules.title;
  showItems();
  showLines();
}

/** Has the contact kept as it stands in the form now, if it is another than before. */
async function keepContact() {
  if (byId("contact").hidden) return;
  showMistakes(byId("pay"), []);
  const contact = contactIn(byId("pay"));
  const text = JSON.stringify(contact);
  if (text === left) return;
  try {
    // Each of them is an order of its own.
    for (const line of reservations.filter(isOpen)) {
      if (contact) await call("PUT", `${linePath(line)}/contact`, { json: contact });
      else await call("DELETE", `${linePath(line)}/contact`);
    }
  } catch (problem) {
    showMistakes(byId("pay"), problem.errors ?? []);
    throw problem;
  }
  left = text;
}

async function knownContact() {
  try {
    const { contact } = await call("GET", `${linePath(lines[0])}/contact`);
    // Not over what was typed meanwhile.
    if (!contact || contactIn(byId("pay"))) return;
    fillIn(byId("pay"), contact);
    left = JSON.stringify(contactIn(byId("pay")));
  } catch (problem) {
    // A shop that keeps no contacts asks for none.
    byId("contact").hidden = problem.kind === "not-configured";
  }
}

onSubmit(byId("pay"), async () => {
  await keepContact();
  location.assign((await pay(reservations.filter(isOpen))).redirect_to);
});

/** Begins one payment for all of it. */
function pay(open) {
  if (open.length === 1) return call("POST", `${linePath(open[0])}/payment`);
  const json = { lines: open.map(({ sku, reservation }) => ({ sku, reservation })) };
  return call("POST", path("sales", sale, "carts", "payment"), { json });
}

onSubmit(byId("change"), async (_, button) => {
  if (button.value === "extend") {
    await each(reservations.filter(({ state }) => state === "held"), "POST", "/extend");
    show(await each(lines, "GET"));
    say(byId("spoken"), "Extended.");
    return;
  }
  const all = button.value === "release";
  await each(all ? reservations.filter(isOpen) : [reservations[button.value]], "DELETE");
  show(await each(lines, "GET"));
  if (shown.state === "paying") {
    say(byId("spoken"), "The payment is being ended. Then the units go back.");
  } else if (shown.state === "released") {
    byId("states").querySelector("[data-state=released] h2").focus();
  } else {
    say(byId("spoken"), "Given back. The others are still reserved for you.");
  }
});

for (const link of document.querySelectorAll(".to-sale"))
  link.href = page("/sale", { sale, sku: lines[0].sku });
names().catch(() => {});
knownContact();
setInterval(tick, 1_000);
repeat(look);
