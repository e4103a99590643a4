// Lanes: many requests of this isolate, one call of an object.

/** What an object says to a line, or to several; undefined if it does not answer. */
export async function ask(namespace, name, lines) {
  try {
    return await namespace.getByName(name).execute(lines);
  } catch (error) {
    console.error("object", error);
    return undefined;
  }
}

/** So many lines go to an object together, at most. */
const LINES_MAX = 256;

/** A leader that has not set off after so long, in milliseconds, has gone with its client. */
const LEADER_GONE_AFTER = 50;

/** What a waiting line is told that is to lead the next batch. */
const LEAD = Symbol("lead");

/**
 * The lane to one object: while a call is on its way, the lines that come wait here, and leave
 * together with the next. An idle lane sends at once, a busy one sends bigger batches by itself.
 *
 * A call belongs to the request that makes it, so each batch is sent by one of its own requests.
 * That one waits for the answer until the end, also when its client has gone.
 */
class Lane {
  #name;
  #waiting = [];
  #busy = false;
  #appointed;
  #watched = false;

  constructor(name) {
    this.#name = name;
  }

  /** The answer to a line; undefined if there is none, or if `isWanted` says no before it left. */
  async ask(namespace, line, isWanted, ctx) {
    if (this.#busy) {
      const said = await new Promise((resolve) => this.#waiting.push({ line, isWanted, resolve }));
      if (said !== LEAD) return said;
      if (!isWanted()) {
        this.#appoint(ctx);
        return undefined;
      }
    }
    return this.#lead(namespace, line, ctx);
  }

  #lead(namespace, line, ctx) {
    this.#busy = true;
    this.#appointed = undefined;
    const others = this.#waiting.splice(0, LINES_MAX - 1).filter((other) => {
      const wanted = other.isWanted();
      if (!wanted) other.resolve(undefined);
      return wanted;
    });
    let lines = line;
    for (const other of others) lines += `\n${other.line}`;
    const done = ask(namespace, this.#name, lines).then((said) => {
      const answers = said?.split("\n") ?? [];
      others.forEach((other, index) => other.resolve(answers[index + 1]));
      this.#appoint(ctx);
      return answers[0];
    });
    ctx.waitUntil(done);
    return done;
  }

  #appoint(ctx) {
    this.#appointed = this.#waiting.shift();
    this.#busy = this.#appointed !== undefined;
    if (!this.#busy) {
      lanes.delete(this.#name);
      return;
    }
    this.#appointed.resolve(LEAD);
    if (!this.#watched) ctx.waitUntil(this.#watch(this.#appointed, ctx));
  }

  /** Appoints another if the one that was appointed has gone. */
  async #watch(appointed, ctx) {
    this.#watched = true;
    await scheduler.wait(LEADER_GONE_AFTER);
    this.#watched = false;
    if (this.#appointed === appointed) this.#appoint(ctx);
    else if (this.#appointed) await this.#watch(this.#appointed, ctx);
  }
}

/** The lanes in which something is on its way, by object. */
const lanes = new Map();

/** The lane to an object. */
export function laneTo(name) {
  let lane = lanes.get(name);
  if (!lane) lanes.set(name, (lane = new Lane(name)));
  return lane;
}
