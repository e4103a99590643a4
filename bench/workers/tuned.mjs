// P1b: the contract of P1a, as fast as JavaScript on this platform was found to be.
//
// What brought how much, in CPU per reservation: one commit for all calls of a turn 160 microseconds of 300,
// calls sent together (together.mjs) 19 of 141, passes verified in JavaScript (sha256.mjs) 4. Whether a turn begins
// by setTimeout, setImmediate or scheduler.wait, or milliseconds later, made no difference.

import { call } from "./together.mjs";
import { problemOf } from "./problems.mjs";
import { Mac, digest16 } from "./sha256.mjs";

export { Sku } from "./tuned-object.mjs";

const JSON_TYPE = { "content-type": "application/json" };
const OK = { headers: JSON_TYPE };
const CREATED = { status: 201, headers: JSON_TYPE };
const REPLAYED = { status: 201, headers: { ...JSON_TYPE, "idempotent-replayed": "true" } };
const PROBLEM_TYPE = { "content-type": "application/problem+json" };

const NAME = /^[\w.-]{1,64}$/;
const SECRET = /^[!-~]{22,128}$/;
/** What nearly every body is. */
const ONE_UNIT = '{"quantity":1}';
const PREFIX = "/v1/";

export default {
  fetch(request, env, ctx) {
    const { url } = request;
    // After `http://` comes the host, and then the path.
    const path = url.slice(url.indexOf("/", 8)).split("?", 1)[0];
    if (!path.startsWith(PREFIX)) return path === "/healthz" ? new Response("ok") : problem("not-found");
    const parts = path.split("/");
    if (parts[2] === "sales" && parts[4] === "skus" && request.method === "POST") {
      if (parts.length === 7 && parts[6] === "reservations") {
        return reserve(request, env, ctx, parts[3], parts[5]);
      }
      if (parts.length === 9 && parts[6] === "reservations" && parts[8] === "confirm") {
        return confirm(request, env, ctx, parts[3], parts[5], parts[7]);
      }
    }
    if (parts.length === 8 && parts[2] === "admin" && parts[3] === "sales" && parts[5] === "skus") {
      if (parts[7] === "stock") return stock(request, env, parts[4], parts[6]);
    }
    return problem("not-found");
  },
};

async function reserve(request, env, ctx, sale, sku) {
  const { headers } = request;
  const secret = headers.get("doorbuster-shopper");
  if (secret === null) return problem("shopper-unknown");
  if (!SECRET.test(secret)) return problem("shopper-secret-invalid");
  const shopper = shopperOf(secret);
  const refused = refusalOf(headers.get("doorbuster-pass"), env, sale, shopper);
  if (refused !== undefined) return problem(refused);
  if (!NAME.test(sku)) return problem("sku-not-found");
  const key = headers.get("idempotency-key");
  if (key === null) return problem("idempotency-key-missing");
  if (!NAME.test(key)) return problem("idempotency-key-invalid");
  // Nothing said is one unit, as with the product, and nobody has to wait for a body.
  const body = headers.get("content-length") === "0" ? ONE_UNIT : await request.text();
  const quantity = body === ONE_UNIT ? 1 : quantityOf(body);
  if (typeof quantity === "string") return problem(quantity);
  const reply = await send(env, ctx, `${sale}/${sku}`, `R ${shopper} ${key} ${quantity}`);
  // A plus stands before a new reservation, an equals sign before one that was made before.
  const mark = reply.charCodeAt(0);
  if (mark === 43) return new Response(reply.slice(1), CREATED);
  if (mark === 61) return new Response(reply.slice(1), REPLAYED);
  return problem(reply);
}

async function confirm(request, env, ctx, sale, sku, reservation) {
  const secret = request.headers.get("doorbuster-shopper");
  if (secret === null) return problem("shopper-unknown");
  if (!SECRET.test(secret)) return problem("shopper-secret-invalid");
  if (!NAME.test(sale) || !NAME.test(sku)) return problem("sku-not-found");
  if (!NAME.test(reservation)) return problem("reservation-not-found");
  const line = `C ${shopperOf(secret)} ${reservation}`;
  const reply = await send(env, ctx, `${sale}/${sku}`, line);
  return reply.charCodeAt(0) === 43 ? new Response(reply.slice(1), OK) : problem(reply);
}

async function stock(request, env, sale, sku) {
  if (!NAME.test(sale) || !NAME.test(sku)) return problem("sku-not-found");
  let line = "G";
  if (request.method === "PUT") {
    const { on_hand, ttl_ms } = parsed(await request.text()) ?? {};
    const good = [on_hand, ttl_ms].every((number) => Number.isSafeInteger(number) && number >= 0);
    if (!good) return problem("body-invalid");
    line = `S ${on_hand} ${ttl_ms}`;
  } else if (request.method !== "GET") return problem("not-found");
  const reply = await env.SKU.getByName(`${sale}/${sku}`).turn(line);
  return reply.charCodeAt(0) === 43 ? new Response(reply.slice(1), OK) : problem(reply);
}

/** A line to an object and its reply; `TOGETHER=off` sends each by itself. */
function send(env, ctx, name, line) {
  if (env.TOGETHER === "off") return env.SKU.getByName(name).turn(line);
  return call(env.SKU, ctx, name, line);
}

const problems = new Map();

function problem(slug) {
  let known = problems.get(slug);
  if (known === undefined) {
    const { status, body } = problemOf(slug);
    known = { body, init: { status, headers: PROBLEM_TYPE } };
    problems.set(slug, known);
  }
  return new Response(known.body, known.init);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The number of units in a body, else the slug of a problem. */
function quantityOf(body) {
  const value = parsed(body);
  if (value === undefined) return "body-malformed";
  return Number.isSafeInteger(value?.quantity) && value.quantity > 0 ? value.quantity : "body-invalid";
}

/** The id of the shopper who holds a secret: each part is followed by its length as eight bytes. */
function shopperOf(secret) {
  const length = String.fromCharCode(secret.length);
  return `shp_${digest16(`shopper\0\0\0\0\0\0\0\x07${secret}\0\0\0\0\0\0\0${length}`)}`;
}

let mac;
/** The header of every pass, with the dot after it. */
let beginning;

/** Why a pass does not let reserve; undefined if it does. */
function refusalOf(pass, env, sale, shopper) {
  if (pass === null) return "pass-required";
  if (mac === undefined) {
    beginning = `${env.PASS_HEADER}.`;
    mac = new Mac(Uint8Array.fromHex(env.PASS_KEY), beginning);
  }
  const dot = pass.lastIndexOf(".");
  if (dot < beginning.length || !pass.startsWith(beginning)) return "pass-invalid";
  const payload = pass.slice(beginning.length, dot);
  if (!same(mac.sign(payload), pass.slice(dot + 1))) return "pass-invalid";
  const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  if (claims.sale !== sale || claims.sub !== shopper) return "pass-invalid";
  return Date.now() < claims.exp * 1000 ? undefined : "pass-expired";
}

/** Compares signatures in a time that does not tell where they differ. */
function same(one, other) {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let i = 0; i < one.length; i += 1) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}
