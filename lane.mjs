// Lanes: many requests of this isolate, one call of an object.
//
// A call by RPC costs nearly as much as a request. The first request that wants an object waits for
// the event loop to come round and takes with it what others have laid beside it by then; the others
// look for their answers by timers of their own. A promise that another request resolves would be
// cheaper to wait for, and the platform says that it may be done; but once V8 has optimised the
// code, what follows the `await` runs in the wrong request, and most requests fail with "Cannot
// perform I/O on behalf of a different request" (workerd 1.20261117.1, seen under sustained load).

/** So many lines go to an object together, at most. */
const LINES_MAX = 256;

/** How often those who wait look for their answers, in milliseconds. */
const LOOK_EVERY = 1;

/** A leader that has not come back after so many looks never will. */
const LOOKS_MAX = 10_000;

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
  const trip = trips.get(name);
  if (trip) return follow(trip, name, { line, isWanted });
  const led = lead(namespace, name, { line, isWanted });
  // The others wait for the answer also when this one's client does not any more.
  ctx.waitUntil(led);
  return led;
}

async function lead(namespace, name, place) {
  const trip = { places: [place], isOver: false };
  trips.set(name, trip);
  await scheduler.wait(0);
  if (trips.get(name) === trip) trips.delete(name);
  const places = trip.places.filter(({ isWanted }) => isWanted());
  const lines = places.map(({ line }) => line).join("\n");
  const answers = lines ? (await ask(namespace, name, lines))?.split("\n") : [];
  places.forEach((one, index) => (one.answer = answers?.[index]));
  trip.isOver = true;
  return place.answer;
}

async function follow(trip, name, place) {
  if (trip.places.push(place) >= LINES_MAX) trips.delete(name);
  for (let look = 0; look < LOOKS_MAX && !trip.isOver; look += 1) await scheduler.wait(LOOK_EVERY);
  return place.answer;
}
