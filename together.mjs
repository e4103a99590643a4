// Reserves of one SKU that come at the same moment are taken up together: their code and data are near
// then, and the crossing into wasm and the call of the object are one for all of them.
//
// One request does it for the others. What Rust does there it does by what is at hand; for who needs
// more, it says so, and they begin alone. See src/together.rs.

import { edgeNow, parsed } from "./edge.mjs";
import { wholeHead } from "./incoming.mjs";
import { instance } from "./instance.mjs";
import { Lanes, ask, questionOf } from "./lane.mjs";

/** Stands between what belongs to one request and what to the next. */
const APART = "\u001e";

/**
 * Whether reserves mostly ask an object. Who is refused at once, as when all is sold out, is not to wait
 * for others.
 */
let reservesAsk = true;

/** Whether a request begins together with others. */
export function isTogether(method, url) {
  return reservesAsk && isReserve(method, url);
}

/** Learns from what a request came to that began alone. */
export function learn(method, url, step) {
  if (isReserve(method, url)) reservesAsk = step.startsWith("@");
}

function isReserve(method, url) {
  return method === "POST" && url.endsWith("/reservations");
}

const reserves = new Lanes(async (places) => {
  const [{ env }] = places;
  const texts = places.map(({ text }) => text);
  const [question, ...steps] = edgeNow(env).reserve(texts.join(APART)).split(APART);
  // Nobody's reply may ever go to somebody else.
  if (steps.length !== places.length) throw new Error("as many steps as requests were expected");
  reservesAsk = question !== "";
  if (!reservesAsk) return steps.map(parsed);
  const began = instance;
  const { number, binding, name, lines } = questionOf(question);
  const said = await ask(env[binding], name, lines);
  if (instance !== began) return [];
  const replies = edgeNow(env).resume(number, said).split(APART);
  let at = 0;
  return steps.map((step) => parsed(step === "@" ? replies[at++] : step));
});

const decoder = new TextDecoder();

/**
 * What comes of a reserve: the reply in its parts, null if it has to begin alone, or undefined if the
 * instance is gone that took it up.
 */
export function reserve(request, method, url, body, env, ctx) {
  const text = `${wholeHead(request, method, url, env)}\n${body.length ? decoder.decode(body) : ""}`;
  return text.includes(APART) ? null : reserves.go(url, { text, env }, ctx);
}
