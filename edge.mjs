// The Rust edge that this isolate has at the moment, and `Response`s of its replies.

import * as rs from "./build/index.js";
import { instanceNow } from "./instance.mjs";

/**
 * The edge itself. worker's shim hands out proxies, of which each use makes more; they are passed by
 * where every request goes. What they do then has to be done here: `edgeNow` and `markIfAborted`.
 */
let edge;
let edgeOf;

/** What replies are made of, by the codes that the edge gives to heads; see `Heads` in src/http/reply.rs. */
let heads = [];

export function edgeNow(env) {
  if (edge && edgeOf === instanceNow()) return edge;
  const { constructor } = Object.getPrototypeOf(new rs.EdgeEntry(env));
  edgeOf = instanceNow();
  edge = new constructor(env);
  heads = [];
  forget();
  return edge;
}

/** Replies that many get, by their codes; see `known` in src/at_once.rs. They are short together. */
const kept = new Map();
let keptLen = 0;
const KEPT_LEN_MAX = 4 << 20;

function forget() {
  kept.clear();
  keptLen = 0;
}

/** The parts of the reply of a code that the edge gave in this step. */
export function keptReply(code) {
  const known = kept.get(code);
  if (known) return known;
  const reply = parsed(edge.kept(code));
  const len = reply.body.length + KEPT_LEN_LEAST;
  if (code === REFUSED || len > KEPT_LEN_MAX) return reply;
  if (keptLen + len > KEPT_LEN_MAX) forget();
  keptLen += len;
  kept.set(code, reply);
  return reply;
}

/** The code of what only one request is told; see src/at_once.rs. */
const REFUSED = 2;

/** What a reply takes that has no body. */
const KEPT_LEN_LEAST = 256;

/** The problem that stands for an instance that is gone, made while there is one. */
export const UNAVAILABLE = rs.EdgeEntry.unavailable();

const [CODES_FROM, LINE_BREAK, OBJECT] = ["A".charCodeAt(), "\n".charCodeAt(), "{".charCodeAt()];

/**
 * A reply by its text, in the parts that `Reply` in src/http/reply.rs says: a code or the whole head,
 * own fields, and the body. Null if there is no text.
 */
export function parsed(text) {
  if (text === "") return null;
  const code = text.charCodeAt(0);
  const end = code < CODES_FROM ? text.indexOf("\n\n") : 0;
  const template = end ? templateOf(text.slice(0, end)) : (heads[code] ?? headOf(code));
  const own = end ? end + 2 : 1;
  const hasOwn = text.charCodeAt(own) !== LINE_BREAK;
  const body = hasOwn ? text.indexOf("\n\n", own) + 2 : own + 1;
  return { template, own: hasOwn ? text.slice(own, body - 2) : "", body: text.slice(body) };
}

/** The reply itself, to be made by the request that it is for. */
export function responseOf({ template: { init, isBare }, own, body }, method) {
  const response = new Response(isBare || method === "HEAD" ? null : body, init);
  if (own) for (const field of own.split("\n")) response.headers.append(...pairOf(field));
  return response;
}

/** What turns are sent with. */
const turn = makeTemplate(rs.EdgeEntry.turn_head().trimEnd());

/** The reply to a poll: a turn, or any other by its text. */
export function turnResponse(text, method) {
  if (text.charCodeAt(0) !== OBJECT) return toResponse(text, method);
  return new Response(method === "HEAD" ? null : text, turn.init);
}

/** Both at once. */
export function toResponse(text, method) {
  return responseOf(parsed(text), method);
}

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
