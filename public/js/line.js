// One's place in the line: taking it, asking for one's turn, showing it, giving it back. The place
// itself is in a cookie that scripts cannot read; what is kept here is only what was shown of it.

import {
  byId,
  call,
  clockTime,
  countdown,
  kept,
  moment,
  onSubmit,
  param,
  path,
  people,
  rangeInWords,
  repeat,
  say,
  showProblem,
  showState,
  stockBand,
} from "./kit.js";

const sale = param("sale");
const place = `sale:${sale}`;
const JOIN_AGAIN_MS = 5_000;
const PREQUEUE_AGAIN_MAX_MS = 60_000;
/** Who listens to the page hears of the wait so often, if it changed. */
const SAY_EVERY_MS = 60_000;
/** And of the opening when so many seconds are left. */
const SAY_LEFT_S = [600, 300, 60, 10];
const CLOCK_FOR_MS = 60_000;
const WITH_PLACE = ["waiting", "paused", "all_reserved"];
const OVER = ["sold_out", "closed", "left", "lapsed"];

let state = "";
let following = false;
let draws = true;
let prequeueAt;
let opensAt;
/** How far the server's clock is ahead of the one here, and how long the request took that said. */
let clock = { ahead: 0, took: Infinity, at: 0 };
/** Why the sale is paused or closed, as everybody is told. */
let whyNow;
/** Which round of asking this is: one that was left goes on no further. */
let round = 0;
let saidAt = 0;
let onTurn = () => {};

/** What this browser remembers of its place; another tab may have written it. */
export const memory = () => kept.get(place) ?? {};

export const remember = (more) => kept.set(place, { ...memory(), ...more });

/** The time by the server's clock. */
const serverNow = () => Date.now() + clock.ahead;

/** What was shown of another place is no longer true. */
const forget = () =>
  remember({ number: undefined, ticket: undefined, from: undefined, ahead: undefined });

/** Sends, and learns from the answer what time it is there: halfway between asking and hearing. */
async function ask(method, ...parts) {
  const before = Date.now();
  const answer = await call(method, path("sales", sale, ...parts));
  const took = Date.now() - before;
  const now = (answer.turn ?? answer).now_ms;
  // The quicker the answer, the better it is known; clocks drift, so no answer is the best for long.
  if (took <= clock.took || before - clock.at > CLOCK_FOR_MS) {
    clock = { ahead: now - (before + took / 2), took, at: before };
  }
  return answer;
}

async function takePlace() {
  const { ticket, number, turn } = await ask("POST", "tickets");
  if (memory().number !== number) forget();
  remember({ ticket, number });
  return turn;
}

const askTurn = () => (memory().number ? ask("GET", "turn") : takePlace());

/** People ahead, who only become fewer: another part of the service may know less than the last. */
function aheadOf(turn) {
  const { from = turn.ahead, ahead = turn.ahead } = memory();
  const now = Math.min(ahead, turn.ahead);
  remember({ from, ahead: now });
  return { now, from };
}

function showTurn(turn) {
  const before = state;
  ({ state } = turn);
  showState(byId("states"), state);
  byId("join").hidden = following && !OVER.includes(state);
  byId("join-again").hidden = state !== "lapsed" && state !== "left";
  byId("join-first").hidden = !byId("join-again").hidden;
  if (state === "sold_out" || state === "closed") byId("join").hidden = true;
  byId("leave").hidden = OVER.includes(state) || state === "before";
  showWords(turn);
  showOpening(turn.opens_at_ms);
  showPlace(turn);
  if (state === "admitted") {
    remember({ pass: turn.pass, until: turn.pass_expires_at_ms });
    byId("until").textContent = clockTime(turn.pass_expires_at_ms - clock.ahead);
  }
  const admitted = state === "admitted" ? "Your turn! " : "";
  document.title = `${admitted}${byId("title").textContent} · Doorbuster`;
  onTurn(turn);
  const news = admitted || OVER.includes(state);
  if (news && before !== state && before !== "")
    byId("states").querySelector(`[data-state~=${state}] h2`).focus();
}

/** What the merchant says, and what has to be said beside the state. */
function showWords({ message, why, beyond_stock: beyond }) {
  const { number } = memory();
  say(byId("message"), message ?? "");
  byId("message").hidden = !message;
  for (const box of document.querySelectorAll(".why")) {
    say(box, why ? `The shop says: ${why}` : "");
    box.hidden = !why;
  }
  byId("beyond").hidden = !beyond || state !== "waiting";
  for (const box of document.querySelectorAll(".drawn")) box.hidden = !draws;
  for (const box of document.querySelectorAll(".undrawn")) box.hidden = draws;
  for (const box of document.querySelectorAll(".mine")) say(box, number?.toLocaleString() ?? "");
}

function showPlace(turn) {
  byId("line").hidden = !WITH_PLACE.includes(state);
  if (byId("line").hidden) return;
  const ahead = aheadOf(turn);
  say(byId("position"), turn.position.toLocaleString());
  say(byId("ahead"), people(ahead.now));
  const wait = turn.wait_high_ms
    ? rangeInWords(turn.wait_low_ms, turn.wait_high_ms)
    : "Not known yet";
  say(byId("expected"), state === "waiting" ? wait : "Nobody is let in now");
  if (byId("stock").dataset.band !== String(turn.stock)) {
    byId("stock").dataset.band = turn.stock;
    byId("stock").replaceChildren(stockBand(turn.stock));
  }
  byId("progress").value = 1 - ahead.now / Math.max(1, ahead.from);
  if (state === "waiting" && Date.now() - saidAt >= SAY_EVERY_MS) {
    saidAt = Date.now();
    say(byId("said"), `Ahead of you: ${people(ahead.now)}. Expected wait: ${wait}.`);
  }
}

function showOpening(at) {
  opensAt = state === "not_open" ? at : undefined;
  byId("opening").hidden = !opensAt;
  if (opensAt) tick();
}

function tick() {
  if (!opensAt) return;
  const left = opensAt - serverNow();
  byId("clock").textContent = left > 0 ? countdown(left) : "Now";
  byId("clock").classList.toggle("soon", left < 60_000);
  say(byId("opens-at"), moment(opensAt - clock.ahead));
  byId("opened").hidden = left > 0;
  const secs = Math.ceil(left / 1_000);
  if (SAY_LEFT_S.includes(secs)) say(byId("said"), `The sale opens in ${countdown(left)}.`);
}

/** Asks; says after how long to ask again. */
async function follow(mine) {
  if (!following || mine !== round) return undefined;
  try {
    const turn = await askTurn();
    if (!following || mine !== round) return undefined;
    byId("line-problem").hidden = true;
    if (OVER.includes(turn.state)) following = false;
    showTurn(turn);
    if (!turn.pass) return turn.next_poll_ms ?? undefined;
    // A pass runs out; whoever is still here then is told so.
    return Math.max(turn.pass_expires_at_ms - serverNow(), 0) + 1_000;
  } catch (problem) {
    return notTold(problem);
  }
}

function notTold(problem) {
  if (problem.kind === "sale-not-open") {
    showTurn({ state: "before", ahead: 0 });
    if (!prequeueAt) return problem.retryAfterMs || JOIN_AGAIN_MS;
    // Not all in the same moment.
    const left = prequeueAt - Date.now() + Math.random() * JOIN_AGAIN_MS;
    return Math.min(PREQUEUE_AGAIN_MAX_MS, Math.max(JOIN_AGAIN_MS, left));
  }
  const over = { "sold-out": "sold_out", "sale-closed": "closed" }[problem.kind];
  if (over) {
    isOver(over);
    return undefined;
  }
  if (problem.decided) following = false;
  if (problem.status === 401 || problem.status === 403) forget();
  // The place was given back, in another tab perhaps.
  if (problem.kind === "ticket-required" || problem.kind === "shopper-unknown") {
    showTurn({ state: "left", ahead: 0 });
    return undefined;
  }
  byId("join").hidden = following;
  showProblem(byId("line-problem"), problem);
  return following && problem.retryable ? problem.retryAfterMs || JOIN_AGAIN_MS : undefined;
}

/** Whether and how the sale is over, as everybody is told. Restocked, it goes on. */
export function isOver(how) {
  if (how && state !== how) {
    following = false;
    showTurn({ state: how, ahead: 0, why: whyNow });
  } else if (!how && state === "sold_out") {
    state = "";
    showState(byId("states"), state);
    byId("join").hidden = false;
    if (memory().number) followOn();
  }
}

/** What everybody may know of the line. */
export function showSale(now) {
  draws = now.order === "fifo" || now.order === "random";
  prequeueAt = now.prequeue_at_ms ?? undefined;
  whyNow = now.why;
  byId("random").hidden = now.order !== "random";
  const gathers = now.phase === "prequeue";
  const early = now.phase === "draft" || now.phase === "scheduled";
  for (const part of byId("join-first").querySelectorAll("[data-order]")) {
    part.hidden = part.dataset.order !== (draws && (gathers || early) ? "draw" : "turn");
  }
  const rejects = now.order === "reject";
  byId("rejects").hidden = !rejects;
  byId("join-button").disabled = rejects;
  byId("beyond-all").hidden = !now.beyond_stock || now.phase !== "open" || state !== "";
  const when = [
    early && now.prequeue_at_ms && `Places from ${moment(now.prequeue_at_ms)}.`,
    (early || gathers) && now.opens_at_ms && `The sale opens ${moment(now.opens_at_ms)}.`,
  ];
  say(byId("when"), when.filter(Boolean).join(" "));
  byId("when").hidden = byId("when").textContent === "" || state !== "";
  if (state === "") showWords({ message: now.message, why: now.why });
}

/** Goes past the line with what the merchant gave to staff. Asking again uses up no more. */
async function goPast(bypass) {
  try {
    const headers = { "Doorbuster-Bypass": bypass };
    showTurn(await call("POST", path("sales", sale, "bypass"), { headers }));
    byId("leave").hidden = true;
    byId("join").hidden = true;
  } catch (problem) {
    showProblem(byId("line-problem"), problem);
  }
}

/** Goes on with the place that this browser has, or takes one. */
export function start({ join, bypass, turned }) {
  onTurn = turned;
  if (bypass) {
    goPast(bypass);
    return;
  }
  following = join || Boolean(memory().number);
  byId("join").hidden = following || OVER.includes(state);
  setInterval(tick, 250);
  if (following) followOn();
}

function followOn() {
  following = true;
  round += 1;
  const mine = round;
  return repeat(() => follow(mine));
}

onSubmit(byId("join"), async () => {
  if (OVER.includes(state)) forget();
  state = "";
  await followOn();
});

onSubmit(byId("give-up"), async () => {
  await ask("DELETE", "turn");
  following = false;
  forget();
  remember({ pass: undefined, until: undefined });
  byId("leave").open = false;
  showTurn({ state: "left", ahead: 0 });
});
