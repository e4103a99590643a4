// The JavaScript entry around the wasm module. It decides nothing: it carries text in and out, and
// it waits where Rust must not.
//
// A panic in wasm aborts the whole instance: every promise that Rust was keeping would hang for
// ever, and what was in memory is gone. So every promise from Rust is raced against the abort, and
// an object whose call panicked is reset before its half-done writes are committed.

import * as rs from "./build/index.js";
import { DurableObject } from "cloudflare:workers";
import { head, isRead, smallBody } from "./incoming.mjs";
import "./contacts.mjs";
import { ask, askTogether } from "./lane.mjs";
import "./stripe.mjs";
import { Turns } from "./turns.mjs";
import { carry, wakeAll } from "./webhooks.mjs";

// worker's shim marks the end of an instance here; the name is pinned with the crate's version.
const initState = globalThis.__worker_init_state;

/**
 * The edge itself. worker's shim hands out proxies, of which each use makes more; they are passed by
 * where every request goes. What they do then has to be done here: `edgeNow` and `markIfAborted`.
 */
let edge;
let edgeOf;

/** What replies are made of, by the codes that the edge gives to heads; see `Heads` in src/http/reply.rs. */
let heads = [];

function edgeNow(env) {
  if (edgeOf === initState.instanceId && !initState.criticalError) return edge;
  const { constructor } = Object.getPrototypeOf(new rs.EdgeEntry(env));
  edgeOf = initState.instanceId;
  edge = new constructor(env);
  heads = [];
  return edge;
}

/** The problem that stands for an instance that is gone, made while there is one. */
const UNAVAILABLE = rs.EdgeEntry.unavailable();

/** Promises that Rust keeps, by the function that breaks them. */
const pending = new Set();

/** Which instance this is, counted up. What waits in one that is gone is not there in the next. */
let instance = 0;

/** Breaks everything that was waiting for the instance that is gone. */
function instanceAborted() {
  instance += 1;
  const error = new Error("the wasm instance was aborted");
  for (const breakOff of [...pending]) breakOff(error);
  pending.clear();
}

let criticalError = initState.criticalError;
Object.defineProperty(initState, "criticalError", {
  get: () => criticalError,
  set: (value) => {
    criticalError = value;
    if (value) instanceAborted();
  },
});
addEventListener("error", (event) => {
  if (isAbort(event.error)) instanceAborted();
});

/** Whether an error ended the wasm instance: a trap, or an exception where Rust expected none. */
function isAbort(error) {
  return error instanceof WebAssembly.RuntimeError || error?.message === "Critical error";
}

/** Marks the instance as ended if an error says so, as the shim does around its own calls. */
function markIfAborted(error) {
  if (isAbort(error)) initState.criticalError = true;
}

/** Runs a call into Rust whose promise must not outlive the instance. */
function guarded(call) {
  return new Promise((resolve, reject) => {
    const breakOff = (error) => {
      pending.delete(breakOff);
      reject(error);
    };
    pending.add(breakOff);
    const done = (value) => {
      pending.delete(breakOff);
      resolve(value);
    };
    try {
      Promise.resolve(call()).then(done, breakOff);
    } catch (error) {
      markIfAborted(error);
      breakOff(error);
    }
  });
}

/**
 * A reply from its text, in the parts that `Reply` in src/http/reply.rs says: a code or the whole head,
 * own fields, and the body.
 */
function toResponse(text, method) {
  const code = text.charCodeAt(0);
  const end = code < CODES_FROM ? text.indexOf("\n\n") : 0;
  const { init, isBare } = end ? templateOf(text.slice(0, end)) : (heads[code] ?? headOf(code));
  const own = end ? end + 2 : 1;
  const hasOwn = text.charCodeAt(own) !== LINE_BREAK;
  const body = hasOwn ? text.indexOf("\n\n", own) + 2 : own + 1;
  const response = new Response(isBare || method === "HEAD" ? null : text.slice(body), init);
  if (hasOwn) {
    for (const field of text.slice(own, body - 2).split("\n")) response.headers.append(...pairOf(field));
  }
  return response;
}

const [CODES_FROM, LINE_BREAK] = ["A".charCodeAt(), "\n".charCodeAt()];

function headOf(code) {
  return (heads[code] = templateOf(edge.head(code).trimEnd()));
}

/** The same for heads that come in full, by their lines. */
const templates = new Map();
const TEMPLATES_MAX = 256;

/**
 * What a reply with this head is made of. The platform copies a `Response` faster than it reads a record
 * with the same `Headers`, and that faster than a record or pairs of fields.
 */
function templateOf(lines) {
  let template = templates.get(lines);
  if (template) return template;
  if (templates.size === TEMPLATES_MAX) templates.clear();
  template = makeTemplate(lines);
  templates.set(lines, template);
  return template;
}

function makeTemplate(lines) {
  const [status, ...fields] = lines.split("\n");
  const headers = new Headers(fields.map(pairOf));
  return {
    init: new Response(null, { status: Number(status), headers }),
    isBare: status === "304",
  };
}

function pairOf(field) {
  const colon = field.indexOf(": ");
  return [field.slice(0, colon), field.slice(colon + 2)];
}

/**
 * Lets Rust take the request as far as it gets: to the reply, as text, or to what `Waiting::begin`
 * in src/steps.rs says.
 */
function begin(request, method, env, body) {
  return edgeNow(env).begin(head(request, method, env), body);
}

/** Carries what Rust asks to the object and the answer back, and so on to the reply. */
async function goOn(step, method, env, ctx) {
  const began = instance;
  const isWanted = () => instance === began;
  try {
    while (step.startsWith("@")) {
      const [number, binding, name, line] = step.slice(1).split("\n");
      const said = await askTogether(env[binding], name, line, isWanted, ctx);
      step = isWanted() ? edgeNow(env).resume(Number(number), said) : UNAVAILABLE;
    }
    if (step.startsWith("~")) step = await guarded(() => edgeNow(env).finish(Number(step.slice(1))));
    return toResponse(step, method);
  } catch (error) {
    return failed(error, method);
  }
}

/** The same, for a request whose body has to be waited for. */
async function goOnWith(body, request, method, env, ctx) {
  try {
    return await goOn(begin(request, method, env, await body), method, env, ctx);
  } catch (error) {
    return failed(error, method);
  }
}

/** Whether a step is the reply already. */
function isReply(step) {
  return !step.startsWith("@") && !step.startsWith("~");
}

/** The reply for a request that failed on the way. */
function failed(error, method) {
  console.error("edge", error);
  markIfAborted(error);
  return toResponse(UNAVAILABLE, method);
}

// Not a class: the platform would make an instance of it for every request.
export default {
  fetch(request, env, ctx) {
    const { method } = request;
    try {
      const body = isRead(method) ? undefined : smallBody(request);
      if (body instanceof Promise) return goOnWith(body, request, method, env, ctx);
      const step = begin(request, method, env, body);
      // Most of what is asked needs nobody else, and then no promise either.
      return isReply(step) ? toResponse(step, method) : goOn(step, method, env, ctx);
    } catch (error) {
      return failed(error, method);
    }
  },

  async queue(batch, env) {
    const bodies = batch.messages.map((message) => message.body);
    const deliver = (endpoint) => guarded(() => edgeNow(env).deliver(endpoint, carry));
    const consume = () => edgeNow(env).queue(batch.queue, JSON.stringify(bodies.map(asText)));
    const verdicts = batch.queue.endsWith("-events")
      ? await wakeAll(bodies, deliver)
      : JSON.parse(await guarded(consume));
    batch.messages.forEach((message, index) => {
      if (verdicts[index]) message.ack();
      else message.retry({ delaySeconds: Math.min(60, 2 ** message.attempts) });
    });
  },

  async scheduled(event, env) {
    await guarded(() => edgeNow(env).sweep());
  },
};

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
  const isThere = before?.of === initState.instanceId && !initState.criticalError;
  if (isThere) before.inner.deref()?.forget();
  const inner = new Inner(ctx);
  inners.set(id, { inner: new WeakRef(inner), of: initState.instanceId });
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

const asText = (body) => (typeof body === "string" ? body : (JSON.stringify(body) ?? ""));

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
