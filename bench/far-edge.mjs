// The product's edge with its objects in another process, where `home.mjs` answers for them.
//
// On Cloudflare, edges in many places share objects. Plain workerd can share none between
// processes, so what an edge asks an object travels as an HTTP request here. All else is the product's.

import product from "./entry.mjs";

/** Stands for a namespace of objects: the methods that the edge calls, by their names. */
class FarNamespace {
  #home;
  #binding;
  #edge;

  constructor(home, binding, edge) {
    this.#home = home;
    this.#binding = binding;
    this.#edge = edge;
  }

  getByName(name) {
    return {
      execute: (lines) => this.#call("execute", name, lines),
      status: (report) => this.#call("status", name, report),
      journal: (after) => this.#call("journal", name, String(after)),
    };
  }

  async #call(method, name, body) {
    const path = `/${this.#edge}/${this.#binding}/${method}/${encodeURIComponent(name)}`;
    const request = { method: "POST", body };
    const reply = await this.#home.fetch(`http://objects/v1/bench/objects${path}`, request);
    const text = await reply.text();
    if (!reply.ok) throw new Error(`the object did not answer: ${text}`);
    return text;
  }
}

/** What the product finds in its environment, made once. */
let known;

function environment(env) {
  if (known) return known;
  const far = (binding) => new FarNamespace(env.OBJECTS, binding, env.EDGE_NAME);
  known = { ...env, INVENTORY: far("INVENTORY"), WAITING_ROOM: far("WAITING_ROOM") };
  return known;
}

export default {
  fetch(request, env, ctx) {
    return product.fetch(request, environment(env), ctx);
  },
};
