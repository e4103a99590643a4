// F4: the same as F3, and every call leaves a row that is durable before the answer.

import { DurableObject } from "cloudflare:workers";

const INIT = { headers: { "content-type": "application/json", "cache-control": "no-store" } };

export class Row extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS rows (seq INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",
    );
  }

  /** The output gate holds the answer back until the row is committed. */
  call(text) {
    this.ctx.storage.sql.exec("INSERT INTO rows (text) VALUES (?)", text);
    return `{"ok":"${text}"}`;
  }
}

export default {
  async fetch(_request, env) {
    return new Response(await env.ROW.getByName("one").call("hello"), INIT);
  },
};
