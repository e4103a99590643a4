// How the order is drawn, for who waits: what to keep before, and what it comes to afterwards.

import { byId, call, el, kept, param, path, say } from "./kit.js";
import { checks } from "./draw.js";

const sale = param("sale");
const place = `sale:${sale}`;
const address = `${location.origin}${path("sales", sale, "draw")}`;
const DRAWN = ["waiting", "admitted", "paused", "all_reserved", "lapsed"];
/** How often it is asked again for what could not be had, each time after twice as long. */
const TRIES = 5;
const AGAIN_AFTER_MS = 1_000;
/** What was shown last, so that nothing is fetched or said twice. */
let shown = "";
let tries = 0;

const facts = (...pairs) =>
  pairs
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));

const digits = (text) => text && el("code", {}, text);

/** Shows the draw as far as it has come, by what one was just told. */
export async function showDraw({ state, position }) {
  const known = kept.get(place) ?? {};
  const due = `${DRAWN.includes(state)} ${known.number} ${position}`;
  if (due === shown || state === "before") return;
  shown = due;
  try {
    const draw = await call("GET", path("sales", sale, "draw"));
    // A copy from before the draw may still be about.
    if (position && draw.seed === null) askAgain({ state, position });
    else tries = 0;
    await show(draw, known, position ?? undefined);
  } catch (problem) {
    // Without it there is a line all the same; who looks finds out why.
    askAgain({ state, position });
    if (byId("draw").open) console.error(problem);
  }
}

/** Later, by itself: who has been let in hears of their turn no more. */
function askAgain(turn) {
  shown = "";
  if (tries < TRIES) setTimeout(() => showDraw(turn), AGAIN_AFTER_MS * 2 ** tries);
  tries += 1;
}

/** There is something to look at. Who has no place is shown it when they open it. */
export function offerDraw() {
  byId("draw").hidden = false;
}

byId("draw").addEventListener("toggle", () => {
  if (byId("draw").open && shown === "") showDraw({ state: "" });
});

async function show(draw, known, told) {
  const drawn = draw.seed !== null;
  if (known.number && !known.commitment && !drawn) {
    kept.set(place, { ...kept.get(place), commitment: draw.commitment });
  }
  const beacon = draw.beacon && `${draw.beacon.round} of drand’s ${draw.beacon.chain}`;
  byId("draw-facts").replaceChildren(
    ...facts(
      ["Commitment", digits(draw.commitment)],
      ["Public randomness: round", digits(beacon)],
      ["In the draw", draw.entries?.toLocaleString()],
      ["Secret", digits(draw.secret)],
      ["Seed", digits(draw.seed)],
    ),
  );
  byId("draw-before").hidden = drawn;
  byId("draw-after").hidden = !drawn;
  showCommand(known, told, drawn);
  if (drawn) await check(draw, { kept: known.commitment, number: known.number, told });
}

function showCommand({ ticket }, told, drawn) {
  const mine = ticket ? ` --ticket ${ticket}${drawn && told ? ` --position ${told}` : ""}` : "";
  say(
    byId("draw-command"),
    `curl -o draw.json ${address}\ndoorbuster verify draw draw.json${mine}`,
  );
}

async function check(draw, mine) {
  const list = byId("draw-checks");
  if (!globalThis.crypto?.subtle) {
    list.replaceChildren(
      el("li", {}, "This browser computes only on secure pages (HTTPS). Use the command below."),
    );
    return;
  }
  const found = await checks(draw, mine);
  const items = found.map(({ holds, text }) => {
    const mark = el("strong", { class: holds ? "holds" : "fails" }, holds ? "✓ " : "✗ ");
    const said = el("span", { class: "unseen" }, holds ? "Holds: " : "Does not hold: ");
    return el("li", {}, mark, said, text);
  });
  list.replaceChildren(...items);
  const holds = found.every((one) => one.holds);
  byId("draw-fails").hidden = holds;
  byId("draw-verdict").hidden = false;
  byId("draw-verdict").className = holds ? "band good" : "band bad";
  say(byId("draw-verdict"), holds ? "✓ Checked in this browser" : "✗ It does not hold");
  if (!holds) byId("draw").open = true;
}
