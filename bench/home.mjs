// Where the objects are that the edges of `far-edge.mjs` share: the product, and a way in for calls of
// objects, which are counted by the edge they come from.

import product from "./entry.mjs";

export { Inventory, WaitingRoom } from "./entry.mjs";

const CALLS = "/v1/bench/objects/";

/** Calls so far, as `edge/method`. */
const counts = {};

/** `POST /v1/bench/objects/EDGE/BINDING/METHOD/NAME`: the object's method, with the body as what is
 * asked. */
async function call(path, request, env) {
  const [edge, binding, method, name] = path.split("/");
  counts[`${edge}/${method}`] = (counts[`${edge}/${method}`] ?? 0) + 1;
  const object = env[binding].getByName(decodeURIComponent(name));
  const body = await request.text();
  switch (method) {
    case "execute":
      return new Response(await object.execute(body));
    case "status":
      return new Response(await object.status(body));
    case "journal":
      return new Response(await object.journal(Number(body)));
    default:
      return new Response(`objects have no ${method}`, { status: 404 });
  }
}

export default {
  queue: product.queue,

  fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/bench/counts") return Response.json(counts);
    if (pathname.startsWith(CALLS)) return call(pathname.slice(CALLS.length), request, env);
    return product.fetch(request, env, ctx);
  },
};
