// Lanes: many requests of this isolate, one call of an object.
//
// A call by RPC costs nearly as much as a request. The first request that wants an object waits for
// the event loop to come round and takes with it what others have laid beside it by then. The others
// wait for promises that the first one resolves; the platform goes on with each where it belongs
// (`handle_cross_request_promise_resolution`). They have to be made by `Promise.withResolvers`. With
// `new Promise`, after some thousand requests, what follows runs in the wrong request and fails ("Cannot
// perform I/O on behalf of a different request", workerd 1.20261117.1): presumably V8's optimised code makes
// such promises without the mark of whose they are. tests/line asks for long enough to see.

import { markIfAborted } from "./instance.mjs";

/** So many go together, at most. */
const PLACES_MAX = 256;

/** A trip that has not left after so long never will: whoever led it is gone. In milliseconds. */
const LEAVES_WITHIN = 1_000;

/** Who waits for an answer waits no longer than this, in milliseconds. */
const PATIENCE = 10_000;

/** Places that are laid beside each other for the same goal, and travel together. */
export class Lanes {
  #trips = new Map();
  #travel;

  /** `travel` takes places and gives what comes of each, in their order. */
  constructor(travel) {
    this.#travel = travel;
  }

  /** What comes of a place; undefined if nothing does. */
  go(goal, place, ctx) {
    const trip = this.#trips.get(goal);
    if (trip && Date.now() - trip.began < LEAVES_WITHIN) return this.#join(trip, goal, place);
    const led = this.#lead(goal, place);
    // The others wait for what comes of theirs also when this one's client does not any more.
    ctx.waitUntil(led);
    return led;
  }

  async #lead(goal, place) {
    const trip = { places: [place], waiting: [], began: Date.now() };
    this.#trips.set(goal, trip);
    await scheduler.wait(0);
    this.#leave(trip, goal);
    let came = [];
    try {
      came = await this.#travel(trip.places);
    } catch (error) {
      console.error("lane", error);
      markIfAborted(error);
    }
    trip.waiting.forEach((resolve, index) => resolve(came[index + 1]));
    return came[0];
  }

  #join(trip, goal, place) {
    const { promise, resolve } = Promise.withResolvers();
    // Also what tells the platform that there is something to wait for: a request of which it knows
    // nothing that is under way has hung, to its mind, and is ended.
    const patience = setTimeout(resolve, PATIENCE);
    trip.waiting.push(resolve);
    if (trip.places.push(place) >= PLACES_MAX) this.#leave(trip, goal);
    return promise.then((came) => {
      clearTimeout(patience);
      return came;
    });
  }

  /** Nobody joins any more. */
  #leave(trip, goal) {
    if (this.#trips.get(goal) === trip) this.#trips.delete(goal);
  }
}

/** What an object says to a line, or to several; undefined if it does not answer. */
export async function ask(namespace, name, lines) {
  try {
    return await namespace.getByName(name).execute(lines);
  } catch (error) {
    console.error("object", error);
    return undefined;
  }
}

/** What a step asks, and of whom: lines for an object, none for the platform's limiter. */
export function questionOf(step) {
  const [number, binding, name] = step.split("\n", 3);
  const lines = step.slice(number.length + binding.length + name.length + 3);
  return { number: Number(number.slice(1)), binding, name, lines };
}

const asking = new Lanes(async (places) => {
  const [{ namespace, name }] = places;
  const areWanted = places.map(({ isWanted }) => isWanted());
  const lines = places.filter((_, index) => areWanted[index]).map(({ line }) => line);
  const said = lines.length > 0 ? (await ask(namespace, name, lines.join("\n")))?.split("\n") : [];
  let at = 0;
  return areWanted.map((isWanted) => (isWanted ? said?.[at++] : undefined));
});

/**
 * The same, together with what others ask the object at the moment. A line whose `isWanted` says no
 * before it leaves is left out, and has no answer.
 */
export function askTogether(namespace, name, line, isWanted, ctx) {
  return asking.go(name, { namespace, name, line, isWanted }, ctx);
}
