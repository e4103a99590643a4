// Calls of many requests to one object, sent as one: a call by RPC costs nearly as much as a request.
//
// The first request that wants an object waits for the event loop to come round, and sends what others
// have added by then. The others wait for promises that it resolves. They have to be made by
// `Promise.withResolvers`: with `new Promise`, after some thousand requests, most fail with "Cannot perform
// I/O on behalf of a different request" (seen with workerd 1.20261117.1). Timers of their own, by which they
// looked for their replies before, cost more.

/** A leader that is gone never replies. */
const PATIENCE_MS = 10_000;

/** What is being collected, by the name of the object. */
const trips = new Map();

/** One line in, one line out, together with the others of the moment. */
export function call(namespace, ctx, name, line) {
  const trip = trips.get(name);
  if (trip !== undefined) return join(trip, line);
  const led = lead(namespace, name, line);
  // The others are waiting, even if this one's client no longer is.
  ctx.waitUntil(led.catch(() => {}));
  return led;
}

async function lead(namespace, name, line) {
  const trip = { lines: [line], waiting: [] };
  trips.set(name, trip);
  await scheduler.wait(0);
  trips.delete(name);
  const { waiting } = trip;
  try {
    const replies = (await namespace.getByName(name).turn(trip.lines.join("\n"))).split("\n");
    for (let i = 0; i < waiting.length; i += 1) waiting[i].resolve(replies[i + 1]);
    return replies[0];
  } catch (error) {
    for (const one of waiting) one.reject(new Error(String(error)));
    throw error;
  }
}

function join(trip, line) {
  const one = Promise.withResolvers();
  // Without anything of its own under way, the platform takes a request for one that has hung.
  const patience = setTimeout(() => one.reject(new Error("the leader is gone")), PATIENCE_MS);
  trip.lines.push(line);
  trip.waiting.push(one);
  return one.promise.finally(() => clearTimeout(patience));
}
