// Lanes: many requests of this isolate, one call of an object.
//
// A call by RPC costs nearly as much as a request. The first request that wants an object waits for
// the event loop to come round and takes with it what others have laid beside it by then. The others
// wait for promises that the first one resolves; the platform goes on with each where it belongs
// (`handle_cross_request_promise_resolution`). They have to be made by `Promise.withResolvers`. With
// `new Promise`, after some thousand requests, what follows runs in the wrong request and fails ("Cannot
// perform I/O on behalf of a different request", workerd 1.20261117.1): presumably V8's optimised code makes
// such promises without the mark of whose they are. tests/line asks for long enough to see.

/** So many lines go to an object together, at most. */
const LINES_MAX = 256;

/** A trip that has not left after so long never will: whoever led it is gone. In milliseconds. */
const LEAVES_WITHIN = 1_000;

/** Who waits for an answer waits no longer than this, in milliseconds. */
const PATIENCE = 10_000;

/** What is being collected, by object. */
const trips = new Map();

/** What an object says to a line, or to several; undefined if it does not answer. */
export async function ask(namespace, name, lines) {
  try {
    return await namespace.getByName(name).execute(lines);
  } catch (error) {
    console.error("object", error);
    return undefined;
  }
}

/**
 * The same, together with what others ask the object at the moment. A line whose `isWanted` says no
 * before it leaves is left out, and has no answer.
 */
export function askTogether(namespace, name, line, isWanted, ctx) {
  const place = { line, isWanted };
  const trip = trips.get(name);
  if (trip && Date.now() - trip.began < LEAVES_WITHIN) return join(trip, name, place);
  const led = lead(namespace, name, place);
  // The others wait for the answer also when this one's client does not any more.
  ctx.waitUntil(led);
  return led;
}

async function lead(namespace, name, place) {
  const trip = { places: [place], began: Date.now() };
  trips.set(name, trip);
  await scheduler.wait(0);
  leave(trip, name);
  const places = trip.places.filter(({ isWanted }) => isWanted());
  const lines = places.map(({ line }) => line).join("\n");
  const answers = lines ? (await ask(namespace, name, lines))?.split("\n") : [];
  places.forEach((one, index) => (one.answer = answers?.[index]));
  for (const { resolve, answer } of trip.places) resolve?.(answer);
  return place.answer;
}

function join(trip, name, place) {
  const { promise, resolve } = Promise.withResolvers();
  // Also what tells the platform that there is something to wait for: a request of which it knows
  // nothing that is under way has hung, to its mind, and is ended.
  const patience = setTimeout(resolve, PATIENCE);
  if (trip.places.push(Object.assign(place, { resolve })) >= LINES_MAX) leave(trip, name);
  return promise.then((answer) => {
    clearTimeout(patience);
    return answer;
  });
}

/** Nobody joins any more. */
function leave(trip, name) {
  if (trips.get(name) === trip) trips.delete(name);
}
