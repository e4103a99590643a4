// What Rust is told of a request, and what it can ask for.

/** The headers that Rust knows, in the order of `Header` in src/http/request.rs. */
const HEADERS = [
  "doorbuster-shopper",
  "doorbuster-ticket",
  "doorbuster-pass",
  "idempotency-key",
  "content-type",
  "origin",
  "sec-fetch-site",
  "authorization",
  "cookie",
  "if-none-match",
  "doorbuster-signature",
  "doorbuster-bypass",
  "doorbuster-challenge",
  "stripe-signature",
];

/**
 * What it is told at once of what changes something; of reads nothing. This list and the next are those of
 * src/http/request.rs, in the same order.
 */
const TOLD_OF_CHANGES = ["origin", "sec-fetch-site"];
/** What it is told together, of what changes something, when it asks for one of it. */
const ASKED_OF_CHANGES = ["doorbuster-shopper", "doorbuster-pass", "idempotency-key", "content-type"];

/** The request of which a head was made last: what the edge takes up in the same step. */
let current;

/** A request, for Rust to ask for more. */
class Incoming {
  constructor(request) {
    this.request = request;
  }

  /** A header, by its number. */
  header(number) {
    return this.request.headers.get(HEADERS[number]) ?? undefined;
  }

  /** The headers that what changes something needs nearly always, as lines of text. */
  together() {
    const { headers } = this.request;
    return ASKED_OF_CHANGES.map((name) => headers.get(name)).join("\n");
  }

  /** The body; undefined if it has more than `max` bytes. */
  body(max) {
    return readBody(this.request, max);
  }
}

// Asked for where it is needed, and not handed over: many requests need none.
globalThis.doorbusterIncoming = () => new Incoming(current);

/** A request as lines of text: a header's value has no line breaks. */
export function head(request, method, url, env) {
  const { headers } = request;
  current = request;
  // Joined and not added up: what is read from it character by character has to be one text.
  const told = isRead(method) ? [] : TOLD_OF_CHANGES.map((name) => headers.get(name));
  return [method, url, clientOf(request, env), ...told].join("\n");
}

/** The same of what may be answered at once, with the tags of what a cache has. */
export function bareHead(request, method, url, env) {
  const tags = isRead(method) ? request.headers.get("if-none-match") : "";
  return [method, url, clientOf(request, env), tags].join("\n");
}

/**
 * The same for what is taken up together with others, and can ask for nothing; null for who has no pass.
 * Whoever sends one is no page of another site: a browser would ask first whether it may send a header of ours.
 */
export function wholeHead(request, method, url, env) {
  const { headers } = request;
  const asked = ASKED_OF_CHANGES.map((name) => headers.get(name));
  const [shopper, pass] = asked;
  if (!pass) return null;
  const cookie = shopper ? "" : headers.get("cookie");
  return [method, url, clientOf(request, env), ...asked, cookie].join("\n");
}

/** Where Cloudflare writes the client's address; elsewhere a client may write there what it likes. */
const CLOUDFLARE_HEADER = "cf-connecting-ip";

let isCloudflare = false;

/**
 * The client's network address: from the header that the operator's own proxy sets, if there is
 * one, or from Cloudflare's; else that of the peer. `cf` is a text that is parsed whenever it is
 * looked into, so it is not where it need not be.
 */
export function clientOf(request, env) {
  const { headers } = request;
  if (env.CLIENT_ADDRESS_HEADER) return headers.get(env.CLIENT_ADDRESS_HEADER) ?? "";
  if (isCloudflare) return headers.get(CLOUDFLARE_HEADER) ?? "";
  const { cf } = request;
  // Plain workerd knows the peer, and Cloudflare in which of its places it is.
  if (cf?.clientIp) return cf.clientIp;
  isCloudflare = typeof cf?.colo === "string";
  return isCloudflare ? (headers.get(CLOUDFLARE_HEADER) ?? "") : "";
}

export function isRead(method) {
  return method === "GET" || method === "HEAD";
}

const EMPTY = new Uint8Array();

/** A body of at most so many bytes is read at once, and handed over with the head. */
const SMALL = 4_096;

/** The body, if the request says that it is small; a promise of it, unless it is empty. */
export function smallBody(request) {
  const length = request.headers.get("content-length");
  if (length === "0" || (length === null && request.body === null)) return EMPTY;
  if (length === null || !(Number(length) <= SMALL)) return undefined;
  return request.arrayBuffer().then((buffer) => new Uint8Array(buffer));
}

/** Reads a body of at most `max` bytes; undefined if it is longer. */
async function readBody(request, max) {
  if (Number(request.headers.get("content-length")) > max) return undefined;
  if (!request.body) return new Uint8Array();
  const chunks = [];
  let length = 0;
  for await (const chunk of request.body) {
    length += chunk.byteLength;
    if (length > max) return undefined;
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  return body;
}
