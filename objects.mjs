// The objects' JavaScript: it lets calls wait and sends what is due, around Rust, which decides.

import * as rs from "./build/index.js";
import { DurableObject } from "cloudflare:workers";
import { instanceNow, isAbort } from "./instance.mjs";
import { ask } from "./lane.mjs";
import { Turns } from "./turns.mjs";

/**
 * Calls Rust so that what it writes is written whole or not at all. An error undoes it, and Rust
 * has forgotten what it had in memory. A panic leaves the memory in doubt, so it resets the object,
 * before anything of it is committed.
 */
function whole(ctx, run) {
  try {
    return ctx.storage.transactionSync(run);
  } catch (error) {
    console.error("object", error);
    if (isAbort(error)) ctx.abort("a call panicked");
    throw error;
  }
}

/** The Rust side of the objects that were in memory last, by id. */
const inners = new Map();

/**
 * The Rust side of an object. One that is put to sleep is not told so, and what it had in memory would
 * wait for the garbage collector, which does not see how much it is. So it is forgotten when the object
 * wakes, before it loads all of it again. Only forgotten: `free` on the shim's proxy does not take the
 * object from the collector, which would free it once more.
 */
function innerOf(Inner, ctx) {
  const id = ctx.id.toString();
  const before = inners.get(id);
  if (before && before.of === instanceNow()) before.inner.deref()?.forget();
  const inner = new Inner(ctx);
  inners.set(id, { inner: new WeakRef(inner), of: instanceNow() });
  return inner;
}

export class Inventory extends DurableObject {
  #inner = innerOf(rs.InventoryObject, this.ctx);
  #turns = new Turns(
    (lines) => whole(this.ctx, () => this.#inner.turn(lines, !this.#isSending)),
    (outgoing) => void this.#sendAlone(JSON.parse(outgoing)),
  );
  /** Whether something that a turn brought with it is being sent. What comes meanwhile gathers. */
  #isSending = false;

  /** Decides a batch of commands: a line of JSON in, a line of JSON out. */
  execute(batch) {
    return this.#turns.call(batch);
  }

  /** A page of the journal after an entry, as NDJSON. */
  journal(after) {
    return whole(this.ctx, () => this.#inner.journal(after));
  }

  /** Sends what is due. What is not confirmed later is due again, so a failure needs no care. */
  async alarm() {
    try {
      for (let more = true; more; ) {
        const outgoing = JSON.parse(whole(this.ctx, () => this.#inner.outgoing()));
        ({ more } = outgoing);
        await this.#send(outgoing);
      }
    } catch (error) {
      // The platform would give up after a few attempts. What is due stays due.
      await this.ctx.storage.setAlarm(Date.now() + 1000);
    }
  }

  async #sendAlone(outgoing) {
    this.#isSending = true;
    try {
      await this.#send(outgoing);
    } catch (error) {
      console.error("object", error);
    } finally {
      this.#isSending = false;
    }
  }

  /** Sends, after the commit that it comes from: the platform holds replies back until then, not this. */
  async #send({ happened, orders, payments }) {
    await this.ctx.storage.sync();
    tell(this.env, happened);
    await Promise.all([send(this.env.ORDERS, orders), send(this.env.PAYMENTS_QUEUE, payments)]);
  }

  /** The books have what was told up to this number. */
  told(upTo) {
    whole(this.ctx, () => this.#inner.told(upTo));
    return "";
  }

  /** Only a build with test hooks has what this calls. */
  breakNextWrite(how) {
    this.#inner.break_next_write(how);
  }
}

/** Sends what happened on its way to the books, if something did. Nobody waits for that. */
function tell(env, happened) {
  if (happened) void send(env.HAPPENED, [happened]);
}

async function send(queue, bodies) {
  if (bodies.length === 0) return;
  try {
    await queue.sendBatch(bodies.map((body) => ({ body, contentType: "text" })));
  } catch (error) {
    console.error("queue", error);
  }
}

export class WaitingRoom extends DurableObject {
  #inner = innerOf(rs.WaitingRoomObject, this.ctx);
  #turns = new Turns((lines) => whole(this.ctx, () => this.#inner.turn(lines)));
  /** The look at the stock that began last. */
  #look;

  /** Answers a call: a line of JSON in, a line of JSON out. */
  execute(call) {
    return this.#turns.call(call);
  }

  /** Does what time has brought about, and lets the stock follow at once. */
  async alarm() {
    try {
      tell(this.env, whole(this.ctx, () => this.#inner.timeout()));
      await this.status("");
    } catch (error) {
      // The platform would give up after a few attempts. What is due stays due.
      await this.ctx.storage.setAlarm(Date.now() + 1000);
    }
  }

  /**
   * The status that edges answer polls from, with a fresh look at the stock if it is due. What an
   * edge has seen since it last asked comes with the asking.
   */
  async status(report) {
    const wanted = whole(this.ctx, () => this.#inner.stock_wanted(report));
    if (wanted) this.#look = this.#lookAtStock(wanted);
    if (wanted || this.#inner.knows_no_stock()) await this.#look;
    return whole(this.ctx, () => this.#inner.status());
  }

  /** The books have what was told up to this number. */
  told(upTo) {
    whole(this.ctx, () => this.#inner.told(upTo));
    return "";
  }

  async #lookAtStock(wanted) {
    const [batch, ...names] = wanted.split("\n");
    const began = Date.now();
    const looks = names.map((name) => ask(this.env.INVENTORY, name, batch));
    // One that does not answer leaves what was known.
    const seen = (await Promise.all(looks)).filter((look) => look !== undefined);
    const took = Date.now() - began;
    whole(this.ctx, () => this.#inner.stock_seen(seen.join("\n"), names.length, took));
  }
}
