// One Inventory object, fed with batches: how many reservations it decides and makes durable in a
// second. The Worker of the product with another front door; the object is the real one.

// `cargo xtask bench` lays this file beside the entry and its build.
import product, * as objects from "./entry.mjs";
import { countAwoken, grow, snapshotAfter, toRead } from "./growth.mjs";

/** Calls of objects so far. */
let calls = 0;

/** Orders that came by queue so far, one that comes again included. */
let messages = 0;

export class Inventory extends objects.Inventory {
  constructor(ctx, env) {
    super(ctx, env);
    countAwoken();
  }

  execute(batch) {
    calls += 1;
    return super.execute(batch);
  }

  snapshotAfter() {
    return snapshotAfter(this.ctx.storage.sql);
  }

  toRead() {
    return toRead(this.ctx.storage.sql);
  }
}

export class WaitingRoom extends objects.WaitingRoom {
  execute(call) {
    calls += 1;
    return super.execute(call);
  }

  status(report) {
    calls += 1;
    return super.status(report);
  }
}

/** Batches on their way at once. */
const IN_FLIGHT = 8;

const TERMS = {
  sale: "bench",
  sku: "unit",
  title: "Unit",
  unit_price: { minor: 1999, currency: "EUR" },
  per_shopper_max: 1,
  reservation_ttl_ms: 600_000,
  reservation_max_ms: 600_000,
  payment_window_ms: 600_000,
};

/** A shopper's id: 16 bytes. The first eight tell them apart, as in those that are digests. */
function shopper(number) {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  const base64 = btoa(String.fromCharCode(...bytes));
  return `shp_${base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

function batchOf(length, first) {
  const commands = [];
  for (let number = first; number < first + length; number += 1) {
    commands.push({ reserve: { shopper: shopper(number), key: "k", quantity: 1 } });
  }
  return JSON.stringify(commands);
}

/** All but its own address is the product's. `?calls=1` tells how often objects were called, and how
 * many orders came by queue; `?grow=` is for `growth.mjs`.
 *
 * `GET /v1/bench?batch=256&batches=400&run=1`: reserves, and answers with what was accepted and how long
 * it took. Requests are made before the clock starts; the clock moves with every reply. */
export default {
  queue(batch, env) {
    if (batch.queue.endsWith("-orders")) messages += batch.messages.length;
    return product.queue(batch, env);
  },

  async fetch(request, env, ctx) {
    const { pathname, searchParams: query } = new URL(request.url);
    if (pathname !== "/v1/bench") return product.fetch(request, env, ctx);
    if (query.has("calls")) return Response.json({ calls, messages });
    if (query.has("grow")) return grow(request, query, env);
    const [length, count] = [Number(query.get("batch")), Number(query.get("batches"))];
    const inventory = env.INVENTORY.getByName(`bench-${query.get("run")}`);
    const opened = await inventory.execute(
      JSON.stringify([
        { open: { terms: TERMS, on_hand: length * count } },
        { set_selling: { selling: "open", phase_number: 1 } },
      ]),
    );
    if (opened.includes("rejected")) throw new Error(opened);
    const batches = Array.from({ length: count }, (_, n) => batchOf(length, n * length));
    const started = Date.now();
    // As lanes do, several are on their way at once; counted is when the clock has stopped.
    const replies = [];
    const lane = async () => {
      for (let batch; (batch = batches.pop()); ) replies.push(await inventory.execute(batch));
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    const ms = Date.now() - started;
    const acceptedIn = (reply) => reply.split('"accepted"').length - 1;
    return Response.json({ accepted: replies.reduce((sum, reply) => sum + acceptedIn(reply), 0), ms });
  },
};
