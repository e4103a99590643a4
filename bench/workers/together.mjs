// Calls of many requests to one object, sent as one: a call by RPC costs nearly as much as a request.
//
// The first request that wants an object waits for the event loop to come round, and sends what others
// have added by then. The others look for their replies by timers of their own. To await a promise that
// another request resolves would be cheaper, and the platform says that it may be done
// (`handle_cross_request_promise_resolution`); but once V8 has optimized the code, what follows the await
// runs in the wrong request, and most requests fail with "Cannot perform I/O on behalf of a different
// request" (seen with workerd 1.20261117.1).

const LOOK_EVERY_MS = 1;
/** A leader that is gone never replies. */
const LOOKS_MAX = 10_000;

/** What is being collected, by the name of the object. */
const trips = new Map();

/** One line in, one line out, together with the others of the moment. */
export function call(namespace, ctx, name, line) {
  const trip = trips.get(name);
  if (trip !== undefined) return follow(trip, line);
  const led = lead(namespace, name, line);
  // The others are waiting, even if this one's client no longer is.
  ctx.waitUntil(led.catch(() => {}));
  return led;
}

async function lead(namespace, name, line) {
  const trip = { lines: [line], replies: undefined, failure: undefined };
  trips.set(name, trip);
  await scheduler.wait(0);
  trips.delete(name);
  try {
    trip.replies = (await namespace.getByName(name).turn(trip.lines.join("\n"))).split("\n");
    return trip.replies[0];
  } catch (error) {
    trip.failure = String(error);
    throw error;
  }
}

async function follow(trip, line) {
  const at = trip.lines.push(line) - 1;
  for (let look = 0; look < LOOKS_MAX && trip.failure === undefined; look += 1) {
    await scheduler.wait(LOOK_EVERY_MS);
    if (trip.replies !== undefined) return trip.replies[at];
  }
  throw new Error(trip.failure ?? "the leader is gone");
}
