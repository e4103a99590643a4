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

/** Who has more to say, in characters, begins alone: a trip is held in memory three times. */
const TEXT_LEN_MAX = 8_192;

/**
 * The addresses whose last reserve was refused at once, as when all is sold out. Who comes next there is
 * not to wait for others.
 */
const refusing = new Set();
const REFUSING_MAX = 256;

const RESERVE = /\/v1\/sales\/[^/?]+\/skus\/[^/?]+\/reservations$/;

/** Whether the last reserve at this address was refused at once. */
export function isRefusing(url) {
  return refusing.has(url);
}

function isReserve(method, url) {
  return method === "POST" && RESERVE.test(url);
}

/** Whether a request is a reserve that others may be taken up with. */
export function isTogether(method, url) {
  return isReserve(method, url) && !isRefusing(url);
}

/** Learns whether an object was asked by a request that began alone. */
export function learn(method, url, isAsked) {
  if (!isReserve(method, url)) return;
  if (isAsked) refusing.delete(url);
  else refuses(url);
}

function refuses(url) {
  if (refusing.size === REFUSING_MAX) refusing.clear();
  refusing.add(url);
}

const reserves = new Lanes(async (places) => {
  const [{ url, env }] = places;
  const texts = places.map(({ text }) => text);
  const [question, ...steps] = edgeNow(env).reserve(texts.join(APART)).split(APART);
  // Nobody's reply may ever go to somebody else.
  if (steps.length !== places.length) throw new Error("as many steps as requests were expected");
  const isAsked = steps.map((step) => step === "@");
  if (question === "") {
    if (steps.every((step) => step !== "")) refuses(url);
    return steps.map(parsed);
  }
  const began = instance;
  const { number, binding, name, lines } = questionOf(question);
  const said = await ask(env[binding], name, lines);
  if (instance !== began) return [];
  const replies = edgeNow(env).resume(number, said).split(APART);
  if (replies.length !== isAsked.filter(Boolean).length) {
    throw new Error("as many replies as questions were expected");
  }
  let at = 0;
  return steps.map((step, index) => parsed(isAsked[index] ? replies[at++] : step));
});

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What a reserve brings along, for `reserve`; null if it has to begin alone. */
export function whole(request, method, url, body, env) {
  const head = wholeHead(request, method, url, env);
  if (head === null) return null;
  try {
    const text = `${head}\n${body.length ? decoder.decode(body) : ""}`;
    return text.length > TEXT_LEN_MAX || text.includes(APART) ? null : text;
  } catch {
    // It is no UTF-8, and Rust says so.
    return null;
  }
}

/**
 * What comes of a reserve: the reply in its parts, null if it has to begin alone, or undefined if the
 * instance is gone that took it up.
 */
export function reserve(text, url, env, ctx) {
  return reserves.go(url, { text, url, env }, ctx);
}
