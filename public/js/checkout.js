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

import { linesBeside, taxOf } from "./charges.js";
import { contactIn, fillIn, showMistakes } from "./contact.js";

const ids = { sale: param("sale"), sku: param("sku"), reservation: param("reservation") };
const here = path("sales", ids.sale, "skus", ids.sku, "reservations", ids.reservation);
const LOOK_EVERY_MS = 5_000;
const SOON_MS = 60_000;
let deadline;
/** What is reserved, and the sale, which knows what its tax is called. */
let shown;
let rules;
let warned = false;
let waited = false;
/** The contact that is kept, as text. */
let left;

function show(reservation) {
  const { state, expires_at_ms } = reservation;
  if (state === "allocated") location.replace(page("/receipt", ids));
  showState(byId("states"), state);
  const waits = state === "waiting";
  const over = !waits && state !== "held" && state !== "paying";
  byId("order").hidden = over;
  byId("change").hidden = over;
  for (const part of document.querySelectorAll(".with-units")) part.hidden = waits;
  byId("extend").hidden = state !== "held";
  byId("release").textContent = waits ? "Leave the waitlist" : "Give the units back";
  showWaitlist(reservation);
  byId("again").hidden = !over;
  byId("pay-button").textContent = state === "paying" ? "Back to the payment page" : "Pay";
  byId("quantity").textContent = reservation.quantity;
  byId("amount").textContent = money(reservation.amount);
  shown = reservation;
  showLines();
  deadline = expires_at_ms ?? undefined;
  tick();
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

async function look() {
  try {
    show(await call("GET", here));
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
  rules = await call("GET", path("sales", ids.sale));
  const { title, skus } = rules;
  showLines();
  byId("sale").textContent = title;
  byId("item").textContent = skus.find(({ sku }) => sku === ids.sku)?.title ?? ids.sku;
}

/** Has the contact kept as it stands in the form now, if it is another than before. */
async function keepContact() {
  if (byId("contact").hidden) return;
  showMistakes(byId("pay"), []);
  const contact = contactIn(byId("pay"));
  const text = JSON.stringify(contact);
  if (text === left) return;
  try {
    if (contact) await call("PUT", `${here}/contact`, { json: contact });
    else await call("DELETE", `${here}/contact`);
  } catch (problem) {
    showMistakes(byId("pay"), problem.errors ?? []);
    throw problem;
  }
  left = text;
}

async function knownContact() {
  try {
    const { contact } = await call("GET", `${here}/contact`);
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
  const { redirect_to } = await call("POST", `${here}/payment`);
  location.assign(redirect_to);
});

onSubmit(byId("change"), async (_, button) => {
  if (button.value === "release") {
    const after = await call("DELETE", here);
    show(after);
    if (after.state === "paying") {
      say(byId("spoken"), "The payment is being ended. Then the units go back.");
    } else {
      byId("states").querySelector("[data-state=released] h2").focus();
    }
    return;
  }
  show(await call("POST", `${here}/extend`));
  say(byId("spoken"), "Extended.");
});

for (const link of document.querySelectorAll(".to-sale"))
  link.href = page("/sale", { sale: ids.sale, sku: ids.sku });
byId("item").textContent = ids.sku;
names().catch(() => {});
knownContact();
setInterval(tick, 1_000);
repeat(look);
