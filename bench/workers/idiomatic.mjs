// P1a: what a good JavaScript developer writes first, by Cloudflare's "Rules of Durable Objects": an
// object per SKU, called by RPC, its state in SQLite, one transaction per reservation.

import { DurableObject } from "cloudflare:workers";
import { problemOf } from "./problems.mjs";

const SALE = "/v1/sales/:sale/skus/:sku/reservations";
const RESERVE = new URLPattern({ pathname: SALE });
const CONFIRM = new URLPattern({ pathname: `${SALE}/:reservation/confirm` });
const STOCK = new URLPattern({ pathname: "/v1/admin/sales/:sale/skus/:sku/stock" });
const PER_SHOPPER_MAX = 1;

const encoder = new TextEncoder();

/** A "no" that was foreseen. */
class Refusal extends Error {}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return new Response("ok");
    try {
      return await route(request, env, pathname);
    } catch (error) {
      if (error instanceof Refusal) return problem(error.message);
      throw error;
    }
  },
};

async function route(request, env, pathname) {
  const match = (pattern) => pattern.exec({ pathname })?.pathname.groups;
  let found;
  if (request.method === "POST" && (found = match(RESERVE))) return reserve(request, env, found);
  if (request.method === "POST" && (found = match(CONFIRM))) return confirm(request, env, found);
  if ((found = match(STOCK))) return stock(request, env, found);
  throw new Refusal("not-found");
}

async function reserve(request, env, { sale, sku }) {
  const shopper = await shopperOf(request);
  await requirePass(request, env, sale, shopper);
  const key = request.headers.get("idempotency-key");
  if (key === null) throw new Refusal("idempotency-key-missing");
  if (!/^[\w.-]{1,64}$/.test(key)) throw new Refusal("idempotency-key-invalid");
  const { quantity } = await readJson(request);
  if (!Number.isInteger(quantity) || quantity < 1) throw new Refusal("body-invalid");
  const { refused, replayed, reservation } = await stub(env, sale, sku).reserve(shopper, key, quantity);
  if (refused) return problem(refused);
  const headers = replayed ? { "idempotent-replayed": "true" } : {};
  return Response.json(reservation, { status: 201, headers });
}

async function confirm(request, env, { sale, sku, reservation }) {
  const shopper = await shopperOf(request);
  const { refused, order } = await stub(env, sale, sku).confirm(shopper, reservation);
  return refused ? problem(refused) : Response.json({ order });
}

async function stock(request, env, { sale, sku }) {
  const object = stub(env, sale, sku);
  if (request.method === "PUT") {
    const { on_hand, ttl_ms } = await readJson(request);
    const good = [on_hand, ttl_ms].every((number) => Number.isSafeInteger(number) && number >= 0);
    if (!good) throw new Refusal("body-invalid");
    const { refused } = await object.setStock(on_hand, ttl_ms);
    if (refused) return problem(refused);
  } else if (request.method !== "GET") throw new Refusal("not-found");
  const { refused, stock: counts } = await object.stock();
  return refused ? problem(refused) : Response.json(counts);
}

function stub(env, sale, sku) {
  return env.SKU.getByName(`${sale}/${sku}`);
}

function problem(slug) {
  const { status, body } = problemOf(slug);
  return new Response(body, { status, headers: { "content-type": "application/problem+json" } });
}

async function readJson(request) {
  try {
    const text = await request.text();
    // Nothing said is one unit, as with the product.
    return text === "" ? { quantity: 1 } : Object(JSON.parse(text));
  } catch {
    throw new Refusal("body-malformed");
  }
}

/** The id of the shopper who holds the secret of a request. */
async function shopperOf(request) {
  const secret = request.headers.get("doorbuster-shopper");
  if (secret === null) throw new Refusal("shopper-unknown");
  if (!/^[!-~]{22,128}$/.test(secret)) throw new Refusal("shopper-secret-invalid");
  // Each part is followed by its length as eight bytes.
  const text = `shopper\0\0\0\0\0\0\0\x07${secret}\0\0\0\0\0\0\0${String.fromCharCode(secret.length)}`;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
  return `shp_${digest.subarray(0, 16).toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

let passKey;

function keyOf(env) {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  passKey ??= crypto.subtle.importKey("raw", Uint8Array.fromHex(env.PASS_KEY), hmac, false, ["verify"]);
  return passKey;
}

async function requirePass(request, env, sale, shopper) {
  const pass = request.headers.get("doorbuster-pass");
  if (pass === null) throw new Refusal("pass-required");
  const claims = await claimsOf(pass, env);
  if (claims?.sale !== sale || claims.sub !== shopper) throw new Refusal("pass-invalid");
  if (Date.now() >= claims.exp * 1000) throw new Refusal("pass-expired");
}

/** The claims of a pass whose signature is good. */
async function claimsOf(pass, env) {
  const [header, payload, signature, ...rest] = pass.split(".");
  if (header !== env.PASS_HEADER || !signature || rest.length > 0) return undefined;
  try {
    const decode = (text) => Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const signed = encoder.encode(`${header}.${payload}`);
    const good = await crypto.subtle.verify("HMAC", await keyOf(env), decode(signature), signed);
    return good ? JSON.parse(new TextDecoder().decode(decode(payload))) : undefined;
  } catch {
    return undefined;
  }
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS stock (
    id INTEGER PRIMARY KEY CHECK (id = 1), on_hand INTEGER NOT NULL, ttl_ms INTEGER NOT NULL,
    reserved INTEGER NOT NULL DEFAULT 0, allocated INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE IF NOT EXISTS reservations (
    id TEXT PRIMARY KEY, shopper TEXT NOT NULL, key TEXT NOT NULL, quantity INTEGER NOT NULL,
    state TEXT NOT NULL, expires_at_ms INTEGER NOT NULL, UNIQUE (shopper, key)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS held ON reservations (expires_at_ms) WHERE state = 'held';
  CREATE TABLE IF NOT EXISTS outbox (
    order_id TEXT PRIMARY KEY, shopper TEXT NOT NULL, quantity INTEGER NOT NULL
  ) STRICT;
`;

export class Sku extends DurableObject {
  #sql = this.ctx.storage.sql;

  constructor(ctx, env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(async () => this.#sql.exec(TABLES));
  }

  async reserve(shopper, key, quantity) {
    const now = Date.now();
    const answer = this.ctx.storage.transactionSync(() => {
      this.#expire(now);
      return this.#reserve(shopper, key, quantity, now);
    });
    if (answer.reservation && !answer.replayed && (await this.ctx.storage.getAlarm()) === null) {
      await this.ctx.storage.setAlarm(answer.reservation.expires_at_ms);
    }
    return answer;
  }

  #reserve(shopper, key, quantity, now) {
    const stock = this.#stock();
    if (!stock) return { refused: "sku-not-found" };
    const [known] = this.#sql
      .exec("SELECT * FROM reservations WHERE shopper = ? AND key = ?", shopper, key)
      .toArray();
    if (known) {
      if (known.quantity !== quantity) return { refused: "idempotency-key-reused" };
      return { replayed: true, reservation: firstAnswer(known) };
    }
    const { units } = this.#sql
      .exec(
        `SELECT COALESCE(SUM(quantity), 0) AS units FROM reservations
         WHERE shopper = ? AND state IN ('held', 'allocated')`,
        shopper,
      )
      .one();
    if (units + quantity > PER_SHOPPER_MAX) return { refused: "per-shopper-max" };
    if (stock.allocated >= stock.on_hand) return { refused: "sold-out" };
    if (stock.on_hand - stock.reserved - stock.allocated < quantity) return { refused: "all-reserved" };
    const row = { id: `rsv_${crypto.randomUUID()}`, quantity, expires_at_ms: now + stock.ttl_ms };
    this.#sql.exec(
      `INSERT INTO reservations (id, shopper, key, quantity, state, expires_at_ms)
       VALUES (?, ?, ?, ?, 'held', ?)`,
      row.id, shopper, key, quantity, row.expires_at_ms,
    );
    this.#sql.exec("UPDATE stock SET reserved = reserved + ?", quantity);
    return { reservation: firstAnswer(row) };
  }

  confirm(shopper, id) {
    return this.ctx.storage.transactionSync(() => {
      this.#expire(Date.now());
      const [found] = this.#sql
        .exec("SELECT * FROM reservations WHERE id = ? AND shopper = ?", id, shopper)
        .toArray();
      if (!found) return { refused: "reservation-not-found" };
      if (found.state === "expired") return { refused: "reservation-expired" };
      const order = id.replace("rsv_", "ord_");
      if (found.state === "held") this.#allocate(found, order);
      return { order };
    });
  }

  #allocate({ id, shopper, quantity }, order) {
    this.#sql.exec("UPDATE reservations SET state = 'allocated' WHERE id = ?", id);
    this.#sql.exec("UPDATE stock SET reserved = reserved - ?, allocated = allocated + ?", quantity, quantity);
    const insert = "INSERT INTO outbox (order_id, shopper, quantity) VALUES (?, ?, ?)";
    this.#sql.exec(insert, order, shopper, quantity);
  }

  setStock(on_hand, ttl_ms) {
    return this.ctx.storage.transactionSync(() => {
      this.#expire(Date.now());
      const { reserved, allocated } = this.#stock() ?? { reserved: 0, allocated: 0 };
      if (on_hand < reserved + allocated) return { refused: "withdraw-exceeds-available" };
      this.#sql.exec(
        `INSERT INTO stock (id, on_hand, ttl_ms) VALUES (1, ?, ?)
         ON CONFLICT (id) DO UPDATE SET on_hand = excluded.on_hand, ttl_ms = excluded.ttl_ms`,
        on_hand, ttl_ms,
      );
      return {};
    });
  }

  stock() {
    return this.ctx.storage.transactionSync(() => {
      this.#expire(Date.now());
      const stock = this.#stock();
      if (!stock) return { refused: "sku-not-found" };
      const { on_hand, reserved, allocated } = stock;
      const { outbox } = this.#sql.exec("SELECT COUNT(*) AS outbox FROM outbox").one();
      return { stock: { on_hand, reserved, allocated, outbox } };
    });
  }

  async alarm() {
    this.ctx.storage.transactionSync(() => this.#expire(Date.now()));
    const { next } = this.#sql
      .exec("SELECT MIN(expires_at_ms) AS next FROM reservations WHERE state = 'held'")
      .one();
    if (next !== null) await this.ctx.storage.setAlarm(next);
  }

  #stock() {
    return this.#sql.exec("SELECT * FROM stock").toArray()[0];
  }

  /** Gives back what is overdue: the alarm may be late, so nothing depends on it. */
  #expire(now) {
    const overdue = this.#sql
      .exec(
        `UPDATE reservations SET state = 'expired' WHERE state = 'held' AND expires_at_ms <= ?
         RETURNING quantity`,
        now,
      )
      .toArray();
    if (overdue.length === 0) return;
    const units = overdue.reduce((sum, { quantity }) => sum + quantity, 0);
    this.#sql.exec("UPDATE stock SET reserved = reserved - ?", units);
  }
}

/** What was said when the reservation was made, and is said again to a repeat. */
function firstAnswer({ id, quantity, expires_at_ms }) {
  return { reservation: id, state: "held", quantity, expires_at_ms };
}
