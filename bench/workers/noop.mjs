// F3: the same answer, but every request also calls an object that does nothing.

import { DurableObject } from "cloudflare:workers";

const INIT = { headers: { "content-type": "application/json", "cache-control": "no-store" } };

export class Noop extends DurableObject {
  /** A small text in, a small text out. */
  call(text) {
    return `{"ok":"${text}"}`;
  }
}

export default {
  async fetch(_request, env) {
    return new Response(await env.NOOP.getByName("one").call("hello"), INIT);
  },
};
